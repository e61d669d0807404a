//! Numbers as bills print them.
//!
//! `1,500.00`, `1.500.000 ₫`, `1 500,00 €`, `1'500.00`, `2.37-`, `(0.02)`, `RM33.90`, `2.50*3`, `165.00SR`. What is
//! not a number of a bill is left out: times, dates, telephone numbers, codes such as `CS00082662`.

use std::ops::Range;

use rust_decimal::Decimal;

use super::currency::{Mark, mark_alone, mark_at_start, upper};

/// The character before the fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DecimalMark {
    /// 1,500.00.
    Point,
    /// 1.500,00.
    Comma,
}

/// A number, where it stands in its text and how it was printed.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says how the number was printed, and any may go with any"
)]
pub(super) struct Number {
    /// What it says.
    pub value: Decimal,
    /// Digits after the decimal mark.
    pub decimals: u32,
    /// Digits in all.
    pub digits: usize,
    /// Printed with separators between the thousands.
    pub grouped: bool,
    /// The currency mark that stands at it.
    pub mark: Option<Mark>,
    /// `6%`.
    pub percent: bool,
    /// A sign of multiplication stands before or behind it: `2 x 3.00`, `@ 3.00`.
    pub times: bool,
    /// Letters that stand directly behind it, in upper case: `SR` of `165.00SR`.
    pub suffix: String,
    /// The other reading, where `1.500` may be one and a half or fifteen hundred.
    pub other: Option<Decimal>,
    /// A letter was read as the digit it looks like, or a space was dropped.
    pub repaired: bool,
    /// Characters it takes in the text, marks and sign included.
    pub chars: Range<usize>,
}

/// Longest run of characters that may be one number; more digits are no amount of money.
const LONGEST: usize = 24;
/// More digits than this before the decimal mark are a code.
const MOST_DIGITS: usize = 13;

/// All numbers in a text, from left to right. `hint` decides `1.500` where nothing else does.
pub(super) fn find(text: &str, hint: Option<DecimalMark>) -> Vec<Number> {
    let chars: Vec<char> = text.chars().collect();
    let chunks = chunks(&chars);
    let mut out: Vec<Number> = Vec::new();
    let mut i = 0;
    while let Some(chunk) = chunks.get(i) {
        let (number, used) = read_joined(&chars, &chunks, i, hint);
        if let Some(mut number) = number {
            // A mark or a sign that stands alone before the number.
            if let Some(before) = i.checked_sub(1).and_then(|b| chunks.get(b)) {
                let alone: String = chars.get(before.clone()).unwrap_or_default().iter().collect();
                let untaken = out.last().is_none_or(|n| n.chars.end <= before.start);
                if untaken {
                    let bare = alone.trim_start_matches(['-', '−']);
                    if number.mark.is_none() && mark_alone(bare).is_some() {
                        number.mark = mark_alone(bare);
                        if bare.len() < alone.len() {
                            number.value = -number.value.abs();
                        }
                        number.chars.start = before.start;
                    } else if matches!(alone.as_str(), "-" | "−") && i > 1 {
                        number.value = -number.value.abs();
                        number.chars.start = before.start;
                    }
                }
                if is_times(&alone) {
                    number.times = true;
                }
            }
            if let Some(after) = chunks.get(i + used) {
                let alone: String = chars.get(after.clone()).unwrap_or_default().iter().collect();
                if is_times(&alone) {
                    number.times = true;
                } else if alone == "%" {
                    number.percent = true;
                } else if number.mark.is_none() && mark_alone(&alone).is_some() {
                    // `5.00 RM` at the end; `2 RM 5.00` gives the mark to the number behind it.
                    let next_is_number = chunks
                        .get(i + used + 1)
                        .and_then(|c| chars.get(c.clone()))
                        .is_some_and(|c| c.first().is_some_and(char::is_ascii_digit));
                    if !next_is_number {
                        number.mark = mark_alone(&alone);
                        number.chars.end = after.end;
                    }
                }
            }
            out.push(number);
        }
        i += used.max(1);
        debug_assert!(chunk.end <= chars.len());
    }
    out
}

