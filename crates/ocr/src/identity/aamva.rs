//! The text of the PDF417 symbol on North American driving licences and identification cards (AAMVA DL/ID Card
//! Design Standard, versions 1 to 10).

use chrono::NaiveDate;
use serde::Serialize;

/// What a licence says. Elements that it does not carry are `None`. Its `Debug` shows no values.
#[derive(Clone, PartialEq, Eq, Default, Serialize)]
pub struct Licence {
    /// Version of the standard, 1 to 10; 0 before the first.
    pub version: u8,
    /// Issuer identification number, six digits.
    pub issuer: String,
    /// Jurisdiction of the issuer, two letters, and its country, three, where the number is known.
    pub jurisdiction: Option<(&'static str, &'static str)>,
    /// Whether the subfile is of an identification card, not of a licence.
    pub is_id_card: bool,
    /// DAQ, customer number.
    pub document_number: Option<String>,
    /// DCS, or the first part of DAA.
    pub surname: Option<String>,
    /// DAC, or from DCT or DAA.
    pub given: Option<String>,
    /// DAD, or from DCT or DAA.
    pub middle: Option<String>,
    /// DBB.
    pub date_of_birth: Option<NaiveDate>,
    /// DBA.
    pub expiry_date: Option<NaiveDate>,
    /// DBD.
    pub issue_date: Option<NaiveDate>,
    /// DBC: `M`, `F` or `X`.
    pub sex: Option<char>,
    /// DAG, DAH, DAI, DAJ, DAK, parted by commas.
    pub address: Option<String>,
    /// DAJ, jurisdiction of the address, two letters.
    pub state: Option<String>,
    /// DCG, `USA` or `CAN`.
    pub country: Option<String>,
    /// DDE, DDF, DDG: whether a name was cut off; `None` where the licence does not say.
    pub names_truncated: Option<bool>,
    /// Elements that every version demands and that are absent or unreadable.
    pub missing: Vec<&'static str>,
}

impl std::fmt::Debug for Licence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Licence")
            .field("version", &self.version)
            .field("issuer", &self.issuer)
            .field("missing", &self.missing)
            .finish_non_exhaustive()
    }
}

impl Licence {
    /// Whether every demanded element is there and its dates exist.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }
}

/// Issuer numbers 636000 to 636062, in order, then those of the second block.
const UNITED_STATES_AND_CANADA: [&str; 63] = [
    "VA", "NY", "MA", "MD", "NC", "SC", "CT", "LA", "MT", "NM", "FL", "DE", "ON", "NS", "CA", "TX", "NL",
    "NB", "IA", "GU", "CO", "AR", "KS", "OH", "VT", "PA", "AZ", "US", "BC", "OR", "MO", "WI", "MI", "AL",
    "ND", "IL", "NJ", "IN", "MN", "NH", "UT", "ME", "SD", "DC", "SK", "WA", "KY", "HI", "MB", "NV", "ID",
    "MS", "RI", "TN", "NE", "GA", "CU", "HL", "OK", "AK", "WY", "WV", "VI",
];
const SECOND_BLOCK: [(u32, &str); 9] = [
    (604_426, "PE"),
    (604_427, "AS"),
    (604_428, "QC"),
    (604_429, "YT"),
    (604_430, "MP"),
    (604_431, "PR"),
    (604_432, "AB"),
    (604_433, "NU"),
    (604_434, "NT"),
];
const CANADA: [&str; 13] = ["AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT"];
const MEXICO: [&str; 2] = ["CU", "HL"];

fn jurisdiction_of(issuer: &str) -> Option<(&'static str, &'static str)> {
    let number: u32 = issuer.parse().ok()?;
    let code = match number.checked_sub(636_000).and_then(|at| UNITED_STATES_AND_CANADA.get(at as usize)) {
        Some(code) => *code,
        None => SECOND_BLOCK.iter().find(|(n, _)| *n == number)?.1,
    };
    let country = if CANADA.contains(&code) {
        "CAN"
    } else if MEXICO.contains(&code) {
        "MEX"
    } else {
        "USA"
    };
    Some((code, country))
}

