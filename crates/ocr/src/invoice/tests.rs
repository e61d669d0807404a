//! Whole documents, laid out by hand in the languages the key words cover.

use innkeeper_core::{Point, Rect};
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::evaluation::nested_cross_validation;
use super::*;
use crate::{Line, PageText, Quad};

/// A page: each row is a list of (left edge, text), 20 pixels high, characters 10 pixels wide.
fn page(rows: &[&[(f32, &str)]]) -> PageText {
    let mut lines = Vec::new();
    for (r, row) in rows.iter().enumerate() {
        for (x, text) in *row {
            let rect = Rect { x: *x, y: 30.0 * r as f32, w: 10.0 * text.chars().count() as f32, h: 20.0 };
            let quad = Quad::from_rect(&rect);
            lines.push(Line { quad, text: (*text).to_owned(), confidence: 0.98, words: Vec::new() });
        }
    }
    PageText::upright(700, 30 * rows.len() as u32 + 30, lines)
}

fn read(rows: &[&[(f32, &str)]]) -> Invoice {
    InvoiceReader::shipped().unwrap().extract(&[page(rows)], &Hints::default())
}

fn dec(text: &str) -> Option<Decimal> {
    text.parse().ok()
}

fn outcome(answer: &Invoice, name: &str) -> Outcome {
    answer.checks.iter().find(|c| c.name == name).unwrap().outcome
}

const VIETNAMESE: &[&[(f32, &str)]] = &[
    &[(100.0, "KHÁCH SẠN SÔNG HÀN")],
    &[(100.0, "36 Đường Bạch Đằng, Đà Nẵng")],
    &[(100.0, "Mã số thuế: 0401234567")],
    &[(150.0, "HÓA ĐƠN")],
    &[(100.0, "Số hóa đơn: 0001234"), (400.0, "Ngày: 17/01/2025")],
    &[(0.0, "Tên hàng"), (250.0, "SL"), (350.0, "Đơn giá"), (500.0, "Thành tiền")],
    &[(0.0, "Phòng 201"), (250.0, "2"), (350.0, "600.000"), (500.0, "1.200.000")],
    &[(0.0, "Ăn sáng"), (250.0, "2"), (350.0, "150.000"), (500.0, "300.000")],
    &[(0.0, "Tổng cộng"), (500.0, "1.500.000 ₫")],
    &[(0.0, "Tiền mặt"), (500.0, "1.500.000 ₫")],
];

const GERMAN: &[&[(f32, &str)]] = &[
    &[(0.0, "Gasthof Sonne GmbH")],
    &[(0.0, "Hauptstraße 5, 80331 München")],
    &[(0.0, "USt-IdNr.: DE123456789")],
    &[(0.0, "Rechnung")],
    &[(0.0, "Rechnungsnummer: 2025-0042"), (400.0, "Datum: 17. März 2025")],
    &[(0.0, "Fällig am 31.03.2025")],
    &[(0.0, "Beschreibung"), (250.0, "Menge"), (350.0, "Einzelpreis"), (520.0, "Betrag")],
    &[(0.0, "Übernachtung"), (250.0, "2"), (350.0, "500,00"), (520.0, "1.000,00")],
    &[(0.0, "Parkplatz"), (250.0, "1"), (350.0, "20,00"), (520.0, "20,00")],
    &[(0.0, "Nettobetrag"), (520.0, "1.020,00 €")],
    &[(0.0, "MwSt 19%"), (520.0, "193,80 €")],
    &[(0.0, "Rechnungsbetrag"), (520.0, "1.213,80 €")],
    &[(0.0, "Zahlungsart: Überweisung")],
];

const FRENCH: &[&[(f32, &str)]] = &[
    &[(0.0, "Hôtel du Port SARL")],
    &[(0.0, "12 rue de la Mer, 13002 Marseille")],
    &[(0.0, "N° TVA : FR12345678901")],
    &[(0.0, "Facture n° F2025-17"), (400.0, "Date : 17/01/2025")],
    &[(0.0, "Désignation"), (250.0, "Qté"), (350.0, "Prix unitaire"), (520.0, "Montant")],
    &[(0.0, "Chambre double"), (250.0, "3"), (350.0, "400,00"), (520.0, "1 200,00")],
    &[(0.0, "Total HT"), (520.0, "1 200,00 €")],
    &[(0.0, "TVA 10 %"), (520.0, "120,00 €")],
    &[(0.0, "Total TTC"), (520.0, "1 320,00 €")],
    &[(0.0, "Carte bancaire"), (520.0, "1 320,00 €")],
];

