use chrono::NaiveDate;

/// Why a hotel cannot be simulated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SimulatorError {
    /// No rooms, or more than [`crate::MAX_ROOMS`].
    #[error("{0} rooms: a simulated hotel has 1 to {max} rooms", max = crate::MAX_ROOMS)]
    Rooms(u32),
    /// No days, or more than [`crate::MAX_DAYS`].
    #[error("{0} days: a simulated history has 1 to {max} days", max = crate::MAX_DAYS)]
    Days(u32),
    /// The first booking or the last departure would lie outside the years 1 to 9999.
    #[error("a history of {days} days until {end}, with the bookings around it, leaves the years 1 to 9999")]
    OutsideCalendar {
        /// Days asked for.
        days: u32,
        /// The last known day.
        end: NaiveDate,
    },
    /// A closure that ends before it begins, or is of a room type that the truth does not have.
    #[error("the closure from {from} until {until} {reason}")]
    Closure {
        /// First night that is not sold.
        from: NaiveDate,
        /// Last night that is not sold.
        until: NaiveDate,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The truth is not TOML, or lacks a key, or has one that is not known.
    #[error("the truth cannot be read: {0}")]
    Toml(String),
    /// A number of the truth is outside its range.
    #[error("{field}: {reason}")]
    Truth {
        /// Where it stands in the file: `segment leisure, lead_median`.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
}
