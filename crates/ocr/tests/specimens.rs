//! The documents that the other tests draw are themselves right.
#![expect(clippy::expect_used, reason = "tests")]

#[path = "rendered/mod.rs"]
mod rendered;

use chrono::NaiveDate;
use rendered::{Bill, Camera, Form, Holder, Kind, Language, Licence};
use rust_decimal::Decimal;

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a day")
}

/// The person of the specimens in ICAO Doc 9303, parts 4 to 6.
fn eriksson(number: &str, personal_number: &str) -> Holder {
    Holder {
        surname: "Eriksson".to_owned(),
        given_names: "Anna Maria".to_owned(),
        sex: 'F',
        birth: day(1974, 8, 12),
        expiry: day(2012, 4, 15),
        nationality: "UTO".to_owned(),
        issuer: "UTO".to_owned(),
        number: number.to_owned(),
        personal_number: personal_number.to_owned(),
    }
}

#[test]
fn the_zones_of_the_printed_specimens_come_out_letter_for_letter() {
    assert_eq!(
        eriksson("L898902C3", "ZE184226B").mrz(Form::Td3),
        ["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"]
    );
    assert_eq!(
        eriksson("D23145890", "").mrz(Form::Td1),
        [
            "I<UTOD231458907<<<<<<<<<<<<<<<",
            "7408122F1204159UTO<<<<<<<<<<<6",
            "ERIKSSON<<ANNA<MARIA<<<<<<<<<<"
        ]
    );
    assert_eq!(
        eriksson("D23145890", "").mrz(Form::Td2),
        ["I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6"]
    );
    assert_eq!(
        eriksson("L8988901C", "").mrz(Form::MrvB),
        ["V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "L8988901C4UTO7408122F1204159<<<<<<<<"]
    );
}

#[test]
fn every_bill_adds_up_and_says_its_total() {
    for language in Language::ALL {
        for kind in [Kind::Receipt, Kind::Invoice] {
            for seed in 0..4 {
                let bill = Bill::invented(kind, language, seed);
                let sum: Decimal =
                    bill.items.iter().map(|item| item.unit_price * Decimal::from(item.quantity)).sum();
                assert_eq!(sum, bill.subtotal);
                let due = if bill.tax_included { bill.subtotal } else { bill.subtotal + bill.tax };
                assert_eq!(due, bill.total);
                let text = bill.draw().text();
                assert!(text.contains(&language.money(bill.total)), "{text}");
            }
        }
    }
}

#[test]
fn a_code_that_is_drawn_says_what_it_was_given() {
    let licence = Licence::invented(3);
    let drawn = licence.draw_back();
    let luma = image::DynamicImage::ImageRgb8(drawn.pixels.clone()).into_luma8();
    let read =
        rxing::helpers::detect_in_luma(luma.into_raw(), drawn.pixels.width(), drawn.pixels.height(), None)
            .expect("a code");
    assert_eq!(read.getText(), licence.aamva());
}

#[test]
fn a_photograph_is_the_same_each_time_and_its_truth_stays_inside_it() {
    let documents = [
        Bill::invented(Kind::Receipt, Language::Vietnamese, 1).draw(),
        Holder::invented(2).draw(Form::Td1),
        Licence::invented(3).draw_back(),
        Licence::invented(3).draw_front(),
    ];
    for (seed, drawn) in documents.iter().enumerate() {
        let camera = Camera { turned: 90.0 * seed as f32, ..Camera::by_hand(seed as u64) };
        let photograph = camera.shoot(drawn);
        assert_eq!(photograph.jpeg, camera.shoot(drawn).jpeg);
        let picture = photograph.picture();
        assert!(!photograph.lines.is_empty());
        for line in &photograph.lines {
            let area = line.quad.bounds();
            assert!(area.x >= 0.0 && area.y >= 0.0, "{line:?}");
            assert!(
                area.right() <= picture.width() as f32 && area.bottom() <= picture.height() as f32,
                "{line:?}"
            );
        }
    }
}
