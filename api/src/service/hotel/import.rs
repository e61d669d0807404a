//! Files into the tables: read through once before anything is written, then written batch by batch.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::Utc;
use innkeeper_core::HotelId;
use innkeeper_hotel::{Booking, CompetitorPrice, Event, Guest, Rate, Room};
use innkeeper_importers::{
    Entry, ImportReport, Mapping, Outcome, RejectCode, RejectWriter, Rejection, Rows, Settings, Source,
    Table, hotel_slug, read,
};
use innkeeper_store::{AuditSubject, HotelStore, NewImport, Store, StoreError, Upserted};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use uuid::Uuid;

/// Who the tables say it was.
const ACTOR: &str = "innkeeper import";
/// Rows written in one transaction.
const BATCH: usize = 10_000;
/// Batches that wait to be written: the reader does not run ahead of the disk for longer.
const AHEAD: usize = 4;
/// Rows of all hotels that may wait for their batch to be full.
const MOST_HELD: usize = 50_000;
/// Hotels of one file.
const MOST_HOTELS: usize = 1_000;
/// How many rows pass between two words to whoever watches.
const TELL_EVERY: u64 = 4_096;

/// Why a file was not imported, or not to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    /// It cannot be read, or a file beside it cannot be written.
    #[error("{}", of_file(path, error))]
    File { path: PathBuf, error: innkeeper_importers::ImportError },
    #[error("{}", of_file(path, error))]
    Io { path: PathBuf, error: std::io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{}: its column of hotels names {hotels} of them; more than {MOST_HOTELS} are taken for a wrong column", path.display())]
    Hotels { path: PathBuf, hotels: usize },
    #[error("{}: it changed while it was read; bring it again", path.display())]
    Changed { path: PathBuf },
    #[error("the reader stopped: {0}")]
    Stopped(#[from] tokio::task::JoinError),
}

/// What is wrong with a file, after its name; some errors say it themselves.
pub(crate) fn of_file(path: &Path, error: &dyn std::fmt::Display) -> String {
    let (path, error) = (path.display().to_string(), error.to_string());
    if error.starts_with(&path) { error } else { format!("{path}: {error}") }
}

/// A file and how it is read.
#[derive(Debug, Clone)]
pub(crate) struct ImportFile {
    pub path: PathBuf,
    pub table: Table,
    pub mapping: Mapping,
    pub settings: Settings,
    /// Where rows go that name no hotel.
    pub hotel: HotelId,
}

/// What stands in a file.
#[derive(Debug)]
pub(crate) struct Checked {
    pub report: ImportReport,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Rows that could be read, by hotel.
    pub hotels: Vec<(HotelId, u64)>,
}

impl Checked {
    /// Rows of the file, its header left out.
    pub fn rows(&self) -> u64 {
        self.report.accepted + self.report.rejected + self.report.repeated
    }
}

/// What was written for one hotel.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct HotelWritten {
    pub hotel: HotelId,
    /// The row in the hotel's list of imports; null where nothing was written.
    pub import_id: Option<Uuid>,
    /// Rows of the file for this hotel.
    pub accepted: u64,
    pub inserted: u64,
    pub changed: u64,
    pub unchanged: u64,
}

/// A row that the store keeps.
trait Kept: Entry + Send + 'static {
    async fn upsert(store: &HotelStore, rows: &[Self], import: Uuid) -> Result<Upserted, StoreError>;
}

macro_rules! kept {
    ($($row:ty => $upsert:ident,)*) => {
        $(impl Kept for $row {
            async fn upsert(store: &HotelStore, rows: &[Self], import: Uuid) -> Result<Upserted, StoreError> {
                store.$upsert(rows, Some(import), Utc::now()).await
            }
        })*
    };
}

kept! {
    Booking => upsert_bookings,
    Rate => upsert_rates,
    CompetitorPrice => upsert_competitor_prices,
    Event => upsert_events,
    Guest => upsert_guests,
    Room => upsert_rooms,
}

/// Calls a function with the type of the table's rows.
macro_rules! of_table {
    ($table:expr, $call:ident($($argument:expr),*)) => {
        match $table {
            Table::Bookings => $call::<Booking>($($argument),*),
            Table::Rates => $call::<Rate>($($argument),*),
            Table::Competitors => $call::<CompetitorPrice>($($argument),*),
            Table::Events => $call::<Event>($($argument),*),
            Table::Guests => $call::<Guest>($($argument),*),
            Table::Rooms => $call::<Room>($($argument),*),
        }
    };
}

