//! The days of the hotel, one after the other.
//!
//! A day goes: guests ask for rooms at the prices of the evening before; bookings that are cancelled today give their
//! rooms back; guests leave, rooms are cleaned, guests arrive or do not come; in the evening prices are set.

use std::collections::VecDeque;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Poisson};

use crate::behaviour::Behaviour;
use crate::cleaning::Housekeeping;
use crate::draft::{Draft, Outcome};
use crate::random::{Stream, stream};
use crate::record::{Record, Wanted};
use crate::returns::{Caller, Returns};
use crate::simulation::Simulation;
use crate::weights::Weights;

/// A stay that takes its rooms on some nights.
#[derive(Debug, Clone, Copy)]
struct Held {
    arrival: usize,
    nights: u16,
    kind: u8,
}

/// Somebody expected today.
#[derive(Debug, Clone, Copy)]
struct Expected {
    held: Held,
    /// Number of the booking, from 0.
    booking: u64,
    comes: bool,
}

/// Requests and refusals by night, room type and segment.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub requests: Vec<u32>,
    pub denied: Vec<u32>,
}

/// The hotel on a day.
pub struct Engine<'a> {
    sim: &'a Simulation,
    wanted: Wanted,
    /// The day that comes next.
    day: usize,
    kinds: usize,
    /// Rooms that can still be sold, by night and type.
    free: Vec<u32>,
    /// The price on sale in steps, by night of arrival and type; 0 before it is on sale.
    price: Vec<u64>,
    cancellations: Vec<Vec<Held>>,
    expected: Vec<Vec<Expected>>,
    /// Rooms by type that nobody is in, the longest empty first.
    empty: Vec<VecDeque<u32>>,
    /// Rooms that are left, by day.
    leaving: Vec<Vec<u32>>,
    /// The day on which a room is left; a day that is past for an empty one.
    taken_until: Vec<u32>,
    returns: Vec<Returns>,
    guests: u32,
    /// Bookings made so far.
    bookings: u64,
    /// Bookings that were made and not yet handed out.
    drafts: VecDeque<Draft>,
    /// Number of the first draft.
    first_draft: u64,
    housekeeping: Housekeeping,
    leads: Weights,
    demand: ChaCha8Rng,
    fate: ChaCha8Rng,
    comeback: ChaCha8Rng,
    details: ChaCha8Rng,
    tally: Option<Tally>,
    /// Rates and cleanings that were made and not yet handed out.
    pub out: VecDeque<Record>,
}

impl<'a> Engine<'a> {
    pub fn new(sim: &'a Simulation, wanted: Wanted, count: bool) -> Self {
        let (calendar, layout) = (&sim.calendar, &sim.layout);
        let kinds = layout.count.len();
        let seed = sim.settings.seed;
        let mut free = Vec::with_capacity(calendar.horizon * kinds);
        for night in 0..calendar.horizon {
            for (kind, rooms) in layout.count.iter().enumerate() {
                free.push(if calendar.closed(night, kind) { 0 } else { *rooms });
            }
        }
        let mut empty = vec![VecDeque::new(); kinds];
        for (room, kind) in (0_u32..).zip(&layout.types) {
            empty[usize::from(*kind)].push_back(room);
        }
        let cells = calendar.nights * kinds * sim.behaviours.len();
        let mut engine = Self {
            sim,
            wanted,
            day: 0,
            kinds,
            free,
            price: vec![0; calendar.nights * kinds],
            cancellations: vec![Vec::new(); calendar.nights],
            expected: vec![Vec::new(); calendar.nights],
            empty,
            leaving: vec![Vec::new(); calendar.horizon + 1],
            taken_until: vec![0; layout.types.len()],
            returns: vec![Returns::default(); sim.behaviours.len()],
            guests: 0,
            bookings: 0,
            drafts: VecDeque::new(),
            first_draft: 0,
            housekeeping: Housekeeping::new(sim),
            leads: Weights::new([]),
            demand: stream(seed, Stream::Demand),
            fate: stream(seed, Stream::Fate),
            comeback: stream(seed, Stream::Returns),
            details: stream(seed, Stream::Details),
            tally: count.then(|| Tally { requests: vec![0; cells], denied: vec![0; cells] }),
            out: VecDeque::new(),
        };
        engine.set_prices(0);
        engine
    }

    /// Whether the last known day is over.
    pub fn is_over(&self) -> bool {
        self.day > self.sim.calendar.last_day
    }

    /// What was counted, where it was asked for.
    pub fn tally(self) -> Tally {
        self.tally.unwrap_or_default()
    }

