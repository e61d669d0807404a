//! dlib's shape predictor: face landmarks by a cascade of regression trees.
//!
//! Kazemi and Sullivan, "One Millisecond Face Alignment with an Ensemble of Regression Trees" (2014), as
//! dlib's `shape_predictor.h` runs it.

use super::Reader;
use crate::ConvertError;

/// A box in whole pixels as dlib means it: the corners belong to the box, so that a box of one pixel has
/// `left == right`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelRect {
    /// First column.
    pub left: i64,
    /// First row.
    pub top: i64,
    /// Last column.
    pub right: i64,
    /// Last row.
    pub bottom: i64,
}

/// An inner node of a tree: left if `value[first] - value[second] > threshold`, else right.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Split {
    /// Index of a sampled pixel.
    first: usize,
    /// Index of the pixel it is compared with.
    second: usize,
    /// In grey levels.
    threshold: f32,
}

/// A complete binary tree; the children of node `i` are `2i + 1` and `2i + 2`.
#[derive(Debug, Clone, PartialEq)]
struct Tree {
    /// Inner nodes, level by level.
    splits: Vec<Split>,
    /// What to add to the shape, one more than there are splits: x and y of each point in turn, as shares of
    /// the box.
    leaves: Vec<Vec<f32>>,
}

/// One step of the cascade: where to look, and the trees that read what was seen.
#[derive(Debug, Clone, PartialEq)]
struct Cascade {
    /// Sampled pixels: the index of the nearest point and the offset from it, as shares of the box, in the
    /// frame of the initial shape.
    pixels: Vec<(usize, (f32, f32))>,
    /// Trees whose answers are added up.
    trees: Vec<Tree>,
}

/// A landmark model, for instance of `shape_predictor_5_face_landmarks.dat`.
#[derive(Debug, Clone, PartialEq)]
pub struct ShapePredictor {
    /// The mean face: points as shares of the box.
    initial_shape: Vec<(f32, f32)>,
    /// The steps, in order.
    cascades: Vec<Cascade>,
}

/// Bytes of the smallest packed integer.
const INT: usize = 2;
/// Bytes of the smallest packed float.
const FLOAT: usize = 4;

impl ShapePredictor {
    /// Reads a serialised predictor. Indices and lengths are checked once here, so that predicting cannot
    /// fail.
    ///
    /// # Errors
    /// When the stream is cut, is something else, or contradicts itself.
    pub fn read(bytes: &[u8]) -> Result<Self, ConvertError> {
        let mut reader = Reader::new(bytes);
        if reader.int()? != 1 {
            return Err(reader.bad("a shape predictor of another version than 1"));
        }
        let shape = column(&mut reader)?;
        if shape.is_empty() || shape.len() % 2 != 0 {
            return Err(reader.bad("a shape without points"));
        }
        let points = shape.len() / 2;
        let steps = reader.list(INT)?;
        let mut forests = Vec::with_capacity(steps);
        for _ in 0..steps {
            let count = reader.list(2 * INT)?;
            forests.push((0..count).map(|_| tree(&mut reader, shape.len())).collect::<Result<Vec<_>, _>>()?);
        }
        if reader.list(INT)? != steps {
            return Err(reader.bad("not as many lists of anchors as steps"));
        }
        let mut anchors = Vec::with_capacity(steps);
        for _ in 0..steps {
            let count = reader.list(INT)?;
            let list = (0..count).map(|_| reader.count()).collect::<Result<Vec<_>, _>>()?;
            if list.iter().any(|&anchor| anchor >= points) {
                return Err(reader.bad("an anchor that is no point"));
            }
            anchors.push(list);
        }
        if reader.list(INT)? != steps {
            return Err(reader.bad("not as many lists of offsets as steps"));
        }
        let mut cascades = Vec::with_capacity(steps);
        for (trees, anchors) in forests.into_iter().zip(anchors) {
            let count = reader.list(2 * FLOAT)?;
            let mut offsets = Vec::with_capacity(count);
            for _ in 0..count {
                offsets.push((reader.float()?, reader.float()?));
            }
            let outside = |split: &Split| split.first >= count || split.second >= count;
            if anchors.len() != count || trees.iter().flat_map(|tree| &tree.splits).any(outside) {
                return Err(reader.bad("a pixel without anchor or offset"));
            }
            cascades.push(Cascade { pixels: anchors.into_iter().zip(offsets).collect(), trees });
        }
        if reader.left() != 0 {
            return Err(reader.bad("more than one shape predictor"));
        }
        Ok(Self { initial_shape: pairs(&shape).collect(), cascades })
    }

    /// The mean face: points as shares of the box.
    pub fn initial_shape(&self) -> &[(f32, f32)] {
        &self.initial_shape
    }

