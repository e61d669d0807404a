//! What is fixed about how a forecast is made.
//!
//! Chosen with `cargo run --release --example evaluate` on nine origins of the public hotel bookings, every 19 days from
//! 2016-10-30, and looked at once on 19 origins, every 13 days from 2016-08-01.

/// Settings of the members, their weights and the intervals.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// First day of the history that a row may stand on.
    pub first_day: usize,
    /// Days after which what was learnt about cancellations counts half.
    pub survival_half_life: f64,
    /// Bookings that a coarser kind is worth when a finer one is judged.
    pub survival_pseudo: f64,
    /// Days after which a row of the linear member counts half.
    pub ridge_half_life: f64,
    /// Penalty on its slopes, in units of one standard deviation of each feature.
    pub ridge_penalty: f64,
    /// Share of the recent pickup in what the linear member adds to.
    pub ridge_pickup: f64,
    /// Nights below which it is not fitted.
    pub ridge_nights: f64,
    /// How many times the boosted member is fitted: once as of now, the rest to know its past errors.
    pub boost_fits: usize,
    /// Days between those.
    pub boost_every: usize,
    /// One row in so many is learnt from.
    pub boost_stride: usize,
    /// Nights below which it is not fitted.
    pub boost_nights: usize,
    /// Days after which a row of it counts half.
    pub boost_half_life: f64,
    /// Trees.
    pub boost_trees: usize,
    /// Learning rate.
    pub boost_rate: f32,
    /// Deepest tree.
    pub boost_depth: usize,
    /// Most leaves of a tree.
    pub boost_leaves: usize,
    /// Least weight of a leaf, in rows.
    pub boost_leaf_weight: f32,
    /// Penalty on leaf values.
    pub boost_l2: f32,
    /// Share of the recent pickup in what the boosted member adds to.
    pub boost_pickup: f64,
    /// Days after which an error counts half when members are weighed.
    pub weigh_half_life: f64,
    /// Members are weighed by their squared error to minus this power.
    pub weigh_power: f64,
    /// Days after which a miss counts half when intervals are made.
    pub interval_half_life: f64,
    /// What the tails outside the intervals are multiplied by: misses of neighbouring nights go together, so that fewer were seen
    /// than were counted.
    pub interval_tail: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            first_day: 7,
            survival_half_life: 180.0,
            survival_pseudo: 20.0,
            ridge_half_life: 365.0,
            ridge_penalty: 0.3,
            ridge_pickup: 0.0,
            ridge_nights: 42.0,
            boost_fits: 3,
            boost_every: 28,
            boost_stride: 2,
            boost_nights: 120,
            boost_half_life: 365.0,
            boost_trees: 90,
            boost_rate: 0.08,
            boost_depth: 6,
            boost_leaves: 10,
            boost_leaf_weight: 20.0,
            boost_l2: 2.0,
            boost_pickup: 0.0,
            weigh_half_life: 120.0,
            weigh_power: 4.0,
            interval_half_life: 150.0,
            interval_tail: 0.9,
        }
    }
}

impl Settings {
    /// Days of history that are looked at: three years.
    pub const MOST_HISTORY: u64 = 1_100;

    /// Books and pickup alone, as room types are forecast, whose sum the hotel decides.
    pub fn of_books_and_pickup() -> Self {
        Self { ridge_nights: f64::INFINITY, boost_fits: 0, ..Self::default() }
    }
}
