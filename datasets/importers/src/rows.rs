use std::marker::PhantomData;
use std::sync::Arc;

use chrono_tz::Tz;
use csv::ByteRecord;
use innkeeper_hotel::{Booking, CompetitorPrice, Currency, Event, Guest, Rate, Room};

use crate::cells::{Cells, Flaw, LONGEST_TEXT, Memory};
use crate::dates::{DateOrder, evidence};
use crate::fields::{Field, Table};
use crate::identity::Identified;
use crate::layout::{Layout, LayoutError};
use crate::mapping::Mapping;
use crate::outcome::{Outcome, RejectCode};
use crate::source::{Source, SourceError};
use crate::words::shown;

/// The fields that hold days.
const DAYS: [Field; 10] = [
    Field::BookedOn,
    Field::Arrival,
    Field::Departure,
    Field::StatusOn,
    Field::Night,
    Field::SetOn,
    Field::SeenOn,
    Field::From,
    Field::Until,
    Field::KnownOn,
];

/// What is known of the hotel whose file is read; a mapping that says otherwise comes first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// Its time zone, which decides the day of an instant.
    pub time_zone: Option<Tz>,
    /// Its currency, for rows that name none.
    pub currency: Option<Currency>,
}

/// Why a file is not read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Its columns.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A date has day and month as numbers, and nothing in the file says which is which.
    #[error(
        "line {line}, column {column:?}: {value} may be day/month or month/day, and no date of the file has a number above 12 \
         that would tell; set date_order in the mapping"
    )]
    AmbiguousDates {
        /// The line of the first such date.
        line: u64,
        /// Its column, as headed.
        column: String,
        /// The date as written.
        value: String,
    },
    /// Some dates of the file have the day first, others the month.
    #[error(
        "line {day_first} has the day before the month, line {month_first} the month before the day; set date_order in the mapping"
    )]
    MixedDates {
        /// A line with the day first.
        day_first: u64,
        /// A line with the month first.
        month_first: u64,
    },
}

pub(crate) mod sealed {
    use crate::cells::{Cells, Flaw};
    use crate::fields::{Field, Table};

    /// How a row becomes a value.
    pub trait Read: Sized {
        /// The table it belongs to.
        const TABLE: Table;
        /// The field that identifies it.
        const KEY: Option<Field>;
        /// Reads it.
        fn read(cells: &mut Cells<'_>) -> Result<Self, Flaw>;
    }
}

/// What a file can be read as: [`Booking`], [`Rate`], [`CompetitorPrice`], [`Event`], [`Guest`] or [`Room`].
pub trait Entry: sealed::Read {
    /// The table it belongs to.
    fn table() -> Table {
        Self::TABLE
    }
}

impl<T: sealed::Read> Entry for T {}

/// The rows of a file, one after another: each a value or a rejection, until the file ends or cannot be read further.
pub struct Rows<T> {
    source: Source,
    layout: Layout,
    memory: Memory,
    record: ByteRecord,
    line: u64,
    repeated: u64,
    hotel: Option<Arc<str>>,
    ended: bool,
    entry: PhantomData<fn() -> T>,
}

/// Reads a file as bookings.
///
/// A booking without an id gets one made of its row, so that the same file gives the same ids and equal rows stay separate
/// bookings. A later row with the id of an earlier one is rejected as [`RejectCode::DuplicateId`], or passed over where it is the
/// same in every column.
///
/// # Errors
/// [`ImportError::Layout`] where the columns cannot feed the table.
pub fn bookings(
    source: Source,
    mapping: &Mapping,
    settings: &Settings,
) -> Result<Rows<Booking>, ImportError> {
    read(source, mapping, settings)
}

/// Reads a file as our own prices.
///
/// # Errors
/// As [`bookings`].
pub fn rates(source: Source, mapping: &Mapping, settings: &Settings) -> Result<Rows<Rate>, ImportError> {
    read(source, mapping, settings)
}

/// Reads a file as competitors' prices.
///
/// # Errors
/// As [`bookings`].
pub fn competitors(
    source: Source,
    mapping: &Mapping,
    settings: &Settings,
) -> Result<Rows<CompetitorPrice>, ImportError> {
    read(source, mapping, settings)
}

/// Reads a file as events of the calendar.
///
/// # Errors
/// As [`bookings`].
pub fn events(source: Source, mapping: &Mapping, settings: &Settings) -> Result<Rows<Event>, ImportError> {
    read(source, mapping, settings)
}

/// Reads a file as guests.
///
/// # Errors
/// As [`bookings`].
pub fn guests(source: Source, mapping: &Mapping, settings: &Settings) -> Result<Rows<Guest>, ImportError> {
    read(source, mapping, settings)
}

/// Reads a file as rooms.
///
/// # Errors
/// As [`bookings`].
pub fn rooms(source: Source, mapping: &Mapping, settings: &Settings) -> Result<Rows<Room>, ImportError> {
    read(source, mapping, settings)
}

/// Reads a file as any table.
///
/// # Errors
/// As [`bookings`].
pub fn read<T: Entry>(
    source: Source,
    mapping: &Mapping,
    settings: &Settings,
) -> Result<Rows<T>, ImportError> {
    let layout = Layout::new(T::TABLE, &source, mapping, settings)?;
    Ok(Rows {
        source,
        layout,
        memory: Memory::new(mapping.time_zone.or(settings.time_zone), mapping.date_order),
        record: ByteRecord::new(),
        line: 1,
        repeated: 0,
        hotel: None,
        ended: false,
        entry: PhantomData,
    })
}

impl<T> Rows<T> {
    /// Each field that a column feeds, with the heading of that column.
    pub fn columns(&self) -> Vec<(Field, String)> {
        self.layout.fed()
    }