    /// The landmarks of the face in `rect`, in pixels, not rounded (dlib rounds them to whole pixels).
    ///
    /// `intensity(x, y)` is the grey level of a pixel, asked for only inside `width` x `height`; dlib takes
    /// `(r + g + b) / 3`, rounded down.
    pub fn predict(
        &self,
        intensity: impl Fn(usize, usize) -> u8,
        width: usize,
        height: usize,
        rect: PixelRect,
    ) -> Vec<(f32, f32)> {
        let origin = (rect.left as f64, rect.top as f64);
        let extent = (rect.right as f64 - origin.0, rect.bottom as f64 - origin.1);
        let to_image =
            |x: f32, y: f32| (origin.0 + f64::from(x) * extent.0, origin.1 + f64::from(y) * extent.1);
        let mut shape: Vec<f32> = self.initial_shape.iter().flat_map(|&(x, y)| [x, y]).collect();
        for cascade in &self.cascades {
            let (cosine, sine) = turn(&self.initial_shape, &shape);
            let values: Vec<f32> = cascade
                .pixels
                .iter()
                .map(|&(anchor, (dx, dy))| {
                    let x = cosine * dx - sine * dy + shape[2 * anchor];
                    let y = sine * dx + cosine * dy + shape[2 * anchor + 1];
                    let (x, y) = to_image(x, y);
                    let (x, y) = ((x + 0.5).floor(), (y + 0.5).floor());
                    let inside = x >= 0.0 && y >= 0.0 && x < width as f64 && y < height as f64;
                    if inside { f32::from(intensity(x as usize, y as usize)) } else { 0.0 }
                })
                .collect();
            for tree in &cascade.trees {
                for (coordinate, change) in shape.iter_mut().zip(tree.answer(&values)) {
                    *coordinate += change;
                }
            }
        }
        pairs(&shape)
            .map(|(x, y)| {
                let (x, y) = to_image(x, y);
                (x as f32, y as f32)
            })
            .collect()
    }
}

impl Tree {
    fn answer(&self, values: &[f32]) -> &[f32] {
        let mut node = 0;
        while let Some(split) = self.splits.get(node) {
            let left = values[split.first] - values[split.second] > split.threshold;
            node = 2 * node + if left { 1 } else { 2 };
        }
        &self.leaves[node - self.splits.len()]
    }
}

fn tree(reader: &mut Reader<'_>, coordinates: usize) -> Result<Tree, ConvertError> {
    let count = reader.list(2 * INT + FLOAT)?;
    let mut splits = Vec::with_capacity(count);
    for _ in 0..count {
        splits.push(Split { first: reader.count()?, second: reader.count()?, threshold: reader.float()? });
    }
    if reader.list(2 * INT)? != count + 1 {
        return Err(reader.bad("a tree needs one leaf more than splits"));
    }
    let leaves = (0..=count).map(|_| column(reader)).collect::<Result<Vec<_>, _>>()?;
    if leaves.iter().any(|leaf| leaf.len() != coordinates) {
        return Err(reader.bad("a leaf of another length than the shape"));
    }
    Ok(Tree { splits, leaves })
}

/// A column of floats; dlib marks matrices of this form by negative sides.
fn column(reader: &mut Reader<'_>) -> Result<Vec<f32>, ConvertError> {
    let (rows, columns) = (reader.int()?, reader.int()?);
    let (rows, columns) = if rows < 0 { (-rows, -columns) } else { (rows, columns) };
    let Ok(rows) = usize::try_from(rows) else { return Err(reader.bad("a matrix of negative length")) };
    if columns != 1 {
        return Err(reader.bad("a matrix that is not a column"));
    }
    let needed = rows.saturating_mul(FLOAT);
    if needed > reader.left() {
        let (offset, left) = (reader.position(), reader.left());
        return Err(ConvertError::Truncated { what: "a matrix", offset, needed, left });
    }
    (0..rows).map(|_| reader.float()).collect()
}

fn pairs(shape: &[f32]) -> impl Iterator<Item = (f32, f32)> + '_ {
    shape.chunks_exact(2).map(|point| (point[0], point[1]))
}

/// Rotation and scale of the least-squares similarity from one shape to another: `(s cos, s sin)`. In the
/// plane Umeyama's solution is a division of complex numbers.
fn turn(from: &[(f32, f32)], to: &[f32]) -> (f32, f32) {
    let count = from.len() as f64;
    let mean = |points: &mut dyn Iterator<Item = (f32, f32)>| {
        let (x, y) = points.fold((0.0, 0.0), |sum, (x, y)| (sum.0 + f64::from(x), sum.1 + f64::from(y)));
        (x / count, y / count)
    };
    let (from_mean, to_mean) = (mean(&mut from.iter().copied()), mean(&mut pairs(to)));
    let (mut real, mut imaginary, mut square) = (0.0, 0.0, 0.0);
    for (&(fx, fy), (tx, ty)) in from.iter().zip(pairs(to)) {
        let (fx, fy) = (f64::from(fx) - from_mean.0, f64::from(fy) - from_mean.1);
        let (tx, ty) = (f64::from(tx) - to_mean.0, f64::from(ty) - to_mean.1);
        real += fx * tx + fy * ty;
        imaginary += fx * ty - fy * tx;
        square += fx * fx + fy * fy;
    }
    // A single point, or points on top of each other: nothing to turn.
    if square == 0.0 { (1.0, 0.0) } else { ((real / square) as f32, (imaginary / square) as f32) }
}
