//! Line items: the rows between the header of the table and the totals.

use rust_decimal::Decimal;

use super::amounts::{Amount, Role, is_money, role};
use super::layout::{Cell, Layout, Row};
use super::numbers::Number;
use super::words::{Topics, fold, topics};

/// Items of one document; more are cut, and the answer says so.
pub(super) const MOST_ITEMS: usize = 500;

/// A line item before it is an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ItemRow {
    /// Words that name it.
    pub description: String,
    /// How many.
    pub quantity: Option<Decimal>,
    /// For one.
    pub unit_price: Option<Decimal>,
    /// For all.
    pub amount: Decimal,
    /// Percent.
    pub tax_rate: Option<Decimal>,
    /// Row of the amount.
    pub row: usize,
    /// Cell of the amount in that row, and the characters.
    pub cell: usize,
    /// Characters of the amount.
    pub chars: std::ops::Range<usize>,
    /// Rows the description comes from.
    pub description_rows: Vec<usize>,
    /// Quantity times unit price is the amount.
    pub multiplies: bool,
    /// What was repaired.
    pub notes: Vec<String>,
}

/// What a table header names, by column.
#[derive(Debug, Clone, Default)]
struct Columns {
    quantity: Option<(f32, f32)>,
    price: Option<(f32, f32)>,
    amount: Option<(f32, f32)>,
    tax: Option<(f32, f32)>,
}

/// The items and the row where the totals begin.
#[derive(Debug, Clone, Default)]
pub(super) struct Items {
    /// From top to bottom.
    pub rows: Vec<ItemRow>,
    /// Amounts that lower the sum: negative rows and discounts between the items.
    pub discounts: Vec<Decimal>,
    /// Row of the header of the table.
    pub header: Option<usize>,
    /// Whether a cap was hit.
    pub capped: bool,
}

/// Finds the items. `amounts` are those of the same layout.
pub(super) fn find(layout: &Layout, amounts: &[Amount], whole: bool) -> Items {
    let header = header(layout, amounts, whole);
    let columns = header.map(|h| columns(layout, h)).unwrap_or_default();
    let start = header.map_or(0, |h| h + 1);
    let monies = |row: &Row| row.cells.iter().flat_map(|c| &c.numbers).any(|n| is_money(n, whole));
    // The totals begin at the first row that says so and holds an amount, behind at least one unlabelled amount.
    let end = (start..layout.rows.len())
        .find(|r| layout.rows.get(*r).is_some_and(|row| is_totals(row, *r, amounts, monies(row))))
        .unwrap_or(layout.rows.len());
    let mut found = Items { header, ..Items::default() };
    let mut taken: Vec<usize> = Vec::new();
    for r in start..layout.rows.len() {
        let Some(row) = layout.rows.get(r) else { break };
        if found.rows.len() >= MOST_ITEMS {
            found.capped = true;
            break;
        }
        // Behind the first total only rows that prove themselves are items (tables with totals per tax rate).
        let behind = r >= end;
        if behind && (header.is_none() || r > end + 60 || amounts.iter().any(|a| a.row == r && a.summary)) {
            break;
        }
        if row.topics.has(Topics::PAID) && behind {
            break;
        }
        if is_meta(row)
            || amounts
                .iter()
                .any(|a| a.row == r && !a.from_above && !matches!(a.role, Role::None | Role::Discount))
        {
            continue;
        }
        let Some(item) = read_row(row, r, &columns, whole) else { continue };
        if behind && !(item.multiplies && item.unit_price.is_some() && row.letters() >= 3) {
            continue;
        }
        if item.amount.is_sign_negative() || (row.topics.has(Topics::DISCOUNT) && !item.multiplies) {
            found.discounts.push(item.amount.abs());
            continue;
        }
        taken.push(r);
        found.rows.push(item);
    }
    merge_details(&mut found.rows, &mut taken);
    describe(layout, &mut found, start, end, whole);
    // A row without a name is an item when its amount stands in line with those of items.
    let edges: Vec<(usize, f32)> = found.rows.iter().map(|i| (i.row, right_edge(layout, i))).collect();
    found.rows.retain(|i| {
        let edge = right_edge(layout, i);
        let in_line =
            |(row, other): &(usize, f32)| *row != i.row && (other - edge).abs() < 1.5 * layout.text_height;
        !i.description.is_empty()
            || i.multiplies
            || header.is_some()
            || edges.iter().filter(|e| in_line(e)).count() >= 2
    });
    settle(&mut found, amounts);
    found
}

