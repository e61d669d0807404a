//! Amounts of money on the page and what the words beside them say they are.

use std::ops::Range;

use rust_decimal::Decimal;

use super::layout::{Layout, Row};
use super::numbers::Number;
use super::words::{Topics, fold, topics};

/// Amounts that are looked at in one document.
pub(super) const MOST_AMOUNTS: usize = 1500;

/// What an amount is, by the words beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// What has to be paid.
    Total,
    /// Before tax, service or rounding.
    Subtotal,
    Tax,
    Service,
    Tip,
    Rounding,
    Discount,
    /// Cash handed over or a card charged.
    Paid,
    Change,
    /// A count, points, or another thing that is no money to pay.
    Other,
    /// Nothing beside it says what it is.
    None,
}

/// An amount of money.
#[derive(Debug, Clone)]
pub(super) struct Amount {
    /// What it says.
    pub value: Decimal,
    /// Row of the layout.
    pub row: usize,
    /// Cell of the row.
    pub cell: usize,
    /// As it was parsed.
    pub number: Number,
    /// By the words beside it.
    pub role: Role,
    /// The words say that nothing is left to add: "grand total", "amount payable", "total incl. tax".
    pub grand: bool,
    /// It stands in a table of tax rates.
    pub summary: bool,
    /// The words were not in its row but head its column.
    pub from_above: bool,
}

impl Amount {
    /// Characters of its cell.
    pub fn chars(&self) -> &Range<usize> {
        &self.number.chars
    }
}

/// Whether the amounts of this document carry no minor units: none has two digits behind a decimal mark, and some are
/// printed with separators or a currency mark.
pub(super) fn whole_money(layout: &Layout) -> bool {
    let mut fractions = 0_usize;
    let mut whole = 0_usize;
    for (_, cell) in layout.cells() {
        for n in &cell.numbers {
            if n.percent {
                continue;
            }
            if n.decimals == 2 {
                fractions += 1;
            } else if n.grouped && n.decimals == 0 || n.mark.is_some_and(|m| !m.codes.is_empty()) {
                whole += 1;
            }
        }
    }
    whole > 0 && fractions * 3 < whole
}

/// Whether a number is an amount of money.
pub(super) fn is_money(number: &Number, whole: bool) -> bool {
    if number.percent {
        return false;
    }
    number.decimals == 2
        || (number.mark.is_some() && number.decimals != 1 && number.digits <= 12)
        || (whole && number.decimals == 0 && (number.grouped || (3..=9).contains(&number.digits)))
}

/// What the words say an amount is.
pub(super) fn role(t: Topics) -> (Role, bool) {
    let any = |x: Topics| t.has(x);
    let grand = any(Topics::GRAND);
    if any(Topics::CHANGE) {
        return (Role::Change, false);
    }
    if any(Topics::POINTS) && !grand {
        return (Role::Other, false);
    }
    if any(Topics::SUB) && !(any(Topics::INCLUSIVE) && any(Topics::TAX)) && !grand {
        return (Role::Subtotal, false);
    }
    if any(Topics::ROUNDING) && !any(Topics::TOTAL) && !grand {
        return (Role::Rounding, false);
    }
    if any(Topics::DISCOUNT) && !grand {
        return (if any(Topics::EXCLUSIVE) { Role::Subtotal } else { Role::Discount }, false);
    }
    if any(Topics::TIP) && !any(Topics::TOTAL) {
        return (Role::Tip, false);
    }
    if any(Topics::SERVICE) && !any(Topics::TAX) && !any(Topics::TOTAL) && !grand {
        return (Role::Service, false);
    }
    let sum = any(Topics::TOTAL) || any(Topics::AMOUNT) || any(Topics::DUE);
    if any(Topics::TAX) && !any(Topics::INVOICE) {
        return match (any(Topics::EXCLUSIVE), any(Topics::INCLUSIVE)) {
            (true, _) if sum => (Role::Subtotal, false),
            (_, true) if any(Topics::QUANTITY) => (Role::Subtotal, false),
            (_, true) if sum || grand => (Role::Total, true),
            _ if grand => (Role::Total, true),
            _ => (Role::Tax, false),
        };
    }
    if any(Topics::QUANTITY) && !grand {
        return (Role::Other, false);
    }
    if any(Topics::PAID) && !grand {
        return (Role::Paid, false);
    }
    if grand {
        return (Role::Total, true);
    }
    if any(Topics::TOTAL) {
        let rounded = any(Topics::ROUNDING);
        return if any(Topics::EXCLUSIVE) {
            (Role::Subtotal, false)
        } else {
            (Role::Total, rounded || any(Topics::DUE))
        };
    }
    if any(Topics::CASH) || any(Topics::CARD) {
        return (Role::Paid, false);
    }
    if any(Topics::DUE) {
        return (Role::Total, false);
    }
    (Role::None, false)
}

