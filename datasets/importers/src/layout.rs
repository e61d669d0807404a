use std::collections::BTreeMap;

use innkeeper_hotel::BookingStatus;

use crate::fields::{Field, Table};
use crate::mapping::{DecimalMark, Mapping, MissingStatusDay, Preset};
use crate::rows::Settings;
use crate::source::Source;
use crate::words::heading;

/// Why the columns of a file cannot feed a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// Something that is needed has no column.
    #[error("no column for {what}: none is headed {tried}, and the mapping names none (columns: {header})")]
    Missing {
        /// What is needed.
        what: &'static str,
        /// The headings that would have been taken.
        tried: String,
        /// The headings of the file.
        header: String,
    },
    /// The mapping names a column that the file does not have.
    #[error(
        "the mapping feeds {field} from the column {column:?}, which the file does not have (columns: {header})"
    )]
    NoSuchColumn {
        /// The field.
        field: &'static str,
        /// The column.
        column: String,
        /// The headings of the file.
        header: String,
    },
    /// Two columns have the heading that feeds a field.
    #[error("two columns are headed {column:?}, which feeds {field}; rename one")]
    TwoColumns {
        /// The field.
        field: &'static str,
        /// The heading.
        column: String,
    },
    /// The mapping names a field that the table does not have.
    #[error("the mapping names {field}, which {} do not have", table.word())]
    NotOfTheTable {
        /// The field.
        field: &'static str,
        /// The table.
        table: Table,
    },
}

