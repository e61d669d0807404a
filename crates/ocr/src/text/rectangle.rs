//! Rectangles round borders: the convex hull, the rectangle of least area, a rectangle grown by a distance,
//! and the mean of a map inside one.

use super::contour::Pixel;

/// Four corners: top left, top right, bottom right, bottom left.
pub(super) type Corners = [(f32, f32); 4];

/// A rectangle of any direction and the length of its shorter side in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rectangle {
    pub(super) corners: Corners,
    pub(super) short_side: f32,
}

fn cross(o: Pixel, a: Pixel, b: Pixel) -> i64 {
    let (ax, ay) = (i64::from(a.0 - o.0), i64::from(a.1 - o.1));
    let (bx, by) = (i64::from(b.0 - o.0), i64::from(b.1 - o.1));
    ax * by - ay * bx
}

/// The convex hull without points on its sides (A. M. Andrew's monotone chain, 1979).
pub(super) fn hull(points: &[Pixel]) -> Vec<Pixel> {
    let mut sorted = points.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() < 3 {
        return sorted;
    }
    let mut hull: Vec<Pixel> = Vec::with_capacity(16);
    let chain = |hull: &mut Vec<Pixel>, points: &mut dyn Iterator<Item = &Pixel>| {
        let from = hull.len();
        for p in points {
            while hull.len() >= from + 2
                && let [.., a, b] = hull[..]
                && cross(a, b, *p) <= 0
            {
                hull.pop();
            }
            hull.push(*p);
        }
        // The last point begins the other chain.
        hull.pop();
    };
    chain(&mut hull, &mut sorted.iter());
    chain(&mut hull, &mut sorted.iter().rev());
    hull
}

/// The rectangle of least area that holds all points; one of its sides lies on a side of their hull (H. Freeman
/// and R. Shapira, 1975). `None` when all points lie on one line.
pub(super) fn least_rectangle(points: &[Pixel]) -> Option<Rectangle> {
    let hull = hull(points);
    if hull.len() < 3 {
        return None;
    }
    let mut best: Option<(f64, [f64; 2], [f64; 4])> = None;
    for (i, a) in hull.iter().enumerate() {
        let b = hull[(i + 1) % hull.len()];
        let (dx, dy) = (f64::from(b.0 - a.0), f64::from(b.1 - a.1));
        let length = dx.hypot(dy);
        let (ux, uy) = (dx / length, dy / length);
        let mut ends = [f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY, f64::NEG_INFINITY];
        for p in &hull {
            let (x, y) = (f64::from(p.0 - a.0), f64::from(p.1 - a.1));
            let (along, across) = (x * ux + y * uy, y * ux - x * uy);
            ends = [ends[0].min(along), ends[1].max(along), ends[2].min(across), ends[3].max(across)];
        }
        let area = (ends[1] - ends[0]) * (ends[3] - ends[2]);
        if best.is_none_or(|(least, ..)| area < least - 1e-9) {
            let (x, y) = (f64::from(a.0), f64::from(a.1));
            let origin = x * ux + y * uy;
            let height = y * ux - x * uy;
            let ends = [ends[0] + origin, ends[1] + origin, ends[2] + height, ends[3] + height];
            best = Some((area, [ux, uy], ends));
        }
    }
    let (_, [ux, uy], [left, right, top, bottom]) = best?;
    let corner =
        |along: f64, across: f64| ((along * ux - across * uy) as f32, (along * uy + across * ux) as f32);
    let corners = [corner(left, top), corner(right, top), corner(right, bottom), corner(left, bottom)];
    let short_side = (right - left).min(bottom - top) as f32;
    Some(Rectangle { corners: in_reading_order(corners), short_side })
}

/// Corners as top left, top right, bottom right, bottom left: the two on the left, the two on the right, each
/// from top to bottom.
pub(super) fn in_reading_order(mut corners: Corners) -> Corners {
    corners.sort_by(|a, b| a.0.total_cmp(&b.0));
    let [a, b, c, d] = corners;
    let (top_left, bottom_left) = if b.1 > a.1 { (a, b) } else { (b, a) };
    let (top_right, bottom_right) = if d.1 > c.1 { (c, d) } else { (d, c) };
    [top_left, top_right, bottom_right, bottom_left]
}

