use std::time::Duration;

/// Longest life of a token: ten years, so that a typing mistake is noticed and dates do not overflow.
const LONGEST: Duration = Duration::from_hours(3650 * 24);

/// Why a text is not a lifetime.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TtlError {
    /// The text is not a number with a unit.
    #[error("a lifetime is written like 90s, 30m, 8h or 7d: {0}")]
    Unreadable(String),
    /// The lifetime is below one second or above ten years.
    #[error("a lifetime is between one second and ten years")]
    Range,
}

/// Reads a lifetime such as `90s`, `30m`, `8h`, `7d` or `1h 30m`: one second to ten years.
///
/// # Errors
/// [`TtlError`] when the text has no unit, an unknown one, or the value is out of range.
pub fn parse_ttl(text: &str) -> Result<Duration, TtlError> {
    // The library reads a bare 0 without a unit; it falls to the range check.
    let ttl = humantime::parse_duration(text).map_err(|e| TtlError::Unreadable(e.to_string()))?;
    check_ttl(ttl)?;
    Ok(ttl)
}

pub(crate) fn check_ttl(ttl: Duration) -> Result<(), TtlError> {
    if ttl < Duration::from_secs(1) || ttl > LONGEST { Err(TtlError::Range) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_on_the_command_line_mean_what_they_say() {
        for (text, seconds) in [("90s", 90), ("30m", 1800), ("8h", 28_800), ("7d", 604_800), ("1h 30m", 5400)]
        {
            assert_eq!(parse_ttl(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn a_lifetime_that_never_starts_or_never_ends_is_refused() {
        for bad in ["", "8", "h", "-1h", "0", "0s", "1ms", "11years", "99999999999999999999d", "8 parsecs"] {
            assert!(parse_ttl(bad).is_err(), "{bad:?}");
        }
    }
}