    /// Rows passed over so far because an earlier row has their id and is the same in every column.
    pub fn repeated(&self) -> u64 {
        self.repeated
    }

    /// The line that was read last.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// What was found about the file as a whole, and what had to be assumed so far; complete once the rows are at their end.
    pub fn notes(&self) -> Vec<String> {
        let assumed = &self.memory.assumed;
        let mut notes = self.layout.notes.clone();
        let mut note = |count: u64, text: &str| {
            if count > 0 {
                notes.push(format!("{count} {text}"));
            }
        };
        note(
            assumed.ids,
            "bookings have no id of their own: theirs is made of the row, so that importing this file again changes nothing; a later export with other values would add them once more",
        );
        note(
            assumed.status_days,
            "cancelled bookings and no-shows do not say on which day that became known: the day of arrival is taken, the latest it can have been",
        );
        note(
            assumed.status_days_left_out,
            "bookings that merely hold have a day of status, which says nothing and is left out",
        );
        note(assumed.people, "numbers of people are not written and count as none");
        note(assumed.divided, "prices a night are the amount of the stay divided by its nights");
        note(
            assumed.not_divided,
            "stays without nights have an amount, which makes no price a night and is left out",
        );
        note(assumed.one_day_events, "events without a last day last one day");
        note(
            assumed.zoneless,
            "instants were read on the day they are written with, for no time zone is known",
        );
        if assumed.zoned > 0 && assumed.midnights == assumed.zoned {
            note(
                assumed.zoned,
                "instants are all midnight as written and were read on the day of the hotel's clock: if they are days that were stored as instants, set time_zone = \"UTC\" in the mapping",
            );
        }
        note(self.repeated, "rows are the same as an earlier one of the same id and were passed over");
        match self.memory.order {
            Some(DateOrder::DayFirst) => notes.push("dates have the day before the month".to_owned()),
            Some(DateOrder::MonthFirst) => notes.push("dates have the month before the day".to_owned()),
            None => {}
        }
        notes
    }
}

impl<T: Entry> Rows<T> {
    fn advance(&mut self) -> Result<Option<Outcome<T>>, ImportError> {
        loop {
            let Some(line) = self.source.next(&mut self.record)? else { return Ok(None) };
            self.line = line;
            let assumed = self.memory.assumed;
            let mut read = self.entry();
            if self.memory.undecided.is_some() {
                self.decide_order(line)?;
                self.memory.assumed = assumed;
                read = self.entry();
            }
            if !matches!(read, Ok(Some(_))) {
                // Nothing is assumed for a row that is not taken.
                self.memory.assumed = assumed;
            }
            return Ok(Some(match read {
                Ok(Some(row)) => Outcome::Row { hotel: self.hotel.clone(), line, row },
                Ok(None) => {
                    self.repeated += 1;
                    continue;
                }
                Err(flaw) => Outcome::Rejected(flaw.rejection(line, &self.layout, &self.record)),
            }));
        }
    }

