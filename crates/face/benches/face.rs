//! Time per stage of the face pipeline, with the installed models on demo photographs.
//!
//! `cargo bench --workspace --bench face`. The stages behind detection cannot be run alone through the
//! crate's interface: they run inside a whole analysis, and what counts is the time that it reports for them.
#![expect(clippy::expect_used, clippy::print_stderr, reason = "a benchmark ends at the first error")]

mod installed;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion};
use innkeeper_core::{DecodeLimits, Picture};
use innkeeper_face::{FacePipeline, FrameAnalysis, PipelineSettings, StageTimings, Want};
use innkeeper_runtime::Ticket;

type StageOf = fn(&StageTimings) -> Duration;

/// The demo photograph that is measured, and its longest side in pixels.
const PHOTOGRAPH: (&str, u32) = ("obama.jpg", 640);

fn main() -> ExitCode {
    let photograph = match installed::photograph(PHOTOGRAPH.0, PHOTOGRAPH.1) {
        Ok(bytes) => bytes,
        Err(error) => return refuse(&*error),
    };
    let picture = decode(&photograph);
    let eight = sheet(&picture);
    let mut criterion = Criterion::default().sample_size(30).configure_from_args();

    criterion.bench_function("decode/640-px JPEG", |b| b.iter(|| black_box(decode(&photograph))));
    for pack in ["default", "extended"] {
        let pipeline = match installed::pipeline(pack, PipelineSettings::default()) {
            Ok(pipeline) => pipeline,
            Err(error) => return refuse(&*error),
        };
        measure(&mut criterion, pack, &pipeline, &photograph, &picture, &eight);
    }
    criterion.final_summary();
    ExitCode::SUCCESS
}

fn refuse(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("the benchmark needs the installed models and photographs: {error}");
    ExitCode::FAILURE
}

fn decode(bytes: &[u8]) -> Picture {
    Picture::decode(bytes, &DecodeLimits::default()).expect("a JPEG of our own")
}

/// Everything of one frame.
const ALL: Want = Want { despite_quality: true, ..Want::ALL };
/// Judging alone: the models do it while the faces are embedded, and the time left over says little.
const LIVENESS: Want = Want { embedding: false, ..ALL };
const EMBEDDING: Want = Want { liveness: false, ..ALL };

fn analyse(pipeline: &FacePipeline, picture: &Picture, want: Want) -> FrameAnalysis {
    pipeline.analyse(picture, want, &Ticket::unlimited()).expect("the pipeline runs")
}

/// The picture eight times, four in a row.
fn sheet(one: &Picture) -> Picture {
    let (w, h) = (one.width() as usize, one.height() as usize);
    let row = |y: usize| one.rgb()[y * w * 3..(y + 1) * w * 3].repeat(4);
    let rgb = (0..2 * h).flat_map(|y| row(y % h)).collect();
    Picture::from_rgb(one.width() * 4, one.height() * 2, rgb).expect("eight times the pixels")
}

fn measure(
    criterion: &mut Criterion,
    pack: &str,
    pipeline: &FacePipeline,
    photograph: &[u8],
    picture: &Picture,
    eight: &Picture,
) {
    let mut group = criterion.benchmark_group(pack);
    let stages: [(&str, Want, StageOf); 4] = [
        ("detect", ALL, |t| t.detect),
        ("align and quality", ALL, |t| t.align),
        ("liveness", LIVENESS, |t| t.liveness),
        ("embed", EMBEDDING, |t| t.embed),
    ];
    for (faces, picture) in [(1, picture), (8, eight)] {
        let found = analyse(pipeline, picture, ALL).faces.len();
        assert_eq!(found, faces, "the {pack} detector found {found} faces on a picture of {faces}");
        for (name, want, stage) in stages {
            if name == "liveness" && pipeline.liveness_available().is_err() {
                continue;
            }
            let label = format!("{faces} face{}", if faces == 1 { "" } else { "s" });
            group.bench_function(BenchmarkId::new(name, label), |b| {
                b.iter_custom(|n| (0..n).map(|_| stage(&analyse(pipeline, picture, want).timings)).sum());
            });
        }
    }
    group.bench_function("whole, decode included/1 face", |b| {
        b.iter_custom(|n| {
            let started = Instant::now();
            for _ in 0..n {
                black_box(analyse(pipeline, &decode(photograph), ALL));
            }
            started.elapsed()
        });
    });
    group.finish();
}
