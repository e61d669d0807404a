//! Counts of items: in all, lately, and by each label of the context.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;

use super::context::{Context, LABELS};
use super::history::{History, Interaction};

/// Takings that a share over everything counts against the share within a label: a label with fewer of them is
/// believed less than half.
const LABEL_PRIOR: f64 = 50.0;

/// Takings of an item that its long rate counts against its rate of late.
const MOMENTUM_PRIOR: f64 = 3.0;

/// Uses with an amount that an item needs before its mean amount is given.
const LEAST_AMOUNTS: usize = 3;

/// Takings under one label.
#[derive(Debug, Clone, Default)]
pub(crate) struct LabelCounts {
    counts: HashMap<usize, f64>,
    all: f64,
}

#[derive(Debug, Clone)]
pub(crate) struct Tables {
    /// Distinct (guest, day) of each item.
    taken: Vec<f64>,
    total: f64,
    /// Logarithm of the share of all takings, one an item.
    pub popularity: Vec<f64>,
    /// Logarithm of the rate of late over the long rate, one an item.
    pub momentum: Vec<f64>,
    /// For each kind of label and each label: takings of each item, and in all.
    labels: [HashMap<String, LabelCounts>; LABELS],
    amounts: Vec<(f64, usize)>,
    /// Guests of each item, sorted; what two items have in common tells how alike they are.
    guests: Vec<Vec<u32>>,
}

impl Tables {
    /// Counts the rows before `as_of`; `late` is the length in days of what counts as lately.
    pub fn new(rows: &[&Interaction], history: &History, as_of: NaiveDate, late: i64) -> Self {
        let size = history.items.len();
        let mut taken = vec![0.0; size];
        let mut lately = vec![0.0; size];
        let mut labels: [HashMap<String, LabelCounts>; LABELS] = Default::default();
        let mut amounts = vec![(0.0, 0); size];
        let mut seen = BTreeSet::new();
        for row in rows.iter().filter(|row| row.day < as_of) {
            let Some(&place) = history.places.get(&row.item) else { continue };
            if let (Some(amount), Some(slot)) = (row.amount, amounts.get_mut(place)) {
                slot.0 += amount;
                slot.1 += 1;
            }
            if !seen.insert((&row.guest, place, row.day)) {
                continue;
            }
            taken[place] += 1.0;
            if (as_of - row.day).num_days() <= late {
                lately[place] += 1.0;
            }
            for (table, key) in labels.iter_mut().zip(row.context.keys()) {
                if let Some(key) = key {
                    let label = table.entry(key).or_default();
                    *label.counts.entry(place).or_default() += 1.0;
                    label.all += 1.0;
                }
            }
        }
        let total: f64 = taken.iter().sum();
        let recent: f64 = lately.iter().sum();
        let rate = if total > 0.0 { recent / total } else { 0.0 };
        let popularity = taken.iter().map(|count| ((count + 0.5) / (total + 1.0)).ln()).collect();
        // Without anything taken of late there is no news of any item.
        let momentum = if recent > 0.0 {
            taken
                .iter()
                .zip(&lately)
                .map(|(all, late)| ((late + MOMENTUM_PRIOR * rate) / ((all + MOMENTUM_PRIOR) * rate)).ln())
                .collect()
        } else {
            vec![0.0; size]
        };
        let mut guests = vec![Vec::new(); size];
        for (number, guest) in history.guests.values().enumerate() {
            for owned in &guest.owned {
                guests[owned.item].push(number as u32);
            }
        }
        Self { taken, total, popularity, momentum, labels, amounts, guests }
    }

    /// The counts under each label of a context; `None` for a label that is not known or was never seen.
    pub fn labels(&self, context: &Context) -> [Option<&LabelCounts>; LABELS] {
        let mut found = [None; LABELS];
        for ((slot, table), key) in found.iter_mut().zip(&self.labels).zip(context.keys()) {
            *slot = key.and_then(|key| table.get(&key));
        }
        found
    }

    /// Logarithm of how much more often the item is taken under each label than over all, shrunk towards 0
    /// where the label was seen seldom; 0 for a label that is not known.
    pub fn lifts(&self, labels: &[Option<&LabelCounts>; LABELS], item: usize) -> [f64; LABELS] {
        let share = (self.taken.get(item).copied().unwrap_or(0.0) + 0.5) / (self.total + 1.0);
        labels.map(|label| {
            label.map_or(0.0, |label| {
                let within = label.counts.get(&item).copied().unwrap_or(0.0);
                ((within + LABEL_PRIOR * share) / ((label.all + LABEL_PRIOR) * share)).ln()
            })
        })
    }

    /// Mean amount of a use; `None` when too few uses have one.
    pub fn amount(&self, item: usize) -> Option<f64> {
        let (sum, count) = self.amounts.get(item).copied()?;
        (count >= LEAST_AMOUNTS).then(|| sum / count as f64).filter(|mean| mean.is_finite())
    }

    /// Cosine between the sets of guests who took either, 0 to 1.
    pub fn alike(&self, left: usize, right: usize) -> f64 {
        let (Some(a), Some(b)) = (self.guests.get(left), self.guests.get(right)) else { return 0.0 };
        if a.is_empty() || b.is_empty() {
            return 0.0;
        }
        let (mut i, mut j, mut common) = (0, 0, 0.0);
        while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
            match x.cmp(y) {
                std::cmp::Ordering::Less => i += 1,
                std::cmp::Ordering::Greater => j += 1,
                std::cmp::Ordering::Equal => {
                    common += 1.0;
                    i += 1;
                    j += 1;
                }
            }
        }
        common / (a.len() as f64 * b.len() as f64).sqrt()
    }
}