/// One number that is all of the text.
pub(super) fn parse(text: &str, hint: Option<DecimalMark>) -> Option<Number> {
    let mut all = find(text.trim(), hint);
    let number = if all.len() == 1 { all.pop()? } else { return None };
    (number.chars == (0..text.trim().chars().count())).then_some(number)
}

fn is_times(text: &str) -> bool {
    matches!(text, "x" | "X" | "×" | "*" | "@" | "＠")
}

/// The text cut where a number may begin or end: at spaces, at signs of multiplication between digits, at a colon
/// that follows a word.
fn chunks(chars: &[char]) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut start = None;
    let push = |out: &mut Vec<Range<usize>>, start: &mut Option<usize>, end: usize| {
        if let Some(s) = start.take()
            && end > s
        {
            out.push(s..end);
        }
    };
    let digit = |i: Option<usize>| i.and_then(|i| chars.get(i)).is_some_and(char::is_ascii_digit);
    for (i, c) in chars.iter().enumerate() {
        let before = digit(i.checked_sub(1));
        let after = digit(Some(i + 1));
        let alone = match c {
            c if c.is_whitespace() => {
                push(&mut out, &mut start, i);
                continue;
            }
            '@' | '＠' | '*' | '×' | '=' | '|' | ';' | '<' | '>' | '[' | ']' | '：' | '（' | '）' => {
                true
            }
            'x' | 'X' => {
                before && (after || i + 1 == chars.len() || chars.get(i + 1).is_some_and(|c| *c == ' '))
            }
            ':' => !(before && after),
            '/' => !(before || after),
            _ => false,
        };
        if alone {
            push(&mut out, &mut start, i);
            out.push(i..i + 1);
        } else if start.is_none() {
            start = Some(i);
        }
    }
    push(&mut out, &mut start, chars.len());
    out
}

/// The number that starts with chunk `i`, and how many chunks it takes.
fn read_joined(
    chars: &[char],
    chunks: &[Range<usize>],
    i: usize,
    hint: Option<DecimalMark>,
) -> (Option<Number>, usize) {
    let at = |k: usize| chunks.get(i + k).and_then(|r| chars.get(r.clone())).unwrap_or_default();
    let gap = |k: usize| {
        // Characters between chunk k-1 and chunk k.
        match (chunks.get(i + k - 1), chunks.get(i + k)) {
            (Some(a), Some(b)) => b.start - a.end,
            _ => usize::MAX,
        }
    };
    let first = at(0);
    // `1 500 000,00`: groups of three behind single spaces, closed by a comma or by a mark of currency.
    let lead = first.iter().rev().take_while(|c| c.is_ascii_digit()).count();
    let head_is_lead = lead > 0
        && lead <= 3
        && first.iter().take(first.len() - lead).all(|c| !c.is_ascii_digit() && *c != ',' && *c != '.');
    if head_is_lead {
        let mut groups = 0;
        let mut closed = false;
        while groups < 5 && gap(groups + 1) == 1 {
            let next = at(groups + 1);
            let three = next.iter().take_while(|c| c.is_ascii_digit()).count() == 3;
            if !three {
                break;
            }
            groups += 1;
            if next.len() > 3 {
                let rest = next.get(3..).unwrap_or_default();
                closed = rest.first() == Some(&',')
                    && rest.iter().skip(1).take_while(|c| c.is_ascii_digit()).count() == 2;
                if !closed {
                    closed =
                        mark_at_start(&rest.iter().collect::<String>().chars().collect::<Vec<_>>()).is_some();
                }
                if !closed {
                    groups -= 1;
                }
                break;
            }
        }
        let marked = mark_alone(&at(groups + 1).iter().collect::<String>()).is_some()
            || first.iter().take(first.len() - lead).any(|c| c.is_alphabetic() || "€£$¥₫".contains(*c));
        if groups > 0 && (closed || groups > 1 || marked) {
            let joined: Vec<char> = (0..=groups).flat_map(|k| at(k).to_vec()).collect();
            let range = chunks.get(i).map_or(0, |r| r.start)..chunks.get(i + groups).map_or(0, |r| r.end);
            if let Some(mut number) = read(&joined, range, hint) {
                number.grouped = true;
                number.other = None;
                return (Some(number), groups + 1);
            }
        }
    }
    // `12. 00`: the reader saw a space where none was.
    let broken = first.last().is_some_and(|c| *c == '.' || *c == ',')
        && first.len() >= 2
        && gap(1) == 1
        && first.get(first.len() - 2).is_some_and(char::is_ascii_digit)
        && at(1).len() == 2
        && at(1).iter().all(char::is_ascii_digit);
    if broken {
        let joined: Vec<char> = first.iter().chain(at(1)).copied().collect();
        let range = chunks.get(i).map_or(0, |r| r.start)..chunks.get(i + 1).map_or(0, |r| r.end);
        if let Some(mut number) = read(&joined, range, hint) {
            number.repaired = true;
            return (Some(number), 2);
        }
    }
    // `10 00` alone in its line: the reader lost the point. Only where the page's amounts have two digits behind it.
    let alone = hint == Some(DecimalMark::Point)
        && chars.iter().filter(|c| c.is_ascii_digit()).count() <= 8
        && chars.iter().filter(|c| c.is_alphabetic()).count() <= 3
        && chunks
            .iter()
            .filter(|r| chars.get((*r).clone()).unwrap_or_default().iter().any(char::is_ascii_digit))
            .count()
            == 2;
    let whole = !first.is_empty() && first.len() <= 5 && first.iter().all(char::is_ascii_digit);
    if alone && whole && gap(1) == 1 && at(1).len() == 2 && at(1).iter().all(char::is_ascii_digit) {
        let joined: Vec<char> = first.iter().chain(&['.']).chain(at(1)).copied().collect();
        let range = chunks.get(i).map_or(0, |r| r.start)..chunks.get(i + 1).map_or(0, |r| r.end);
        if let Some(mut number) = read(&joined, range, hint) {
            number.repaired = true;
            return (Some(number), 2);
        }
    }
    (chunks.get(i).and_then(|r| read(first, r.clone(), hint)), 1)
}

