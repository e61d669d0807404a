//! What a score is made of.

use chrono::NaiveDate;

use super::context::LABELS;
use super::ease::{Ease, EaseSettings};
use super::history::{GuestHistory, History, Interaction, Owned};
use super::tables::{LabelCounts, Tables};

/// Places in [`Shared`].
pub(crate) const EASE: usize = 0;
pub(crate) const MOMENTUM: usize = 1;
pub(crate) const POPULARITY: usize = 2;
pub(crate) const FIRST_LABEL: usize = 3;
pub(crate) const SHARED: usize = FIRST_LABEL + LABELS;

/// Logarithms: item model, rate of late, popularity, and the lift of each label.
pub(crate) type Shared = [f64; SHARED];

/// Of what was taken before: constant, shared, and six of the habit.
pub(crate) const HABIT: usize = 1 + SHARED + 6;

/// Days after which a past use counts half in the habit.
const HABIT_HALF_LIFE: f64 = 120.0;

/// All that is learnt from the rows before a day, the weights between the parts excepted.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub history: History,
    pub tables: Tables,
    pub ease: Ease,
    /// Added to a score of the item model before its logarithm: a fifth of the mean score of a guest.
    floor: f64,
}

impl Parts {
    pub fn learn(
        rows: &[&Interaction],
        as_of: NaiveDate,
        history: History,
        late: i64,
        settings: EaseSettings,
    ) -> Option<Self> {
        let tables = Tables::new(rows, &history, as_of, late);
        let ease = Ease::learn(&history, settings)?;
        let floor = floor(&history, &ease);
        Some(Self { history, tables, ease, floor })
    }

    pub fn shared(&self, ease: f64, item: usize, labels: &[Option<&LabelCounts>; LABELS]) -> Shared {
        let mut features = [0.0; SHARED];
        features[EASE] = (ease.max(0.0) + self.floor).ln() - self.floor.ln();
        features[MOMENTUM] = self.tables.momentum.get(item).copied().unwrap_or(0.0);
        features[POPULARITY] = self.tables.popularity.get(item).copied().unwrap_or(0.0);
        for (slot, lift) in features.iter_mut().skip(FIRST_LABEL).zip(self.tables.lifts(labels, item)) {
            *slot = lift;
        }
        features
    }

    /// The item model's score of one item.
    pub fn ease_of(&self, guest: &GuestHistory, item: usize) -> f64 {
        guest
            .owned
            .iter()
            .map(|owned| {
                self.ease.settings.weight(owned.ages.first().copied().unwrap_or(0))
                    * self.ease.weight(owned.item, item)
            })
            .sum()
    }
}

/// The scale on which a score of the item model is small.
fn floor(history: &History, ease: &Ease) -> f64 {
    // A few hundred guests, spread over all, place a mean well enough.
    let step = (history.guests.len() / 300).max(1);
    let (mut sum, mut count) = (0.0, 0.0);
    for guest in history.guests.values().step_by(step) {
        let scores = ease.scores(guest);
        sum += scores.iter().map(|score| score.max(0.0)).sum::<f64>();
        count += scores.len() as f64;
    }
    if count > 0.0 { (sum / count / 5.0).max(1e-6) } else { 1e-6 }
}

/// How active the guest is: logarithm of the days with anything taken, logarithm of the days since.
pub(crate) fn activity(guest: &GuestHistory) -> [f64; 2] {
    [(guest.days.max(1) as f64).ln(), (guest.last.max(0) as f64).ln_1p()]
}

/// Past uses, an old one counting less.
pub(crate) fn decayed(owned: &Owned) -> f64 {
    owned.ages.iter().map(|age| 0.5_f64.powf(*age as f64 / HABIT_HALF_LIFE)).sum()
}

/// What tells whether a guest takes again what was taken before.
pub(crate) fn habit(guest: &GuestHistory, owned: &Owned, shared: &Shared) -> Vec<f64> {
    let [days, last] = activity(guest);
    let times = owned.ages.len() as f64;
    let mut features = Vec::with_capacity(HABIT);
    features.push(1.0);
    features.extend_from_slice(shared);
    features.extend([
        days,
        last,
        (decayed(owned) + 0.01).ln(),
        times.max(1.0).ln(),
        times / (guest.days.max(1) as f64),
        (owned.ages.first().copied().unwrap_or(0) as f64).ln_1p(),
    ]);
    features
}
