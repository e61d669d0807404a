//! From evidence by block to differences: boxes, how sure, and which picture has the thing.

use innkeeper_core::Rect;
use serde::{Deserialize, Serialize};

use super::calibration::{self, Classifier};
use super::evidence::{BLOCK, Block, Blocks, Look, STRIDE};

/// Which of the two pictures shows the thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DifferenceKind {
    /// The photo shows what the reference lacks.
    Added,
    /// The reference shows what the photo lacks.
    Removed,
    /// They differ, and the evidence is for neither: a thing exchanged, moved by less than its size, or spread out.
    Changed,
}

/// A place where photo and reference differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = RoomDifference))]
pub struct Difference {
    /// Pixels of the photo.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub area: Rect,
    /// The box around the same place in the reference, in its pixels as sent.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub in_reference: Rect,
    /// 0 to 1: the probability that the place differs at its most different point, from a logistic model of
    /// texture, colour, brightness and feature maps fitted to pasted objects.
    pub score: f32,
    /// Which picture has it.
    pub kind: DifferenceKind,
}

/// A connected group of different blocks.
#[derive(Debug, Clone)]
pub(super) struct Region {
    /// Pixels of the size at which differences are sought.
    pub area: Rect,
    /// The highest smoothed log odds in it.
    pub peak: f32,
    pub kind: DifferenceKind,
}

/// Log odds of every place of the grid; `None` where there is no block.
pub(super) struct Odds {
    columns: usize,
    rows: usize,
    values: Vec<Option<f32>>,
}

impl Odds {
    /// Each block's log odds, averaged with its neighbours': a thing is larger than a block, noise is not.
    pub fn of(blocks: &Blocks, classifier: &Classifier) -> Self {
        let (columns, rows) = (blocks.columns, blocks.rows);
        let mut raw = vec![None; columns * rows];
        for block in &blocks.all {
            if let Some(place) = raw.get_mut(block.row * columns + block.column) {
                *place = Some(classifier.log_odds(&block.measures));
            }
        }
        let mut values = vec![None; columns * rows];
        for (at, value) in raw.iter().enumerate() {
            let Some(own) = value else { continue };
            let (mut sum, mut n) = (2.0 * own, 2.0_f32);
            for (_, other) in neighbours(at, columns, rows).filter_map(|i| raw[i].map(|v| (i, v))) {
                sum += other;
                n += 1.0;
            }
            values[at] = Some(sum / n);
        }
        Self { columns, rows, values }
    }

    /// The highest log odds, and minus infinity where there is no block.
    pub fn highest(&self) -> f32 {
        self.values.iter().flatten().copied().fold(f32::NEG_INFINITY, f32::max)
    }

    /// Connected groups that reach `seed` and hold at least `least` blocks above `grow`, strongest first.
    pub fn regions(&self, blocks: &Blocks, seed: f32, grow: f32, least: usize) -> Vec<Region> {
        let mut label = vec![0_u32; self.values.len()];
        let mut regions = Vec::new();
        let mut next = 0;
        for start in 0..self.values.len() {
            if label[start] != 0 || self.values[start].is_none_or(|v| v < seed) {
                continue;
            }
            next += 1;
            label[start] = next;
            let (mut members, mut at) = (vec![start], 0);
            while let Some(place) = members.get(at).copied() {
                at += 1;
                for other in neighbours(place, self.columns, self.rows) {
                    if label[other] == 0 && self.values[other].is_some_and(|v| v >= grow) {
                        label[other] = next;
                        members.push(other);
                    }
                }
            }
            if members.len() >= least {
                regions.push(self.region(blocks, &members));
            }
        }
        regions.sort_by(|a, b| b.peak.total_cmp(&a.peak));
        regions
    }

    fn region(&self, blocks: &Blocks, members: &[usize]) -> Region {
        let peak = members.iter().filter_map(|i| self.values[*i]).fold(f32::NEG_INFINITY, f32::max);
        let (mut left, mut top, mut right, mut bottom) = (usize::MAX, usize::MAX, 0, 0);
        for place in members {
            let (column, row) = (place % self.columns, place / self.columns);
            (left, top) = (left.min(column), top.min(row));
            (right, bottom) = (right.max(column), bottom.max(row));
        }
        // A block at the rim is about half covered: the thing ends at its centre.
        let edge = (BLOCK - STRIDE) as f32 / 2.0;
        let area = Rect::from_corners(
            (left * STRIDE) as f32 + edge,
            (top * STRIDE) as f32 + edge,
            (right * STRIDE + BLOCK) as f32 - edge,
            (bottom * STRIDE + BLOCK) as f32 - edge,
        );
        let lean = lean(blocks, members);
        let kind = if lean >= calibration::LEAN {
            DifferenceKind::Added
        } else if lean <= -calibration::LEAN {
            DifferenceKind::Removed
        } else {
            DifferenceKind::Changed
        };
        Region { area, peak, kind }
    }
}

/// The up to eight places around one.
fn neighbours(at: usize, columns: usize, rows: usize) -> impl Iterator<Item = usize> {
    let (x, y) = (at % columns.max(1), at / columns.max(1));
    let (left, top) = (x.saturating_sub(1), y.saturating_sub(1));
    let (right, bottom) = ((x + 1).min(columns.max(1) - 1), (y + 1).min(rows.max(1) - 1));
    (top..=bottom)
        .flat_map(move |v| (left..=right).map(move |u| v * columns + u))
        .filter(move |place| *place != at)
}

/// Blocks around a region that count as its surroundings.
const RING: usize = 3;

/// How much more the place stands out from its surroundings in the photo than in the reference: a thing that is
/// there has a texture and a colour of its own, and the floor under it looks like the floor beside it.
fn lean(blocks: &Blocks, members: &[usize]) -> f32 {
    let mut sorted = members.to_vec();
    sorted.sort_unstable();
    let members = sorted.as_slice();
    let columns = blocks.columns;
    let (mut left, mut top, mut right, mut bottom) = (usize::MAX, usize::MAX, 0, 0);
    for place in members {
        let (column, row) = (place % columns, place / columns);
        (left, top) = (left.min(column), top.min(row));
        (right, bottom) = (right.max(column), bottom.max(row));
    }
    let mut core: Vec<&Block> = Vec::new();
    let mut ring: Vec<&Block> = Vec::new();
    for block in &blocks.all {
        let near = block.column + RING >= left
            && block.column <= right + RING
            && block.row + RING >= top
            && block.row <= bottom + RING;
        if !near {
            continue;
        }
        if members.binary_search(&(block.row * columns + block.column)).is_ok() {
            core.push(block);
        } else {
            ring.push(block);
        }
    }
    if core.is_empty() || ring.len() < 4 {
        return 0.0;
    }
    let stands_out = |of: fn(&Block) -> &Look| {
        // To what in the ring does each block of the core come nearest? Floors and walls meet, so a mean of the
        // ring would be neither.
        let distances = core.iter().map(|inner| {
            ring.iter().map(|outer| of(inner).distance(of(outer))).fold(f32::INFINITY, f32::min)
        });
        distances.sum::<f32>() / core.len() as f32
    };
    let (photo, reference) = (stands_out(|b| &b.photo), stands_out(|b| &b.reference));
    ((photo + 0.02) / (reference + 0.02)).ln()
}
