//! The answer in the making: zone, symbol and print put together, compared and judged.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::aamva::Licence;
use super::barcode::{Barcode, BarcodeContent};
use super::compare::{self, Told};
use super::dates;
use super::document::{
    BarcodeAnswer, Compared, DocumentType, FieldEvidence, IdentityDocument, MrzAnswer, NOT_FOUND, PersonName,
    Source,
};
use super::labels::Field;
use super::mrz::{Mrz, MrzField};
use super::printed::Printed;
use super::zone::Zone;
use crate::{PageText, Quad};

fn empty() -> IdentityDocument {
    IdentityDocument {
        document_type: DocumentType::Unknown,
        type_agrees: None,
        name: PersonName::default(),
        document_number: None,
        nationality: None,
        issuing_state: None,
        date_of_birth: None,
        sex: None,
        expiry_date: None,
        issue_date: None,
        address: None,
        expired: None,
        mrz: None,
        barcode: None,
        face_box: None,
        confidence: 0.0,
        fields: BTreeMap::new(),
        comparison: Vec::new(),
        reasons: BTreeMap::new(),
    }
}

/// An answer in the making. What is taken first stays: zone, then barcode, then print.
pub(super) struct Answer<'a> {
    page: &'a PageText,
    printed: &'a Printed,
    lines: Vec<&'a str>,
    /// Fields whose print stands on another page than the answer's.
    placeless: BTreeSet<Field>,
    today: NaiveDate,
    document: IdentityDocument,
}

/// Assumed probability that a value of a decoded symbol is right, see [`FieldEvidence`].
const WHOLE_SYMBOL: f32 = 0.9999;
/// The same where the content does not hold together.
const TORN_SYMBOL: f32 = 0.9;

/// Puts a value into an empty field.
fn take<T>(slot: &mut Option<T>, value: Option<T>) -> bool {
    let takes = slot.is_none() && value.is_some();
    if takes {
        *slot = value;
    }
    takes
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|t| !t.is_empty())
}

impl<'a> Answer<'a> {
    /// Nothing yet, for a page, what is printed on it and its lines. The print of `placeless` fields stands elsewhere.
    pub(super) fn new(
        page: &'a PageText,
        printed: &'a Printed,
        lines: Vec<&'a str>,
        placeless: BTreeSet<Field>,
        today: NaiveDate,
    ) -> Self {
        Self { page, printed, lines, placeless, today, document: empty() }
    }

    /// The answer, with the print where neither zone nor symbol told.
    pub(super) fn judged(mut self, asked: Option<DocumentType>) -> IdentityDocument {
        self.take_printed();
        self.judge(asked);
        self.document
    }

    fn evidence(&mut self, field: &'static str, source: Source, quad: Option<Quad>, confidence: f32) {
        let quad = quad.map(|q| if source == Source::Barcode { q } else { self.page.on_sent(&q) });
        self.document.fields.insert(field, FieldEvidence { source, quad, confidence });
    }

