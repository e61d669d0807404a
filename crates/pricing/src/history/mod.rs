//! Demand as a count process whose rate depends on the price, learnt from the hotel's own bookings.
//!
//! In come bookings, prices that were on sale, competitors' prices, events, closures and rooms, up to a day; out goes a
//! [`DemandModel`]: booking requests a day by night of arrival, room type and lead time, what they answer to a price, and
//! how far the history can tell that at all. Requests are Poisson with a log-linear rate, with night-to-night spread
//! beyond it. What a price does is learnt from price moves that what the hotel saw of demand does not explain; where none
//! are left, or where the answer has the wrong sign, the model says so and takes a prior ([`PRIOR_ELASTICITY`]).

mod calibration;
mod cells;
mod endogeneity;
mod family;
mod fit;
mod input;
mod layout;
mod model;
mod offer;
mod poisson;
mod signals;
mod stays;

pub use calibration::{Calibration, Uncalibrated};
pub use endogeneity::{EndogeneityTest, Estimate, Unidentified};
pub use family::FamilyChoice;
pub use input::{DemandError, History, MAX_ROOM_TYPES, Note};
pub use layout::{BUCKETS, Bucket, Influence, MAX_LEAD};
pub use model::{DemandModel, Elasticity, PriceSource, RoomTypeDemand, Source};
pub use stays::SegmentShare;

/// Mean and standard deviation of what is believed of a hotel's price elasticity before its history is seen: one percent
/// of price loses 1.5 percent of the requests, and anything from nearly none to three percent is no surprise. It is a
/// prior, chosen wide enough to hold what published studies of single hotels find; no hotel was measured for it.
pub const PRIOR_ELASTICITY: Estimate = Estimate { mean: 1.5, sd: 1.0 };
