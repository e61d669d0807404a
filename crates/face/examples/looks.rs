//! What the quick first look of the detector costs in faces found and in recognition.
//!
//! `looks FOLDER [SET]` reads the people of SET (`lfw`) in FOLDER/FILES.tsv, puts the middle of each picture
//! at several sizes into a 640 x 480 frame, and analyses it with the first look and without. A face counts as
//! found when its middle lies in what was put there. Its embedding is compared with those of the other,
//! untouched pictures: the mean cosine with the same person, and how many of those lie above the cosine that
//! one in 10,000 pairs of different people reaches.
#![expect(clippy::print_stdout, reason = "a command that reports to its caller")]

#[path = "../benches/installed/mod.rs"]
mod installed;

use std::error::Error;
use std::path::Path;

use innkeeper_core::{DecodeLimits, Picture, Point, Rect, Resampling};
use innkeeper_face::{DetectorSettings, FacePipeline, PipelineSettings, Want};
use innkeeper_runtime::Ticket;

type Failure = Box<dyn Error + Send + Sync>;

const FRAME: (u32, u32) = (640, 480);
/// Around the face of an LFW picture of 250 pixels, which is about 90 pixels wide.
const MIDDLE: Rect = Rect { x: 50.0, y: 40.0, w: 150.0, h: 170.0 };
const SCALES: [f32; 6] = [0.45, 0.6, 0.8, 1.0, 1.6, 2.4];
const FAR: f64 = 1e-4;

struct Probe {
    picture: usize,
    scale: usize,
    embedding: Vec<f32>,
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (folder, set) = match arguments.as_slice() {
        [folder] => (Path::new(folder), "lfw"),
        [folder, set] => (Path::new(folder), set.as_str()),
        _ => return Err("looks FOLDER [SET]".into()),
    };
    let background = background()?;
    let list = std::fs::read_to_string(folder.join("FILES.tsv"))?;
    let rows = list.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let pictures: Vec<&str> = rows.filter(|row| row.get(1) == Some(&set)).map(|row| row[0]).collect();
    // Pictures of one person lie in one folder.
    let people: Vec<_> = pictures.iter().map(|path| Path::new(path).parent()).collect();

    let full = pipeline(0)?;
    let mut gallery = Vec::new();
    for path in &pictures {
        let picture = read(&folder.join(path))?;
        let middle = Point { x: picture.width() as f32 / 2.0, y: picture.height() as f32 / 2.0 };
        gallery.push(face_at(
            &full,
            &picture,
            &Rect { x: middle.x - 5.0, y: middle.y - 5.0, w: 10.0, h: 10.0 },
        )?);
    }
    println!(
        "| first look | size of the picture | frames | found | same person, mean cosine | above FAR {FAR} |"
    );
    println!("|---|---|---|---|---|---|");
    for first_size in [0, 320] {
        let pipeline = pipeline(first_size)?;
        let mut probes = Vec::new();
        let mut frames = [0; SCALES.len()];
        for (i, path) in pictures.iter().enumerate() {
            if people.iter().filter(|person| **person == people[i]).count() < 2 {
                continue;
            }
            let scale = i % SCALES.len();
            frames[scale] += 1;
            let (frame, place) = set_into(&background, &read(&folder.join(path))?, SCALES[scale], i)?;
            if let Some(embedding) = face_at(&pipeline, &frame, &place)? {
                probes.push(Probe { picture: i, scale, embedding });
            }
        }
        report(first_size, &probes, &frames, &gallery, &people);
    }
    Ok(())
}

