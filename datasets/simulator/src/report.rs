//! The truth, in a form that models can be scored against.

use chrono::NaiveDate;
use innkeeper_hotel::{Deposit, Event, RoomTypeName};
use serde::Serialize;

use crate::behaviour::DEPOSITS;
use crate::calendar::base_requests;
use crate::record::{Records, Wanted};
use crate::simulation::{Settings, Simulation};
use crate::truth::{Mix, Repeat, Truth};

/// Lead times of [`CancellationTruth`].
const LEADS: [u16; 10] = [0, 1, 3, 7, 14, 30, 60, 90, 180, 365];

/// What is true of a simulated hotel, beside the numbers of its truth file.
#[derive(Debug, Clone, Serialize)]
pub struct TruthReport {
    /// What was asked for.
    pub settings: Settings,
    /// Room types.
    pub room_types: Vec<RoomTypeTruth>,
    /// Segments.
    pub segments: Vec<SegmentTruth>,
    /// Events, also those that the hotel does not know of yet.
    pub events: Vec<EventReport>,
    /// Every night of the history and on sale, by room type and segment.
    pub cells: Vec<CellTruth>,
    /// Rooms asked for, over all of `cells`.
    pub requests: u64,
    /// Of these, rooms that were refused because there was none on every night.
    pub denied: u64,
    /// The truth file.
    pub truth: Truth,
}

/// What is true of a room type.
#[derive(Debug, Clone, Serialize)]
pub struct RoomTypeTruth {
    /// Its name.
    pub room_type: RoomTypeName,
    /// Rooms of it.
    pub rooms: u32,
    /// Base price a night.
    pub base_price: f64,
    /// Mean minutes to clean after a departure.
    pub departure_minutes: f64,
    /// Mean minutes to clean while the guest stays on.
    pub stay_over_minutes: f64,
}

/// What is true of a segment.
#[derive(Debug, Clone, Serialize)]
pub struct SegmentTruth {
    /// Its name.
    pub segment: String,
    /// Elasticity of its demand to our price, by room type.
    pub elasticity: Mix,
    /// Elasticity of its demand to the market's index.
    pub market_elasticity: f64,
    /// Requests for arrival on an ordinary day at base prices, by room type.
    pub base_requests: Mix,
    /// Quantiles of the lead time in days at 0.1, 0.25, 0.5, 0.75 and 0.9.
    pub lead_quantiles: [u16; 5],
    /// Chances to be cancelled.
    pub cancellation: Vec<CancellationTruth>,
    /// Chance not to come, for who did not cancel.
    pub no_show: f64,
    /// How guests come back.
    pub repeat: Repeat,
}

/// Chance that a booking is cancelled before the guest comes.
#[derive(Debug, Clone, Serialize)]
pub struct CancellationTruth {
    /// What was paid ahead.
    pub deposit: Deposit,
    /// Days between booking and arrival.
    pub lead: u16,
    /// The chance, 0 to 1.
    pub probability: f64,
}

/// An event, with what it does.
#[derive(Debug, Clone, Serialize)]
pub struct EventReport {
    /// The event.
    pub event: Event,
    /// What it multiplies the arrivals of each of its days by, by segment; 1 for others.
    pub demand: Mix,
}

/// Demand for arrival on a night.
#[derive(Debug, Clone, Serialize)]
pub struct CellTruth {
    /// Night of arrival.
    pub night: NaiveDate,
    /// Room type.
    pub room_type: RoomTypeName,
    /// Segment.
    pub segment: String,
    /// Rooms that would be asked for in the mean at base prices, over all lead times, if the hotel were never full.
    pub expected_at_base_price: f64,
    /// Rooms that were asked for by the last known day, at the prices that were on sale.
    pub requests: u32,
    /// Of these, rooms that were refused.
    pub denied: u32,
}

