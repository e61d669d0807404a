//! One frame through the pipeline, again and again, by several callers: what `benches/compare.py` sets
//! beside its peer.
//!
//! - `frame photograph NAME SIDE OUT` writes a photograph of the demo set as a JPEG of SIDE pixels on its
//!   longest side.
//! - `frame run FILE PACK CALLERS FRAMES` decodes and analyses FILE by CALLERS threads at once until FRAMES
//!   are done, and prints one JSON object: the largest face, the seconds all of them took on the clock and
//!   on the cores, and the milliseconds of each frame. One process, one session per core and model.
#![expect(clippy::print_stdout, reason = "a command that reports to its caller")]

#[path = "../benches/installed/mod.rs"]
mod installed;

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use innkeeper_core::{DecodeLimits, Picture};
use innkeeper_face::{FaceError, FacePipeline, FrameAnalysis, PipelineSettings, Want};
use innkeeper_runtime::Ticket;
use serde_json::json;

type Failure = Box<dyn Error + Send + Sync>;

/// Frames before the clock starts.
const WARM_UP: usize = 20;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["photograph", name, side, out] => {
            Ok(std::fs::write(out, installed::photograph(name, side.parse()?)?)?)
        }
        ["run", file, pack, callers, frames] => run(
            &std::fs::read(file)?,
            &installed::pipeline(pack, PipelineSettings::default())?,
            callers.parse()?,
            frames.parse()?,
        ),
        _ => Err("frame photograph NAME SIDE OUT, or frame run FILE PACK CALLERS FRAMES".into()),
    }
}

fn look(bytes: &[u8], pipeline: &FacePipeline) -> Result<FrameAnalysis, Failure> {
    let picture = Picture::decode(bytes, &DecodeLimits::default())?;
    let analysis: Result<_, FaceError> = pipeline.analyse(&picture, Want::ALL, &Ticket::unlimited());
    Ok(analysis?)
}

fn run(bytes: &[u8], pipeline: &FacePipeline, callers: usize, frames: usize) -> Result<(), Failure> {
    let first = look(bytes, pipeline)?;
    let face = first.primary().map(|i| &first.faces[i]).ok_or("there is no usable face on the picture")?;
    for _ in 0..WARM_UP {
        look(bytes, pipeline)?;
    }
    let taken = AtomicUsize::new(0);
    let caller = || -> Result<Vec<f64>, Failure> {
        let mut milliseconds = Vec::new();
        while taken.fetch_add(1, Ordering::Relaxed) < frames {
            let started = Instant::now();
            look(bytes, pipeline)?;
            milliseconds.push(started.elapsed().as_secs_f64() * 1e3);
        }
        Ok(milliseconds)
    };
    let (started, busy) = (Instant::now(), cpu_seconds()?);
    let answers: Vec<Result<Vec<f64>, Failure>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..callers).map(|_| scope.spawn(caller)).collect();
        threads.into_iter().map(|t| t.join().unwrap_or_else(|_| Err("a caller panicked".into()))).collect()
    });
    let (seconds, busy) = (started.elapsed().as_secs_f64(), cpu_seconds()? - busy);
    let mut milliseconds = Vec::with_capacity(frames);
    for answer in answers {
        milliseconds.extend(answer?);
    }
    let models: Vec<String> = pipeline.models().iter().map(|m| m.model().to_string()).collect();
    let answer = json!({
        "box": [face.rect.x, face.rect.y, face.rect.w, face.rect.h],
        "liveness": face.liveness.score,
        "embedding": face.embedding.as_ref().map(|e| e.vector().to_vec()),
        "models": models,
        "seconds": seconds,
        "cpu_seconds": busy,
        "milliseconds": milliseconds,
    });
    println!("{answer}");
    Ok(())
}

/// Time that all threads of this process spent on a core, in steps of 10 ms.
fn cpu_seconds() -> Result<f64, Failure> {
    // Linux counts in hundredths of a second here; fields 14 and 15, the name in field 2 may hold spaces.
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(')').ok_or("no process name in /proc/self/stat")?.1;
    let ticks = after_name.split_whitespace().skip(11).take(2);
    Ok(ticks.map(str::parse::<u32>).sum::<Result<u32, _>>().map(|t| f64::from(t) / 100.0)?)
}
