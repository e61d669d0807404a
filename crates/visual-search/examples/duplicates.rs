//! What a picture's way does to its hash and descriptor, and how near different pictures come:
//! `cargo run --release -p innkeeper-visual-search --example duplicates -- FOLDER SET...`.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use innkeeper_core::{DecodeLimits, Picture, PictureError, Rect, Resampling};
use innkeeper_image_embedding::EmbedderSettings;
use innkeeper_runtime::Ticket;
use innkeeper_visual_search::{Describer, Description, near_duplicate};

#[path = "../../image-embedding/tests/installed/mod.rs"]
mod installed;
mod set;

type Way = fn(&Picture) -> Result<Picture, PictureError>;

/// JPEG at quality 40.
fn encoded(picture: &Picture) -> Result<Picture, PictureError> {
    Picture::decode(&picture.to_jpeg(40)?, &DecodeLimits::default())
}

/// Half as wide and high.
fn halved(picture: &Picture) -> Result<Picture, PictureError> {
    picture.resized(picture.width().div_ceil(2), picture.height().div_ceil(2), Resampling::Area)
}

/// Without a fiftieth at each edge.
fn trimmed(picture: &Picture) -> Result<Picture, PictureError> {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let inside = Rect { x: width * 0.02, y: height * 0.02, w: width * 0.96, h: height * 0.96 };
    match picture.cropped(&inside) {
        Some(trimmed) => Ok(trimmed),
        None => picture.resized(picture.width(), picture.height(), Resampling::Area),
    }
}

fn lit(picture: &Picture, factor: f32) -> Result<Picture, PictureError> {
    let rgb = picture.rgb().iter().map(|&v| (f32::from(v) * factor).min(255.0) as u8).collect();
    Picture::from_rgb(picture.width(), picture.height(), rgb)
}

const WAYS: [(&str, Way); 6] = [
    ("encoded", encoded),
    ("halved", halved),
    ("trimmed", trimmed),
    ("brighter", |p| lit(p, 1.25)),
    ("darker", |p| lit(p, 0.75)),
    ("all of it", |p| encoded(&lit(&halved(&trimmed(p)?)?, 1.1)?)),
];

/// The smallest, the middle and the largest, and one in twenty from each end.
fn spread(mut values: Vec<f32>) -> String {
    values.sort_by(f32::total_cmp);
    let at =
        |share: f32| values.get((share * (values.len() - 1) as f32) as usize).copied().unwrap_or(f32::NAN);
    [0.0, 0.05, 0.5, 0.95, 1.0].map(|share| format!("{:.3}", at(share))).join(" ")
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("usage: duplicates FOLDER SET...")?);
    let sets: Vec<String> = arguments.collect();
    let embedder =
        installed::embedder(EmbedderSettings::default(), 1).ok_or("no image embedder is installed")?;
    let describer = Describer::new(Arc::new(embedder))?;
    let mut originals: Vec<(PathBuf, Description)> = Vec::new();
    let mut changed: Vec<[Vec<f32>; 3]> = vec![Default::default(); WAYS.len()];
    for listed in set::listed(&folder, &sets)? {
        let picture = set::picture(&listed.path)?;
        let description = describer.describe(&picture, &Ticket::unlimited())?;
        for ((_, way), [bits, cosines, caught]) in WAYS.iter().zip(&mut changed) {
            let after = describer.describe(&way(&picture)?, &Ticket::unlimited())?;
            let cosine = description.descriptor.cosine(&after.descriptor)?;
            bits.push(description.hash.distance(&after.hash) as f32);
            cosines.push(cosine);
            caught.push(f32::from(u8::from(near_duplicate(&description.hash, &after.hash, cosine))));
        }
        originals.push((listed.path, description));
    }
    println!("{} pictures; smallest, 5 %, median, 95 %, largest", originals.len());
    for ((name, _), [bits, cosines, caught]) in WAYS.iter().zip(changed) {
        let share = caught.iter().sum::<f32>() / caught.len() as f32;
        println!("{name:10} bits {} | cosine {} | caught {share:.3}", spread(bits), spread(cosines));
    }
    let (mut bits, mut cosines) = (Vec::new(), Vec::new());
    for (at, (path, a)) in originals.iter().enumerate() {
        for (other, b) in originals.iter().take(at) {
            let cosine = a.descriptor.cosine(&b.descriptor)?;
            bits.push(a.hash.distance(&b.hash) as f32);
            cosines.push(cosine);
            if near_duplicate(&a.hash, &b.hash, cosine) {
                let distance = a.hash.distance(&b.hash);
                println!(
                    "called copies: {} {} ({distance} bits, {cosine:.3})",
                    path.display(),
                    other.display()
                );
            }
        }
    }
    println!("different  bits {} | cosine {} | {} pairs", spread(bits.clone()), spread(cosines), bits.len());
    Ok(())
}
