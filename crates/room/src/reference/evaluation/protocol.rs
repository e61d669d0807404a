use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use innkeeper_core::{Picture, Rect};
use innkeeper_image_embedding::ImageEmbedder;
use innkeeper_runtime::Ticket;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::fit::{Row, logistic};
use super::scenes::{Camera, place, with_thing};
use crate::RoomError;
use crate::reference::calibration::Classifier;
use crate::reference::evidence::{BLOCK, STRIDE};
use crate::reference::{CompareSettings, Comparison, DifferenceKind, Examined, examine};

/// A picture and where it comes from.
#[derive(Debug, Clone)]
pub struct Photo {
    /// Pictures of one source are never on both sides of a fit.
    pub source: String,
    /// What it is called in messages.
    pub name: String,
    /// Its pixels.
    pub picture: Picture,
}

/// What a measurement needs.
#[derive(Debug)]
pub struct Material {
    /// Rooms, each taken as a scene of its own.
    pub rooms: Vec<Photo>,
    /// Things to put into rooms.
    pub things: Vec<Picture>,
    /// The same view without and with clutter.
    pub pairs: Vec<(Photo, Photo)>,
}

/// Widths of things in shares of the photo's width.
const SIZES: [f32; 4] = [0.05, 0.08, 0.12, 0.2];

/// Found things of one size.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct SizeFigures {
    /// Things put down or taken away in photos that were compared.
    pub things: usize,
    /// Share of them that a box overlaps with at least 0.3 of the union.
    pub found_iou_03: f64,
    /// Share of them whose middle lies in a box.
    pub hit: f64,
    /// Mean overlap of the best box, over all things.
    pub mean_iou: f64,
    /// Share of photos called changed.
    pub changed: f64,
    /// Boxes per photo that touch no truth.
    pub false_boxes: f64,
    /// Of the found ones, share whose kind is right, wrong (the opposite), undecided.
    pub kind_right: f64,
    /// See `kind_right`.
    pub kind_wrong: f64,
}

/// The whole table.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Figures {
    /// Rooms compared with themselves.
    pub rooms: usize,
    /// Share of photos of the same view, things or not, in which no reference was recognised.
    pub same_view_missed: f64,
    /// Share of photos of other views in which a reference was recognised all the same.
    pub other_view_taken: f64,
    /// Photos of other views.
    pub other_views: usize,
    /// By what the camera did: photos, share called changed, boxes per photo.
    pub quiet: BTreeMap<String, (usize, f64, f64)>,
    /// By the thing's width in percent of the photo's.
    pub sizes: BTreeMap<u32, SizeFigures>,
    /// Area under the curve of `score`, things of any size against any camera change.
    pub auc_things: f64,
    /// The same of tidy against cluttered, each also with a moved camera.
    pub auc_pairs: f64,
    /// Pairs called changed, of how many; and moved tidy ones called changed, of how many.
    pub pairs: [usize; 4],
    /// Inliers of same views and of other views: lowest, 1 %, 5 %, half; half, 95 %, 99 %, highest.
    pub inliers: [usize; 8],
    /// The numbers fitted to all sources: with maps, then without.
    pub fitted: Vec<(Vec<f32>, f32)>,
}

enum Kind {
    Quiet(String),
    Thing { share: f32, added: bool },
    Pair { cluttered: bool },
    OtherView,
}

struct Trial {
    source: String,
    kind: Kind,
    examined: Option<Examined>,
    truth: Option<(Rect, Vec<bool>)>,
}

/// Runs every trial on `threads` threads; `scenes` rooms at most, spread over the sources. Views are told with the
/// first settings; differences are judged with each of them.
///
/// # Errors
/// [`RoomError`] of the first trial that fails.
pub fn measure(
    material: &Material,
    embedder: Option<&ImageEmbedder>,
    settings: &[CompareSettings],
    scenes: usize,
    threads: usize,
) -> Result<Vec<Figures>, RoomError> {
    let Some(first) = settings.first() else { return Ok(Vec::new()) };
    let rooms: Vec<&Photo> = spread(&material.rooms, scenes);
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<Trial>, RoomError> {
        let mut trials = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number < rooms.len() {
                trials.extend(room_trials(&rooms, number, &material.things, embedder, first)?);
            } else if let Some((tidy, cluttered)) = material.pairs.get(number - rooms.len()) {
                trials.extend(pair_trials(tidy, cluttered, number, embedder, first)?);
            } else {
                return Ok(trials);
            }
        }
    };
    let parts = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        handles.into_iter().filter_map(|handle| handle.join().ok()).collect::<Vec<_>>()
    });
    let mut trials = Vec::new();
    for part in parts {
        trials.extend(part?);
    }
    let models = Models::fit(&trials);
    Ok(settings.iter().map(|settings| figures(&trials, rooms.len(), &models, settings)).collect())
}

