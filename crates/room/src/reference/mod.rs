//! A photo of a room beside earlier photos of the same room.
//!
//! The reference that shows the same view is found by embedding and confirmed by corners that agree on one
//! projective map; it is warped into the photo's frame and brought into the photo's light; what still differs is
//! told by texture, colour and the feature maps of both, block by block, and comes back as boxes.

mod calibration;
mod changes;
pub mod evaluation;
mod evidence;
mod homography;
mod keypoints;
mod light;
mod plane;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use innkeeper_core::{Picture, Rect};
use innkeeper_image_embedding::{Features, ImageEmbedder};
use innkeeper_runtime::Ticket;
use serde::{Deserialize, Serialize};

pub use changes::{Difference, DifferenceKind};

use crate::RoomError;
use calibration::{Classifier, WITH_MAPS, WITHOUT_MAPS};
use changes::Odds;
use evidence::{Blocks, Cells};
use homography::{Alignment, Homography};
use keypoints::Keypoints;
use plane::{Plane, at_most};

/// An earlier photo of the room, in the state it should be in.
#[derive(Debug, Clone)]
pub struct Reference {
    /// Names it in the answer.
    pub id: String,
    /// As decoded; any size.
    pub picture: Arc<Picture>,
    /// Its feature maps, by the same embedder as the photo's.
    pub features: Arc<Features>,
}

/// What a comparison may decide. The defaults were measured: see [`CompareSettings::default`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CompareSettings {
    /// Least cosine of the mean embeddings for a reference to be looked at, -1 to 1.
    pub min_similarity: f32,
    /// References whose corners are compared at most, most similar first.
    pub candidates: usize,
    /// Corners that must agree on one map of the frame.
    pub min_inliers: usize,
    /// Share of all matched corners that must agree, 0 to 1.
    pub min_agreement: f32,
    /// Share of the photo that the reference must show, 0 to 1.
    pub min_coverage: f32,
    /// Log odds from which a place differs.
    pub seed: f32,
    /// Log odds down to which a difference spreads.
    pub grow: f32,
    /// Blocks of 1/30 of the longer side that a difference has at least, at strides of 1/60.
    pub min_blocks: usize,
}

impl Default for CompareSettings {
    /// From `measure_reference` on 48 rooms of the sets `rooms6`, `messy`, `beds`, `floors_dry` and `pairs`, each source
    /// judged by numbers fitted to the others. The camera moved, zoomed, turned, tilted, and its light, white
    /// balance, noise and compression changed, all at once: 3 of 96 photos called changed; one change at its limit:
    /// 3 of 96, all three at a gamma of 1.4 (before the exponent was fitted in plain logarithms). Things put down or
    /// taken away, 48 of each size: boxes hold the middle of 85 % of those 5 % of the width wide and of all from 8 %
    /// on, with 0.02 to 0.04 boxes a photo elsewhere. Tidy against cluttered pairs under moved cameras: area under
    /// the curve 1.0. Same views had at least 44 agreeing corners, 141 photos of other rooms none that would be
    /// looked at from 6 on, so that the least of 16 is far from both.
    fn default() -> Self {
        Self {
            min_similarity: 0.5,
            candidates: 3,
            min_inliers: 16,
            min_agreement: 0.3,
            min_coverage: 0.4,
            seed: 2.0,
            grow: 0.5,
            min_blocks: 4,
        }
    }
}

/// A photo beside the reference that shows the same view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = RoomComparison))]
pub struct Comparison {
    /// [`Reference::id`].
    pub reference: String,
    /// Cosine of the mean embeddings, -1 to 1.
    pub similarity: f32,
    /// Corners of both that agree on one projective map.
    pub inliers: usize,
    /// Share of the photo that the reference shows, 0 to 1. Nothing is said of the rest.
    pub coverage: f32,
    /// 0 to 1: the probability that the most different place differs.
    pub score: f32,
    /// Whether anything differs.
    pub changed: bool,
    /// Surest first; empty unless `changed`.
    pub differences: Vec<Difference>,
}

/// Longer side at which corners are sought and pictures are warped, in pixels.
const WORKING_SIDE: u32 = 480;
/// Longer side at which differences are sought, in pixels.
const EVIDENCE_SIDE: u32 = 240;
/// Shorter side below which a picture is not compared, in working pixels.
const LEAST_SIDE: u32 = 48;
/// Corners sought at the larger of two scales.
const CORNERS: usize = 400;
/// How much nearer than the second the nearest corner must be.
const RATIO: f32 = 0.85;
/// Agreeing corners from which no further reference is looked at.
const SURE: usize = 80;
/// Pixels of working size within which a corner agrees with a map.
const TOLERANCE: f64 = 2.5;

