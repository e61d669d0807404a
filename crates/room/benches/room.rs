//! Time of one photograph of a room, from JPEG bytes to its reading, with the installed models.
//!
//! `cargo bench --workspace --bench room`. The photograph is drawn, 1,600 x 1,200 pixels: what a phone sends. With
//! the default pack nobody looks for objects; the extended pack adds the detector.
#![expect(clippy::expect_used, clippy::print_stderr, reason = "a benchmark ends at the first error")]

mod installed;

use std::hint::black_box;
use std::process::ExitCode;

use criterion::{Criterion, Throughput};
use innkeeper_core::{DecodeLimits, Picture};
use innkeeper_room::RoomReader;
use innkeeper_runtime::Ticket;
use installed::{Failure, Files};

const SIZE: (u32, u32) = (1600, 1200);

fn main() -> ExitCode {
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();
    match measure(&mut criterion) {
        Ok(()) => {
            criterion.final_summary();
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("the benchmark needs the installed models: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(criterion: &mut Criterion) -> Result<(), Failure> {
    let bytes = drawn()?.to_jpeg(85)?;
    let mut files = Files::installed()?;
    let detector = files.detector.take();
    let head = installed::head()?;
    let mut group = criterion.benchmark_group("room");
    group.throughput(Throughput::Elements(1));
    let default = files.reader(Some(head.clone()), 1)?;
    group.bench_function("default pack", |b| b.iter(|| black_box(read(&default, &bytes))));
    if detector.is_some() {
        files.detector = detector;
        let extended = files.reader(Some(head), 1)?;
        group.bench_function("extended pack", |b| b.iter(|| black_box(read(&extended, &bytes))));
    } else {
        eprintln!("not run with objects: innkeeper models pull --pack extended");
    }
    group.finish();
    Ok(())
}

fn read(reader: &RoomReader, bytes: &[u8]) -> innkeeper_room::PhotoReading {
    let picture = Picture::decode(bytes, &DecodeLimits::default()).expect("a picture");
    reader.read(&picture, &[], &Ticket::unlimited()).expect("the pipeline runs")
}

/// A wall, a floor, a bed and some grain, so that the JPEG costs what a photograph costs.
fn drawn() -> Result<Picture, Failure> {
    let (width, height) = SIZE;
    let mut rgb = Vec::with_capacity((width * height * 3) as usize);
    for y in 0..height {
        for x in 0..width {
            let base: [i32; 3] = if (400..1200).contains(&x) && (600..1000).contains(&y) {
                [235, 232, 225]
            } else if y > 700 {
                [120, 85, 60]
            } else {
                [205, 195, 175]
            };
            let grain = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503) ^ (x * y)) % 23;
            rgb.extend(base.map(|v| (v + grain as i32 - 11 - (x / 40) as i32).clamp(0, 255) as u8));
        }
    }
    Ok(Picture::from_rgb(width, height, rgb)?)
}