/// The header of the table: a row without numbers that names at least two columns, with amounts below it that no words
/// beside them explain.
fn header(layout: &Layout, amounts: &[Amount], whole: bool) -> Option<usize> {
    let column = |t: Topics| {
        usize::from(t.has(Topics::DESCRIPTION))
            + usize::from(t.has(Topics::QUANTITY))
            + usize::from(t.has(Topics::PRICE))
            + usize::from(t.has(Topics::AMOUNT.and(Topics::TOTAL)))
    };
    let unexplained: Vec<usize> = amounts
        .iter()
        .filter(|a| !a.summary && (a.role == Role::None || a.from_above))
        .map(|a| a.row)
        .collect();
    let mut best: Option<(usize, usize)> = None;
    for (r, row) in layout.rows.iter().enumerate() {
        let numbered = row.cells.iter().flat_map(|c| &c.numbers).any(|n| !n.percent || is_money(n, whole));
        let summary = row.topics.has(Topics::SUMMARY) && !row.topics.has(Topics::QUANTITY);
        let names = column(row.topics);
        if names < 2 || numbered || summary {
            continue;
        }
        let cells = row.cells.iter().filter(|c| column(c.topics) > 0).count();
        let words = row.folded.split(' ').count();
        if cells < 2 && (names < 3 || words > 8) {
            continue;
        }
        let from = unexplained.partition_point(|u| *u <= r);
        let follows = unexplained.get(from).is_some_and(|u| *u <= r + 5);
        if follows && names + cells > best.map_or(0, |(_, n)| n) {
            best = Some((r, names + cells));
        }
    }
    best.map(|(r, _)| r)
}

fn columns(layout: &Layout, header: usize) -> Columns {
    let mut columns = Columns::default();
    // The header may be printed on two rows.
    for r in [header.checked_sub(1), Some(header)].into_iter().flatten() {
        let Some(row) = layout.rows.get(r) else { continue };
        if r != header && row.cells.len() < 2 {
            continue;
        }
        for cell in &row.cells {
            for (span, t) in header_words(cell) {
                if t.has(Topics::QUANTITY) {
                    columns.quantity = Some(span);
                } else if t.has(Topics::TAX) || t.has(Topics::DISCOUNT) {
                    columns.tax = columns.tax.or(Some(span)).filter(|_| t.has(Topics::TAX));
                } else if t.has(Topics::AMOUNT.and(Topics::TOTAL)) {
                    columns.amount = Some(span);
                } else if t.has(Topics::PRICE) {
                    columns.price = Some(span);
                }
            }
        }
    }
    columns
}

/// The words of a header cell with their spans: a reader may take a whole header for one line.
fn header_words(cell: &Cell) -> Vec<((f32, f32), Topics)> {
    let words: Vec<(usize, usize)> = {
        let chars: Vec<char> = cell.text.chars().collect();
        let mut out = Vec::new();
        let mut start = None;
        for (i, c) in chars.iter().enumerate() {
            match (c.is_whitespace(), start) {
                (false, None) => start = Some(i),
                (true, Some(s)) => {
                    out.push((s, i));
                    start = None;
                }
                _ => {}
            }
        }
        if let Some(s) = start {
            out.push((s, chars.len()));
        }
        out
    };
    if words.len() <= 2 {
        return vec![((cell.rect.x, cell.rect.right()), cell.topics)];
    }
    words.into_iter().map(|(s, e)| (cell.span(&(s..e)), topics(&fold(&cell.slice(s..e))))).collect()
}

