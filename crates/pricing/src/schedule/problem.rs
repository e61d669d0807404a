//! The hotel's nights as the optimiser reads them, with one influence taken out where that is asked.

use chrono::NaiveDate;
use innkeeper_hotel::RoomTypeName;
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

use super::hotel::Hotel;
use super::question::ScheduleError;
use super::tables::Books;
use super::windows;
use crate::history::Influence;
use crate::network::{CalendarCell, CalendarInput, Demand, overbooking_limit};
use crate::rules::{Cell as RuleCell, RuleSet, candidate_prices};

/// Candidates of a cell, before rules.
const CANDIDATES: usize = 40;
/// Rooms of a hotel that never fills.
const PLENTY: f64 = 4_000.0;

/// A night and room type before it is priced.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub night: NaiveDate,
    /// Place among the hotel's room types.
    pub kind: usize,
    pub rule: RuleCell,
    /// Candidates, before rules; empty where the cell is not sold.
    pub grid: Vec<Decimal>,
    pub books: Books,
    /// Rooms that may be sold still, not below what was sold too many.
    pub rooms_left: f64,
    /// Mean of what competitors ask.
    pub competitor: Option<Decimal>,
    /// Whether its price is asked for; otherwise what is on sale stays on sale.
    pub asked: bool,
    /// Least nights of a stay that begins here, where a rule sets one.
    pub minimum_stay: Option<u32>,
    /// Why the cell is not sold.
    pub shut: Option<&'static str>,
}

/// What is taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Without {
    Nothing,
    Influence(Influence),
    /// As if rooms never ran out.
    Scarcity,
}

impl Hotel {
    /// The cells of these nights, by night, room types from low to high. `asked` says whose prices are looked for.
    pub(super) fn places(
        &self,
        nights: &[NaiveDate],
        rules: &RuleSet,
        asked: &dyn Fn(NaiveDate, usize) -> bool,
    ) -> Vec<Place> {
        let mut places = Vec::with_capacity(nights.len() * self.types.len());
        for night in nights {
            let events = self.event_kinds(*night);
            for kind in 0..self.types.len() {
                let mut place = self.place(*night, kind, &events, asked(*night, kind));
                place.minimum_stay = rules.minimum_stay(&place.rule).map(|least| least.nights);
                places.push(place);
            }
        }
        places
    }

    fn place(&self, night: NaiveDate, kind: usize, events: &[String], asked: bool) -> Place {
        let of = &self.types[kind];
        let on_sale = self.tables.on_sale(night, kind, self.as_of);
        let books = self.tables.books.get(&(night, kind)).copied().unwrap_or_default();
        let usual = self.tables.usual.get(kind).copied().flatten();
        let sale = on_sale.map(|sale| sale.price);
        let mut shut = if of.rooms == 0 {
            Some("the hotel has no room of this type")
        } else if self.tables.is_closed(night, kind) {
            Some("the night is not sold: it is closed")
        } else if usual.is_none() {
            Some(
                "no price of this type is known, neither on sale nor of a booking: there is nothing to go out from",
            )
        } else {
            None
        };
        let mut grid = Vec::new();
        if let (None, true, Some(usual)) = (shut, asked, usual) {
            let (low, high) = self.bounds(usual, sale.and_then(|price| price.to_f64()), of.reference);
            match self.candidates(low, high) {
                Ok(candidates) => grid = candidates,
                Err(_) => shut = Some("the prices of this type are outside of what can be asked"),
            }
            // The price on sale is one that can be kept.
            if let Some(price) = sale
                && let Err(place) = grid.binary_search(&price)
                && 0 < place
                && place < grid.len()
            {
                grid.insert(place, price);
            }
        }
        Place {
            night,
            kind,
            rule: RuleCell { event_kinds: events.to_vec(), on_sale, ..RuleCell::new(night, of.name.clone()) },
            grid,
            rooms_left: if shut.is_some() { 0.0 } else { self.rooms_left(kind, &books) },
            books,
            competitor: self.tables.competitors(night, kind),
            asked,
            minimum_stay: None,
            shut,
        }
    }

