use std::collections::BTreeSet;

use chrono::NaiveDate;
use innkeeper_core::{Picture, Rect};
use innkeeper_runtime::Ticket;

use super::answer::Answer;
use super::barcode::{self, Barcode, BarcodeContent};
use super::document::{DocumentType, IdentityDocument};
use super::labels::Field;
use super::printed::{self, Printed};
use super::zone::{self, Zone};
use crate::{Alphabet, OcrError, PageText, TextReader};

/// Reads identity documents. Cheap: one may be built for each request.
pub struct IdentityReader<'a> {
    text: &'a TextReader,
    alphabet: Alphabet,
}

/// What stands on one page.
struct Seen {
    text: PageText,
    zone: Option<Zone>,
    symbol: Option<Barcode>,
    printed: Printed,
    /// Printed lines without the zone's.
    lines: Vec<String>,
}

impl Seen {
    fn has_known_symbol(&self) -> bool {
        self.symbol.as_ref().is_some_and(|s| s.content != BarcodeContent::Raw)
    }

    /// What a page has of a document, the strongest evidence highest: print, a zone with wrong digits, a known
    /// symbol, a valid zone. 0 for a page that shows no document.
    fn rank(&self) -> u8 {
        match &self.zone {
            Some(zone) if zone.mrz.valid => 4,
            _ if self.has_known_symbol() => 3,
            Some(_) => 2,
            None => u8::from(tells_a_document(&self.printed)),
        }
    }
}

impl<'a> IdentityReader<'a> {
    /// A reader on top of one of text.
    pub fn new(text: &'a TextReader) -> Self {
        Self { text, alphabet: Alphabet::new(text.characters(), zone::ALPHABET) }
    }

    /// Reads the document on a picture, which may lie on its side or stand on its head. `asked` is the kind that
    /// the caller expects; another one is read all the same, and said. `today` decides centuries and expiry.
    /// `faces` are the boxes that the caller's face detector found, in pixels of `picture`.
    ///
    /// # Errors
    /// [`OcrError::DocumentNotFound`] when there is no machine-readable zone, no known barcode, and no print that
    /// names a kind of document or a person's date of birth; what the models or the ticket refuse otherwise.
    pub fn read(
        &self,
        picture: &Picture,
        asked: Option<DocumentType>,
        today: NaiveDate,
        faces: &[Rect],
        ticket: &Ticket,
    ) -> Result<IdentityDocument, OcrError> {
        Ok(self.read_pages(&[picture], asked, today, ticket)?.1.with_face(faces))
    }

    /// Reads the document on several pages, such as a scan of both sides of a card: every page is read, the one with the
    /// strongest evidence (a valid zone, a known symbol) is the answer, and its number, from 1, comes with it. A page
    /// beside it that shows a document without a zone of its own is taken for the other side: what is printed there
    /// fills fields and is compared, and its symbol is read. Values from there have no place, since places are those of
    /// the page that is named; `reasons.pages` says which pages were read and joined.
    ///
    /// # Errors
    /// As [`IdentityReader::read`], when no page shows a document.
    pub fn read_pages(
        &self,
        pictures: &[&Picture],
        asked: Option<DocumentType>,
        today: NaiveDate,
        ticket: &Ticket,
    ) -> Result<(usize, IdentityDocument), OcrError> {
        let look = |picture: &&Picture| self.look(picture, asked, today, ticket);
        let pages = pictures.iter().map(look).collect::<Result<Vec<_>, _>>()?;
        join(&pages, asked, today).ok_or(OcrError::DocumentNotFound)
    }

    fn look(
        &self,
        picture: &Picture,
        asked: Option<DocumentType>,
        today: NaiveDate,
        ticket: &Ticket,
    ) -> Result<Seen, OcrError> {
        let read = self.text.read(picture, ticket)?;
        let text = read.text;
        let zone = zone::read(self.text, &self.alphabet, &read.picture, &text, ticket)?;
        let proven = zone.as_ref().is_some_and(|z| z.mrz.valid);
        // A licence is asked for its symbol even where a zone was found.
        let symbol = if proven && asked != Some(DocumentType::DriverLicense) {
            None
        } else {
            barcode::read(picture, ticket)?
        };
        let in_zone = |line: &crate::Line| {
            zone::is_zone_line(line) || zone.as_ref().is_some_and(|z| zone::covers(&z.quads, &line.quad))
        };
        let printed = printed::read(&text, in_zone, today);
        let lines = text.lines.iter().filter(|l| !in_zone(l)).map(|l| l.text.clone()).collect();
        Ok(Seen { text, zone, symbol, printed, lines })
    }
}

/// The answer of the page with the strongest evidence, joined with its other side; `None` when no page shows a
/// document.
fn join(pages: &[Seen], asked: Option<DocumentType>, today: NaiveDate) -> Option<(usize, IdentityDocument)> {
    // Of equals the first.
    let (at, main) = pages.iter().enumerate().rev().max_by_key(|(_, page)| page.rank())?;
    if main.rank() == 0 {
        return None;
    }
    // A page with a zone of its own is another document, and so is one that shows none.
    let beside = [at.checked_sub(1), at.checked_add(1)].into_iter().flatten();
    let other = beside
        .filter_map(|i| pages.get(i).map(|page| (i, page)))
        .find(|(_, page)| page.zone.is_none() && page.rank() > 0);
    let mut printed = main.printed.clone();
    let mut lines: Vec<&str> = main.lines.iter().map(String::as_str).collect();
    let mut placeless: BTreeSet<Field> = BTreeSet::new();
    if let Some((_, other)) = other {
        for (field, value) in &other.printed.fields {
            if !printed.fields.contains_key(field) {
                printed.fields.insert(*field, value.clone());
                placeless.insert(*field);
            }
        }
        printed.heading = printed.heading.or(other.printed.heading);
        lines.extend(other.lines.iter().map(String::as_str));
    }
    let mut answer = Answer::new(&main.text, &printed, lines, placeless, today);
    if let Some(zone) = &main.zone {
        answer.take_zone(zone);
    }
    let symbol = main.symbol.as_ref().map(|symbol| (symbol, Some(symbol.quad)));
    let there = other.and_then(|(_, page)| page.symbol.as_ref()).map(|symbol| (symbol, None));
    if let Some((symbol, quad)) = symbol.or(there) {
        answer.take_symbol(symbol, quad);
    }
    let mut document = answer.judged(asked);
    if pages.len() > 1 {
        let joined = other
            .map_or_else(String::new, |(i, _)| format!(", joined with page {} as its other side", i + 1));
        let reason = format!("{} pages were read; this is page {}{joined}", pages.len(), at + 1);
        document.reasons.insert("pages", reason);
    }
    Some((at + 1, document))
}

/// Whether print alone shows that this is a document: it names its kind and a field of it, or the labels of
/// two fields that only documents of a person have.
fn tells_a_document(printed: &Printed) -> bool {
    let dated = printed.fields.contains_key(&Field::BirthDate);
    let named =
        [Field::Surname, Field::Given, Field::FullName].iter().any(|f| printed.fields.contains_key(f));
    let numbered = printed.fields.contains_key(&Field::DocumentNumber);
    match printed.heading {
        Some(_) => dated || (named && numbered) || printed.personal_labels >= 2,
        None => dated && (named || numbered) && printed.personal_labels >= 2,
    }
}

#[cfg(test)]
mod tests;