/// A row that speaks of the document, not of what was bought.
pub(super) fn is_meta(row: &Row) -> bool {
    let t = row.topics;
    t.has(Topics::REGISTRATION.and(Topics::CONTACT).and(Topics::STAFF).and(Topics::DUE_DATE))
        && !t.has(Topics::DISCOUNT)
        || row.cells.iter().any(|c| !c.dates.is_empty() && row.letters() < 12)
}

fn is_totals(row: &Row, r: usize, amounts: &[Amount], monies: bool) -> bool {
    let labelled = amounts.iter().any(|a| {
        a.row == r
            && !a.from_above
            && matches!(
                a.role,
                Role::Total
                    | Role::Subtotal
                    | Role::Tax
                    | Role::Service
                    | Role::Tip
                    | Role::Rounding
                    | Role::Paid
            )
            && !a.summary
    });
    if labelled {
        return true;
    }
    // "ITEM(S): 4  QTY(S): 4", "TOTAL QTY 7": a count closes the table.
    let counts = row.topics.all(Topics::QUANTITY.and(Topics::TOTAL)) && row.folded.split(' ').count() <= 6;
    counts && (!monies || role(row.topics).0 == Role::Other)
}

/// The numbers of a row as one item: the amount, and where they are there quantity, unit price and tax rate.
fn read_row(row: &Row, r: usize, columns: &Columns, whole: bool) -> Option<ItemRow> {
    let mut numbers: Vec<(usize, &Number, (f32, f32))> = Vec::new();
    for (c, cell) in row.cells.iter().enumerate() {
        numbers.extend(cell.numbers.iter().map(|n| (c, n, cell.span(&n.chars))));
    }
    let tax_rate = numbers.iter().find(|(_, n, _)| n.percent).map(|(_, n, _)| n.value);
    numbers.retain(|(_, n, _)| !n.percent);
    numbers.truncate(24);
    let overlaps = |a: (f32, f32), b: (f32, f32)| a.0 < b.1 && b.0 < a.1;
    let money: Vec<&(usize, &Number, (f32, f32))> =
        numbers.iter().filter(|(_, n, _)| is_money_here(n, whole)).collect();
    let in_column = columns
        .amount
        .and_then(|column| money.iter().rev().find(|(_, _, span)| overlaps(*span, column)).copied());
    let last = money.last().copied();
    let mut chosen = in_column.or(last)?;
    // The column that multiplies wins over the one that is last: taxes may stand behind the amount.
    let product = |candidate: &(usize, &Number, (f32, f32))| {
        factors(&numbers, candidate, columns, value_of(candidate.1).0)
    };
    let mut pair = product(chosen);
    if pair.is_none() && in_column.is_none() {
        for candidate in money.iter().rev() {
            if let Some(p) = product(candidate) {
                chosen = candidate;
                pair = Some(p);
                break;
            }
        }
    }
    let (mut amount, mut notes) = value_of(chosen.1);
    let mut multiplies = pair.is_some();
    let (mut quantity, unit_price);
    if let Some((q, p)) = pair {
        quantity = Some(q);
        unit_price = Some(p);
    } else {
        // A quantity by its column or by its sign of multiplication, even when nothing multiplies.
        quantity = numbers
            .iter()
            .filter(|n| n.2 != chosen.2)
            .find(|(_, n, span)| {
                n.value > Decimal::ZERO
                    && n.digits <= 4
                    && (columns.quantity.is_some_and(|c| overlaps(*span, c)) || (n.times && n.decimals == 0))
            })
            .map(|(_, n, _)| n.value);
        unit_price = numbers
            .iter()
            .filter(|n| n.2 != chosen.2)
            .find(|(_, n, span)| {
                is_money(n, whole)
                    && columns.price.is_some_and(|c| overlaps(*span, c))
                    && n.value > Decimal::ZERO
            })
            .map(|(_, n, _)| n.value);
        // A lost decimal point in the quantity: `20 x 7.00 = 14.00` was `2.0`.
        if let (Some(q), Some(p)) = (quantity, unit_price) {
            let tenth = q.checked_div(Decimal::TEN).unwrap_or_default();
            if q.checked_mul(p) != Some(amount) && tenth.checked_mul(p) == Some(amount) {
                notes.push(format!("quantity read as {q}; {tenth} agrees with unit price and amount"));
                quantity = Some(tenth);
                multiplies = true;
            }
        }
    }
    amount = amount.round_dp(4);
    Some(ItemRow {
        description: String::new(),
        quantity,
        unit_price,
        amount,
        tax_rate,
        row: r,
        cell: chosen.0,
        chars: chosen.1.chars.clone(),
        description_rows: Vec::new(),
        multiplies,
        notes,
    })
}

