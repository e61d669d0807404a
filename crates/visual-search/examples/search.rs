//! How often the most similar picture of a set is the right one, each picture asked for among the others:
//! `cargo run --release -p innkeeper-visual-search --example search -- FOLDER SET [CENTRE.json]`.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use innkeeper_image_embedding::EmbedderSettings;
use innkeeper_runtime::Ticket;
use innkeeper_visual_search::evaluation::leave_one_out;
use innkeeper_visual_search::{Centre, Describer};

#[path = "../../image-embedding/tests/installed/mod.rs"]
mod installed;
mod set;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(name)) = (arguments.next(), arguments.next()) else {
        return Err("usage: search FOLDER SET [CENTRE.json]".into());
    };
    let embedder =
        installed::embedder(EmbedderSettings::default(), 1).ok_or("no image embedder is installed")?;
    let centre = match arguments.next() {
        Some(path) => Centre::from_json(&std::fs::read_to_string(path)?)?,
        None => Centre::shipped()?,
    };
    let describer = Describer::with_centre(Arc::new(embedder), centre)?;
    let mut pictures = Vec::new();
    for listed in set::listed(&PathBuf::from(folder), &[name])? {
        let description = describer.describe(&set::picture(&listed.path)?, &Ticket::unlimited())?;
        pictures.push((listed.label, description.descriptor));
    }
    println!("{} {}", describer.model(), serde_json::to_string(&leave_one_out(&pictures)?)?);
    Ok(())
}