fn spread(rooms: &[Photo], most: usize) -> Vec<&Photo> {
    let step = (rooms.len() as f64 / most.max(1) as f64).max(1.0);
    (0..rooms.len().min(most)).filter_map(|i| rooms.get((i as f64 * step) as usize)).collect()
}

/// A photo compared with one reference, whatever their similarity: corners alone have to know another view.
fn look(
    photo: &Picture,
    reference: &Picture,
    embedder: Option<&ImageEmbedder>,
    settings: &CompareSettings,
) -> Result<Option<Examined>, RoomError> {
    let ticket = Ticket::unlimited();
    let features = embedder.map(|embedder| embedder.features(photo, &ticket)).transpose()?;
    let maps = features.as_ref().zip(embedder);
    examine(photo, &[(0, 1.0)], &[reference], maps, settings, &ticket)
}

fn room_trials(
    rooms: &[&Photo],
    number: usize,
    things: &[Picture],
    embedder: Option<&ImageEmbedder>,
    settings: &CompareSettings,
) -> Result<Vec<Trial>, RoomError> {
    let room = rooms[number];
    let scene = &room.picture;
    let mut random = ChaCha8Rng::seed_from_u64(number as u64);
    let reference = Camera::STILL.take(scene, &mut random)?;
    let mut trials = Vec::new();
    let mut add =
        |kind, examined, truth| trials.push(Trial { source: room.source.clone(), kind, examined, truth });
    // Two photos by any camera, one with a single change at its limit.
    for _ in 0..2 {
        let photo = Camera::any(&mut random).take(scene, &mut random)?;
        add(
            Kind::Quiet("everything at once".to_owned()),
            look(&photo, &reference, embedder, settings)?,
            None,
        );
    }
    let limits = Camera::limits(&mut random);
    for k in 0..2 {
        let (name, camera) = limits[(number * 2 + k) % limits.len()];
        let photo = camera.take(scene, &mut random)?;
        add(Kind::Quiet(name.to_owned()), look(&photo, &reference, embedder, settings)?, None);
    }
    for (i, share) in SIZES.into_iter().enumerate() {
        let Some(thing) = things.get(random.random_range(0..things.len().max(1))) else { continue };
        let area = place(scene, thing, share, &mut random);
        let camera = Camera::any(&mut random);
        let Some(truth) = camera.sees(&area, scene) else { continue };
        let cluttered = with_thing(scene, thing, &area)?;
        let added = (number + i).is_multiple_of(2);
        let (before, after) = if added { (scene, &cluttered) } else { (&cluttered, scene) };
        let reference = Camera::STILL.take(before, &mut random)?;
        let photo = camera.take(after, &mut random)?;
        let examined = look(&photo, &reference, embedder, settings)?;
        add(Kind::Thing { share, added }, examined, Some(truth));
    }
    for _ in 0..3 {
        let other = rooms[random.random_range(0..rooms.len())];
        if other.name != room.name {
            let photo = Camera::any(&mut random).take(&other.picture, &mut random)?;
            // Whether the corners agree needs no maps.
            add(Kind::OtherView, look(&photo, &reference, None, settings)?, None);
        }
    }
    Ok(trials)
}

fn pair_trials(
    tidy: &Photo,
    cluttered: &Photo,
    number: usize,
    embedder: Option<&ImageEmbedder>,
    settings: &CompareSettings,
) -> Result<Vec<Trial>, RoomError> {
    let mut random = ChaCha8Rng::seed_from_u64(number as u64);
    let mut trials = Vec::new();
    let reference = Camera::STILL.take(&tidy.picture, &mut random)?;
    for k in 0..8 {
        let camera = if k == 0 { Camera::STILL } else { Camera::any(&mut random) };
        for (scene, is_cluttered) in [(&tidy.picture, false), (&cluttered.picture, true)] {
            let photo = camera.take(scene, &mut random)?;
            let examined = look(&photo, &reference, embedder, settings)?;
            trials.push(Trial {
                source: tidy.source.clone(),
                kind: Kind::Pair { cluttered: is_cluttered },
                examined,
                truth: None,
            });
        }
    }
    Ok(trials)
}

