//! Dates as documents show them.

use chrono::{Datelike, NaiveDate};

/// Which of two numbers comes first where both could be the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Order {
    /// Day, month, year: every issuer but those of the United States.
    #[default]
    DayFirst,
    /// Month, day, year: licences and cards of the United States.
    MonthFirst,
}

/// The date of birth of a zone: six digits YYMMDD. The century is the latest in which the day is not after
/// `today`; who is older than a hundred years is taken for a child, since the zone does not tell.
pub(crate) fn birth(yymmdd: &str, today: NaiveDate) -> Option<NaiveDate> {
    let century = today.year() / 100 * 100;
    [century, century - 100]
        .into_iter()
        .find_map(|century| of_zone(yymmdd, century).filter(|day| *day <= today))
}

/// The expiry date of a zone: of the days in this and the neighbouring centuries the one nearest to `today`,
/// thus at most fifty years away on either side.
pub(crate) fn expiry(yymmdd: &str, today: NaiveDate) -> Option<NaiveDate> {
    let century = today.year() / 100 * 100;
    [century - 100, century, century + 100]
        .into_iter()
        .filter_map(|century| of_zone(yymmdd, century))
        .min_by_key(|day| (*day - today).num_days().abs())
}

fn of_zone(yymmdd: &str, century: i32) -> Option<NaiveDate> {
    let part = |range: std::ops::Range<usize>| {
        yymmdd
            .get(range)
            .filter(|p| p.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|p| p.parse::<u32>().ok())
    };
    (yymmdd.len() == 6)
        .then(|| NaiveDate::from_ymd_opt(century + part(0..2)? as i32, part(2..4)?, part(4..6)?))
        .flatten()
}

/// First letters of the months in capitals without marks, in the languages of most documents: English, French,
/// German, Spanish, Italian, Portuguese, Dutch, Polish, Turkish, Indonesian.
const MONTHS: [&[&str]; 12] = [
    &["JAN", "ENE", "GEN", "STY", "OCA"],
    &["FEB", "FEV", "LUT", "SUB", "FEVR"],
    &["MAR", "MRZ", "MAE", "MRT", "MAA"],
    &["APR", "AVR", "ABR", "KWI", "NIS", "AVRIL"],
    &["MAY", "MAI", "MAG", "MEI", "MAJ", "MAYO"],
    &["JUN", "JUIN", "GIU", "CZE", "HAZ"],
    &["JUL", "JUIL", "LUG", "LIP", "TEM"],
    &["AUG", "AOU", "AGO", "SIE", "AGU", "AUT"],
    &["SEP", "SET", "WRZ", "EYL"],
    &["OCT", "OKT", "OTT", "OUT", "PAZ", "EKI"],
    &["NOV", "LIS", "KAS"],
    &["DEC", "DEZ", "DIC", "GRU", "ARA", "DES"],
];

fn month(word: &str) -> Option<u32> {
    let word: String = super::labels::plain(word).chars().filter(char::is_ascii_alphabetic).collect();
    if word.len() < 3 {
        return None;
    }
    // Four letters tell June from July in French; three do everywhere else.
    let of = |prefix: &str| MONTHS.iter().position(|names| names.contains(&prefix)).map(|at| at as u32 + 1);
    word.get(..4).filter(|p| *p == "JUIN" || *p == "JUIL").and_then(of).or_else(|| of(word.get(..3)?))
}

/// A date with its place in the text, as bytes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub date: NaiveDate,
    pub at: std::ops::Range<usize>,
}

/// The dates in a line: numbers with separators in any order that exists (`order` where two do), eight digits
/// in one, and days with the name of the month, in two languages too (`12 AUG/AOÛT 74`). Years of two digits are
/// read as in [`birth`]. Nothing before 1850 or after 2150 is one.
pub(crate) fn find(text: &str, order: Order, today: NaiveDate) -> Vec<Found> {
    let tokens = tokens(text);
    let mut out = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match date_at(&tokens[at..], order, today) {
            Some((date, used)) => {
                let end = tokens[at + used - 1].at.end;
                out.push(Found { date, at: tokens[at].at.start..end });
                at += used;
            }
            None => at += 1,
        }
    }
    out
}

