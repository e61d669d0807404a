//! Time per stage of the text pipeline, with the installed models on a drawn receipt.
//!
//! `cargo bench --workspace --bench text`. The stages behind detection cannot be run alone through the crate's
//! interface: they run inside a whole reading, and what counts is the time that it reports for them.
#![expect(clippy::expect_used, clippy::print_stderr, reason = "a benchmark ends at the first error")]

mod installed;
#[path = "../tests/rendered/mod.rs"]
mod rendered;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

use criterion::Criterion;
use innkeeper_ocr::{TextReader, TextSettings, TextTimings};
use innkeeper_runtime::Ticket;
use rendered::{Bill, Camera, Kind, Language};

type StageOf = fn(&TextTimings) -> Duration;

const STAGES: [(&str, StageOf); 5] = [
    ("detect", |t| t.detect),
    ("crop", |t| t.crop),
    ("angle", |t| t.angle),
    ("recognise", |t| t.recognise),
    ("arrange", |t| t.arrange),
];

fn main() -> ExitCode {
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    for pack in ["default", "light"] {
        match installed::reader(pack, TextSettings::default()) {
            Ok(reader) => measure(&mut criterion, pack, &reader),
            Err(error) => {
                eprintln!("the benchmark needs the installed models: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    criterion.final_summary();
    ExitCode::SUCCESS
}

fn measure(criterion: &mut Criterion, pack: &str, reader: &TextReader) {
    let drawn = Bill::invented(Kind::Receipt, Language::English, 3).draw();
    let picture = Camera::scanner(3).shoot(&drawn).picture();
    let timed = || reader.timed(&picture, &Ticket::unlimited()).expect("the pipeline runs");
    let mut group = criterion.benchmark_group(pack);
    for (name, stage) in STAGES {
        group.bench_function(name, |b| {
            b.iter_custom(|n| (0..n).map(|_| stage(&timed().1)).sum());
        });
    }
    group.bench_function("whole", |b| b.iter(|| black_box(timed())));
    group.finish();
}
