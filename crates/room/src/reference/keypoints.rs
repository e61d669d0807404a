//! Corners of a picture and what their surroundings look like.
//!
//! Corners are local maxima of the smaller eigenvalue of the structure tensor (Shi and Tomasi, "Good Features to
//! Track", 1994), spread over a grid so that one busy carpet does not take them all. A corner is described by
//! gradients: their amount in eight directions, averaged around each of 4 x 4 points (the layout of SIFT, Lowe
//! 2004, sampled from smoothed maps of directions as in DAISY, Tola et al. 2010). The camera is held upright, so
//! descriptors are not turned.

use super::plane::Plane;

/// Directions of a gradient that are told apart.
const DIRECTIONS: usize = 8;
/// Points along one side of the sampled square.
const SAMPLES: usize = 4;
/// Pixels between two of them.
const STEP: usize = 5;
/// Numbers of a descriptor.
pub(super) const DESCRIPTOR: usize = DIRECTIONS * SAMPLES * SAMPLES;
/// Pixels from the border within which there are no corners: half of what a descriptor covers.
const MARGIN: usize = 10;
/// Cells of the grid along the longer side.
const GRID: usize = 12;
/// No entry of a unit descriptor may exceed this, so that one strong edge does not decide (Lowe 2004).
const CEILING: f32 = 0.25;

/// A corner.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keypoint {
    /// Pixels of the picture the search began with, not of the pyramid's level.
    pub x: f32,
    /// As `x`.
    pub y: f32,
}

/// Corners and their descriptors, in the same order; descriptors are unit vectors.
#[derive(Debug, Clone, Default)]
pub(super) struct Keypoints {
    pub points: Vec<Keypoint>,
    pub descriptors: Vec<[f32; DESCRIPTOR]>,
}

impl Keypoints {
    /// Up to `most` corners of the plane (grey, 0 to 255), and half as many at 0.7 of its size.
    pub fn find(grey: &Plane, most: usize) -> Self {
        let mut found = Self::default();
        found.add(grey, 1.0, most);
        let (w, h) = (grey.width * 7 / 10, grey.height * 7 / 10);
        if w > 4 * MARGIN && h > 4 * MARGIN {
            let smaller = shrunk(grey, w, h);
            found.add(&smaller, grey.width as f32 / w as f32, most / 2);
        }
        found
    }

    fn add(&mut self, grey: &Plane, scale: f32, most: usize) {
        let (w, h) = (grey.width, grey.height);
        if w < 3 * MARGIN || h < 3 * MARGIN {
            return;
        }
        let smooth = grey.smoothed();
        let (dx, dy) = gradients(&smooth);
        let corners = corners(&dx, &dy, most);
        if corners.is_empty() {
            return;
        }
        let maps = directions(&dx, &dy);
        for (x, y) in corners {
            if let Some(descriptor) = describe(&maps, w, x, y) {
                self.points
                    .push(Keypoint { x: (x as f32 + 0.5) * scale - 0.5, y: (y as f32 + 0.5) * scale - 0.5 });
                self.descriptors.push(descriptor);
            }
        }
    }
}

fn shrunk(plane: &Plane, width: usize, height: usize) -> Plane {
    let smooth = plane.smoothed();
    let (sx, sy) = (plane.width as f32 / width as f32, plane.height as f32 / height as f32);
    let mut values = Vec::with_capacity(width * height);
    for y in 0..height {
        let v = (y as f32 + 0.5) * sy - 0.5;
        let (y0, fy) = (v.floor(), v - v.floor());
        for x in 0..width {
            let u = (x as f32 + 0.5) * sx - 0.5;
            let (x0, fx) = (u.floor(), u - u.floor());
            let (i, j) = (x0 as isize, y0 as isize);
            let top = smooth.at(i, j) * (1.0 - fx) + smooth.at(i + 1, j) * fx;
            let bottom = smooth.at(i, j + 1) * (1.0 - fx) + smooth.at(i + 1, j + 1) * fx;
            values.push(top * (1.0 - fy) + bottom * fy);
        }
    }
    Plane { width, height, values }
}

