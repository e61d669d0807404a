//! What demand answers to a price, learnt from nights that were sold.
//!
//! Requests come as a Poisson process whose rate changes with the days left and falls with the price. Neither the shape of the
//! fall nor whether it changes with the days left is assumed: several shapes are fitted, each with a response that is the same
//! on all days and with one that may change (two kinds of guests only with one that may), and they are weighed by how well they explain what was seen. A night that sold
//! out tells that at least so many came.

mod choose;
mod fit;
mod hats;
mod shape;

pub use choose::{Learnt, Member, learn, learn_among};
pub use shape::Shape;

use serde::{Deserialize, Serialize};

/// A day of a past night, at one price.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PastDay {
    /// Which night: days of one night have one number.
    pub date: u32,
    /// Days left until arrival; 1 is the last day.
    pub days_left: u32,
    /// The price on sale.
    pub price: f64,
    /// How many booked.
    pub booked: u32,
    /// Whether the last room went: then at least so many came.
    pub sold_out: bool,
}

/// Why nothing was learnt.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LearnError {
    /// Fewer than 20 bookings, or no day at all.
    #[error(
        "{days} days with {booked} bookings are too few to learn from: at least {LEAST_BOOKED} bookings are needed"
    )]
    TooLittle {
        /// Days seen.
        days: usize,
        /// Bookings on them.
        booked: u64,
    },
    /// One price, or nearly: nothing tells what another would do.
    #[error("prices between {lowest} and {highest} are too much alike to tell what another price would do")]
    OnePrice {
        /// Lowest price seen.
        lowest: f64,
        /// Highest price seen.
        highest: f64,
    },
    /// A price that is no number above 0, or a day 0.
    #[error("price {price}, {days_left} days left: not a day of a sale")]
    Day {
        /// The price.
        price: f64,
        /// Days left.
        days_left: u32,
    },
    /// No shape could be fitted.
    #[error("no response could be fitted to {days} days")]
    NotFitted {
        /// Days seen.
        days: usize,
    },
}

/// Bookings below which nothing is learnt.
pub(crate) const LEAST_BOOKED: u64 = 20;
