//! A hotel's tables, in memory and as Parquet.

mod builder;
mod files;
mod fingerprint;

use std::sync::{Arc, OnceLock};

use chrono::NaiveDate;
use polars::prelude::DataFrame;
use serde::Serialize;

pub use builder::TablesBuilder;
pub(crate) use files::{file_error, write_parquet};
pub use fingerprint::Fingerprint;
#[cfg(test)]
pub(crate) use fingerprint::of_frame;

use crate::columns::Filler;
use crate::frame::ColumnType;
use crate::{AsOf, FramesError};

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TableColumn {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub dtype: ColumnType,
    /// Whether each row has a value.
    pub required: bool,
    /// The words it may hold; none where any text will do.
    pub words: &'static [&'static str],
}

/// A table: its name is that of its file, `NAME.parquet`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TableDescription {
    /// Its name.
    pub name: &'static str,
    /// Its columns, in order.
    pub columns: &'static [TableColumn],
}

const fn must(name: &'static str, dtype: ColumnType) -> TableColumn {
    TableColumn { name, dtype, required: true, words: &[] }
}

const fn may(name: &'static str, dtype: ColumnType) -> TableColumn {
    TableColumn { name, dtype, required: false, words: &[] }
}

/// Columns of bookings that systems fill in or change after the booking was made.
pub(crate) const FILLED_IN_LATER: [&str; 7] = [
    "room_number",
    "assigned_room_type",
    "country",
    "changes",
    "waiting_days",
    "parking_spaces",
    "special_requests",
];

pub(crate) const BOOKINGS: TableDescription = TableDescription {
    name: "bookings",
    columns: &[
        must("id", ColumnType::Text),
        must("booked_on", ColumnType::Date),
        must("arrival", ColumnType::Date),
        must("nights", ColumnType::Count),
        must("room_type", ColumnType::Text),
        TableColumn {
            name: "status",
            dtype: ColumnType::Text,
            required: true,
            words: &["confirmed", "cancelled", "completed", "no_show"],
        },
        may("status_on", ColumnType::Date),
        may("adults", ColumnType::Count),
        may("children", ColumnType::Count),
        may("babies", ColumnType::Count),
        may("rate", ColumnType::Real),
        may("currency", ColumnType::Text),
        may("guest", ColumnType::Text),
        may("room_number", ColumnType::Text),
        may("assigned_room_type", ColumnType::Text),
        may("segment", ColumnType::Text),
        may("channel", ColumnType::Text),
        may("customer_type", ColumnType::Text),
        may("agent", ColumnType::Text),
        may("company", ColumnType::Text),
        may("country", ColumnType::Text),
        may("meal", ColumnType::Text),
        may("payment_method", ColumnType::Text),
        TableColumn {
            name: "deposit",
            dtype: ColumnType::Text,
            required: false,
            words: &["none", "refundable", "non_refundable"],
        },
        may("repeated_guest", ColumnType::Flag),
        may("previous_cancellations", ColumnType::Count),
        may("previous_stays", ColumnType::Count),
        may("changes", ColumnType::Count),
        may("waiting_days", ColumnType::Count),
        may("parking_spaces", ColumnType::Count),
        may("special_requests", ColumnType::Count),
    ],
};

pub(crate) const ROOMS: TableDescription = TableDescription {
    name: "rooms",
    columns: &[
        must("number", ColumnType::Text),
        must("room_type", ColumnType::Text),
        may("floor", ColumnType::Integer),
    ],
};

pub(crate) const RATES: TableDescription = TableDescription {
    name: "rates",
    columns: &[
        must("night", ColumnType::Date),
        must("room_type", ColumnType::Text),
        must("set_on", ColumnType::Date),
        may("price", ColumnType::Real),
        may("currency", ColumnType::Text),
    ],
};

pub(crate) const COMPETITOR_PRICES: TableDescription = TableDescription {
    name: "competitor_prices",
    columns: &[
        must("competitor", ColumnType::Text),
        must("night", ColumnType::Date),
        may("room_type", ColumnType::Text),
        must("seen_on", ColumnType::Date),
        may("price", ColumnType::Real),
        may("currency", ColumnType::Text),
    ],
};

pub(crate) const EVENTS: TableDescription = TableDescription {
    name: "events",
    columns: &[
        must("name", ColumnType::Text),
        must("from", ColumnType::Date),
        must("until", ColumnType::Date),
        must("kind", ColumnType::Text),
        may("known_on", ColumnType::Date),
    ],
};

