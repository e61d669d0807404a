//! Files of a hotel, read row by row.
//!
//! In comes a CSV or Parquet file and the mapping of its columns; out go bookings, rates, competitors' prices, events, guests and
//! rooms, and each rejected row with its line and its reason. Nothing is guessed silently: an order of day and month that a file does
//! not settle is refused, and whatever had to be assumed stands in the notes. This room reads the file it is given and touches
//! nothing else: no tables, no network, no clock.

mod bookings;
mod cells;
mod dates;
mod fields;
mod guests;
mod identity;
mod layout;
mod mapping;
mod numbers;
mod outcome;
mod plain;
mod prices;
mod report;
mod rows;
mod slug;
mod source;
mod words;

pub use dates::DateOrder;
pub use fields::{Field, Table};
pub use layout::LayoutError;
pub use mapping::{DecimalMark, Mapping, MappingError, MissingStatusDay, Preset};
pub use outcome::{Outcome, RejectCode, Rejection};
pub use plain::{BOOKING_COLUMNS, BookingWriter};
pub use report::{ImportReport, RejectWriter};
pub use rows::{
    Entry, ImportError, Rows, Settings, bookings, competitors, events, guests, rates, read, rooms,
};
pub use slug::hotel_slug;
pub use source::{MAX_COLUMNS, MAX_LINE, Source, SourceError};
