use serde::{Deserialize, Serialize};

use super::error::{MOST_MONEY, NetworkError, answer, ladder, size, within};
use super::flows::{Flow, Network};
use super::simulate::Books;
use crate::Response;

/// A kind of room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoomType {
    /// What it is called.
    pub name: String,
    /// Rooms of it, 0..=5000.
    pub rooms: u32,
    /// Prices of a night that may be posted, above 0 and rising, at most 400.
    pub prices: Vec<f64>,
}

/// Guests who book alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// What it is called.
    pub name: String,
    /// Probability, in 0..=0.5, that a booking is cancelled on a day between booking and arrival; it then pays nothing.
    pub cancellation: f64,
    /// Probability, in 0..=0.9, that a guest who did not cancel does not come.
    pub no_show: f64,
    /// What such a guest pays, as a share of the stay's price, in 0..=1.
    pub no_show_fee: f64,
}

/// A product: requests for the same nights in the same room type from the same segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StayClass {
    /// Night of arrival, counted from the first night of the hotel's span.
    pub arrival: usize,
    /// Nights, 1 or more; the stay ends inside the span.
    pub nights: usize,
    /// Room type, its place in the hotel's list.
    pub room_type: usize,
    /// Segment, its place in the hotel's list.
    pub segment: usize,
    /// Expected requests on the day of arrival (first number), one day before it, and so on; at most the hotel's horizon + 1.
    pub requests: Vec<f64>,
    /// How they answer to the average price of their nights.
    pub response: Response,
    /// What a night costs the hotel when the guest stays.
    pub night_cost: f64,
}

/// A hotel whose demand is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hotel {
    /// From low to high: a guest of one may be given a room of a later one, never of an earlier one.
    pub room_types: Vec<RoomType>,
    /// Nights that are sold, 1..=730.
    pub nights: usize,
    /// Days before its arrival on which a stay can be booked, 0..=730. Day 0 of the hotel's time is `horizon` days before its
    /// first night.
    pub horizon: usize,
    /// Guests.
    pub segments: Vec<Segment>,
    /// Products.
    pub classes: Vec<StayClass>,
    /// What it costs to send a guest with a booking elsewhere.
    pub walk_cost: f64,
}

impl Hotel {
    /// Checks sizes and numbers.
    ///
    /// # Errors
    /// [`NetworkError`] that names what is wrong.
    pub fn check(&self) -> Result<(), NetworkError> {
        size("room types", self.room_types.len(), 1, 12)?;
        size("nights", self.nights, 1, 730)?;
        size("horizon", self.horizon, 0, 730)?;
        size("segments", self.segments.len(), 1, 100)?;
        size("stay classes", self.classes.len(), 1, 200_000)?;
        within("walk cost", self.walk_cost, 0.0, MOST_MONEY)?;
        for (place, room_type) in self.room_types.iter().enumerate() {
            size("rooms", room_type.rooms as usize, 0, 5000)?;
            ladder(place, &room_type.prices)?;
        }
        for segment in &self.segments {
            within("cancellation", segment.cancellation, 0.0, 0.5)?;
            within("no-show", segment.no_show, 0.0, 0.9)?;
            within("no-show fee", segment.no_show_fee, 0.0, 1.0)?;
        }
        for (place, class) in self.classes.iter().enumerate() {
            let known = class.room_type < self.room_types.len() && class.segment < self.segments.len();
            let inside = class.nights >= 1
                && class.nights <= self.nights
                && class.arrival <= self.nights - class.nights
                && class.requests.len() <= self.horizon + 1;
            if !(known && inside) {
                return Err(NetworkError::Stay { class: place });
            }
            answer(&class.response)?;
            let share = class.response.share(self.room_types[class.room_type].prices[0]);
            within("share at the lowest price", share, 0.0, 1e6)?;
            within("night cost", class.night_cost, 0.0, MOST_MONEY)?;
            for requests in &class.requests {
                within("requests", *requests, 0.0, 1e5)?;
            }
        }
        Ok(())
    }

    /// Rooms of a type and those above it.
    pub fn rooms_from(&self, room_type: usize) -> u32 {
        self.room_types.iter().skip(room_type).map(|kind| kind.rooms).sum()
    }

    /// Probability that a booking of a segment, still held `days` before arrival, ends in a stay.
    pub fn show_probability(&self, segment: usize, days: usize) -> f64 {
        self.segments
            .get(segment)
            .map_or(0.0, |kind| (1.0 - kind.cancellation).powi(days as i32) * (1.0 - kind.no_show))
    }

    /// The problem that is left on a day: rooms after the expected shows of what is booked, and the requests still to come, in
    /// windows of days from `day` on; `edges` are the first days after each window, the last window has no end.
    pub(crate) fn network(&self, books: &Books, edges: &[usize]) -> Network {
        let types = self.room_types.len();
        let windows = edges.len() + 1;
        let mut left: Vec<f64> = (0..self.nights * types)
            .map(|cell| f64::from(self.room_types[cell % types].rooms) - f64::from(books.staying[cell]))
            .collect();
        for (class, held) in self.classes.iter().zip(&books.held) {
            let day = self.horizon + class.arrival;
            if *held > 0 && day >= books.day {
                let expected = f64::from(*held) * self.show_probability(class.segment, day - books.day);
                for night in class.arrival..class.arrival + class.nights {
                    left[night * types + class.room_type] -= expected;
                }
            }
        }
        let mut flows = Vec::with_capacity(self.classes.len());
        let mut rates = Vec::with_capacity(self.classes.len() * windows);
        for class in &self.classes {
            let Some(most) = (self.horizon + class.arrival).checked_sub(books.day) else { continue };
            let segment = &self.segments[class.segment];
            let start = rates.len();
            rates.resize(start + windows, 0.0);
            let mut kept = 1.0;
            for (lead, requests) in class.requests.iter().enumerate().take(most + 1) {
                let window = edges.partition_point(|edge| *edge <= most - lead);
                rates[start + window] += requests * kept;
                kept *= 1.0 - segment.cancellation;
            }
            let total: f64 = rates[start..].iter().sum();
            if total <= 0.0 {
                rates.truncate(start);
                continue;
            }
            let used = 1.0 - segment.no_show;
            flows.push(Flow {
                arrival: class.arrival,
                nights: class.nights,
                room_type: class.room_type,
                response: class.response,
                rate: total,
                paid: used + segment.no_show * segment.no_show_fee,
                used,
                night_cost: class.night_cost,
            });
        }
        let ladders = self.room_types.iter().map(|kind| kind.prices.clone()).collect();
        let ladder_of = (0..self.nights * types).map(|cell| cell % types).collect();
        Network::new(self.nights, types, &left, flows, (windows, rates), (ladders, ladder_of))
    }
}