/// The hotels of a file by what they are called in it.
struct Hotels<'a> {
    named: HashMap<Arc<str>, Option<HotelId>>,
    otherwise: &'a HotelId,
}

impl<'a> Hotels<'a> {
    fn new(otherwise: &'a HotelId) -> Self {
        Self { named: HashMap::new(), otherwise }
    }

    /// The hotel of a row; `None` where its name makes no id.
    fn of(&mut self, name: Option<Arc<str>>) -> Option<HotelId> {
        let Some(name) = name else { return Some(self.otherwise.clone()) };
        self.named.entry(name).or_insert_with_key(|name| hotel_slug(name)).clone()
    }
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> ImportError {
    let path = path.to_owned();
    move |error| ImportError::Io { path, error }
}

fn unread<E: Into<innkeeper_importers::ImportError>>(path: &Path) -> impl FnOnce(E) -> ImportError {
    let path = path.to_owned();
    move |error| ImportError::File { path, error: error.into() }
}

fn rows_of<T: Entry>(file: &ImportFile) -> Result<Rows<T>, ImportError> {
    let source = Source::open(&file.path).map_err(unread(&file.path))?;
    read(source, &file.mapping, &file.settings).map_err(unread(&file.path))
}

/// SHA-256 of a file, as 64 hexadecimal digits.
fn digest(path: &Path) -> Result<String, ImportError> {
    let mut file = File::open(path).map_err(io(path))?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        let n = file.read(&mut buffer).map_err(io(path))?;
        if n == 0 {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(buffer.get(..n).unwrap_or_default());
    }
}

/// What becomes of a row: its hotel and itself, or why it is not taken. A name that makes no hotel is a reason too.
fn placed<T>(outcome: Outcome<T>, hotels: &mut Hotels<'_>) -> Result<(HotelId, T), Rejection> {
    match outcome {
        Outcome::Rejected(rejection) => Err(rejection),
        Outcome::Row { hotel, line, row } => match hotels.of(hotel) {
            Some(hotel) => Ok((hotel, row)),
            None => Err(Rejection {
                line,
                code: RejectCode::BadId,
                reason: "the name of the hotel has no letter or number that an id could be made of"
                    .to_owned(),
                values: Vec::new(),
            }),
        },
    }
}

/// Reads a file to its end without writing anything: what it holds, and each row that cannot be taken. `told` hears now and
/// then how many rows were read.
///
/// # Errors
/// When the file cannot be read to its end; nothing of it is to be written then.
pub(crate) fn check(
    file: &ImportFile,
    rejects: Option<&mut RejectWriter<impl Write>>,
    told: impl FnMut(u64),
) -> Result<Checked, ImportError> {
    of_table!(file.table, checked(file, rejects, told))
}

fn checked<T: Kept>(
    file: &ImportFile,
    mut rejects: Option<&mut RejectWriter<impl Write>>,
    mut told: impl FnMut(u64),
) -> Result<Checked, ImportError> {
    let mut rows = rows_of::<T>(file)?;
    let mut report = ImportReport::default();
    let (mut hotels, mut counts) = (Hotels::new(&file.hotel), HashMap::<HotelId, u64>::new());
    let mut n = 0;
    for next in rows.by_ref() {
        match placed(next.map_err(unread(&file.path))?, &mut hotels) {
            Ok((hotel, _)) => {
                report.accepted += 1;
                *counts.entry(hotel).or_default() += 1;
            }
            Err(rejection) => {
                if let Some(rejects) = rejects.as_deref_mut() {
                    rejects.write(&rejection).map_err(io(Path::new("--rejects")))?;
                }
                // The first row of each kind of reason is shown, however many there were before it.
                let (first, kept) = (!report.by_code.contains_key(&rejection.code), report.rejections.len());
                report.reject(rejection.clone());
                if first && report.rejections.len() == kept {
                    report.rejections.push(rejection);
                }
            }
        }
        n += 1;
        if n % TELL_EVERY == 0 {
            told(n);
        }
    }
    report.finish(&rows);
    if counts.len() > MOST_HOTELS {
        return Err(ImportError::Hotels { path: file.path.clone(), hotels: counts.len() });
    }
    let mut hotels: Vec<(HotelId, u64)> = counts.into_iter().collect();
    hotels.sort_by(|one, other| one.0.as_str().cmp(other.0.as_str()));
    Ok(Checked { report, sha256: digest(&file.path)?, hotels })
}

/// Writes what [`check`] found good: batches in transactions of their own, each whole, an entry in the list of imports and one
/// in the audit log for each hotel. `told` hears how many rows are written.
///
/// # Errors
/// When the file cannot be read any more, or the database fails; batches before that stay, and the same file brought again
/// completes them.
pub(crate) async fn write(
    store: &Store,
    file: &ImportFile,
    checked: &Checked,
    told: impl FnMut(u64),
) -> Result<Vec<HotelWritten>, ImportError> {
    match file.table {
        Table::Bookings => written::<Booking>(store, file, checked, told).await,
        Table::Rates => written::<Rate>(store, file, checked, told).await,
        Table::Competitors => written::<CompetitorPrice>(store, file, checked, told).await,
        Table::Events => written::<Event>(store, file, checked, told).await,
        Table::Guests => written::<Guest>(store, file, checked, told).await,
        Table::Rooms => written::<Room>(store, file, checked, told).await,
    }
}

/// Hands the good rows over, batch by batch, each of one hotel. An end of the taker ends it.
fn send<T: Kept>(file: &ImportFile, out: &mpsc::Sender<(HotelId, Vec<T>)>) -> Result<(), ImportError> {
    let mut hotels = Hotels::new(&file.hotel);
    let mut waiting: HashMap<HotelId, Vec<T>> = HashMap::new();
    let mut held = 0;
    for next in rows_of::<T>(file)? {
        let Ok((hotel, row)) = placed(next.map_err(unread(&file.path))?, &mut hotels) else { continue };
        let rows = waiting.entry(hotel.clone()).or_default();
        rows.push(row);
        held += 1;
        // Of a chain's file the fullest batch goes when together they are too many to keep.
        let full = if rows.len() >= BATCH {
            Some(hotel)
        } else if held >= MOST_HELD {
            waiting.iter().max_by_key(|(_, rows)| rows.len()).map(|(hotel, _)| hotel.clone())
        } else {
            None
        };
        if let Some((hotel, rows)) = full.and_then(|hotel| waiting.remove_entry(&hotel)) {
            held -= rows.len();
            if out.blocking_send((hotel, rows)).is_err() {
                return Ok(());
            }
        }
    }
    for (hotel, rows) in waiting {
        if out.blocking_send((hotel, rows)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

async fn written<T: Kept>(
    store: &Store,
    file: &ImportFile,
    checked: &Checked,
    mut told: impl FnMut(u64),
) -> Result<Vec<HotelWritten>, ImportError> {
    let file_name = file.path.file_name().map(|name| name.to_string_lossy().into_owned());
    let mut all: Vec<(HotelStore, Uuid, HotelWritten)> = Vec::new();
    for (hotel, accepted) in &checked.hotels {
        let rows = store.hotel(hotel);
        let id = Uuid::now_v7();
        let import = NewImport {
            id,
            kind: file.table.word().to_owned(),
            file_name: file_name.clone(),
            file_sha256: Some(checked.sha256.clone()),
            started_by: ACTOR.to_owned(),
            started_at: Utc::now(),
        };
        rows.begin_import(&import).await?;
        let (hotel, accepted) = (hotel.clone(), *accepted);
        let none =
            HotelWritten { hotel, import_id: Some(id), accepted, inserted: 0, changed: 0, unchanged: 0 };
        all.push((rows, id, none));
    }
    let (out, mut taken) = mpsc::channel(AHEAD);
    let from = file.clone();
    let reading = tokio::task::spawn_blocking(move || send::<T>(&from, &out));
    let mut n = 0;
    while let Some((hotel, rows)) = taken.recv().await {
        // A hotel that was not there a moment ago: somebody changed the file in between.
        let Some((store, id, count)) = all.iter_mut().find(|(_, _, count)| count.hotel == hotel) else {
            return Err(ImportError::Changed { path: file.path.clone() });
        };
        let done = T::upsert(store, &rows, *id).await?;
        count.inserted += done.inserted;
        count.changed += done.changed;
        count.unchanged += done.unchanged + done.repeated;
        n += rows.len() as u64;
        told(n);
    }
    reading.await??;
    let rejected = checked.report.rejected;
    let mut told = Vec::new();
    for (rows, id, count) in all {
        rows.finish_import(id, count.accepted, rejected, Utc::now()).await?;
        let details = json!({
            "import_id": id,
            "table": file.table.word(),
            "sha256": checked.sha256,
            "accepted": count.accepted,
            "inserted": count.inserted,
            "changed": count.changed,
            "unchanged": count.unchanged,
            "rejected_in_file": rejected,
        });
        rows.audit(ACTOR, "hotel.imported", AuditSubject::Thing(format!("import:{id}")), details).await?;
        told.push(count);
    }
    Ok(told)
}
