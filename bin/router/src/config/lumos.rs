//! `[lumos]`.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::Path;
use std::sync::Arc;

use usher_core::Ports;
use usher_lumos::LumosApi;
use usher_toml_reader::{Notes, Section};
use usher_vendor_client::{LimitSettings, Limits};

use super::Surroundings;
use super::model::{Lumos, OnLateSuccess};
use super::secrets::secret;

const TOKEN: &str =
    "write api_token = { env = \"LUMOS_API_TOKEN\" }, with an API token of Lumos's in that variable";

/// Reads `[lumos]`. Without it nobody tells Lumos of what came too late for it.
pub(crate) fn lumos(
    root: &mut Section<'_>,
    folder: &Path,
    with: &Surroundings,
    notes: &mut Notes,
) -> Option<Lumos> {
    // An absent section would be one whose token is missing.
    let mut section = root.take("lumos")?.section(notes)?;
    let token_item = section.need("api_token", TOKEN, notes);
    let token = token_item.as_ref().and_then(|item| secret(item, &*with.secrets, notes));
    let kinds = [("comment", OnLateSuccess::Comment), ("complete", OnLateSuccess::Complete)];
    let on_late_success = section.take("on_late_success").and_then(|item| item.one_of(&kinds, notes));
    let url_item = section.take("base_url");
    let base_url =
        url_item.as_ref().and_then(|item| item.text("\"https://api.lumos.com\"", notes).map(str::to_owned));
    let allow_private = section.take("allow_private").and_then(|item| item.boolean(notes)).unwrap_or(false);
    section.finish(notes);
    let ports = Ports {
        connection: "lumos".to_owned(),
        folder: folder.to_owned(),
        base_url,
        allow_private,
        clock: Arc::clone(&with.clock),
        secrets: Arc::clone(&with.secrets),
        limiter: Arc::new(Limits::new(limits(), Arc::clone(&with.clock))),
        transport: Arc::clone(&with.transport),
    };
    match LumosApi::new(ports, token?) {
        Ok(api) => Some(Lumos { api: Arc::new(api), on_late_success: on_late_success.unwrap_or_default() }),
        Err(error) => {
            let is_address = error.path.first().is_some_and(|key| key == "base_url");
            let hint = error
                .hint
                .unwrap_or_else(|| "leave it out for Lumos's own address, https://api.lumos.com".to_owned());
            match (url_item, token_item) {
                (Some(item), _) if is_address => {
                    if item.value.as_str().is_some_and(|text| text.contains('@')) {
                        // There may be a password in it.
                        item.hide(notes);
                    }
                    item.wrong(notes, error.message, hint);
                }
                (_, Some(item)) => item.wrong_inline(notes, error.message, hint),
                (_, None) => {}
            }
            None
        }
    }
}

/// Lumos publishes no limit: a modest share, since others use its API too.
fn limits() -> LimitSettings {
    LimitSettings {
        per_minute: NonZeroU32::new(120),
        burst: NonZeroU32::MIN.saturating_add(19),
        concurrency: NonZeroUsize::MIN.saturating_add(3),
        waiting: 1024,
    }
}
