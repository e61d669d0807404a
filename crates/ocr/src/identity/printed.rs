//! Fields by their printed labels: what stands behind a label, to the right of it or below it.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use innkeeper_core::Rect;

use super::DocumentType;
use super::dates::{self, Order};
use super::labels::{self, Field, HEADINGS, PlainWord};
use super::states;
use crate::{Line, PageText, Quad};

/// What stands at a label.
#[derive(Clone, PartialEq)]
pub(crate) struct Value {
    /// As printed, without the label.
    pub text: String,
    /// For dates.
    pub date: Option<NaiveDate>,
    /// The line it was found in.
    pub quad: Quad,
    /// Mean probability of the characters of that line.
    pub confidence: f32,
}

/// What a page prints.
#[derive(Clone, Default)]
pub(crate) struct Printed {
    pub fields: BTreeMap<Field, Value>,
    /// The kind of document that a heading names, and the heading's confidence.
    pub heading: Option<(DocumentType, f32)>,
    /// How its dates are written.
    pub order: Order,
    /// Labels of fields that only documents of a person have were seen (date of birth, sex, nationality).
    pub personal_labels: usize,
}

/// A line of the page prepared for the search.
struct Row<'a> {
    line: &'a Line,
    bounds: Rect,
    words: Vec<PlainWord>,
    labels: Vec<labels::Label>,
}

impl Row<'_> {
    /// Left edge of a byte of the text; characters are taken to be equally wide.
    fn x_of(&self, byte: usize) -> f32 {
        let before = self.line.text.get(..byte).map_or(0, |t| t.chars().count());
        let all = self.line.text.chars().count().max(1);
        self.bounds.x + self.bounds.w * before as f32 / all as f32
    }
}

/// Reads the labelled fields of a page. `skip` says which lines belong to a machine-readable zone.
pub(crate) fn read(page: &PageText, skip: impl Fn(&Line) -> bool, today: NaiveDate) -> Printed {
    let rows: Vec<Row<'_>> = page
        .lines
        .iter()
        .filter(|line| !skip(line))
        .map(|line| {
            let words = labels::words(&line.text);
            let labels = name_labels(labels::labels(&words));
            Row { line, bounds: line.quad.bounds(), words, labels }
        })
        .collect();
    let heading = heading(&rows);
    // Only the United States print the month first; their licences say so by their labels.
    let american = heading.is_some_and(|(kind, _)| kind == DocumentType::DriverLicense)
        && rows.iter().any(|r| {
            r.words.iter().any(|w| matches!(w.text.as_str(), "USA" | "DLN" | "DOB" | "HGT" | "WGT"))
        });
    let order = if american { Order::MonthFirst } else { Order::DayFirst };
    let mut out = Printed { heading, order, ..Printed::default() };
    let mut seen = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        for (nth, label) in row.labels.iter().enumerate() {
            if matches!(label.field, Field::BirthDate | Field::Sex | Field::Nationality)
                && !seen.contains(&label.field)
            {
                seen.push(label.field);
            }
            if label.field == Field::Other || out.fields.contains_key(&label.field) {
                continue;
            }
            if let Some(value) = value_of(&rows, at, nth, order, today) {
                out.fields.insert(label.field, value);
            }
        }
    }
    out.personal_labels = seen.len();
    if out.heading.is_some_and(|(kind, _)| kind == DocumentType::DriverLicense) {
        numbered(&rows, order, today, &mut out.fields);
    }
    out
}

/// `Name/Nom` stands for the whole name: a label for the surname directly beside one for the full name is one too.
fn name_labels(mut labels: Vec<labels::Label>) -> Vec<labels::Label> {
    for at in 1..labels.len() {
        let (before, here) = (labels[at - 1].clone(), &mut labels[at]);
        if before.field == Field::FullName
            && here.field == Field::Surname
            && before.words.end == here.words.start
        {
            here.field = Field::FullName;
        }
    }
    labels
}

