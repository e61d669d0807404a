//! What guests took, as numbers: items by place in the catalogue, days by age.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;

use super::context::Context;

/// A guest took an item.
#[derive(Debug, Clone, PartialEq)]
pub struct Interaction {
    /// Who; not empty.
    pub guest: String,
    /// What; not empty.
    pub item: String,
    /// The day it was taken.
    pub day: NaiveDate,
    /// What it brought, in the hotel's currency; finite, `None` when not known.
    pub amount: Option<f64>,
    /// The stay's circumstances on that day.
    pub context: Context,
}

/// One thing that the guest asked about took before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// What.
    pub item: String,
    /// When.
    pub day: NaiveDate,
}

/// An item of a guest's history.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Owned {
    /// Place in the catalogue.
    pub item: usize,
    /// Age in days of each distinct day it was taken on, the smallest first.
    pub ages: Vec<i64>,
}

/// What one guest took before a day.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct GuestHistory {
    /// By place in the catalogue.
    pub owned: Vec<Owned>,
    /// Distinct days on which anything was taken, of the catalogue or not.
    pub days: usize,
    /// Days since the last of them.
    pub last: i64,
}

impl GuestHistory {
    /// What was taken before `as_of`; later rows are not read.
    pub fn new<'a>(
        rows: impl IntoIterator<Item = (&'a str, NaiveDate)>,
        places: &HashMap<String, usize>,
        as_of: NaiveDate,
    ) -> Self {
        let mut days = BTreeSet::new();
        let mut owned: BTreeMap<usize, BTreeSet<i64>> = BTreeMap::new();
        for (item, day) in rows {
            let age = (as_of - day).num_days();
            if age <= 0 {
                continue;
            }
            days.insert(age);
            if let Some(place) = places.get(item) {
                owned.entry(*place).or_default().insert(age);
            }
        }
        Self {
            owned: owned
                .into_iter()
                .map(|(item, ages)| Owned { item, ages: ages.into_iter().collect() })
                .collect(),
            days: days.len(),
            last: days.first().copied().unwrap_or(0),
        }
    }

    pub fn find(&self, item: usize) -> Option<&Owned> {
        self.owned.binary_search_by_key(&item, |owned| owned.item).ok().and_then(|at| self.owned.get(at))
    }
}

/// The catalogue and every guest's history before a day.
#[derive(Debug, Clone)]
pub(crate) struct History {
    /// Sorted names.
    pub items: Vec<String>,
    pub places: HashMap<String, usize>,
    /// Guests who took at least one item of the catalogue, by name.
    pub guests: BTreeMap<String, GuestHistory>,
    /// Everyone who took anything before the day, of the catalogue or not.
    pub known: BTreeSet<String>,
}

impl History {
    /// Reads the rows before `as_of`. The catalogue holds the items that at least `least_guests` guests took,
    /// `most_items` of them at most: those with the most guests.
    pub fn new(rows: &[&Interaction], as_of: NaiveDate, least_guests: usize, most_items: usize) -> Self {
        let mut by_guest: BTreeMap<&str, Vec<(&str, NaiveDate)>> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.day < as_of) {
            by_guest.entry(&row.guest).or_default().push((&row.item, row.day));
        }
        let mut takers: BTreeMap<&str, usize> = BTreeMap::new();
        for taken in by_guest.values() {
            for item in taken.iter().map(|(item, _)| *item).collect::<BTreeSet<_>>() {
                *takers.entry(item).or_default() += 1;
            }
        }
        let mut kept: Vec<(&str, usize)> =
            takers.into_iter().filter(|(_, guests)| *guests >= least_guests.max(1)).collect();
        kept.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        kept.truncate(most_items);
        let mut items: Vec<String> = kept.into_iter().map(|(item, _)| item.to_owned()).collect();
        items.sort();
        let places: HashMap<String, usize> =
            items.iter().enumerate().map(|(place, item)| (item.clone(), place)).collect();
        let known = by_guest.keys().map(|guest| (*guest).to_owned()).collect();
        let guests = by_guest
            .into_iter()
            .map(|(guest, taken)| (guest.to_owned(), GuestHistory::new(taken, &places, as_of)))
            .filter(|(_, history)| !history.owned.is_empty())
            .collect();
        Self { items, places, guests, known }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(guest: &str, item: &str, of_may: u32) -> Interaction {
        Interaction {
            guest: guest.into(),
            item: item.into(),
            day: NaiveDate::from_ymd_opt(2025, 5, of_may).unwrap(),
            amount: None,
            context: Context::default(),
        }
    }

    #[test]
    fn the_day_itself_and_later_are_not_read() {
        let rows = [row("a", "spa", 1), row("a", "spa", 3), row("a", "spa", 3), row("b", "spa", 5)];
        let history = History::new(
            &rows.iter().collect::<Vec<_>>(),
            NaiveDate::from_ymd_opt(2025, 5, 5).unwrap(),
            1,
            10,
        );
        assert_eq!(history.guests.len(), 1);
        let guest = &history.guests["a"];
        assert_eq!(guest.owned, vec![Owned { item: 0, ages: vec![2, 4] }]);
        assert_eq!((guest.days, guest.last), (2, 2));
    }

    #[test]
    fn rare_items_stay_out_and_the_most_taken_stay_in() {
        let rows = [
            row("a", "x", 1),
            row("b", "x", 1),
            row("a", "y", 1),
            row("b", "y", 1),
            row("c", "y", 1),
            row("a", "z", 1),
        ];
        let as_of = NaiveDate::from_ymd_opt(2025, 6, 1).unwrap();
        let rows: Vec<&Interaction> = rows.iter().collect();
        assert_eq!(History::new(&rows, as_of, 2, 10).items, ["x", "y"]);
        assert_eq!(History::new(&rows, as_of, 2, 1).items, ["y"]);
        assert!(History::new(&rows, as_of, 9, 10).items.is_empty());
    }
}
