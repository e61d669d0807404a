//! Prints the feature vectors of pictures, a JSON line each:
//! `cargo run --release -p innkeeper-image-embedding --example embed -- SIDE FILE...`
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;

use innkeeper_core::{DecodeLimits, Picture};
use innkeeper_image_embedding::EmbedderSettings;
use innkeeper_runtime::Ticket;

#[path = "../tests/installed/mod.rs"]
mod installed;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let side = arguments.next().ok_or("usage: embed SIDE FILE...")?.parse()?;
    let embedder =
        installed::embedder(EmbedderSettings { side }, 1).ok_or("no image embedder is installed")?;
    for path in arguments {
        let picture = Picture::decode(&std::fs::read(&path)?, &DecodeLimits::default())?;
        let features = embedder.features(&picture, &Ticket::unlimited())?;
        println!(
            "{{\"file\": {path:?}, \"model\": \"{}\", \"vector\": {:?}}}",
            features.model(),
            features.pooled()
        );
    }
    Ok(())
}
