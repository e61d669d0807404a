//! Fits the public CDNOW purchases and compares what it foresees with what followed, as JSON:
//! `cargo run -p innkeeper-clv --example cdnow -- FILE [--calibration-end 1997-09-30] [--svg PICTURE]`.
//!
//! FILE is `CDNOW_master.txt` or `CDNOW_sample.txt`, packed with gzip or not.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command that reports to its caller")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::time::Instant;

use chrono::NaiveDate;
use flate2::bufread::MultiGzDecoder;
use innkeeper_clv::{
    History, LifetimeValue, Segment, SegmentRules, Terms, TimeUnit, Valuer, cdnow, evaluate, fit, fit_spend,
    holdout_svg, segment, summarise,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (mut file, mut picture) = (None, None);
    let mut end: NaiveDate = "1997-09-30".parse()?;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--calibration-end" => end = arguments.next().ok_or("--calibration-end needs a day")?.parse()?,
            "--svg" => picture = Some(arguments.next().ok_or("--svg needs a file")?),
            _ => file = Some(argument),
        }
    }
    let file = file.ok_or("usage: cdnow FILE [--calibration-end DAY] [--svg PICTURE]")?;
    let mut reader = BufReader::new(File::open(&file)?);
    let packed = reader.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    let transactions =
        if packed { cdnow::read(BufReader::new(MultiGzDecoder::new(reader)))? } else { cdnow::read(reader)? };
    let evaluation = evaluate(&transactions, end, TimeUnit::Week)?;
    println!("{}", serde_json::to_string_pretty(&evaluation)?);
    let guests = summarise(&transactions, end, TimeUnit::Week)?;
    let histories: Vec<History> = guests.iter().map(|guest| guest.history).collect();
    let fitted = fit(&histories)?;
    let spend = fit_spend(&histories)?;
    let (by_time, by_amount) = (fastest(|| fit(&histories)), fastest(|| fit_spend(&histories)));
    let (guests, steps) = (histories.len(), (fitted.iterations, spend.iterations));
    eprintln!(
        "fit of {guests} guests: transactions {by_time:.2} ms, amounts {by_amount:.2} ms, steps {steps:?}"
    );
    let all = || {
        histories.iter().map(|history| fitted.expected_transactions(history, evaluation.holdout)).sum::<f64>()
    };
    eprintln!("expected transactions of all: {:.1}, in {:.2} ms", all(), fastest(all));
    let valuer = Valuer::new(&fitted, &spend, Terms::months(36, TimeUnit::Week))?;
    let start = Instant::now();
    let values: Vec<LifetimeValue> = histories.iter().map(|of| valuer.value(of)).collect::<Result<_, _>>()?;
    eprintln!(
        "value of all over 36 months: {:.0}, in {:.0} ms",
        values.iter().map(|value| value.expected).sum::<f64>(),
        start.elapsed().as_secs_f64() * 1e3
    );
    let with_values: Vec<_> = histories.iter().copied().zip(values).collect();
    let mut segments: BTreeMap<Segment, usize> = BTreeMap::new();
    for found in segment(&with_values, &SegmentRules::new_within(8.0))? {
        *segments.entry(found.segment).or_default() += 1;
    }
    eprintln!("segments: {segments:?}");
    eprintln!("standard errors: {:?}", fitted.standard_errors);
    if let Some(picture) = picture {
        std::fs::write(picture, holdout_svg("CDNOW: transactions in the holdout", &evaluation.groups)?)?;
    }
    Ok(())
}

/// Milliseconds of the fastest of five.
fn fastest<T>(mut work: impl FnMut() -> T) -> f64 {
    let mut once = || {
        let start = Instant::now();
        let _ = std::hint::black_box(work());
        start.elapsed().as_secs_f64() * 1e3
    };
    (0..5).map(|_| once()).fold(f64::INFINITY, f64::min)
}
