//! Where the pixels of one picture lie in another of the same view.

use innkeeper_core::Picture;

use super::keypoints::Match;

/// A projective map of the plane, row by row; maps pixels of the photo to pixels of the reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Homography(pub [f64; 9]);

/// A homography and the matches that agree with it.
#[derive(Debug, Clone)]
pub(super) struct Alignment {
    pub map: Homography,
    /// Positions in the list of matches.
    pub inliers: Vec<usize>,
}

/// Two-match hypotheses tried at most. With a third of the matches right and the surest paired first, one right
/// pair in 600 is all but certain: the chance of none is (1 - 1/9)^600.
const HYPOTHESES: usize = 600;

impl Homography {
    /// Where a pixel lies in the other picture; `None` beyond the horizon.
    #[inline]
    pub fn apply(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let m = &self.0;
        let w = m[6] * x + m[7] * y + m[8];
        (w > 1e-9).then(|| ((m[0] * x + m[1] * y + m[2]) / w, (m[3] * x + m[4] * y + m[5]) / w))
    }

    /// Share of the photo's frame that lies inside the reference, 0 to 1, looked at in 24 x 24 points.
    pub fn coverage(&self, photo: &Picture, reference: &Picture) -> f32 {
        const POINTS: usize = 24;
        let (w, h) = (f64::from(photo.width()), f64::from(photo.height()));
        let inside = (0..POINTS * POINTS).filter(|i| {
            let at = |k: usize, side: f64| (k as f64 + 0.5) / POINTS as f64 * side;
            self.apply(at(i % POINTS, w), at(i / POINTS, h)).is_some_and(|(x, y)| {
                (0.0..f64::from(reference.width())).contains(&x)
                    && (0.0..f64::from(reference.height())).contains(&y)
            })
        });
        inside.count() as f32 / (POINTS * POINTS) as f32
    }

    fn agrees(&self, m: &Match, tolerance: f64) -> bool {
        self.apply(f64::from(m.from.x), f64::from(m.from.y)).is_some_and(|(x, y)| {
            let (dx, dy) = (x - f64::from(m.to.x), y - f64::from(m.to.y));
            dx * dx + dy * dy <= tolerance * tolerance
        })
    }

    fn inliers(&self, matches: &[Match], tolerance: f64) -> Vec<usize> {
        (0..matches.len()).filter(|i| self.agrees(&matches[*i], tolerance)).collect()
    }

    /// The similarity that two matches determine.
    fn of_two(a: &Match, b: &Match) -> Option<Self> {
        let (x, y) = (f64::from(b.from.x - a.from.x), f64::from(b.from.y - a.from.y));
        let (u, v) = (f64::from(b.to.x - a.to.x), f64::from(b.to.y - a.to.y));
        let length = x * x + y * y;
        // Two neighbours say little of scale and rotation.
        if length < 400.0 {
            return None;
        }
        let (p, q) = ((x * u + y * v) / length, (x * v - y * u) / length);
        let (ax, ay) = (f64::from(a.from.x), f64::from(a.from.y));
        let tx = f64::from(a.to.x) - (p * ax - q * ay);
        let ty = f64::from(a.to.y) - (q * ax + p * ay);
        Some(Self([p, -q, tx, q, p, ty, 0.0, 0.0, 1.0]))
    }

    /// Whether a camera moved by a person in the same place could see it so: the frame keeps its orientation,
    /// shrinks or grows by at most 2.2 a side, turns by at most 30 degrees and is not folded.
    pub fn plausible(&self, width: f64, height: f64) -> bool {
        let frame = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)];
        let mut corners = [(0.0, 0.0); 4];
        for (corner, (x, y)) in corners.iter_mut().zip(frame) {
            match self.apply(x, y) {
                Some(at) if at.0.is_finite() && at.1.is_finite() => *corner = at,
                _ => return false,
            }
        }
        let side = |i: usize| (corners[(i + 1) % 4].0 - corners[i].0, corners[(i + 1) % 4].1 - corners[i].1);
        let convex = (0..4).all(|i| {
            let ((ax, ay), (bx, by)) = (side(i), side((i + 1) % 4));
            ax * by - ay * bx > 0.0
        });
        let lengths = [(side(0), width), (side(1), height), (side(2), width), (side(3), height)];
        let scale =
            lengths.iter().all(|((x, y), before)| (1.0 / 2.2..=2.2).contains(&(x.hypot(*y) / before)));
        let (right, down) = (side(0), side(1));
        let upright =
            right.0 > 0.0 && right.1.abs() < right.0 * 0.577 && down.1 > 0.0 && down.0.abs() < down.1 * 0.577;
        convex && scale && upright
    }
}

