//! Measures the centre of picture vectors over sets of pictures:
//! `cargo run --release -p innkeeper-visual-search --example centre -- FOLDER OUT.json SET...`.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::path::PathBuf;

use innkeeper_image_embedding::EmbedderSettings;
use innkeeper_runtime::Ticket;
use innkeeper_visual_search::{Centre, Describer};

#[path = "../../image-embedding/tests/installed/mod.rs"]
mod installed;
mod set;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("usage: centre FOLDER OUT.json SET...".into());
    };
    let sets: Vec<String> = arguments.collect();
    let embedder =
        installed::embedder(EmbedderSettings::default(), 1).ok_or("no image embedder is installed")?;
    let embedder = Describer::embedder_for_search(&embedder)?;
    let mut features = Vec::new();
    for listed in set::listed(&PathBuf::from(folder), &sets)? {
        features.push(embedder.features(&set::picture(&listed.path)?, &Ticket::unlimited())?);
    }
    let source = format!("sets {}", sets.join(", "));
    std::fs::write(&out, Centre::of(&source, &features)?.to_json()? + "\n")?;
    println!("{out}: {} pictures", features.len());
    Ok(())
}