const CHINESE: &[&[(f32, &str)]] = &[
    &[(100.0, "上海和平酒店有限公司")],
    &[(100.0, "上海市南京东路20号")],
    &[(0.0, "发票号码：12345678"), (400.0, "2025年1月17日")],
    &[(0.0, "项目"), (250.0, "数量"), (350.0, "单价"), (520.0, "金额")],
    &[(0.0, "住宿费"), (250.0, "2"), (350.0, "500.00"), (520.0, "1000.00")],
    &[(0.0, "税额"), (520.0, "60.00")],
    &[(0.0, "价税合计"), (520.0, "¥1060.00")],
];

const ENGLISH: &[&[(f32, &str)]] = &[
    &[(100.0, "BLUE LAGOON RESTAURANT PTE LTD")],
    &[(100.0, "12 Beach Road, Singapore 189673")],
    &[(0.0, "Tax Invoice No: INV-2025-001")],
    &[(0.0, "Date: 17 Jan 2025 20:15")],
    &[(0.0, "2 x Laksa"), (400.0, "25.00")],
    &[(0.0, "1 x Iced tea"), (400.0, "5.00")],
    &[(0.0, "Subtotal"), (400.0, "30.00")],
    &[(0.0, "Service charge 10%"), (400.0, "3.00")],
    &[(0.0, "GST 9%"), (400.0, "2.97")],
    &[(0.0, "Rounding"), (400.0, "-0.02")],
    &[(0.0, "TOTAL"), (380.0, "$35.95")],
    &[(0.0, "Cash"), (400.0, "50.00")],
    &[(0.0, "Change"), (400.0, "14.05")],
];

#[test]
fn a_vietnamese_bill_in_dong_loses_its_thousands_or_its_rows() {
    let a = read(VIETNAMESE);
    assert_eq!(a.total_amount, dec("1500000"));
    assert_eq!(a.currency.as_deref(), Some("VND"));
    assert_eq!(a.date, chrono::NaiveDate::from_ymd_opt(2025, 1, 17));
    assert_eq!(a.invoice_number.as_deref(), Some("0001234"));
    assert_eq!(a.vendor.name.as_deref(), Some("KHÁCH SẠN SÔNG HÀN"));
    assert_eq!(a.vendor.tax_id.as_deref(), Some("0401234567"));
    let items: Vec<_> = a.items.iter().map(|i| (i.description.as_str(), i.quantity, i.amount)).collect();
    assert_eq!(items, [("Phòng 201", dec("2"), dec("1200000")), ("Ăn sáng", dec("2"), dec("300000"))]);
    assert_eq!(outcome(&a, "items_sum"), Outcome::Ok);
    assert_eq!(a.payment_method.as_deref(), Some("cash"));
}

#[test]
fn a_german_invoice_loses_its_tax_or_its_due_date() {
    let a = read(GERMAN);
    assert_eq!(a.total_amount, dec("1213.80"));
    assert_eq!((a.subtotal, a.tax), (dec("1020.00"), dec("193.80")));
    assert_eq!(a.date, chrono::NaiveDate::from_ymd_opt(2025, 3, 17));
    assert_eq!(a.due_date, chrono::NaiveDate::from_ymd_opt(2025, 3, 31));
    assert_eq!(a.invoice_number.as_deref(), Some("2025-0042"));
    assert_eq!(a.vendor.name.as_deref(), Some("Gasthof Sonne GmbH"));
    assert_eq!(a.vendor.tax_id.as_deref(), Some("DE123456789"));
    assert_eq!(a.vendor.address.as_deref(), Some("Hauptstraße 5, 80331 München"));
    assert_eq!(a.currency.as_deref(), Some("EUR"));
    assert_eq!(a.items.iter().map(|i| i.amount).collect::<Vec<_>>(), [dec("1000.00"), dec("20.00")]);
    assert_eq!(outcome(&a, "total_sum"), Outcome::Ok);
    assert_eq!(a.payment_method.as_deref(), Some("transfer"));
}

