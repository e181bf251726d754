use std::time::Duration;

use http::{HeaderName, HeaderValue};
use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::time::timeout;
use url::Url;
use usher_core::{Clock, Direction, SystemClock};
use usher_lumos::{Conclusion, LUMOS_WAITS, conclude};

use super::Failure;
use super::admin_client::{AdminClient, TOKEN_VARIABLE};
use super::http_client::{body, causes, client};
use super::payload;
use super::requests::print_paste;
use crate::admin::StoredView;
use crate::cli::SendArgs;
use crate::config;
use crate::edge::REQUEST_ID_HEADER;
use crate::output::{Output, Progress, Style, safe};

/// `usher send`
pub(crate) async fn run(args: &SendArgs, output: &mut Output) -> Result<(), Failure> {
    let target = target(args)?;
    let payload = payload::read(&args.file)?;
    let progress = Progress::spinner(output, "waiting for the answer, as Lumos does");
    let sent = post(&target, payload).await?;
    let page = page(args, &sent).await;
    drop(progress);
    print(&sent, &page, output)?;
    if sent.conclusion.is_success() { Ok(()) } else { Err(Failure::Said) }
}

/// Where to post, and with what.
#[derive(Debug)]
struct Target {
    url: Url,
    direction: Direction,
    header: HeaderName,
    value: SecretString,
}

/// What came back.
#[derive(Debug)]
struct Sent {
    conclusion: Conclusion,
    status: Option<u16>,
    message: Option<String>,
    request: Option<String>,
    took: Duration,
}

/// What the request's page shows.
#[derive(Debug)]
enum Page {
    /// It is this.
    Shown(Box<StoredView>),
    /// There is none to look for.
    NotSought,
    /// It could not be read, and why.
    Hidden(String),
}

fn target(args: &SendArgs) -> Result<Target, Failure> {
    let named = match (&args.header, &args.key_env) {
        (Some(header), Some(variable)) => Some((header_name(header)?, secret_of(variable)?)),
        _ => None,
    };
    if let (Some(url), Some((header, secret))) = (&args.url, &named) {
        let (url, direction) = webhook(url.clone(), args.deprovision)?;
        return Ok(Target { url, direction, value: shown(header, secret), header: header.clone() });
    }
    let loaded = config::load(&args.config.config)?;
    let base = match &args.url {
        Some(url) => url.clone(),
        None => format!("http://{}", reachable(loaded.config.server.listen)).parse().map_err(|error| {
            Failure::failed(format!("the configured address is no URL ({error}): use --url"))
        })?,
    };
    let (url, direction) = webhook(base, args.deprovision)?;
    let hook = loaded.routes.hook(url.path()).ok_or_else(|| {
        Failure::usage(format!(
            "--url: {} takes no webhooks: it ends in /provision or /deprovision",
            url.path()
        ))
    })?;
    let credentials = loaded.routes.credentials(&hook);
    let header = credentials.header.clone();
    let secret = match (&args.key_env, credentials.secrets.first()) {
        (Some(variable), _) => secret_of(variable)?,
        (None, Some(secret)) => secret.clone(),
        (None, None) => return Err(Failure::failed("no secret opens this webhook: give one with --key-env")),
    };
    Ok(Target { url, direction, value: shown(&header, &secret), header })
}

/// A listener on every address is called on loopback.
fn reachable(mut listen: std::net::SocketAddr) -> std::net::SocketAddr {
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen.ip() {
            std::net::IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    listen
}

/// The webhook's whole address, and what it does. An address without a path gets the app-level webhook's.
fn webhook(mut url: Url, deprovision: bool) -> Result<(Url, Direction), Failure> {
    if url.path() == "/" {
        url.set_path(if deprovision { "/webhooks/deprovision" } else { "/webhooks/provision" });
    }
    let last = url.path().rsplit('/').next().unwrap_or_default();
    match (last, deprovision) {
        ("deprovision", _) => Ok((url, Direction::Deprovision)),
        ("provision", true) => {
            Err(Failure::usage("--url ends in /provision and --deprovision was given: leave one out"))
        }
        (_, true) => Ok((url, Direction::Deprovision)),
        (_, false) => Ok((url, Direction::Provision)),
    }
}

fn header_name(name: &str) -> Result<HeaderName, Failure> {
    HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| Failure::usage(format!("--header: {name} is no name of an HTTP header")))
}

fn secret_of(variable: &str) -> Result<SecretString, Failure> {
    match std::env::var(variable) {
        Ok(secret) if !secret.trim().is_empty() => Ok(SecretString::from(secret.trim().to_owned())),
        _ => Err(Failure::usage(format!("--key-env: set {variable} to the shared secret"))),
    }
}

/// What stands in the header.
fn shown(header: &HeaderName, secret: &SecretString) -> SecretString {
    if *header == http::header::AUTHORIZATION {
        SecretString::from(format!("Bearer {}", secret.expose_secret()))
    } else {
        secret.clone()
    }
}

