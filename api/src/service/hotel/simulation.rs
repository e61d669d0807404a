//! A simulated hotel, written into the tables of a hotel that holds nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use innkeeper_hotel::{Booking, Guest, Rate, ServiceUse};
use innkeeper_simulator::{Record, Simulation, SimulatorError, Wanted};
use innkeeper_store::{AuditSubject, Cleaning, EmployeeProfile, HotelStore, NewImport, StoreError, Upserted};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use uuid::Uuid;

/// Who the tables say it was.
const ACTOR: &str = "innkeeper simulate";
/// What the list of imports calls it.
const KIND: &str = "simulation";
/// Rows written in one transaction.
const BATCH: usize = 5_000;
/// Batches that wait to be written: the simulation does not run ahead of the disk for longer.
const AHEAD: usize = 4;

/// Why a hotel was not simulated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SimulationError {
    /// Rows of the hotel are not of this simulation.
    #[error(
        "hotel {hotel} holds {bookings} bookings of another origin ({origin}); --replace removes them first, \
         --hotel names another hotel"
    )]
    OtherBookings { hotel: String, bookings: u64, origin: String },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Simulator(#[from] SimulatorError),
    #[error("the truth could not be written down: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the simulation stopped: {0}")]
    Stopped(#[from] tokio::task::JoinError),
}

/// Cleanings of so many last days are written: no estimate of cleaning times looks further back, and they are the most rows of
/// all.
const CLEANING_DAYS: u64 = 800;

/// What of a table was written, and what was there already.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Counts {
    pub inserted: u64,
    pub changed: u64,
    pub unchanged: u64,
}

impl From<Upserted> for Counts {
    fn from(done: Upserted) -> Self {
        Self {
            inserted: done.inserted,
            changed: done.changed,
            unchanged: done.unchanged.saturating_add(done.repeated),
        }
    }
}

impl Counts {
    fn add(&mut self, done: impl Into<Self>) {
        let done = done.into();
        self.inserted += done.inserted;
        self.changed += done.changed;
        self.unchanged += done.unchanged;
    }
}

/// What a simulation left in the tables.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Simulated {
    /// Rows by table.
    pub written: BTreeMap<&'static str, Counts>,
    /// Bookings by where they stand.
    pub bookings_by_status: BTreeMap<&'static str, u64>,
    /// Rows that were removed before, when that was asked.
    pub removed: Option<u64>,
}

impl Simulated {
    fn count(&mut self, table: &'static str, done: impl Into<Counts>) {
        self.written.entry(table).or_default().add(done);
    }
}

/// Rows of one table, on their way to it.
enum Batch {
    Guests(Vec<Guest>),
    Bookings(Vec<Booking>),
    ServiceUses(Vec<ServiceUse>),
    Rates(Vec<Rate>),
    Cleanings(Vec<Cleaning>),
}

/// What tells this simulation from any other: the same text gives the same hotel.
fn identity(simulation: &Simulation) -> Result<(String, String), serde_json::Error> {
    let asked = simulation.settings();
    let name = format!("seed {}, {} rooms, {} days to {}", asked.seed, asked.rooms, asked.days, asked.end);
    let whole = serde_json::to_vec(&json!({
        "seed": asked.seed,
        "rooms": asked.rooms,
        "days": asked.days,
        "end": asked.end,
        "hotel": asked.hotel.as_str(),
        "closures": asked.closures,
        "truth": simulation.truth(),
    }))?;
    Ok((name, hex::encode(Sha256::digest(whole))))
}

/// An instant of the hotel's own clock. Where clocks were put forward over it, the same time an hour later.
fn instant(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    let at = zone.from_local_datetime(&local).earliest();
    let at = at.or_else(|| zone.from_local_datetime(&(local + TimeDelta::hours(1))).earliest());
    at.map_or_else(|| local.and_utc(), |at| at.with_timezone(&Utc))
}

fn cleaning(made: innkeeper_simulator::Cleaning, zone: Tz) -> Cleaning {
    let started_at = instant(made.started_at, zone);
    Cleaning {
        id: Uuid::now_v7(),
        room_number: made.room_number,
        room_type: Some(made.room_type.as_str().to_owned()),
        started_at,
        finished_at: started_at + TimeDelta::minutes(i64::from(made.minutes)),
        // A simulated room was not looked at.
        tags: None,
        recorded_by: made.employee.as_str().to_owned(),
    }
}