/// Blocks of a trial with what is true of them; those at the rim of a thing are left out.
fn rows(trial: &Trial, out: &mut Vec<Row>) {
    let Some(examined) = &trial.examined else { return };
    let mask = match (&trial.kind, &trial.truth) {
        (Kind::Quiet(_), _) => None,
        (Kind::Thing { .. }, Some((_, mask))) => Some(mask),
        _ => return,
    };
    let (sx, sy) = examined.scale;
    let (width, height) = (examined.size.0 as usize, examined.size.1 as usize);
    // Every photo counts the same, and so do its different and its equal blocks; of equal ones one in seven is taken.
    let mut found = Vec::new();
    for (i, block) in examined.blocks.all.iter().enumerate() {
        let covered = mask.map_or(0, |mask| {
            let inside = |k: usize| {
                let x = ((block.column * STRIDE + k % BLOCK) as f32 + 0.5) * sx;
                let y = ((block.row * STRIDE + k / BLOCK) as f32 + 0.5) * sy;
                mask.get((y as usize).min(height - 1) * width + (x as usize).min(width - 1))
                    .copied()
                    .unwrap_or(false)
            };
            (0..BLOCK * BLOCK).filter(|k| inside(*k)).count()
        });
        match covered {
            0 if i % 7 == 0 => found.push((block.measures, false)),
            c if c * 2 >= BLOCK * BLOCK => found.push((block.measures, true)),
            _ => {}
        }
    }
    let positive = found.iter().filter(|r| r.1).count().max(1) as f32;
    let negative = found.iter().filter(|r| !r.1).count().max(1) as f32;
    // Equal blocks weigh twice as much as different ones: a false alarm costs a walk.
    out.extend(
        found.into_iter().map(|(m, label)| (m, label, if label { 10.0 / positive } else { 20.0 / negative })),
    );
}

fn without_maps(rows: &[Row]) -> Vec<Row> {
    rows.iter()
        .map(|(m, label, weight)| {
            let mut m = *m;
            (m[4], m[5]) = (0.0, 0.0);
            (m, *label, *weight)
        })
        .collect()
}

/// What decides for each source, fitted to all others, and to all sources.
struct Models {
    held_out: BTreeMap<String, Classifier>,
    fitted: [Classifier; 2],
}

impl Models {
    fn fit(trials: &[Trial]) -> Self {
        let mut sources: Vec<&str> = trials.iter().map(|t| t.source.as_str()).collect();
        sources.sort_unstable();
        sources.dedup();
        let rows_of = |keep: &dyn Fn(&Trial) -> bool| {
            let mut out = Vec::new();
            trials.iter().filter(|t| keep(t)).for_each(|t| rows(t, &mut out));
            out
        };
        let held_out: BTreeMap<String, Classifier> = sources
            .iter()
            .map(|source| ((*source).to_owned(), logistic(&rows_of(&|t| t.source != *source), 1.0)))
            .collect();
        let all = rows_of(&|_| true);
        Self { held_out, fitted: [logistic(&all, 1.0), logistic(&without_maps(&all), 1.0)] }
    }
}