pub(crate) const CLOSURES: TableDescription = TableDescription {
    name: "closures",
    columns: &[
        must("from", ColumnType::Date),
        must("until", ColumnType::Date),
        may("room_type", ColumnType::Text),
    ],
};

pub(crate) const SERVICE_USES: TableDescription = TableDescription {
    name: "service_uses",
    columns: &[
        must("booking", ColumnType::Text),
        may("guest", ColumnType::Text),
        must("service", ColumnType::Text),
        must("used_on", ColumnType::Date),
        must("quantity", ColumnType::Count),
        may("amount", ColumnType::Real),
        may("currency", ColumnType::Text),
    ],
};

/// The seven tables, in the order in which they are kept.
pub(crate) const TABLES: [&TableDescription; 7] =
    [&BOOKINGS, &ROOMS, &RATES, &COMPETITOR_PRICES, &EVENTS, &CLOSURES, &SERVICE_USES];

/// The tables that are read and written, with their columns.
pub fn describe_tables() -> Vec<TableDescription> {
    TABLES.into_iter().copied().collect()
}

impl TableDescription {
    fn fillers(&self, capacity: usize) -> Vec<Filler> {
        self.columns.iter().map(|column| Filler::new(column.name, column.dtype, capacity)).collect()
    }

    /// No rows, the right columns.
    fn empty(&self) -> Result<DataFrame, FramesError> {
        let columns = self.fillers(0).into_iter().map(Filler::finish).collect();
        Ok(DataFrame::new(0, columns)?)
    }
}

struct Inner {
    /// In the order of [`TABLES`].
    frames: [DataFrame; 7],
    fingerprint: OnceLock<Fingerprint>,
}

/// A hotel's tables as they stand in the source. Cloning shares them.
///
/// They hold everything, the future of any day included: what a model may see is [`Tables::as_of`]. Prices are
/// amounts of the row's currency as real numbers; a price that is no number or is below zero is treated as absent
/// by every frame. Rows are kept as they come: the same id twice is two bookings.
#[derive(Clone)]
pub struct Tables(Arc<Inner>);

impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Tables");
        for (table, frame) in TABLES.iter().zip(&self.0.frames) {
            shown.field(table.name, &frame.height());
        }
        shown.finish()
    }
}

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident = $place:literal;)*) => {
        impl Tables {
            $(
                $(#[$doc])*
                pub fn $name(&self) -> &DataFrame {
                    &self.0.frames[$place]
                }
            )*
        }
    };
}

tables! {
    /// Bookings, as they stand in the source.
    bookings = 0;
    /// Rooms that can be sold.
    rooms = 1;
    /// Prices on sale by night and room type.
    rates = 2;
    /// Prices of competitors.
    competitor_prices = 3;
    /// Events of the calendar.
    events = 4;
    /// Nights that are not sold.
    closures = 5;
    /// Services used.
    service_uses = 6;
}

impl Tables {
    fn of(frames: [DataFrame; 7]) -> Self {
        Self(Arc::new(Inner { frames, fingerprint: OnceLock::new() }))
    }

    /// What was known at the end of `day`.
    pub fn as_of(&self, day: NaiveDate) -> AsOf {
        AsOf::new(self.clone(), day)
    }

    /// SHA-256 over the content of all tables, the order of the rows included; computed once.
    ///
    /// # Errors
    /// [`FramesError::Engine`] when a column cannot be read.
    pub fn fingerprint(&self) -> Result<Fingerprint, FramesError> {
        if let Some(known) = self.0.fingerprint.get() {
            return Ok(*known);
        }
        let made = fingerprint::of_tables(&self.0.frames)?;
        Ok(*self.0.fingerprint.get_or_init(|| made))
    }

    /// Bytes that the tables take in memory, as the engine estimates them.
    pub fn memory_bytes(&self) -> usize {
        self.0.frames.iter().map(DataFrame::estimated_size).sum()
    }

    /// Booking ids that stand in more than one row.
    ///
    /// # Errors
    /// [`FramesError::Engine`] when the column cannot be read.
    pub fn repeated_booking_ids(&self) -> Result<usize, FramesError> {
        let mut seen = std::collections::HashMap::<&str, bool>::new();
        for id in self.bookings().column("id")?.str()?.iter().flatten() {
            seen.entry(id).and_modify(|again| *again = true).or_insert(false);
        }
        Ok(seen.values().filter(|again| **again).count())
    }
}
