//! Candidates for the day of the invoice or purchase.

use chrono::NaiveDate;

use super::currency::{Country, DateOrder, date_order};
use super::dates::Printed;
use super::layout::{Cell, Layout, Row};
use super::words::{Topics, fold, topics};

/// Dates that are compared in one document.
pub(super) const MOST_DATES: usize = 60;

/// A day that may be the right one, with the place that says so first.
#[derive(Debug, Clone)]
pub(super) struct DateCandidate {
    /// The day.
    pub value: NaiveDate,
    /// Row and cell.
    pub row: usize,
    pub cell: usize,
    /// As printed.
    pub printed: Printed,
    /// Day and month could be swapped, and the order was assumed.
    pub assumed: bool,
    /// The words beside it speak of when to pay.
    pub due: bool,
    /// One number per entry of [`FEATURES`].
    pub features: Vec<f64>,
}

/// Names of the features, in order, each with the weight a person would give it. Training moves the weights away from
/// these as far as the examples say so; they are what is known of bills that no example shows.
pub(super) const FEATURES: &[(&str, f64)] = &[
    ("date_words", 2.0),
    ("due_words", -2.0),
    ("other_date_words", -1.5),
    ("with_time", 1.0),
    ("repeated", 0.3),
    ("first", 1.0),
    ("down_the_page", -0.3),
    ("long_year", 0.5),
    ("no_separators", -1.5),
    ("month_by_name", 0.5),
    ("repaired", -0.3),
    ("invoice_words", 0.7),
    ("alone_in_row", 0.2),
    ("earliest", 0.0),
    ("latest", 0.0),
    ("second_in_row", -0.5),
];

/// The order of day and month, and what decided it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    /// What comes first.
    pub first: DateOrder,
    /// Nothing on the page decided it.
    pub assumed: bool,
    pub by: String,
}

/// Decides how `01/02/2025` is to be read: by dates of this document that can be read in one order only, else by the
/// first of the countries, else day first.
pub(super) fn order(layout: &Layout, countries: &[Country]) -> Order {
    let mut counts = [0_usize; 2];
    for (_, cell) in layout.cells() {
        for d in &cell.dates {
            match d.only_order() {
                Some(DateOrder::DayFirst) if !d.certain => counts[0] += 1,
                Some(DateOrder::MonthFirst) if !d.certain => counts[1] += 1,
                _ => {}
            }
        }
    }
    if counts[0] != counts[1] {
        let order = if counts[0] > counts[1] { DateOrder::DayFirst } else { DateOrder::MonthFirst };
        return Order { first: order, assumed: false, by: "another date of this document".to_owned() };
    }
    match countries.first() {
        Some(country) => {
            let order = date_order(country.code);
            let order = if order == DateOrder::YearFirst { DateOrder::DayFirst } else { order };
            Order { first: order, assumed: false, by: format!("the way dates are written in {}", country.by) }
        }
        None => Order {
            first: DateOrder::DayFirst,
            assumed: true,
            by: "nothing on the page; day first was assumed".to_owned(),
        },
    }
}