    pub(super) fn take_zone(&mut self, zone: &Zone) {
        let Zone { mrz, quads } = zone;
        let fields = &mrz.fields;
        let d = &mut self.document;
        d.document_type = match fields.document_code.as_bytes() {
            [b'P', ..] => DocumentType::Passport,
            [b'V', ..] => DocumentType::Visa,
            // Doc 9303 leaves the second letter to the state; the Union's permits and several others use R.
            [b'I' | b'A' | b'C', b'R', ..] => DocumentType::ResidencePermit,
            _ => DocumentType::IdCard,
        };
        let (birth, expiry) =
            (dates::birth(&fields.date_of_birth, self.today), dates::expiry(&fields.expiry_date, self.today));
        if birth.is_none() {
            let reason = if fields.date_of_birth.contains('<') {
                "the zone leaves a part of the date of birth open"
            } else {
                "the date of birth in the zone is no day that exists"
            };
            d.reasons.insert("date_of_birth", reason.to_owned());
        }
        if expiry.is_none() && !fields.expiry_date.is_empty() {
            d.reasons.insert("expiry_date", "the expiry date in the zone is no day that exists".to_owned());
        }
        let sex = match fields.sex {
            'M' | 'F' => Some(fields.sex),
            'X' | '<' => Some('X'),
            _ => None,
        };
        let known =
            |name: &str, code: &str| if mrz.unknown_codes.contains(&name) { None } else { some(code) };
        let mut taken = vec![
            ("surname", take(&mut d.name.surname, some(&fields.surname)), MrzField::Names),
            ("given", take(&mut d.name.given, some(&fields.given_names)), MrzField::Names),
            (
                "document_number",
                take(&mut d.document_number, some(&fields.document_number)),
                MrzField::DocumentNumber,
            ),
            ("date_of_birth", take(&mut d.date_of_birth, birth), MrzField::DateOfBirth),
            ("sex", take(&mut d.sex, sex), MrzField::Sex),
            ("expiry_date", take(&mut d.expiry_date, expiry), MrzField::ExpiryDate),
            (
                "issuing_state",
                take(&mut d.issuing_state, known("issuing_state", &fields.issuing_state)),
                MrzField::IssuingState,
            ),
            (
                "nationality",
                take(&mut d.nationality, known("nationality", &fields.nationality)),
                MrzField::Nationality,
            ),
        ];
        for name in &mrz.unknown_codes {
            d.reasons.insert(name, "the code in the zone is none of ICAO Doc 9303".to_owned());
        }
        if fields.names_may_be_truncated {
            d.reasons.insert("name", "the zone has no room left: the names may have been cut off".to_owned());
        }
        if !mrz.valid {
            let wrong: Vec<&str> = mrz.checks.iter().filter(|c| !c.ok).map(|c| c.name).collect();
            let reason = format!("check digits that do not come out: {}", wrong.join(", "));
            d.reasons.insert("mrz", reason);
        }
        taken.retain(|(_, taken, _)| *taken);
        for (name, _, field) in taken {
            let quad = mrz.place(field).and_then(|(line, columns)| {
                let width = mrz.format.size().1 as f32;
                let quad = quads.get(line)?;
                Some(part(quad, columns.start as f32 / width, columns.end as f32 / width))
            });
            self.evidence(name, Source::Mrz, quad, mrz.confidence(field));
        }
        self.compare_zone(mrz, birth, expiry);
        self.document.mrz = Some(MrzAnswer {
            format: mrz.format,
            lines: mrz.lines.clone(),
            valid: mrz.valid,
            checks: mrz.checks.clone(),
            repaired: mrz.repaired.clone(),
        });
    }

    fn compare_zone(&mut self, mrz: &Mrz, birth: Option<NaiveDate>, expiry: Option<NaiveDate>) {
        let fields = &mrz.fields;
        let cut = fields.names_may_be_truncated;
        let name = |text| Told::Name { text, cut };
        let sex = fields.sex.to_string();
        let mut told = vec![
            ("surname", Field::Surname, name(&fields.surname)),
            ("given", Field::Given, name(&fields.given_names)),
            ("document_number", Field::DocumentNumber, Told::Text(&fields.document_number)),
        ];
        told.extend(birth.map(|day| ("date_of_birth", Field::BirthDate, Told::Date(day))));
        told.extend(expiry.map(|day| ("expiry_date", Field::ExpiryDate, Told::Date(day))));
        if matches!(fields.sex, 'M' | 'F') {
            told.push(("sex", Field::Sex, Told::Text(&sex)));
        }
        // Words for a nationality are not compared with its code; a printed code is.
        if self.printed.fields.get(&Field::Nationality).is_some_and(|v| super::states::is_known(&v.text)) {
            told.push(("nationality", Field::Nationality, Told::Text(&fields.nationality)));
        }
        self.compare(&told);
    }

    fn compare(&mut self, told: &[(&'static str, Field, Told<'_>)]) {
        for (name, field, told) in told {
            let empty = matches!(told, Told::Name { text, .. } | Told::Text(text) if text.is_empty());
            if empty || self.document.comparison.iter().any(|c| c.field == *name) {
                continue;
            }
            self.document.comparison.extend(compare::one(
                name,
                *field,
                told,
                self.printed,
                &self.lines,
                self.today,
            ));
        }
    }

