//! The answer: plain values at the top, and beside them where each came from.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use innkeeper_core::Rect;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What was read from an invoice or a receipt. A field that was not found is `None`, and `reasons` says why.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Invoice {
    /// As printed beside words such as "invoice no".
    pub invoice_number: Option<String>,
    /// Day of the invoice or purchase.
    pub date: Option<NaiveDate>,
    /// Day on which it has to be paid.
    pub due_date: Option<NaiveDate>,
    /// Who sold.
    pub vendor: Party,
    /// Who bought.
    pub customer: Party,
    /// What was bought, from top to bottom.
    pub items: Vec<Item>,
    /// Before tax, service and rounding, as printed.
    #[serde(with = "rust_decimal::serde::float_option")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<f64>))]
    pub subtotal: Option<Decimal>,
    /// Tax on all of it.
    #[serde(with = "rust_decimal::serde::float_option")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<f64>))]
    pub tax: Option<Decimal>,
    /// Service charge.
    #[serde(with = "rust_decimal::serde::float_option")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<f64>))]
    pub service_charge: Option<Decimal>,
    /// Tip.
    #[serde(with = "rust_decimal::serde::float_option")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<f64>))]
    pub tip: Option<Decimal>,
    /// What was taken off, as a positive number.
    #[serde(with = "rust_decimal::serde::float_option")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<f64>))]
    pub discount: Option<Decimal>,
    /// Rounding to the smallest coin, with its sign.
    #[serde(with = "rust_decimal::serde::float_option")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<f64>))]
    pub rounding: Option<Decimal>,
    /// What had to be paid, tax and rounding included.
    #[serde(with = "rust_decimal::serde::float_option")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<f64>))]
    pub total_amount: Option<Decimal>,
    /// ISO 4217 code.
    pub currency: Option<String>,
    /// `cash`, `card`, `transfer`, `wallet` or `cheque`.
    pub payment_method: Option<String>,
    /// Mean confidence of `total_amount`, `date` and `vendor.name`, 0 to 1; one that was not found counts as 0.
    pub confidence: f32,
    /// Where each field was found, by its name (`total_amount`, `vendor.name`, …).
    pub fields: BTreeMap<String, Field>,
    /// Why a field is null, by its name.
    pub reasons: BTreeMap<String, String>,
    /// Arithmetic on the printed amounts.
    pub checks: Vec<Check>,
    /// What else a reader of this answer should know.
    pub notes: Vec<String>,
}

/// A seller or a buyer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = InvoiceParty))]
pub struct Party {
    /// Name as printed; known slips in legal forms ("SON BHD") are mended and noted.
    pub name: Option<String>,
    /// Address on one line.
    pub address: Option<String>,
    /// Number of the tax registration as printed.
    pub tax_id: Option<String>,
}

/// One line of what was bought.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = InvoiceItem))]
pub struct Item {
    /// Words that name it; empty when none stand near its amount.
    pub description: String,
    /// How many.
    #[serde(with = "rust_decimal::serde::float_option")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<f64>))]
    pub quantity: Option<Decimal>,
    /// For one.
    #[serde(with = "rust_decimal::serde::float_option")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<f64>))]
    pub unit_price: Option<Decimal>,
    /// For all of them.
    #[serde(with = "rust_decimal::serde::float_option")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<f64>))]
    pub amount: Option<Decimal>,
    /// Percent of tax printed in its row.
    #[serde(with = "rust_decimal::serde::float_option")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<f64>))]
    pub tax_rate: Option<Decimal>,
    /// 0 to 1: the confidence with which its amount was read, lowered when quantity times unit price could not be
    /// checked and when the items do not add up. Computed, not calibrated.
    pub confidence: f32,
    /// The rows it was read from, from top to bottom; the last one is the amount alone.
    pub sources: Vec<Source>,
    /// What was repaired.
    pub notes: Vec<String>,
}

/// The smallest upright box around something on a page as it was sent: of slanted text it is larger than the text.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = InvoicePlace))]
pub struct Place {
    /// Page, from 1.
    pub page: usize,
    /// Pixels from the left of the page as it was sent, EXIF rotation applied.
    pub x: f32,
    /// Pixels from its top.
    pub y: f32,
    /// Width in pixels.
    pub w: f32,
    /// Height in pixels.
    pub h: f32,
}

impl Place {
    /// `page` is an index, from 0.
    pub(super) fn new(page: usize, rect: &Rect) -> Self {
        Self { page: page + 1, x: rect.x, y: rect.y, w: rect.w, h: rect.h }
    }
}

/// Text and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = InvoiceSource))]
pub struct Source {
    /// As it was read.
    pub text: String,
    /// Where.
    #[serde(rename = "box")]
    pub place: Place,
}

/// Where a field was found and how sure that is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = InvoiceField))]
pub struct Field {
    /// The text it was taken from, as it was read; `None` for a field that follows from others (a currency from the
    /// country).
    pub text: Option<String>,
    /// Where that text stands.
    #[serde(rename = "box")]
    pub place: Option<Place>,
    /// 0 to 1. Total, date and vendor name: the probability of being right, fitted on receipts the ranker had not seen
    /// (see [`Ranker`](super::Ranker)). The others: how surely the text was read (the lowest of several), times
    /// factors below 1 for what weakens it: words that stand above or apart instead of beside (0.85 to 0.97), words that
    /// name the field less directly (0.15 less a step), arithmetic that does not confirm an amount (0.85), an order of day
    /// and month that nothing decided (0.8), an address whose end is guessed (0.9), a currency that follows from a country
    /// (0.9 of the request, 0.5 of the setting, the share of the words that point to it of the page). These factors are
    /// set by hand and rank answers; they are not calibrated.
    pub confidence: f32,
    /// What speaks for it, or was assumed.
    pub notes: Vec<String>,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = InvoiceOutcome))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Both sides agree.
    Ok,
    /// They do not.
    Contradiction,
    /// A side is missing.
    NotPossible,
}

/// One amount of a check.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = InvoiceTerm))]
pub struct Term {
    /// What it is.
    pub name: String,
    /// Its value; what is subtracted is negative.
    #[serde(with = "rust_decimal::serde::float")]
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub amount: Decimal,
}

/// Arithmetic on printed amounts: what was added up, and what it was compared with.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = InvoiceCheck))]
pub struct Check {
    /// `items_sum`, `total_sum`, `cash_change`, `tax_included` or `item_product`.
    pub name: String,
    /// How it came out.
    pub outcome: Outcome,
    /// What was added up.
    pub terms: Vec<Term>,
    /// The printed amount it was compared with.
    pub against: Option<Term>,
    /// Sum of the terms less that amount.
    #[serde(with = "rust_decimal::serde::float_option")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<f64>))]
    pub difference: Option<Decimal>,
    /// Why it was not possible.
    pub reason: Option<String>,
}
