//! `cargo run --release --example evaluate -- FILE.csv.gz FIRST_ORIGIN STEP COUNT [HORIZON]`: the protocol of `innkeeper
//! evaluate forecast` on one grid of origins, as JSON.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a tool for whoever changes the forecast")]

mod read;

use std::time::Instant;

use chrono::{Days, NaiveDate};
use innkeeper_forecast::evaluate;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let text = |place: usize| arguments.get(place).map(String::as_str);
    let number = |place: usize| text(place).map(|text| text.parse::<u64>().expect("a number"));
    let file = text(0).expect("FILE.csv.gz FIRST_ORIGIN STEP COUNT [HORIZON]");
    let first: NaiveDate = text(1).expect("FIRST_ORIGIN").parse().expect("a day");
    let (step, count) = (number(2).expect("STEP"), number(3).expect("COUNT"));
    let hotels = read::read(file.as_ref());
    let origins: Vec<NaiveDate> = (0..count).map(|place| first + Days::new(place * step)).collect();
    let start = Instant::now();
    let clock = || start.elapsed().as_secs_f64();
    let report = evaluate(&hotels, &origins, number(4).unwrap_or(28) as u16, None, Some(&clock));
    println!("{}", serde_json::to_string_pretty(&report).expect("JSON"));
}