/// Buffers that become batches when they are full.
struct Buffers<'a> {
    guests: Vec<Guest>,
    bookings: Vec<Booking>,
    service_uses: Vec<ServiceUse>,
    rates: Vec<Rate>,
    cleanings: Vec<Cleaning>,
    out: &'a mpsc::Sender<Batch>,
    zone: Tz,
    /// The first day whose cleanings are kept.
    cleaned_from: NaiveDate,
}

impl Buffers<'_> {
    /// `false` when nobody takes batches any more.
    fn push(&mut self, record: Record) -> bool {
        match record {
            Record::Guest(guest) => fill(&mut self.guests, guest, self.out, Batch::Guests),
            Record::Booking(booking) => fill(&mut self.bookings, *booking, self.out, Batch::Bookings),
            Record::ServiceUse(used) => fill(&mut self.service_uses, used, self.out, Batch::ServiceUses),
            Record::Rate(rate) => fill(&mut self.rates, rate, self.out, Batch::Rates),
            // Not a table of the hotel, and not asked for.
            Record::GuestTruth(_) => true,
            Record::Cleaning(made) if made.started_at.date() < self.cleaned_from => true,
            Record::Cleaning(made) => {
                fill(&mut self.cleanings, cleaning(made, self.zone), self.out, Batch::Cleanings)
            }
        }
    }

    fn finish(self) {
        let rest = [
            Batch::Guests(self.guests),
            Batch::Bookings(self.bookings),
            Batch::ServiceUses(self.service_uses),
            Batch::Rates(self.rates),
            Batch::Cleanings(self.cleanings),
        ];
        for batch in rest {
            if self.out.blocking_send(batch).is_err() {
                return;
            }
        }
    }
}

fn fill<T>(rows: &mut Vec<T>, row: T, out: &mpsc::Sender<Batch>, batch: fn(Vec<T>) -> Batch) -> bool {
    rows.push(row);
    if rows.len() < BATCH {
        return true;
    }
    out.blocking_send(batch(std::mem::replace(rows, Vec::with_capacity(BATCH)))).is_ok()
}

/// Sees to it that the hotel holds nothing but this simulation, or part of it. Rows that were removed, if that was asked.
async fn make_room(store: &HotelStore, sha256: &str, replace: bool) -> Result<Option<u64>, SimulationError> {
    if replace {
        return Ok(Some(store.clear_hotel_tables(Utc::now()).await?));
    }
    let bookings = store.bookings_fingerprint().await?.rows;
    let origin = match store.imports(1).await?.pop() {
        Some(last) if last.new.kind == KIND && last.new.file_sha256.as_deref() == Some(sha256) => {
            return Ok(None);
        }
        Some(last) => last.new.file_name.unwrap_or(last.new.kind),
        None => "single bookings".to_owned(),
    };
    if bookings == 0 {
        return Ok(None);
    }
    Err(SimulationError::OtherBookings { hotel: store.id().to_string(), bookings, origin })
}

/// Writes what does not need the simulation to run.
async fn lists(
    store: &HotelStore,
    simulation: &Simulation,
    import: Uuid,
    done: &mut Simulated,
) -> Result<(), SimulationError> {
    let rooms: Vec<_> = simulation.rooms().collect();
    for rows in rooms.chunks(BATCH) {
        done.count("rooms", store.upsert_rooms(rows, Some(import), Utc::now()).await?);
    }
    let staff: Vec<EmployeeProfile> = simulation
        .employees()
        .map(|e| EmployeeProfile {
            id: e.id,
            name: Some(e.name),
            department: Some(e.department),
            role: Some(e.role),
        })
        .collect();
    for rows in staff.chunks(BATCH) {
        done.count("employees", store.record_staff(rows, Utc::now()).await?);
    }
    let events: Vec<_> = simulation.events().collect();
    for rows in events.chunks(BATCH) {
        done.count("events", store.upsert_events(rows, Some(import), Utc::now()).await?);
    }
    let closures: Vec<_> = simulation.closures().collect();
    for rows in closures.chunks(BATCH) {
        done.count("closures", store.upsert_closures(rows, Some(import), Utc::now()).await?);
    }
    let mut prices = Vec::with_capacity(BATCH);
    for price in simulation.competitor_prices() {
        prices.push(price);
        if prices.len() == BATCH {
            done.count(
                "competitor_prices",
                store.upsert_competitor_prices(&prices, Some(import), Utc::now()).await?,
            );
            prices.clear();
        }
    }
    done.count("competitor_prices", store.upsert_competitor_prices(&prices, Some(import), Utc::now()).await?);
    Ok(())
}