/// The heading of the most specific kind; a visa or permit may show the word for passport too.
fn heading(rows: &[Row<'_>]) -> Option<(DocumentType, f32)> {
    let joined = |row: &Row<'_>| row.words.iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join(" ");
    let texts: Vec<(String, String, f32)> =
        rows.iter().map(|row| (joined(row), joined(row).replace(' ', ""), row.line.confidence)).collect();
    HEADINGS.iter().find_map(|(kind, headings)| {
        let hit = |spaced: &str, packed: &str, heading: &str| {
            // Short words must stand alone; long ones may have lost their spaces.
            let alone = spaced == heading
                || spaced.starts_with(&format!("{heading} "))
                || spaced.ends_with(&format!(" {heading}"))
                || spaced.contains(&format!(" {heading} "));
            let bare = heading.replace(' ', "");
            alone || (bare.len() >= 10 && packed.contains(&bare))
        };
        texts
            .iter()
            .filter(|(spaced, packed, _)| headings.iter().any(|h| hit(spaced, packed, h)))
            // "Passport No." is a label, which visas carry too.
            .find(|(spaced, ..)| {
                *kind != DocumentType::Passport
                    || !["NO", "NUMBER", "NR", "N"].iter().any(|n| spaced.split(' ').any(|w| w == *n))
            })
            .map(|(.., confidence)| (*kind, *confidence))
    })
}

/// What stands at the label: behind it, to the right of it, or below it.
fn value_of(rows: &[Row<'_>], at: usize, nth: usize, order: Order, today: NaiveDate) -> Option<Value> {
    let row = &rows[at];
    let label = &row.labels[nth];
    let field = label.field;
    let accept = |text: &str, line: &Line| accepted(field, text, line, order, today);
    // The same field may be named again in another language.
    let mut last = nth;
    while row
        .labels
        .get(last + 1)
        .is_some_and(|l| l.field == field && l.words.start <= row.labels[last].words.end + 1)
    {
        last += 1;
    }
    let next = row.labels.get(last + 1);
    let from = row.words.get(row.labels[last].words.end.checked_sub(1)?)?.at.end;
    let to = next.and_then(|l| row.words.get(l.words.start)).map_or(row.line.text.len(), |w| w.at.start);
    if let Some(value) = row.line.text.get(from..to).and_then(|rest| accept(rest, row.line)) {
        return Some(value);
    }
    let left = row.x_of(row.words.get(label.words.start)?.at.start);
    let right =
        next.and_then(|l| row.words.get(l.words.start)).map_or(f32::INFINITY, |w| row.x_of(w.at.start));
    let height = row.bounds.h.max(1.0);
    let mut candidates: Vec<(f32, String, &Line)> = Vec::new();
    for (other, near) in rows.iter().enumerate() {
        if other == at {
            continue;
        }
        let b = &near.bounds;
        let overlap = b.bottom().min(row.bounds.bottom()) - b.y.max(row.bounds.y);
        let beside = overlap > 0.4 * height.min(b.h);
        if beside
            && next.is_none()
            && b.x >= row.bounds.right() - height
            && b.x - row.bounds.right() < 12.0 * height
        {
            // A label to the right owns what follows it.
            let stop = near
                .labels
                .first()
                .and_then(|l| near.words.get(l.words.start))
                .map_or(near.line.text.len(), |w| w.at.start);
            if let Some(text) = near.line.text.get(..stop) {
                candidates.push(((b.x - row.bounds.right()).max(0.0) + height, text.to_owned(), near.line));
            }
        }
        let gap = b.y - row.bounds.bottom();
        if !beside
            && gap > -0.5 * height
            && gap < 2.2 * height.max(b.h)
            && b.x < right
            && b.right() > left - height
        {
            candidates.push((
                gap.max(0.0) + (b.x - left).abs().min(b.w) * 0.2,
                column(near, left - 1.5 * height, right - 0.5 * height),
                near.line,
            ));
        }
    }
    candidates.sort_by(|a, b| a.0.total_cmp(&b.0));
    candidates.into_iter().find_map(|(_, text, line)| accept(&text, line))
}

/// The words of a line that begin between two places, or all of it when it begins right of the first.
fn column(row: &Row<'_>, left: f32, right: f32) -> String {
    let words: Vec<&str> = {
        let mut start = None;
        let text = &row.line.text;
        let mut out = Vec::new();
        for (i, c) in text.char_indices().chain([(text.len(), ' ')]) {
            match (c.is_whitespace(), start) {
                (false, None) => start = Some(i),
                (true, Some(s)) => {
                    let x = row.x_of(s);
                    if x >= left && x < right {
                        out.extend(text.get(s..i));
                    }
                    start = None;
                }
                _ => {}
            }
        }
        out
    };
    words.join(" ")
}

/// The value in a text if it is one for the field.
fn accepted(field: Field, text: &str, line: &Line, order: Order, today: NaiveDate) -> Option<Value> {
    let text = text.trim_matches(|c: char| !c.is_alphanumeric());
    if text.is_empty() {
        return None;
    }
    let value = |text: String, date| Value { text, date, quad: line.quad, confidence: line.confidence };
    match field {
        Field::BirthDate | Field::ExpiryDate | Field::IssueDate => {
            let dates = dates::find(text, order, today);
            // "From - to" on one line: the end is the expiry.
            let found = if field == Field::ExpiryDate { dates.last() } else { dates.first() }?;
            if field == Field::BirthDate && found.date > today {
                return None;
            }
            Some(value(text.get(found.at.clone())?.to_owned(), Some(found.date)))
        }
        Field::DocumentNumber | Field::PersonalNumber => number(text, order, today).map(|n| value(n, None)),
        Field::Sex => sex(text).map(|s| value(s.to_string(), None)),
        Field::Nationality => {
            let words = labels::words(text);
            // A code by itself is what the zone holds too; as a word among words it is none (`Việt Nam`).
            if let [word] = words.as_slice()
                && states::is_known(&word.text)
            {
                return Some(value(word.text.clone(), None));
            }
            (letters_only(text) && text.chars().count() >= 2 && labels::labels(&words).is_empty())
                .then(|| value(text.to_owned(), None))
        }
        Field::Surname | Field::Given | Field::FullName => {
            let words = labels::words(text);
            (letters_only(text) && text.chars().count() >= 2 && labels::labels(&words).is_empty())
                .then(|| value(text.to_owned(), None))
        }
        Field::Address => (text.chars().count() >= 5 && labels::labels(&labels::words(text)).is_empty())
            .then(|| value(text.to_owned(), None)),
        Field::Other => None,
    }
}

fn letters_only(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_alphabetic() || c.is_whitespace() || matches!(c, '-' | '\'' | '’' | '.' | ',' | '/'))
}

/// The first run of capitals and digits that can be a document number: 5 to 20 characters, at least a third
/// digits, and no date. Groups of digits parted by spaces are one number.
fn number(text: &str, order: Order, today: NaiveDate) -> Option<String> {
    if !dates::find(text, order, today).is_empty() && text.contains(['.', '/']) {
        return None;
    }
    let fits = |n: &str| {
        let digits = n.bytes().filter(u8::is_ascii_digit).count();
        (5..=20).contains(&n.len()) && digits * 3 >= n.len()
    };
    let pieces: Vec<&str> = text
        .split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-'))
        .filter(|p| !p.is_empty())
        .collect();
    let digits = |p: &&str| p.bytes().all(|b| b.is_ascii_digit());
    for (at, piece) in pieces.iter().enumerate() {
        let mut joined = (*piece).to_owned();
        let mut best = fits(&joined).then(|| joined.clone());
        for more in pieces[at + 1..].iter().take_while(|p| digits(p)) {
            joined.push_str(more);
            if fits(&joined) {
                best = Some(joined.clone());
            }
        }
        if best.is_some() {
            return best.map(|n| n.trim_matches('-').to_owned());
        }
    }
    None
}

/// `M`, `F` or `X`. Two letters parted by a slash are one sex in two languages; the second is English.
fn sex(text: &str) -> Option<char> {
    let words: Vec<String> = labels::words(text).into_iter().map(|w| w.text).collect();
    let of = |word: &str| match word {
        "M" | "MALE" | "NAM" | "MASCULINO" | "MASCULIN" | "H" | "MAN" | "LAKILAKI" | "MM" => Some('M'),
        "F" | "FEMALE" | "NU" | "FEMENINO" | "FEMININ" | "FEMININO" | "W" | "PEREMPUAN" | "FF" => Some('F'),
        "X" | "U" => Some('X'),
        _ => None,
    };
    words.iter().take(3).rev().find_map(|w| of(w))
}

/// The numbered fields of driving licences (ISO/IEC 18013-1): 1 surname, 2 given names, 3 birth, 4a issue, 4b
/// expiry, 5 or 4d number, 15 sex.
fn numbered(rows: &[Row<'_>], order: Order, today: NaiveDate, fields: &mut BTreeMap<Field, Value>) {
    const NUMBERS: [(&str, Field); 9] = [
        ("1", Field::Surname),
        ("2", Field::Given),
        ("3", Field::BirthDate),
        ("4A", Field::IssueDate),
        ("4B", Field::ExpiryDate),
        ("4D", Field::DocumentNumber),
        ("5", Field::DocumentNumber),
        ("8", Field::Address),
        ("15", Field::Sex),
    ];
    for row in rows {
        for (at, word) in row.words.iter().enumerate() {
            let Some((_, field)) = NUMBERS.iter().find(|(n, _)| *n == word.text) else { continue };
            // One and two begin their line; a bare digit elsewhere is part of an address.
            if fields.contains_key(field) || (at > 0 && word.text.len() == 1) {
                continue;
            }
            let stop = row.words[at + 1..]
                .iter()
                .find(|w| NUMBERS.iter().any(|(n, _)| n.len() == 2 && *n == w.text))
                .map_or(row.line.text.len(), |w| w.at.start);
            let rest = row.line.text.get(word.at.end..stop).unwrap_or_default();
            let value = accepted(*field, rest, row.line, order, today).or_else(|| {
                // The number alone was found; its value is the next line to the right.
                let b = &row.bounds;
                let right = |near: &&Row<'_>| {
                    let (n, middle) = (&near.bounds, near.bounds.centre().y);
                    let gap = n.x - b.right();
                    gap > -0.5 * b.h
                        && gap < 3.0 * b.h
                        && middle > b.y - 0.3 * b.h
                        && middle < b.bottom() + 0.3 * b.h
                };
                let near = (row.words.len() == 1).then(|| rows.iter().find(right)).flatten()?;
                accepted(*field, &near.line.text, near.line, order, today)
            });
            fields.extend(value.map(|value| (*field, value)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn today() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, 21).unwrap()
    }

    fn page(lines: &[(f32, f32, &str)]) -> PageText {
        let lines = lines
            .iter()
            .map(|(x, y, text)| {
                let rect = Rect { x: *x, y: *y, w: text.chars().count() as f32 * 10.0, h: 20.0 };
                Line {
                    quad: Quad::from_rect(&rect),
                    text: (*text).to_owned(),
                    confidence: 0.9,
                    words: Vec::new(),
                }
            })
            .collect();
        PageText::upright(1000, 700, lines)
    }

    fn text(printed: &Printed, field: Field) -> Option<&str> {
        printed.fields.get(&field).map(|v| v.text.as_str())
    }

    #[test]
    fn values_below_their_labels_are_found_column_by_column() {
        let printed = read(
            &page(&[
                (100.0, 20.0, "PASSPORT / PASSEPORT"),
                (300.0, 100.0, "Surname/Nom"),
                (300.0, 122.0, "ERIKSSON"),
                (300.0, 160.0, "Given names/Prénoms"),
                (300.0, 182.0, "ANNA MARIA"),
                (300.0, 220.0, "Sex/Sexe"),
                (500.0, 220.0, "Date of birth/Date de naissance"),
                (300.0, 242.0, "F"),
                (500.0, 242.0, "12 AUG/AOUT 74"),
                (300.0, 280.0, "Nationality"),
                (500.0, 280.0, "Date of expiry"),
                (300.0, 302.0, "UTO"),
                (500.0, 302.0, "15 APR/AVR 12"),
                (700.0, 20.0, "Passport No./Passeport N°"),
                (700.0, 42.0, "L898902C3"),
            ]),
            |_| false,
            today(),
        );
        assert_eq!(text(&printed, Field::Surname), Some("ERIKSSON"));
        assert_eq!(text(&printed, Field::Given), Some("ANNA MARIA"));
        assert_eq!(text(&printed, Field::Sex), Some("F"));
        assert_eq!(text(&printed, Field::Nationality), Some("UTO"));
        assert_eq!(text(&printed, Field::DocumentNumber), Some("L898902C3"));
        assert_eq!(printed.fields[&Field::BirthDate].date, NaiveDate::from_ymd_opt(1974, 8, 12));
        assert_eq!(printed.fields[&Field::ExpiryDate].date, NaiveDate::from_ymd_opt(2012, 4, 15));
        assert_eq!(printed.heading.map(|h| h.0), Some(DocumentType::Passport));
        assert_eq!(printed.personal_labels, 3);
    }

    #[test]
    fn values_behind_their_labels_are_found() {
        let printed = read(
            &page(&[
                (100.0, 20.0, "CĂN CƯỚC CÔNG DÂN"),
                (100.0, 60.0, "Số / No.: 001099012345"),
                (100.0, 90.0, "Họ và tên / Full name: NGUYỄN VĂN A"),
                (100.0, 120.0, "Ngày sinh / Date of birth: 24/12/1999"),
                (100.0, 150.0, "Giới tính / Sex: Nam Quốc tịch / Nationality: Việt Nam"),
            ]),
            |_| false,
            today(),
        );
        assert_eq!(text(&printed, Field::DocumentNumber), Some("001099012345"));
        assert_eq!(text(&printed, Field::FullName), Some("NGUYỄN VĂN A"));
        assert_eq!(printed.fields[&Field::BirthDate].date, NaiveDate::from_ymd_opt(1999, 12, 24));
        assert_eq!(
            (text(&printed, Field::Sex), text(&printed, Field::Nationality)),
            (Some("M"), Some("Việt Nam"))
        );
        assert_eq!(printed.heading.map(|h| h.0), Some(DocumentType::IdCard));
    }

    #[test]
    fn the_numbered_fields_of_an_american_licence_are_read_month_first() {
        let printed = read(
            &page(&[
                (100.0, 20.0, "ARIZONA DRIVER LICENSE"),
                (300.0, 60.0, "4d DLN D12345678"),
                (300.0, 90.0, "1 SAMPLE"),
                (300.0, 112.0, "2"),
                (322.0, 108.0, "JELANI"),
                (300.0, 140.0, "3 DOB 02/01/1957"),
                (300.0, 170.0, "4a ISS 01/10/2013"),
                (300.0, 200.0, "4b EXP 02/01/2018"),
                (300.0, 230.0, "15 SEX M"),
            ]),
            |_| false,
            today(),
        );
        assert_eq!(
            (text(&printed, Field::Surname), text(&printed, Field::Given)),
            (Some("SAMPLE"), Some("JELANI"))
        );
        assert_eq!(text(&printed, Field::DocumentNumber), Some("D12345678"));
        let date = |field| printed.fields.get(&field).and_then(|v| v.date);
        assert_eq!(date(Field::BirthDate), NaiveDate::from_ymd_opt(1957, 2, 1));
        assert_eq!(date(Field::IssueDate), NaiveDate::from_ymd_opt(2013, 1, 10));
        assert_eq!(date(Field::ExpiryDate), NaiveDate::from_ymd_opt(2018, 2, 1));
    }

    #[test]
    fn a_receipt_names_nobody() {
        let printed = read(
            &page(&[
                (100.0, 20.0, "TAX INVOICE"),
                (100.0, 60.0, "Invoice No: 12345678"),
                (100.0, 90.0, "Date: 24/12/2018 18:05"),
                (100.0, 120.0, "TOTAL 12.50"),
            ]),
            |_| false,
            today(),
        );
        assert_eq!(printed.personal_labels, 0);
        assert_eq!(printed.heading, None);
        assert!(!printed.fields.contains_key(&Field::BirthDate));
    }
}
