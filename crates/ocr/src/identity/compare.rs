//! Print against zone and barcode.

use chrono::NaiveDate;

use super::dates;
use super::document::Compared;
use super::labels::{Field, plain};
use super::printed::{Printed, Value};

/// A value that a machine-readable part tells.
pub(super) enum Told<'a> {
    /// A name; `cut` where it may have been cut off.
    Name {
        text: &'a str,
        cut: bool,
    },
    Text(&'a str),
    Date(NaiveDate),
}

/// Compares one field: with what stands at its label, or, where there is none, with everything that is printed. A
/// label with another value is a difference wherever else the value stands. `None` when the print has neither.
/// `lines` are the printed lines without the zone's.
pub(super) fn one(
    name: &'static str,
    field: Field,
    told: &Told<'_>,
    printed: &Printed,
    lines: &[&str],
    today: NaiveDate,
) -> Option<Compared> {
    let at_label = printed.fields.get(&field).cloned().or_else(|| {
        // A whole name parted by a comma holds both parts.
        let whole = printed.fields.get(&Field::FullName)?;
        let (surname, given) = whole.text.split_once(',')?;
        let part = match field {
            Field::Surname => surname,
            Field::Given => given,
            _ => return None,
        };
        Some(Value { text: part.trim().to_owned(), ..whole.clone() })
    });
    let compared = |printed: String, agrees: bool, printed_elsewhere: bool| Compared {
        field: name,
        printed,
        machine_readable: match told {
            Told::Name { text, .. } | Told::Text(text) => (*text).to_owned(),
            Told::Date(date) => date.to_string(),
        },
        agrees,
        printed_elsewhere,
    };
    let same = |value: &Value| match told {
        Told::Name { text, cut } => same_name(&value.text, text, *cut),
        Told::Text(text) => characters(&value.text) == characters(text),
        Told::Date(date) => value.date == Some(*date),
    };
    if let Some(value) = at_label.as_ref().filter(|value| same(value)) {
        return Some(compared(value.text.clone(), true, false));
    }
    let elsewhere = lines.iter().find_map(|line| match told {
        Told::Name { text, .. } => whole_words(line, &characters(text), 3),
        Told::Text(text) => whole_words(line, &characters(text), 5),
        Told::Date(date) => dates::find(line, printed.order, today)
            .into_iter()
            .find(|found| found.date == *date)
            .and_then(|found| line.get(found.at).map(str::to_owned)),
    });
    match (at_label, elsewhere) {
        (Some(value), elsewhere) => Some(compared(value.text, false, elsewhere.is_some())),
        (None, Some(text)) => Some(compared(text, true, true)),
        (None, None) => None,
    }
}

/// The words of a line that are, together, what is wanted, of at least `least` characters. Whole words only: a
/// number is not printed where it is a part of a longer one, nor ANNA in SUSANNA.
fn whole_words(line: &str, wanted: &str, least: usize) -> Option<String> {
    // More words make no name and no number.
    const MOST: usize = 8;
    if wanted.len() < least {
        return None;
    }
    let mut words: Vec<(usize, usize)> = Vec::new();
    let mut start = None;
    for (at, c) in line.char_indices().chain([(line.len(), ' ')]) {
        match (c.is_alphanumeric(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push((from, at));
                start = None;
            }
            _ => {}
        }
    }
    words.iter().enumerate().find_map(|(nth, (from, _))| {
        words.iter().skip(nth).take(MOST).find_map(|(_, to)| {
            let text = line.get(*from..*to)?;
            spellings(text).iter().any(|s| s == wanted).then(|| text.to_owned())
        })
    })
}

/// Capitals and digits without marks and separators.
fn characters(text: &str) -> String {
    plain(text).chars().filter(char::is_ascii_alphanumeric).collect()
}

/// The ways in which a printed name is written in a zone (Doc 9303 part 3, section 6): marks dropped, or letters
/// with marks as two letters.
fn spellings(text: &str) -> Vec<String> {
    let expanded = |pairs: &[(char, &str)]| {
        let written: String = text
            .chars()
            .flat_map(char::to_uppercase)
            .map(|c| {
                pairs
                    .iter()
                    .find(|(from, _)| *from == c)
                    .map_or_else(|| c.to_string(), |(_, to)| (*to).to_owned())
            })
            .collect();
        characters(&written)
    };
    let mut out = vec![
        expanded(&[('ß', "SS"), ('Þ', "TH")]),
        expanded(&[
            ('Ä', "AE"),
            ('Ö', "OE"),
            ('Ü', "UE"),
            ('ß', "SS"),
            ('Å', "AA"),
            ('Ø', "OE"),
            ('Æ', "AE"),
            ('Þ', "TH"),
        ]),
        expanded(&[('Ñ', "NXX"), ('Ü', "UXX")]),
        expanded(&[('Ä', "A"), ('Ö', "OE"), ('Å', "AA")]),
    ];
    out.dedup();
    out
}