    /// The row at hand; `None` where it is an earlier row once more.
    fn entry(&mut self) -> Result<Option<T>, Flaw> {
        let width = self.layout.header.len();
        if self.record.len() != width {
            let reason = format!("{} values where the header has {width}", self.record.len());
            return Err(Flaw::new(RejectCode::WrongFieldCount, &[], reason));
        }
        let mut cells = Cells { record: &self.record, layout: &self.layout, memory: &mut self.memory };
        let hotel = cells.text(Field::Hotel)?;
        if hotel.is_some_and(|hotel| hotel.len() > LONGEST_TEXT) {
            let reason = format!("{} is longer than {LONGEST_TEXT} bytes", self.layout.heading(Field::Hotel));
            return Err(Flaw::new(RejectCode::TooLong, &[Field::Hotel], reason));
        }
        if self.hotel.as_deref() != hotel {
            self.hotel = hotel.map(Arc::from);
        }
        let row = T::read(&mut cells)?;
        let key = match T::KEY {
            Some(field) => cells.text(field)?.map(|id| (field, id)),
            None => None,
        };
        if let Some((field, id)) = key {
            match cells.memory.identity.identified(hotel.unwrap_or_default(), id, cells.record) {
                Identified::New => {}
                Identified::Repeated => return Ok(None),
                Identified::Taken => {
                    let reason = "an earlier row has this id, with other values";
                    return Err(Flaw::new(RejectCode::DuplicateId, &[field], reason));
                }
            }
        }
        Ok(Some(row))
    }

    /// Asks the whole file whether its dates have the day first or the month.
    fn decide_order(&mut self, line: u64) -> Result<(), ImportError> {
        let asked = self.memory.undecided.take().unwrap_or(Field::Arrival);
        let columns: Vec<usize> = DAYS.iter().filter_map(|field| self.layout.column(*field)).collect();
        let (mut day_first, mut month_first) = (None, None);
        let mut source = self.source.reopen()?;
        let mut record = ByteRecord::new();
        while let Some(line) = source.next(&mut record)? {
            for column in &columns {
                let text = record.get(*column).and_then(|value| std::str::from_utf8(value).ok());
                match text.and_then(|text| evidence(text.trim())) {
                    Some(DateOrder::DayFirst) => day_first = day_first.or(Some(line)),
                    Some(DateOrder::MonthFirst) => month_first = month_first.or(Some(line)),
                    None => {}
                }
            }
        }
        self.memory.order = match (day_first, month_first) {
            (Some(day_first), Some(month_first)) => {
                return Err(ImportError::MixedDates { day_first, month_first });
            }
            (Some(_), None) => Some(DateOrder::DayFirst),
            (None, Some(_)) => Some(DateOrder::MonthFirst),
            (None, None) => {
                let written = self.layout.column(asked).and_then(|column| self.record.get(column));
                return Err(ImportError::AmbiguousDates {
                    line,
                    column: self.layout.heading(asked).to_owned(),
                    value: shown(&String::from_utf8_lossy(written.unwrap_or_default())),
                });
            }
        };
        Ok(())
    }
}

impl<T: Entry> Iterator for Rows<T> {
    type Item = Result<Outcome<T>, ImportError>;

    /// The next row. After an error there is nothing more.
    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.advance().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}