fn report(
    first_size: u32,
    probes: &[Probe],
    frames: &[usize],
    gallery: &[Option<Vec<f32>>],
    people: &[Option<&Path>],
) {
    // (scale, cosine) of pairs of one person, and the cosines of pairs of two.
    let (mut same, mut other) = (Vec::new(), Vec::new());
    for probe in probes {
        for (i, known) in gallery.iter().enumerate().filter(|(i, _)| *i != probe.picture) {
            let Some(known) = known else { continue };
            let cosine: f32 = known.iter().zip(&probe.embedding).map(|(a, b)| a * b).sum();
            if people[i] == people[probe.picture] {
                same.push((probe.scale, cosine));
            } else {
                other.push(cosine);
            }
        }
    }
    other.sort_by(|a, b| b.total_cmp(a));
    let threshold = other.get((other.len() as f64 * FAR) as usize).copied().unwrap_or(1.0);
    let row = |name: &str, frames: usize, wanted: &dyn Fn(usize) -> bool| {
        let found = probes.iter().filter(|probe| wanted(probe.scale)).count();
        let cosines: Vec<f32> = same.iter().filter(|(scale, _)| wanted(*scale)).map(|(_, c)| *c).collect();
        let mean = cosines.iter().sum::<f32>() / cosines.len() as f32;
        let above =
            cosines.iter().filter(|cosine| **cosine > threshold).count() as f32 / cosines.len() as f32;
        println!("| {first_size} | {name} | {frames} | {found} | {mean:.4} | {above:.4} |");
    };
    for (i, scale) in SCALES.iter().enumerate() {
        row(&format!("x {scale}"), frames[i], &|s| s == i);
    }
    row("all", frames.iter().sum(), &|_| true);
}

fn pipeline(first_size: u32) -> Result<FacePipeline, Failure> {
    let detector = DetectorSettings { first_size, ..DetectorSettings::default() };
    installed::pipeline("extended", PipelineSettings { detector, ..PipelineSettings::default() })
}

fn read(path: &Path) -> Result<Picture, Failure> {
    Ok(Picture::decode(&std::fs::read(path)?, &DecodeLimits::default())?)
}

/// A photograph without faces, as large as the frame.
fn background() -> Result<Picture, Failure> {
    let coffee = Picture::decode(&installed::photograph("coffee.png", FRAME.0)?, &DecodeLimits::default())?;
    Ok(coffee.resized(FRAME.0, FRAME.1, Resampling::Area)?)
}

/// The background with the middle of a picture in it, and where it stands.
fn set_into(
    background: &Picture,
    picture: &Picture,
    scale: f32,
    seed: usize,
) -> Result<(Picture, Rect), Failure> {
    let side = |s: f32| (s * scale).round() as u32;
    let (w, h) = (side(MIDDLE.w), side(MIDDLE.h));
    let part = picture.resized_part(&MIDDLE, w, h, Resampling::Triangle)?;
    // Somewhere else for each picture.
    let (x, y) = (seed as u32 * 7919 % (FRAME.0 - w), seed as u32 * 104_729 % (FRAME.1 - h));
    let mut rgb = background.rgb().to_vec();
    for (row, pixels) in part.rgb().chunks_exact(w as usize * 3).enumerate() {
        let at = ((y as usize + row) * FRAME.0 as usize + x as usize) * 3;
        rgb[at..at + pixels.len()].copy_from_slice(pixels);
    }
    let place = Rect { x: x as f32, y: y as f32, w: w as f32, h: h as f32 };
    Ok((Picture::from_rgb(FRAME.0, FRAME.1, rgb)?, place))
}

/// The embedding of the largest face whose middle, or one that holds the middle of `place`, lies there.
fn face_at(pipeline: &FacePipeline, picture: &Picture, place: &Rect) -> Result<Option<Vec<f32>>, Failure> {
    let want = Want { liveness: false, embedding: true, despite_quality: true };
    let analysis = pipeline.analyse(picture, want, &Ticket::unlimited())?;
    let holds =
        |rect: &Rect, p: Point| rect.x <= p.x && p.x <= rect.right() && rect.y <= p.y && p.y <= rect.bottom();
    let there = |rect: &Rect| holds(place, rect.centre()) || holds(rect, place.centre());
    let face = analysis.faces.into_iter().find(|face| there(&face.rect));
    Ok(face.and_then(|face| face.embedding).map(|embedding| embedding.vector().to_vec()))
}
