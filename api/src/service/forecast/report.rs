//! What is known to forecast from.

use chrono::{DateTime, NaiveDate, Utc};
use innkeeper_store::Import;
use serde::Serialize;
use utoipa::ToSchema;

/// The state of forecasts in the hotel of the settings.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ForecastHealth {
    /// `ready`, `absent` where no bookings are known, `unknown` where the tables do not answer.
    pub state: &'static str,
    /// What is missing, and the command that mends it.
    pub detail: Option<String>,
    /// The hotel of the settings, of which this speaks.
    pub hotel: String,
    /// When rows were last imported; null when none were.
    pub last_import: Option<DateTime<Utc>>,
    /// Name and version of what forecasts.
    pub models: Vec<String>,
}

/// Rows that were taken over from a file.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ImportReport {
    /// What: `bookings`, `rates`, …
    pub kind: String,
    pub file_name: Option<String>,
    pub started_at: DateTime<Utc>,
    /// Null while it runs, or when it broke off.
    pub finished_at: Option<DateTime<Utc>>,
    /// Rows of the file that were taken, and not.
    pub accepted: u64,
    pub rejected: u64,
}

impl From<Import> for ImportReport {
    fn from(import: Import) -> Self {
        Self {
            kind: import.new.kind,
            file_name: import.new.file_name,
            started_at: import.new.started_at,
            finished_at: import.finished_at,
            accepted: import.accepted,
            rejected: import.rejected,
        }
    }
}

/// A kind of room.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct RoomTypeReport {
    pub room_type: String,
    /// Rooms of it; null where only bookings name it.
    pub rooms: Option<u32>,
}

/// What is known of a hotel.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DataReport {
    pub hotel: String,
    pub bookings: u64,
    /// First night of any booking.
    pub first_night: Option<NaiveDate>,
    /// The last day on which a booking was made or changed: forecasts begin the day after.
    pub known_until: Option<NaiveDate>,
    /// Rooms that can be sold; null where neither rooms nor nights tell.
    pub rooms: Option<u32>,
    pub room_types: Vec<RoomTypeReport>,
    /// Events of the calendar, and days on which the hotel or a kind of room is closed.
    pub events: u64,
    pub closures: u64,
    pub cleanings: u64,
    /// The last imports, newest first.
    pub imports: Vec<ImportReport>,
}