    /// The next booking in the order in which they were made, once all is known of it that will be, with its number.
    pub fn next_draft(&mut self) -> Option<(u64, Draft)> {
        if !self.drafts.front().is_some_and(|draft| draft.settled) {
            return None;
        }
        let number = self.first_draft;
        self.first_draft += 1;
        self.drafts.pop_front().map(|draft| (number, draft))
    }

    /// Lives through the next day.
    pub fn step(&mut self) {
        let day = self.day;
        for segment in 0..self.sim.behaviours.len() {
            self.take_requests(day, segment);
        }
        for held in std::mem::take(&mut self.cancellations[day]) {
            self.give_back(held);
        }
        if day >= self.sim.calendar.first_night {
            self.change_over(day);
        }
        self.day += 1;
        self.set_prices(self.day);
    }

    fn give_back(&mut self, held: Held) {
        for night in held.arrival..held.arrival + usize::from(held.nights) {
            if let Some(free) = self.free.get_mut(night * self.kinds + usize::from(held.kind)) {
                *free += 1;
            }
        }
    }

    /// Takes the rooms of a stay, if there is one on every night.
    fn take(&mut self, held: Held) -> bool {
        let cells = (held.arrival..held.arrival + usize::from(held.nights))
            .map(|night| night * self.kinds + usize::from(held.kind));
        if cells.clone().any(|cell| self.free.get(cell).is_none_or(|free| *free == 0)) {
            return false;
        }
        for cell in cells {
            self.free[cell] -= 1;
        }
        true
    }

    /// The requests of a segment on a day: a Poisson number at the lowest possible price, thinned by what the price on
    /// sale does (Lewis and Shedler 1979), so that those left are Poisson with the mean that the truth states.
    fn take_requests(&mut self, day: usize, segment: usize) {
        let sim = self.sim;
        let behaviour = &sim.behaviours[segment];
        let ahead = sim.calendar.requests[segment].get(day..).unwrap_or_default();
        self.leads.refill(ahead.iter().zip(&behaviour.leads).map(|(requests, chance)| requests * chance));
        let mean = self.leads.sum() * behaviour.most;
        if mean <= 0.0 {
            return;
        }
        let many = Poisson::new(mean).map_or(0.0, |poisson| poisson.sample(&mut self.demand));
        for _ in 0..many as u64 {
            let lead = self.leads.pick(&mut self.demand);
            let kind = sim.calendar.types[segment].pick(&mut self.demand);
            let ratio = sim.ratio(kind, self.price[(day + lead) * self.kinds + kind]);
            let keep = ratio.powf(-behaviour.elasticity[kind]) / behaviour.most;
            if self.demand.random::<f64>() < keep {
                self.answer(day, lead, kind, segment, behaviour);
            }
        }
    }

    /// Answers a request for one or several rooms.
    fn answer(&mut self, day: usize, lead: usize, kind: usize, segment: usize, behaviour: &Behaviour) {
        let nights = behaviour.nights.pick(&mut self.demand) as u16 + 1;
        let rooms = behaviour.rooms.pick(&mut self.demand) as u32 + 1;
        let held = Held { arrival: day + lead, nights, kind: kind as u8 };
        let mut given = 0;
        while given < rooms && self.take(held) {
            given += 1;
        }
        let cell = (held.arrival * self.kinds + kind) * self.sim.behaviours.len() + segment;
        if let Some(tally) = &mut self.tally {
            tally.requests[cell] += rooms;
            tally.denied[cell] += rooms - given;
        }
        let returning = self.returns[segment].due(day);
        if given == 0 {
            if let Some(caller) = returning {
                self.returns[segment].later(caller, day, self.sim.calendar.last_day, &mut self.comeback);
            }
            return;
        }
        let new = returning.is_none();
        let mut caller = returning.unwrap_or_else(|| {
            let guest = self.guests;
            self.guests += 1;
            let (rate, dropout) = self.sim.temper(guest, segment);
            Caller::new(guest, rate, dropout)
        });
        caller.look_back(day);
        for place in 0..given {
            self.book(
                day,
                held,
                segment,
                behaviour,
                &mut caller,
                Company { rooms, first: new && place == 0 },
            );
        }
        let stays = new || self.comeback.random::<f64>() >= caller.dropout;
        if stays {
            self.returns[segment].later(caller, day, self.sim.calendar.last_day, &mut self.comeback);
        }
    }

