//! How well the fields of receipts are found, and the command that makes `crates/ocr/ranker.json`.
//!
//! ```text
//! cargo run -p innkeeper-ocr --example fields -- PAGES KEY ITEMS [--train FILE] [--folds N] [--seeds N] [--verbose] [--show]
//! ```
//!
//! PAGES is a folder of `NAME.json`, each a page as the example `read` keeps it, or `{"lines": [{"box": [[x, y] × 4], "text": …, "score": …}]}` as a text reader
//! wrote it, or of `NAME.csv` with `x1,y1,…,x4,y4,text` per line (the truth of SROIE). KEY holds `NAME.json` with
//! `company`, `date`, `address`, `total`; ITEMS holds `NAME.json` with `items: [{name, quantity, unit_price, amount}]`,
//! for some of them. With `--show` the arguments are folders of pages, and the answers of the shipped ranker are printed.
#![expect(clippy::print_stdout, reason = "a table for a person")]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use innkeeper_core::Point;
use innkeeper_ocr::invoice::evaluation::{Score, mistakes, nested_cross_validation, score};
use innkeeper_ocr::invoice::{
    DateOrder, Example, Hints, InvoiceReader, ItemLabel, Labels, PartyLabel, parse_amount, parse_date, train,
};
use innkeeper_ocr::{Line, PageText, Quad};
use rust_decimal::Decimal;
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut folders: Vec<PathBuf> = Vec::new();
    let (mut out, mut folds, mut seeds, mut verbose) = (None, 10, 1, false);
    let mut show = false;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--train" => out = arguments.next(),
            "--folds" => folds = arguments.next().ok_or("--folds N")?.parse()?,
            "--seeds" => seeds = arguments.next().ok_or("--seeds N")?.parse()?,
            "--verbose" => verbose = true,
            "--show" => show = true,
            _ => folders.push(argument.into()),
        }
    }
    if show {
        // The shipped ranker's answers for all pages of a folder, labelled or not.
        let reader = InvoiceReader::shipped()?;
        for folder in &folders {
            let mut paths: Vec<PathBuf> =
                fs::read_dir(folder)?.filter_map(|e| e.ok().map(|e| e.path())).collect();
            paths.sort();
            for path in paths {
                let answer = reader.extract(&[read_page(&path)?], &Hints::default());
                println!("{}\n{}", path.display(), serde_json::to_string_pretty(&answer)?);
            }
        }
        return Ok(());
    }
    let [pages, key, items] = folders.as_slice() else { return Err("PAGES KEY ITEMS".into()) };
    let mut names: Vec<PathBuf> = fs::read_dir(pages)?.filter_map(|e| e.ok().map(|e| e.path())).collect();
    names.sort();
    let mut examples = Vec::new();
    let mut stems = Vec::new();
    for path in names {
        let Some(stem) = path.file_stem().and_then(|s| s.to_str()) else { continue };
        let labels = key.join(format!("{stem}.json"));
        if !labels.exists() {
            continue;
        }
        let labels = read_labels(&labels, &items.join(format!("{stem}.json")))?;
        let group = labels.group().unwrap_or_else(|| stem.to_owned());
        examples.push(Example { pages: vec![read_page(&path)?], labels, group });
        stems.push(stem.to_owned());
    }
    println!("{} documents", examples.len());
    print("rules", &score(&InvoiceReader::rules(), &examples));
    if verbose {
        for m in mistakes(&InvoiceReader::rules(), &examples) {
            println!("  {} {}: {:?}, expected {}", stems[m.example], m.field, m.got, m.expected);
        }
    }
    for seed in 1..=seeds {
        let validated = nested_cross_validation(&examples, None, folds, seed)?;
        print(&format!("ranker, {folds} folds, seed {seed}"), &validated.ranker);
        let spread: Vec<String> =
            validated.spread.iter().map(|(mean, sd)| format!("{mean:.3} ± {sd:.3}")).collect();
        println!("  over folds: total {}, date {}, company {}", spread[0], spread[1], spread[2]);
        if verbose {
            for m in &validated.mistakes {
                println!(
                    "  {} {} ({:.2}): {:?}, expected {}",
                    stems[m.example], m.field, m.confidence, m.got, m.expected
                );
            }
        }
    }
    if let Some(out) = out {
        let ranker = train(&examples, 1)?;
        fs::write(&out, ranker.to_json() + "\n")?;
        print("trained on all (fitted, not held out)", &score(&InvoiceReader::new(ranker), &examples));
    }
    Ok(())
}

