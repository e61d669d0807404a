//! Dates as documents print them.
//!
//! `31/12/2025`, `12-31-2025`, `31.12.25`, `2025-12-31`, `2025年1月17日`, `17 Jan 2025`, `17. März 2025`,
//! `Jan 17, 2025`, `ngày 17 tháng 01 năm 2025`, `17012025`; with a time glued to it, and with letters where the reader
//! saw letters instead of digits.

use std::ops::Range;

use chrono::{Datelike, NaiveDate};

use super::currency::DateOrder;
use super::words::fold;

/// A date as printed: its parts, before anything decides what `01/02/2025` means.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says how the date was printed, and any may go with any"
)]
pub(super) struct Printed {
    /// The readings the parts allow, at least one; several for `01/02/2025`.
    pub readings: Vec<(DateOrder, NaiveDate)>,
    /// The month was a word or the order is marked: nothing to decide.
    pub certain: bool,
    /// The year had four digits.
    pub long_year: bool,
    /// No separators: `17012025`.
    pub compact: bool,
    /// Letters were read as the digits they look like.
    pub repaired: bool,
    /// A time of day stands right behind it.
    pub timed: bool,
    /// Characters it takes.
    pub chars: Range<usize>,
}

impl Printed {
    /// The date in the given order, or in the only order it can have; whether the order had to be assumed.
    pub fn in_order(&self, order: DateOrder) -> Option<(NaiveDate, bool)> {
        let distinct = self.readings.iter().any(|(_, d)| Some(*d) != self.readings.first().map(|(_, d)| *d));
        let chosen = self.readings.iter().find(|(o, _)| *o == order).or_else(|| self.readings.first());
        chosen.map(|(_, date)| (*date, distinct && !self.certain))
    }

    /// The order, where the parts leave only one.
    pub fn only_order(&self) -> Option<DateOrder> {
        let first = self.readings.first()?;
        (self.readings.len() == 1 && !self.compact && self.long_year).then_some(first.0)
    }
}

/// Month names, folded, by number; a word of a text matches from its third letter on.
#[rustfmt::skip]
const MONTHS: &[(&str, u32)] = &[
    ("january", 1), ("januar", 1), ("janner", 1), ("janvier", 1), ("januari", 1), ("enero", 1), ("gennaio",
    1), ("february", 2), ("februar", 2), ("fevrier", 2), ("februari", 2), ("febrero", 2), ("febbraio", 2),
    ("fevr", 2), ("march", 3), ("marz", 3), ("maerz", 3), ("mars", 3), ("maart", 3), ("mac", 3), ("marzo",
    3), ("mrz", 3), ("april", 4), ("avril", 4), ("abril", 4), ("aprile", 4), ("avr", 4), ("may", 5), ("mai",
    5), ("mei", 5), ("mayo", 5), ("maggio", 5), ("june", 6), ("juni", 6), ("juin", 6), ("jun", 6), ("junio",
    6), ("giugno", 6), ("july", 7), ("juli", 7), ("juillet", 7), ("jul", 7), ("julai", 7), ("julio", 7),
    ("luglio", 7), ("juil", 7), ("august", 8), ("aout", 8), ("augustus", 8), ("ogos", 8), ("agosto", 8),
    ("september", 9), ("septembre", 9), ("sept", 9), ("septiembre", 9), ("settembre", 9), ("october", 10),
    ("oktober", 10), ("octobre", 10), ("octubre", 10), ("ottobre", 10), ("november", 11), ("novembre", 11),
    ("noviembre", 11), ("december", 12), ("dezember", 12), ("decembre", 12), ("disember", 12), ("diciembre",
    12), ("dicembre", 12), ("desember", 12),
];

