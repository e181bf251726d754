//! `[alerts]`.

use secrecy::ExposeSecret;
use usher_core::Secrets;
use usher_toml_reader::{Item, Notes, Section};

use super::model::{AlertWebhook, Alerts};
use super::secrets::secret;
use crate::alerts::{Address, SigningSecret};

/// More than any organisation has.
const MOST_SEATS: u32 = 1_000_000;
const SLACK: &str =
    "put the address of a Slack incoming webhook there, https://hooks.slack.com/services/…, and nothing else";
const MAKE: &str = "the secret is whsec_ and then 24 to 64 random bytes in base64: make one with \
                    echo \"whsec_$(openssl rand -base64 32)\", and give it to the receiver too";
const WEBHOOK: &str =
    "write webhook = { url = \"https://alerts.example.com/usher\", secret = { env = \"ALERTS_SECRET\" } }";

/// Reads `[alerts]`. Without it alerts stand in the log and in the requests' history alone.
pub(crate) fn alerts(root: &mut Section<'_>, secrets: &dyn Secrets, notes: &mut Notes) -> Alerts {
    let mut alerts = Alerts::default();
    let Some(mut section) = root.section("alerts", notes) else { return alerts };
    alerts.subjects = section.take("subjects").and_then(|item| item.boolean(notes)).unwrap_or(false);
    let few_seats = section.take("few_seats").and_then(|item| item.number(0, MOST_SEATS, notes));
    alerts.few_seats = few_seats.unwrap_or(alerts.few_seats);
    let allow_private = section.take("allow_private").and_then(|item| item.boolean(notes)).unwrap_or(false);
    alerts.slack = section.take("slack").and_then(|item| slack(&item, allow_private, secrets, notes));
    alerts.webhook = section.take("webhook").and_then(|item| webhook(&item, allow_private, secrets, notes));
    section.finish(notes);
    alerts
}

/// Whoever knows the address may write there: it is a secret as a whole.
fn slack(item: &Item<'_>, allow_private: bool, secrets: &dyn Secrets, notes: &mut Notes) -> Option<Address> {
    let address = secret(item, secrets, notes)?;
    match Address::parse(address.expose_secret(), allow_private) {
        Ok(address) => Some(address),
        Err((message, _)) => {
            item.wrong_inline(notes, format!("holds what {message}"), SLACK);
            None
        }
    }
}

fn webhook(
    item: &Item<'_>,
    allow_private: bool,
    secrets: &dyn Secrets,
    notes: &mut Notes,
) -> Option<AlertWebhook> {
    let mut section = item.section(notes)?;
    let url = section.need("url", WEBHOOK, notes).and_then(|item| url(&item, allow_private, notes));
    let secret = section.need("secret", WEBHOOK, notes).and_then(|item| signing(&item, secrets, notes));
    section.finish(notes);
    Some(AlertWebhook { address: url?, secret: secret? })
}

fn url(item: &Item<'_>, allow_private: bool, notes: &mut Notes) -> Option<Address> {
    let text = item.text("\"https://alerts.example.com/usher\"", notes)?;
    match Address::parse(text, allow_private) {
        Ok(address) => Some(address),
        Err((message, hint)) => {
            if text.contains('@') {
                // There may be a password in it.
                item.hide(notes);
            }
            item.wrong(notes, message, hint);
            None
        }
    }
}

fn signing(item: &Item<'_>, secrets: &dyn Secrets, notes: &mut Notes) -> Option<SigningSecret> {
    let text = secret(item, secrets, notes)?;
    match SigningSecret::parse(text.expose_secret()) {
        Ok(secret) => Some(secret),
        Err(message) => {
            item.wrong_inline(notes, message, MAKE);
            None
        }
    }
}
