//! Chooses among what was found and says where it stands.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::answer::{Field, Invoice, Item, Outcome, Place, Source};
use super::arithmetic::{self, Part, Sums};
use super::evidence::Evidence;
use super::ranker::{FIELDS, Ranker, RankerError, best};
use super::reference::{self, Found};
use super::{date, payment, total, vendor};
use crate::PageText;

/// What the caller knows about a document before it is read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = InvoiceHints))]
#[serde(default, deny_unknown_fields)]
pub struct Hints {
    /// Country of the vendor of this document, ISO 3166 alpha-2 in either case. It decides a bare `$`, `01/02/2025`
    /// where no other date of the document does, and the currency where none is printed, before what the page says of
    /// its country. One that this reader does not know is left aside, and a note says so.
    pub country: Option<String>,
    /// Country where documents mostly come from, as a hotel sets it once. It decides the same where neither `country`
    /// nor the page does.
    pub default_country: Option<String>,
    /// The present day: a date after it is reported.
    pub today: Option<NaiveDate>,
}

/// Reads invoices and receipts from the text of their pages.
#[derive(Debug, Clone)]
pub struct InvoiceReader {
    ranker: Option<Ranker>,
}

impl InvoiceReader {
    /// With a ranker of one's own.
    pub fn new(ranker: Ranker) -> Self {
        Self { ranker: Some(ranker) }
    }

    /// Without a ranker: fixed rules, whose confidence is only how surely the text was read. What the ranker is
    /// measured against.
    pub fn rules() -> Self {
        Self { ranker: None }
    }

    /// With the ranker that comes with this crate.
    ///
    /// # Errors
    ///
    /// [`RankerError`] when that file does not fit this build.
    pub fn shipped() -> Result<Self, RankerError> {
        Ranker::from_json(include_str!("../../ranker.json")).map(Self::new)
    }

    /// The ranker, if it has one.
    pub fn ranker(&self) -> Option<&Ranker> {
        self.ranker.as_ref()
    }

    /// Reads the fields. Never fails: what is not found is `None` with a reason.
    pub fn extract(&self, pages: &[PageText], hints: &Hints) -> Invoice {
        let evidence = Evidence::new(pages, hints);
        let mut answer = Invoice { notes: evidence.notes.clone(), ..Invoice::default() };
        self.total(&evidence, &mut answer);
        self.date(&evidence, &mut answer);
        self.vendor(&evidence, &mut answer);
        let sums = arithmetic::sums(&evidence, answer.total_amount);
        parts(&evidence, &sums, &mut answer);
        answer.checks = arithmetic::checks(&evidence, answer.total_amount, &sums);
        items(&evidence, &mut answer);
        references(&evidence, &mut answer);
        due_date(&evidence, &mut answer);
        currency(&evidence, &mut answer);
        method(&evidence, &mut answer);
        if let (Some(today), Some(date)) = (hints.today, answer.date)
            && date > today
        {
            answer.notes.push(format!("the date {date} is after {today}"));
        }
        let key = FIELDS.map(|f| answer.fields.get(f).map_or(0.0, |f| f.confidence));
        answer.confidence = key.iter().sum::<f32>() / key.len() as f32;
        answer
    }

    /// The chosen candidate with its confidence.
    fn choose(
        &self,
        field: &str,
        features: &[Vec<f64>],
        reading: impl Fn(usize) -> f32,
        rule: impl Fn() -> Option<usize>,
    ) -> Option<(usize, f32)> {
        match self.ranker.as_ref().and_then(|r| r.field(field)) {
            Some(model) => {
                let (at, share) = best(&model.weights, features)?;
                Some((at, model.calibration.confidence(share, f64::from(reading(at))) as f32))
            }
            None => rule().map(|at| (at, reading(at))),
        }
    }

