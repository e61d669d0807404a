//! What a person says is on a document.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::words::fold;
use crate::PageText;

/// The truth about a document, as far as somebody stated it. Has the shape of a correction: the fields of the answer
/// that were wrong, with their right values; what is absent says nothing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = InvoiceLabels))]
#[serde(default, deny_unknown_fields)]
pub struct Labels {
    /// Number of the invoice.
    pub invoice_number: Option<String>,
    /// Its date.
    pub date: Option<NaiveDate>,
    /// When it is due.
    pub due_date: Option<NaiveDate>,
    /// Who sold.
    pub vendor: Option<PartyLabel>,
    /// Who bought.
    pub customer: Option<PartyLabel>,
    /// What was bought: all of it.
    pub items: Option<Vec<ItemLabel>>,
    /// Before tax.
    #[serde(with = "rust_decimal::serde::float_option")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<f64>))]
    pub subtotal: Option<Decimal>,
    /// Tax.
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
    /// What had to be paid.
    #[serde(with = "rust_decimal::serde::float_option")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<f64>))]
    pub total_amount: Option<Decimal>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// How it was paid.
    pub payment_method: Option<String>,
}

/// A seller or buyer as somebody stated it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = InvoicePartyLabel))]
#[serde(default, deny_unknown_fields)]
pub struct PartyLabel {
    /// Name.
    pub name: Option<String>,
    /// Address.
    pub address: Option<String>,
    /// Tax registration.
    pub tax_id: Option<String>,
}

/// A line item as somebody stated it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = InvoiceItemLabel))]
#[serde(default, deny_unknown_fields)]
pub struct ItemLabel {
    /// Words that name it.
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
    /// Percent.
    #[serde(with = "rust_decimal::serde::float_option")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<f64>))]
    pub tax_rate: Option<Decimal>,
}

impl Labels {
    /// Name of the vendor, where it was stated.
    pub fn vendor_name(&self) -> Option<&str> {
        self.vendor.as_ref().and_then(|v| v.name.as_deref())
    }

    /// What documents of one vendor have in common, to be used as [`Example::group`] where nothing better is known:
    /// the vendor's name as [`same_name`] compares it.
    pub fn group(&self) -> Option<String> {
        self.vendor_name().map(bare_name).filter(|n| !n.is_empty())
    }
}

/// A document whose fields are known: what training and evaluation work on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// The text as it was read.
    pub pages: Vec<PageText>,
    /// What is on it.
    pub labels: Labels,
    /// Documents that must not be on both sides of a split, such as those of one vendor.
    pub group: String,
}

/// Whether two names are the same: letters and digits only, without case, accents, spaces and punctuation.
pub fn same_name(a: &str, b: &str) -> bool {
    let (a, b) = (bare_name(a), bare_name(b));
    !a.is_empty() && a == b
}

/// A name as [`same_name`] compares it.
pub(super) fn bare_name(name: &str) -> String {
    fold(name).chars().filter(|c| *c != ' ').collect()
}

/// How alike two texts are, 0 to 1: one less the edit distance over the longer length, on bare names.
pub(super) fn likeness(a: &str, b: &str) -> f64 {
    let cut = |s: &str| bare_name(s).chars().take(200).collect::<String>();
    let (a, b) = (cut(a), cut(b));
    if a.is_empty() || b.is_empty() { 0.0 } else { strsim::normalized_levenshtein(&a, &b) }
}