/// What a table cannot do without: any one of the sets of fields.
type Need = (&'static str, &'static [&'static [Field]]);

fn needs(table: Table) -> &'static [Need] {
    match table {
        Table::Bookings => &[
            (
                "the arrival",
                &[&[Field::Arrival], &[Field::ArrivalYear, Field::ArrivalMonth, Field::ArrivalDay]],
            ),
            (
                "the nights",
                &[&[Field::Nights], &[Field::Departure], &[Field::WeekendNights, Field::WeekNights]],
            ),
            ("the day of booking", &[&[Field::BookedOn], &[Field::LeadDays]]),
            ("the room type", &[&[Field::RoomType]]),
            ("the status", &[&[Field::Status], &[Field::Cancelled]]),
        ],
        Table::Rates => &[
            ("the night", &[&[Field::Night]]),
            ("the room type", &[&[Field::RoomType]]),
            ("the day on which the price was set", &[&[Field::SetOn]]),
            ("the price", &[&[Field::Price]]),
            ("the currency", &[&[Field::Currency]]),
        ],
        Table::Competitors => &[
            ("the competitor", &[&[Field::Competitor]]),
            ("the night", &[&[Field::Night]]),
            ("the day on which the price was seen", &[&[Field::SeenOn]]),
            ("the price", &[&[Field::Price]]),
            ("the currency", &[&[Field::Currency]]),
        ],
        Table::Events => &[("the name", &[&[Field::Name]]), ("the first day", &[&[Field::From]])],
        Table::Guests => &[("the number of the guest", &[&[Field::Id]])],
        Table::Rooms => {
            &[("the number of the room", &[&[Field::RoomNumber]]), ("the room type", &[&[Field::RoomType]])]
        }
    }
}

/// The columns of one file, found once.
pub struct Layout {
    pub(crate) table: Table,
    pub(crate) header: Vec<String>,
    columns: Vec<Option<usize>>,
    constants: Vec<Option<String>>,
    pub(crate) missing: Vec<String>,
    pub(crate) mark: DecimalMark,
    pub(crate) statuses: BTreeMap<String, BookingStatus>,
    pub(crate) missing_status_day: MissingStatusDay,
    pub(crate) notes: Vec<String>,
}

impl Layout {
    /// Finds the columns of a table in the header of a file.
    pub(crate) fn new(
        table: Table,
        source: &Source,
        mapping: &Mapping,
        settings: &Settings,
    ) -> Result<Self, LayoutError> {
        let header = source.header().to_vec();
        let headings: Vec<String> = header.iter().map(|name| heading(name)).collect();
        if let Some(&field) =
            mapping.columns.keys().chain(mapping.constants.keys()).find(|field| !table.has(**field))
        {
            return Err(LayoutError::NotOfTheTable { field: field.name(), table });
        }
        let preset = mapping.preset.unwrap_or_else(|| Preset::guess(table, &headings));
        let mut columns = vec![None; Field::ALL.len()];
        for &field in mapping.columns.keys() {
            let column = mapping.column(field).unwrap_or_default();
            let found = find(field, &column, &headings)?.ok_or_else(|| LayoutError::NoSuchColumn {
                field: field.name(),
                column: mapping.columns.get(&field).cloned().unwrap_or_default(),
                header: listed(&header),
            })?;
            put(&mut columns, field, found);
        }
        for (field, names) in preset.known(table) {
            if mapping.columns.contains_key(field) {
                continue;
            }
            for name in *names {
                if let Some(found) = find(*field, name, &headings)? {
                    // A column that the mapping gave away feeds nothing else.
                    if !columns.contains(&Some(found)) {
                        put(&mut columns, *field, found);
                        break;
                    }
                }
            }
        }
        let mut constants = vec![None; Field::ALL.len()];
        if table.has(Field::Currency)
            && let Some(currency) = settings.currency
        {
            put(&mut constants, Field::Currency, currency.code().to_owned());
        }
        for (field, value) in &mapping.constants {
            put(&mut constants, *field, value.trim().to_owned());
        }
        let missing = mapping.missing.clone().unwrap_or_else(|| words(preset.missing()));
        let mut layout = Self {
            table,
            header,
            columns,
            constants,
            missing,
            mark: mapping.decimal_mark,
            statuses: mapping.statuses.clone(),
            missing_status_day: MissingStatusDay::Arrival,
            notes: Vec::new(),
        };
        layout.missing_status_day = match mapping.missing_status_day {
            Some(decided) => decided,
            None if layout.column(Field::StatusOn).is_some() => MissingStatusDay::Reject,
            None => MissingStatusDay::Arrival,
        };
        layout.check(preset)?;
        layout.note(preset, source);
        Ok(layout)
    }

    /// The column that feeds a field.
    pub(crate) fn column(&self, field: Field) -> Option<usize> {
        self.columns.get(field as usize).copied().flatten()
    }

    /// What the field holds where no column says it.
    pub(crate) fn constant(&self, field: Field) -> Option<&str> {
        self.constants.get(field as usize).and_then(Option::as_deref)
    }

    /// Whether the field can hold anything at all.
    pub(crate) fn feeds(&self, field: Field) -> bool {
        self.column(field).is_some() || self.constant(field).is_some()
    }

    /// The heading of the column that feeds a field, or the name of the field.
    pub(crate) fn heading(&self, field: Field) -> &str {
        self.column(field).and_then(|column| self.header.get(column)).map_or(field.name(), String::as_str)
    }

    /// Each field that a column feeds, with its heading.
    pub(crate) fn fed(&self) -> Vec<(Field, String)> {
        let fed = Field::ALL.iter().filter(|field| self.column(**field).is_some());
        fed.map(|field| (*field, self.heading(*field).to_owned())).collect()
    }

    fn check(&self, preset: Preset) -> Result<(), LayoutError> {
        for (what, ways) in needs(self.table) {
            if ways.iter().any(|way| way.iter().all(|field| self.feeds(*field))) {
                continue;
            }
            let known = preset.known(self.table);
            let tried = known.iter().filter(|(field, _)| ways.iter().any(|way| way.contains(field)));
            let names: Vec<&str> = tried.flat_map(|(_, names)| names.iter().copied()).collect();
            return Err(LayoutError::Missing { what, tried: names.join(", "), header: listed(&self.header) });
        }
        Ok(())
    }

    fn note(&mut self, preset: Preset, source: &Source) {
        if self.table == Table::Bookings {
            self.notes.push(format!("columns are read as {}", preset.word()));
        }
        let unused =
            self.header.iter().enumerate().filter(|(index, _)| !self.columns.contains(&Some(*index)));
        let unused: Vec<String> = unused.map(|(_, name)| name.clone()).collect();
        if !unused.is_empty() {
            self.notes.push(format!("columns that are not used: {}", listed(&unused)));
        }
        if !source.unread_columns().is_empty() {
            self.notes.push(format!(
                "columns of lists, structures or bytes that are not read: {}",
                listed(source.unread_columns())
            ));
        }
        if preset == Preset::InnHotels {
            self.notes.push(
                "Not_Canceled says that a booking held, not that the guest came: it is read as confirmed, without a day"
                    .to_owned(),
            );
        }
    }
}

fn put<T>(slots: &mut [Option<T>], field: Field, value: T) {
    if let Some(slot) = slots.get_mut(field as usize) {
        *slot = Some(value);
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The one column of this heading.
fn find(field: Field, name: &str, headings: &[String]) -> Result<Option<usize>, LayoutError> {
    let mut found =
        headings.iter().enumerate().filter(|(_, heading)| *heading == name).map(|(index, _)| index);
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => Err(LayoutError::TwoColumns { field: field.name(), column: name.to_owned() }),
        (found, _) => Ok(found),
    }
}

/// At most thirty headings, each of at most forty letters.
fn listed(names: &[String]) -> String {
    let mut list: Vec<String> = names
        .iter()
        .take(30)
        .map(|name| name.chars().take(40).flat_map(char::escape_debug).collect())
        .collect();
    if names.len() > 30 {
        list.push(format!("and {} more", names.len() - 30));
    }
    list.join(", ")
}