/// All days with their features.
pub(super) fn candidates(layout: &Layout, order: DateOrder, notes: &mut Vec<String>) -> Vec<DateCandidate> {
    struct Seen<'a> {
        row: usize,
        cell: usize,
        printed: &'a Printed,
        value: NaiveDate,
        assumed: bool,
        words: Topics,
        nth: usize,
    }
    let mut seen: Vec<Seen> = Vec::new();
    let mut capped = false;
    for (r, row) in layout.rows.iter().enumerate() {
        let mut nth = 0;
        for (c, cell) in row.cells.iter().enumerate() {
            for printed in &cell.dates {
                if seen.len() >= MOST_DATES {
                    capped = true;
                    break;
                }
                if let Some((value, assumed)) = printed.in_order(order) {
                    let words = words_beside(layout, r, row, c, cell, printed);
                    seen.push(Seen { row: r, cell: c, printed, value, assumed, words, nth });
                    nth += 1;
                }
            }
        }
    }
    if capped {
        notes.push(format!("more than {MOST_DATES} dates: the day was chosen among the first of them"));
    }
    let mut days: Vec<NaiveDate> = Vec::new();
    for s in &seen {
        if !days.contains(&s.value) {
            days.push(s.value);
        }
    }
    let earliest = days.iter().min().copied();
    let latest = days.iter().max().copied();
    let rows = layout.rows.len().max(1) as f64;
    days.iter()
        .enumerate()
        .filter_map(|(i, day)| {
            let here: Vec<&Seen> = seen.iter().filter(|s| s.value == *day).collect();
            let is = |b: bool| f64::from(u8::from(b));
            let any = |f: &dyn Fn(&Seen) -> bool| is(here.iter().any(|s| f(s)));
            let all = |f: &dyn Fn(&Seen) -> bool| is(here.iter().all(|s| f(s)));
            let plain = |s: &Seen| {
                s.words.has(Topics::DATE)
                    && !s.words.has(Topics::DUE_DATE)
                    && !s.words.has(Topics::OTHER_DATE)
            };
            let first = here.iter().find(|s| plain(s)).or_else(|| here.first())?;
            let features = vec![
                any(&plain),
                all(&|s| s.words.has(Topics::DUE_DATE)),
                all(&|s| s.words.has(Topics::OTHER_DATE)),
                any(&|s| s.printed.timed),
                ((here.len() as f64).ln_1p() - std::f64::consts::LN_2).min(1.5),
                is(i == 0),
                first.row as f64 / rows,
                any(&|s| s.printed.long_year),
                all(&|s| s.printed.compact),
                any(&|s| s.printed.certain),
                all(&|s| s.printed.repaired),
                any(&|s| s.words.has(Topics::INVOICE)),
                any(&|s| layout.rows.get(s.row).is_some_and(|r| r.letters() < 6)),
                is(days.len() > 1 && Some(*day) == earliest),
                is(days.len() > 1 && Some(*day) == latest),
                all(&|s| s.nth > 0),
            ];
            Some(DateCandidate {
                value: *day,
                row: first.row,
                cell: first.cell,
                printed: first.printed.clone(),
                assumed: first.assumed,
                due: here.iter().any(|s| s.words.has(Topics::DUE_DATE)),
                features,
            })
        })
        .collect()
}

/// What the words beside a date speak of: those before it in its line, else the rest of its row, else the cell above.
fn words_beside(layout: &Layout, r: usize, row: &Row, c: usize, cell: &Cell, printed: &Printed) -> Topics {
    let wanted = Topics::DATE.and(Topics::DUE_DATE).and(Topics::OTHER_DATE).and(Topics::INVOICE);
    // From the last date of this line on, so that "Date 1/2/2025 Due 1/3/2025" is told apart.
    let from = cell
        .dates
        .iter()
        .filter(|d| d.chars.end <= printed.chars.start)
        .map(|d| d.chars.end)
        .max()
        .unwrap_or(0);
    let own = topics(&fold(&cell.slice(from..printed.chars.start)));
    if own.has(wanted) {
        return own;
    }
    let left = c.checked_sub(1).and_then(|l| row.cells.get(l)).filter(|l| l.dates.is_empty());
    if let Some(left) = left
        && left.topics.has(wanted)
    {
        return left.topics;
    }
    // A colon may have been detected apart.
    let far = c
        .checked_sub(2)
        .and_then(|l| row.cells.get(l))
        .filter(|_| left.is_some_and(|l| l.text.chars().count() <= 2));
    if let Some(far) = far
        && far.topics.has(wanted)
    {
        return far.topics;
    }
    let span = cell.span(&printed.chars);
    for back in 1..=2 {
        let Some(over) = r.checked_sub(back).and_then(|i| layout.rows.get(i)) else { break };
        if over.page != row.page || row.middle - over.middle > 3.5 * layout.text_height {
            break;
        }
        for above in &over.cells {
            let overlap = above.rect.right().min(span.1) - above.rect.x.max(span.0);
            let wide = (span.1 - span.0).min(above.rect.w);
            if overlap > 0.4 * wide
                && above.dates.is_empty()
                && above.numbers.is_empty()
                && above.topics.has(wanted)
            {
                return above.topics;
            }
        }
    }
    own
}

/// The rule the ranker is measured against: the first day beside "date", else the first with a time, else the first.
pub(super) fn by_rule(candidates: &[DateCandidate]) -> Option<usize> {
    let at = |name: usize, c: &DateCandidate| c.features.get(name).is_some_and(|f| *f > 0.5);
    candidates
        .iter()
        .position(|c| at(0, c))
        .or_else(|| candidates.iter().position(|c| at(3, c) && !at(1, c)))
        .or_else(|| candidates.iter().position(|c| !at(1, c) && !at(2, c)))
        .or(if candidates.is_empty() { None } else { Some(0) })
}