async fn post(target: &Target, payload: Vec<u8>) -> Result<Sent, Failure> {
    // The time that Lumos waits is kept below, over all of it.
    let client = client(LUMOS_WAITS + Duration::from_secs(1))?;
    let mut value = HeaderValue::from_str(target.value.expose_secret()).map_err(|_| {
        Failure::failed("the shared secret cannot stand in a header: it has line breaks or the like")
    })?;
    value.set_sensitive(true);
    let began = SystemClock.instant();
    let answer = timeout(LUMOS_WAITS, exchange(&client, target, value, payload)).await;
    let took = SystemClock.instant().saturating_duration_since(began);
    match answer {
        Err(_) => {
            Ok(Sent { conclusion: Conclusion::TimedOut, status: None, message: None, request: None, took })
        }
        Ok(Err(error)) if error.is_timeout() => {
            Ok(Sent { conclusion: Conclusion::TimedOut, status: None, message: None, request: None, took })
        }
        Ok(Err(error)) => Err(Failure::failed(format!(
            "{} does not answer ({}): start Usher with usher serve, or say where it is with --url",
            target.url,
            causes(&error)
        ))),
        Ok(Ok((status, request, body))) => Ok(Sent {
            conclusion: conclude(status, &body, target.direction),
            status: Some(status),
            message: message(&body),
            request,
            took,
        }),
    }
}

async fn exchange(
    client: &Client,
    target: &Target,
    value: HeaderValue,
    payload: Vec<u8>,
) -> Result<(u16, Option<String>, Vec<u8>), reqwest::Error> {
    let request = client
        .post(target.url.clone())
        .header(&target.header, value)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(payload);
    let answer = request.send().await?;
    let request = answer.headers().get(REQUEST_ID_HEADER);
    let request = request.and_then(|id| id.to_str().ok()).map(str::to_owned);
    Ok((answer.status().as_u16(), request, body(answer).await?))
}

fn message(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body.get("message")?.as_str().map(str::to_owned)
}

/// Why it was not done stands on the request's page, which an operator may read.
async fn page(args: &SendArgs, sent: &Sent) -> Page {
    let is_sought = !sent.conclusion.is_success() && !is_turned_down(sent);
    let Some(id) = sent.request.as_deref().filter(|_| is_sought) else {
        return Page::NotSought;
    };
    let Ok(client) = AdminClient::from_environment(&args.admin.admin) else {
        return Page::Hidden(format!("set {TOKEN_VARIABLE} to see why here"));
    };
    match client.page_of(id).await {
        Ok(Some(page)) => Page::Shown(Box::new(page)),
        Ok(None) => Page::Hidden(
            "no page bears this id: a repeated refusal is kept under its first one, see usher requests list"
                .to_owned(),
        ),
        Err(Failure::Failed(sentence) | Failure::Usage(sentence)) => Page::Hidden(sentence),
        Err(_) => Page::Hidden("its page cannot be read".to_owned()),
    }
}

/// Whether it was no webhook at all: such a call is not kept. Its reason is in the answer, its id in the log.
fn is_turned_down(sent: &Sent) -> bool {
    sent.status.is_some_and(|status| (400..500).contains(&status))
}

/// Why it was answered no: the request's reason, or for a repetition of one that went well, what was made of that.
fn why(stored: &StoredView) -> Option<&str> {
    let last = || stored.history.last().map(|entry| entry.sentence.as_str());
    stored.request.reason.as_deref().or_else(last)
}

fn print(sent: &Sent, page: &Page, output: &mut Output) -> Result<(), Failure> {
    let reason = match page {
        Page::Shown(stored) => sent.message.as_deref().or_else(|| why(stored)),
        Page::NotSought | Page::Hidden(_) => sent.message.as_deref(),
    };
    let paste = match page {
        Page::Shown(stored) => stored.paste.as_deref(),
        Page::NotSought | Page::Hidden(_) => None,
    };
    if output.is_json() {
        return Ok(output.value(&json!({
            "success": sent.conclusion.is_success(),
            "conclusion": sent.conclusion.to_string(),
            "status": sent.status,
            "took_ms": u64::try_from(sent.took.as_millis()).unwrap_or(u64::MAX),
            "request": sent.request,
            "reason": reason,
            "paste": paste,
        }))?);
    }
    let style = if sent.conclusion.is_success() { Style::Good } else { Style::Bad };
    output.line(output.paint(style, &sent.conclusion.to_string()))?;
    let status = sent.status.map_or("no answer".to_owned(), |status| format!("status {status}"));
    output.line(format!("{status}, after {:.1} s", sent.took.as_secs_f64()))?;
    if let Some(reason) = reason {
        output.line(format!("Why: {}", safe(reason)))?;
    }
    if let Some(id) = sent.request.as_deref().filter(|_| !is_turned_down(sent)) {
        output.line(format!("Its page: usher requests show {}", safe(id)))?;
    }
    if let Page::Hidden(why) = page {
        output.line(output.paint(Style::Faint, &format!("({why})")))?;
    }
    match paste {
        Some(paste) => print_paste(paste, output),
        None => Ok(()),
    }
}