/// Compares `photo` with the reference that shows the same view. `features` are the photo's own. With an
/// embedder, the aligned reference is embedded too and its feature map compared cell by cell with the photo's;
/// without, texture and colour decide alone.
///
/// `None` when no reference shows this view: there are none, or the corners of none agree with the photo's.
///
/// # Errors
/// [`RoomError::Runtime`] when the ticket is cancelled or too late or the embedder fails; [`RoomError::Picture`]
/// when a picture cannot be resized.
pub fn compare(
    photo: &Picture,
    features: &Features,
    references: &[Reference],
    embedder: Option<&ImageEmbedder>,
    settings: &CompareSettings,
    ticket: &Ticket,
) -> Result<Option<Comparison>, RoomError> {
    let ranked = ranked(features, references, settings);
    let pictures: Vec<&Picture> = references.iter().map(|reference| reference.picture.as_ref()).collect();
    let maps = embedder.filter(|embedder| embedder.model() == *features.model()).map(|e| (features, e));
    let Some(examined) = examine(photo, &ranked, &pictures, maps, settings, ticket)? else { return Ok(None) };
    let Some(reference) = references.get(examined.reference) else { return Ok(None) };
    let classifier = if examined.with_maps { &WITH_MAPS } else { &WITHOUT_MAPS };
    Ok(Some(examined.judged(reference.id.clone(), classifier, settings)))
}

/// All that is measured on a photo and the reference of the same view, before anything is decided.
struct Examined {
    reference: usize,
    similarity: f32,
    inliers: usize,
    coverage: f32,
    with_maps: bool,
    blocks: Blocks,
    /// Pixels of the photo as sent per pixel of the size at which differences are sought, for x and y.
    scale: (f32, f32),
    /// Of the photo as sent.
    size: (u32, u32),
    /// Pixels of the working photo to those of the working reference.
    map: Homography,
    /// Pixels of the photo as sent per pixel of the working photo, and the same of the reference.
    working: [(f32, f32); 2],
    /// Of the reference as sent.
    reference_size: (u32, u32),
}

/// References worth looking at, as positions with their similarity, most similar first. Embeddings of another
/// model say nothing, so its references are left out.
fn ranked(features: &Features, references: &[Reference], settings: &CompareSettings) -> Vec<(usize, f32)> {
    let mut ranked: Vec<(usize, f32)> = references
        .iter()
        .enumerate()
        .filter(|(_, reference)| reference.features.model() == features.model())
        .map(|(i, reference)| (i, cosine(features.pooled(), reference.features.pooled())))
        .filter(|(_, similarity)| *similarity >= settings.min_similarity)
        .collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    ranked.truncate(settings.candidates);
    ranked
}

/// `maps` are the photo's features and the embedder that made them.
fn examine(
    photo: &Picture,
    ranked: &[(usize, f32)],
    references: &[&Picture],
    maps: Option<(&Features, &ImageEmbedder)>,
    settings: &CompareSettings,
    ticket: &Ticket,
) -> Result<Option<Examined>, RoomError> {
    let Some(view) = same_view(photo, ranked, references, settings, ticket)? else { return Ok(None) };
    let Some(reference) = references.get(view.reference) else { return Ok(None) };
    let aligned = light::aligned(&view.photo, &view.picture, &view.alignment.map)?;
    ticket.check()?;
    let pictures = light::in_one_light(&view.photo, &aligned, EVIDENCE_SIDE)?;
    let cells = match maps {
        Some((features, embedder)) => {
            Some(distances(features, &embedder.features(&aligned.picture, ticket)?))
        }
        None => None,
    };
    ticket.check()?;
    Ok(Some(Examined {
        reference: view.reference,
        similarity: view.similarity,
        inliers: view.alignment.inliers.len(),
        coverage: aligned.coverage,
        with_maps: cells.is_some(),
        blocks: evidence::measure(&pictures, cells.as_ref()),
        scale: (
            photo.width() as f32 / pictures.valid.width as f32,
            photo.height() as f32 / pictures.valid.height as f32,
        ),
        size: (photo.width(), photo.height()),
        map: view.alignment.map,
        working: [per_pixel(photo, &view.photo), per_pixel(reference, &view.picture)],
        reference_size: (reference.width(), reference.height()),
    }))
}

impl Examined {
    /// The box around a place of the photo in the reference; both in pixels as sent.
    fn in_reference(&self, area: &Rect) -> Rect {
        let [(px, py), (rx, ry)] = self.working;
        let (mut left, mut top) = (f32::INFINITY, f32::INFINITY);
        let (mut right, mut bottom) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
        for (x, y) in
            [(area.x, area.y), (area.right(), area.y), (area.x, area.bottom()), (area.right(), area.bottom())]
        {
            if let Some((u, v)) = self.map.apply(f64::from(x / px), f64::from(y / py)) {
                let (u, v) = (u as f32 * rx, v as f32 * ry);
                (left, top) = (left.min(u), top.min(v));
                (right, bottom) = (right.max(u), bottom.max(v));
            }
        }
        let (w, h) = self.reference_size;
        Rect::from_corners(left, top, right, bottom).clipped(w, h)
    }