/// The points of a rectangle grown by its area times `ratio` over its perimeter on every side, its corners
/// rounded (M. Liao and others, "Real-time scene text detection with differentiable binarization", 2020, undo
/// the shrinking of the labels so). On whole pixels, as the polygon libraries of the original count.
pub(super) fn grown(corners: &Corners, ratio: f32) -> Vec<Pixel> {
    let point = |i: usize| {
        let (x, y) = corners[i % 4];
        (f64::from(x), f64::from(y))
    };
    let (mut area, mut perimeter) = (0.0, 0.0);
    for i in 0..4 {
        let (a, b) = (point(i), point(i + 1));
        area += a.0 * b.1 - b.0 * a.1;
        perimeter += (b.0 - a.0).hypot(b.1 - a.1);
    }
    let distance = area.abs() / 2.0 * f64::from(ratio) / perimeter;
    if !distance.is_finite() || distance <= 0.0 {
        return corners.iter().map(|c| (c.0 as i32, c.1 as i32)).collect();
    }
    let whole = |i: usize| {
        let (x, y) = point(i);
        (x.trunc(), y.trunc())
    };
    // Outwards is to the left of a side when the corners turn clockwise on the screen.
    let outwards = if area > 0.0 { 1.0 } else { -1.0 };
    let normal = |i: usize| {
        let (a, b) = (whole(i), whole(i + 1));
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let length = dx.hypot(dy);
        (length > 0.0).then(|| (outwards * dy / length, -outwards * dx / length))
    };
    // An arc is cut so that no chord is further than a quarter of a pixel from it.
    let flatness = 0.25_f64.min(distance * 0.25);
    let steps =
        (std::f64::consts::PI / (1.0 - flatness / distance).acos()).min(distance * std::f64::consts::PI);
    let mut points = Vec::with_capacity(32);
    for i in 0..4 {
        let (Some(before), Some(after)) = (normal((i + 3) % 4), normal(i)) else { continue };
        let (x, y) = whole(i);
        let turn = (before.0 * after.1 - before.1 * after.0).atan2(before.0 * after.0 + before.1 * after.1);
        let count = (steps / std::f64::consts::TAU * turn.abs()).round().max(1.0) as usize;
        let step = std::f64::consts::TAU / steps * turn.signum();
        let mut emit = |n: (f64, f64)| {
            points.push(((x + n.0 * distance).round() as i32, (y + n.1 * distance).round() as i32));
        };
        for k in 0..count {
            let (sin, cos) = (step * k as f64).sin_cos();
            emit((before.0 * cos - before.1 * sin, before.0 * sin + before.1 * cos));
        }
        emit(after);
    }
    points
}