    /// Lowest and highest candidate: around the price on sale; where there is none, around those that were seen.
    fn bounds(&self, (low, high): (f64, f64), on_sale: Option<f64>, reference: f64) -> (f64, f64) {
        let (_, change) = self.change_limit();
        match on_sale {
            Some(price) => (price * (1.0 - change), price * (1.0 + change)),
            None if self.demand.endogeneity().identified => (low, high),
            None => (reference * (1.0 - change), reference * (1.0 + change)),
        }
    }

    fn candidates(&self, low: f64, high: f64) -> Result<Vec<Decimal>, ScheduleError> {
        // Narrower than two units of the currency: one price is all there is to choose from.
        let unit = Decimal::new(1, self.currency.minor_units());
        let decimal = |price: f64| Decimal::from_f64(price.clamp(1e-3, 1e9)).unwrap_or(unit);
        let low = self.currency.round(decimal(low)).max(unit);
        let high = self.currency.round(decimal(high)).max(low);
        if low == high { Ok(vec![low]) } else { Ok(candidate_prices(low, high, self.currency, CANDIDATES)?) }
    }

    /// Rooms that may be sold still: those that those who are expected to stay leave, and no more than may be sold beyond the
    /// rooms there are for those who do not come.
    fn rooms_left(&self, kind: usize, books: &Books) -> f64 {
        let of = &self.types[kind];
        let free = f64::from(of.rooms) - books.come;
        let usual = of.reference.max(f64::MIN_POSITIVE);
        let booked = f64::from(books.rooms);
        let chance = if books.rooms > 0 { books.come / booked } else { self.tables.kept.shows() };
        let chance = chance.clamp(0.05, 1.0);
        let limit = overbooking_limit(of.rooms.min(5000), chance, usual, usual * self.settings.walk_cost)
            .unwrap_or(of.rooms);
        free.min((f64::from(limit) - booked) * chance)
    }

    /// The optimiser's problem for these cells, with the prices each may choose among: one at least.
    pub(super) fn problem(
        &self,
        places: &[Place],
        prices: &[Vec<f64>],
        without: Without,
        stay_lengths: &[f64],
    ) -> CalendarInput {
        let influence = match without {
            Without::Influence(influence) => Some(influence),
            _ => None,
        };
        let cells = places.iter().zip(prices).map(|(place, prices)| {
            let of = &self.types[place.kind];
            let demand =
                if place.shut.is_some() { Vec::new() } else { self.requests(place, &of.name, influence) };
            CalendarCell {
                rooms: if without == Without::Scarcity { PLENTY as u32 } else { of.rooms.min(5000) },
                rooms_left: match without {
                    Without::Scarcity if place.shut.is_none() => PLENTY,
                    _ => place.rooms_left.clamp(-9e3, 5e3),
                },
                come: place.books.come,
                minimum_nights: place.minimum_stay.map_or(1, |nights| nights as usize),
                night_cost: self.settings.night_cost,
                demand,
                prices: prices.clone(),
            }
        });
        CalendarInput {
            nights: places.len() / self.types.len().max(1),
            room_types: self.types.len(),
            cells: cells.collect(),
            stay_lengths: stay_lengths.to_vec(),
        }
    }

    fn requests(&self, place: &Place, name: &RoomTypeName, without: Option<Influence>) -> Vec<Demand> {
        let Some(response) = self.demand.response(place.night, name) else { return Vec::new() };
        let competitor = place.competitor.and_then(|price| price.to_f64());
        let at_reference =
            windows::requests(&self.demand, &self.tables, (place.night, name), competitor, without);
        // Requests of the response's own scale: those that would book at the reference price are a share of them.
        let share = response.share(self.types[place.kind].reference).max(1e-6);
        let requests = at_reference.into_iter().map(|requests| (requests / share).min(9e4)).collect();
        vec![Demand { requests, response, show_probability: self.tables.kept.shows() }]
    }
}