    fn book(
        &mut self,
        day: usize,
        held: Held,
        segment: usize,
        behaviour: &Behaviour,
        caller: &mut Caller,
        company: Company,
    ) {
        let last_day = self.sim.calendar.last_day;
        let departure = held.arrival + usize::from(held.nights);
        let deposit = behaviour.deposits.pick(&mut self.fate);
        let cancelled = behaviour.cancelled(held.arrival - day, deposit, &mut self.fate);
        let comes = self.fate.random::<f64>() >= behaviour.no_show;
        let outcome = match cancelled {
            Some(days) => Outcome::Cancelled(held.arrival - days),
            None if comes => Outcome::Stays,
            None => Outcome::NoShow,
        };
        let booking = self.bookings;
        self.bookings += 1;
        match outcome {
            Outcome::Cancelled(on) => {
                caller.open.push((on, true));
                self.cancellations[on].push(held);
            }
            Outcome::Stays | Outcome::NoShow => {
                if comes {
                    caller.open.push((departure, false));
                }
                if held.arrival <= last_day {
                    self.expected[held.arrival].push(Expected { held, booking, comes });
                }
            }
        }
        if !self.wanted.drafts() {
            return;
        }
        let mut draft = Draft {
            booked: day as u32,
            arrival: held.arrival as u32,
            nights: held.nights,
            kind: held.kind,
            segment: segment as u8,
            deposit: deposit as u8,
            outcome,
            price: self.price[held.arrival * self.kinds + usize::from(held.kind)],
            guest: caller.guest,
            first: company.first,
            several: company.rooms > 1,
            stays: caller.stays,
            cancellations: caller.cancellations,
            room: None,
            settled: held.arrival > last_day || !matches!(outcome, Outcome::Stays),
            ..Draft::default()
        };
        draft.draw(&self.sim.truth.segments[segment], behaviour, &mut self.details);
        self.drafts.push_back(draft);
    }

    /// Departures, cleanings and arrivals of a day.
    fn change_over(&mut self, day: usize) {
        let left = std::mem::take(&mut self.leaving[day]);
        if self.wanted.cleanings {
            self.housekeeping.clean(self.sim, day, &left, &self.taken_until, &mut self.out);
        }
        for room in left {
            self.empty[usize::from(self.sim.layout.types[room as usize])].push_back(room);
        }
        for guest in std::mem::take(&mut self.expected[day]) {
            if !guest.comes {
                // The room was kept until the night; nobody else can ask for it any more today.
                self.give_back(guest.held);
                continue;
            }
            // There is one: those in the house and those who come are no more than the rooms that could be sold.
            let room = self.empty[usize::from(guest.held.kind)].pop_front();
            if let Some(room) = room {
                let departure = day + usize::from(guest.held.nights);
                self.leaving[departure].push(room);
                self.taken_until[room as usize] = departure as u32;
            }
            if let Some(draft) = self.drafts.get_mut((guest.booking - self.first_draft) as usize) {
                draft.room = room;
                draft.settled = true;
            }
        }
    }

    /// Sets prices in the evening before a day: of the night that comes on sale, and of those that are reviewed. A night
    /// in a price test keeps its first price.
    fn set_prices(&mut self, day: usize) {
        let sim = self.sim;
        let longest = usize::from(sim.truth.max_lead);
        let opens = day + longest;
        for kind in 0..self.kinds {
            self.set_price(day, opens, kind);
        }
        for lead in &sim.reviews {
            // The evening before `day` is a day further from the night.
            let night = day + lead - 1;
            for kind in 0..self.kinds {
                if night < opens && sim.calendar.test(night, kind).is_none() {
                    self.set_price(day, night, kind);
                }
            }
        }
    }

    fn set_price(&mut self, day: usize, night: usize, kind: usize) {
        let sim = self.sim;
        let calendar = &sim.calendar;
        let rooms = sim.layout.count[kind];
        if night < calendar.first_night
            || night >= calendar.nights
            || night < day
            || rooms == 0
            || calendar.closed(night, kind)
        {
            return;
        }
        let cell = night * self.kinds + kind;
        let sold = f64::from(rooms - self.free[cell]) / f64::from(rooms);
        let steps = sim.price(night, night - day, kind, sold);
        if steps != self.price[cell] {
            self.price[cell] = steps;
            if self.wanted.rates {
                self.out.push_back(Record::Rate(sim.rate(night, kind, day, steps)));
            }
        }
    }
}

/// How a booking belongs to its request.
#[derive(Debug, Clone, Copy)]
struct Company {
    rooms: u32,
    /// Whether it is the first booking of its guest.
    first: bool,
}
