//! Which bookings stay: chances counted from those that are over.

use chrono::{Days, NaiveDate};
use innkeeper_hotel::{Booking, BookingStatus};

use crate::history::BUCKETS;

/// Days of arrivals that are counted, before the last known day.
const COUNTED_DAYS: u64 = 730;
/// Bookings that the chance over all lead times is worth at each of them.
const PSEUDO: f64 = 20.0;

/// Chances that bookings are not cancelled, and that their guests come.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kept {
    /// Of a booking made at a lead time, by bucket.
    new: Vec<f64>,
    /// Of a booking that still stood so many days before arrival, by bucket.
    standing: Vec<f64>,
    /// That a guest who did not cancel comes.
    shows: f64,
}

/// How many there were, and how many of them stayed.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    all: f64,
    kept: f64,
}

impl Count {
    fn add(&mut self, kept: bool) {
        self.all += 1.0;
        self.kept += f64::from(u8::from(kept));
    }

    fn share(self, toward: f64) -> f64 {
        (self.kept + PSEUDO * toward) / (self.all + PSEUDO)
    }
}

impl Kept {
    pub fn count(bookings: &[Booking], as_of: NaiveDate) -> Self {
        let since = as_of.checked_sub_days(Days::new(COUNTED_DAYS)).unwrap_or(NaiveDate::MIN);
        let (mut new, mut standing) =
            (vec![Count::default(); BUCKETS.len()], vec![Count::default(); BUCKETS.len()]);
        let (mut came, mut all) = (Count::default(), Count::default());
        let over = bookings.iter().filter(|booking| {
            let arrival = booking.stay.arrival;
            booking.stay.nights > 0 && since < arrival && arrival <= as_of && booking.check().is_ok()
        });
        for booking in over {
            let known = booking.status_on.is_none_or(|on| on <= as_of);
            let status = if known { booking.status } else { BookingStatus::Confirmed };
            let kept = status != BookingStatus::Cancelled;
            all.add(kept);
            if kept {
                came.add(status != BookingStatus::NoShow);
            }
            let lead = booking.lead_days();
            // How long before arrival it was cancelled; before that it stood.
            let until = match (kept, booking.status_on) {
                (false, Some(on)) => (booking.stay.arrival - on).num_days(),
                _ => i64::MIN,
            };
            for ((bucket, new), standing) in BUCKETS.iter().zip(&mut new).zip(&mut standing) {
                let (from, last) = (i64::from(bucket.from), i64::from(bucket.until));
                if (from..=last).contains(&lead) {
                    new.add(kept);
                }
                if lead >= from && until < from {
                    standing.add(kept);
                }
            }
        }
        let usual = (all.kept + 1.0) / (all.all + 1.0);
        let shares = |counts: Vec<Count>| counts.into_iter().map(|count| count.share(usual)).collect();
        Self {
            new: shares(new),
            standing: shares(standing),
            // Nobody comes to a hotel where everybody stays away: at least every second one is believed to.
            shows: ((came.kept + 1.0) / (came.all + 1.0)).max(0.5),
        }
    }

    fn at(chances: &[f64], lead: i64) -> f64 {
        let bucket = BUCKETS.iter().position(|bucket| lead <= i64::from(bucket.until));
        bucket.and_then(|bucket| chances.get(bucket)).or(chances.last()).copied().unwrap_or(1.0)
    }

    /// Chance that a booking made at this lead time is not cancelled.
    pub fn new_booking(&self, lead: i64) -> f64 {
        Self::at(&self.new, lead)
    }

    /// Chance that a booking that stands so many days before arrival is not cancelled any more.
    pub fn standing_booking(&self, days_left: i64) -> f64 {
        Self::at(&self.standing, days_left)
    }

    /// Chance that a guest who did not cancel comes.
    pub fn shows(&self) -> f64 {
        self.shows
    }
}
