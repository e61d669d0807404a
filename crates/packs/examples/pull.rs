//! Pulls packs and data sets into a folder with a converter that changes nothing, and keeps the fetched
//! weights below `raw/`: `cargo run -p innkeeper-packs --example pull -- DIR NAME...`
//! (`INNKEEPER_MIRROR` as usual; `ACCEPT_NON_COMMERCIAL=1` for the research pack).
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::cell::Cell;
use std::path::PathBuf;
use std::time::Instant;

use innkeeper_packs::{BoxError, Converter, Library, Manifest, PackChoice, Progress, PullOptions};

#[derive(Default)]
struct Lines(Cell<u64>);

impl Progress for Lines {
    fn begin(&self, _: &str, _: u64) {
        self.0.set(0);
    }
    fn advance(&self, bytes: u64) {
        self.0.set(self.0.get() + bytes);
    }
    fn end(&self, file: &str, outcome: &str) {
        println!("  {file}: {} bytes, {outcome}", self.0.get());
    }
    fn message(&self, text: &str) {
        println!("{text}");
    }
}

fn main() -> Result<(), BoxError> {
    let mut args = std::env::args().skip(1);
    let dir = PathBuf::from(args.next().ok_or("usage: pull DIR NAME...")?);
    let models = Library::new(Manifest::models()?, dir.join("models"));
    let sets = Library::new(Manifest::datasets()?, dir.join("datasets"));
    let raw = dir.join("raw");
    std::fs::create_dir_all(&raw)?;
    let convert = |network: &str, bytes: &[u8]| -> Result<Vec<u8>, BoxError> {
        std::fs::write(raw.join(network), bytes)?;
        Ok(bytes.to_vec())
    };
    let options = PullOptions {
        mirror: std::env::var_os("INNKEEPER_MIRROR").map(PathBuf::from),
        converter: Some(Converter { version: "identity", convert: &convert }),
        accept_non_commercial: std::env::var_os("ACCEPT_NON_COMMERCIAL").is_some(),
        ..PullOptions::default()
    };
    for name in args {
        let library = if sets.selection(&name).is_ok() { &sets } else { &models };
        let start = Instant::now();
        library.pull(&library.selection(&name)?, &options, &Lines::default())?;
        println!("{name}: {:.1} s\n", start.elapsed().as_secs_f64());
    }
    for row in models.list(&PackChoice::Auto)? {
        let mark = if row.chosen { '*' } else { ' ' };
        println!(
            "{mark} {:24} {:16} {:>9} {:?}: {}",
            row.item.to_string(),
            row.task,
            row.download,
            row.state,
            row.why
        );
    }
    for row in models.verify(None)?.iter().chain(&sets.verify(None)?) {
        println!("{} {}: {:?}", row.item, row.file, row.outcome);
    }
    Ok(())
}
