//! Everything that is found on the pages before anything is chosen.

use super::amounts::{self, Amount, Role};
use super::currency::{self, Country};
use super::date::{self, DateCandidate, Order};
use super::items::{self, Items};
use super::layout::Layout;
use super::reader::Hints;
use super::total::{self, Parts, TotalCandidate};
use super::vendor::{self, VendorCandidate};
use crate::PageText;

/// Rows, amounts, items and the candidates of the ranked fields.
#[derive(Debug, Clone)]
pub(super) struct Evidence {
    pub layout: Layout,
    pub whole: bool,
    pub amounts: Vec<Amount>,
    pub items: Items,
    pub parts: Parts,
    /// Those that decide what the page leaves open, the first that can.
    pub countries: Vec<Country>,
    pub order: Order,
    pub totals: Vec<TotalCandidate>,
    pub dates: Vec<DateCandidate>,
    pub vendors: Vec<VendorCandidate>,
    /// What was left out, for the answer.
    pub notes: Vec<String>,
}

impl Evidence {
    /// Reads the pages.
    pub fn new(pages: &[PageText], hints: &Hints) -> Self {
        let layout = Layout::new(pages);
        let mut notes = layout.notes.clone();
        let whole = amounts::whole_money(&layout);
        let amounts = amounts::find(&layout, whole, &mut notes);
        let items = items::find(&layout, &amounts, whole);
        let parts = Parts::new(&amounts, &items);
        let folded = layout.rows.iter().map(|r| r.folded.as_str()).collect::<Vec<_>>().join(" ");
        let raw = layout.rows.iter().map(|r| r.text.as_str()).collect::<Vec<_>>().join(" ");
        let found = currency::country(&folded, &raw);
        let (asked, setting) = (hints.country.as_deref(), hints.default_country.as_deref());
        let countries = currency::countries(asked, found.as_ref(), setting, &mut notes);
        let order = date::order(&layout, &countries);
        let totals = total::candidates(&layout, &amounts, &items, &parts, &mut notes);
        let dates = date::candidates(&layout, order.first, &mut notes);
        let first_total = amounts.iter().find(|a| a.role == Role::Total).map_or(layout.rows.len(), |a| a.row);
        let vendors = vendor::candidates(&layout, whole, first_total, &mut notes);
        Self { layout, whole, amounts, items, parts, countries, order, totals, dates, vendors, notes }
    }

    /// How surely an amount was read.
    pub fn amount_confidence(&self, amount: usize) -> f32 {
        self.amounts.get(amount).map_or(0.0, |a| self.cell_confidence(a.row, a.cell))
    }

    /// How surely a cell was read.
    pub fn cell_confidence(&self, row: usize, cell: usize) -> f32 {
        self.layout.rows.get(row).and_then(|r| r.cells.get(cell)).map_or(0.0, |c| c.confidence)
    }

    /// How surely rows were read: the lowest of them.
    pub fn rows_confidence(&self, rows: &[usize]) -> f32 {
        rows.iter()
            .filter_map(|r| self.layout.rows.get(*r))
            .map(super::layout::Row::confidence)
            .fold(1.0, f32::min)
    }
}