/// The month a word names: the whole name, or at least its first three letters.
pub(super) fn month(word: &str) -> Option<u32> {
    let word = fold(word);
    if word.chars().count() < 3 || word.chars().count() > 10 {
        return None;
    }
    if let Some((_, number)) = MONTHS.iter().find(|(name, _)| *name == word) {
        return Some(*number);
    }
    // "mar" is March, "ma" nothing; "juni" has matched above, so "jun" and "jul" stay apart.
    MONTHS.iter().find(|(name, _)| name.starts_with(&word) && word.len() <= 4).map(|(_, number)| *number)
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    /// Digits, as printed.
    Digits(String),
    /// A word.
    Word(String),
    /// One of `/ - .` or a sign read for one.
    Separator(char),
    /// White space.
    Space,
    /// `:`; `,`; anything else.
    Other(char),
}

struct Token {
    part: Part,
    chars: Range<usize>,
}

/// All dates in a text, from left to right.
pub(super) fn find(text: &str) -> Vec<Printed> {
    let chars: Vec<char> = text.chars().collect();
    let (fixed, repaired_at) = digits_for_letters(&chars);
    let tokens = tokens(&fixed);
    let mut out = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let window = tokens.get(i..).unwrap_or_default();
        match at_start(window, i.checked_sub(1).and_then(|p| tokens.get(p)).map(|t| &t.part)) {
            Some((mut printed, used)) => {
                let rest = window.get(used..).unwrap_or_default();
                printed.timed |= time_follows(rest);
                printed.repaired = repaired_at.iter().any(|at| printed.chars.contains(at));
                i += used.max(1);
                out.push(printed);
            }
            None => i += 1,
        }
    }
    out
}

/// Letters that stand between digits and separators, as the digits they look like.
fn digits_for_letters(chars: &[char]) -> (Vec<char>, Vec<usize>) {
    let mut out = chars.to_vec();
    let mut at = Vec::new();
    for i in 0..chars.len() {
        let digit = match chars.get(i) {
            Some('O' | 'o' | 'Q') => '0',
            Some('l' | 'I' | '|' | 'i') => '1',
            _ => continue,
        };
        let kind = |c: Option<&char>| match c {
            Some(c) if c.is_ascii_digit() => 2,
            Some('/' | '-' | '.') => 1,
            Some(c) if c.is_alphabetic() => -4,
            _ => 0,
        };
        let before = kind(i.checked_sub(1).and_then(|b| out.get(b)));
        let after = kind(chars.get(i + 1));
        let far = kind(chars.get(i + 2)).max(i.checked_sub(2).map_or(0, |b| kind(chars.get(b))));
        let beside = before + after;
        if beside >= 2 && (beside >= 3 || far >= 1) {
            if let Some(c) = out.get_mut(i) {
                *c = digit;
            }
            at.push(i);
        }
    }
    (out, at)
}

fn tokens(chars: &[char]) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::new();
    for (i, c) in chars.iter().enumerate() {
        let part = match c {
            c if c.is_ascii_digit() => Part::Digits(c.to_string()),
            '年' | '月' | '日' => Part::Other(*c),
            c if c.is_alphabetic() => Part::Word(c.to_string()),
            c if c.is_whitespace() => Part::Space,
            '/' | '-' | '.' => Part::Separator(*c),
            '–' | '—' | '−' | '‐' => Part::Separator('-'),
            '．' | '·' => Part::Separator('.'),
            '\\' | '／' => Part::Separator('/'),
            c => Part::Other(*c),
        };
        match (out.last_mut(), part) {
            (Some(Token { part: Part::Digits(digits), chars }), Part::Digits(d)) if chars.end == i => {
                digits.push_str(&d);
                chars.end = i + 1;
            }
            (Some(Token { part: Part::Word(word), chars }), Part::Word(w)) if chars.end == i => {
                word.push_str(&w);
                chars.end = i + 1;
            }
            (Some(Token { part: Part::Space, chars }), Part::Space) => chars.end = i + 1,
            (_, part) => out.push(Token { part, chars: i..i + 1 }),
        }
    }
    out
}

