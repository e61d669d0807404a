use std::collections::VecDeque;

use innkeeper_hotel::{Booking, Guest, Rate, ServiceUse};
use rand_chacha::ChaCha8Rng;

use crate::cleaning::Cleaning;
use crate::draft::Draft;
use crate::engine::{Engine, Tally};
use crate::people::GuestTruth;
use crate::random::{Stream, stream};
use crate::simulation::Simulation;

/// A row of one of the hotel's tables.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A guest, before his first booking.
    Guest(Guest),
    /// What is true of a guest, before his first booking.
    GuestTruth(GuestTruth),
    /// A booking.
    Booking(Box<Booking>),
    /// A service used during the stay of the booking before it.
    ServiceUse(ServiceUse),
    /// A price that came on sale.
    Rate(Rate),
    /// A room that was cleaned.
    Cleaning(Cleaning),
}

/// Which tables are read. What is not asked for is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "one switch a table")]
pub struct Wanted {
    /// Guests.
    pub guests: bool,
    /// What is true of guests: not a table of the hotel.
    pub guest_truths: bool,
    /// Bookings.
    pub bookings: bool,
    /// Services used.
    pub service_uses: bool,
    /// Rates.
    pub rates: bool,
    /// Cleanings.
    pub cleanings: bool,
}

impl Wanted {
    /// Every table of the hotel.
    pub const ALL: Self = Self {
        guests: true,
        guest_truths: false,
        bookings: true,
        service_uses: true,
        rates: true,
        cleanings: true,
    };
    /// None of them.
    pub const NONE: Self = Self {
        guests: false,
        guest_truths: false,
        bookings: false,
        service_uses: false,
        rates: false,
        cleanings: false,
    };

    /// Whether something is made of bookings.
    pub(crate) fn drafts(self) -> bool {
        self.guests || self.guest_truths || self.bookings || self.service_uses
    }
}

/// The rows of several tables, made while they are read.
///
/// Bookings wait until their room is known, for as long as the longest lead time.
pub struct Records<'a> {
    sim: &'a Simulation,
    wanted: Wanted,
    engine: Engine<'a>,
    /// Rows of a booking that were made and not yet handed out.
    out: VecDeque<Record>,
    services: ChaCha8Rng,
}

impl<'a> Records<'a> {
    pub(crate) fn new(sim: &'a Simulation, wanted: Wanted, count: bool) -> Self {
        Self {
            sim,
            wanted,
            engine: Engine::new(sim, wanted, count),
            out: VecDeque::new(),
            services: stream(sim.settings.seed, Stream::Services),
        }
    }

    /// What was counted, once all rows were read.
    pub(crate) fn tally(self) -> Tally {
        self.engine.tally()
    }

    /// Writes out a booking and what belongs to it.
    fn write(&mut self, number: u64, draft: &Draft) {
        let sim = self.sim;
        let segment = usize::from(draft.segment);
        let out = &mut self.out;
        if draft.first && self.wanted.guests {
            out.extend(sim.guest(draft.guest, segment).map(Record::Guest));
        }
        if draft.first && self.wanted.guest_truths {
            let booked = sim.calendar.date(draft.booked as usize);
            out.extend(sim.guest_truth(draft.guest, segment, booked).map(Record::GuestTruth));
        }
        if !self.wanted.bookings && !self.wanted.service_uses {
            return;
        }
        let Some(id) = Simulation::booking_id(number) else { return };
        if self.wanted.bookings {
            out.push_back(Record::Booking(Box::new(draft.booking(id.clone(), sim))));
        }
        if self.wanted.service_uses {
            sim.use_services(draft, &id, &mut self.services, out);
        }
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        loop {
            if let Some(record) = self.engine.out.pop_front().or_else(|| self.out.pop_front()) {
                return Some(record);
            }
            if let Some((number, draft)) = self.engine.next_draft() {
                self.write(number, &draft);
            } else if self.engine.is_over() {
                return None;
            } else {
                self.engine.step();
            }
        }
    }
}
