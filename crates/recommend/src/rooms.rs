//! Rooms to offer for a stay: what fits, ordered by what such guests book and by what it costs.
//!
//! The share of each room type among the bookings of such a party comes from counts within finer and finer
//! contexts, each shrunk towards the one around it. Whether segment, nights or lead time put the type
//! booked among the first three more often is decided on the latest fifth of the bookings.

mod offers;
mod shares;

pub use offers::{
    Budget, LeftOut, RoomAnswer, RoomEvidence, RoomOffer, RoomReason, RoomRecommendation, RoomRequest,
    RoomRequestError,
};
pub use shares::{Depth, RoomBooking, RoomFitError, RoomModel, RoomSettings, Stay, fit};
