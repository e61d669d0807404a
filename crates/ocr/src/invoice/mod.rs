//! Invoices and receipts: from the text of pages to fields, with where each stands and how sure it is.
//!
//! [`InvoiceReader`] puts lines into rows, finds amounts, dates and names, and lets a learned [`Ranker`] (or fixed
//! rules) choose among them; arithmetic on what is printed counts as evidence and is part of the answer. [`train`] and
//! [`evaluation`] work on [`Example`]s: pages and what is on them.

mod amounts;
mod answer;
mod arithmetic;
mod choice;
mod currency;
mod date;
mod dates;
pub mod evaluation;
mod evidence;
mod items;
mod labels;
mod layout;
mod numbers;
mod payment;
mod ranker;
mod reader;
mod reference;
#[cfg(test)]
mod tests;
mod total;
mod vendor;
mod words;

pub use answer::{Check, Field, Invoice, Item, Outcome, Party, Place, Source, Term};
pub use choice::Calibration;
pub use currency::DateOrder;
pub use labels::{Example, ItemLabel, Labels, PartyLabel, same_name};
pub use ranker::{FieldModel, FieldTraining, Ranker, RankerError, TrainError, Training, train};
pub use reader::{Hints, InvoiceReader};

/// The only date in a text, as invoices print dates; `order` decides `01/02/2025`.
pub fn parse_date(text: &str, order: DateOrder) -> Option<chrono::NaiveDate> {
    let mut all = dates::find(text);
    let only = if all.len() == 1 { all.pop() } else { None };
    only.and_then(|d| d.in_order(order)).map(|(date, _)| date)
}

/// The amount that is all of a text, as invoices print amounts: `1,500.00`, `1.500.000 ₫`, `RM41.45`.
pub fn parse_amount(text: &str) -> Option<rust_decimal::Decimal> {
    numbers::parse(text, None).map(|n| n.value)
}