    /// `quad` is where the symbol stands; `None` on another page.
    pub(super) fn take_symbol(&mut self, symbol: &Barcode, quad: Option<Quad>) {
        let valid = match &symbol.content {
            BarcodeContent::Aamva(licence) => {
                self.take_licence(licence, quad);
                Some(licence.is_complete())
            }
            BarcodeContent::Vietnam(card) => {
                let d = &mut self.document;
                if d.document_type == DocumentType::Unknown {
                    d.document_type = DocumentType::IdCard;
                }
                // Surname first, as all Vietnamese names are written.
                let (surname, given) = card.name.split_once(' ').unwrap_or((card.name.as_str(), ""));
                let taken = [
                    ("full_name", take(&mut d.name.full, some(&card.name))),
                    ("surname", take(&mut d.name.surname, some(surname))),
                    ("given", take(&mut d.name.given, some(given))),
                    ("document_number", take(&mut d.document_number, some(&card.number))),
                    ("date_of_birth", take(&mut d.date_of_birth, Some(card.date_of_birth))),
                    ("sex", take(&mut d.sex, card.sex)),
                    ("issue_date", take(&mut d.issue_date, card.issue_date)),
                    ("address", take(&mut d.address, card.address.clone())),
                ];
                // The symbol does not say these two: its kind does, since only citizens of the state that made the
                // layout have the card. They carry no confidence, for nothing was read.
                for (field, derived) in [
                    ("issuing_state", take(&mut d.issuing_state, some("VNM"))),
                    ("nationality", take(&mut d.nationality, some("VNM"))),
                ] {
                    if derived {
                        d.reasons
                            .insert(field, "not read: it follows from the kind of the symbol".to_owned());
                    }
                }
                self.symbol_evidence(
                    &taken,
                    quad,
                    if card.agrees {
                        None
                    } else {
                        Some("the number in the barcode does not agree with date of birth and sex")
                    },
                );
                self.compare(&[
                    ("full_name", Field::FullName, Told::Name { text: &card.name, cut: false }),
                    ("document_number", Field::DocumentNumber, Told::Text(&card.number)),
                    ("date_of_birth", Field::BirthDate, Told::Date(card.date_of_birth)),
                ]);
                Some(card.agrees)
            }
            BarcodeContent::Raw => None,
        };
        self.document.barcode = Some(BarcodeAnswer { format: symbol.format, kind: symbol.kind(), valid });
    }

    fn take_licence(&mut self, licence: &Licence, quad: Option<Quad>) {
        let d = &mut self.document;
        if d.document_type == DocumentType::Unknown {
            d.document_type =
                if licence.is_id_card { DocumentType::IdCard } else { DocumentType::DriverLicense };
        }
        let given =
            [&licence.given, &licence.middle].into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
        let country = licence.country.as_deref().or(licence.jurisdiction.map(|(_, country)| country));
        let country = country.and_then(|c| super::states::is_known(c).then(|| c.to_owned()));
        let taken = [
            ("surname", take(&mut d.name.surname, licence.surname.clone())),
            ("given", take(&mut d.name.given, some(&given))),
            ("document_number", take(&mut d.document_number, licence.document_number.clone())),
            ("date_of_birth", take(&mut d.date_of_birth, licence.date_of_birth)),
            ("sex", take(&mut d.sex, licence.sex)),
            ("expiry_date", take(&mut d.expiry_date, licence.expiry_date)),
            ("issue_date", take(&mut d.issue_date, licence.issue_date)),
            ("address", take(&mut d.address, licence.address.clone())),
            ("issuing_state", take(&mut d.issuing_state, country)),
        ];
        if licence.names_truncated == Some(true) {
            d.reasons.insert("name", "the barcode says that a name was cut off".to_owned());
        }
        let missing = licence.missing.join(", ");
        let wrong = (!licence.is_complete()).then(|| format!("elements that the barcode lacks: {missing}"));
        self.symbol_evidence(&taken, quad, wrong.as_deref());
        let cut = licence.names_truncated == Some(true);
        let mut told = Vec::new();
        told.extend(
            licence.surname.as_deref().map(|text| ("surname", Field::Surname, Told::Name { text, cut })),
        );
        told.push(("given", Field::Given, Told::Name { text: &given, cut }));
        told.extend(
            licence
                .document_number
                .as_deref()
                .map(|n| ("document_number", Field::DocumentNumber, Told::Text(n))),
        );
        told.extend(licence.date_of_birth.map(|day| ("date_of_birth", Field::BirthDate, Told::Date(day))));
        told.extend(licence.expiry_date.map(|day| ("expiry_date", Field::ExpiryDate, Told::Date(day))));
        self.compare(&told);
    }

