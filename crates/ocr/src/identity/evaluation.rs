//! The figures that say how well identity documents are read, from pictures with their truth: zones line by
//! line, symbols character by character, licences field by field.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::aamva::Licence;
use super::barcode::Barcode;
use super::mrz::MrzFormat;

/// What a picture shows.
#[derive(Debug, Clone, PartialEq)]
pub enum Truth {
    /// A zone with these lines; `valid` says whether its check digits come out as printed.
    Mrz {
        /// Its lines.
        lines: Vec<String>,
        /// Whether every check digit is right.
        valid: bool,
    },
    /// No zone.
    NoMrz,
    /// A PDF417 symbol with this text.
    Symbol(String),
    /// The symbol of a licence with these fields.
    Licence(Box<LicenceTruth>),
}

/// Fields of a licence as a person wrote them down: those of `aamva/expected.json`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LicenceTruth {
    /// Customer number.
    pub doc_number: Option<String>,
    /// Whole name, its parts joined by commas (version 1).
    pub name: Option<String>,
    /// Surname.
    pub surname: Option<String>,
    /// Given name.
    pub given: Option<String>,
    /// Middle names.
    pub middle: Option<String>,
    /// Date of birth, `YYYY-MM-DD`.
    pub dob: Option<String>,
    /// Expiry date, `YYYY-MM-DD`.
    pub expiry: Option<String>,
    /// Date of issue, `YYYY-MM-DD`.
    pub issue: Option<String>,
    /// Jurisdiction of the address.
    pub state: Option<String>,
    /// Country.
    pub country: Option<String>,
    /// Version of the standard.
    pub aamva_version: Option<u8>,
}

impl LicenceTruth {
    /// Whether every field that is given was read so.
    pub fn is(&self, licence: &Licence) -> bool {
        let date = |day: Option<chrono::NaiveDate>| day.map(|d| d.to_string());
        let joined = [&licence.surname, &licence.given, &licence.middle]
            .into_iter()
            .flatten()
            .cloned()
            .collect::<Vec<_>>();
        let same = |truth: &Option<String>, read: Option<String>| truth.is_none() || *truth == read;
        same(&self.doc_number, licence.document_number.clone())
            && same(&self.name, Some(joined.join(",")))
            && same(&self.surname, licence.surname.clone())
            && same(&self.given, licence.given.clone())
            && same(&self.middle, licence.middle.clone())
            && same(&self.dob, date(licence.date_of_birth))
            && same(&self.expiry, date(licence.expiry_date))
            && same(&self.issue, date(licence.issue_date))
            && same(&self.state, licence.state.clone())
            && same(&self.country, licence.country.clone())
            && self.aamva_version.is_none_or(|version| version == licence.version)
    }
}

/// What was read from a picture. Its `Debug` shows no characters of a zone.
#[derive(Clone, PartialEq, Default)]
pub struct Read {
    /// The zone that was reported: its layout, lines, and whether it is valid.
    pub mrz: Option<(MrzFormat, Vec<String>, bool)>,
    /// The symbol.
    pub barcode: Option<Barcode>,
}

impl std::fmt::Debug for Read {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let zone = self.mrz.as_ref().map(|(format, lines, valid)| (format, lines.len(), valid));
        f.debug_struct("Read").field("mrz", &zone).field("barcode", &self.barcode).finish()
    }
}

/// The figures. Counts are of pictures.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct IdentityFigures {
    /// Pictures with a zone.
    pub mrz_n: usize,
    /// Of those, the ones whose zone is valid as printed.
    pub mrz_printed_valid: usize,
    /// Zones reported as valid, whatever they say.
    pub mrz_valid: usize,
    /// Zones that are valid as printed and reported as valid with every character of every line right.
    pub mrz_exact: usize,
    /// Zones reported as valid with a character that is not printed there.
    pub mrz_valid_but_wrong: usize,
    /// Zones that are wrong as printed and reported so.
    pub mrz_invalid_as_printed: usize,
    /// Pictures without a zone for which one was reported; `None` when no such picture was looked at.
    pub mrz_invented: Option<usize>,
    /// Pictures without a zone.
    pub mrz_without_n: usize,
    /// Zones of each layout that were exact, of how many valid ones.
    pub mrz_by_format: BTreeMap<String, (usize, usize)>,
    /// Symbols decoded with every character right.
    pub pdf417: usize,
    /// Pictures of symbols.
    pub pdf417_n: usize,
    /// Licences with every field right.
    pub aamva: usize,
    /// Pictures of licences' symbols.
    pub aamva_n: usize,
}

