//! Hotels that the tests make up, and one that is real.

mod hostile;
mod laws;
mod public;
mod simulated;

use chrono::{Days, NaiveDate};
use innkeeper_hotel::{Booking, BookingStatus, Stay};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rust_decimal::Decimal;

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().expect(text)
}

/// What a made-up hotel is like.
#[derive(Clone)]
pub(super) struct House {
    pub seed: u64,
    pub first: NaiveDate,
    pub days: u64,
    /// Mean arrivals a day, Monday first.
    pub arrivals: [f64; 7],
    /// How much more comes in summer, as a share.
    pub season: f64,
    pub cancelled: f64,
    pub types: u32,
}

impl House {
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            first: day("2022-01-01"),
            days: 700,
            arrivals: [14.0, 14.0, 15.0, 17.0, 25.0, 26.0, 12.0],
            season: 0.3,
            cancelled: 0.2,
            types: 3,
        }
    }

    /// Its bookings, with everything that ever became known of them.
    pub fn bookings(&self) -> Vec<Booking> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut bookings = Vec::new();
        for place in 0..self.days {
            let arrival = self.first + Days::new(place);
            let weekday = chrono::Datelike::weekday(&arrival).num_days_from_monday() as usize;
            let phase = (place as f64 / 365.25 * std::f64::consts::TAU).sin();
            for _ in 0..poisson(&mut random, self.arrivals[weekday] * (1.0 + self.season * phase)) {
                let lead = (-30.0 * random.random::<f64>().max(1e-9).ln()) as u64;
                let number = bookings.len();
                let mut booking = Booking::confirmed(
                    format!("B{number}").parse().expect("id"),
                    arrival - Days::new(lead),
                    Stay { arrival, nights: random.random_range(1..=4) },
                    format!("T{}", random.random_range(0..self.types)).parse().expect("type"),
                );
                booking.rate = Some(Decimal::from(random.random_range(80..140)));
                booking.segment =
                    Some(if number.is_multiple_of(3) { "corporate" } else { "leisure" }.to_owned());
                if random.random_bool(self.cancelled) {
                    booking.status = BookingStatus::Cancelled;
                    booking.status_on = Some(booking.booked_on + Days::new(random.random_range(0..=lead)));
                }
                bookings.push(booking);
            }
        }
        bookings
    }
}

/// Knuth's method; the means here are small.
fn poisson(random: &mut ChaCha8Rng, mean: f64) -> u32 {
    let (limit, mut product, mut count) = ((-mean).exp(), random.random::<f64>(), 0);
    while product > limit {
        product *= random.random::<f64>();
        count += 1;
    }
    count
}
