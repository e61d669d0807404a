//! A schedule as a file for people and other systems.

use innkeeper_core::{ErrorCode, HotelId};
use innkeeper_hotel::Currency;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use uuid::Uuid;

use super::answers::CellReport;
use super::decisions::currency_of;
use super::desk::{Kept, PricingDesk};
use super::simulate::outcome;
use crate::problem::Problem;

const COLUMNS: [&str; 18] = [
    "date",
    "room_type",
    "price",
    "suggested_price",
    "override_note",
    "override_by",
    "current_price",
    "currency",
    "tax_inclusive",
    "expected_occupancy",
    "expected_bookings",
    "expected_revenue",
    "competitor_avg",
    "confidence",
    "minimum_stay",
    "rules",
    "status",
    "schedule_id",
];

/// Which file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExportFormat {
    Csv,
    Json,
}

impl ExportFormat {
    /// As a query names it.
    pub fn of(text: Option<&str>) -> Result<Self, Problem> {
        match text {
            None | Some("csv") => Ok(Self::Csv),
            Some("json") => Ok(Self::Json),
            Some(_) => Err(Problem::new(ErrorCode::BadRequest, "format is csv or json")),
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
        }
    }
}

/// Whether a spreadsheet takes this for a formula.
fn begins_formula(text: &str) -> bool {
    let begins = text.trim_start().chars().next();
    begins.is_some_and(|c| matches!(c, '=' | '+' | '-' | '@' | '|' | '%' | '＝' | '＋' | '－' | '＠'))
}

/// A text that no spreadsheet takes for a formula: what begins like one is set off by an apostrophe, also behind what another
/// spreadsheet takes for the end of a cell.
fn harmless(text: &str) -> String {
    let mut told = String::with_capacity(text.len() + 1);
    if text.starts_with(['\t', '\r', '\n']) {
        told.push('\'');
    }
    for piece in text.split_inclusive([';', '\t', '\r', '\n']) {
        if begins_formula(piece) {
            told.push('\'');
        }
        told.push_str(piece);
    }
    told
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn amount(value: Option<Decimal>) -> String {
    value.map_or_else(String::new, |value| value.normalize().to_string())
}

/// What is expected at the price that goes on sale.
struct Expected {
    occupancy: Option<f64>,
    bookings: Option<f64>,
    revenue: Option<Decimal>,
}

impl Expected {
    /// At a price that somebody set, by the curve; nothing where the price lies outside of it.
    fn new(cell: &CellReport, currency: Currency) -> Self {
        let mean = cell.expected_revenue.as_ref().map(|revenue| revenue.mean);
        let Some(set) = &cell.set else {
            return Self {
                occupancy: cell.expected_occupancy,
                bookings: cell.expected_bookings,
                revenue: mean,
            };
        };
        let there = outcome(cell, set.price);
        let usual = cell.suggested_price.and_then(|price| outcome(cell, price));
        // Of what is on the books neither price changes anything.
        let more =
            there.zip(usual).and_then(|(there, usual)| Decimal::from_f64(there.revenue - usual.revenue));
        Self {
            occupancy: there.and_then(|there| there.occupancy),
            bookings: there.map(|there| there.bookings),
            revenue: mean.zip(more).map(|(mean, more)| currency.round((mean + more).max(Decimal::ZERO))),
        }
    }
}

fn row(kept: &Kept, cell: &CellReport, currency: Currency) -> [String; COLUMNS.len()] {
    let expected = Expected::new(cell, currency);
    let set = cell.set.as_ref();
    let rules: Vec<&str> = cell.binding_rules.iter().map(|binding| binding.rule.as_str()).collect();
    [
        cell.date.to_string(),
        harmless(&cell.room_type),
        amount(cell.price()),
        amount(cell.suggested_price),
        set.map_or_else(String::new, |set| harmless(&set.note)),
        set.map_or_else(String::new, |set| harmless(&set.by)),
        amount(cell.current_price),
        kept.made.currency.clone(),
        kept.made.tax_inclusive.map_or_else(String::new, |inclusive| inclusive.to_string()),
        number(expected.occupancy),
        number(expected.bookings),
        amount(expected.revenue),
        amount(cell.competitor_avg),
        number(cell.confidence),
        cell.minimum_stay.map_or_else(String::new, |nights| nights.to_string()),
        harmless(&rules.join("; ")),
        kept.schedule.status.as_str().to_owned(),
        kept.schedule.id.to_string(),
    ]
}

fn csv_of(kept: &Kept) -> Result<Vec<u8>, Problem> {
    let currency = currency_of(kept)?;
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        // A cell ends where it ends, whichever separator the reader expects.
        .quote_style(csv::QuoteStyle::Always)
        .from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(|e| Problem::internal(&e))?;
    for cell in &kept.made.pricing_schedule {
        writer.write_record(row(kept, cell, currency)).map_err(|e| Problem::internal(&e))?;
    }
    writer.into_inner().map_err(|e| Problem::internal(&e))
}

impl PricingDesk {
    /// The schedule as a file.
    pub async fn export(&self, hotel: &HotelId, id: Uuid, format: ExportFormat) -> Result<Vec<u8>, Problem> {
        match format {
            ExportFormat::Csv => {
                let kept = self.read(hotel, id).await?;
                tokio::task::spawn_blocking(move || csv_of(&kept)).await?
            }
            ExportFormat::Json => {
                let schedule = self.schedule(hotel, id).await?;
                serde_json::to_vec(&schedule).map_err(|e| Problem::internal(&e))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for evil in
            ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "=cmd|' /C calc'!A0", "＝1", "|x", "%0A"]
        {
            assert!(harmless(evil).starts_with('\''), "{evil:?}");
        }
        for plain in ["deluxe", "suite 2", "a=b", "", "Phòng đôi", "1 bed", "fair; cup", "a;b=c\td"] {
            assert_eq!(harmless(plain), plain);
        }
        for (evil, told) in [
            ("fair;=1+1", "fair;'=1+1"),
            ("fair\t+1", "fair\t'+1"),
            ("a;b; -1", "a;b;' -1"),
            ("two\n@SUM(A1)", "two\n'@SUM(A1)"),
            ("=1;=2", "'=1;'=2"),
        ] {
            assert_eq!(harmless(evil), told);
        }
    }
}