fn print(name: &str, s: &Score) {
    println!(
        "{name}: total {}/{}, date {}/{}, company {}/{}, address {}/{}, item amounts F1 {:.3} ({} of {} answered, {} labelled), items F1 {:.3}, names {:.3}, brier {:.4}",
        s.total.right,
        s.total.of,
        s.date.right,
        s.date.of,
        s.company.right,
        s.company.of,
        s.address.right,
        s.address.of,
        s.item_amounts.f1.unwrap_or(f64::NAN),
        s.item_amounts.matched,
        s.item_amounts.answered,
        s.item_amounts.labelled,
        s.items.f1.unwrap_or(f64::NAN),
        s.item_name_likeness.unwrap_or(f64::NAN),
        s.brier.unwrap_or(f64::NAN),
    );
}

fn read_labels(key: &Path, items: &Path) -> Result<Labels, Box<dyn Error>> {
    let key: Value = serde_json::from_str(&fs::read_to_string(key)?)?;
    let text = |name: &str| key.get(name).and_then(Value::as_str).map(str::to_owned);
    let mut labels = Labels {
        date: text("date").and_then(|d| parse_date(&d, DateOrder::DayFirst)),
        total_amount: text("total").and_then(|t| parse_amount(&t)),
        vendor: Some(PartyLabel { name: text("company"), address: text("address"), tax_id: None }),
        ..Labels::default()
    };
    if let Ok(file) = fs::read_to_string(items) {
        let file: Value = serde_json::from_str(&file)?;
        let number = |v: &Value, name: &str| {
            v.get(name).and_then(Value::as_f64).and_then(|f| Decimal::try_from(f).ok()).map(|d| d.round_dp(4))
        };
        labels.currency = file.get("currency").and_then(Value::as_str).map(str::to_owned);
        labels.items = file.get("items").and_then(Value::as_array).map(|items| {
            items
                .iter()
                .map(|i| ItemLabel {
                    description: i.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
                    quantity: number(i, "quantity"),
                    unit_price: number(i, "unit_price"),
                    amount: number(i, "amount"),
                    tax_rate: None,
                })
                .collect()
        });
    }
    Ok(labels)
}

fn read_page(path: &Path) -> Result<PageText, Box<dyn Error>> {
    let text = String::from_utf8_lossy(&fs::read(path)?).into_owned();
    let mut lines = Vec::new();
    let mut push = |corners: Vec<f32>, text: String, confidence: f32| {
        let at = |i: usize| Point {
            x: corners.get(2 * i).copied().unwrap_or_default(),
            y: corners.get(2 * i + 1).copied().unwrap_or_default(),
        };
        lines.push(Line { quad: Quad([at(0), at(1), at(2), at(3)]), text, confidence, words: Vec::new() });
    };
    if path.extension().is_some_and(|e| e == "csv") {
        for line in text.lines() {
            let parts: Vec<&str> = line.splitn(9, ',').collect();
            if let [corners @ .., text] = parts.as_slice()
                && corners.len() == 8
            {
                push(corners.iter().filter_map(|c| c.parse().ok()).collect(), (*text).to_owned(), 1.0);
            }
        }
    } else {
        if let Ok(page) = serde_json::from_str(&text) {
            return Ok(page);
        }
        let page: Value = serde_json::from_str(&text)?;
        for line in page.get("lines").and_then(Value::as_array).into_iter().flatten() {
            let corners = line.get("box").and_then(Value::as_array).into_iter().flatten();
            let corners =
                corners.flat_map(|p| p.as_array().cloned().unwrap_or_default()).filter_map(|v| v.as_f64());
            push(
                corners.map(|v| v as f32).collect(),
                line.get("text").and_then(Value::as_str).unwrap_or_default().to_owned(),
                line.get("score").and_then(Value::as_f64).unwrap_or(1.0) as f32,
            );
        }
    }
    let extent =
        |f: fn(&Point) -> f32| lines.iter().flat_map(|l| &l.quad.0).map(f).fold(1.0, f32::max) as u32;
    let (width, height) = (extent(|p| p.x), extent(|p| p.y));
    Ok(PageText::upright(width, height, lines))
}