    fn total(&self, evidence: &Evidence, answer: &mut Invoice) {
        let features: Vec<Vec<f64>> = evidence.totals.iter().map(|c| c.features.clone()).collect();
        let reading = |i: usize| evidence.totals.get(i).map_or(0.0, |c| evidence.amount_confidence(c.amount));
        let chosen = self
            .choose(FIELDS[0], &features, reading, || total::by_rule(&evidence.totals, &evidence.amounts));
        let Some((candidate, confidence)) = chosen.and_then(|(i, c)| evidence.totals.get(i).map(|t| (t, c)))
        else {
            answer.reasons.insert(FIELDS[0].to_owned(), "no amount of money was found".to_owned());
            return;
        };
        if !candidate.is_supported(evidence.items.rows.len()) {
            let reason = "no amount is named as a total, and none follows from the others".to_owned();
            answer.reasons.insert(FIELDS[0].to_owned(), reason);
            return;
        }
        answer.total_amount = Some(candidate.value);
        let amount = evidence.amounts.get(candidate.amount);
        let source = amount.and_then(|a| source(evidence, a.row, a.cell, a.chars()));
        answer.fields.insert(
            FIELDS[0].to_owned(),
            field(source, confidence, candidate.agrees.iter().map(|a| format!("agrees with {a}")).collect()),
        );
    }

    fn date(&self, evidence: &Evidence, answer: &mut Invoice) {
        let features: Vec<Vec<f64>> = evidence.dates.iter().map(|c| c.features.clone()).collect();
        let reading =
            |i: usize| evidence.dates.get(i).map_or(0.0, |c| evidence.cell_confidence(c.row, c.cell));
        let chosen = self.choose(FIELDS[1], &features, reading, || date::by_rule(&evidence.dates));
        let Some((candidate, confidence)) = chosen.and_then(|(i, c)| evidence.dates.get(i).map(|d| (d, c)))
        else {
            answer.reasons.insert(FIELDS[1].to_owned(), "no date was found".to_owned());
            return;
        };
        answer.date = Some(candidate.value);
        let source = source(evidence, candidate.row, candidate.cell, &candidate.printed.chars);
        let mut notes = Vec::new();
        let mut confidence = confidence;
        if candidate.assumed {
            notes.push(format!("day and month could be swapped; decided by {}", evidence.order.by));
            if evidence.order.assumed {
                confidence *= UNDECIDED_ORDER;
            }
        }
        if candidate.printed.repaired {
            notes.push("letters were taken for the digits they look like".to_owned());
        }
        answer.fields.insert(FIELDS[1].to_owned(), field(source, confidence, notes));
    }

    fn vendor(&self, evidence: &Evidence, answer: &mut Invoice) {
        let features: Vec<Vec<f64>> = evidence.vendors.iter().map(|c| c.features.clone()).collect();
        let reading = |i: usize| evidence.vendors.get(i).map_or(0.0, |c| evidence.rows_confidence(&c.rows));
        let chosen = self.choose(FIELDS[2], &features, reading, || vendor::by_rule(&evidence.vendors));
        let Some((candidate, confidence)) = chosen.and_then(|(i, c)| evidence.vendors.get(i).map(|v| (v, c)))
        else {
            answer.reasons.insert(FIELDS[2].to_owned(), "no line looks like a name".to_owned());
            return;
        };
        answer.vendor.name = Some(candidate.value.clone());
        let source = rows_source(evidence, &candidate.rows, candidate.cell);
        let notes = candidate.mended.then(|| "a slip in the legal form was mended".to_owned());
        answer.fields.insert(FIELDS[2].to_owned(), field(source, confidence, notes.into_iter().collect()));
        let last = candidate.rows.last().copied().unwrap_or(0);
        address(evidence, last, answer);
    }
}

/// What is left of the confidence of a date when nothing says whether day or month comes first: of the days of a year
/// 132 in 365 can be read both ways, and most countries write the day first.
const UNDECIDED_ORDER: f32 = 0.8;
/// The same for an amount whose words head its column instead of standing in its row.
const FROM_ABOVE: f32 = 0.9;
/// The same for an address: that its rows end there is told by their words alone.
const ADDRESS_END: f32 = 0.9;
/// What is left of the confidence of an amount that arithmetic does not confirm.
const UNCONFIRMED: f32 = 0.85;
/// The same for an item whose quantity and unit price do not confirm its amount.
const UNMULTIPLIED: f32 = 0.93;

