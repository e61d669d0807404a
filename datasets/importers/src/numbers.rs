//! Numbers, from the ways in which systems write them.

use std::str::FromStr;

use rust_decimal::Decimal;

use crate::mapping::DecimalMark;
use crate::words::shown;

/// Longest number that is read, in bytes.
const LONGEST: usize = 40;

/// A decimal number: digits with at most one decimal mark, a sign, and a power of ten as spreadsheets write it. Marks between
/// thousands are refused: `1,234` is two numbers, according to who reads it.
pub(crate) fn decimal(text: &str, mark: DecimalMark) -> Result<Decimal, String> {
    if text.len() > LONGEST {
        return Err("a number of this length is not believed".to_owned());
    }
    let refused = || Err(format!("{} is not a number", shown(text)));
    let mut pointed = [0u8; LONGEST];
    let mut powered = false;
    for (to, byte) in pointed.iter_mut().zip(text.bytes()) {
        *to = match byte {
            b'0'..=b'9' | b'+' | b'-' => byte,
            b'e' | b'E' => {
                powered = true;
                byte
            }
            b'.' if mark == DecimalMark::Point => byte,
            b',' if mark == DecimalMark::Comma => b'.',
            b',' => {
                return Err(format!(
                    "{} has a comma; where it marks decimals, the mapping has to say decimal_mark = \"comma\"",
                    shown(text)
                ));
            }
            _ => return refused(),
        };
    }
    let Some(pointed) = pointed.get(..text.len()).and_then(|bytes| std::str::from_utf8(bytes).ok()) else {
        return refused();
    };
    let number = if powered { Decimal::from_scientific(pointed) } else { Decimal::from_str(pointed) };
    number.or_else(|_| refused())
}

/// A whole number, also where it is written as `2.0`.
pub(crate) fn whole(text: &str, mark: DecimalMark) -> Result<i64, String> {
    if let Ok(number) = text.parse::<i64>() {
        return Ok(number);
    }
    let number = decimal(text, mark)?;
    if !number.fract().is_zero() {
        return Err(format!("{} is not a whole number", shown(text)));
    }
    i64::try_from(number.trunc()).map_err(|_| format!("{} is too large", shown(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_none_never_becomes_one() {
        for text in [
            "NaN",
            "nan",
            "inf",
            "-inf",
            "Infinity",
            "1e999",
            "1e99999999999999999999",
            "",
            "-",
            ".",
            "e",
            "1_000",
            "0x10",
            "1,234.50",
            "€75",
            "7 5",
            "١٢",
            "--1",
            "1e1e1",
            "1.2.3",
        ] {
            assert!(decimal(text, DecimalMark::Point).is_err(), "{text}");
        }
        assert!(decimal(&"9".repeat(100_000), DecimalMark::Point).is_err());
        assert!(whole("1.5", DecimalMark::Point).is_err());
        assert!(whole("1e25", DecimalMark::Point).is_err());
    }

    #[test]
    fn a_comma_is_a_decimal_mark_only_where_the_mapping_says_so() {
        assert_eq!(decimal("75,50", DecimalMark::Comma), Ok(Decimal::new(7550, 2)));
        assert!(decimal("75,50", DecimalMark::Point).expect_err("refused").contains("decimal_mark"));
        assert!(decimal("1.234,50", DecimalMark::Comma).is_err());
        assert_eq!(decimal("-6.38", DecimalMark::Point), Ok(Decimal::new(-638, 2)));
        assert_eq!(decimal("1.5e2", DecimalMark::Point), Ok(Decimal::from(150)));
        assert_eq!(whole("2.0", DecimalMark::Point), Ok(2));
        assert_eq!(whole("-1", DecimalMark::Point), Ok(-1));
    }
}
