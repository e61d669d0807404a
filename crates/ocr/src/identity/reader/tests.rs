use innkeeper_core::Point;

use super::*;
use crate::Quad;
use crate::identity::printed::Value;
use crate::identity::{mrz, vietnam};

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
    let mut answer = Answer::new(&page, printed, Vec::new(), BTreeSet::new(), today());
    if let Some(symbol) = symbol {
        answer.take_symbol(symbol, Some(symbol.quad));
    }
    answer.judged(None)
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

fn page(zone: Option<[&str; 3]>, printed: Printed) -> Seen {
    let zone = zone.map(|lines| Zone { mrz: mrz::parse(&lines).expect("a zone"), quads: vec![NOWHERE; 3] });
    Seen { text: PageText::upright(1000, 600, Vec::new()), zone, symbol: None, printed, lines: Vec::new() }
}

const CARD: [&str; 3] =
    ["IDD<<T220001293<<<<<<<<<<<<<<<", "6408125<2010315D<<<<<<<<<<<<<4", "MUSTERMANN<<ERIKA<<<<<<<<<<<<<"];

#[test]
fn the_back_of_a_card_is_the_answer_and_its_front_is_compared() {
    let front = print(&[
        (Field::FullName, "MUSTERFRAU, ERIKA"),
        (Field::DocumentNumber, "T22000129"),
        (Field::Address, "HEIDESTRASSE 17"),
    ]);
    let mut front = page(None, front);
    front.printed.personal_labels = 2;
    front.printed.heading = Some((DocumentType::IdCard, 0.9));
    let pages = [front, page(Some(CARD), Printed::default())];
    let (number, document) = join(&pages, None, today()).expect("a document");
    assert_eq!(number, 2);
    assert!(document.mrz.as_ref().is_some_and(|m| m.valid));
    let agrees = |field| document.comparison.iter().find(|c| c.field == field).map(|c| c.agrees);
    assert_eq!((agrees("surname"), agrees("document_number")), (Some(false), Some(true)));
    assert_eq!(document.address.as_deref(), Some("HEIDESTRASSE 17"));
    assert!(document.fields["address"].quad.is_none(), "a place on another page was told");
    assert!(document.reasons["pages"].contains("page 1"));
}

#[test]
fn a_page_that_shows_no_document_or_another_one_is_not_joined() {
    let letter = page(None, print(&[(Field::Address, "HEIDESTRASSE 17")]));
    let (number, document) =
        join(&[letter, page(Some(CARD), Printed::default())], None, today()).expect("a document");
    assert_eq!((number, document.address), (2, None));
    let second = page(Some(CARD), print(&[(Field::Address, "HEIDESTRASSE 17")]));
    let (number, document) =
        join(&[page(Some(CARD), Printed::default()), second], None, today()).expect("a document");
    assert_eq!((number, document.address), (1, None));
    assert!(join(&[page(None, Printed::default())], None, today()).is_none());
}