/// Also `18.005`, which is `18.00 S` with the letter of a tax code read as a digit.
fn is_money_here(number: &Number, whole: bool) -> bool {
    is_money(number, whole) || (number.decimals == 3 && !number.grouped && !whole)
}

/// The value of an amount, and a note where a digit behind the cents was taken for the letter it looks like.
fn value_of(number: &Number) -> (Decimal, Vec<String>) {
    if number.decimals == 3 && number.mark.is_none() {
        let cut = number.value.trunc_with_scale(2);
        return (cut, vec![format!("read as {}; the last digit was taken for a tax code", number.value)]);
    }
    (number.value, Vec::new())
}

/// Quantity and unit price among the other numbers of the row, such that they multiply to the amount.
fn factors(
    numbers: &[(usize, &Number, (f32, f32))],
    amount: &(usize, &Number, (f32, f32)),
    columns: &Columns,
    value: Decimal,
) -> Option<(Decimal, Decimal)> {
    let overlaps = |a: (f32, f32), b: Option<(f32, f32)>| b.is_some_and(|b| a.0 < b.1 && b.0 < a.1);
    let mut best: Option<(i32, Decimal, Decimal)> = None;
    for (i, (_, q, q_span)) in numbers.iter().enumerate() {
        if q.value <= Decimal::ZERO || q.digits > 6 || *q_span == amount.2 {
            continue;
        }
        for (j, (_, p, p_span)) in numbers.iter().enumerate() {
            if i == j || *p_span == amount.2 || p.value <= Decimal::ZERO {
                continue;
            }
            let Some(product) = q.value.checked_mul(p.value) else { continue };
            let slack = if q.decimals > 0 { Decimal::new(2, 2) } else { Decimal::new(5, 3) };
            if (product - value).abs() > slack {
                continue;
            }
            let points = 4 * i32::from(overlaps(*q_span, columns.quantity))
                + 4 * i32::from(overlaps(*p_span, columns.price))
                + 2 * i32::from(q.times)
                + 2 * i32::from(p.decimals == 2)
                + i32::from(q.decimals == 0)
                + i32::from(q.digits <= 3);
            if best.is_none_or(|(b, _, _)| points > b) {
                best = Some((points, q.value, p.value));
            }
        }
    }
    best.map(|(_, q, p)| (q, p))
}

fn right_edge(layout: &Layout, item: &ItemRow) -> f32 {
    let cell = layout.rows.get(item.row).and_then(|r| r.cells.get(item.cell));
    cell.map_or(0.0, |c| c.span(&item.chars).1)
}

