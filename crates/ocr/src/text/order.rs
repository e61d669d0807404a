//! The order in which lines are read.

use crate::Quad;

/// Share of the lower one's height by which the middles of two lines of one row may differ.
const SAME_ROW: f32 = 0.5;

/// Sorts from top to bottom, lines of one row from left to right. A row is what has its middle near that of the
/// row's lines so far.
pub(super) fn by_row<T>(items: &mut Vec<T>, quad: impl Fn(&T) -> Quad) {
    let bounds = |item: &T| quad(item).bounds();
    let mut sorted: Vec<(f32, T)> =
        std::mem::take(items).into_iter().map(|i| (bounds(&i).centre().y, i)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut row: Vec<T> = Vec::new();
    let (mut middle, mut lowest) = (0.0, f32::INFINITY);
    let flush = |row: &mut Vec<T>, items: &mut Vec<T>| {
        row.sort_by(|a, b| bounds(a).x.total_cmp(&bounds(b).x));
        items.append(row);
    };
    for (y, item) in sorted {
        let height = bounds(&item).h;
        if !row.is_empty() && y - middle > SAME_ROW * lowest.min(height) {
            flush(&mut row, items);
            lowest = f32::INFINITY;
        }
        lowest = lowest.min(height);
        middle = if row.is_empty() { y } else { middle + (y - middle) / (row.len() + 1) as f32 };
        row.push(item);
    }
    flush(&mut row, items);
}

#[cfg(test)]
mod tests {
    use innkeeper_core::Rect;

    use super::*;

    fn quad(x: f32, y: f32) -> Quad {
        Quad::from_rect(&Rect { x, y, w: 50.0, h: 20.0 })
    }

    #[test]
    fn a_row_is_read_from_left_to_right_although_its_boxes_differ_by_some_pixels() {
        let mut quads = vec![quad(300.0, 100.0), quad(10.0, 130.0), quad(10.0, 106.0), quad(150.0, 103.0)];
        by_row(&mut quads, |q| *q);
        assert_eq!(quads, [quad(10.0, 106.0), quad(150.0, 103.0), quad(300.0, 100.0), quad(10.0, 130.0)]);
    }

    proptest::proptest! {
        #[test]
        fn sorting_loses_and_invents_no_line(
            spots in proptest::collection::vec((0.0_f32..500.0, 0.0_f32..500.0), 0..30)
        ) {
            let mut quads: Vec<Quad> = spots.iter().map(|(x, y)| quad(*x, *y)).collect();
            by_row(&mut quads, |q| *q);
            let key = |q: &Quad| (q.0[0].x.to_bits(), q.0[0].y.to_bits());
            let mut found: Vec<_> = quads.iter().map(key).collect();
            let mut wanted: Vec<_> = spots.iter().map(|(x, y)| key(&quad(*x, *y))).collect();
            found.sort_unstable();
            wanted.sort_unstable();
            proptest::prop_assert_eq!(found, wanted);
        }
    }
}