/// A date that starts with the first token.
fn at_start(tokens: &[Token], before: Option<&Part>) -> Option<(Printed, usize)> {
    // Part of a longer number, a code or a decimal fraction.
    if matches!(before, Some(Part::Digits(_))) {
        return None;
    }
    let glued = matches!(before, Some(Part::Separator(_)));
    match tokens.first().map(|t| &t.part) {
        // Digits behind a letter are a code (`HC03-7 - 15`) unless the date is written out in full.
        Some(Part::Digits(_)) if matches!(before, Some(Part::Word(_))) => {
            from_digits(tokens).filter(|(d, used)| {
                d.chars.len() >= 8 && !d.compact && tokens.iter().take(*used).all(|t| t.part != Part::Space)
            })
        }
        Some(Part::Digits(_)) if !glued => from_digits(tokens),
        Some(Part::Word(_)) => from_word(tokens),
        _ => None,
    }
}

/// Reads tokens one after the other, spaces skipped.
struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<&'a Part> {
        self.tokens.get(self.at).map(|t| &t.part)
    }

    fn space(&mut self) -> bool {
        let is = matches!(self.peek(), Some(Part::Space));
        if is {
            self.at += 1;
        }
        is
    }

    fn digits(&mut self) -> Option<&'a str> {
        match self.peek() {
            Some(Part::Digits(d)) => {
                self.at += 1;
                Some(d)
            }
            _ => None,
        }
    }

    fn other(&mut self, wanted: char) -> bool {
        let is = matches!(self.peek(), Some(Part::Other(c)) if *c == wanted);
        if is {
            self.at += 1;
        }
        is
    }

    fn separator(&mut self) -> Option<char> {
        let saved = self.at;
        self.space();
        if let Some(Part::Separator(c)) = self.peek() {
            self.at += 1;
            self.space();
            Some(*c)
        } else {
            self.at = saved;
            None
        }
    }

    fn word(&mut self) -> Option<&'a str> {
        match self.peek() {
            Some(Part::Word(w)) => {
                self.at += 1;
                Some(w)
            }
            _ => None,
        }
    }

    fn end(&self) -> usize {
        self.at.checked_sub(1).and_then(|i| self.tokens.get(i)).map_or(0, |t| t.chars.end)
    }
}

