//! The whole reader on real photographs: `INNKEEPER_MIRROR` names a folder with `vision/FILES.tsv`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "for tests"
)]

#[path = "../benches/installed/mod.rs"]
mod installed;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use innkeeper_core::{DecodeLimits, Picture, Rect, Resampling};
use innkeeper_heads::FitSettings;
use innkeeper_room::evaluation::{Described, Evaluation};
use innkeeper_room::{Reference, RoomContext, RoomError, RoomReader, RoomStatus, TagSource};
use innkeeper_runtime::Ticket;
use installed::Files;

/// The reader with the shipped head, or without one; `None` where something is not installed, unless
/// `INNKEEPER_REQUIRE_EXTENDED` is set.
fn reader(with_head: bool) -> Option<RoomReader> {
    let made = || -> Result<RoomReader, installed::Failure> {
        let head = if with_head { Some(installed::head()?) } else { None };
        Files::installed()?.reader(head, 1)
    };
    match made() {
        Ok(reader) => Some(reader),
        Err(error) => {
            assert!(std::env::var_os("INNKEEPER_REQUIRE_EXTENDED").is_none(), "{error}");
            eprintln!("not run: {error}");
            None
        }
    }
}

/// The labelled photographs of these sets; empty where there are none.
fn photographs(sets: &[&str]) -> Vec<(Described, PathBuf)> {
    let Some(mirror) = std::env::var_os("INNKEEPER_MIRROR") else {
        eprintln!("not run: INNKEEPER_MIRROR names no folder");
        return Vec::new();
    };
    let folder = PathBuf::from(mirror).join("vision");
    let Ok(list) = std::fs::read_to_string(folder.join("FILES.tsv")) else {
        eprintln!("not run: no vision/FILES.tsv in INNKEEPER_MIRROR");
        return Vec::new();
    };
    let rows = list.lines().skip(1).filter_map(|line| {
        let mut cells = line.split('\t').map(str::to_owned);
        let (path, set, label) = (cells.next()?, cells.next()?, cells.next()?);
        let (group, picture) = (cells.next()?, cells.next()?);
        let stem = Path::new(&path).file_stem()?.to_str()?.to_owned();
        let known: &[(&str, bool)] = match (set.as_str(), label.as_str()) {
            ("messy", label) => &[("messy", label == "messy")],
            ("beds", label) => &[("bed_unmade", label == "unmade")],
            _ => &[],
        };
        let known = known.iter().map(|(name, holds)| ((*name).to_owned(), *holds)).collect();
        Some((Described { set, label, known, group, stem, picture }, folder.join(path)))
    });
    rows.filter(|(described, _)| sets.contains(&described.set.as_str())).collect()
}

fn decode(path: &Path) -> Picture {
    Picture::decode(&std::fs::read(path).unwrap(), &DecodeLimits::default()).unwrap()
}

fn grey(width: u32, height: u32, value: u8) -> Picture {
    Picture::from_rgb(width, height, vec![value; (width * height * 3) as usize]).unwrap()
}

/// The shipped head has seen these photographs, so this says that the parts fit together and no more.
#[test]
fn messy_rooms_are_dirty_and_clean_ones_are_not() {
    let (Some(reader), photos) = (reader(true), photographs(&["messy"])) else { return };
    let (mut dirty, mut clean, mut n) = (0, 0, (0, 0));
    let mut statuses: BTreeMap<(String, &str, bool), usize> = BTreeMap::new();
    for (described, path) in photos {
        let reading = reader.read(&decode(&path), &[], &Ticket::unlimited()).unwrap();
        let verdict = reader.verdict(&[reading], &RoomContext::default()).unwrap();
        assert!(!verdict.reasons.is_empty());
        let said = (described.label.clone(), verdict.status.as_str(), verdict.ready_for_guest);
        *statuses.entry(said).or_default() += 1;
        if described.label == "messy" {
            n.0 += 1;
            dirty += usize::from(verdict.status == RoomStatus::Dirty);
            assert!(!verdict.ready_for_guest || verdict.status == RoomStatus::Clean);
        } else {
            n.1 += 1;
            clean += usize::from(verdict.status == RoomStatus::Clean);
        }
    }
    println!("{dirty} of {} messy rooms are dirty, {clean} of {} clean ones are clean", n.0, n.1);
    for ((label, status, ready), count) in &statuses {
        println!("{count} {label}: {status}{}", if *ready { ", ready" } else { "" });
    }
    assert!(10 * dirty >= 9 * n.0 && 10 * clean >= 9 * n.1);
}