    fn judged(&self, reference: String, classifier: &Classifier, settings: &CompareSettings) -> Comparison {
        let odds = Odds::of(&self.blocks, classifier);
        let regions = odds.regions(&self.blocks, settings.seed, settings.grow, settings.min_blocks);
        let (x, y) = self.scale;
        let differences: Vec<Difference> = regions
            .iter()
            .map(|region| {
                let area = scaled(&region.area, (x, y)).clipped(self.size.0, self.size.1);
                Difference {
                    in_reference: self.in_reference(&area),
                    area,
                    score: probability(region.peak),
                    kind: region.kind,
                }
            })
            .collect();
        let highest = regions.first().map_or_else(|| odds.highest().min(settings.seed), |region| region.peak);
        Comparison {
            reference,
            similarity: self.similarity,
            inliers: self.inliers,
            coverage: self.coverage,
            score: probability(highest),
            changed: !differences.is_empty(),
            differences,
        }
    }
}

/// The reference that shows what the photo shows.
struct View {
    reference: usize,
    similarity: f32,
    /// The photo at working size.
    photo: Picture,
    /// The reference at working size.
    picture: Picture,
    alignment: Alignment,
}

fn same_view(
    photo: &Picture,
    ranked: &[(usize, f32)],
    references: &[&Picture],
    settings: &CompareSettings,
    ticket: &Ticket,
) -> Result<Option<View>, RoomError> {
    if ranked.is_empty() {
        return Ok(None);
    }
    let photo = at_most(photo, WORKING_SIDE)?;
    if photo.width().min(photo.height()) < LEAST_SIDE {
        return Ok(None);
    }
    let ours = Keypoints::find(&Plane::grey(&photo), CORNERS);
    let (width, height) = (f64::from(photo.width()), f64::from(photo.height()));
    let mut best: Option<View> = None;
    for (reference, similarity) in ranked.iter().copied() {
        ticket.check()?;
        let Some(picture) = references.get(reference) else { continue };
        let picture = at_most(picture, WORKING_SIDE)?;
        if picture.width().min(picture.height()) < LEAST_SIDE {
            continue;
        }
        let theirs = Keypoints::find(&Plane::grey(&picture), CORNERS);
        let matches = keypoints::matches(&ours, &theirs, RATIO);
        let Some(alignment) = Alignment::of(&matches, width, height, TOLERANCE) else { continue };
        let agreement = alignment.inliers.len() as f32 / matches.len().max(1) as f32;
        let confirmed = alignment.inliers.len() >= settings.min_inliers
            && agreement >= settings.min_agreement
            && alignment.map.coverage(&photo, &picture) >= settings.min_coverage;
        if !confirmed {
            continue;
        }
        if best.as_ref().is_none_or(|b| alignment.inliers.len() > b.alignment.inliers.len()) {
            let sure = alignment.inliers.len() >= SURE && agreement >= 0.5;
            best = Some(View { reference, similarity, photo: photo.clone(), picture, alignment });
            if sure {
                break;
            }
        }
    }
    Ok(best)
}

/// Cosine distance of each cell, 0 to 2; empty where the maps have not the same shape.
fn distances(a: &Features, b: &Features) -> Cells {
    let (columns, rows) = (a.columns(), a.rows());
    if (columns, rows, a.channels()) != (b.columns(), b.rows(), b.channels()) {
        return Cells { columns: 0, rows: 0, values: Vec::new() };
    }
    let values = (0..rows)
        .flat_map(|row| (0..columns).map(move |column| (row, column)))
        .map(|(row, column)| 1.0 - cosine(a.cell(row, column), b.cell(row, column)))
        .collect();
    Cells { columns, rows, values }
}

/// Zero where either has no direction.
fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let (mut product, mut left, mut right) = (0.0_f32, 0.0_f32, 0.0_f32);
    for (a, b) in a.iter().zip(b) {
        product += a * b;
        left += a * a;
        right += b * b;
    }
    let norm = (left * right).sqrt();
    if norm > 1e-12 { product / norm } else { 0.0 }
}

/// How many pixels of `large` one pixel of `small` stands for, along x and y.
fn per_pixel(large: &Picture, small: &Picture) -> (f32, f32) {
    (large.width() as f32 / small.width() as f32, large.height() as f32 / small.height() as f32)
}

fn scaled(area: &Rect, (x, y): (f32, f32)) -> Rect {
    Rect { x: area.x * x, y: area.y * y, w: area.w * x, h: area.h * y }
}

fn probability(log_odds: f32) -> f32 {
    1.0 / (1.0 + (-log_odds).exp())
}