fn from_digits(tokens: &[Token]) -> Option<(Printed, usize)> {
    let start = tokens.first()?.chars.start;
    let mut reader = Reader { tokens, at: 0 };
    let first = reader.digits()?;
    let done = |reader: &Reader, readings: Vec<(DateOrder, NaiveDate)>, certain, long_year, timed| {
        (!readings.is_empty()).then(|| {
            (
                Printed {
                    readings,
                    certain,
                    long_year,
                    compact: false,
                    repaired: false,
                    timed,
                    chars: start..reader.end(),
                },
                reader.at,
            )
        })
    };
    // 2025年1月17日
    if first.len() == 4 || first.len() == 2 {
        let mut cjk = Reader { tokens, at: 1 };
        cjk.space();
        if cjk.other('年') {
            cjk.space();
            let month = cjk.digits()?;
            cjk.space();
            if !cjk.other('月') {
                return None;
            }
            cjk.space();
            let day = cjk.digits()?;
            cjk.space();
            if !cjk.other('日')
                && cjk.at > 0
                && matches!(tokens.get(cjk.at - 1).map(|t| &t.part), Some(Part::Space))
            {
                cjk.at -= 1;
            }
            let date = ymd(first, month, day)?;
            return done(&cjk, vec![(DateOrder::YearFirst, date)], true, first.len() == 4, false);
        }
    }
    // 17 Jan 2025, 17. März 2025, 17th of January 2025, 17-JAN-25, 2025-Jan-17; ngày 17 tháng 01 năm 2025
    let mut named = Reader { tokens, at: 1 };
    if let Some(found) = day_and_word(first, &mut named) {
        let (date, long_year, timed) = found;
        return done(&named, vec![(DateOrder::DayFirst, date)], true, long_year, timed);
    }
    // Three runs of digits with the same separator.
    if let Some(one) = reader.separator() {
        let second = reader.digits()?;
        let two = reader.separator()?;
        let third = reader.digits()?;
        if one != two && !(one != '.' && two != '.') {
            return None;
        }
        if first.len() > 4 || second.len() > 2 {
            return None;
        }
        // A fourth run with the same separator is a version or a telephone number.
        let mut beyond = Reader { tokens, at: reader.at };
        if matches!(beyond.peek(), Some(Part::Separator(c)) if *c == two) {
            beyond.at += 1;
            if beyond.digits().is_some() && third.len() < 4 {
                return None;
            }
        }
        if first.len() == 4 {
            if third.len() > 2 && !third_with_hour(third, &reader, 2) {
                return None;
            }
            let day = third.get(..2.min(third.len()))?;
            let mut readings = Vec::new();
            readings.extend(ymd(first, second, day).map(|d| (DateOrder::YearFirst, d)));
            return done(&reader, readings, true, true, third.len() > 2);
        }
        if first.len() > 2 {
            return None;
        }
        // The year: four digits, two, or either with the hour glued behind it.
        let glued = third.len() > 4 || third.len() == 3;
        let (year, timed) = match third.len() {
            2 | 4 => (third, false),
            5 | 6 if third_with_hour(third, &reader, 4) => (third.get(..4)?, true),
            3 if third_with_hour(third, &reader, 2) => (third.get(..2)?, true),
            _ => return None,
        };
        debug_assert!(!glued || timed);
        let long = year.len() == 4;
        let mut readings = Vec::new();
        readings.extend(ymd(year, second, first).map(|d| (DateOrder::DayFirst, d)));
        readings.extend(ymd(year, first, second).map(|d| (DateOrder::MonthFirst, d)));
        if !long {
            readings.extend(ymd(first, second, year).map(|d| (DateOrder::YearFirst, d)));
        }
        // A version number, a price list: a point with one-digit parts and a short year is no date.
        if one == '.' && !long && (first.len() < 2 || second.len() < 2) {
            return None;
        }
        return done(&reader, readings, false, long, timed);
    }
    // 25032018 and 20180325
    if first.len() == 8 {
        let mut readings = Vec::new();
        let plausible = |d: &NaiveDate| (1990..=2079).contains(&d.year());
        readings.extend(
            ymd(first.get(4..8)?, first.get(2..4)?, first.get(0..2)?)
                .filter(plausible)
                .map(|d| (DateOrder::DayFirst, d)),
        );
        readings.extend(
            ymd(first.get(0..4)?, first.get(4..6)?, first.get(6..8)?)
                .filter(plausible)
                .map(|d| (DateOrder::YearFirst, d)),
        );
        let (mut printed, used) = done(&reader, readings, false, true, false)?;
        printed.compact = true;
        return Some((printed, used));
    }
    None
}

/// Whether the digits behind the year are an hour: `:` follows, and they are below 24.
fn third_with_hour(third: &str, reader: &Reader, year: usize) -> bool {
    let hour = third.get(year..).and_then(|h| h.parse::<u32>().ok());
    hour.is_some_and(|h| h < 24) && matches!(reader.peek(), Some(Part::Other(':')))
}

