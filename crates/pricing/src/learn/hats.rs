//! Functions of the days left, linear between knots.

/// Knots at equal distances on the logarithm of the days left, so that the last days, in which most changes, have most knots.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hats {
    first: f64,
    distance: f64,
    count: usize,
}

/// Two knots with their weights.
pub(crate) type Between = [(usize, f64); 2];

/// Days added before the logarithm is taken: the first five days are nearly one.
const SOFT: f64 = 5.0;

impl Hats {
    /// `count` knots from one day to another; one knot is a constant.
    pub fn new(shortest: f64, longest: f64, count: usize) -> Self {
        let (first, last) = ((shortest + SOFT).ln(), (longest.max(shortest) + SOFT).ln());
        let distance = if count > 1 { (last - first) / (count - 1) as f64 } else { 0.0 };
        Self { first, distance, count: if distance > 1e-9 { count } else { 1 } }
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// Weights of the knots around a day; beyond the last knots the function stays as it is there.
    pub fn at(&self, days_left: f64) -> Between {
        if self.count == 1 {
            return [(0, 1.0), (0, 0.0)];
        }
        let place = ((days_left + SOFT).ln() - self.first) / self.distance;
        let place = place.clamp(0.0, (self.count - 1) as f64);
        let low = (place.floor() as usize).min(self.count - 2);
        let above = place - low as f64;
        [(low, 1.0 - above), (low + 1, above)]
    }
}
