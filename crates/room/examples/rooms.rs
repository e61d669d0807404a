//! Reads photographs of rooms, one JSON line each: what `benches/compare_room.py` sets beside its peer.
//!
//! `rooms LIBRARY EMBEDDER HEAD DETECTOR|- THREADS ROUNDS FILE...`
//!
//! LIBRARY is ONNX Runtime's shared library, EMBEDDER and DETECTOR are model files (`-`: no detector), HEAD is the
//! JSON of a head. THREADS callers share THREADS sessions of each model, one thread a session. Each of the ROUNDS
//! reads every file, decoding included; the lines are of the first round. The last line sums up the rounds.
#![expect(clippy::print_stdout, reason = "a command that reports to its caller")]

#[path = "../benches/installed/mod.rs"]
mod installed;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use innkeeper_core::{DecodeLimits, ModelRef, Picture};
use innkeeper_heads::Head;
use innkeeper_room::{PhotoReading, RoomReader};
use innkeeper_runtime::Ticket;
use installed::{Failure, Files};
use serde_json::json;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [library, embedder, head, detector, threads, rounds, files @ ..] = arguments.as_slice() else {
        return Err("rooms LIBRARY EMBEDDER HEAD DETECTOR|- THREADS ROUNDS FILE...".into());
    };
    let (threads, rounds): (usize, usize) = (threads.parse()?, rounds.parse()?);
    let head = Head::from_json(&std::fs::read_to_string(head)?)?;
    // A head names the network and, behind the last dash, the side it is fed at.
    let fed = head.embedder();
    let version = fed.version().rsplit_once('-').map_or(fed.version(), |(version, _)| version);
    let models = Files {
        library: library.into(),
        embedder: (ModelRef::new(fed.name(), version)?, embedder.into()),
        detector: match detector.as_str() {
            "-" => None,
            file => Some(("objects@0".parse()?, file.into())),
        },
    };
    let reader = models.reader(Some(head), threads)?;
    if let Some(first) = files.first() {
        read(&reader, first)?;
    }
    let (total, taken) = (files.len() * rounds, AtomicUsize::new(0));
    let caller = || -> Result<(), Failure> {
        loop {
            let number = taken.fetch_add(1, Ordering::Relaxed);
            let Some(file) = (number < total).then(|| &files[number % files.len()]) else { return Ok(()) };
            let begun = Instant::now();
            let reading = read(&reader, file)?;
            if number < files.len() {
                let seconds = begun.elapsed().as_secs_f64();
                let embedding = reading.features.as_ref().map(|features| features.pooled());
                println!(
                    "{}",
                    json!({ "file": file, "seconds": seconds, "embedding": embedding,
                            "probabilities": reading.probabilities, "objects": reading.objects })
                );
            }
        }
    };
    let (started, busy) = (Instant::now(), cpu_seconds()?);
    let answers: Vec<Result<(), Failure>> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(caller)).collect();
        callers.into_iter().map(|c| c.join().unwrap_or_else(|_| Err("a caller panicked".into()))).collect()
    });
    let (seconds, busy) = (started.elapsed().as_secs_f64(), cpu_seconds()? - busy);
    answers.into_iter().collect::<Result<(), _>>()?;
    println!("{}", json!({ "images": total, "seconds": seconds, "cpu_seconds": busy }));
    Ok(())
}

fn read(reader: &RoomReader, file: &str) -> Result<PhotoReading, Failure> {
    let picture = Picture::decode(&std::fs::read(file)?, &DecodeLimits::default())?;
    Ok(reader.read(&picture, &[], &Ticket::unlimited())?)
}

/// Time that all threads of this process spent on a core, in steps of 10 ms.
fn cpu_seconds() -> Result<f64, Failure> {
    // Linux counts in hundredths of a second here; fields 14 and 15, the name in field 2 may hold spaces.
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(')').ok_or("no process name in /proc/self/stat")?.1;
    let ticks = after_name.split_whitespace().skip(11).take(2);
    Ok(ticks.map(str::parse::<u32>).sum::<Result<u32, _>>().map(|t| f64::from(t) / 100.0)?)
}
