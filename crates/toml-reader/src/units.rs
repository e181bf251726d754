//! Durations and sizes as people write them.

use std::time::Duration;

/// A duration such as `500ms`, `12s`, `5m`, `24h`, `400 days`; `None` where it is none, or is too long to count.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let (count, unit) = parts(text)?;
    let seconds = match unit {
        "ms" | "millisecond" | "milliseconds" => return Some(Duration::from_millis(count)),
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        _ => return None,
    };
    count.checked_mul(seconds).map(Duration::from_secs)
}

/// A size such as `256 KiB`, in bytes; `None` where it is none, or is too large to count.
#[must_use]
pub fn size(text: &str) -> Option<u64> {
    let (count, unit) = parts(text)?;
    let bytes: u64 = match unit {
        "B" | "bytes" => 1,
        "kB" | "KB" => 1_000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" => 1 << 30,
        _ => return None,
    };
    count.checked_mul(bytes)
}

fn parts(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = text.split_at_checked(digits)?;
    Some((count.parse().ok()?, unit.trim_start_matches(' ')))
}

/// A duration as it would be written.
#[must_use]
pub fn show(duration: Duration) -> String {
    let (seconds, millis) = (duration.as_secs(), duration.subsec_millis());
    match (seconds, millis) {
        (_, 1..) => format!("{}ms", duration.as_millis()),
        (0, _) => "0s".to_owned(),
        (s, _) if s % 86_400 == 0 && s > 86_400 => format!("{} days", s / 86_400),
        (s, _) if s % 3_600 == 0 => format!("{}h", s / 3_600),
        (s, _) if s % 60 == 0 => format!("{}m", s / 60),
        (s, _) => format!("{s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_they_are_written() {
        for (text, expected) in [
            ("500ms", Some(Duration::from_millis(500))),
            ("12s", Some(Duration::from_secs(12))),
            ("5m", Some(Duration::from_secs(300))),
            ("24h", Some(Duration::from_secs(86_400))),
            ("400 days", Some(Duration::from_secs(400 * 86_400))),
            ("1 day", Some(Duration::from_secs(86_400))),
            ("0s", Some(Duration::ZERO)),
            ("12", None),
            ("s", None),
            ("", None),
            ("-1s", None),
            ("1.5s", None),
            ("12 S", None),
            ("12s ", None),
            ("12\u{a0}s", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
        ] {
            assert_eq!(duration(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_shown_is_read_back_as_the_same() {
        for text in ["1500ms", "12s", "5m", "24h", "400 days", "0s", "61s"] {
            assert_eq!(show(duration(text).unwrap()), text);
        }
    }

    #[test]
    fn sizes_are_read_as_they_are_written() {
        for (text, expected) in [
            ("256 KiB", Some(262_144)),
            ("1MiB", Some(1_048_576)),
            ("512 B", Some(512)),
            ("1 kB", Some(1_000)),
            ("1 GiB", Some(1 << 30)),
            ("256", None),
            ("256 K", None),
            ("lots", None),
            ("18446744073709551615 KiB", None),
        ] {
            assert_eq!(size(text), expected, "{text:?}");
        }
    }
}
