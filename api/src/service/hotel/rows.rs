//! The rows of the store as the tables of frames.

use std::ops::Range;

use chrono::NaiveDate;
use innkeeper_frames::{FramesError, Tables, TablesBuilder};
use innkeeper_store::{BookingFilter, HotelStore, StoreError};

use crate::problem::Problem;

/// Every day that tables can hold.
const ALWAYS: Range<NaiveDate> = NaiveDate::MIN..NaiveDate::MAX;

/// What stops the reading of rows.
enum Stopped {
    Store(StoreError),
    Frames(FramesError),
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<FramesError> for Stopped {
    fn from(error: FramesError) -> Self {
        Self::Frames(error)
    }
}

impl From<Stopped> for Problem {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Store(error) => error.into(),
            Stopped::Frames(error) => Self::internal(&error),
        }
    }
}

/// Everything of a hotel that frames take, read from the store row by row. A hotel that never wrote has empty tables.
pub(crate) async fn tables(rows: &HotelStore) -> Result<Tables, Problem> {
    Ok(read(rows).await?)
}

async fn read(rows: &HotelStore) -> Result<Tables, Stopped> {
    let mut made = TablesBuilder::new();
    rows.for_each_booking(&BookingFilter::default(), |booking| {
        made.push_booking(&booking).map_err(Stopped::from)
    })
    .await?;
    for room in rows.rooms().await? {
        made.push_room(&room)?;
    }
    for rate in rows.rates(ALWAYS).await? {
        made.push_rate(&rate)?;
    }
    for price in rows.competitor_prices(ALWAYS).await? {
        made.push_competitor_price(&price)?;
    }
    for event in rows.events(ALWAYS).await? {
        made.push_event(&event)?;
    }
    for closure in rows.closures(ALWAYS).await? {
        made.push_closure(&closure)?;
    }
    for used in rows.service_uses(ALWAYS).await? {
        made.push_service_use(&used)?;
    }
    Ok(made.finish()?)
}
