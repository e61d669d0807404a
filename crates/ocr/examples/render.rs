//! Draws a specimen receipt and a specimen passport as a telephone would photograph them:
//!
//!     cargo run -p innkeeper-ocr --example render -- demo
//!
//! writes `receipt.jpg` and `passport.jpg` into the folder. Company, person and state do not exist.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "an example")]

#[path = "../tests/rendered/mod.rs"]
mod rendered;

use std::path::PathBuf;

use chrono::NaiveDate;
use rendered::{Bill, Camera, Form, Holder, Kind, Language};

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("the folder to write into"));

    let mut receipt = Bill::invented(Kind::Receipt, Language::English, 4);
    receipt.note = Some("SPECIMEN".to_owned());
    let camera = Camera { quality: 70, noise: 2.0, blur: 0.4, ..Camera::by_hand(4) };
    let photograph = camera.shoot(&receipt.draw());
    let path = folder.join("receipt.jpg");
    std::fs::write(&path, &photograph.jpeg).expect("written");
    println!("{}: total {} {}", path.display(), receipt.total, receipt.currency);

    let holder = Holder {
        surname: "Eriksson".to_owned(),
        given_names: "Anna Maria".to_owned(),
        sex: 'F',
        birth: NaiveDate::from_ymd_opt(1984, 8, 12).expect("a day"),
        expiry: NaiveDate::from_ymd_opt(2032, 4, 15).expect("a day"),
        nationality: "UTO".to_owned(),
        issuer: "UTO".to_owned(),
        number: "L898902C3".to_owned(),
        personal_number: String::new(),
    };
    let drawn = holder.draw_marked(Form::Td3, Some("SPECIMEN"));
    let camera = Camera { scale: 0.75, quality: 70, noise: 2.0, blur: 0.4, ..Camera::by_hand(7) };
    let path = folder.join("passport.jpg");
    std::fs::write(&path, &camera.shoot(&drawn).jpeg).expect("written");
    println!("{}: {}", path.display(), holder.mrz(Form::Td3).join(" / "));
}