/// When the items do not add up to any printed sum but do without one of them, that one is no item. Rows that multiply
/// and have a name of their own are the last to go.
fn settle(items: &mut Items, amounts: &[Amount]) {
    let of = |role: Role| super::amounts::values(amounts, role, None);
    let (totals, taxes, roundings) = (of(Role::Total), of(Role::Tax), of(Role::Rounding));
    let mut sums = of(Role::Subtotal);
    sums.extend(totals.iter().copied());
    for total in &totals {
        sums.extend(taxes.iter().filter_map(|t| total.checked_sub(*t)));
        sums.extend(roundings.iter().filter_map(|r| total.checked_sub(*r)));
        sums.extend(roundings.iter().filter_map(|r| total.checked_add(*r)));
    }
    if items.rows.len() < 2 || items.rows.len() > 100 {
        return;
    }
    let sum = items.rows.iter().try_fold(Decimal::ZERO, |a, i| a.checked_add(i.amount));
    let Some(sum) = sum.and_then(|s| items.discounts.iter().try_fold(s, |a, d| a.checked_sub(*d))) else {
        return;
    };
    if sums.contains(&sum) {
        return;
    }
    let weak = |i: &ItemRow| u8::from(i.multiplies) + u8::from(i.description_rows.contains(&i.row));
    let drop = (0..items.rows.len())
        .filter(|k| {
            items.rows.get(*k).is_some_and(|i| {
                i.amount != Decimal::ZERO && sum.checked_sub(i.amount).is_some_and(|s| sums.contains(&s))
            })
        })
        .min_by_key(|k| items.rows.get(*k).map(weak));
    if let Some(k) = drop {
        items.rows.remove(k);
    }
}

/// A row `2 x 3.00` above or below a row that ends in `6.00` belongs to it.
fn merge_details(rows: &mut Vec<ItemRow>, taken: &mut [usize]) {
    let mut i = 0;
    while i < rows.len() {
        let detail = rows.get(i).filter(|d| !d.multiplies && d.quantity.is_some()).cloned();
        let Some(detail) = detail else {
            i += 1;
            continue;
        };
        let product = detail.quantity.and_then(|q| q.checked_mul(detail.amount));
        let beside = [i.checked_sub(1), Some(i + 1)].into_iter().flatten().find(|k| {
            rows.get(*k).is_some_and(|o| {
                Some(o.amount) == product && !o.multiplies && o.row.abs_diff(detail.row) <= 2 && *k != i
            })
        });
        if let Some(k) = beside {
            if let Some(owner) = rows.get_mut(k) {
                owner.quantity = detail.quantity;
                owner.unit_price = Some(detail.amount);
                owner.multiplies = true;
            }
            rows.remove(i);
        } else {
            i += 1;
        }
    }
    let _ = taken;
}