/// One chunk as a number: sign, mark, digits, letters behind.
fn read(chunk: &[char], range: Range<usize>, hint: Option<DecimalMark>) -> Option<Number> {
    if chunk.len() > LONGEST || !chunk.iter().any(char::is_ascii_digit) {
        return None;
    }
    let (mut from, mut to) = (0, chunk.len());
    let get = |i: usize| chunk.get(i).copied().unwrap_or(' ');
    let mut negative = false;
    let mut bracketed = false;
    let mut mark = None;
    let mut percent = false;
    // Before the digits: signs, a bracket, a mark of currency.
    while from < to && !get(from).is_ascii_digit() {
        match get(from) {
            '-' | '−' | '–' => negative = true,
            '(' => bracketed = true,
            '+' | '\'' | '"' | '~' | '#' => {
                if get(from) == '#' {
                    return None;
                }
            }
            '.' if get(from + 1).is_ascii_digit() => break,
            ',' | '.' | ':' => {}
            _ => {
                let rest = upper(&chunk.get(from..to)?.iter().collect::<String>());
                let (found, length) = mark_at_start(&rest).or_else(|| misread_mark(&rest))?;
                mark = Some(found).filter(|m| !m.codes.is_empty());
                from += length;
                continue;
            }
        }
        from += 1;
    }
    // Behind them: a bracket, a sign, a percent sign, a mark, or the letters of a tax code or a unit.
    let (mut suffix, mut closing) = (String::new(), false);
    let end_of_digits = (from..to).rev().find(|i| get(*i).is_ascii_digit())? + 1;
    let tail: Vec<char> = upper(&chunk.get(end_of_digits..to)?.iter().collect::<String>());
    let mut t = 0;
    while let Some(c) = tail.get(t) {
        match c {
            ')' => closing = true,
            '-' | '−' | '–' if t + 1 == tail.len() => negative = true,
            '%' | '％' => percent = true,
            '.' | ',' | ':' | '"' | '\'' | '!' | '#' | '?' | '(' | '-' | '/' => {}
            _ => {
                let rest = tail.get(t..).unwrap_or_default();
                if let Some((found, length)) =
                    mark_at_start(rest).filter(|(_, length)| suffix.is_empty() && *length == rest.len())
                {
                    mark = mark.or(Some(found));
                    t += length;
                    continue;
                }
                if !c.is_alphabetic() {
                    return None;
                }
                suffix.push(*c);
            }
        }
        t += 1;
    }
    to = end_of_digits;
    let core = chunk.get(from..to)?;
    let (core, repaired) = repair(core)?;
    let read = grammar(&core, hint)?;
    // `2.1C` is `2.10`: a round letter where the last cent stands.
    let mut read = read;
    let mut repaired = repaired;
    if read.decimals == 1 && matches!(suffix.as_str(), "C" | "O" | "D" | "Q" | "U") {
        read.value.rescale(2);
        read.decimals = 2;
        read.digits += 1;
        suffix.clear();
        repaired = true;
    }
    // Letters behind a bare whole number make it a code (`10A`, `3PCS`) unless it is a short unit.
    if suffix.chars().count() > 4 || (!suffix.is_empty() && read.decimals == 0 && read.digits > 4) {
        return None;
    }
    if read.digits > MOST_DIGITS {
        return None;
    }
    let value =
        if negative || (bracketed && closing && read.decimals == 2) { -read.value } else { read.value };
    Some(Number {
        value,
        decimals: read.decimals,
        digits: read.digits,
        grouped: read.grouped,
        mark,
        percent,
        times: false,
        suffix,
        other: read.other.map(|o| if value.is_sign_negative() { -o } else { o }),
        repaired,
        chars: range,
    })
}

