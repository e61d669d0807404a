//! What is fixed about how a forecast is made, and the evaluation that fixed it.

/// Settings of the members, their weights and the intervals.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub first_day: usize,
    pub survival_half_life: f64,
    pub survival_pseudo: f64,
    pub ridge_half_life: f64,
    pub ridge_penalty: f64,
    pub ridge_nights: f64,
    pub boost_fits: usize,
    pub boost_every: usize,
    pub boost_stride: usize,
    pub boost_nights: usize,
    pub boost_half_life: f64,
    pub boost_trees: usize,
    pub boost_rate: f32,
    pub boost_depth: usize,
    pub boost_leaves: usize,
    pub boost_leaf_weight: f32,
    pub boost_l2: f32,
    pub weigh_half_life: f64,
    pub weigh_power: f64,
    pub bias_days: f64,
    pub bias_share: f64,
    pub interval_half_life: f64,
    pub interval_tail: f64,
}

fn knob(name: &str, default: f64) -> f64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            first_day: 7,
            survival_half_life: knob("SHL", 180.0),
            survival_pseudo: knob("SPS", 20.0),
            ridge_half_life: knob("RHL", 365.0),
            ridge_penalty: knob("RPE", 0.1),
            ridge_nights: knob("RNI", 42.0),
            boost_fits: knob("BFI", 6.0) as usize,
            boost_every: knob("BEV", 28.0) as usize,
            boost_stride: knob("BST", 2.0) as usize,
            boost_nights: knob("BNI", 120.0) as usize,
            boost_half_life: knob("BHL", 365.0),
            boost_trees: knob("BTR", 60.0) as usize,
            boost_rate: knob("BRA", 0.06) as f32,
            boost_depth: 6,
            boost_leaves: knob("BLE", 10.0) as usize,
            boost_leaf_weight: knob("BLW", 40.0) as f32,
            boost_l2: knob("BL2", 20.0) as f32,
            weigh_half_life: knob("WHL", 120.0),
            weigh_power: knob("WPO", 2.0),
            bias_days: knob("BDA", 28.0),
            bias_share: knob("BSH", 0.0),
            interval_half_life: knob("IHL", 150.0),
            interval_tail: knob("ITA", 0.9),
        }
    }
}

impl Settings {
    /// Days of history that are looked at: three years.
    pub const MOST_HISTORY: u64 = 1_100;

    /// A room type is forecast from its books and recent pickup alone: the hotel decides the sum.
    pub fn of_a_room_type() -> Self {
        Self { ridge_nights: f64::INFINITY, boost_fits: 0, ..Self::default() }
    }
}