/// Subtotal, tax, service charge, tip, discount and rounding.
fn parts(evidence: &Evidence, sums: &Sums, answer: &mut Invoice) {
    let mut set = |name: &str, part: Option<Part>, missing: &str| -> Option<rust_decimal::Decimal> {
        let Some(part) = part else {
            answer.reasons.insert(name.to_owned(), missing.to_owned());
            return None;
        };
        let amount = part.amount.and_then(|i| evidence.amounts.get(i));
        let direct = if amount.is_some_and(|a| a.from_above) { FROM_ABOVE } else { 1.0 };
        let confirmed = if part.agrees { 1.0 } else { UNCONFIRMED };
        let mut notes = Vec::new();
        if part.agrees {
            notes.push("agrees with the total".to_owned());
        }
        if part.amount.is_none() {
            notes.push("sum of several printed amounts".to_owned());
        }
        if name == "tax" && sums.inclusive {
            notes.push("included in the prices".to_owned());
        }
        let source = amount.and_then(|a| source(evidence, a.row, a.cell, a.chars()));
        answer.fields.insert(name.to_owned(), field(source, part.read * direct * confirmed, notes));
        Some(part.value)
    };
    let subtotal = set("subtotal", sums.subtotal, "no amount is named as a subtotal");
    let tax = set("tax", sums.tax, "no amount is named as a tax");
    let service = set("service_charge", sums.service, "no amount is named as a service charge");
    let tip = set("tip", sums.tip, "no amount is named as a tip");
    let discount = set("discount", sums.discount, "no amount is named as a discount");
    let rounding = set("rounding", sums.rounding, "no amount is named as rounding");
    answer.subtotal = subtotal;
    answer.tax = tax;
    answer.service_charge = service;
    answer.tip = tip;
    answer.discount = discount;
    answer.rounding = rounding;
}

/// A field that stands behind a key word.
fn found_field(evidence: &Evidence, found: &Found) -> Field {
    let read = evidence.cell_confidence(found.row, found.cell);
    field(source(evidence, found.row, found.cell, &found.chars), read * found.directness, Vec::new())
}

fn references(evidence: &Evidence, answer: &mut Invoice) {
    let layout = &evidence.layout;
    let mut set = |name: &str, found: Option<Found>, missing: &str| -> Option<String> {
        if let Some(found) = found {
            answer.fields.insert(name.to_owned(), found_field(evidence, &found));
            Some(found.value)
        } else {
            answer.reasons.insert(name.to_owned(), missing.to_owned());
            None
        }
    };
    let customer = reference::customer(layout);
    let buyer = customer.as_ref().map_or(layout.rows.len(), |c| c.row);
    // A registration below the buyer's name is the buyer's, unless the only one.
    let own = reference::tax_id(layout, 0..buyer);
    let later = reference::tax_id(layout, buyer..layout.rows.len());
    let number = set(
        "invoice_number",
        reference::invoice_number(layout),
        "no number stands beside words such as \"invoice no\"",
    );
    let (vendor_id, customer_id) = match (own, later, customer.is_some()) {
        (Some(own), later, true) => (Some(own), later.filter(|l| l.row < buyer + 8)),
        (own, later, _) => (own.or(later), None),
    };
    let vendor_id = set("vendor.tax_id", vendor_id, "no number of a tax registration was found");
    let customer_id = set("customer.tax_id", customer_id, "no second number of a tax registration was found");
    let name = set("customer.name", customer, "no words such as \"bill to\" were found");
    answer.invoice_number = number;
    answer.vendor.tax_id = vendor_id;
    answer.customer.tax_id = customer_id;
    answer.customer.name = name;
    answer.reasons.insert("customer.address".to_owned(), "addresses of buyers are not looked for".to_owned());
}

fn address(evidence: &Evidence, after: usize, answer: &mut Invoice) {
    const NAME: &str = "vendor.address";
    let rows = reference::address_rows(&evidence.layout, after, evidence.whole);
    let Some(source) = rows_source(evidence, &rows, None) else {
        answer.reasons.insert(NAME.to_owned(), "nothing below the name reads like an address".to_owned());
        return;
    };
    answer.vendor.address = Some(source.text.clone());
    let confidence = evidence.rows_confidence(&rows) * ADDRESS_END;
    answer.fields.insert(NAME.to_owned(), field(Some(source), confidence, Vec::new()));
}

fn due_date(evidence: &Evidence, answer: &mut Invoice) {
    const NAME: &str = "due_date";
    let due =
        evidence.dates.iter().find(|d| d.due && (Some(d.value) != answer.date || evidence.dates.len() == 1));
    let Some(due) = due else {
        answer.reasons.insert(NAME.to_owned(), "no date stands beside words such as \"due\"".to_owned());
        return;
    };
    answer.due_date = Some(due.value);
    let assumed = if due.assumed && evidence.order.assumed { UNDECIDED_ORDER } else { 1.0 };
    let read = evidence.cell_confidence(due.row, due.cell);
    let source = source(evidence, due.row, due.cell, &due.printed.chars);
    answer.fields.insert(NAME.to_owned(), field(source, read * assumed, Vec::new()));
}

