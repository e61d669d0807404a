//! A hotel as it was learnt: what its guests answer to prices, and what is known of the nights to come.

use chrono::{Days, NaiveDate};
use innkeeper_hotel::{Currency, RoomTypeName};

use super::question::{ScheduleError, Settings};
use super::tables::Tables;
use crate::history::{Calibration, DemandModel, History};
use crate::rules::OnSale;

/// Longest stay that is told apart when prices are looked for, and when what they bring is counted.
const LONGEST: usize = 8;
const MOST_LONG: usize = 28;
/// Days before the last known one whose bookings show whether what was expected came.
pub(super) const HELD_OUT_DAYS: u16 = 56;

/// A hotel whose prices can be asked for. Learning takes seconds; asking does not.
#[derive(Debug, Clone)]
pub struct Hotel {
    pub(super) as_of: NaiveDate,
    pub(super) currency: Currency,
    pub(super) settings: Settings,
    /// Room types from low to high, with their rooms and usual prices.
    pub(super) types: Vec<Kind>,
    pub(super) demand: DemandModel,
    pub(super) calibration: Result<Calibration, String>,
    pub(super) tables: Tables,
    /// Chance of a stay of 1, 2, … nights; the last is of that many or more.
    pub(super) stay_lengths: Vec<f64>,
    /// The same, told apart further.
    pub(super) all_lengths: Vec<f64>,
}

/// A room type.
#[derive(Debug, Clone)]
pub(super) struct Kind {
    pub name: RoomTypeName,
    pub rooms: u32,
    pub reference: f64,
}

impl Hotel {
    /// Learns from what was known on the last day.
    ///
    /// # Errors
    /// [`ScheduleError`]: no rooms, settings outside of their ranges, or nothing to learn from.
    pub fn learn(history: &History<'_>, settings: Settings) -> Result<Self, ScheduleError> {
        check(&settings)?;
        if history.rooms.values().all(|rooms| *rooms == 0) {
            return Err(ScheduleError::NoRooms);
        }
        let demand = DemandModel::fit(history)?;
        let calibration = DemandModel::calibration(history, HELD_OUT_DAYS).map_err(|error| error.to_string());
        let mut types: Vec<Kind> = demand
            .room_types()
            .iter()
            .map(|kind| Kind {
                name: kind.room_type.clone(),
                rooms: kind.rooms.unwrap_or(0),
                reference: kind.reference_price,
            })
            .collect();
        let place = |name: &RoomTypeName| {
            settings.order.iter().position(|of| of == name).unwrap_or(settings.order.len())
        };
        types.sort_by(|a, b| place(&a.name).cmp(&place(&b.name)).then(a.reference.total_cmp(&b.reference)));
        let names: Vec<RoomTypeName> = types.iter().map(|kind| kind.name.clone()).collect();
        let references: Vec<f64> = types.iter().map(|kind| kind.reference).collect();
        let tables = Tables::read(history, &names, &references);
        let (stay_lengths, all_lengths) = (stay_lengths(&demand, LONGEST), stay_lengths(&demand, MOST_LONG));
        Ok(Self {
            as_of: history.as_of,
            currency: history.currency,
            settings,
            types,
            demand,
            calibration,
            tables,
            stay_lengths,
            all_lengths,
        })
    }

    /// The last known day.
    pub fn as_of(&self) -> NaiveDate {
        self.as_of
    }

    /// The currency of its prices.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The last night that can be asked for.
    pub fn last_night(&self) -> NaiveDate {
        let ahead = Days::new(u64::from(crate::history::MAX_LEAD));
        self.as_of.checked_add_days(ahead).unwrap_or(NaiveDate::MAX)
    }

    /// Room types from low to high, with their rooms.
    pub fn room_types(&self) -> impl Iterator<Item = (&RoomTypeName, u32)> {
        self.types.iter().map(|kind| (&kind.name, kind.rooms))
    }

    /// What guests answer to prices.
    pub fn demand(&self) -> &DemandModel {
        &self.demand
    }

    /// How far a price may move from the one on sale, as a share of it, and the setting that says so.
    pub(super) fn change_limit(&self) -> (&'static str, f64) {
        if self.demand.endogeneity().identified {
            ("pricing.largest_change", self.settings.largest_change)
        } else {
            ("pricing.unproven_change", self.settings.unproven_change)
        }
    }

    /// The price on sale for a night at the end of the last known day.
    pub fn on_sale(&self, night: NaiveDate, room_type: &RoomTypeName) -> Option<OnSale> {
        let kind = self.types.iter().position(|kind| kind.name == *room_type)?;
        self.tables.on_sale(night, kind, self.as_of)
    }

    /// The kinds of the events of a night, as rules look for them.
    pub fn event_kinds(&self, night: NaiveDate) -> Vec<String> {
        let mut kinds: Vec<String> = self.tables.events(night).map(|(kind, _)| kind.to_owned()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}

fn check(settings: &Settings) -> Result<(), ScheduleError> {
    let range = |what, given: f64, wanted, range: std::ops::RangeInclusive<f64>| {
        if range.contains(&given) { Ok(()) } else { Err(ScheduleError::Setting { what, given, wanted }) }
    };
    range("night_cost", settings.night_cost, "0 to 10^9", 0.0..=1e9)?;
    range("walk_cost", settings.walk_cost, "0.1 to 100", 0.1..=100.0)?;
    range("largest_change", settings.largest_change, "0 to 1", 0.0..=1.0)?;
    range("unproven_change", settings.unproven_change, "0 to 1", 0.0..=1.0)?;
    range("caution", settings.caution, "0 to 5", 0.0..=5.0)
}

/// Lengths of stay over all room types, by their bookings; one night where nothing is known. Longer stays count as the longest.
fn stay_lengths(demand: &DemandModel, longest: usize) -> Vec<f64> {
    let mut sums = vec![0.0; longest];
    for kind in demand.room_types() {
        for (place, share) in kind.nights.iter().enumerate() {
            if let Some(sum) = sums.get_mut(place.min(longest - 1)) {
                *sum += share * kind.bookings;
            }
        }
    }
    let all: f64 = sums.iter().sum();
    if all > 0.0 { sums.into_iter().map(|sum| sum / all).collect() } else { vec![1.0] }
}