/// Mean of the map inside the corners, their sides included; 0 when they lie outside.
pub(super) fn mean_inside(map: &[f32], width: usize, corners: &Corners) -> f32 {
    let height = map.len() / width.max(1);
    if width == 0 || height == 0 {
        return 0.0;
    }
    let fold =
        |f: fn(f32, f32) -> f32, of: fn(&(f32, f32)) -> f32, start| corners.iter().map(of).fold(start, f);
    let inside = |v: f32, end: usize| (v as i32).clamp(0, end as i32 - 1);
    let left = inside(fold(f32::min, |c| c.0, f32::INFINITY).floor(), width);
    let top = inside(fold(f32::min, |c| c.1, f32::INFINITY).floor(), height);
    let right = inside(fold(f32::max, |c| c.0, f32::NEG_INFINITY).ceil(), width);
    let bottom = inside(fold(f32::max, |c| c.1, f32::NEG_INFINITY).ceil(), height);
    let local = corners.map(|(x, y)| ((x - left as f32) as i32, (y - top as f32) as i32));

    let mut spans = vec![(i32::MAX, i32::MIN); (bottom - top + 1) as usize];
    for i in 0..4 {
        let ((x0, y0), (x1, y1)) = (local[i], local[(i + 1) % 4]);
        let steps = (x1 - x0).abs().max((y1 - y0).abs()).max(1);
        for k in 0..=steps {
            let part = f64::from(k) / f64::from(steps);
            let x = (f64::from(x0) + part * f64::from(x1 - x0)).round() as i32;
            let y = (f64::from(y0) + part * f64::from(y1 - y0)).round() as i32;
            if let Some(span) = usize::try_from(y).ok().and_then(|y| spans.get_mut(y)) {
                *span = (span.0.min(x), span.1.max(x));
            }
        }
    }
    let (mut sum, mut count) = (0.0_f64, 0_usize);
    for (y, (from, to)) in (top as usize..).zip(spans) {
        let from = (from.max(0).saturating_add(left)) as usize;
        let to = to.saturating_add(left).min(right);
        let Ok(to) = usize::try_from(to) else { continue };
        if let Some(row) = map.get(y * width + from..=y * width + to).filter(|_| from <= to) {
            sum += row.iter().map(|v| f64::from(*v)).sum::<f64>();
            count += row.len();
        }
    }
    if count == 0 { 0.0 } else { (sum / count as f64) as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_rectangle_of_an_upright_block_is_the_block() {
        let block: Vec<Pixel> = (10..=50).flat_map(|x| (5..=12).map(move |y| (x, y))).collect();
        let found = least_rectangle(&block).unwrap();
        assert_eq!(found.corners, [(10.0, 5.0), (50.0, 5.0), (50.0, 12.0), (10.0, 12.0)]);
        assert!((found.short_side - 7.0).abs() < 1e-6);
    }

    #[test]
    fn the_least_rectangle_of_a_tilted_block_has_its_direction() {
        // Corners of a 50 x 25 rectangle along (4, 3) / 5.
        let found = least_rectangle(&[(0, 0), (40, 30), (25, 50), (-15, 20)]).unwrap();
        assert!((found.short_side - 25.0).abs() < 1e-4, "{found:?}");
        for (wanted, got) in [(-15.0, 20.0), (0.0, 0.0), (40.0, 30.0), (25.0, 50.0)].iter().zip({
            let mut c = found.corners;
            c.sort_by(|a, b| a.0.total_cmp(&b.0));
            [c[0], c[1], c[3], c[2]]
        }) {
            assert!((wanted.0 - got.0).abs() < 1e-3 && (wanted.1 - got.1).abs() < 1e-3, "{found:?}");
        }
    }

    #[test]
    fn points_on_a_line_have_no_rectangle() {
        assert!(least_rectangle(&[(0, 0)]).is_none());
        assert!(least_rectangle(&[(0, 0), (3, 3), (9, 9), (1, 1)]).is_none());
        assert!(least_rectangle(&[]).is_none());
    }

    #[test]
    fn a_rectangle_grows_by_area_over_perimeter_on_every_side() {
        let corners = [(100.0, 100.0), (300.0, 100.0), (300.0, 120.0), (100.0, 120.0)];
        // 200 * 20 * 1.6 / 440 = 14.5.
        let found = least_rectangle(&grown(&corners, 1.6)).unwrap();
        assert_eq!(found.corners, [(85.0, 85.0), (315.0, 85.0), (315.0, 135.0), (85.0, 135.0)]);
        let backwards = [corners[0], corners[3], corners[2], corners[1]];
        assert_eq!(least_rectangle(&grown(&backwards, 1.6)).unwrap().corners, found.corners);
    }

    #[test]
    fn a_degenerate_rectangle_stays_where_it_is() {
        assert_eq!(grown(&[(5.0, 5.0); 4], 1.6), [(5, 5); 4]);
        assert!(!grown(&[(0.0, 0.0), (10.0, 0.0), (10.0, 0.0), (0.0, 0.0)], 1.6).is_empty());
    }

    #[test]
    fn the_mean_counts_only_what_lies_inside() {
        let width = 10;
        let mut map = vec![0.0_f32; 100];
        for y in 3..=5 {
            map[y * width + 2..=y * width + 6].fill(1.0);
        }
        let inside = [(2.0, 3.0), (6.0, 3.0), (6.0, 5.0), (2.0, 5.0)];
        assert!((mean_inside(&map, width, &inside) - 1.0).abs() < 1e-6);
        let half = [(2.0, 3.0), (6.0, 3.0), (6.0, 8.0), (2.0, 8.0)];
        assert!((mean_inside(&map, width, &half) - 0.5).abs() < 1e-6);
        let outside = [(-50.0, -50.0), (-40.0, -50.0), (-40.0, -45.0), (-50.0, -45.0)];
        assert!(mean_inside(&map, width, &outside).abs() < 1e-6);
        assert!(mean_inside(&[], 0, &inside).abs() < 1e-6);
    }

    proptest::proptest! {
        #[test]
        fn the_least_rectangle_holds_every_point_and_is_no_larger_than_the_upright_one(
            points in proptest::collection::vec((-500..500_i32, -500..500_i32), 3..40)
        ) {
            let Some(found) = least_rectangle(&points) else { return Ok(()) };
            let [a, b, c, d] = found.corners.map(|(x, y)| (f64::from(x), f64::from(y)));
            let side = |p: (f64, f64), q: (f64, f64)| (q.0 - p.0).hypot(q.1 - p.1);
            let (l, r) = (|f: fn(&Pixel) -> i32| points.iter().map(f).min().unwrap(),
                          |f: fn(&Pixel) -> i32| points.iter().map(f).max().unwrap());
            let upright = f64::from(r(|p| p.0) - l(|p| p.0)) * f64::from(r(|p| p.1) - l(|p| p.1));
            proptest::prop_assert!(side(a, b) * side(b, c) <= upright * (1.0 + 1e-4) + 1.0);
            for p in &points {
                let p = (f64::from(p.0), f64::from(p.1));
                let beyond = [(a, b), (b, c), (c, d), (d, a)].iter().map(|(p0, p1)| {
                    let turn = (p1.0 - p0.0) * (p.1 - p0.1) - (p1.1 - p0.1) * (p.0 - p0.0);
                    turn / side(*p0, *p1).max(1e-9)
                }).fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
                proptest::prop_assert!(beyond.0 >= -0.05 || beyond.1 <= 0.05, "{p:?} outside {:?}", found.corners);
            }
        }
    }
}
