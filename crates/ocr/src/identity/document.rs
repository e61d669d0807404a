use std::collections::BTreeMap;

use chrono::NaiveDate;
use innkeeper_core::Rect;
use serde::{Deserialize, Serialize};

use super::mrz::{Check, MrzFormat, Repair};
use crate::Quad;

/// Kinds of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DocumentType {
    /// An identity card.
    IdCard,
    /// A passport, its data page.
    Passport,
    /// A driving licence.
    DriverLicense,
    /// A visa.
    Visa,
    /// A residence permit.
    ResidencePermit,
    /// A document whose kind is neither printed nor coded.
    Unknown,
}

impl std::fmt::Display for DocumentType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::IdCard => "id_card",
            Self::Passport => "passport",
            Self::DriverLicense => "driver_license",
            Self::Visa => "visa",
            Self::ResidencePermit => "residence_permit",
            Self::Unknown => "unknown",
        })
    }
}

/// A name of no kind of document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind of document; id_card, passport, driver_license, visa and residence_permit are")]
pub struct UnknownDocumentType(String);

impl std::str::FromStr for DocumentType {
    type Err = UnknownDocumentType;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::IdCard, Self::Passport, Self::DriverLicense, Self::Visa, Self::ResidencePermit]
            .into_iter()
            .find(|kind| kind.to_string() == name)
            .ok_or_else(|| UnknownDocumentType(name.chars().take(40).collect()))
    }
}

/// The holder's name.
#[derive(Clone, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = IdentityPersonName))]
pub struct PersonName {
    /// Surname or primary identifier.
    pub surname: Option<String>,
    /// Given names.
    pub given: Option<String>,
    /// The whole name where the document does not part it.
    pub full: Option<String>,
}

/// Where a value was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = IdentitySource))]
pub enum Source {
    /// The machine-readable zone.
    Mrz,
    /// The barcode.
    Barcode,
    /// The print.
    Printed,
}

/// What a value rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = IdentityFieldEvidence))]
pub struct FieldEvidence {
    /// Where it was taken from.
    pub source: Source,
    /// Where it stands, in pixels of the picture as sent; `None` where the source has no place for it.
    pub quad: Option<Quad>,
    /// Probability that it was read rightly, 0 to 1. For a zone the characters' probabilities and the check
    /// digits ([`super::mrz::Mrz::confidence`]), for print the mean probability of the line's characters, raised
    /// when a second source says the same and lowered when it says something else.
    ///
    /// Two of the numbers behind it are assumptions, not measurements. A value of a symbol counts 0.9999: its error
    /// correction (Reed-Solomon codes) refuses a damaged symbol rather than decoding it to something else; 0.9 where
    /// the content does not hold together. By Bayes' rule a second source says the same of a right reading nine times
    /// in ten, of a wrong one once in a hundred.
    pub confidence: f32,
}

/// Print against zone or barcode.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = IdentityCompared))]
pub struct Compared {
    /// Which field.
    pub field: &'static str,
    /// What is printed.
    pub printed: String,
    /// What the zone or barcode says.
    pub machine_readable: String,
    /// Whether they are the same but for spelling: marks on letters, spaces, the order of a date, a name that was
    /// cut off.
    pub agrees: bool,
    /// Whether the value of the zone or barcode is printed away from the label of its field. With `agrees` it was found
    /// there for want of a label; without, the label has another value, which may be a neighbour's or a forger's.
    pub printed_elsewhere: bool,
}

/// The machine-readable zone of a document.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MrzAnswer {
    /// Its layout.
    pub format: MrzFormat,
    /// Its lines after the listed repairs.
    pub lines: Vec<String>,
    /// Whether every check digit comes out.
    pub valid: bool,
    /// Every check digit.
    pub checks: Vec<Check>,
    /// Every position that differs from what was read, and why.
    pub repaired: Vec<Repair>,
}

