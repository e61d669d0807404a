//! How unlike photo and reference are, block by block.

use super::light::InOneLight;
use super::plane::Plane;

/// Pixels of a block's side, at the size at which differences are sought.
pub(super) const BLOCK: usize = 8;
/// Pixels between blocks.
pub(super) const STRIDE: usize = 4;
/// Pixels by which a block may have moved without being different: what a homography leaves over where the room
/// is not flat.
const SLACK: isize = 3;
/// Variance of log grey that counts as no texture at all: 5 % of contrast.
const FLAT: f32 = 0.0025;

/// Numbers of a block.
pub(super) const MEASURES: usize = 8;

/// One block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// Column and row in the grid of blocks.
    pub column: usize,
    /// As `column`.
    pub row: usize,
    /// What a classifier reads; see [`measure`].
    pub measures: [f32; MEASURES],
    /// How the photo looks there.
    pub photo: Look,
    /// How the reference looks there.
    pub reference: Look,
}

/// The look of one block of one picture, in logarithms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// Mean grey, red over green, blue over green.
    pub colour: [f32; 3],
    /// Standard deviation of grey.
    pub texture: f32,
}

impl Look {
    /// How unlike two blocks of the same picture are. Brightness counts half: shadows fall on everything.
    pub fn distance(&self, other: &Self) -> f32 {
        let [grey, red, blue] = [0, 1, 2].map(|k| self.colour[k] - other.colour[k]);
        (0.5 * grey).hypot(red).hypot(blue).hypot(self.texture - other.texture)
    }
}

/// The grid of blocks; those that the reference does not wholly show are left out.
#[derive(Debug)]
pub(super) struct Blocks {
    pub columns: usize,
    pub rows: usize,
    pub all: Vec<Block>,
}

/// A coarse grid of numbers over the whole frame, such as distances between cells of feature maps.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    pub columns: usize,
    pub rows: usize,
    pub values: Vec<f32>,
}

impl Cells {
    /// The value at a point of the frame, each 0 to 1, linear between the cells' centres.
    pub fn at(&self, x: f32, y: f32) -> f32 {
        let locate = |v: f32, n: usize| {
            let v = (v * n as f32 - 0.5).clamp(0.0, (n.max(1) - 1) as f32);
            let low = (v as usize).min(n.saturating_sub(2));
            (low, (low + 1).min(n.max(1) - 1), v - low as f32)
        };
        let ((x0, x1, fx), (y0, y1, fy)) = (locate(x, self.columns), locate(y, self.rows));
        let get = |x: usize, y: usize| self.values.get(y * self.columns + x).copied().unwrap_or(0.0);
        let top = get(x0, y0) * (1.0 - fx) + get(x1, y0) * fx;
        let bottom = get(x0, y1) * (1.0 - fx) + get(x1, y1) * fx;
        top * (1.0 - fy) + bottom * fy
    }