fn figures(trials: &[Trial], rooms: usize, models: &Models, settings: &CompareSettings) -> Figures {
    let judged = |t: &Trial| -> Option<Comparison> {
        let classifier = models.held_out.get(t.source.as_str())?;
        t.examined.as_ref().map(|e| e.judged(String::new(), classifier, settings))
    };
    let mut out = Figures { rooms, ..Figures::default() };
    let (mut quiet_scores, mut thing_scores) = (Vec::new(), Vec::new());
    let (mut tidy_scores, mut cluttered_scores) = (Vec::new(), Vec::new());
    let (mut same, mut missed, mut other, mut taken) = (0, 0, 0, 0);
    let (mut same_inliers, mut other_inliers) = (Vec::new(), Vec::new());
    let mut sizes: BTreeMap<u32, SizeFigures> = BTreeMap::new();
    for trial in trials {
        let comparison = judged(trial);
        if matches!(trial.kind, Kind::OtherView) {
            other += 1;
            taken += usize::from(comparison.is_some());
            other_inliers.push(comparison.map_or(0, |c| c.inliers));
            continue;
        }
        same += 1;
        let Some(comparison) = comparison else {
            missed += 1;
            same_inliers.push(0);
            continue;
        };
        same_inliers.push(comparison.inliers);
        match &trial.kind {
            Kind::Quiet(name) => {
                let entry = out.quiet.entry(name.clone()).or_default();
                entry.0 += 1;
                entry.1 += f64::from(u8::from(comparison.changed));
                entry.2 += comparison.differences.len() as f64;
                quiet_scores.push(comparison.score);
            }
            Kind::Thing { share, added } => {
                thing_scores.push(comparison.score);
                let Some((area, _)) = &trial.truth else { continue };
                let entry = sizes.entry((share * 100.0).round() as u32).or_default();
                entry.things += 1;
                entry.changed += f64::from(u8::from(comparison.changed));
                let best = comparison
                    .differences
                    .iter()
                    .max_by(|a, b| a.area.iou(area).total_cmp(&b.area.iou(area)));
                let iou = best.map_or(0.0, |d| d.area.iou(area));
                let middle = area.centre();
                let hit = comparison.differences.iter().find(|d| {
                    (d.area.x..d.area.right()).contains(&middle.x)
                        && (d.area.y..d.area.bottom()).contains(&middle.y)
                });
                entry.mean_iou += f64::from(iou);
                entry.found_iou_03 += f64::from(u8::from(iou >= 0.3));
                entry.hit += f64::from(u8::from(hit.is_some()));
                entry.false_boxes +=
                    comparison.differences.iter().filter(|d| d.area.iou(area) <= 0.0).count() as f64;
                if let Some(difference) = hit {
                    let right = if *added { DifferenceKind::Added } else { DifferenceKind::Removed };
                    if difference.kind == right {
                        entry.kind_right += 1.0;
                    } else if difference.kind != DifferenceKind::Changed {
                        entry.kind_wrong += 1.0;
                    }
                }
            }
            Kind::Pair { cluttered } => {
                let scores = if *cluttered { &mut cluttered_scores } else { &mut tidy_scores };
                scores.push(comparison.score);
                let at = if *cluttered { 0 } else { 2 };
                out.pairs[at] += usize::from(comparison.changed);
                out.pairs[at + 1] += 1;
            }
            Kind::OtherView => {}
        }
    }
    for (n, changed, boxes) in out.quiet.values_mut() {
        *changed /= *n as f64;
        *boxes /= *n as f64;
    }
    for s in sizes.values_mut() {
        let (n, hits) = (s.things.max(1) as f64, s.hit.max(1.0));
        s.kind_right /= hits;
        s.kind_wrong /= hits;
        for value in [&mut s.found_iou_03, &mut s.hit, &mut s.mean_iou, &mut s.changed, &mut s.false_boxes] {
            *value /= n;
        }
    }
    out.sizes = sizes;
    out.same_view_missed = f64::from(missed) / f64::from(same.max(1));
    out.other_view_taken = taken as f64 / f64::from(other.max(1));
    out.other_views = other as usize;
    out.auc_things = auc(&quiet_scores, &thing_scores);
    out.auc_pairs = auc(&tidy_scores, &cluttered_scores);
    same_inliers.sort_unstable();
    other_inliers.sort_unstable();
    let quantile = |sorted: &[usize], q: f64| {
        sorted.get(((sorted.len().max(1) - 1) as f64 * q).round() as usize).copied().unwrap_or(0)
    };
    for (place, q) in [0.0, 0.01, 0.05, 0.5].into_iter().enumerate() {
        out.inliers[place] = quantile(&same_inliers, q);
        out.inliers[7 - place] = quantile(&other_inliers, 1.0 - q);
    }
    out.fitted = models.fitted.iter().map(|c| (c.weights.to_vec(), c.bias)).collect();
    out
}

/// Share of pairs, one of each, in which the second scores higher; ties count half.
fn auc(low: &[f32], high: &[f32]) -> f64 {
    let wins: f64 = low
        .iter()
        .flat_map(|l| {
            high.iter().map(move |h| {
                if h > l {
                    1.0
                } else if h < l {
                    0.0
                } else {
                    0.5
                }
            })
        })
        .sum();
    wins / (low.len() * high.len()).max(1) as f64
}
