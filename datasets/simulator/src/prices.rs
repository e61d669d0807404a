//! Prices: how the hotel sets them, what tests it makes, what competitors ask.

use chrono::NaiveDate;
use innkeeper_hotel::{CompetitorPrice, Money, Rate, RoomTypeName};
use rand_distr::{Distribution, StandardNormal};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::behaviour::Behaviour;
use crate::calendar::base_requests;
use crate::layout::Layout;
use crate::random::{Stream, stream};
use crate::simulation::Simulation;
use crate::truth::Truth;

/// A price that was drawn by chance, so that what it does to demand is no answer to demand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PriceTest {
    /// Night of arrival.
    pub night: NaiveDate,
    /// Room type.
    pub room_type: RoomTypeName,
    /// What the price of season and market was multiplied by before it was cut to floor and ceiling.
    pub multiplier: f64,
}

/// Share of rooms that the hotel expects to have sold before the bookings of a lead time, by room type and lead time.
pub fn pace(truth: &Truth, layout: &Layout, behaviours: &[Behaviour]) -> Vec<Vec<f64>> {
    let requests: Vec<Vec<f64>> =
        truth.segments.iter().map(|segment| base_requests(truth, layout, segment)).collect();
    (0..truth.room_types.len())
        .map(|kind| {
            let all: f64 = requests.iter().map(|by_type| by_type[kind]).sum();
            (0..=usize::from(truth.max_lead))
                .map(|lead| {
                    let booked: f64 = behaviours
                        .iter()
                        .zip(&requests)
                        .map(|(behaviour, by_type)| {
                            by_type[kind] * behaviour.booked_by.get(lead + 1).copied().unwrap_or(0.0)
                        })
                        .sum();
                    if all > 0.0 { truth.price.target * booked / all } else { 0.0 }
                })
                .collect()
        })
        .collect()
}

impl Simulation {
    /// The price, in steps, for arrival on a night, asked for `lead` days before it, when a share of the rooms is sold.
    pub(crate) fn price(&self, night: usize, lead: usize, kind: usize, sold: f64) -> u64 {
        let policy = &self.truth.price;
        let base = self.truth.room_types[kind].price;
        let answer = if let Some(multiplier) = self.calendar.test(night, kind) {
            multiplier
        } else {
            let expected = self.pace[kind].get(lead).copied().unwrap_or(0.0);
            (policy.sensitivity * (sold - expected)).exp()
        };
        self.steps(base * self.calendar.price[night] * answer, base)
    }

    /// A price in whole steps between floor and ceiling.
    fn steps(&self, price: f64, base: f64) -> u64 {
        let policy = &self.truth.price;
        let lowest = (policy.floor * base / policy.step).ceil().max(1.0);
        let highest = (policy.ceiling * base / policy.step).floor().max(lowest);
        // NaN becomes the lowest price.
        (price / policy.step).round().min(highest).max(lowest) as u64
    }

    /// A price as a share of the base price; 1 for what is not on sale.
    pub(crate) fn ratio(&self, kind: usize, steps: u64) -> f64 {
        if steps == 0 {
            return 1.0;
        }
        steps as f64 * self.truth.price.step / self.truth.room_types[kind].price
    }

    /// A number of steps as an amount of money.
    pub(crate) fn amount(&self, steps: u64) -> Decimal {
        self.step.checked_mul(Decimal::from(steps)).unwrap_or(Decimal::MAX)
    }

    /// A price that came on sale in the evening before a day.
    pub(crate) fn rate(&self, night: usize, kind: usize, day: usize, steps: u64) -> Rate {
        Rate {
            night: self.calendar.date(night),
            room_type: self.truth.room_types[kind].name.clone(),
            set_on: self.calendar.day_before(day),
            price: Money { amount: self.amount(steps), currency: self.truth.currency },
        }
    }

    /// The price tests of the history and the nights on sale, by night.
    pub fn price_tests(&self) -> impl Iterator<Item = PriceTest> + '_ {
        (self.calendar.first_night..self.calendar.nights).flat_map(move |night| {
            self.truth.room_types.iter().enumerate().filter_map(move |(kind, room_type)| {
                let multiplier = self.calendar.test(night, kind)?;
                let sold = self.layout.count[kind] > 0 && !self.calendar.closed(night, kind);
                sold.then(|| PriceTest {
                    night: self.calendar.date(night),
                    room_type: room_type.name.clone(),
                    multiplier,
                })
            })
        })
    }

    /// What competitors asked, by the day on which it was seen. Their prices follow the season, the weekday and the same
    /// market as ours.
    pub fn competitor_prices(&self) -> impl Iterator<Item = CompetitorPrice> + '_ {
        let (calendar, truth) = (&self.calendar, &self.truth);
        let mut random = stream(self.settings.seed, Stream::Competitors);
        let seen = (calendar.first_night..=calendar.last_day)
            .flat_map(move |day| truth.market.seen.iter().map(move |ahead| (day, day + usize::from(*ahead))));
        let offers = seen.flat_map(move |(day, night)| {
            let competitors = truth.competitors.iter();
            competitors.flat_map(move |competitor| {
                (0..truth.room_types.len()).map(move |kind| (day, night, competitor, kind))
            })
        });
        offers.filter(move |(_, night, ..)| *night < calendar.nights).map(
            move |(day, night, competitor, kind)| {
                let noise: f64 = StandardNormal.sample(&mut random);
                let own = competitor.level * (competitor.noise * noise).exp();
                let room_type = &truth.room_types[kind];
                let season = calendar.season(truth, night) * calendar.market[night];
                let steps = (room_type.price * season * own / truth.price.step).round().clamp(1.0, 1e15);
                CompetitorPrice {
                    competitor: competitor.name.clone(),
                    night: calendar.date(night),
                    room_type: Some(room_type.name.clone()),
                    seen_on: calendar.date(day),
                    price: Money { amount: self.amount(steps as u64), currency: truth.currency },
                }
            },
        )
    }
}