/// Reads the text of a symbol; `None` when it has no AAMVA header.
pub fn parse(text: &str) -> Option<Licence> {
    // Some issuers write other separators, and decoders drop control characters: the header is sought.
    let (at, tag) =
        ["ANSI ", "AAMVA", "ANSI"].into_iter().find_map(|tag| text.find(tag).map(|at| (at, tag)))?;
    if at > 8 {
        return None;
    }
    let body = text.get(at + tag.len()..)?;
    let issuer = body.get(..6).filter(|n| n.bytes().all(|b| b.is_ascii_digit()))?.to_owned();
    let version: u8 = body.get(6..8)?.parse().ok()?;
    let rest = body.get(8..)?;
    let elements = elements(rest);
    let get = |code: &str| {
        elements
            .iter()
            .find(|(c, _)| *c == code)
            .map(|(_, value)| value.trim())
            .filter(|v| !v.is_empty() && !matches!(*v, "NONE" | "unavl" | "UNAVL"))
    };
    let jurisdiction = jurisdiction_of(&issuer);
    let country = get("DCG").map(str::to_owned);
    let in_canada = match &country {
        Some(country) => country.starts_with("CA"),
        None => jurisdiction.is_some_and(|(_, country)| country == "CAN"),
    };
    let year_first = version <= 1 || in_canada;
    let day = |code: &str| get(code).and_then(|value| date(value, year_first));
    let (surname, given, middle) = names(&get);
    let cut = ["DDE", "DDF", "DDG"].map(|code| get(code).and_then(|v| v.chars().next()));
    let address: Vec<&str> =
        ["DAG", "DAH", "DAI", "DAJ", "DAK"].into_iter().filter_map(&get).map(str::trim).collect();
    let mut licence = Licence {
        version,
        jurisdiction,
        is_id_card: starts_subfile(rest) == Some("ID"),
        document_number: get("DAQ").map(str::to_owned),
        surname,
        given,
        middle,
        date_of_birth: day("DBB"),
        expiry_date: day("DBA"),
        issue_date: day("DBD"),
        sex: get("DBC").and_then(|v| match v {
            "1" | "M" => Some('M'),
            "2" | "F" => Some('F'),
            "9" | "X" => Some('X'),
            _ => None,
        }),
        address: (!address.is_empty()).then(|| address.join(", ")),
        state: get("DAJ").map(str::to_owned),
        country,
        names_truncated: if cut.contains(&Some('T')) {
            Some(true)
        } else if cut.iter().all(|c| *c == Some('N')) {
            Some(false)
        } else {
            None
        },
        issuer,
        missing: Vec::new(),
    };
    licence.missing = [
        ("document_number", licence.document_number.is_none()),
        ("surname", licence.surname.is_none()),
        ("date_of_birth", licence.date_of_birth.is_none()),
        ("expiry_date", licence.expiry_date.is_none()),
        ("issue_date", licence.issue_date.is_none()),
    ]
    .into_iter()
    .filter_map(|(name, absent)| absent.then_some(name))
    .collect();
    Some(licence)
}

/// Type of the first subfile.
fn starts_subfile(after_version: &str) -> Option<&'static str> {
    let first = |tag: &'static str| after_version.find(tag).map(|at| (at, tag));
    [first("DL"), first("ID")].into_iter().flatten().min_by_key(|(at, _)| *at).map(|(_, tag)| tag)
}

/// Element codes with their values.
fn elements(after_version: &str) -> Vec<(&str, &str)> {
    let separators: &[char] = &['\n', '\r', '\u{1e}', '\u{1c}', '\u{1d}'];
    let mut out = Vec::new();
    for (at, piece) in after_version.split(separators).enumerate() {
        // The first element follows the list of subfiles and the type of its subfile; every later subfile
        // begins with its type.
        let piece = if at == 0 {
            let start = ["DLD", "IDD", "ENDA"].into_iter().filter_map(|tag| piece.rfind(tag)).max();
            match start.and_then(|start| piece.get(start + 2..)) {
                Some(element) => element,
                None => continue,
            }
        } else {
            piece.strip_prefix("DLD").or_else(|| piece.strip_prefix("IDD")).map_or(piece, |_| &piece[2..])
        };
        if let Some((code, value)) = piece.split_at_checked(3)
            && code.bytes().all(|b| b.is_ascii_uppercase())
        {
            out.push((code, value));
        }
    }
    out
}

/// Surname, given and middle names from whichever elements the version has.
fn names<'a>(get: &impl Fn(&str) -> Option<&'a str>) -> (Option<String>, Option<String>, Option<String>) {
    let own = |text: &str| Some(text.trim().to_owned()).filter(|t| !t.is_empty());
    let surname = get("DCS").or_else(|| get("DAB")).and_then(own);
    let (mut given, mut middle) = (get("DAC").and_then(own), get("DAD").and_then(own));
    if given.is_none()
        && let Some(all) = get("DCT")
    {
        let mut parts = all.splitn(2, [',', ' ']);
        given = parts.next().and_then(own);
        middle = middle.or(parts.next().and_then(own));
    }
    if surname.is_none()
        && let Some(all) = get("DAA")
    {
        // Surname, given name, middle names, suffix; some issuers part them with another character.
        let mark = [',', '$', '@'].into_iter().find(|m| all.contains(*m)).unwrap_or(' ');
        let mut parts = all.split(mark);
        let surname = parts.next().and_then(own);
        return (surname, given.or(parts.next().and_then(own)), middle.or(parts.next().and_then(own)));
    }
    (surname, given, middle)
}

