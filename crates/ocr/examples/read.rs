//! Reads pictures, one JSON line each: what `benches/compare_ocr.py` sets beside its peer.
//!
//! `read LIBRARY DETECTION ANGLE RECOGNITION THREADS ROUNDS FILE...`
//!
//! LIBRARY is ONNX Runtime's shared library, DETECTION, ANGLE and RECOGNITION are PP-OCR models. THREADS callers
//! share THREADS sessions of each model, one thread a session. Each of the ROUNDS reads every file; the lines are
//! of the first round. The last line sums up the rounds: pictures, seconds on the clock and on the cores, decoding
//! included, and the resident memory in KiB at the end and, with `READ_MEMORY_EVERY=N`, after every N pictures.
//! `READ_SETTINGS` is `TextSettings` as TOML, for trials. With `READ_PAGES=FOLDER` the page of each file is also kept as
//! `FOLDER/NAME.json`: what the example `fields` learns from.
#![expect(clippy::print_stdout, reason = "a command that reports to its caller")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use innkeeper_core::{DecodeLimits, ModelRef, Picture};
use innkeeper_ocr::{Characters, Quad, ReadPage, TextModels, TextReader, TextSettings};
use innkeeper_runtime::{Model, OnnxRuntime, PoolOptions, Session, SessionOptions, Ticket};
use serde_json::{Value, json};

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [library, detection, angle, recognition, threads, rounds, files @ ..] = arguments.as_slice() else {
        return Err("read LIBRARY DETECTION ANGLE RECOGNITION THREADS ROUNDS FILE...".into());
    };
    let (threads, rounds): (usize, usize) = (threads.parse()?, rounds.parse()?);
    let runtime = OnnxRuntime::load(Path::new(library))?;
    let models = TextModels {
        detection: model(&runtime, "text-detection", detection, threads, vec![1, 3, 736, 736])?,
        angle: Some(model(&runtime, "text-angle", angle, threads, vec![1, 3, 48, 192])?),
        recognition: model(&runtime, "text-recognition", recognition, threads, vec![1, 3, 48, 320])?,
        characters: Characters::of_model(&std::fs::read(recognition)?)?,
    };
    let settings: TextSettings = match std::env::var("READ_SETTINGS") {
        Ok(text) => toml::from_str(&text)?,
        Err(_) => TextSettings::default(),
    };
    let reader = TextReader::new(models, settings)?;
    let pages = std::env::var_os("READ_PAGES").map(PathBuf::from);
    let every: usize = std::env::var("READ_MEMORY_EVERY").map_or(Ok(usize::MAX), |n| n.parse())?;

    if let Some(first) = files.first() {
        page(&reader, first)?;
    }
    let total = files.len() * rounds;
    let (taken, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let memory = Mutex::new(Vec::new());
    let caller = || -> Result<(), Failure> {
        loop {
            let number = taken.fetch_add(1, Ordering::Relaxed);
            let Some(file) = (number < total).then(|| &files[number % files.len()]) else { return Ok(()) };
            let (read, seconds) = page(&reader, file)?;
            if number < files.len() {
                if let Some(folder) = &pages {
                    let name = Path::new(file).file_stem().ok_or("a file has no name")?;
                    let path = folder.join(name).with_extension("json");
                    std::fs::write(path, serde_json::to_string(&read.text)?)?;
                }
                println!("{}", report(file, &read, seconds));
            }
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if done.is_multiple_of(every) {
                let kib = resident_kib()?;
                memory.lock().map_err(|_| "a caller panicked")?.push((done, kib));
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
    let memory = memory.into_inner().map_err(|_| "a caller panicked")?;
    println!(
        "{}",
        json!({ "images": total, "seconds": seconds, "cpu_seconds": busy, "rss_kib": resident_kib()?, "memory": memory })
    );
    Ok(())
}

fn model(
    runtime: &OnnxRuntime,
    name: &str,
    file: &str,
    workers: usize,
    warm: Vec<usize>,
) -> Result<Model, Failure> {
    let options = PoolOptions { workers, warm_shapes: vec![vec![warm]], ..PoolOptions::default() };
    let (runtime, file) = (runtime.clone(), file.to_owned());
    let factory = move || -> Result<Box<dyn Session>, innkeeper_runtime::RuntimeError> {
        Ok(Box::new(runtime.session(Path::new(&file), &SessionOptions::default())?))
    };
    Ok(Model::start(name, ModelRef::new(name, "0")?, Box::new(factory), options)?)
}

fn page(reader: &TextReader, file: &str) -> Result<(ReadPage, f64), Failure> {
    let started = Instant::now();
    let picture = Picture::decode(&std::fs::read(file)?, &DecodeLimits::default())?;
    let read = reader.read(&picture, &Ticket::unlimited())?;
    Ok((read, started.elapsed().as_secs_f64()))
}

/// Boxes are of the page as sent.
fn report(file: &str, read: &ReadPage, seconds: f64) -> Value {
    let corners = |quad: &Quad| read.text.on_sent(quad).0.map(|p| [p.x, p.y]);
    let lines: Vec<Value> = read
        .text
        .lines
        .iter()
        .map(|line| {
            let word = |w: &innkeeper_ocr::Word| json!({ "text": w.text, "box": corners(&w.quad) });
            let words: Vec<Value> = line.words.iter().map(word).collect();
            json!({ "text": line.text, "score": line.confidence, "box": corners(&line.quad), "words": words })
        })
        .collect();
    json!({ "file": file, "seconds": seconds, "turned": read.text.turned, "lines": lines })
}

fn resident_kib() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in /proc/self/status")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// Time that all threads of this process spent on a core, in steps of 10 ms.
fn cpu_seconds() -> Result<f64, Failure> {
    // Linux counts in hundredths of a second here; fields 14 and 15, the name in field 2 may hold spaces.
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(')').ok_or("no process name in /proc/self/stat")?.1;
    let ticks = after_name.split_whitespace().skip(11).take(2);
    Ok(ticks.map(str::parse::<u32>).sum::<Result<u32, _>>().map(|t| f64::from(t) / 100.0)?)
}
