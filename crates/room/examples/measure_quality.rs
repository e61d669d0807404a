//! How many fine photographs the quality gate turns away, and how many spoiled ones it lets through.
//!
//! `measure_quality FOLDER`
//!
//! FOLDER holds `FILES.tsv` (path, set, label, group). Every picture of rooms is measured as it is and spoiled in known
//! ways. Prints one JSON line per set and way: pictures, share refused, shares by problem, and the 1 %, 50 % and 99 %
//! points of what was measured.
#![expect(clippy::print_stdout, reason = "a command that reports to its caller")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use innkeeper_core::{DecodeLimits, Picture, PictureError, Resampling};
use innkeeper_room::reference::evaluation::{Camera, blurred};
use innkeeper_room::{PhotoQuality, QualitySettings};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let folder = std::env::args().nth(1).ok_or("measure_quality FOLDER")?;
    let folder = Path::new(&folder);
    let table = std::fs::read_to_string(folder.join("FILES.tsv"))?;
    let mut measured: BTreeMap<(String, &str), Vec<PhotoQuality>> = BTreeMap::new();
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [path, set, ..] = fields.as_slice() else { continue };
        if !matches!(*set, "rooms6" | "messy" | "beds" | "floors_dry" | "pairs" | "spill" | "coco_val") {
            continue;
        }
        let picture = Picture::decode(&std::fs::read(folder.join(path))?, &DecodeLimits::default())?;
        for (way, picture) in ways(&picture)? {
            let quality = PhotoQuality::measure(&picture, None, &QualitySettings::default());
            measured.entry(((*set).to_owned(), way)).or_default().push(quality);
        }
    }
    for ((set, way), qualities) in &measured {
        println!("{}", summary(set, way, qualities));
    }
    Ok(())
}

/// The picture as it is, and spoiled.
fn ways(picture: &Picture) -> Result<Vec<(&'static str, Picture)>, PictureError> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let longer = picture.width().max(picture.height());
    let side = |n: u32| (n * longer.min(300) / longer).max(1);
    let small = picture.resized(side(picture.width()), side(picture.height()), Resampling::Area)?;
    let width = small.width() as f32;
    let mut light =
        |brightness: f32| Camera { brightness, noise: 2.0, ..Camera::STILL }.take(&small, &mut random);
    Ok(vec![
        ("1 as it is", picture.clone()),
        ("2 half the light", light(0.5)?),
        ("2 a fifth of the light", light(0.2)?),
        ("2 a tenth of the light", light(0.1)?),
        ("3 light x 1.5", light(1.5)?),
        ("3 light x 3", light(3.0)?),
        ("3 light x 5", light(5.0)?),
        ("4 blur of 0.3 % of the width", blurred(&small, 0.003 * width)?),
        ("4 blur of 0.6 % of the width", blurred(&small, 0.006 * width)?),
        ("4 blur of 1 % of the width", blurred(&small, 0.01 * width)?),
        ("4 blur of 1.5 % of the width", blurred(&small, 0.015 * width)?),
        ("4 blur of 2 % of the width", blurred(&small, 0.02 * width)?),
        ("5 moved by 3 % of the width", moved(&small, 0.03)?),
        ("5 moved by 6 % of the width", moved(&small, 0.06)?),
    ])
}

/// Each pixel is the mean of those it passed along a row.
fn moved(picture: &Picture, share: f32) -> Result<Picture, PictureError> {
    let (w, h) = (picture.width() as usize, picture.height() as usize);
    let length = ((share * w as f32) as usize).max(1);
    let mut rgb = Vec::with_capacity(w * h * 3);
    for y in 0..h {
        for x in 0..w {
            for k in 0..3 {
                let sum: usize =
                    (x..x + length).map(|u| usize::from(picture.rgb()[(y * w + u.min(w - 1)) * 3 + k])).sum();
                rgb.push((sum / length) as u8);
            }
        }
    }
    Picture::from_rgb(picture.width(), picture.height(), rgb)
}

fn summary(set: &str, way: &str, qualities: &[PhotoQuality]) -> Value {
    let n = qualities.len() as f32;
    let points = |of: fn(&PhotoQuality) -> f32| {
        let mut values: Vec<f32> = qualities.iter().map(of).collect();
        values.sort_by(f32::total_cmp);
        let at = |q: f32| {
            values.get(((n - 1.0) * q).round() as usize).map_or(0.0, |v| (v * 100.0).round() / 100.0)
        };
        json!([at(0.0), at(0.01), at(0.02), at(0.5), at(0.98), at(0.99), at(1.0)])
    };
    let mut problems: BTreeMap<&str, f32> = BTreeMap::new();
    for problem in qualities.iter().flat_map(|q| &q.problems) {
        *problems.entry(problem.code()).or_default() += 1.0 / n;
    }
    json!({
        "set": set,
        "way": way,
        "pictures": qualities.len(),
        "refused": qualities.iter().filter(|q| !q.usable).count() as f32 / n,
        "problems": problems,
        "brightness": points(|q| q.brightness),
        "light": points(|q| q.light),
        "burnt": points(|q| q.burnt),
        "contrast": points(|q| q.contrast),
        "sharpness": points(|q| q.sharpness),
    })
}
