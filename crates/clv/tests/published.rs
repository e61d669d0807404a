//! The published figures on CDNOW, and a portfolio on which the usual fit does not converge.
#![allow(clippy::expect_used, reason = "for tests")]

mod public;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use chrono::{DateTime, NaiveDate};
use flate2::bufread::MultiGzDecoder;
use innkeeper_clv::{
    History, Limit, TimeUnit, Transaction, cdnow, evaluate, fit, fit_spend, holdout_svg, summarise,
};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use public::mirrored;

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

fn purchases(path: &Path) -> Vec<Transaction> {
    let file = BufReader::new(File::open(path).expect("open"));
    cdnow::read(BufReader::new(MultiGzDecoder::new(file))).expect("purchases")
}

fn near(got: f64, want: f64, digits: f64) {
    assert!((got - want).abs() <= 0.5 * digits + 1e-12, "{got} {want}");
}

#[test]
fn the_sample_gives_the_published_parameters_and_errors() {
    let Some(path) = mirrored("CDNOW_sample.txt.gz") else { return };
    let purchases = purchases(&path);
    let found = evaluate(&purchases, day("1997-09-30"), TimeUnit::Week).expect("an evaluation");
    assert_eq!(found.n, 2_357);
    near(found.r, 0.242_6, 1e-4);
    near(found.alpha, 4.413_6, 1e-4);
    near(found.a, 0.792_9, 1e-4);
    near(found.b, 2.425_9, 1e-4);
    near(found.log_likelihood, -9_582.43, 1e-2);
    assert!(found.limits.is_empty() && found.spend_limits.is_empty());
    for (got, want) in [(found.p, 6.248_8), (found.q, 3.744_6), (found.v, 15.447_7)] {
        let got = got.expect("a fit of the amounts");
        assert!((got / want - 1.0).abs() < 0.001, "{got} {want}");
    }
    near(found.mae, 0.785_5, 1e-4);
    near(found.rmse, 1.608, 1e-3);
    near(found.past_rate_mae, 1.023_7, 1e-4);
    near(found.past_rate_rmse, 2.212, 1e-3);
    assert_eq!(found.groups.iter().map(|group| group.guests).sum::<usize>(), 2_357);
    assert!(holdout_svg("CDNOW", &found.groups).is_ok_and(|svg| svg.contains("7 and more")));
}

#[test]
fn the_master_file_gives_nearly_the_parameters_of_its_sample() {
    let Some(path) = mirrored("CDNOW_master.txt.gz") else { return };
    let found = evaluate(&purchases(&path), day("1997-09-30"), TimeUnit::Week).expect("an evaluation");
    assert_eq!(found.n, 23_570);
    assert!((found.r / 0.242_6 - 1.0).abs() < 0.2 && (found.alpha / 4.413_6 - 1.0).abs() < 0.2, "{found:?}");
    assert!(found.mae < 0.8 * found.past_rate_mae && found.rmse < found.past_rate_rmse, "{found:?}");
}

/// Purchases of known guests, without what was sent back: amounts of the lines.
fn retail(path: &Path) -> Vec<Transaction> {
    let reader = SerializedFileReader::new(File::open(path).expect("open")).expect("parquet");
    let mut purchases = Vec::new();
    for row in reader.get_row_iter(None).expect("rows") {
        let row = row.expect("a row");
        let (mut guest, mut date, mut quantity, mut price) = (None, None, 0.0, 0.0);
        for (name, field) in row.get_column_iter() {
            match (name.as_str(), field) {
                ("CustomerID", Field::Double(id)) => guest = Some(format!("{id:.0}")),
                ("InvoiceDate", Field::Long(nanoseconds)) => {
                    date = Some(DateTime::from_timestamp_nanos(*nanoseconds).date_naive());
                }
                ("Quantity", Field::Int(count)) => quantity = f64::from(*count),
                ("UnitPrice", Field::Double(of_one)) => price = *of_one,
                _ => {}
            }
        }
        if let (Some(guest), Some(date), true) = (guest, date, quantity > 0.0 && price > 0.0) {
            purchases.push(Transaction { guest, date, amount: Some(quantity * price) });
        }
    }
    purchases
}

#[test]
fn retail_on_which_the_usual_fit_fails_ends_with_a_certificate() {
    let Some(path) = mirrored("online_retail_to_2011-09-30.parquet") else { return };
    let purchases = retail(&path);
    assert!(purchases.len() > 200_000, "{}", purchases.len());
    for unit in [TimeUnit::Day, TimeUnit::Week, TimeUnit::Month] {
        for end in ["2011-06-30", "2011-08-01", "2011-09-30"] {
            let guests = summarise(&purchases, day(end), unit).expect("histories");
            let histories: Vec<History> = guests.iter().map(|guest| guest.history).collect();
            let found = fit(&histories).expect("fitted");
            assert!(found.gradient <= 1e-8 && found.alpha.is_finite() && found.r > 0.0);
            if found.limits.is_empty() {
                assert!(found.a > 0.0 && found.standard_errors.a.is_some());
            } else {
                assert!(!found.limits.contains(&Limit::NobodyLeaves) || found.a == 0.0);
            }
            let spend = fit_spend(&histories).expect("fitted");
            assert!(spend.limits.is_empty() && spend.q > 1.0, "{spend:?}");
        }
    }
    let found = evaluate(&purchases, day("2011-06-30"), TimeUnit::Week).expect("an evaluation");
    // Most buy nothing, which the mean absolute error rewards in the past rate: it foresees nothing for many.
    assert!(found.rmse < 0.8 * found.past_rate_rmse, "{found:?}");
    assert!((found.predicted_total / found.observed_total - 1.0).abs() < 0.05, "{found:?}");
}