#[test]
fn a_french_invoice_takes_the_net_amount_for_the_total() {
    let a = read(FRENCH);
    assert_eq!(a.total_amount, dec("1320.00"));
    assert_eq!((a.subtotal, a.tax), (dec("1200.00"), dec("120.00")));
    assert_eq!(a.vendor.name.as_deref(), Some("Hôtel du Port SARL"));
    assert_eq!(a.invoice_number.as_deref(), Some("F2025-17"));
    assert_eq!(a.items.first().and_then(|i| i.quantity), dec("3"));
    assert_eq!(a.payment_method.as_deref(), Some("card"));
}

#[test]
fn a_chinese_invoice_has_no_total_or_another_currency() {
    let a = read(CHINESE);
    assert_eq!(a.total_amount, dec("1060.00"));
    assert_eq!(a.currency.as_deref(), Some("CNY"), "the sign is shared with the yen; the page is Chinese");
    assert_eq!(a.date, chrono::NaiveDate::from_ymd_opt(2025, 1, 17));
    assert_eq!(a.vendor.name.as_deref(), Some("上海和平酒店有限公司"));
    assert_eq!(a.items.first().map(|i| i.description.as_str()), Some("住宿费"));
}

#[test]
fn service_charge_tax_rounding_and_change_do_not_add_up_to_the_total() {
    let a = read(ENGLISH);
    assert_eq!(a.total_amount, dec("35.95"));
    assert_eq!(a.currency.as_deref(), Some("SGD"), "a bare dollar sign in Singapore");
    assert_eq!(
        (a.subtotal, a.service_charge, a.tax, a.rounding),
        (dec("30.00"), dec("3.00"), dec("2.97"), dec("-0.02"))
    );
    for check in ["items_sum", "total_sum", "cash_change"] {
        assert_eq!(outcome(&a, check), Outcome::Ok, "{check}: {:?}", a.checks);
    }
    assert_eq!(a.items.iter().map(|i| i.description.as_str()).collect::<Vec<_>>(), ["Laksa", "Iced tea"]);
}

#[test]
fn a_total_that_does_not_add_up_is_passed_over_in_silence() {
    let mut rows: Vec<&[(f32, &str)]> = ENGLISH.to_vec();
    rows[10] = &[(0.0, "TOTAL"), (380.0, "$38.00")];
    rows.truncate(11);
    let a = read(&rows);
    assert_eq!(a.total_amount, dec("38.00"), "what is printed is the answer");
    let check = a.checks.iter().find(|c| c.name == "total_sum").unwrap();
    assert_eq!(check.outcome, Outcome::Contradiction);
    assert_eq!(check.difference, dec("-2.05"));
}

#[test]
fn a_field_stands_where_its_text_does_not() {
    let a = read(ENGLISH);
    let total = &a.fields["total_amount"];
    let place = total.place.unwrap();
    assert_eq!(total.text.as_deref(), Some("$35.95"));
    assert!(
        (place.x - 380.0).abs() < 1.0 && (place.y - 300.0).abs() < 1.0 && (place.w - 60.0).abs() < 1.0,
        "{place:?}"
    );
    let item = a.items[0].sources.last().unwrap();
    assert_eq!((item.text.as_str(), item.place.x.round() as i32), ("25.00", 400));
    for (name, field) in &a.fields {
        assert!((0.0..=1.0).contains(&field.confidence), "{name}");
    }
}

#[test]
fn a_null_field_has_no_reason_or_the_wrong_json() {
    let a = InvoiceReader::rules().extract(&[], &Hints::default());
    let json = serde_json::to_value(&a).unwrap();
    for field in [
        "invoice_number",
        "date",
        "due_date",
        "total_amount",
        "currency",
        "subtotal",
        "tax",
        "payment_method",
    ] {
        assert!(json[field].is_null(), "{field}");
        assert!(a.reasons.contains_key(field), "{field} is null without a reason");
    }
    let full = serde_json::to_value(read(ENGLISH)).unwrap();
    assert_eq!(full["total_amount"], serde_json::json!(35.95));
    assert_eq!(full["date"], "2025-01-17");
    assert!(
        full["items"][0]["amount"].is_number() && full["fields"]["total_amount"]["box"]["page"].is_number()
    );
}