    /// The value that half of the cells do not reach.
    pub fn median(&self) -> f32 {
        let mut sorted = self.values.clone();
        sorted.sort_by(f32::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
    }
}

/// Measures every block: 0 the unexplained share of both textures, 1 the unexplained texture, 2 the difference
/// of the mean log grey, 3 of the mean colour, 4 the distance of the feature maps there and 5 what it exceeds the
/// frame's median by, both zero without maps, 6 the difference of the textures' strength, 7 the colour
/// difference times the unexplained share. The block of the reference is moved by up to [`SLACK`] pixels to
/// where it fits best.
pub(super) fn measure(pictures: &InOneLight, maps: Option<&Cells>) -> Blocks {
    let (photo, reference) = (&pictures.photo, &pictures.reference);
    let (w, h) = (photo.grey.width, photo.grey.height);
    let count = |n: usize| if n < BLOCK { 0 } else { (n - BLOCK) / STRIDE + 1 };
    let (columns, rows) = (count(w), count(h));
    let median = maps.map_or(0.0, Cells::median);
    let mut blocks = Vec::with_capacity(columns * rows);
    for row in 0..rows {
        for column in 0..columns {
            let (x, y) = (column * STRIDE, row * STRIDE);
            if !whole(&pictures.valid, x, y) {
                continue;
            }
            let (mean, energy) = moments(&photo.grey, x, y);
            let Some(best) = best_fit(&photo.grey, mean, energy, &reference.grey, &pictures.valid, x, y)
            else {
                continue;
            };
            let n = (BLOCK * BLOCK) as f32;
            let (ours, theirs) = ((energy / n).max(0.0), (best.energy / n).max(0.0));
            let unexplained = (best.unexplained / n).max(0.0);
            let share = unexplained / (ours + theirs + FLAT);
            let colour = |a: &Plane, b: &Plane| block_mean(a, x, y) - block_mean(b, best.x, best.y);
            let (red, blue) = (colour(&photo.red, &reference.red), colour(&photo.blue, &reference.blue));
            let colour = red.hypot(blue);
            let map = maps.map_or(0.0, |cells| {
                let centre = |v: usize, n: usize| (v as f32 + BLOCK as f32 / 2.0) / n as f32;
                cells.at(centre(x, w), centre(y, h))
            });
            let squash = |v: f32, at: f32| v / (v + at);
            let colour = squash(colour, 0.15);
            blocks.push(Block {
                column,
                row,
                measures: [
                    share.min(2.0),
                    squash(unexplained.sqrt(), 0.1),
                    squash((mean - best.mean).abs(), 0.15),
                    colour,
                    map,
                    map - median,
                    squash((ours.sqrt() - theirs.sqrt()).abs(), 0.1),
                    colour * share.min(2.0),
                ],
                photo: Look {
                    colour: [mean, block_mean(&photo.red, x, y), block_mean(&photo.blue, x, y)],
                    texture: ours.sqrt(),
                },
                reference: Look {
                    colour: [
                        best.mean,
                        block_mean(&reference.red, best.x, best.y),
                        block_mean(&reference.blue, best.x, best.y),
                    ],
                    texture: theirs.sqrt(),
                },
            });
        }
    }
    Blocks { columns, rows, all: blocks }
}

struct Fit {
    x: usize,
    y: usize,
    mean: f32,
    energy: f32,
    unexplained: f32,
}

/// The place near `x, y` where the reference's block is most like the photo's, brightness apart.
fn best_fit(
    photo: &Plane,
    mean: f32,
    energy: f32,
    reference: &Plane,
    valid: &Plane,
    x: usize,
    y: usize,
) -> Option<Fit> {
    let (w, h) = (photo.width as isize, photo.height as isize);
    let n = (BLOCK * BLOCK) as f32;
    let mut best: Option<Fit> = None;
    for dy in -SLACK..=SLACK {
        for dx in -SLACK..=SLACK {
            let (u, v) = (x as isize + dx, y as isize + dy);
            if u < 0 || v < 0 || u + BLOCK as isize > w || v + BLOCK as isize > h {
                continue;
            }
            let (u, v) = (u as usize, v as usize);
            if (dx, dy) != (0, 0) && !whole(valid, u, v) {
                continue;
            }
            let (mut sum, mut squares, mut product) = ([0.0_f32; BLOCK], [0.0_f32; BLOCK], [0.0_f32; BLOCK]);
            for k in 0..BLOCK {
                let ours = &photo.values[(y + k) * photo.width + x..][..BLOCK];
                let theirs = &reference.values[(v + k) * reference.width + u..][..BLOCK];
                for i in 0..BLOCK {
                    let (p, r) = (ours[i] - mean, theirs[i] - mean);
                    sum[i] += r;
                    squares[i] += r * r;
                    product[i] += p * r;
                }
            }
            let [sum, squares, product] = [sum, squares, product].map(|lanes| lanes.iter().sum::<f32>());
            // Both about their own means: |p - r|^2 = |p|^2 + |r|^2 - 2 p.r
            let theirs = squares - sum * sum / n;
            let mut unexplained = energy + theirs - 2.0 * product;
            // Where nothing tells the places apart, the block stays where it is.
            unexplained += 0.02 * FLAT * n * (dx * dx + dy * dy) as f32 / (SLACK * SLACK) as f32;
            if best.as_ref().is_none_or(|b| unexplained < b.unexplained) {
                best = Some(Fit { x: u, y: v, mean: mean + sum / n, energy: theirs, unexplained });
            }
        }
    }
    best
}

fn whole(valid: &Plane, x: usize, y: usize) -> bool {
    // The mask has no holes smaller than a block: its corners tell.
    let corner = |dx: usize, dy: usize| valid.at((x + dx) as isize, (y + dy) as isize) > 0.0;
    corner(0, 0) && corner(BLOCK - 1, 0) && corner(0, BLOCK - 1) && corner(BLOCK - 1, BLOCK - 1)
}

fn block_mean(plane: &Plane, x: usize, y: usize) -> f32 {
    let sum: f32 =
        (y..y + BLOCK).map(|v| plane.values[v * plane.width + x..][..BLOCK].iter().sum::<f32>()).sum();
    sum / (BLOCK * BLOCK) as f32
}

/// The mean, and the sum of squares about it.
fn moments(plane: &Plane, x: usize, y: usize) -> (f32, f32) {
    let mean = block_mean(plane, x, y);
    let squares = (y..y + BLOCK)
        .map(|v| {
            plane.values[v * plane.width + x..][..BLOCK].iter().map(|p| (p - mean) * (p - mean)).sum::<f32>()
        })
        .sum();
    (mean, squares)
}