/// Eight digits as a date: year first (version 1, Canada) or month first (United States). A date that exists
/// only in the other order is read in that: a month is never 19 or 20.
fn date(value: &str, year_first: bool) -> Option<NaiveDate> {
    let digits = value.get(..8).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
    let number = |range: std::ops::Range<usize>| digits.get(range).and_then(|d| d.parse::<u32>().ok());
    let day = |year: Option<u32>, month: Option<u32>, day: Option<u32>| {
        let year = year.filter(|y| (1850..=2150).contains(y))?;
        NaiveDate::from_ymd_opt(year as i32, month?, day?)
    };
    let by_year = day(number(0..4), number(4..6), number(6..8));
    let by_month = day(number(4..8), number(0..2), number(2..4));
    if year_first { by_year.or(by_month) } else { by_month.or(by_year) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UNITED_STATES: &str = "@\n\u{1e}\rANSI 636026080102DL00410100ZA01410010DLDAQD12345678\nDCSSAMPLE\nDDEN\n\
        DACJELANI\nDDFN\nDADNONE\nDDGN\nDBD01102013\nDBB02011957\nDBA02012018\nDBC1\nDAG123 MAIN ST\nDAIPHOENIX\n\
        DAJAZ\nDAK850071234\nDCGUSA\rZAZAA1\r";

    fn day(y: i32, m: u32, d: u32) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(y, m, d)
    }

    #[test]
    fn an_american_licence_is_read_month_first() {
        let licence = parse(UNITED_STATES).expect("a licence");
        assert_eq!((licence.version, licence.jurisdiction), (8, Some(("AZ", "USA"))));
        assert_eq!(licence.document_number.as_deref(), Some("D12345678"));
        assert_eq!((licence.surname.as_deref(), licence.given.as_deref()), (Some("SAMPLE"), Some("JELANI")));
        assert_eq!(licence.middle, None);
        assert_eq!((licence.date_of_birth, licence.expiry_date), (day(1957, 2, 1), day(2018, 2, 1)));
        assert_eq!(licence.issue_date, day(2013, 1, 10));
        assert_eq!((licence.sex, licence.names_truncated), (Some('M'), Some(false)));
        assert_eq!(licence.address.as_deref(), Some("123 MAIN ST, PHOENIX, AZ, 850071234"));
        assert!(licence.is_complete() && !licence.is_id_card);
    }

    #[test]
    fn a_canadian_card_is_read_year_first() {
        let text = "@\n\u{1e}\rANSI 636012030001ID00310100IDDAQA1234\nDCSTREMBLAY\nDCTMARIE CLAIRE\nDBD20150203\n\
            DBB19800405\nDBA20200203\nDBC2\nDCGCAN\r";
        let licence = parse(text).expect("a card");
        assert!(licence.is_id_card);
        assert_eq!((licence.given.as_deref(), licence.middle.as_deref()), (Some("MARIE"), Some("CLAIRE")));
        assert_eq!((licence.date_of_birth, licence.sex), (day(1980, 4, 5), Some('F')));
    }

    #[test]
    fn the_first_version_is_read_from_its_joined_name() {
        let text = "@\n\u{1c}\rAAMVA6360000102DL00390187ZV02260031DLDAQ0123456789ABC\nDAAPUBLIC,JOHN,Q\n\
            DAG123 MAIN STREET\nDAIANYTOWN\nDAJVA\nDBA20011201\nDBB19761123\nDBCM\nDBD19961201\rZVZVAX\r";
        let licence = parse(text).expect("a licence");
        let names = [licence.surname, licence.given, licence.middle].map(Option::unwrap_or_default);
        assert_eq!(names, ["PUBLIC", "JOHN", "Q"]);
        assert_eq!((licence.version, licence.document_number.as_deref()), (1, Some("0123456789ABC")));
        assert_eq!((licence.date_of_birth, licence.expiry_date), (day(1976, 11, 23), day(2001, 12, 1)));
    }

    #[test]
    fn an_element_that_is_not_there_is_named() {
        let licence = parse(&UNITED_STATES.replace("DBB02011957\n", "")).expect("a licence");
        assert_eq!(licence.missing, ["date_of_birth"]);
        assert_eq!(
            parse(&UNITED_STATES.replace("02011957", "02301957")).expect("a licence").date_of_birth,
            None
        );
    }

    #[test]
    fn other_text_is_no_licence_and_debug_output_names_nobody() {
        assert_eq!(parse("HTTP://EXAMPLE.COM/ANSI "), None);
        assert_eq!(parse(""), None);
        let shown = format!("{:?}", parse(UNITED_STATES));
        assert!(!shown.contains("SAMPLE") && !shown.contains("D12345678"), "{shown}");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(tail in "\\PC{0,120}", cut in 0usize..300) {
            let _ = parse(&tail);
            let _ = parse(&format!("@ANSI 636026080102{tail}"));
            let _ = UNITED_STATES.get(..cut.min(UNITED_STATES.len())).map(parse);
        }
    }
}