/// Whether a printed name is the one of a zone. Print may hold more than the zone where that is cut off, or, in
/// languages that print two names for one label, both.
fn same_name(printed: &str, told: &str, cut: bool) -> bool {
    let told = characters(told);
    let whole = spellings(printed);
    let parts = printed.split(['/', ',', '(']).flat_map(spellings);
    whole.into_iter().chain(parts).any(|p| p == told || (cut && !told.is_empty() && p.starts_with(&told)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn today() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, 21).unwrap()
    }

    #[test]
    fn names_agree_whatever_the_zone_does_to_their_marks() {
        for (printed, told) in [
            ("Müller", "MUELLER"),
            ("Müller", "MULLER"),
            ("Strauß", "STRAUSS"),
            ("Nguyễn", "NGUYEN"),
            ("Basanavičienė", "BASANAVICIENE"),
            ("Señor", "SENOR"),
            ("ANNA-MARIA", "ANNA MARIA"),
        ] {
            assert!(same_name(printed, told, false), "{printed} {told}");
        }
        assert!(same_name("NILAVADHANANANDA CHAYAPA", "NILAVADHANANANDA CHA", true));
        assert!(!same_name("ERIKSSON", "ERICSSON", false));
        assert!(!same_name("ERIKSSON", "ERIK", false));
    }

    #[test]
    fn a_difference_is_reported_and_a_value_printed_elsewhere_is_found() {
        let printed = Printed::default();
        let birth = NaiveDate::from_ymd_opt(1974, 8, 12).unwrap();
        let lines = ["ERIKSSON, ANNA", "12 AUG 1974", "No L898902C3 UTO"];
        let one = |told: &Told<'_>, field| super::one("x", field, told, &printed, &lines, today());
        assert!(one(&Told::Date(birth), Field::BirthDate).is_some_and(|c| c.agrees));
        assert!(one(&Told::Text("L898902C3"), Field::DocumentNumber).is_some_and(|c| c.agrees));
        assert!(one(&Told::Text("L898902C4"), Field::DocumentNumber).is_none());
    }

    #[test]
    fn a_label_that_differs_is_a_difference_though_the_value_stands_elsewhere() {
        let day = |d| NaiveDate::from_ymd_opt(1974, 8, d).unwrap();
        let value = |text: &str, date| Value {
            text: text.to_owned(),
            date,
            quad: crate::Quad([innkeeper_core::Point { x: 0.0, y: 0.0 }; 4]),
            confidence: 0.99,
        };
        let mut printed = Printed::default();
        printed.fields.insert(Field::BirthDate, value("13 AUG 1974", Some(day(13))));
        printed.fields.insert(Field::DocumentNumber, value("L898902C4", None));
        let lines = ["13 AUG 1974", "L898902C4", "12 AUG 1974 L898902C3"];
        for (told, field) in
            [(Told::Date(day(12)), Field::BirthDate), (Told::Text("L898902C3"), Field::DocumentNumber)]
        {
            let c = super::one("x", field, &told, &printed, &lines, today()).expect("a comparison");
            assert_eq!((c.agrees, c.printed_elsewhere), (false, true));
        }
    }

    #[test]
    fn a_part_of_a_word_and_a_date_in_another_order_confirm_nothing() {
        let printed = Printed::default();
        let birth = NaiveDate::from_ymd_opt(1974, 8, 12).unwrap();
        let lines = ["SUSANNA", "ref XL898902C31", "08.12.1974"];
        let one = |told: &Told<'_>, field| super::one("x", field, told, &printed, &lines, today());
        assert!(one(&Told::Name { text: "ANNA", cut: false }, Field::Given).is_none());
        assert!(one(&Told::Text("L898902C3"), Field::DocumentNumber).is_none());
        assert!(one(&Told::Date(birth), Field::BirthDate).is_none());
    }
}