/// Counts over pairs of what a picture shows and what was read from it.
pub fn evaluate<'a>(pairs: impl IntoIterator<Item = (&'a Truth, &'a Read)>) -> IdentityFigures {
    let mut f = IdentityFigures::default();
    for (truth, read) in pairs {
        match truth {
            Truth::Mrz { lines, valid } => {
                f.mrz_n += 1;
                f.mrz_printed_valid += usize::from(*valid);
                let (claimed, right) = match &read.mrz {
                    Some((_, read, claimed)) => (*claimed, read == lines),
                    None => (false, false),
                };
                f.mrz_valid += usize::from(claimed);
                f.mrz_exact += usize::from(*valid && claimed && right);
                f.mrz_valid_but_wrong += usize::from(claimed && !(right && *valid));
                f.mrz_invalid_as_printed += usize::from(!valid && read.mrz.is_some() && !claimed);
                if *valid {
                    let size = format!("{}x{}", lines.len(), lines.first().map_or(0, String::len));
                    let of = f.mrz_by_format.entry(size).or_default();
                    of.0 += usize::from(claimed && right);
                    of.1 += 1;
                }
            }
            Truth::NoMrz => {
                f.mrz_without_n += 1;
                *f.mrz_invented.get_or_insert(0) += usize::from(read.mrz.is_some());
            }
            Truth::Symbol(text) => {
                f.pdf417_n += 1;
                f.pdf417 += usize::from(read.barcode.as_ref().is_some_and(|b| b.text == *text));
            }
            Truth::Licence(licence) => {
                f.aamva_n += 1;
                let read = read.barcode.as_ref().and_then(|b| match &b.content {
                    super::barcode::BarcodeContent::Aamva(read) => Some(read),
                    _ => None,
                });
                f.aamva += usize::from(read.is_some_and(|read| licence.is(read)));
            }
        }
    }
    f
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(lines: &[&str], valid: bool) -> Read {
        let lines = lines.iter().map(|l| (*l).to_owned()).collect();
        Read { mrz: Some((MrzFormat::Td3, lines, valid)), barcode: None }
    }

    #[test]
    fn a_wrong_zone_that_claims_to_be_valid_is_counted_against_us() {
        let printed = |valid| Truth::Mrz { lines: vec!["AB".into(), "CD".into()], valid };
        let pairs = [
            (printed(true), zone(&["AB", "CD"], true)),
            (printed(true), zone(&["AB", "CE"], true)),
            (printed(true), zone(&["AB", "CE"], false)),
            (printed(true), Read::default()),
            (printed(false), zone(&["AB", "CD"], false)),
            (printed(false), zone(&["AB", "CD"], true)),
            (Truth::NoMrz, zone(&["AB", "CD"], false)),
            (Truth::NoMrz, Read::default()),
        ];
        let f = evaluate(pairs.iter().map(|(t, r)| (t, r)));
        assert_eq!((f.mrz_n, f.mrz_valid, f.mrz_exact, f.mrz_valid_but_wrong), (6, 3, 1, 2));
        assert_eq!((f.mrz_invalid_as_printed, f.mrz_invented, f.mrz_without_n), (1, Some(1), 2));
    }

    #[test]
    fn no_invention_is_claimed_where_none_could_be() {
        let truth = Truth::Mrz { lines: vec!["AB".into()], valid: true };
        assert_eq!(evaluate([(&truth, &Read::default())]).mrz_invented, None);
        assert_eq!(evaluate([(&Truth::NoMrz, &Read::default())]).mrz_invented, Some(0));
    }

    #[test]
    fn a_licence_counts_only_with_every_field() {
        let text = "@\n\u{1e}\rANSI 636026080102DL00410100DLDAQD1\nDCSSAMPLE\nDACJO\nDBB02011957\nDCGUSA\r";
        let licence = super::super::aamva::parse(text).expect("a licence");
        let truth = LicenceTruth {
            doc_number: Some("D1".into()),
            dob: Some("1957-02-01".into()),
            aamva_version: Some(8),
            ..LicenceTruth::default()
        };
        assert!(truth.is(&licence));
        assert!(!LicenceTruth { surname: Some("SIMPLE".into()), ..truth }.is(&licence));
    }
}
