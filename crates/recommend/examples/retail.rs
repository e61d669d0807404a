//! Figures on the public online retail rows.
//!
//! `cargo run --release --example retail -- rows.csv 2011-08-01 2011-09-30`, the file with the columns guest, item, day
//! (YYYY-MM-DD), quantity, price; rows of returns are left out.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::Instant;

use chrono::NaiveDate;
use innkeeper_recommend::evaluation::{Figures, evaluate};
use innkeeper_recommend::services::{Context, Interaction, Past, Request, Settings, fit};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, cut, until] = arguments.as_slice() else {
        return Err("wanted: the file, the first day of the truth, the last".into());
    };
    let (cut, until): (NaiveDate, NaiveDate) = (cut.parse()?, until.parse()?);
    let mut rows = Vec::new();
    for record in csv::Reader::from_path(path)?.into_deserialize() {
        let (guest, item, day, quantity, price): (String, String, NaiveDate, f64, f64) = record?;
        let amount = Some(quantity * price);
        rows.push(Interaction { guest, item, day, amount, context: Context::default() });
    }
    let settings = Settings::default();
    let start = Instant::now();
    let model = fit(&rows, cut, &settings)?;
    println!("fit {:.2} s: {:#?}", start.elapsed().as_secs_f64(), model.summary());
    let start = Instant::now();
    let single = Settings { validation_days: 0, ..settings.clone() };
    fit(&rows, cut, &single)?;
    println!("item model alone {:.2} s", start.elapsed().as_secs_f64());

    let start = Instant::now();
    let report = evaluate(&rows, cut, until, 10, &settings)?;
    println!("evaluate {:.2} s", start.elapsed().as_secs_f64());
    let line = |name: &str, f: Figures| {
        println!(
            "{name:12} new {:.4} / {:.4}   with repeats {:.4} / {:.4}",
            f.recall, f.ndcg, f.recall_repeat, f.ndcg_repeat
        );
    };
    println!("recall@10 / NDCG@10, {} and {} guests", report.n_users, report.n_users_repeat);
    line("popularity", report.popularity);
    line("EASE", report.ease);
    line("model", report.model);
    println!("new: {:?}\nwith repeats: {:?}", report.reliability_new, report.reliability_repeat);

    let context = Context::default();
    if let Some(first) = rows.iter().find(|row| row.day < cut) {
        let history: Vec<Past> = rows
            .iter()
            .filter(|row| row.guest == first.guest)
            .map(|row| Past { item: row.item.clone(), day: row.day })
            .collect();
        let request =
            Request { history: &history, as_of: cut, context: &context, repeats: true, k: 5, seed: 1 };
        let start = Instant::now();
        let list = model.recommend(&request, &|_| true);
        println!("one list {:.2} ms", start.elapsed().as_secs_f64() * 1e3);
        for entry in list {
            println!("{entry:?}");
        }
    }
    Ok(())
}
