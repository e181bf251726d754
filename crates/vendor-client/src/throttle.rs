use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// Longer waits than this are cut to it: a vendor's mistake must not park a request for a year.
const LONGEST: Duration = Duration::from_hours(24);

/// Bytes of a body that a [`ThrottleRule`] sees.
const BEGINNING: usize = 4 * 1024;

/// Whether an answer says that the vendor's rate limit is reached, and how long to wait, where it tells. The outer
/// `None`: no, it does not. It sees the status, the headers, the first 4 KiB of the body, and the time. A plain function,
/// so that settings stay comparable and harmless.
pub type ThrottleRule = fn(StatusCode, &HeaderMap, &[u8], Timestamp) -> Option<Option<Duration>>;

/// What a rule sees of a body.
pub(crate) fn beginning(body: &[u8]) -> &[u8] {
    body.get(..BEGINNING).unwrap_or(body)
}

/// 429, with `Retry-After` if there is one.
#[must_use]
pub fn throttled_by_429(
    status: StatusCode,
    headers: &HeaderMap,
    _body: &[u8],
    now: Timestamp,
) -> Option<Option<Duration>> {
    (status == StatusCode::TOO_MANY_REQUESTS).then(|| retry_after(headers, now))
}

/// GitHub's rule: 403 or 429, with `Retry-After`, or else `x-ratelimit-remaining: 0` and `x-ratelimit-reset`. With
/// neither, a 429 waits a minute, and so does a 403 whose body speaks of a secondary rate limit: those can come without a
/// header. Any other 403 is a refusal.
///
/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>
#[must_use]
pub fn throttled_like_github(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Option<Option<Duration>> {
    if !matches!(status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS) {
        return None;
    }
    let number =
        |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).and_then(|v| v.trim().parse().ok());
    let minute = Duration::from_mins(1);
    if let Some(wait) = retry_after(headers, now) {
        return Some(Some(wait));
    }
    if number("x-ratelimit-remaining") == Some(0_i64) {
        let reset = number("x-ratelimit-reset").and_then(|second| Timestamp::from_second(second).ok());
        return Some(Some(reset.map_or(minute, |reset| until(reset, now))));
    }
    let limited = status == StatusCode::TOO_MANY_REQUESTS || speaks_of_a_secondary_limit(body);
    limited.then_some(Some(minute))
}

/// "You have exceeded a secondary rate limit …"; Enterprise Server's older releases call it abuse detection.
fn speaks_of_a_secondary_limit(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_lowercase();
    text.contains("secondary rate limit") || text.contains("abuse detection mechanism")
}

/// `Retry-After`, in seconds or as an HTTP date (RFC 9110, 10.2.3); 24 hours at the most. A date in the past is zero.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a very long time.
        return Some(text.parse().map_or(LONGEST, Duration::from_secs).min(LONGEST));
    }
    // The preferred form of an HTTP date is that of RFC 2822 with the zone written `GMT`.
    let date = DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(until(date, now))
}

fn until(moment: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(moment.duration_since(now)).unwrap_or(Duration::ZERO).min(LONGEST)
}