/// All amounts, row by row.
pub(super) fn find(layout: &Layout, whole: bool, notes: &mut Vec<String>) -> Vec<Amount> {
    let mut out: Vec<Amount> = Vec::new();
    let mut capped = false;
    let mut summary_since: Option<usize> = None;
    for (r, row) in layout.rows.iter().enumerate() {
        let monies = row.cells.iter().flat_map(|c| &c.numbers).filter(|n| is_money(n, whole)).count();
        if is_summary_header(row, monies) {
            summary_since = Some(r);
        } else if summary_since.is_some_and(|since| r > since + 6) {
            summary_since = None;
        }
        let mut left = String::new();
        let mut nearest = String::new();
        for (c, cell) in row.cells.iter().enumerate() {
            let chars: Vec<char> = cell.text.chars().collect();
            let mut at = 0;
            for number in &cell.numbers {
                let piece: String = chars.get(at..number.chars.start).unwrap_or_default().iter().collect();
                push(&mut left, &piece);
                push(&mut nearest, &piece);
                at = number.chars.end;
                if number.percent {
                    push(&mut nearest, "%");
                    continue;
                }
                let money = is_money(number, whole);
                capped |= money && out.len() >= MOST_AMOUNTS;
                if money && out.len() < MOST_AMOUNTS {
                    let mut found = topics(&fold(&nearest));
                    if role(found).0 == Role::None {
                        found = topics(&fold(&left));
                    }
                    let mut from_above = false;
                    let bare = left.chars().filter(|c| c.is_alphabetic()).count() < 3;
                    if role(found).0 == Role::None && bare {
                        (found, from_above) = above(layout, r, cell.span(&number.chars), monies, whole);
                    }
                    let (role, grand) = role(found);
                    out.push(Amount {
                        value: number.value,
                        row: r,
                        cell: c,
                        number: number.clone(),
                        role,
                        grand,
                        summary: summary_since.is_some_and(|since| r > since),
                        from_above,
                    });
                }
                nearest.clear();
            }
            let piece: String = chars.get(at..).unwrap_or_default().iter().collect();
            push(&mut left, &piece);
            push(&mut nearest, &piece);
        }
        // A row that closes the table of tax rates.
        if summary_since.is_some_and(|since| r > since + 1)
            && row.topics.has(Topics::PAID.and(Topics::CASH).and(Topics::CHANGE).and(Topics::GRAND))
        {
            summary_since = None;
        }
    }
    if capped {
        notes.push(format!("more than {MOST_AMOUNTS} amounts: the rest is left out"));
    }
    out
}

fn push(text: &mut String, piece: &str) {
    if text.len() > 600 {
        return;
    }
    text.push(' ');
    text.push_str(piece);
}

/// The header of a table of tax rates: it speaks of tax, of amounts, and holds none itself.
fn is_summary_header(row: &Row, monies: usize) -> bool {
    let t = row.topics;
    monies == 0
        && ((t.has(Topics::SUMMARY) && t.has(Topics::TAX))
            || (row.cells.len() >= 2
                && t.has(Topics::TAX)
                && (t.has(Topics::AMOUNT) || t.has(Topics::SUB))
                && !t.has(Topics::DESCRIPTION)
                && !t.has(Topics::QUANTITY)))
}

/// What stands above an amount that has no words beside it: the cell of the same column, or the whole row above when
/// this row holds only one amount. Also says whether it was a cell of a column, which names less surely.
fn above(layout: &Layout, r: usize, span: (f32, f32), monies: usize, whole: bool) -> (Topics, bool) {
    let Some(row) = layout.rows.get(r) else { return (Topics::default(), false) };
    for back in 1..=2 {
        let Some(over) = r.checked_sub(back).and_then(|i| layout.rows.get(i)) else { break };
        if over.page != row.page || row.middle - over.middle > 4.0 * layout.text_height {
            break;
        }
        if over.topics.has(Topics::DESCRIPTION.and(Topics::QUANTITY).and(Topics::PRICE)) {
            break;
        }
        if over.cells.iter().flat_map(|c| &c.numbers).any(|n| is_money(n, whole)) {
            if back == 1 && monies > 1 {
                continue;
            }
            break;
        }
        if monies == 1 && back == 1 && role(over.topics).0 != Role::None && over.cells.len() == 1 {
            return (over.topics, false);
        }
        for cell in &over.cells {
            let (left, right) = (cell.rect.x, cell.rect.right());
            let overlap = right.min(span.1) - left.max(span.0);
            if overlap > 0.3 * (span.1 - span.0).min(right - left) && role(cell.topics).0 != Role::None {
                return (cell.topics, true);
            }
        }
    }
    (Topics::default(), false)
}

/// Values of a role, largest cap first seen, without repeats.
pub(super) fn values(amounts: &[Amount], role: Role, summary: Option<bool>) -> Vec<Decimal> {
    let mut out: Vec<Decimal> = Vec::new();
    for amount in amounts.iter().filter(|a| a.role == role && summary.is_none_or(|s| a.summary == s)) {
        if !out.contains(&amount.value) {
            out.push(amount.value);
        }
        if out.len() >= 8 {
            break;
        }
    }
    out
}