    /// Values of a decoded symbol, with the assumptions that [`FieldEvidence`] states.
    fn symbol_evidence(&mut self, taken: &[(&'static str, bool)], quad: Option<Quad>, wrong: Option<&str>) {
        let confidence = if wrong.is_some() { TORN_SYMBOL } else { WHOLE_SYMBOL };
        for (name, _) in taken.iter().filter(|(_, taken)| *taken) {
            self.evidence(name, Source::Barcode, quad, confidence);
        }
        if let Some(wrong) = wrong {
            self.document.reasons.insert("barcode", wrong.to_owned());
        }
    }

    /// Fills what neither zone nor barcode tells.
    fn take_printed(&mut self) {
        let printed = self.printed;
        let value = |field: Field| printed.fields.get(&field);
        let text = |field: Field| value(field).map(|v| v.text.clone());
        let day = |field: Field| value(field).and_then(|v| v.date);
        let d = &mut self.document;
        if let Some((heading, _)) = printed.heading
            && (d.document_type == DocumentType::Unknown
                // Permits carry the zone of a card; their heading says more than its code.
                || (d.document_type == DocumentType::IdCard && heading == DocumentType::ResidencePermit))
        {
            d.document_type = heading;
        }
        let full = value(Field::FullName);
        let comma = full
            .and_then(|v| v.text.split_once(','))
            .map(|(a, b)| (a.trim().to_owned(), b.trim().to_owned()));
        let (from_full, given_full) = comma.unzip();
        let mut taken = vec![
            ("surname", Field::Surname, take(&mut d.name.surname, text(Field::Surname))),
            ("given", Field::Given, take(&mut d.name.given, text(Field::Given))),
            ("surname", Field::FullName, take(&mut d.name.surname, from_full)),
            ("given", Field::FullName, take(&mut d.name.given, given_full)),
        ];
        let whole = text(Field::FullName).filter(|_| d.name.surname.is_none() && d.name.given.is_none());
        taken.push(("full_name", Field::FullName, take(&mut d.name.full, whole)));
        let sex = text(Field::Sex).and_then(|s| s.chars().next());
        taken.extend([
            (
                "document_number",
                Field::DocumentNumber,
                take(&mut d.document_number, text(Field::DocumentNumber)),
            ),
            ("date_of_birth", Field::BirthDate, take(&mut d.date_of_birth, day(Field::BirthDate))),
            ("expiry_date", Field::ExpiryDate, take(&mut d.expiry_date, day(Field::ExpiryDate))),
            ("issue_date", Field::IssueDate, take(&mut d.issue_date, day(Field::IssueDate))),
            ("nationality", Field::Nationality, take(&mut d.nationality, text(Field::Nationality))),
            ("sex", Field::Sex, take(&mut d.sex, sex)),
            ("address", Field::Address, take(&mut d.address, text(Field::Address))),
        ]);
        for (name, field, _) in taken.into_iter().filter(|(.., taken)| *taken) {
            if let Some(v) = value(field) {
                let quad = (!self.placeless.contains(&field)).then_some(v.quad);
                self.evidence(name, Source::Printed, quad, v.confidence);
            }
        }
    }

    /// Agreement, expiry, kind, confidence, and why what is null is null.
    fn judge(&mut self, asked: Option<DocumentType>) {
        let d = &mut self.document;
        for Compared { field, agrees, printed_elsewhere, .. } in &d.comparison {
            // A label with another value beside a second print of this one tells nothing of how well it was read.
            let torn = !agrees && *printed_elsewhere;
            // What is true of a whole name is true of the parts that the same source tells.
            let names: &[&str] =
                if *field == "full_name" { &["full_name", "surname", "given"] } else { &[*field] };
            let source = d.fields.get(field).map(|evidence| evidence.source);
            for name in names.iter().filter(|_| !torn) {
                let Some(evidence) = d.fields.get_mut(name).filter(|e| Some(e.source) == source) else {
                    continue;
                };
                // Two readings of different print agree by chance once in a hundred; of one truth, nine times in ten.
                let (if_right, if_wrong) = if *agrees { (0.9, 0.01) } else { (0.1, 0.99) };
                let right = evidence.confidence * if_right;
                let both = right + (1.0 - evidence.confidence) * if_wrong;
                evidence.confidence = if both > 0.0 { right / both } else { 0.0 };
            }
            if !agrees {
                d.reasons.insert("comparison", "print and machine-readable part differ".to_owned());
            }
        }
        d.expired = d.expiry_date.map(|day| day < self.today);
        d.type_agrees =
            asked.filter(|_| d.document_type != DocumentType::Unknown).map(|kind| kind == d.document_type);
        if let (Some(kind), Some(false)) = (asked, d.type_agrees) {
            d.reasons.insert("document_type", format!("{kind} was asked for, this is {}", d.document_type));
        }
        if d.document_type == DocumentType::Unknown {
            d.reasons.insert("document_type", "neither a code nor a heading names the kind".to_owned());
        }
        // Only what was found can have been read rightly; what was not is said, and adds no certainty.
        let told: [(&'static str, &[&str]); 4] = [
            ("document_number", &["document_number"]),
            ("date_of_birth", &["date_of_birth"]),
            ("surname", &["surname", "full_name"]),
            ("given", &["given", "full_name"]),
        ];
        let found = told.map(|(name, of)| (name, of.iter().find_map(|name| d.fields.get(name))));
        let confidences: Vec<f32> = found.iter().filter_map(|(_, e)| e.map(|e| e.confidence)).collect();
        d.confidence = if confidences.is_empty() { 0.0 } else { confidences.iter().product() };
        let lacking: Vec<&str> = found.iter().filter(|(_, e)| e.is_none()).map(|(name, _)| *name).collect();
        if !lacking.is_empty() {
            d.reasons
                .insert("confidence", format!("says nothing of what was not found: {}", lacking.join(", ")));
        }
        let absent = [
            ("document_number", d.document_number.is_none()),
            ("date_of_birth", d.date_of_birth.is_none()),
            ("expiry_date", d.expiry_date.is_none()),
            ("issue_date", d.issue_date.is_none()),
            ("address", d.address.is_none()),
            ("nationality", d.nationality.is_none()),
            ("issuing_state", d.issuing_state.is_none()),
            ("sex", d.sex.is_none()),
            ("surname", d.name.surname.is_none()),
            ("given", d.name.given.is_none()),
        ];
        for (name, _) in absent.into_iter().filter(|(_, absent)| *absent) {
            d.reasons.entry(name).or_insert_with(|| NOT_FOUND.to_owned());
        }
        if d.mrz.is_none() {
            d.reasons.insert("mrz", "no machine-readable zone was found".to_owned());
        }
        if d.barcode.is_none() {
            let reason = if d.mrz.as_ref().is_some_and(|m| m.valid) {
                "not sought: the zone is valid"
            } else {
                "no symbol was decoded"
            };
            d.reasons.entry("barcode").or_insert_with(|| reason.to_owned());
        }
    }
}

/// The part of a quadrangle between two shares of its length.
fn part(quad: &Quad, from: f32, to: f32) -> Quad {
    let [a, b, c, d] = quad.0;
    let between = |p: innkeeper_core::Point, q: innkeeper_core::Point, share: f32| innkeeper_core::Point {
        x: p.x + (q.x - p.x) * share,
        y: p.y + (q.y - p.y) * share,
    };
    Quad([between(a, b, from), between(a, b, to), between(d, c, to), between(d, c, from)])
}
