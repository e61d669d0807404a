//! Whether text that came as something else belongs to an identity document: such text must not be kept by accident.

use chrono::NaiveDate;

use super::{DocumentType, printed, zone};
use crate::PageText;

/// True when a page has a line of a machine-readable zone, a heading of an identity document with a label that only
/// documents of a person have, or two such labels. It errs towards true: a bill that is taken for a passport is
/// read all the same.
pub fn may_be_identity(page: &PageText) -> bool {
    if page.lines.iter().any(zone::is_zone_line) {
        return true;
    }
    let printed = printed::read(page, |_| false, NaiveDate::default());
    // Bills name a card of that kind, and no field of a person.
    let headed = printed.heading.is_some_and(|(kind, _)| kind != DocumentType::Visa);
    printed.personal_labels >= if headed { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use innkeeper_core::Rect;

    use super::*;
    use crate::{Line, Quad};

    fn page(lines: &[&str]) -> PageText {
        let line = |(row, text): (usize, &&str)| Line {
            quad: Quad::from_rect(&Rect {
                x: 20.0,
                y: 40.0 * row as f32,
                w: 12.0 * text.len() as f32,
                h: 24.0,
            }),
            text: (*text).to_owned(),
            confidence: 0.9,
            words: Vec::new(),
        };
        PageText::upright(800, 600, lines.iter().enumerate().map(line).collect())
    }

    #[test]
    fn a_zone_or_the_labels_of_a_person_are_seen_among_other_text() {
        assert!(may_be_identity(&page(&["Invoice 12", "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<"])));
        assert!(may_be_identity(&page(&["PASSPORT", "Date of birth", "12 AUG 1974"])));
        assert!(may_be_identity(&page(&["Nationality UTO", "Date of birth 12 AUG 1974"])));
    }

    #[test]
    fn a_bill_that_is_paid_by_card_is_no_document_of_a_person() {
        assert!(!may_be_identity(&page(&[
            "HARBOR LINEN",
            "Date 12/08/2025",
            "VISA **** 1234",
            "TOTAL 12.50"
        ])));
    }
}
