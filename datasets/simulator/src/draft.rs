//! A booking before it is written out.

use innkeeper_hotel::{Booking, BookingId, BookingStatus, Party, Stay};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Poisson};

use crate::behaviour::{Behaviour, DEPOSITS};
use crate::simulation::Simulation;
use crate::truth::Segment;

/// What becomes of a booking.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Outcome {
    /// It is cancelled on a day.
    Cancelled(usize),
    /// The guest never comes.
    NoShow,
    /// The guest stays until the departure.
    #[default]
    Stays,
}

/// A booking in few bytes; days are offsets of the calendar.
#[derive(Debug, Clone, Copy, Default)]
pub struct Draft {
    pub booked: u32,
    pub arrival: u32,
    pub nights: u16,
    pub kind: u8,
    pub segment: u8,
    pub deposit: u8,
    pub outcome: Outcome,
    /// Price a night, in steps.
    pub price: u64,
    pub guest: u32,
    /// Whether it is the first booking of its guest.
    pub first: bool,
    /// Whether several rooms were asked for at once.
    pub several: bool,
    /// Stays of the guest that were over.
    pub stays: u16,
    /// Bookings of the guest that had been cancelled.
    pub cancellations: u16,
    pub room: Option<u32>,
    /// Whether all is known of it that will be by the last known day.
    pub settled: bool,
    pub channel: u16,
    pub payment: u16,
    pub adults: u16,
    pub children: u16,
    pub special_requests: u16,
    pub changes: u16,
    pub parking: u8,
}

fn poisson(mean: f64, random: &mut ChaCha8Rng) -> u16 {
    Poisson::new(mean).map_or(0, |poisson| poisson.sample(random) as u16)
}

impl Draft {
    /// Draws what else stands in a booking.
    pub fn draw(&mut self, segment: &Segment, behaviour: &Behaviour, random: &mut ChaCha8Rng) {
        self.channel = behaviour.channels.weights.pick(random) as u16;
        self.payment = behaviour.payments.weights.pick(random) as u16;
        self.adults = behaviour.adults.pick(random) as u16 + 1;
        self.children = poisson(segment.children, random);
        self.special_requests = poisson(segment.special_requests, random);
        self.changes = poisson(segment.changes, random);
        self.parking = u8::from(random.random::<f64>() < segment.parking);
    }

    /// The day after the last night.
    pub fn departure(&self) -> usize {
        self.arrival as usize + usize::from(self.nights)
    }

    /// Where it stands at the end of the last known day, and the day on which that became known.
    fn status(&self, last_day: usize) -> (BookingStatus, Option<usize>) {
        let arrival = self.arrival as usize;
        match self.outcome {
            Outcome::Cancelled(on) if on <= last_day => (BookingStatus::Cancelled, Some(on)),
            Outcome::NoShow if arrival <= last_day => (BookingStatus::NoShow, Some(arrival)),
            Outcome::Stays if self.departure() <= last_day => {
                (BookingStatus::Completed, Some(self.departure()))
            }
            _ => (BookingStatus::Confirmed, None),
        }
    }

    /// The booking as the hotel's tables hold it at the end of the last known day.
    pub fn booking(&self, id: BookingId, sim: &Simulation) -> Booking {
        let (calendar, truth) = (&sim.calendar, &sim.truth);
        let behaviour = &sim.behaviours[usize::from(self.segment)];
        let segment = &truth.segments[usize::from(self.segment)];
        let (status, on) = self.status(calendar.last_day);
        let arrived = self.arrival as usize <= calendar.last_day;
        let person = sim.person(self.guest, usize::from(self.segment));
        let stay = Stay { arrival: calendar.date(self.arrival as usize), nights: self.nights };
        let kind = &truth.room_types[usize::from(self.kind)].name;
        Booking {
            status,
            status_on: on.map(|day| calendar.date(day)),
            party: Party { adults: self.adults, children: self.children, babies: 0 },
            rate: Some(sim.amount(self.price)),
            currency: Some(truth.currency),
            guest: Simulation::guest_id(self.guest),
            room_number: self.room.and_then(|room| sim.layout.numbers.get(room as usize).cloned()),
            assigned_room_type: self.room.map(|_| kind.clone()),
            segment: Some(segment.name.clone()),
            channel: behaviour.channels.get(self.channel),
            customer_type: Some(if self.several { "group" } else { "transient" }.to_owned()),
            company: person.company,
            // Written down at check-in.
            country: if arrived && status.takes_a_room() { person.country } else { None },
            payment_method: behaviour.payments.get(self.payment),
            deposit: DEPOSITS.get(usize::from(self.deposit)).copied(),
            repeated_guest: Some(self.stays > 0),
            previous_cancellations: Some(u32::from(self.cancellations)),
            previous_stays: Some(u32::from(self.stays)),
            changes: Some(u32::from(self.changes)),
            parking_spaces: Some(u32::from(self.parking)),
            special_requests: Some(u32::from(self.special_requests)),
            ..Booking::confirmed(id, calendar.date(self.booked as usize), stay, kind.clone())
        }
    }
}