fn quantiles(chances: &[f64]) -> [u16; 5] {
    [0.1, 0.25, 0.5, 0.75, 0.9].map(|level| {
        let mut sum = 0.0;
        let at = chances.iter().position(|chance| {
            sum += chance;
            sum >= level
        });
        at.unwrap_or(chances.len()) as u16
    })
}

impl Simulation {
    /// The truth, with the demand that was lost. The hotel is lived through once more for it.
    pub fn truth_report(&self) -> TruthReport {
        let mut records = Records::new(self, Wanted::NONE, true);
        for _ in records.by_ref() {}
        let tally = records.tally();
        let truth = &self.truth;
        let mut cells = Vec::new();
        let (kinds, segments) = (truth.room_types.len(), truth.segments.len());
        for night in self.calendar.first_night..self.calendar.nights {
            for (kind, room_type) in truth.room_types.iter().enumerate() {
                for (index, segment) in truth.segments.iter().enumerate() {
                    let cell = (night * kinds + kind) * segments + index;
                    cells.push(CellTruth {
                        night: self.calendar.date(night),
                        room_type: room_type.name.clone(),
                        segment: segment.name.clone(),
                        expected_at_base_price: self.expected(night, kind, index),
                        requests: tally.requests.get(cell).copied().unwrap_or(0),
                        denied: tally.denied.get(cell).copied().unwrap_or(0),
                    });
                }
            }
        }
        TruthReport {
            settings: self.settings.clone(),
            room_types: self.room_type_truths(),
            segments: self.segment_truths(),
            events: self
                .calendar
                .events
                .iter()
                .map(|dated| EventReport { event: dated.event.clone(), demand: dated.demand.clone() })
                .collect(),
            requests: cells.iter().map(|cell| u64::from(cell.requests)).sum(),
            denied: cells.iter().map(|cell| u64::from(cell.denied)).sum(),
            cells,
            truth: truth.clone(),
        }
    }

    /// Rooms asked for in the mean at base prices for arrival on a night.
    fn expected(&self, night: usize, kind: usize, segment: usize) -> f64 {
        let types = &self.calendar.types[segment];
        let rooms = crate::calendar::mean(&self.truth.segments[segment].rooms);
        if types.sum() > 0.0 {
            self.calendar.requests[segment][night] * types.share(kind) * rooms
        } else {
            0.0
        }
    }

    fn room_type_truths(&self) -> Vec<RoomTypeTruth> {
        self.truth
            .room_types
            .iter()
            .zip(&self.layout.count)
            .map(|(room_type, rooms)| RoomTypeTruth {
                room_type: room_type.name.clone(),
                rooms: *rooms,
                base_price: room_type.price,
                departure_minutes: room_type.departure_minutes,
                stay_over_minutes: room_type.stay_over_minutes,
            })
            .collect()
    }

    fn segment_truths(&self) -> Vec<SegmentTruth> {
        let truth = &self.truth;
        let by_type = |values: Vec<f64>| -> Mix {
            truth.room_types.iter().map(|kind| kind.name.to_string()).zip(values).collect()
        };
        truth
            .segments
            .iter()
            .map(|segment| SegmentTruth {
                segment: segment.name.clone(),
                elasticity: by_type(
                    truth.room_types.iter().map(|kind| Truth::elasticity(segment, kind)).collect(),
                ),
                market_elasticity: segment.market_elasticity,
                base_requests: by_type(base_requests(truth, &self.layout, segment)),
                lead_quantiles: quantiles(&truth.lead_times(segment)),
                cancellation: DEPOSITS
                    .iter()
                    .flat_map(|deposit| {
                        LEADS.iter().filter(|lead| **lead <= truth.max_lead).map(|lead| CancellationTruth {
                            deposit: *deposit,
                            lead: *lead,
                            probability: truth.cancellation_probability(segment, *deposit, *lead),
                        })
                    })
                    .collect(),
                no_show: segment.no_show,
                repeat: segment.repeat,
            })
            .collect()
    }
}