/// Central differences; zero at the border.
fn gradients(plane: &Plane) -> (Plane, Plane) {
    let (w, h) = (plane.width, plane.height);
    let (mut dx, mut dy) = (Plane::filled(w, h, 0.0), Plane::filled(w, h, 0.0));
    for y in 1..h.saturating_sub(1) {
        let (above, here, below) = (
            &plane.values[(y - 1) * w..][..w],
            &plane.values[y * w..][..w],
            &plane.values[(y + 1) * w..][..w],
        );
        let (row_x, row_y) = (&mut dx.values[y * w..][..w], &mut dy.values[y * w..][..w]);
        for x in 1..w - 1 {
            row_x[x] = 0.5 * (here[x + 1] - here[x - 1]);
            row_y[x] = 0.5 * (below[x] - above[x]);
        }
    }
    (dx, dy)
}

/// Whole pixels of up to `most` corners.
fn corners(dx: &Plane, dy: &Plane, most: usize) -> Vec<(usize, usize)> {
    let (w, h) = (dx.width, dx.height);
    let product = |a: &Plane, b: &Plane| {
        let values = a.values.iter().zip(&b.values).map(|(a, b)| a * b).collect();
        Plane { width: w, height: h, values }.averaged(2)
    };
    let (xx, yy, xy) = (product(dx, dx), product(dy, dy), product(dx, dy));
    let strength: Vec<f32> = xx
        .values
        .iter()
        .zip(&yy.values)
        .zip(&xy.values)
        .map(|((a, b), c)| 0.5 * (a + b - ((a - b) * (a - b) + 4.0 * c * c).sqrt()))
        .collect();
    let cell = w.max(h).div_ceil(GRID).max(1);
    let columns = w.div_ceil(cell);
    let mut cells: Vec<Vec<(f32, usize, usize)>> = vec![Vec::new(); columns * h.div_ceil(cell)];
    for y in MARGIN..h - MARGIN {
        for x in MARGIN..w - MARGIN {
            let value = strength[y * w + x];
            // Below this there is noise only: a change of one grey level over the window.
            if value < 0.25 {
                continue;
            }
            let around =
                |dx: isize, dy: isize| strength[(y as isize + dy) as usize * w + (x as isize + dx) as usize];
            // Of two equal neighbours the first counts, or a plateau would have no corner at all.
            let highest = (-1..=1).all(|v: isize| {
                (-1..=1).all(|u: isize| match (v, u) {
                    (0, 0) => true,
                    (v, u) if v < 0 || (v == 0 && u < 0) => around(u, v) < value,
                    (v, u) => around(u, v) <= value,
                })
            });
            if highest {
                cells[(y / cell) * columns + x / cell].push((value, x, y));
            }
        }
    }
    for corners in &mut cells {
        corners.sort_by(|a, b| b.0.total_cmp(&a.0));
    }
    // The strongest of every cell first, then the second of every cell, and so on.
    let mut chosen = Vec::with_capacity(most);
    let deepest = cells.iter().map(Vec::len).max().unwrap_or(0);
    for rank in 0..deepest {
        for corners in &cells {
            if let Some((_, x, y)) = corners.get(rank) {
                chosen.push((*x, *y));
                if chosen.len() == most {
                    return chosen;
                }
            }
        }
    }
    chosen
}

/// For every pixel the amount of gradient in each direction, averaged over 5 x 5 pixels.
fn directions(dx: &Plane, dy: &Plane) -> Vec<[f32; DIRECTIONS]> {
    let (w, h) = (dx.width, dx.height);
    let diagonal = std::f32::consts::FRAC_1_SQRT_2;
    let mut raw = vec![[0.0_f32; DIRECTIONS]; w * h];
    for ((target, a), b) in raw.iter_mut().zip(&dx.values).zip(&dy.values) {
        let (p, q) = ((a + b) * diagonal, (b - a) * diagonal);
        *target = [
            a.max(0.0),
            p.max(0.0),
            b.max(0.0),
            q.max(0.0),
            (-a).max(0.0),
            (-p).max(0.0),
            (-b).max(0.0),
            (-q).max(0.0),
        ];
    }
    // 1-1-1-1-1 along rows, then along columns.
    let sum = |parts: [&[f32; DIRECTIONS]; 5]| {
        let mut out = [0.0; DIRECTIONS];
        for part in parts {
            out.iter_mut().zip(part).for_each(|(o, p)| *o += p);
        }
        out
    };
    let mut rows = raw.clone();
    for (source, target) in raw.chunks_exact(w).zip(rows.chunks_exact_mut(w)) {
        for (t, s) in target[2..w - 2].iter_mut().zip(source.windows(5)) {
            *t = sum([&s[0], &s[1], &s[2], &s[3], &s[4]]);
        }
    }
    for y in 2..h - 2 {
        for x in 0..w {
            let at = |row: usize| &rows[row * w + x];
            raw[y * w + x] = sum([at(y - 2), at(y - 1), at(y), at(y + 1), at(y + 2)]);
        }
    }
    raw
}

