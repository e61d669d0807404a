//! Housekeeping: who cleans which room, and how long it takes.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use chrono::{NaiveDateTime, NaiveTime};
use innkeeper_core::{EmployeeId, RoomNumber};
use innkeeper_hotel::RoomTypeName;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Gamma, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::people::{employee_id, staff};
use crate::random::{Stream, stream};
use crate::record::Record;
use crate::simulation::Simulation;

/// Longest cleaning, in minutes.
const LONGEST: f64 = 480.0;
/// Housekeepers begin at nine in the morning: minutes after midnight.
const BEGIN: u32 = 9 * 60;

/// Why a room is cleaned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CleaningKind {
    /// The guest has left.
    Departure,
    /// The guest stays on.
    StayOver,
}

impl CleaningKind {
    /// The word of the tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Departure => "departure",
            Self::StayOver => "stay_over",
        }
    }
}

/// A room that was cleaned; once a day at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cleaning {
    /// The room.
    pub room_number: RoomNumber,
    /// What it is sold as.
    pub room_type: RoomTypeName,
    /// Why it was cleaned.
    pub kind: CleaningKind,
    /// When it began, by the hotel's own clock.
    pub started_at: NaiveDateTime,
    /// How long it took, 1 to 480 minutes.
    pub minutes: u16,
    /// Who cleaned it.
    pub employee: EmployeeId,
}

/// The housekeepers of a run.
pub struct Housekeeping {
    random: ChaCha8Rng,
    /// Own pace of each room and each housekeeper, as a share of the mean.
    rooms: Vec<f64>,
    housekeepers: Vec<f64>,
    /// Number of the first housekeeper among the employees.
    first: u32,
    /// Minutes after midnight at which each is free today, the earliest first.
    free: BinaryHeap<Reverse<(u32, u32)>>,
}

/// A log-normal share with mean 1.
fn trait_of(random: &mut ChaCha8Rng, spread: f64) -> f64 {
    let variance = (1.0 + spread * spread).ln();
    let noise: f64 = StandardNormal.sample(random);
    (variance.sqrt() * noise - variance / 2.0).exp()
}

impl Housekeeping {
    pub fn new(sim: &Simulation) -> Self {
        let cleaning = &sim.truth.cleaning;
        let mut traits = stream(sim.settings.seed, Stream::Traits);
        let (first, count) = staff(sim.settings.rooms).housekeepers();
        let housekeepers: Vec<f64> =
            (0..count).map(|_| trait_of(&mut traits, cleaning.housekeeper_spread)).collect();
        let rooms = (0..sim.settings.rooms).map(|_| trait_of(&mut traits, cleaning.room_spread)).collect();
        Self {
            random: stream(sim.settings.seed, Stream::Cleaning),
            rooms,
            free: BinaryHeap::new(),
            housekeepers,
            first,
        }
    }

    /// Cleans the rooms that were left today, then those whose guests stay on.
    pub fn clean(
        &mut self,
        sim: &Simulation,
        day: usize,
        left: &[u32],
        taken_until: &[u32],
        out: &mut VecDeque<Record>,
    ) {
        self.free.clear();
        self.free.extend((0_u32..).zip(&self.housekeepers).map(|(who, _)| Reverse((BEGIN, who))));
        let today = sim.calendar.date(day);
        let departures = left.iter().map(|room| (*room, CleaningKind::Departure));
        let stay_overs = (0_u32..)
            .zip(taken_until)
            .filter(|(_, until)| **until as usize > day)
            .map(|(room, _)| (room, CleaningKind::StayOver));
        for (room, kind) in departures.chain(stay_overs) {
            if kind == CleaningKind::StayOver && self.random.random::<f64>() < sim.truth.cleaning.refused {
                continue;
            }
            let Some(Reverse((at, who))) = self.free.pop() else { return };
            let minutes = self.minutes(sim, room, who as usize, kind);
            self.free.push(Reverse((at + u32::from(minutes), who)));
            // Whoever has worked until midnight leaves the rest; there are enough hands for that never to happen.
            let Some(time) = NaiveTime::from_hms_opt(at / 60, at % 60, 0) else { continue };
            let (Some(number), Some(employee)) =
                (sim.layout.numbers.get(room as usize), employee_id(self.first + who))
            else {
                continue;
            };
            out.push_back(Record::Cleaning(Cleaning {
                room_number: number.clone(),
                room_type: sim.truth.room_types[usize::from(sim.layout.types[room as usize])].name.clone(),
                kind,
                started_at: today.and_time(time),
                minutes,
                employee,
            }));
        }
    }

    /// Gamma-distributed minutes around the means of the room type, the room and the housekeeper.
    fn minutes(&mut self, sim: &Simulation, room: u32, who: usize, kind: CleaningKind) -> u16 {
        let room_type = &sim.truth.room_types[usize::from(sim.layout.types[room as usize])];
        let mean = match kind {
            CleaningKind::Departure => room_type.departure_minutes,
            CleaningKind::StayOver => room_type.stay_over_minutes,
        };
        let mean = mean * self.rooms[room as usize] * self.housekeepers[who];
        let variance = sim.truth.cleaning.spread.powi(2);
        let minutes = if variance > 0.0 {
            Gamma::new(1.0 / variance, variance * mean).map_or(mean, |gamma| gamma.sample(&mut self.random))
        } else {
            mean
        };
        minutes.round().clamp(1.0, LONGEST) as u16
    }
}
