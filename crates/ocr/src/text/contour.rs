//! Borders of the regions of a mask, after S. Suzuki and K. Abe, "Topological structural analysis of digitized
//! binary images by border following" (1985). Regions touch by eight neighbours, holes by four.

/// A mask with a border of one empty pixel, so that every pixel of the picture has eight neighbours.
pub(super) struct Mask {
    stride: usize,
    height: usize,
    /// 0 empty, 1 set, 2 on a border seen, -2 on a border seen whose right neighbour is empty.
    cells: Vec<i8>,
}

/// Column and row of a pixel.
pub(super) type Pixel = (i32, i32);

/// The eight neighbours, counterclockwise as seen on the screen, from the right one on.
const AROUND: [(isize, isize); 8] = [(1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1)];
const RIGHT: usize = 0;
const LEFT: usize = 4;

impl Mask {
    /// The pixels of a map of `width` columns that are above `threshold`, each grown by one pixel to the
    /// right and downwards (a dilation by 2 x 2).
    pub(super) fn above(map: &[f32], width: usize, threshold: f32) -> Self {
        let width = width.max(1);
        let height = map.len() / width;
        let stride = width + 2;
        let mut cells = vec![0_i8; stride * (height + 2)];
        for (y, row) in map.chunks_exact(width).enumerate() {
            for (x, value) in row.iter().enumerate() {
                if *value > threshold {
                    let at = (y + 1) * stride + x + 1;
                    for cell in [at, at + 1, at + stride, at + stride + 1] {
                        cells[cell] = 1;
                    }
                }
            }
        }
        // Growing may have reached the empty border on the right and below.
        for row in cells.chunks_exact_mut(stride) {
            row[stride - 1] = 0;
        }
        cells[(height + 1) * stride..].fill(0);
        Self { stride, height, cells }
    }

    /// The corners of every border, outer ones and those of holes: the pixels where the border changes its
    /// direction. At most `limit` borders.
    pub(super) fn borders(mut self, limit: usize) -> Vec<Vec<Pixel>> {
        let mut borders = Vec::new();
        for y in 1..=self.height {
            let row = y * self.stride;
            let mut before = 0;
            for x in 1..self.stride {
                let at = row + x;
                let cell = self.cells[at];
                if cell == before {
                    continue;
                }
                let start = match (before, cell) {
                    (0, 1) => Some((at, LEFT)),
                    (1.., 0) => Some((at - 1, RIGHT)),
                    _ => None,
                };
                if let Some((start, from)) = start {
                    if borders.len() == limit {
                        return borders;
                    }
                    borders.push(self.follow(start, from));
                }
                before = self.cells[at];
            }
        }
        borders
    }

    fn neighbour(&self, at: usize, direction: usize) -> usize {
        let (dx, dy) = AROUND[direction % 8];
        at.wrapping_add_signed(dx + dy * self.stride as isize)
    }

    fn pixel(&self, at: usize) -> Pixel {
        ((at % self.stride) as i32 - 1, (at / self.stride) as i32 - 1)
    }

