use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use innkeeper_hotel::BookingStatus;
use serde::{Deserialize, Serialize};

use crate::dates::DateOrder;
use crate::fields::{Field, HOTEL_BOOKING_DEMAND, INN_HOTELS, Known, Table};
use crate::words::{heading, squeezed};

/// Why a mapping file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// The file cannot be read.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The file is not the TOML of a mapping.
    #[error("the mapping cannot be read: {0}")]
    Toml(String),
    /// A key of `[columns]` or `[constants]` is not a field.
    #[error("the mapping names {0:?}, which is not a field")]
    UnknownField(String),
}

/// Sets of columns that are known by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// The public hotel-booking-demand file.
    HotelBookingDemand,
    /// The public INN Hotels reservations.
    InnHotels,
    /// Our own plain columns, and the names of the API.
    Innkeeper,
}

impl Preset {
    /// The word of a mapping file.
    pub fn word(self) -> &'static str {
        match self {
            Self::HotelBookingDemand => "hotel-booking-demand",
            Self::InnHotels => "inn-hotels",
            Self::Innkeeper => "innkeeper",
        }
    }

    /// The preset whose telling columns all stand in the header.
    pub(crate) fn guess(table: Table, headings: &[String]) -> Self {
        let all = |names: &[&str]| names.iter().all(|name| headings.iter().any(|heading| heading == name));
        if table != Table::Bookings {
            Self::Innkeeper
        } else if all(&["arrival_date_year", "arrival_date_month", "arrival_date_day_of_month", "lead_time"])
        {
            Self::HotelBookingDemand
        } else if all(&["arrival_year", "arrival_month", "arrival_date", "lead_time"]) {
            Self::InnHotels
        } else {
            Self::Innkeeper
        }
    }

    /// The fields of a table under the headings of this preset.
    pub(crate) fn known(self, table: Table) -> &'static [Known] {
        match (self, table) {
            (Self::HotelBookingDemand, Table::Bookings) => HOTEL_BOOKING_DEMAND,
            (Self::InnHotels, Table::Bookings) => INN_HOTELS,
            _ => table.known(),
        }
    }

    /// Words that stand for nothing. `NA` is Namibia in a file that does not say otherwise.
    pub(crate) fn missing(self) -> &'static [&'static str] {
        match self {
            Self::HotelBookingDemand => &["NULL", "NA"],
            Self::InnHotels | Self::Innkeeper => &["NULL"],
        }
    }
}

/// The mark between units and decimals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecimalMark {
    /// `75.50`
    #[default]
    Point,
    /// `75,50`
    Comma,
}

/// What becomes of a cancelled booking, or a no-show, whose row does not say on which day it became so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingStatusDay {
    /// The day of arrival is taken, the latest on which it can have become known. What the hotel believed on an earlier day is
    /// then never made wiser than it was, only slower to learn; leaving such bookings out would hide from every earlier day that
    /// they were on the books, and so tell it the future.
    Arrival,
    /// The row is rejected.
    Reject,
}

/// Which column feeds which field, and how its words are read.
///
/// From a file (all keys are optional; the chapter "Importing a hotel's own tables" of `datasets/README.md` describes each), or
/// [`Mapping::default`], which finds columns by their headings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mapping {
    /// The set of headings; `None` decides from the header.
    pub preset: Option<Preset>,
    /// Columns by field, as headed; other fields are found by heading.
    pub columns: BTreeMap<Field, String>,
    /// What a field holds on every row, where there is no column for it or the row leaves it empty.
    pub constants: BTreeMap<Field, String>,
    /// The hotel's own words for where a booking stands.
    pub statuses: BTreeMap<String, BookingStatus>,
    /// Words that stand for nothing, instead of those of the preset.
    pub missing: Option<Vec<String>>,
    /// The zone of the hotel, which decides the day of an instant; `None` takes that of the settings.
    pub time_zone: Option<Tz>,
    /// The order of day and month; `None` decides from the file, or refuses it.
    pub date_order: Option<DateOrder>,
    /// The mark between units and decimals.
    pub decimal_mark: DecimalMark,
    /// `None`: [`MissingStatusDay::Reject`] where the file has a column for that day, else [`MissingStatusDay::Arrival`].
    pub missing_status_day: Option<MissingStatusDay>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MappingFile {
    preset: Option<Preset>,
    #[serde(default)]
    columns: BTreeMap<String, String>,
    #[serde(default)]
    constants: BTreeMap<String, String>,
    #[serde(default)]
    statuses: BTreeMap<String, BookingStatus>,
    missing: Option<Vec<String>>,
    time_zone: Option<Tz>,
    date_order: Option<DateOrder>,
    #[serde(default)]
    decimal_mark: DecimalMark,
    missing_status_day: Option<MissingStatusDay>,
}

impl Mapping {
    /// The mapping of a preset, and nothing else.
    pub fn preset(preset: Preset) -> Self {
        Self { preset: Some(preset), ..Self::default() }
    }

    /// Reads a mapping file.
    ///
    /// # Errors
    /// Where the text is not TOML, has a key that is not known, or names a field or time zone that is not known.
    pub fn from_toml(text: &str) -> Result<Self, MappingError> {
        let file: MappingFile =
            toml::from_str(text).map_err(|error| MappingError::Toml(error.to_string()))?;
        let fields = |table: BTreeMap<String, String>| -> Result<BTreeMap<Field, String>, MappingError> {
            let field = |name: String| Field::by_name(&name).ok_or(MappingError::UnknownField(name));
            table.into_iter().map(|(name, value)| Ok((field(name)?, value))).collect()
        };
        Ok(Self {
            preset: file.preset,
            columns: fields(file.columns)?,
            constants: fields(file.constants)?,
            statuses: file
                .statuses
                .into_iter()
                .map(|(word, status)| (squeezed(&word).into_owned(), status))
                .collect(),
            missing: file.missing,
            time_zone: file.time_zone,
            date_order: file.date_order,
            decimal_mark: file.decimal_mark,
            missing_status_day: file.missing_status_day,
        })
    }

    /// Reads a mapping file from the disk.
    ///
    /// # Errors
    /// As [`Mapping::from_toml`], and where the file cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, MappingError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|error| MappingError::Io { path: path.to_owned(), error })?;
        Self::from_toml(&text)
    }

    /// The heading that feeds a field by name of the mapping itself.
    pub(crate) fn column(&self, field: Field) -> Option<String> {
        self.columns.get(&field).map(|name| heading(name))
    }
}
