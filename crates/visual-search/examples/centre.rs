//! Measures the centre of picture vectors over sets of pictures:
//! `cargo run --release -p innkeeper-visual-search --example centre -- FOLDER OUT.json ROOM_SET,... THING_SET,...`.
//! The shipped one: `... -- FOLDER crates/visual-search/centre.json rooms6,messy,beds items_grocery`.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::path::PathBuf;

use innkeeper_image_embedding::{EmbedderSettings, Features};
use innkeeper_runtime::Ticket;
use innkeeper_visual_search::{Centre, Describer};

#[path = "../../image-embedding/tests/installed/mod.rs"]
mod installed;
mod set;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, out, rooms, things] = arguments.as_slice() else {
        return Err("usage: centre FOLDER OUT.json ROOM_SET,... THING_SET,...".into());
    };
    let folder = PathBuf::from(folder);
    let embedder =
        installed::embedder(EmbedderSettings::default(), 1).ok_or("no image embedder is installed")?;
    let embedder = Describer::embedder_for_search(&embedder)?;
    let features = |sets: &str| -> Result<Vec<Features>, Box<dyn Error>> {
        let sets: Vec<String> = sets.split(',').map(str::to_owned).collect();
        let mut features = Vec::new();
        for listed in set::listed(&folder, &sets)? {
            features.push(embedder.features(&set::picture(&listed.path)?, &Ticket::unlimited())?);
        }
        Ok(features)
    };
    let centre = Centre::of((rooms.as_str(), &features(rooms)?), (things.as_str(), &features(things)?))?;
    std::fs::write(out, centre.to_json()? + "\n")?;
    println!("{out}: {} pictures", centre.pictures());
    Ok(())
}
