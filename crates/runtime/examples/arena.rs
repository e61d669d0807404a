//! What the memory arena costs and saves: runs a detector on frames of mixed sizes and prints the time a
//! call takes and how the process grows.
//!
//! `cargo run -p innkeeper-runtime --example arena -- LIBRARY MODEL.onnx arena|plain [pattern] [SIZES]`
#![expect(clippy::print_stdout, reason = "a command that reports to its caller")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use innkeeper_runtime::{OnnxRuntime, Session, SessionOptions, Tensor};

const CALLS: usize = 400;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [library, model, mode, rest @ ..] = arguments.as_slice() else {
        return Err("LIBRARY MODEL.onnx arena|plain [pattern] [SIZES]".into());
    };
    let sizes = rest.iter().find_map(|word| word.parse().ok()).unwrap_or(CALLS);
    let options = SessionOptions {
        arena: mode == "arena",
        memory_pattern: rest.iter().any(|word| word == "pattern"),
        ..SessionOptions::default()
    };
    let mut session = OnnxRuntime::load(Path::new(library))?.session(Path::new(model), &options)?;
    let start = resident_mib()?;
    let mut seconds = 0.0;
    for call in 0..CALLS {
        // Sides from 160 to 1120 pixels in steps of 32, `sizes` different pairs in turn.
        let (h, w) = (160 + (call % sizes * 7 % 31) * 32, 160 + (call % sizes * 11 % 29) * 32);
        let frame = Tensor::new(vec![1, 3, h, w], (0..3 * h * w).map(|i| (i * 7919 % 256) as f32).collect())?;
        let begun = Instant::now();
        session.run(&[frame])?;
        seconds += begun.elapsed().as_secs_f64();
        if (call + 1) % (CALLS / 4) == 0 {
            println!(
                "after {} calls: {:.0} MiB more than before the first",
                call + 1,
                resident_mib()? - start
            );
        }
    }
    println!("{options:?}, {} sizes: {:.2} ms a call", sizes.min(899), seconds * 1000.0 / CALLS as f64);
    Ok(())
}

/// Memory of this process that is in RAM now.
fn resident_mib() -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS line")?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib / 1024.0)
}