fn currency(evidence: &Evidence, answer: &mut Invoice) {
    const NAME: &str = "currency";
    match payment::currency(evidence) {
        Ok(found) => {
            let source = found.at.and_then(|(r, c)| {
                let count = evidence.layout.rows.get(r)?.cells.get(c)?.text.chars().count();
                source(evidence, r, c, &(0..count))
            });
            answer.currency = Some(found.code.to_owned());
            answer.fields.insert(NAME.to_owned(), field(source, found.confidence, vec![found.by]));
        }
        Err(reason) => {
            answer.reasons.insert(NAME.to_owned(), reason);
        }
    }
}

fn method(evidence: &Evidence, answer: &mut Invoice) {
    const NAME: &str = "payment_method";
    match payment::method(&evidence.layout, &evidence.amounts) {
        Some((method, row)) => {
            answer.payment_method = Some(method.to_owned());
            let source = rows_source(evidence, &[row], None);
            answer
                .fields
                .insert(NAME.to_owned(), field(source, evidence.rows_confidence(&[row]), Vec::new()));
        }
        None => {
            answer.reasons.insert(
                NAME.to_owned(),
                "no words such as \"cash\" or \"card\" stand beside an amount".to_owned(),
            );
        }
    }
}

fn field(source: Option<Source>, confidence: f32, notes: Vec<String>) -> Field {
    let (text, place) = source.map_or((None, None), |s| (Some(s.text), Some(s.place)));
    Field { text, place, confidence: confidence.clamp(0.0, 1.0), notes }
}

/// Some characters of a cell.
fn source(evidence: &Evidence, row: usize, cell: usize, chars: &std::ops::Range<usize>) -> Option<Source> {
    let cell = evidence.layout.rows.get(row)?.cells.get(cell)?;
    Some(Source { text: cell.slice(chars.clone()), place: Place::new(cell.page, &cell.place(chars)) })
}

/// Whole rows, or one cell of the first.
fn rows_source(evidence: &Evidence, rows: &[usize], cell: Option<usize>) -> Option<Source> {
    let mut text = Vec::new();
    let mut around: Option<innkeeper_core::Rect> = None;
    let mut page = 0;
    for r in rows {
        let row = evidence.layout.rows.get(*r)?;
        page = row.page;
        for (c, part) in row.cells.iter().enumerate() {
            if cell.is_some_and(|wanted| wanted != c) {
                continue;
            }
            text.push(part.text.clone());
            let b = part.quad.bounds();
            around = Some(around.map_or(b, |a| {
                innkeeper_core::Rect::from_corners(
                    a.x.min(b.x),
                    a.y.min(b.y),
                    a.right().max(b.right()),
                    a.bottom().max(b.bottom()),
                )
            }));
        }
    }
    around.map(|rect| Source { text: text.join(" "), place: Place::new(page, &rect) })
}

fn items(evidence: &Evidence, answer: &mut Invoice) {
    if evidence.items.rows.is_empty() {
        answer.reasons.insert("items".to_owned(), "no row reads like something that was bought".to_owned());
    }
    if evidence.items.capped {
        answer.notes.push(format!("more than {} items: the rest is left out", super::items::MOST_ITEMS));
    }
    let adds_up = answer.checks.iter().any(|c| c.name == "items_sum" && c.outcome == Outcome::Ok);
    let sum = if adds_up { 1.0 } else { UNCONFIRMED };
    for item in &evidence.items.rows {
        let mut sources: Vec<Source> = Vec::new();
        let mut rows = item.description_rows.clone();
        let amount = source(evidence, item.row, item.cell, &item.chars);
        if !rows.contains(&item.row) {
            rows.push(item.row);
        }
        rows.sort_unstable();
        for r in &rows {
            sources.extend(rows_source(evidence, &[*r], None));
        }
        // The amount itself comes last, so that a page can mark it.
        sources.extend(amount);
        answer.items.push(Item {
            description: item.description.clone(),
            quantity: item.quantity,
            unit_price: item.unit_price,
            amount: Some(item.amount),
            tax_rate: item.tax_rate,
            confidence: evidence.cell_confidence(item.row, item.cell)
                * sum
                * if item.multiplies { 1.0 } else { UNMULTIPLIED },
            sources,
            notes: item.notes.clone(),
        });
    }
}