impl Alignment {
    /// The map that most matches agree with, to within `tolerance` pixels. Similarities of two matches are tried
    /// in the order of their sureness, which needs no random numbers (as PROSAC does, Chum and Matas 2005); the
    /// best is refined to an affine map and to a homography where matches ask for it. `None` when fewer than
    /// four agree. `width` and `height` are the photo's.
    pub fn of(matches: &[Match], width: f64, height: f64, tolerance: f64) -> Option<Self> {
        // A homography bends a similarity by up to this much near the border of the frame.
        let loose = 3.0 * tolerance;
        let mut best: Option<(usize, Homography)> = None;
        let mut tried = 0;
        'search: for j in 1..matches.len() {
            for i in 0..j {
                // Where most agree with one already, no other can win by much.
                let settled = tried >= 50 && best.is_some_and(|(votes, _)| votes * 10 > matches.len() * 7);
                if tried == HYPOTHESES || settled {
                    break 'search;
                }
                let Some(map) = Homography::of_two(&matches[i], &matches[j]) else { continue };
                tried += 1;
                if !map.plausible(width, height) {
                    continue;
                }
                let votes = matches.iter().filter(|m| map.agrees(m, loose)).count();
                if best.is_none_or(|(most, _)| votes > most) {
                    best = Some((votes, map));
                }
            }
        }
        let (_, map) = best?;
        Self::refined(map, matches, width, height, tolerance)
    }

    fn refined(
        start: Homography,
        matches: &[Match],
        width: f64,
        height: f64,
        tolerance: f64,
    ) -> Option<Self> {
        let mut kept = Self { inliers: start.inliers(matches, tolerance), map: start };
        let mut map = start;
        // From loose to tight, so that matches far from the first two are taken in.
        for (affine, within) in
            [(true, 3.0), (true, 2.0), (false, 2.0), (false, 1.5), (false, 1.0), (false, 1.0)]
        {
            let near = map.inliers(matches, within * tolerance);
            let least = if affine { 6 } else { 12 };
            if near.len() < least {
                break;
            }
            let Some(next) = fitted(matches, &near, affine).filter(|m| m.plausible(width, height)) else {
                break;
            };
            map = next;
            let inliers = map.inliers(matches, tolerance);
            if inliers.len() >= kept.inliers.len() {
                kept = Self { map, inliers };
            }
        }
        (kept.inliers.len() >= 4).then_some(kept)
    }
}

/// The least-squares map of the chosen matches by the direct linear transform, in coordinates moved and scaled
/// to unit spread (Hartley 1997).
fn fitted(matches: &[Match], chosen: &[usize], affine: bool) -> Option<Homography> {
    let points: Vec<[f64; 4]> = chosen
        .iter()
        .filter_map(|i| matches.get(*i))
        .map(|m| [m.from.x, m.from.y, m.to.x, m.to.y].map(f64::from))
        .collect();
    let spread = |k: usize| {
        let n = points.len() as f64;
        let (x, y) = points.iter().fold((0.0, 0.0), |s, p| (s.0 + p[k] / n, s.1 + p[k + 1] / n));
        let mean = points.iter().map(|p| (p[k] - x).hypot(p[k + 1] - y)).sum::<f64>() / n;
        (mean > 1e-6).then(|| (x, y, std::f64::consts::SQRT_2 / mean))
    };
    let ((x0, y0, s), (u0, v0, t)) = (spread(0)?, spread(2)?);
    let unknowns = if affine { 6 } else { 8 };
    let mut normal = [[0.0_f64; 9]; 8];
    for p in &points {
        let (x, y, u, v) = ((p[0] - x0) * s, (p[1] - y0) * s, (p[2] - u0) * t, (p[3] - v0) * t);
        for (row, target) in
            [([x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y], u), ([0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y], v)]
        {
            for i in 0..unknowns {
                for j in 0..unknowns {
                    normal[i][j] += row[i] * row[j];
                }
                normal[i][8] += row[i] * target;
            }
        }
    }
    let h = solved(&mut normal, unknowns)?;
    // Back to pixels: T^-1 * H * S, where S and T are the moves above.
    let m = [h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7], 1.0];
    let mut right = [0.0; 9];
    for row in 0..3 {
        let [a, b, c] = [m[row * 3], m[row * 3 + 1], m[row * 3 + 2]];
        right[row * 3] = a * s;
        right[row * 3 + 1] = b * s;
        right[row * 3 + 2] = c - a * s * x0 - b * s * y0;
    }
    let mut out = [0.0; 9];
    for column in 0..3 {
        out[column] = right[column] / t + u0 * right[6 + column];
        out[3 + column] = right[3 + column] / t + v0 * right[6 + column];
        out[6 + column] = right[6 + column];
    }
    let scale = out[8];
    (scale.abs() > 1e-12).then(|| Homography(out.map(|v| v / scale)))
}

/// Gauss with row exchange; the last column is the right-hand side.
fn solved(rows: &mut [[f64; 9]; 8], n: usize) -> Option<[f64; 8]> {
    for i in 0..n {
        let pivot = (i..n).max_by(|a, b| rows[*a][i].abs().total_cmp(&rows[*b][i].abs()))?;
        rows.swap(i, pivot);
        if rows[i][i].abs() < 1e-9 {
            return None;
        }
        let lead = rows[i];
        for row in rows.iter_mut().take(n).skip(i + 1) {
            let factor = row[i] / lead[i];
            for (value, above) in row.iter_mut().zip(&lead).skip(i) {
                *value -= factor * above;
            }
        }
    }
    let mut out = [0.0; 8];
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| rows[i][j] * out[j]).sum();
        out[i] = (rows[i][8] - known) / rows[i][i];
    }
    Some(out)
}