/// The symbol on a document.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = IdentityBarcodeAnswer))]
pub struct BarcodeAnswer {
    /// `PDF417`, `QR`, `DATA_MATRIX` or `AZTEC`.
    pub format: &'static str,
    /// `aamva`, `vietnam_citizen_card` or `raw`.
    pub kind: &'static str,
    /// Whether its content holds together: every demanded element there, the number in accord with date and sex.
    /// `None` for content that is not known.
    pub valid: Option<bool>,
}

/// What was read from an identity document. Boxes are in pixels of the picture as sent. `Debug` shows which fields
/// there are and how long they are, never what they say.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IdentityDocument {
    /// What it is.
    pub document_type: DocumentType,
    /// Whether that is what was asked for; `None` when nothing was, or when its kind is not known.
    pub type_agrees: Option<bool>,
    /// The holder's name.
    pub name: PersonName,
    /// Its number.
    pub document_number: Option<String>,
    /// Nationality: a code of ICAO Doc 9303 where a zone tells it, otherwise as printed.
    pub nationality: Option<String>,
    /// Issuing state or organisation: a code of ICAO Doc 9303, or `USA`, `CAN` from the barcode of a licence.
    pub issuing_state: Option<String>,
    /// Date of birth. In zones the year has two digits: the latest century in which the day is not in the future.
    pub date_of_birth: Option<NaiveDate>,
    /// `M`, `F` or `X` (not specified).
    pub sex: Option<char>,
    /// Last day of validity. In zones the year has two digits: the day nearest to today.
    pub expiry_date: Option<NaiveDate>,
    /// Day of issue; barcode and print only.
    pub issue_date: Option<NaiveDate>,
    /// Address; barcode and print only.
    pub address: Option<String>,
    /// Whether the expiry date lies before the day that the caller gave as today.
    pub expired: Option<bool>,
    /// The machine-readable zone; `None` when none was found.
    pub mrz: Option<MrzAnswer>,
    /// The symbol; `None` when none was found. Not sought when a valid zone was.
    pub barcode: Option<BarcodeAnswer>,
    /// The largest face on the picture, of those that the caller found.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub face_box: Option<Rect>,
    /// Probability that those of number, date of birth, surname and given names that were found were all read rightly,
    /// 0 to 1: the product of their own confidences; 0 when none was found. `reasons.confidence` names those that were
    /// not found.
    pub confidence: f32,
    /// Source, place and confidence of every value, by the name of its field.
    pub fields: BTreeMap<&'static str, FieldEvidence>,
    /// Print against zone or barcode, every field that both have.
    pub comparison: Vec<Compared>,
    /// Why a field is null or was not read, and what is wrong with the document.
    pub reasons: BTreeMap<&'static str, String>,
}

impl IdentityDocument {
    /// The document with the largest of the faces that were found on its page, in pixels of the page as sent.
    #[must_use]
    pub fn with_face(mut self, faces: &[Rect]) -> Self {
        self.face_box = faces.iter().copied().reduce(|a, b| if b.area() > a.area() { b } else { a });
        if self.face_box.is_none() {
            self.reasons.insert("face_box", "no face was found on the picture".to_owned());
        }
        self
    }
}

impl std::fmt::Debug for IdentityDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let length = |value: &Option<String>| value.as_ref().map(|v| v.chars().count());
        f.debug_struct("IdentityDocument")
            .field("document_type", &self.document_type)
            .field("surname_length", &length(&self.name.surname))
            .field("given_length", &length(&self.name.given))
            .field("document_number_length", &length(&self.document_number))
            .field("fields", &self.fields.keys().collect::<Vec<_>>())
            .field("mrz_valid", &self.mrz.as_ref().map(|m| m.valid))
            .field("barcode", &self.barcode.as_ref().map(|b| b.kind))
            .field("confidence", &self.confidence)
            .finish_non_exhaustive()
    }
}

/// A null at a date or name, said once.
pub(super) const NOT_FOUND: &str = "neither a zone, a barcode nor a label on the print tells it";