#[test]
fn heads_that_have_not_seen_a_photo_tell_messy_rooms_and_unmade_beds() {
    let (Some(reader), photos) = (reader(false), photographs(&["messy", "beds"])) else { return };
    if photos.is_empty() {
        return;
    }
    let mut evaluation = Evaluation::new(&reader);
    for (described, path) in &photos {
        evaluation.add(described, decode(path)).unwrap();
    }
    let figures = evaluation.finish(Some(&FitSettings::new(reader.embedder().model()))).unwrap();
    println!("{}", serde_json::to_string_pretty(&figures).unwrap());
    assert_eq!(figures.n, photos.len());
    assert!(figures.auc_messy.unwrap() > 0.97, "{:?}", figures.auc_messy);
    assert!(figures.auc_bed.unwrap() > 0.95, "{:?}", figures.auc_bed);
    assert!(figures.reasons.iter().any(|reason| reason.starts_with("auc_pairs")), "{:?}", figures.reasons);
}

/// A picture that two sets list is one picture: of the eight that stand in both sets, each would else be on both sides of
/// a split.
#[test]
fn a_picture_of_two_sets_is_looked_at_once_and_keeps_what_both_know() {
    let (Some(reader), photos) = (reader(false), photographs(&["beds", "rooms6"])) else { return };
    let mut by_picture: BTreeMap<&str, Vec<&(Described, PathBuf)>> = BTreeMap::new();
    for photo in &photos {
        by_picture.entry(photo.0.picture.as_str()).or_default().push(photo);
    }
    let Some(twice) = by_picture.into_values().find(|rows| rows.len() > 1) else { return };
    let mut evaluation = Evaluation::new(&reader);
    for (described, path) in twice {
        let mut described = described.clone();
        described.known.insert(format!("of_{}", described.set), true);
        evaluation.add(&described, decode(path)).unwrap();
    }
    let figures = evaluation.finish(None).unwrap();
    assert_eq!(figures.n, 1);
}

#[test]
fn a_cluttered_view_beside_its_tidy_reference_is_not_ready_and_the_tidy_one_shows_no_difference() {
    let (Some(reader), photos) = (reader(true), photographs(&["pairs"])) else { return };
    let view = |stem: &str, label: &str| {
        photos.iter().find(|(d, _)| d.stem == stem && d.label == label).map(|(_, path)| decode(path))
    };
    let (mut found, mut quiet, mut n) = (0, 0, 0);
    for (described, _) in photos.iter().filter(|(described, _)| described.label == "tidy") {
        let (Some(tidy), Some(cluttered)) =
            (view(&described.stem, "tidy"), view(&described.stem, "cluttered"))
        else {
            continue;
        };
        let features = Arc::new(reader.embedder().features(&tidy, &Ticket::unlimited()).unwrap());
        let shifted = Rect { x: 0.0, y: 0.0, w: tidy.width() as f32 * 0.97, h: tidy.height() as f32 * 0.97 };
        let again = tidy.resized_part(&shifted, tidy.width(), tidy.height(), Resampling::Triangle).unwrap();
        let reference = Reference { id: described.stem.clone(), picture: Arc::new(tidy), features };
        let ask = |photo: &Picture| {
            let references = std::slice::from_ref(&reference);
            let reading = reader.read(photo, references, &Ticket::unlimited()).unwrap();
            reader.verdict(&[reading], &RoomContext::default()).unwrap()
        };
        let (changed, same) = (ask(&cluttered), ask(&again));
        let by_reference = |verdict: &innkeeper_room::RoomVerdict| {
            verdict.tags.iter().filter(|tag| tag.source == TagSource::Reference).count()
        };
        n += 1;
        found += usize::from(by_reference(&changed) > 0 && !changed.ready_for_guest);
        quiet += usize::from(by_reference(&same) == 0);
        for tag in changed.tags.iter().filter(|tag| tag.source == TagSource::Reference) {
            let area = tag.area.unwrap();
            assert!(area.x >= -1.0 && area.right() <= cluttered.width() as f32 + 1.0, "{area:?}");
        }
    }
    println!("{found} of {n} cluttered views are found, {quiet} tidy ones stay quiet");
    assert!(found == n && quiet == n);
}

