//! What the bookings made so far say of a night's demand, beside what its season and prices let expect.
//!
//! A night has demand of its own that nobody wrote down: its requests are Poisson with a rate that a gamma variable of mean
//! 1 multiplies. Given bookings N where E were expected at the prices of then, the mean of that variable is
//! `(N + k) / (E + k)`. Prices that follow earlier bookings depend on nothing else of the night, so that a regression on
//! this signal frees the price of it. The plain share of rooms sold would not do: it is itself what earlier prices made of
//! demand, and among nights that sold as many rooms the dearer ones had the higher demand. It is made from days before the day it is used on, never from the day itself.

use super::cells::Cell;
use super::layout::{MAX_LEAD, SIGNALS};

const ROWS: usize = MAX_LEAD as usize + 2;
/// Nights around a night whose bookings tell of it, the next ones and those beyond: unwritten demand lasts for days.
const AROUND: [&[i32]; 2] = [&[-1, 1], &[-4, -3, -2, 2, 3, 4]];

/// Signals of cells, and of nights to come as things stand on the last day.
#[derive(Debug, Clone)]
pub(super) struct Signals {
    /// Of the same room type, of the hotel, of the nights around; logarithms.
    pub cells: Vec<[f64; SIGNALS]>,
    /// The same on the last day, by night and room type.
    pub now: Vec<[f64; SIGNALS]>,
    /// Bookings that were expected so far, by night and room type.
    pub expected: Vec<f64>,
    /// The shape `k` of a night of one room type; its inverse is the variance of its unwritten demand.
    pub shape: f64,
}

/// The gamma shape whose variance explains what is left of counts beside Poisson spread.
fn shape(pairs: impl Iterator<Item = (f64, f64)>, scale: f64) -> f64 {
    let (mut left, mut squares) = (0.0, 0.0);
    for (count, expected) in pairs {
        left += (count - expected).powi(2) - scale * expected;
        squares += expected * expected;
    }
    let variance = if squares > 0.0 { left / squares } else { 0.0 };
    variance.clamp(0.005, 0.5).recip()
}

fn signal(count: f64, expected: f64, shape: f64) -> f64 {
    ((count + shape) / (expected + shape)).ln()
}

/// Sums from far to near, by night and lead time.
struct Sums {
    counts: Vec<f64>,
    expected: Vec<f64>,
}

impl Sums {
    /// Of bookings made at this lead time or before it; lead times past the arrival give all.
    fn until(&self, night: usize, lead: i32) -> (f64, f64) {
        let lead = lead.max(0) as usize;
        if lead >= ROWS {
            return (0.0, 0.0);
        }
        let at = night * ROWS + lead;
        (self.counts[at], self.expected[at])
    }
}

impl Signals {
    /// From what each cell was expected to bring at its price, signals aside. `by_day` holds the hotel's bookings by night
    /// and lead time, `known` the last known day counted from the first night, `scale` the variance over that of Poisson.
    pub fn new(
        cells: &[Cell],
        expected: &[f64],
        by_day: &[u16],
        (nights, kinds): (usize, usize),
        known: i32,
        scale: f64,
    ) -> Self {
        let mut sums = Sums {
            counts: by_day.iter().map(|count| f64::from(*count)).collect(),
            expected: vec![0.0; nights * ROWS],
        };
        let mut own = vec![(0.0, 0.0); nights * kinds];
        for (cell, expected) in cells.iter().zip(expected) {
            let share = expected / f64::from(cell.far - cell.near + 1);
            for lead in cell.near..=cell.far {
                sums.expected[cell.night * ROWS + usize::from(lead)] += share;
            }
            let own = &mut own[cell.night * kinds + cell.kind];
            own.0 += cell.count;
            own.1 += expected;
        }
        for night in 0..nights {
            for at in (night * ROWS..(night + 1) * ROWS - 1).rev() {
                sums.counts[at] += sums.counts[at + 1];
                sums.expected[at] += sums.expected[at + 1];
            }
        }
        let shape_own = shape(own.iter().copied(), scale);
        let shape_hotel = shape((0..nights).map(|night| sums.until(night, 0)), scale);
        let around = |night: usize, far: i32, nights_around: &[i32]| {
            let mut total = (0.0, 0.0);
            for by in nights_around {
                let other = night as i32 + by;
                if (0..nights as i32).contains(&other) {
                    let (count, expected) = sums.until(other as usize, far + by);
                    total = (total.0 + count, total.1 + expected);
                }
            }
            signal(total.0, total.1, shape_hotel)
        };
        let mut so_far = (usize::MAX, usize::MAX, 0.0, 0.0);
        let of_cells = cells
            .iter()
            .zip(expected)
            .map(|(cell, expected)| {
                if (so_far.0, so_far.1) != (cell.kind, cell.night) {
                    so_far = (cell.kind, cell.night, 0.0, 0.0);
                }
                let past = i32::from(cell.far) + 1;
                let hotel = sums.until(cell.night, past);
                let signals = [
                    signal(so_far.2, so_far.3, shape_own),
                    signal(hotel.0, hotel.1, shape_hotel),
                    around(cell.night, past, AROUND[0]),
                    around(cell.night, past, AROUND[1]),
                ];
                so_far.2 += cell.count;
                so_far.3 += expected;
                signals
            })
            .collect();
        let now = (0..nights * kinds)
            .map(|at| {
                let night = at / kinds;
                let hotel = sums.until(night, 0);
                let ahead = night as i32 - known;
                [
                    signal(own[at].0, own[at].1, shape_own),
                    signal(hotel.0, hotel.1, shape_hotel),
                    around(night, ahead, AROUND[0]),
                    around(night, ahead, AROUND[1]),
                ]
            })
            .collect();
        Self {
            cells: of_cells,
            now,
            expected: own.into_iter().map(|(_, expected)| expected).collect(),
            shape: shape_own,
        }
    }
}
