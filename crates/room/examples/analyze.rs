//! Judges a room by its photographs: `cargo run --release -p innkeeper-room --example analyze -- PHOTO...`
//!
//! Prints the verdict as JSON. With `ROOM_REFERENCES=FOLDER` the pictures of that folder are the room's reference
//! photographs.
#![expect(clippy::print_stdout, reason = "a command that reports to its caller")]

#[path = "../benches/installed/mod.rs"]
mod installed;

use std::path::Path;
use std::sync::Arc;

use innkeeper_core::{DecodeLimits, Picture};
use innkeeper_room::{Reference, RoomContext, RoomReader};
use innkeeper_runtime::Ticket;
use installed::{Failure, Files};

fn main() -> Result<(), Failure> {
    let photos: Vec<String> = std::env::args().skip(1).collect();
    if photos.is_empty() {
        return Err("analyze PHOTO...".into());
    }
    let reader = Files::installed()?.reader(Some(installed::head()?), 1)?;
    let references = match std::env::var_os("ROOM_REFERENCES") {
        Some(folder) => references(&reader, Path::new(&folder))?,
        None => Vec::new(),
    };
    let mut readings = Vec::new();
    for photo in &photos {
        readings.push(reader.read(&decode(Path::new(photo))?, &references, &Ticket::unlimited())?);
    }
    let verdict = reader.verdict(&readings, &RoomContext::default())?;
    println!("{}", serde_json::to_string_pretty(&verdict)?);
    Ok(())
}

fn references(reader: &RoomReader, folder: &Path) -> Result<Vec<Reference>, Failure> {
    let mut files =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, Failure>>()?;
    files.sort();
    files
        .iter()
        .map(|file| {
            let picture = Arc::new(decode(file)?);
            let features = Arc::new(reader.embedder().features(&picture, &Ticket::unlimited())?);
            Ok(Reference { id: file.display().to_string(), picture, features })
        })
        .collect()
}

fn decode(file: &Path) -> Result<Picture, Failure> {
    Ok(Picture::decode(&std::fs::read(file)?, &DecodeLimits::default())?)
}
