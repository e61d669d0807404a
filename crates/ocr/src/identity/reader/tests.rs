use innkeeper_core::Point;

use super::*;
use crate::identity::printed::Value;
use crate::identity::vietnam;

const NOWHERE: Quad = Quad([Point { x: 0.0, y: 0.0 }; 4]);

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 21).unwrap()
}

fn print(fields: &[(Field, &str)]) -> Printed {
    let mut printed = Printed::default();
    for (field, text) in fields {
        let value = Value { text: (*text).to_owned(), date: None, quad: NOWHERE, confidence: 0.97 };
        printed.fields.insert(*field, value);
    }
    printed
}

fn citizen_card() -> Barcode {
    let text = "001099012345|012345678|Nguyễn Văn A|24121999|Nam|Phố Huế, Hà Nội|01022021";
    let card = vietnam::parse(text).expect("a card");
    Barcode {
        format: "QR",
        text: text.to_owned(),
        content: BarcodeContent::Vietnam(Box::new(card)),
        quad: NOWHERE,
    }
}

fn answered(printed: &Printed, symbol: Option<&Barcode>) -> IdentityDocument {
    let page = PageText::upright(1000, 600, Vec::new());
    let mut answer = Answer { page: &page, printed, lines: Vec::new(), today: today(), document: empty() };
    if let Some(symbol) = symbol {
        answer.take_symbol(symbol);
    }
    answer.take_printed();
    answer.judge(None);
    answer.document
}

#[test]
fn a_citizen_card_with_another_printed_name_is_believed_less() {
    let same = answered(&print(&[(Field::FullName, "NGUYỄN VĂN A")]), Some(&citizen_card()));
    let other = answered(&print(&[(Field::FullName, "TRẦN THỊ B")]), Some(&citizen_card()));
    assert!(same.fields.contains_key("full_name"));
    for name in ["full_name", "surname", "given"] {
        assert!(other.fields[name].confidence < same.fields[name].confidence, "{name}");
    }
    assert!(other.confidence < same.confidence);
}

#[test]
fn what_the_symbol_does_not_say_carries_no_confidence() {
    let document = answered(&print(&[]), Some(&citizen_card()));
    for field in ["nationality", "issuing_state"] {
        assert!(!document.fields.contains_key(field), "{field}");
        assert!(document.reasons[field].contains("not read"), "{field}");
    }
    assert_eq!(document.nationality.as_deref(), Some("VNM"));
}

#[test]
fn confidence_is_of_what_was_found_and_says_what_was_not() {
    assert!(answered(&print(&[]), None).confidence.abs() < 1e-6);
    let document = answered(&print(&[(Field::Surname, "ERIKSSON")]), None);
    assert!((document.confidence - 0.97).abs() < 1e-4);
    let reason = &document.reasons["confidence"];
    assert!(
        ["document_number", "date_of_birth", "given"].iter().all(|name| reason.contains(name)),
        "{reason}"
    );
}