fn describe(maps: &[[f32; DIRECTIONS]], width: usize, x: usize, y: usize) -> Option<[f32; DESCRIPTOR]> {
    let mut out = [0.0_f32; DESCRIPTOR];
    let first = (SAMPLES - 1) * STEP / 2;
    for (cell, target) in out.chunks_exact_mut(DIRECTIONS).enumerate() {
        let (column, row) = (cell % SAMPLES, cell / SAMPLES);
        let at = (y + row * STEP - first) * width + x + column * STEP - first;
        target.copy_from_slice(maps.get(at)?);
    }
    normalise(&mut out)?;
    for value in &mut out {
        *value = value.min(CEILING);
    }
    normalise(&mut out)?;
    Some(out)
}

fn normalise(vector: &mut [f32]) -> Option<()> {
    let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    (norm > 1e-6).then(|| vector.iter_mut().for_each(|v| *v /= norm))
}

/// A corner of one picture and the one of the other that looks like it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Match {
    pub from: Keypoint,
    pub to: Keypoint,
    /// Distance to the nearest descriptor over that to the second nearest, 0 to 1; small is sure.
    pub ratio: f32,
}

/// Pairs that are each other's nearest and clearly nearer than the second (Lowe 2004), surest first.
pub(super) fn matches(from: &Keypoints, to: &Keypoints, most_ratio: f32) -> Vec<Match> {
    let n = to.descriptors.len();
    // Nearest and second nearest of each `from`; nearest `from` of each `to`.
    let mut best_from = vec![(f32::NEG_INFINITY, usize::MAX); n];
    let mut rows = Vec::with_capacity(from.descriptors.len());
    for (i, a) in from.descriptors.iter().enumerate() {
        let (mut first, mut second) = ((f32::NEG_INFINITY, usize::MAX), f32::NEG_INFINITY);
        for (j, (b, best)) in to.descriptors.iter().zip(&mut best_from).enumerate() {
            let cosine = dot(a, b);
            if cosine > first.0 {
                // The same corner found at the other level of the pyramid is no rival.
                if first.1 == usize::MAX || !near(to.points.get(first.1), to.points.get(j)) {
                    second = first.0;
                }
                first = (cosine, j);
            } else if cosine > second && !near(to.points.get(first.1), to.points.get(j)) {
                second = cosine;
            }
            if cosine > best.0 {
                *best = (cosine, i);
            }
        }
        rows.push((first, second));
    }
    let mut found: Vec<Match> = rows
        .into_iter()
        .enumerate()
        .filter_map(|(i, ((cosine, j), second))| {
            let (from, to) = (from.points.get(i)?, to.points.get(j)?);
            // Squared distance of unit vectors is 2 - 2 cosine.
            let ratio = ((1.0 - cosine).max(0.0) / (1.0 - second).max(1e-6)).sqrt();
            (best_from.get(j)?.1 == i && ratio <= most_ratio).then_some(Match { from: *from, to: *to, ratio })
        })
        .collect();
    found.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
    found
}

fn near(a: Option<&Keypoint>, b: Option<&Keypoint>) -> bool {
    a.zip(b).is_some_and(|(a, b)| (a.x - b.x).abs() < 4.0 && (a.y - b.y).abs() < 4.0)
}

fn dot(a: &[f32; DESCRIPTOR], b: &[f32; DESCRIPTOR]) -> f32 {
    let mut sums = [0.0_f32; 16];
    for (a, b) in a.chunks_exact(16).zip(b.chunks_exact(16)) {
        for k in 0..16 {
            sums[k] += a[k] * b[k];
        }
    }
    sums.iter().sum()
}