#[derive(Debug)]
enum What {
    Number(u32, usize),
    Word(String),
    Mark(char),
}

#[derive(Debug)]
struct Token {
    what: What,
    at: std::ops::Range<usize>,
}

/// Runs of digits, runs of letters, and single marks; spaces only part them.
fn tokens(text: &str) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        if c.is_whitespace() {
            continue;
        }
        let mut end = start + c.len_utf8();
        let same = |d: char| {
            if c.is_ascii_digit() { d.is_ascii_digit() } else { c.is_alphabetic() && d.is_alphabetic() }
        };
        while let Some((at, d)) = chars.peek().copied().filter(|(_, d)| same(*d)) {
            end = at + d.len_utf8();
            chars.next();
        }
        let piece = &text[start..end];
        let what = if c.is_ascii_digit() {
            match piece.parse() {
                Ok(number) => What::Number(number, piece.len()),
                Err(_) => What::Mark('#'),
            }
        } else if c.is_alphabetic() {
            What::Word(piece.to_owned())
        } else {
            What::Mark(c)
        };
        out.push(Token { what, at: start..end });
    }
    out
}

fn day(year: i32, month: u32, day: u32) -> Option<NaiveDate> {
    (1850..=2150).contains(&year).then(|| NaiveDate::from_ymd_opt(year, month, day)).flatten()
}

fn full_year(year: u32, digits: usize, month: u32, d: u32, today: NaiveDate) -> Option<i32> {
    match digits {
        4 => Some(year as i32),
        2 => birth(&format!("{year:02}{month:02}{d:02}"), today).map(|d| d.year()),
        _ => None,
    }
}