/// Gives each item its words: those of its own row, else of the rows above or below, as the whole table does it.
fn describe(layout: &Layout, items: &mut Items, start: usize, end: usize, whole: bool) {
    let own: Vec<String> = items
        .rows
        .iter()
        .map(|i| layout.rows.get(i.row).map(|r| words_of(r, whole)).unwrap_or_default())
        .collect();
    let named = own.iter().filter(|w| !w.is_empty()).count();
    let rows: Vec<usize> = items.rows.iter().map(|i| i.row).collect();
    let text_row = |r: usize| -> Option<String> {
        let row = layout.rows.get(r)?;
        if rows.contains(&r) || is_meta(row) {
            return None;
        }
        if row.cells.iter().flat_map(|c| &c.numbers).any(|n| is_money(n, whole)) {
            return None;
        }
        let words = words_of(row, whole);
        (!words.is_empty() && !is_rule(&row.text)).then_some(words)
    };
    let first = items.rows.first().map(|i| i.row);
    let last = items.rows.last().map(|i| i.row);
    let before =
        first.map_or(0, |f| (f.saturating_sub(2).max(start)..f).filter(|r| text_row(*r).is_some()).count());
    let after = last.map_or(0, |l| (l + 1..end.min(l + 3)).filter(|r| text_row(*r).is_some()).count());
    // Rows that name themselves go on below; otherwise the side that has words at its open end.
    let below = named * 2 > items.rows.len() || before == 0 || (items.header.is_none() && after > 0);
    for (k, item) in items.rows.iter_mut().enumerate() {
        let mut words: Vec<(usize, String)> = Vec::new();
        let has_own = own.get(k).is_some_and(|w| !w.is_empty());
        if let Some(w) = own.get(k).filter(|w| !w.is_empty()) {
            words.push((item.row, w.clone()));
        }
        let page = layout.rows.get(item.row).map(|r| r.page);
        let range: Vec<usize> = if below {
            let limit = rows.get(k + 1).copied().unwrap_or_else(|| end.min(item.row + 3)).min(item.row + 4);
            (item.row + 1..limit.max(item.row + 1)).collect()
        } else {
            let floor = k.checked_sub(1).and_then(|p| rows.get(p)).map_or(start, |p| p + 1);
            let back = if items.header.is_some() || k > 0 { 4 } else { 1 };
            (floor.max(item.row.saturating_sub(back))..item.row).collect()
        };
        let mut reached = item.row;
        for r in range {
            let near = layout.rows.get(r).is_some_and(|row| Some(row.page) == page);
            let apart =
                layout.rows.get(r).zip(layout.rows.get(reached)).map_or(0.0, |(a, b)| a.middle - b.middle);
            if !near || (below && apart > 2.6 * layout.text_height) {
                break;
            }
            if let Some(text) = text_row(r) {
                words.push((r, text));
                reached = r;
            } else if below {
                break;
            }
        }
        // Rows of codes say nothing beside rows of words.
        let wordy =
            |text: &str| text.chars().filter(|c| c.is_alphabetic()).count() * 2 > text.chars().count();
        if words.iter().any(|(_, w)| wordy(w)) {
            words.retain(|(_, w)| wordy(w));
        }
        words.sort_by_key(|(r, _)| *r);
        if has_own && !below {
            words.retain(|(r, _)| *r == item.row);
        }
        item.description = words.iter().map(|(_, w)| w.as_str()).collect::<Vec<_>>().join(" ");
        item.description_rows = words.into_iter().map(|(r, _)| r).collect();
    }
}

/// The words of a row that may name an item: what stands before its numbers, without codes and signs.
fn words_of(row: &Row, whole: bool) -> String {
    let mut out: Vec<String> = Vec::new();
    for cell in &row.cells {
        let mut at = 0;
        let count = cell.text.chars().count();
        let mut pieces = Vec::new();
        for number in &cell.numbers {
            let inside = number.chars.start > 0
                && number.chars.end < count
                && !is_money(number, whole)
                && !number.times;
            if inside {
                continue;
            }
            pieces.push(cell.slice(at..number.chars.start));
            at = number.chars.end;
        }
        pieces.push(cell.slice(at..count));
        for piece in pieces {
            let trimmed =
                piece.trim_matches(|c: char| c.is_whitespace() || "-:*@x×|=.,;#".contains(c)).to_owned();
            let letters = trimmed.chars().filter(|c| c.is_alphabetic()).count();
            let cjk = trimmed.chars().any(|c| ('\u{3040}'..='\u{9fff}').contains(&c));
            // Units and tax codes are two or three letters that stand alone behind numbers.
            if letters >= 3 && !is_unit(&trimmed) || cjk {
                out.push(trimmed);
            }
        }
    }
    out.join(" ")
}

fn is_unit(text: &str) -> bool {
    matches!(
        fold(text).as_str(),
        "nos"
            | "pcs"
            | "pkts"
            | "pkt"
            | "unit"
            | "units"
            | "pce"
            | "stk"
            | "std"
            | "kgs"
            | "zrl"
            | "srs"
            | "srm"
            | "ltr"
            | "litre"
    )
}

/// A line of stars, hyphens or dots.
fn is_rule(text: &str) -> bool {
    text.chars().filter(|c| c.is_alphanumeric()).count() * 3 < text.chars().count()
}