/// Runs the simulation, and writes what comes of it while it runs.
async fn records(
    store: &HotelStore,
    simulation: Arc<Simulation>,
    zone: Tz,
    import: Uuid,
    done: &mut Simulated,
    mut told: impl FnMut(NaiveDate),
) -> Result<(), SimulationError> {
    let (out, mut taken) = mpsc::channel(AHEAD);
    let end = simulation.settings().end;
    let cleaned_from = end.checked_sub_days(Days::new(CLEANING_DAYS)).unwrap_or(end);
    let making = tokio::task::spawn_blocking(move || {
        let mut buffers = Buffers {
            guests: Vec::new(),
            bookings: Vec::new(),
            service_uses: Vec::new(),
            rates: Vec::new(),
            cleanings: Vec::new(),
            out: &out,
            zone,
            cleaned_from,
        };
        for record in simulation.records(Wanted::ALL) {
            if !buffers.push(record) {
                return;
            }
        }
        buffers.finish();
    });
    while let Some(batch) = taken.recv().await {
        let at = Utc::now();
        match batch {
            Batch::Guests(rows) => done.count("guests", store.upsert_guests(&rows, Some(import), at).await?),
            Batch::Bookings(rows) => {
                done.count("bookings", store.upsert_bookings(&rows, Some(import), at).await?);
                for booking in &rows {
                    *done.bookings_by_status.entry(booking.status.word()).or_default() += 1;
                }
                if let Some(last) = rows.last() {
                    told(last.booked_on);
                }
            }
            Batch::ServiceUses(rows) => {
                done.count("service_uses", store.upsert_service_uses(&rows, Some(import), at).await?);
            }
            Batch::Rates(rows) => done.count("rates", store.upsert_rates(&rows, Some(import), at).await?),
            Batch::Cleanings(rows) => {
                let inserted = store.record_cleanings(&rows, at).await?;
                let unchanged = (rows.len() as u64).saturating_sub(inserted);
                done.count("cleanings", Counts { inserted, changed: 0, unchanged });
            }
        }
    }
    making.await?;
    Ok(())
}

/// Fills the tables of a hotel with the simulated one. The same simulation again changes nothing, and completes one that was
/// cut short. `told` hears how far the simulated days have got.
pub(crate) async fn simulate(
    store: &HotelStore,
    simulation: Arc<Simulation>,
    zone: Tz,
    replace: bool,
    told: impl FnMut(NaiveDate),
) -> Result<Simulated, SimulationError> {
    let (name, sha256) = identity(&simulation)?;
    let mut done = Simulated { removed: make_room(store, &sha256, replace).await?, ..Simulated::default() };
    let (id, started_at) = (Uuid::now_v7(), Utc::now());
    let new = NewImport {
        id,
        kind: KIND.to_owned(),
        file_name: Some(name.clone()),
        file_sha256: Some(sha256.clone()),
        started_by: ACTOR.to_owned(),
        started_at,
    };
    store.begin_import(&new).await?;
    lists(store, &simulation, id, &mut done).await?;
    records(store, simulation, zone, id, &mut done, told).await?;
    let rows: u64 = done.written.values().map(|c| c.inserted + c.changed + c.unchanged).sum();
    store.finish_import(id, rows, 0, Utc::now()).await?;
    let details = json!({ "import_id": id, "simulation": name, "sha256": sha256, "rows": rows, "removed": done.removed });
    let subject = AuditSubject::Thing(format!("import:{id}"));
    store.audit(ACTOR, "hotel.simulated", subject, details).await?;
    Ok(done)
}