    /// Follows one border from `start`, whose neighbour towards `from` is empty.
    fn follow(&mut self, start: usize, from: usize) -> Vec<Pixel> {
        let clockwise = (1..=8).map(|k| from + 8 - k);
        let first = clockwise.map(|d| d % 8).find(|d| self.cells[self.neighbour(start, *d)] != 0);
        let Some(first) = first else {
            self.cells[start] = -2;
            return vec![self.pixel(start)];
        };
        let last = self.neighbour(start, first);
        let mut corners = Vec::new();
        let (mut at, mut back, mut heading) = (start, first, usize::MAX);
        loop {
            // Counterclockwise from where we came, to the next pixel of the border.
            let mut right_is_empty = false;
            let mut direction = back + 1;
            let next = loop {
                let next = self.neighbour(at, direction);
                if self.cells[next] != 0 {
                    break next;
                }
                right_is_empty |= direction % 8 == RIGHT;
                direction += 1;
            };
            let direction = direction % 8;
            if right_is_empty {
                self.cells[at] = -2;
            } else if self.cells[at] == 1 {
                self.cells[at] = 2;
            }
            if direction != heading {
                corners.push(self.pixel(at));
                heading = direction;
            }
            if next == start && at == last {
                return corners;
            }
            (at, back) = (next, (direction + 4) % 8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Borders of a drawing, without growth: every second row and column of the mask are drawn over.
    fn borders(rows: &[&str]) -> Vec<Vec<Pixel>> {
        let width = rows[0].len();
        let mut cells = vec![0; (width + 2) * (rows.len() + 2)];
        for (y, row) in rows.iter().enumerate() {
            for (x, c) in row.bytes().enumerate() {
                cells[(y + 1) * (width + 2) + x + 1] = i8::from(c == b'#');
            }
        }
        Mask { stride: width + 2, height: rows.len(), cells }.borders(100)
    }

    fn extent(border: &[Pixel]) -> (i32, i32, i32, i32) {
        let xs = || border.iter().map(|p| p.0);
        let ys = || border.iter().map(|p| p.1);
        (xs().min().unwrap(), ys().min().unwrap(), xs().max().unwrap(), ys().max().unwrap())
    }

    #[test]
    fn a_single_pixel_is_a_border_of_one_point() {
        assert_eq!(borders(&["...", ".#.", "..."]), [vec![(1, 1)]]);
    }

    #[test]
    fn a_region_that_touches_the_edge_of_the_picture_has_one_border_round_it() {
        let found = borders(&["####", "####", "####"]);
        assert_eq!(found.len(), 1);
        assert_eq!(extent(&found[0]), (0, 0, 3, 2));
        assert_eq!(found[0].len(), 4, "corners only: {:?}", found[0]);
    }

    #[test]
    fn a_hole_has_a_border_of_its_own_on_the_pixels_round_it() {
        let found = borders(&["######", "#....#", "#....#", "######"]);
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|b| extent(b) == (0, 0, 5, 3)), "{found:?}");
        let found = borders(&["########", "########", "##....##", "########", "########"]);
        assert_eq!(extent(&found[1]), (1, 1, 6, 3));
    }

    #[test]
    fn an_island_in_a_hole_is_found() {
        let found = borders(&["#######", "#.....#", "#..#..#", "#.....#", "#######"]);
        assert_eq!(found.len(), 3);
        assert!(found.contains(&vec![(3, 2)]));
    }

    #[test]
    fn regions_that_touch_at_a_corner_are_one_and_lines_are_followed_there_and_back() {
        let found = borders(&["##..", "..##"]);
        assert_eq!(found.len(), 1);
        assert_eq!(extent(&found[0]), (0, 0, 3, 1));
        assert_eq!(extent(&borders(&["####"])[0]), (0, 0, 3, 0));
    }

    #[test]
    fn no_more_borders_than_allowed_are_given() {
        let mask = Mask { stride: 7, height: 1, cells: [0; 21].into() };
        assert!(mask.borders(5).is_empty());
        let dots: Vec<f32> = (0..40).map(|i| if i % 4 == 0 { 1.0 } else { 0.0 }).collect();
        assert_eq!(Mask::above(&dots, 40, 0.5).borders(3).len(), 3);
    }

    #[test]
    fn growth_goes_right_and_down_and_stays_inside() {
        let mut map = vec![0.0; 12];
        map[11] = 1.0;
        map[0] = 1.0;
        let found = Mask::above(&map, 4, 0.3).borders(10);
        assert_eq!(found.len(), 2);
        assert_eq!(extent(&found[0]), (0, 0, 1, 1));
        assert_eq!(found[1], [(3, 2)]);
    }

    proptest::proptest! {
        #[test]
        fn every_region_of_any_mask_has_a_border_with_its_extent(
            bits in proptest::collection::vec(proptest::bool::weighted(0.4), 63)
        ) {
            let rows: Vec<String> =
                bits.chunks(9).map(|r| r.iter().map(|b| if *b { '#' } else { '.' }).collect()).collect();
            let found = borders(&rows.iter().map(String::as_str).collect::<Vec<_>>());
            let mut seen = [false; 63];
            for start in 0..63 {
                if !bits[start] || seen[start] {
                    continue;
                }
                let (mut region, mut open) = (Vec::new(), vec![start]);
                seen[start] = true;
                while let Some(at) = open.pop() {
                    let (x, y) = ((at % 9) as i32, (at / 9) as i32);
                    region.push((x, y));
                    for (dx, dy) in AROUND {
                        let (x, y) = (x + dx as i32, y + dy as i32);
                        if (0..9).contains(&x) && (0..7).contains(&y) {
                            let next = (y * 9 + x) as usize;
                            if bits[next] && !seen[next] {
                                seen[next] = true;
                                open.push(next);
                            }
                        }
                    }
                }
                let wanted = extent(&region);
                proptest::prop_assert!(
                    found.iter().any(|b| extent(b) == wanted && b.iter().all(|p| region.contains(p)))
                );
            }
        }
    }
}