/// A date at the start of the tokens, and how many it takes.
fn date_at(tokens: &[Token], order: Order, today: NaiveDate) -> Option<(NaiveDate, usize)> {
    use What::{Mark, Number, Word};
    let what = |at: usize| tokens.get(at).map(|t| &t.what);
    let separates = |at: usize| matches!(what(at), Some(Mark('.' | '/' | '-' | ',' | '\u{2013}')));
    match what(0)? {
        // One run of eight digits.
        Number(n, 8) => {
            let (a, b, c) = (n / 1_000_000, n / 10_000 % 100, n % 10_000);
            let by_day = || match order {
                Order::DayFirst => day(c as i32, b, a).or_else(|| day(c as i32, a, b)),
                Order::MonthFirst => day(c as i32, a, b).or_else(|| day(c as i32, b, a)),
            };
            by_day().or_else(|| day((n / 10_000) as i32, n / 100 % 100, n % 100)).map(|d| (d, 1))
        }
        // Year first.
        Number(y, 4) => {
            let step = usize::from(separates(1));
            let (Some(Number(m, 1..=2)), second) = (what(1 + step), 2 + step) else { return None };
            let step = usize::from(separates(second));
            let Some(Number(d, 1..=2)) = what(second + step) else { return None };
            day(*y as i32, *m, *d).map(|date| (date, second + step + 1))
        }
        Number(a, 1..=2) => {
            let step = usize::from(separates(1));
            match what(1 + step)? {
                Number(b, 1..=2) => {
                    let at = 2 + step;
                    // Three bare numbers in a row are a date only when the year has four digits.
                    let second = usize::from(separates(at));
                    let Number(y, digits) = what(at + second)? else { return None };
                    if *digits != 4 && (step == 0 || second == 0) {
                        return None;
                    }
                    let read = |d: u32, m: u32| day(full_year(*y, *digits, m, d, today)?, m, d);
                    let date = match order {
                        Order::DayFirst => read(*a, *b).or_else(|| read(*b, *a)),
                        Order::MonthFirst => read(*b, *a).or_else(|| read(*a, *b)),
                    }?;
                    Some((date, at + second + 1))
                }
                Word(word) => {
                    let m = month(word)?;
                    // The month again in another language, or its number in between, may follow.
                    let mut at = 2 + step;
                    while at < 7 + step {
                        if let Some(Number(y, digits @ (2 | 4))) = what(at) {
                            let date = day(full_year(*y, *digits, m, *a, today)?, m, *a)?;
                            return Some((date, at + 1));
                        }
                        match what(at)? {
                            Word(_) | Mark('/' | '.' | '-' | ',') => at += 1,
                            _ => return None,
                        }
                    }
                    None
                }
                _ => None,
            }
        }
        // Month first by name: AUG 12, 1974.
        Word(word) => {
            let m = month(word)?;
            let step = usize::from(separates(1));
            let Number(d, 1..=2) = what(1 + step)? else { return None };
            let second = usize::from(separates(2 + step));
            let Number(y, 4) = what(2 + step + second)? else { return None };
            day(*y as i32, m, *d).map(|date| (date, 3 + step + second))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ymd(y: i32, m: u32, d: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(y, m, d).unwrap()
    }

    fn today() -> NaiveDate {
        ymd(2026, 11, 21)
    }

    #[test]
    fn nobody_is_born_tomorrow_and_no_passport_lasts_a_century() {
        assert_eq!(birth("740812", today()), Some(ymd(1974, 8, 12)));
        assert_eq!(birth("261121", today()), Some(ymd(2026, 11, 21)));
        assert_eq!(birth("261122", today()), Some(ymd(1926, 11, 22)));
        assert_eq!(expiry("120415", today()), Some(ymd(2012, 4, 15)));
        assert_eq!(expiry("960910", today()), Some(ymd(1996, 9, 10)));
        assert_eq!(expiry("360101", today()), Some(ymd(2036, 1, 1)));
        assert_eq!(birth("7408<<", today()), None);
        assert_eq!(expiry("<<<<<<", today()), None);
        // 1900 was no leap year: only one of the two centuries has the day.
        assert_eq!(birth("000229", today()), Some(ymd(2000, 2, 29)));
    }

    #[test]
    fn dates_are_read_as_documents_print_them() {
        for (text, expected) in [
            ("12 AUG/AOUT 74", ymd(1974, 8, 12)),
            ("12 Aug/Août 1974", ymd(1974, 8, 12)),
            ("20 FEB 1979", ymd(1979, 2, 20)),
            ("07 SEP/SEP 86", ymd(1986, 9, 7)),
            ("10DEC2011", ymd(2011, 12, 10)),
            ("01.11.2010", ymd(2010, 11, 1)),
            ("24/12/1999", ymd(1999, 12, 24)),
            ("1999-12-24", ymd(1999, 12, 24)),
            ("14 12 1978", ymd(1978, 12, 14)),
            ("3 juillet 2001", ymd(2001, 7, 3)),
            ("August 31, 1978", ymd(1978, 8, 31)),
            ("Geb. 12-08-74", ymd(1974, 8, 12)),
            ("24121999", ymd(1999, 12, 24)),
        ] {
            let found = find(text, Order::DayFirst, today());
            assert_eq!(found.iter().map(|f| f.date).collect::<Vec<_>>(), [expected], "{text}");
        }
        assert_eq!(find("08/01/1978", Order::MonthFirst, today())[0].date, ymd(1978, 8, 1));
        assert_eq!(find("08/01/1978", Order::DayFirst, today())[0].date, ymd(1978, 1, 8));
        // Only one order exists.
        assert_eq!(find("08/31/1978", Order::DayFirst, today())[0].date, ymd(1978, 8, 31));
        let two = find("01/02/2013 - 03/02/2018", Order::MonthFirst, today());
        assert_eq!(two.len(), 2);
    }

    #[test]
    fn numbers_that_are_no_dates_stay_numbers() {
        for text in ["D231458907", "tel 12 34 56", "31/02/2001", "99.99.99", "1234", "v1.2.3", "12 of 1974"] {
            assert!(find(text, Order::DayFirst, today()).is_empty(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,60}", digits in "[0-9./ -]{0,20}") {
            let _ = find(&text, Order::DayFirst, today());
            let _ = find(&digits, Order::MonthFirst, today());
            let _ = birth(&digits, today());
            let _ = expiry(&text, today());
        }
    }
}