/// What follows the first number where the month is a word.
fn day_and_word(first: &str, reader: &mut Reader) -> Option<(NaiveDate, bool, bool)> {
    let saved = reader.at;
    let found = (|| {
        skip_marks(reader);
        let mut word = reader.word()?;
        let folded = fold(word);
        // 17 tháng 01 năm 2025; 17th January; 17 de enero
        if folded == "thang" {
            reader.space();
            let month = reader.digits()?;
            skip_marks(reader);
            let year_word = reader.word()?;
            if fold(year_word) != "nam" {
                return None;
            }
            reader.space();
            let year = reader.digits()?;
            return Some((ymd(year, month, first)?, year.len() == 4, false));
        }
        if matches!(folded.as_str(), "st" | "nd" | "rd" | "th" | "er" | "of" | "de") {
            skip_marks(reader);
            word = reader.word()?;
            if matches!(fold(word).as_str(), "of" | "de") {
                skip_marks(reader);
                word = reader.word()?;
            }
        }
        let month = month(word)?;
        skip_marks(reader);
        if matches!(reader.peek(), Some(Part::Word(w)) if matches!(fold(w).as_str(), "de" | "of")) {
            reader.at += 1;
            skip_marks(reader);
        }
        let last = reader.digits()?;
        let month = month.to_string();
        if first.len() == 4 && last.len() <= 2 {
            return Some((ymd(first, &month, last)?, true, false));
        }
        match last.len() {
            4 => Some((ymd(last, &month, first)?, true, false)),
            2 if !matches!(reader.peek(), Some(Part::Other(':'))) => {
                Some((ymd(last, &month, first)?, false, false))
            }
            5 | 6 if third_with_hour(last, reader, 4) => {
                Some((ymd(last.get(..4)?, &month, first)?, true, true))
            }
            _ => None,
        }
    })();
    if found.is_none() {
        reader.at = saved;
    }
    found
}

/// Skips up to three spaces, points, commas, apostrophes and hyphens.
fn skip_marks(reader: &mut Reader) {
    for _ in 0..3 {
        match reader.peek() {
            Some(Part::Space | Part::Separator(_) | Part::Other(',' | '\'')) => reader.at += 1,
            _ => break,
        }
    }
}

/// January 17, 2025 and Jan. 17th 2025.
fn from_word(tokens: &[Token]) -> Option<(Printed, usize)> {
    let start = tokens.first()?.chars.start;
    let mut reader = Reader { tokens, at: 0 };
    let month = month(reader.word()?)?;
    skip_marks(&mut reader);
    let day = reader.digits().filter(|d| d.len() <= 2)?;
    if matches!(reader.peek(), Some(Part::Word(w)) if matches!(fold(w).as_str(), "st" | "nd" | "rd" | "th")) {
        reader.at += 1;
    }
    let before = reader.at;
    skip_marks(&mut reader);
    if reader.at == before {
        return None;
    }
    let year = reader.digits().filter(|y| y.len() == 4)?;
    let date = ymd(year, &month.to_string(), day)?;
    Some((
        Printed {
            readings: vec![(DateOrder::MonthFirst, date)],
            certain: true,
            long_year: true,
            compact: false,
            repaired: false,
            timed: false,
            chars: start..reader.end(),
        },
        reader.at,
    ))
}

/// A time of day: `21:13`, `8.01 pm`, after at most a few signs.
fn time_follows(rest: &[Token]) -> bool {
    let mut reader = Reader { tokens: rest, at: 0 };
    for _ in 0..4 {
        match reader.peek() {
            Some(Part::Space | Part::Separator(_) | Part::Other(',' | '#' | '@' | '(')) => reader.at += 1,
            Some(Part::Word(w)) if matches!(fold(w).as_str(), "t" | "time" | "um" | "at" | "luc") => {
                reader.at += 1;
            }
            _ => break,
        }
    }
    reader.other(':');
    reader.space();
    let hour = reader.digits().and_then(|h| h.parse::<u32>().ok());
    hour.is_some_and(|h| h < 25) && reader.other(':') && reader.digits().is_some()
}

/// A calendar date from digits; a year of two digits is 1980 to 2079.
fn ymd(year: &str, month: &str, day: &str) -> Option<NaiveDate> {
    let y: i32 = year.parse().ok()?;
    let y = match year.len() {
        4 => y,
        2 if y < 80 => 2000 + y,
        2 => 1900 + y,
        _ => return None,
    };
    if !(1950..=2099).contains(&y) {
        return None;
    }
    NaiveDate::from_ymd_opt(y, month.parse().ok()?, day.parse().ok()?)
}

#[cfg(test)]
#[path = "dates_tests.rs"]
mod tests;
