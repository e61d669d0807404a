//! The text of the QR symbol on Vietnamese citizen identity cards.

use chrono::NaiveDate;

/// What the symbol says: citizen number, old number, full name, date of birth, sex, address, date of issue. Its
/// `Debug` shows no values.
#[derive(Clone, PartialEq, Eq)]
pub struct CitizenCard {
    /// Twelve digits.
    pub number: String,
    /// Number of the card it replaced.
    pub old_number: Option<String>,
    /// Full name, surname first.
    pub name: String,
    /// Date of birth.
    pub date_of_birth: NaiveDate,
    /// `M` or `F`.
    pub sex: Option<char>,
    /// Place of residence.
    pub address: Option<String>,
    /// Date of issue.
    pub issue_date: Option<NaiveDate>,
    /// Whether the number agrees with sex and year of birth: its fourth digit tells both century and sex, the
    /// fifth and sixth the year.
    pub agrees: bool,
}

impl std::fmt::Debug for CitizenCard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CitizenCard(redacted)")
    }
}

/// Reads the text of a symbol; `None` when it is not that of a citizen card.
pub fn parse(text: &str) -> Option<CitizenCard> {
    let parts: Vec<&str> = text.trim().split('|').map(str::trim).collect();
    let [number, old_number, name, birth, sex, address, rest @ ..] = parts.as_slice() else { return None };
    if number.len() != 12 || !number.bytes().all(|b| b.is_ascii_digit()) || name.is_empty() {
        return None;
    }
    let date = |digits: &str| {
        let part = |range: std::ops::Range<usize>| digits.get(range).and_then(|d| d.parse::<u32>().ok());
        (digits.len() == 8)
            .then(|| NaiveDate::from_ymd_opt(part(4..8)? as i32, part(2..4)?, part(0..2)?))
            .flatten()
    };
    let date_of_birth = date(birth)?;
    let sex = match sex.to_lowercase().as_str() {
        "nam" => Some('M'),
        "nữ" | "nu" => Some('F'),
        _ => None,
    };
    let full = |text: &str| Some(text.to_owned()).filter(|t| !t.is_empty());
    let digits: Vec<i32> = number.bytes().map(|b| i32::from(b - b'0')).collect();
    let agrees = match digits.as_slice() {
        [_, _, _, code, tens, units, ..] => {
            let year = 1900 + code / 2 * 100 + tens * 10 + units;
            let expected = if code % 2 == 0 { 'M' } else { 'F' };
            year == chrono::Datelike::year(&date_of_birth) && sex.is_none_or(|sex| sex == expected)
        }
        _ => false,
    };
    Some(CitizenCard {
        number: (*number).to_owned(),
        old_number: full(old_number),
        name: (*name).to_owned(),
        date_of_birth,
        sex,
        address: full(address),
        issue_date: rest.first().and_then(|d| date(d)),
        agrees,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: &str = "001099012345|012345678|Nguyễn Văn A|24121999|Nam|Phố Huế, Hà Nội|01022021";

    #[test]
    fn a_citizen_card_is_read_and_checked_against_its_number() {
        let card = parse(CARD).expect("a card");
        assert_eq!(card.name, "Nguyễn Văn A");
        assert_eq!(Some(card.date_of_birth), NaiveDate::from_ymd_opt(1999, 12, 24));
        assert_eq!(card.issue_date, NaiveDate::from_ymd_opt(2021, 2, 1));
        assert_eq!((card.sex, card.agrees), (Some('M'), true));
        assert!(!parse(&CARD.replace("Nam", "Nữ")).expect("a card").agrees);
        assert!(!parse(&CARD.replace("1999", "1998")).expect("a card").agrees);
    }

    #[test]
    fn other_symbols_are_no_citizen_cards() {
        for text in [
            "",
            "|||||||",
            "001099012345",
            "https://example.com/|a|b|c|d|e|f",
            "00109901234x|1|A|24121999|Nam||",
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
        assert!(parse(&CARD.replace("24121999", "31021999")).is_none());
    }
}
