use std::path::PathBuf;

use innkeeper_hotel::BookingError;
use innkeeper_sealing::SealError;
use sqlx::migrate::MigrateError;

/// Why the store refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database file or its folder cannot be created.
    #[error("cannot create the database {}: {source}", path.display())]
    File {
        /// The database file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file exists but cannot be opened as our database.
    #[error("cannot open the database {}: {source}", path.display())]
    Open {
        /// The database file.
        path: PathBuf,
        /// What the engine said.
        source: sqlx::Error,
    },
    /// The server cannot be reached, or does not let us in.
    #[error("cannot connect to the database {place}: {source}")]
    Connect {
        /// Database and server, without the user's name and password.
        place: String,
        /// What the engine said.
        source: sqlx::Error,
    },
    /// The database was written by a later version of this program.
    #[error(
        "the database has schema {found}, this program knows schemas up to {supported}: \
         run the newer program, or restore a backup made before the upgrade"
    )]
    NewerSchema {
        /// Number of the migration that this program does not know.
        found: i64,
        /// Newest migration of this program.
        supported: i64,
    },
    /// A migration failed, or one that was applied before has changed since.
    #[error("cannot bring the database to the current schema: {0}")]
    Migration(#[source] MigrateError),
    /// Somebody else held a lock, or every connection was taken, for too long; nothing was written. Worth a
    /// retry.
    #[error("the database is busy")]
    Busy,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The hotel has no such employee (any more).
    #[error("no such employee")]
    UnknownEmployee,
    /// A row with this key exists already.
    #[error("{what} exists already")]
    Duplicate {
        /// What is there twice.
        what: &'static str,
    },
    /// A rule of the schema refused the row.
    #[error("the database refused the row: {constraint}")]
    Constraint {
        /// The rule by its name in the schema.
        constraint: String,
    },
    /// A value from the caller makes no sense.
    #[error("{field} {reason}")]
    Invalid {
        /// The field at fault.
        field: &'static str,
        /// What is wrong with it, as the end of a sentence.
        reason: &'static str,
    },
    /// The parts of a booking do not agree; nothing of its batch was written.
    #[error("booking {id}: {source}")]
    Booking {
        /// The booking.
        id: String,
        /// What does not agree.
        source: BookingError,
    },
    /// A stored value cannot be read back.
    #[error("the database holds a {column} that cannot be read")]
    Corrupt {
        /// Column of the value.
        column: &'static str,
    },
    /// A value could not be sealed, or does not open: it was changed, moved, or never sealed.
    #[error("{column}: {source}")]
    Seal {
        /// Column of the value.
        column: &'static str,
        /// What the cipher said.
        source: SealError,
    },
    /// Rows cannot be read because the keys that sealed them are not at hand.
    #[error(
        "{rows} rows are sealed with keys that are missing: {}; \
         put them back into secrets/data.key, or where the environment gives the keys",
        keys.join(", ")
    )]
    MissingKeys {
        /// The keys by their ids.
        keys: Vec<String>,
        /// Rows that need them.
        rows: u64,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random,
    /// The person has given no consent, or has withdrawn it.
    #[error("the person has no active consent")]
    NoConsent,
    /// A copy would mix with rows that are there already.
    #[error("{table} has rows already; a copy needs an empty database")]
    NotEmpty {
        /// The first table with rows.
        table: &'static str,
    },
    /// A copy did not come out as its original.
    #[error("the copy differs from its original in {what}")]
    CopyDiffers {
        /// What differs.
        what: &'static str,
    },
    /// A statement could not be built.
    #[error("cannot build a statement: {0}")]
    Statement(#[from] sea_query::error::Error),
    /// A payload could not be written as JSON.
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Anything else the engine said.
    #[error("database: {0}")]
    Database(#[source] sqlx::Error),
}

impl StoreError {
    /// Whether the same call may succeed a moment later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy)
    }
}

/// `SQLite`: `SQLITE_BUSY`, `_RECOVERY`, `_SNAPSHOT`, `_TIMEOUT`, `SQLITE_LOCKED`, `_SHAREDCACHE`. `PostgreSQL`:
/// a lock or statement that took too long, a deadlock, a conflict, too many connections, still starting.
const BUSY_CODES: [&str; 12] =
    ["5", "261", "517", "773", "6", "262", "55P03", "57014", "40P01", "40001", "53300", "57P03"];

/// `PostgreSQL` keeps no NUL in a text.
const NUL_CODE: &str = "22021";

/// Keys by their columns and their name: of a violated one `SQLite` names the columns, `PostgreSQL` the key.
const UNIQUE: [(&str, &str, &str); 16] = [
    ("face_templates.id", "face_templates_pk", "the template"),
    (
        "face_templates.hotel_id, face_templates.employee_id",
        "face_templates_photo_once",
        "a template of this photo",
    ),
    ("outbox.id", "outbox_id_once", "the event"),
    ("api_keys.id", "api_keys_pk", "the API key"),
    ("unknown_faces.id", "unknown_faces_pk", "the unknown face"),
    ("not_this_person.id", "not_this_person_pk", "the negative"),
    ("kept_answers.id", "kept_answers_pk", "the answer"),
    ("images.id", "images_pk", "the image"),
    ("images.hotel_id, images.id", "images_of_hotel", "the image"),
    ("room_verdicts.id", "room_verdicts_pk", "the verdict"),
    ("cleanings.id", "cleanings_pk", "the cleaning"),
    ("ml_predictions.id", "ml_predictions_pk", "the prediction"),
    ("imports.id", "imports_pk", "the import"),
    ("pricing_rules.hotel_id, pricing_rules.id", "pricing_rules_pk", "the rule"),
    ("price_schedules.id", "price_schedules_pk", "the schedule"),
    ("price_overrides.id", "price_overrides_pk", "the override"),
];

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let database = match &error {
            sqlx::Error::PoolTimedOut => return Self::Busy,
            sqlx::Error::PoolClosed => return Self::Closed,
            sqlx::Error::Database(database) => database,
            _ => return Self::Database(error),
        };
        let code = database.code().unwrap_or_default();
        if BUSY_CODES.contains(&code.as_ref()) {
            return Self::Busy;
        }
        if code == NUL_CODE {
            return Self::Invalid { field: "text", reason: "must not hold a NUL character" };
        }
        let message = database.message();
        let named = database
            .constraint()
            .unwrap_or_else(|| message.rsplit_once("failed: ").map_or(message, |(_, name)| name));
        if database.is_unique_violation()
            && let Some((.., what)) =
                UNIQUE.iter().find(|(columns, key, _)| named == *key || named.starts_with(columns))
        {
            return Self::Duplicate { what };
        }
        // References below a hotel are to an employee, or to an image that was seen in the same transaction; hotels
        // are created before their rows.
        if database.is_foreign_key_violation() {
            return Self::UnknownEmployee;
        }
        if database.is_unique_violation()
            || database.is_check_violation()
            || message.ends_with("is append-only")
        {
            return Self::Constraint { constraint: named.to_owned() };
        }
        Self::Database(error)
    }
}