/// Up to three letters before digits with a fraction: a currency mark that was misread (`RN10.05`). It names no
/// currency.
fn misread_mark(text: &[char]) -> Option<(Mark, usize)> {
    let letters = text.iter().take_while(|c| c.is_alphabetic()).count();
    let rest = text.get(letters..)?;
    let digits = rest.iter().filter(|c| c.is_ascii_digit()).count();
    let fraction =
        rest.iter().rev().skip_while(|c| c.is_alphabetic()).take_while(|c| c.is_ascii_digit()).count();
    let pointed = rest.iter().any(|c| *c == '.' || *c == ',');
    (letters > 0 && letters <= 2 && pointed && fraction == 2 && digits >= 3)
        .then_some((Mark { codes: &[] }, letters))
}

/// Letters inside a number that look like digits, when most of it is digits.
fn repair(core: &[char]) -> Option<(Vec<char>, bool)> {
    let mut repaired = false;
    let mut letters = 0;
    let out = core
        .iter()
        .map(|c| {
            let digit = match c {
                'O' | 'o' | 'Q' | 'D' => '0',
                'l' | 'I' | 'i' => '1',
                'S' | 's' => '5',
                'B' => '8',
                'Z' => '2',
                _ => return *c,
            };
            repaired = true;
            letters += 1;
            digit
        })
        .collect();
    let digits = core.iter().filter(|c| c.is_ascii_digit()).count();
    let pointed = core.iter().any(|c| *c == '.' || *c == ',');
    (letters == 0 || (pointed && digits > letters)).then_some((out, repaired))
}

struct Read {
    value: Decimal,
    decimals: u32,
    digits: usize,
    grouped: bool,
    other: Option<Decimal>,
}

