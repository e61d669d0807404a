//! Chooses among what was found and says where it stands.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::answer::{Field, Invoice, Item, Place, Source};
use super::evidence::Evidence;
use super::ranker::{FIELDS, Ranker, RankerError, best};
use super::{date, total, vendor};
use crate::PageText;

/// What the caller knows about a document before it is read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Hints {
    /// Country of the vendor, ISO 3166 alpha-2: decides `01/02/2025` and a bare `$`.
    pub country: Option<String>,
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
        let evidence = Evidence::new(pages, hints.country.as_deref());
        let mut answer = Invoice { notes: evidence.layout.notes.clone(), ..Invoice::default() };
        self.total(&evidence, &mut answer);
        self.date(&evidence, &mut answer);
        self.vendor(&evidence, &mut answer);
        items(&evidence, &mut answer);
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
        let chosen =
            self.choose(FIELDS[0], &features, reading, || total::by_rule(&evidence.totals, &evidence.amounts));
        let Some((candidate, confidence)) = chosen.and_then(|(i, c)| evidence.totals.get(i).map(|t| (t, c))) else {
            answer.reasons.insert(FIELDS[0].to_owned(), "no amount of money was found".to_owned());
            return;
        };
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
        let Some((candidate, confidence)) = chosen.and_then(|(i, c)| evidence.dates.get(i).map(|d| (d, c))) else {
            answer.reasons.insert(FIELDS[1].to_owned(), "no date was found".to_owned());
            return;
        };
        answer.date = Some(candidate.value);
        let source = source(evidence, candidate.row, candidate.cell, &candidate.printed.chars);
        answer.fields.insert(FIELDS[1].to_owned(), field(source, confidence, Vec::new()));
    }

    fn vendor(&self, evidence: &Evidence, answer: &mut Invoice) {
        let features: Vec<Vec<f64>> = evidence.vendors.iter().map(|c| c.features.clone()).collect();
        let reading = |i: usize| evidence.vendors.get(i).map_or(0.0, |c| evidence.rows_confidence(&c.rows));
        let chosen = self.choose(FIELDS[2], &features, reading, || vendor::by_rule(&evidence.vendors));
        let Some((candidate, confidence)) = chosen.and_then(|(i, c)| evidence.vendors.get(i).map(|v| (v, c))) else {
            answer.reasons.insert(FIELDS[2].to_owned(), "no line looks like a name".to_owned());
            return;
        };
        answer.vendor.name = Some(candidate.value.clone());
        let source = rows_source(evidence, &candidate.rows, candidate.cell);
        answer.fields.insert(FIELDS[2].to_owned(), field(source, confidence, Vec::new()));
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
    for item in &evidence.items.rows {
        let mut sources: Vec<Source> = Vec::new();
        let mut rows = item.description_rows.clone();
        if !rows.contains(&item.row) {
            rows.push(item.row);
        }
        rows.sort_unstable();
        for r in &rows {
            sources.extend(rows_source(evidence, &[*r], None));
        }
        answer.items.push(Item {
            description: item.description.clone(),
            quantity: item.quantity,
            unit_price: item.unit_price,
            amount: Some(item.amount),
            tax_rate: item.tax_rate,
            confidence: evidence.rows_confidence(&[item.row]),
            sources,
            notes: item.notes.clone(),
        });
    }
}