#[test]
fn a_correction_is_not_accepted_as_labels() {
    let labels: Labels = serde_json::from_str(
        r#"{"total_amount": 12.5, "date": "2025-01-17", "vendor": {"name": "Café Ñ"}, "items": [{"description": "Tea", "amount": 3}]}"#,
    )
    .unwrap();
    assert_eq!(labels.total_amount, dec("12.5"));
    assert_eq!(labels.group().as_deref(), Some("cafen"));
    assert!(
        serde_json::from_str::<Labels>(r#"{"totl": 1}"#).is_err(),
        "a misspelt field must not be dropped"
    );
    let example = Example { pages: vec![page(ENGLISH)], labels, group: "x".to_owned() };
    let back: Example = serde_json::from_str(&serde_json::to_string(&example).unwrap()).unwrap();
    assert_eq!(back, example);
}

#[test]
fn the_day_is_taken_for_the_month_in_the_wrong_country() {
    let rows: &[&[(f32, &str)]] =
        &[&[(0.0, "Corner Store")], &[(0.0, "Date: 01/02/2025")], &[(0.0, "Total"), (200.0, "$5.00")]];
    let reader = InvoiceReader::shipped().unwrap();
    let at = |country: Option<&str>| {
        let a = reader.extract(&[page(rows)], &hints(country, None));
        (a.date.unwrap().to_string(), a.fields["date"].confidence, a.fields["date"].notes.clone())
    };
    assert_eq!(at(Some("US")).0, "2025-01-02");
    assert_eq!(at(Some("SG")).0, "2025-02-01");
    assert!(
        at(None).1 < at(Some("SG")).1 && !at(None).2.is_empty(),
        "an assumed order costs confidence and is said"
    );
}

fn hints(asked: Option<&str>, setting: Option<&str>) -> Hints {
    let own = |code: Option<&str>| code.map(str::to_owned);
    Hints { country: own(asked), default_country: own(setting), today: None }
}

/// No mark of a currency; the words point to Malaysia.
const MALAYSIAN: &[&[(f32, &str)]] = &[
    &[(0.0, "Kedai Makan Sdn Bhd")],
    &[(0.0, "12 Jalan Ipoh, Kuala Lumpur")],
    &[(0.0, "Date: 01/02/2025")],
    &[(0.0, "Total"), (200.0, "12.50")],
];

#[test]
fn the_setting_of_a_hotel_outweighs_what_the_page_says_of_its_country() {
    let at = |rows: &[&[(f32, &str)]], asked: Option<&str>, setting: Option<&str>| {
        InvoiceReader::shipped().unwrap().extract(&[page(rows)], &hints(asked, setting))
    };
    let a = at(MALAYSIAN, None, Some("VN"));
    assert_eq!(a.currency.as_deref(), Some("MYR"));
    assert!(a.fields["currency"].notes.iter().any(|n| n.contains("MY, to which the page points")));
    let asked = at(MALAYSIAN, Some("SG"), Some("VN"));
    assert_eq!(asked.currency.as_deref(), Some("SGD"), "who asks knows better than the page");
    assert!(asked.fields["currency"].notes.iter().any(|n| n.contains("given with the request")));
    assert_eq!(at(MALAYSIAN, None, Some("US")).date.unwrap().to_string(), "2025-02-01");
    assert_eq!(at(MALAYSIAN, Some("US"), None).date.unwrap().to_string(), "2025-01-02");

    let mut bare = MALAYSIAN[2..].to_vec();
    bare.insert(0, &[(0.0, "Corner Store")]);
    let a = at(&bare, None, Some("VN"));
    assert_eq!(a.currency.as_deref(), Some("VND"), "nothing else decides");
    assert!(a.fields["currency"].notes.iter().any(|n| n.contains("of the setting")));
    assert!(a.fields["currency"].confidence < asked.fields["currency"].confidence);
    assert_eq!(at(&bare, None, Some("US")).date.unwrap().to_string(), "2025-01-02");
}

#[test]
fn a_country_that_does_not_exist_hides_the_one_on_the_page() {
    let at =
        |code: &str| InvoiceReader::shipped().unwrap().extract(&[page(MALAYSIAN)], &hints(Some(code), None));
    assert_eq!(at("ZZ").currency.as_deref(), Some("MYR"));
    assert!(at("ZZ").notes.iter().any(|n| n.contains("ZZ")), "that it was left aside is said");
    assert_eq!(at("vn").currency.as_deref(), Some("VND"));
}

#[test]
fn a_sign_of_several_currencies_is_given_the_first_of_them() {
    let at = |sign: &str, setting: Option<&str>| {
        let amount = format!("{sign}5.00");
        let rows: &[&[(f32, &str)]] = &[&[(0.0, "Corner Store")], &[(0.0, "Total"), (200.0, &amount)]];
        InvoiceReader::shipped().unwrap().extract(&[page(rows)], &hints(None, setting))
    };
    for (sign, one, other) in [("$", "USD", "SGD"), ("¥", "CNY", "JPY")] {
        let a = at(sign, None);
        assert_eq!(a.currency, None);
        assert!(
            a.reasons["currency"].contains(one) && a.reasons["currency"].contains(other),
            "{:?}",
            a.reasons
        );
    }
    assert_eq!(at("$", Some("SG")).currency.as_deref(), Some("SGD"));
    let a = at("$", Some("VN"));
    assert_eq!(a.currency, None, "no dong is printed as $");
    assert!(a.reasons["currency"].contains("has none of them"), "{:?}", a.reasons);
    let (sign, none) = (at("$", Some("US")), at("", Some("US")));
    assert!(
        sign.fields["currency"].confidence > none.fields["currency"].confidence,
        "the sign agrees with the country"
    );
}

#[test]
fn a_sum_of_taxes_is_surer_than_the_amounts_it_was_added_from() {
    let rows: &[&[(f32, &str)]] = &[
        &[(0.0, "Chez Anne SARL")],
        &[(0.0, "Sous-total"), (300.0, "100.00")],
        &[(0.0, "Tax 5%"), (300.0, "5.00")],
        &[(0.0, "Tax 10%"), (300.0, "3.00")],
        &[(0.0, "Total"), (300.0, "108.00")],
    ];
    let mut page = page(rows);
    for line in &mut page.lines {
        line.confidence = if line.text == "3.00" { 0.31 } else { 0.97 };
    }
    let a = InvoiceReader::rules().extract(&[page], &Hints::default());
    assert_eq!(a.tax, dec("8.00"));
    assert!((a.fields["tax"].confidence - 0.31).abs() < 1e-6, "{:?}", a.fields["tax"]);
}

#[test]
fn boxes_are_told_in_pixels_of_a_page_that_nobody_sent() {
    let upright = page(ENGLISH);
    let (w, h) = (upright.width, upright.height);
    // Sent upside down on the second page.
    let turned = PageText { turned: 180.0, ..upright.clone() };
    let reader = InvoiceReader::shipped().unwrap();
    let place =
        |pages: &[PageText]| reader.extract(pages, &Hints::default()).fields["total_amount"].place.unwrap();
    let (there, here) = (place(&[upright]), place(&[PageText::upright(w, h, Vec::new()), turned]));
    assert_eq!((there.page, here.page), (1, 2), "pages are counted from 1");
    assert!((here.x - (w as f32 - there.x - there.w)).abs() < 0.01, "{here:?}, {there:?}");
    assert!((here.y - (h as f32 - there.y - there.h)).abs() < 0.01, "{here:?}, {there:?}");
}

#[test]
fn a_page_without_a_total_gets_one() {
    let mut rows: Vec<&[(f32, &str)]> = GERMAN.to_vec();
    rows.truncate(9);
    rows.remove(8);
    let a = read(&rows);
    assert_eq!(a.total_amount, None, "the total stands on another page");
    assert!(a.reasons.contains_key("total_amount"));
    assert_eq!(a.items.len(), 1);
}

#[test]
fn a_unit_of_hours_is_taken_for_rupees() {
    let rows: &[&[(f32, &str)]] = &[
        &[(0.0, "ACME LLC")],
        &[(0.0, "Description"), (200.0, "Qty"), (300.0, "Price"), (500.0, "Amount")],
        &[(0.0, "Labor 3hrs"), (200.0, "3"), (300.0, "15.00"), (500.0, "45.00")],
        &[(0.0, "Total"), (500.0, "45.00")],
    ];
    assert_eq!(read(rows).currency, Some("USD".to_owned()), "an American legal form, no sign");
}

/// Receipts of many vendors with a trap: the largest amount is the cash.
fn synthetic(n: usize) -> Vec<Example> {
    (0..n)
        .map(|i| {
            let name = format!("SHOP NUMBER {}", ["ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX"][i % 6]);
            let (a, b) = (format!("{}.50", 3 + i), format!("{}.25", 2 + i));
            let total: Decimal = a.parse::<Decimal>().unwrap() + b.parse::<Decimal>().unwrap();
            let change = Decimal::from(500) - total;
            let (total_text, change_text) = (total.to_string(), change.to_string());
            let date = format!("{:02}/03/2024", 1 + i % 28);
            let rows: Vec<Vec<(f32, &str)>> = vec![
                vec![(100.0, name.as_str())],
                vec![(100.0, "1 MAIN STREET")],
                vec![(0.0, "DATE:"), (100.0, date.as_str())],
                vec![(0.0, "APPLES"), (300.0, a.as_str())],
                vec![(0.0, "PEARS"), (300.0, b.as_str())],
                vec![(0.0, "TOTAL"), (300.0, total_text.as_str())],
                vec![(0.0, "CASH"), (300.0, "500.00")],
                vec![(0.0, "CHANGE"), (300.0, change_text.as_str())],
            ];
            let rows: Vec<&[(f32, &str)]> = rows.iter().map(Vec::as_slice).collect();
            let labels = Labels {
                total_amount: Some(total),
                date: chrono::NaiveDate::from_ymd_opt(2024, 3, 1 + i as u32 % 28),
                vendor: Some(PartyLabel { name: Some(name.clone()), ..PartyLabel::default() }),
                ..Labels::default()
            };
            Example { pages: vec![page(&rows)], group: labels.group().unwrap(), labels }
        })
        .collect()
}

#[test]
fn training_twice_gives_two_rankers() {
    let examples = synthetic(12);
    let ranker = train(&examples, 7).unwrap();
    assert_eq!(ranker, train(&examples, 7).unwrap());
    let back = Ranker::from_json(&ranker.to_json()).unwrap();
    assert_eq!(back.field("date").unwrap().features, ranker.field("date").unwrap().features);
    assert_eq!(ranker.training().groups, 6);
    let score = evaluation::score(&InvoiceReader::new(ranker), &examples);
    assert_eq!((score.total.right, score.date.right, score.company.right), (12, 12, 12));
}

#[test]
fn a_ranker_for_other_features_is_used() {
    let mut json: serde_json::Value = serde_json::from_str(include_str!("../../ranker.json")).unwrap();
    json["fields"]["date"]["features"][0] = "moon_phase".into();
    assert!(matches!(Ranker::from_json(&json.to_string()), Err(RankerError::Features { .. })));
    assert!(matches!(Ranker::from_json("{}"), Err(RankerError::Json(_))));
}

#[test]
fn too_few_examples_are_trained_on() {
    assert!(matches!(train(&synthetic(1), 1), Err(TrainError::TooFew { .. })));
    assert!(matches!(
        nested_cross_validation(&synthetic(3), None, 10, 1),
        Err(TrainError::TooFewGroups { .. })
    ));
}

#[test]
fn a_vendor_is_on_both_sides_of_a_split() {
    let examples = synthetic(18);
    let validated = nested_cross_validation(&examples, None, 3, 1).unwrap();
    assert_eq!(validated.folds.iter().map(|f| f.n).sum::<usize>(), 18);
    assert!(
        validated.folds.iter().all(|f| f.n % 3 == 0),
        "each vendor has three receipts: {:?}",
        validated.folds
    );
    assert_eq!(validated.ranker.total.right, 18, "{:?}", validated.mistakes);
}

#[test]
fn one_hotels_corrections_do_not_move_a_ranker() {
    let shipped = Ranker::from_json(include_str!("../../ranker.json")).unwrap();
    let refined = shipped.refined(&synthetic(6), 1).unwrap();
    assert_ne!(
        refined.field("total_amount").unwrap().weights,
        shipped.field("total_amount").unwrap().weights
    );
}

#[test]
fn thousands_of_lines_are_read_to_the_end_or_cut_in_silence() {
    let lines: Vec<Line> = (0..9000)
        .map(|i| Line {
            quad: Quad::from_rect(&Rect {
                x: (i % 7) as f32 * 90.0,
                y: (i / 7) as f32 * 20.0,
                w: 80.0,
                h: 16.0,
            }),
            text: if i % 2 == 0 { format!("{i}.50") } else { format!("Total 0{}/03/2024", 1 + i % 9) },
            confidence: 0.9,
            words: Vec::new(),
        })
        .collect();
    let a = InvoiceReader::shipped()
        .unwrap()
        .extract(&[PageText::upright(700, 30_000, lines)], &Hints::default());
    assert!(!a.notes.is_empty(), "what was cut is said");
    assert!(a.items.len() <= 500);
}

/// 4,000 lines in `per_row` columns; the text of each by its number.
fn crowded(per_row: usize, text: impl Fn(usize) -> String) -> PageText {
    let lines = (0..super::layout::MOST_LINES)
        .map(|i| {
            let (x, y) = ((i % per_row) as f32 * 140.0, (i / per_row) as f32 * 20.0);
            Line {
                quad: Quad::from_rect(&Rect { x, y, w: 100.0, h: 16.0 }),
                text: text(i),
                confidence: 0.9,
                words: Vec::new(),
            }
        })
        .collect();
    PageText::upright(140 * per_row as u32, 80_000, lines)
}

#[test]
fn a_hostile_page_makes_more_candidates_than_are_compared_or_is_cut_in_silence() {
    let evidence = |page: PageText| super::evidence::Evidence::new(&[page], &Hints::default());
    let says =
        |notes: &[String], what: &str| notes.iter().any(|n| n.starts_with("more than") && n.contains(what));

    let money = evidence(crowded(1, |i| format!("Total RM {i}.50")));
    assert!(
        money.amounts.len() <= super::amounts::MOST_AMOUNTS
            && money.totals.len() <= super::total::MOST_VALUES
    );
    assert!(
        says(&money.notes, "amounts: the rest") && says(&money.notes, "different amounts"),
        "{:?}",
        money.notes
    );

    let days =
        evidence(crowded(4, |i| format!("Date 0{}/0{}/20{:02}", 1 + i % 9, 1 + i / 9 % 9, 10 + i % 15)));
    assert!(days.dates.len() <= super::date::MOST_DATES);
    assert!(says(&days.notes, "dates"), "{:?}", days.notes);

    let names = evidence(crowded(8, |i| format!("House {} Sdn Bhd", char::from(b'A' + (i % 26) as u8))));
    assert!(names.vendors.len() <= 100, "{}", names.vendors.len());
    assert!(says(&names.notes, "the seller"), "{:?}", names.notes);

    let long = evidence(page(&[&[(0.0, &"Total 1.00 ".repeat(60))]]));
    assert!(long.notes.iter().any(|n| n.contains("characters")), "{:?}", long.notes);
    assert!(evidence(page(ENGLISH)).notes.is_empty(), "nothing was cut");
}

#[test]
fn all_lines_in_one_place_stop_the_reader() {
    let rect = Rect { x: 0.0, y: 0.0, w: f32::NAN, h: f32::INFINITY };
    let mut lines = vec![
        Line {
            quad: Quad::from_rect(&rect),
            text: "Total 1.00".to_owned(),
            confidence: f32::NAN,
            words: Vec::new()
        };
        3
    ];
    let at = |x: f32| Quad([Point { x, y: 0.0 }; 4]);
    lines.extend((0..500).map(|_| Line {
        quad: at(5.0),
        text: "99999999999999999999999999.99 Total 9999999999999.99".to_owned(),
        confidence: 1.0,
        words: Vec::new(),
    }));
    let a = InvoiceReader::shipped().unwrap().extract(&[PageText::upright(0, 0, lines)], &Hints::default());
    assert!(a.confidence.is_finite());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_page_makes_the_reader_panic(
        lines in proptest::collection::vec(
            ("\\PC{0,30}|(Total|GST|Date|Invoice no|Qty|Change)[: ]{0,2}[0-9.,/ RM-]{0,14}", -50.0_f32..900.0, -50.0_f32..2000.0, 0.0_f32..400.0, 0.0_f32..60.0),
            0..40,
        )
    ) {
        let lines = lines
            .into_iter()
            .map(|(text, x, y, w, h)| Line {
                quad: Quad::from_rect(&Rect { x, y, w, h }),
                text,
                confidence: 0.5,
                words: Vec::new(),
            })
            .collect();
        let pages = [PageText::upright(900, 2000, lines)];
        let answer = InvoiceReader::shipped().unwrap().extract(&pages, &Hints::default());
        prop_assert!((0.0..=1.0).contains(&answer.confidence));
        prop_assert!(serde_json::to_string(&answer).is_ok());
    }
}