/// Digits and separators only.
fn grammar(core: &[char], hint: Option<DecimalMark>) -> Option<Read> {
    let group_only = |c: char| matches!(c, '\'' | '’' | '\u{a0}' | '\u{202f}' | '\u{2009}');
    if core.iter().any(|c| !(c.is_ascii_digit() || *c == '.' || *c == ',' || group_only(*c))) {
        return None;
    }
    let mut parts: Vec<String> = vec![String::new()];
    let mut separators = Vec::new();
    for c in core {
        if c.is_ascii_digit() {
            parts.last_mut()?.push(*c);
        } else {
            separators.push(*c);
            parts.push(String::new());
        }
    }
    let digits = parts.iter().map(String::len).sum();
    if parts.iter().skip(1).any(String::is_empty) || digits == 0 {
        return None;
    }
    let whole = |parts: &[String]| -> Option<Decimal> { parts.concat().parse().ok() };
    let with_fraction = |whole: &[String], fraction: &str| -> Option<Decimal> {
        let lead = whole.concat();
        format!("{}.{fraction}", if lead.is_empty() { "0" } else { &lead }).parse().ok()
    };
    let last = parts.last()?.clone();
    let Some(last_separator) = separators.last().copied() else {
        return Some(Read { value: whole(&parts)?, decimals: 0, digits, grouped: false, other: None });
    };
    let body = parts.get(..parts.len() - 1)?;
    let body_separators = separators.get(..separators.len() - 1)?;
    let uniform = body_separators.windows(2).all(|w| w.first() == w.get(1));
    let body_groups = grouped(body) && uniform;
    let all_groups = grouped(&parts) && separators.windows(2).all(|w| w.first() == w.get(1));
    let decimals = last.len() as u32;
    let fractional = |grouped: bool, other: Option<Decimal>| {
        Some(Read { value: with_fraction(body, &last)?, decimals, digits, grouped, other })
    };
    if group_only(last_separator) {
        return all_groups.then_some(Read {
            value: whole(&parts)?,
            decimals: 0,
            digits,
            grouped: true,
            other: None,
        });
    }
    // Two kinds of separator: the last one is the decimal mark.
    if let Some(group) = body_separators.first() {
        if *group != last_separator {
            return if body_groups { fractional(true, None) } else { None };
        }
        return all_groups.then_some(Read {
            value: whole(&parts)?,
            decimals: 0,
            digits,
            grouped: true,
            other: None,
        });
    }
    // One separator, once.
    let lead = body.first()?;
    if last.len() == 3 && !lead.is_empty() && lead.len() <= 3 && !lead.starts_with('0') {
        let as_group = Read { value: whole(&parts)?, decimals: 0, digits, grouped: true, other: None };
        let as_fraction = fractional(false, None)?;
        let is_fraction = match hint {
            Some(DecimalMark::Point) => last_separator == '.',
            Some(DecimalMark::Comma) => last_separator == ',',
            None => false,
        };
        let (first, second) = if is_fraction { (as_fraction, as_group) } else { (as_group, as_fraction) };
        return Some(Read { other: Some(second.value), ..first });
    }
    if last.len() > 4 {
        return None;
    }
    fractional(false, None)
}

/// Groups of three behind one to three digits, or the Indian way: groups of two, the last of three.
fn grouped(parts: &[String]) -> bool {
    let Some((lead, rest)) = parts.split_first() else { return false };
    let Some((last, middle)) = rest.split_last() else { return !lead.is_empty() };
    if lead.is_empty() || lead.len() > 3 || last.len() != 3 {
        return false;
    }
    middle.iter().all(|g| g.len() == 3) || (lead.len() <= 2 && middle.iter().all(|g| g.len() == 2))
}

/// The decimal mark that most amounts of a page use: those with exactly two digits behind it.
pub(super) fn decimal_mark<'a>(texts: impl Iterator<Item = &'a str>) -> Option<DecimalMark> {
    let (mut points, mut commas) = (0_usize, 0_usize);
    for text in texts {
        for number in find(text, None).iter().filter(|n| n.decimals == 2 && !n.percent) {
            let printed: Vec<char> = text.chars().skip(number.chars.start).take(number.chars.len()).collect();
            match printed.iter().rev().find(|c| **c == '.' || **c == ',') {
                Some('.') => points += 1,
                Some(_) => commas += 1,
                None => {}
            }
        }
    }
    match points.cmp(&commas) {
        std::cmp::Ordering::Greater => Some(DecimalMark::Point),
        std::cmp::Ordering::Less => Some(DecimalMark::Comma),
        std::cmp::Ordering::Equal => None,
    }
}

#[cfg(test)]
#[path = "numbers_tests.rs"]
mod tests;