#[test]
fn a_person_is_as_certain_as_the_box_and_not_a_constant() {
    let (Some(reader), photos) = (reader(true), photographs(&["people"])) else { return };
    let stills = photos.iter().filter(|(described, _)| !described.label.contains("video"));
    let mut said = Vec::new();
    for (described, path) in stills {
        let reading = reader.read(&decode(path), &[], &Ticket::unlimited()).unwrap();
        let counted = reading.objects.iter().find(|kind| kind.label == "person").map(|kind| kind.confidence);
        let tags = reading.tags.iter().chain(&reading.unsure).filter(|tag| tag.label == "person");
        let tag = tags.filter_map(|tag| tag.confidence).max_by(f32::total_cmp);
        let Some(tag) = tag else { continue };
        assert_eq!(Some(tag), counted, "{}", described.stem);
        said.push(tag.to_bits());
    }
    said.sort_unstable();
    said.dedup();
    assert!(photos.is_empty() || said.len() > 2, "{said:?}");
}

#[test]
fn a_view_that_is_not_recognised_is_counted_and_its_score_left_out_beside_the_others() {
    let (Some(reader), photos) = (reader(false), photographs(&["pairs"])) else { return };
    let of = |label: &'static str| photos.iter().filter(move |(described, _)| described.label == label);
    let Some((tidy, tidy_path)) = of("tidy").next() else { return };
    let Some((elsewhere, path)) = of("cluttered").find(|(described, _)| described.stem != tidy.stem) else {
        return;
    };
    let mut evaluation = Evaluation::new(&reader);
    evaluation.add(tidy, decode(tidy_path)).unwrap();
    evaluation.add(&Described { stem: tidy.stem.clone(), ..elsewhere.clone() }, decode(path)).unwrap();
    let figures = evaluation.finish(None).unwrap();
    assert_eq!((figures.n_pairs, figures.pairs_lost_changed), (12, 4), "{figures:?}");
    assert_eq!(figures.auc_pairs_recognised, None);
    assert!(figures.reasons.iter().any(|r| r.contains("4 of them had changed")), "{:?}", figures.reasons);
}

#[test]
fn a_photo_that_shows_nothing_is_unusable_and_says_what_to_do() {
    let Some(reader) = reader(true) else { return };
    for photo in [grey(800, 600, 2), grey(1, 1, 128), grey(4000, 3, 255), grey(30, 6000, 90)] {
        let reading = reader.read(&photo, &[], &Ticket::unlimited()).unwrap();
        let verdict = reader.verdict(&[reading], &RoomContext::default()).unwrap();
        assert_eq!((verdict.status, verdict.ready_for_guest), (RoomStatus::UnusablePhoto, false));
        assert!(!verdict.photos[0].hints.is_empty(), "{verdict:?}");
        assert!(verdict.estimate.is_none() && verdict.no_estimate.is_some());
    }
}

#[test]
fn without_a_head_there_is_no_verdict() {
    let Some(without) = reader(false) else { return };
    let reading = without.read(&grey(640, 480, 120), &[], &Ticket::unlimited()).unwrap();
    assert!(reading.probabilities.is_empty());
    let refused = without.verdict(&[reading], &RoomContext::default());
    assert!(matches!(refused, Err(RoomError::NotInstalled { .. })));
}

#[test]
fn a_cancelled_request_is_given_up() {
    let Some(reader) = reader(false) else { return };
    let ticket = Ticket::unlimited();
    ticket.cancel();
    assert!(matches!(
        reader.read(&grey(640, 480, 120), &[], &ticket),
        Err(RoomError::Embedding(_) | RoomError::Runtime(_))
    ));
}
