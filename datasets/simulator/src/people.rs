//! The people of the hotel: invented names, addresses that lead nowhere.

use chrono::NaiveDate;
use innkeeper_core::EmployeeId;
use innkeeper_hotel::{Guest, GuestId};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::simulation::Simulation;

const FAMILY: [&str; 24] = [
    "Nguyen", "Tran", "Le", "Pham", "Hoang", "Phan", "Vu", "Dang", "Bui", "Do", "Kim", "Park", "Choi",
    "Wang", "Li", "Zhang", "Sato", "Tanaka", "Smith", "Brown", "Martin", "Dubois", "Schmidt", "Weber",
];
const GIVEN: [&str; 24] = [
    "An", "Binh", "Chi", "Dung", "Giang", "Ha", "Hieu", "Khanh", "Lan", "Linh", "Mai", "Minh", "Nam", "Ngoc",
    "Phuong", "Quang", "Son", "Thao", "Trang", "Tuan", "Vinh", "Anna", "David", "Emma",
];

/// Somebody who works in the hotel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Employee {
    /// Number in the staff list: `EMP001`.
    pub id: EmployeeId,
    /// An invented name.
    pub name: String,
    /// `management`, `front_desk`, `maintenance`, `housekeeping`.
    pub department: String,
    /// `manager`, `receptionist`, `technician`, `housekeeper`.
    pub role: String,
}

/// What is true of a guest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GuestTruth {
    /// The guest.
    pub guest: GuestId,
    /// His segment.
    pub segment: String,
    /// Day of his first booking.
    pub first_booked_on: NaiveDate,
    /// Bookings a day while he is active.
    pub bookings_per_day: f64,
    /// Chance that he drops out after a booking, the first excepted.
    pub dropout: f64,
}

/// What a guest is besides the bookings.
pub struct Person {
    pub country: Option<String>,
    pub company: Option<String>,
}

/// How many work in each department, in the order of their numbers.
pub struct Staff {
    pub departments: [(&'static str, &'static str, u32); 4],
}

/// The staff of a hotel of this size.
pub fn staff(rooms: u32) -> Staff {
    Staff {
        departments: [
            ("management", "manager", 1),
            ("front_desk", "receptionist", rooms.div_ceil(40) + 1),
            ("maintenance", "technician", rooms.div_ceil(100)),
            // A full house of departures is a day's work.
            ("housekeeping", "housekeeper", rooms.div_ceil(10) + 1),
        ],
    }
}

impl Staff {
    /// Index of the first housekeeper, and how many there are.
    pub fn housekeepers(&self) -> (u32, u32) {
        let [before @ .., (_, _, count)] = &self.departments;
        (before.iter().map(|(_, _, count)| count).sum(), *count)
    }
}

/// The number of an employee, counted from 0: `EMP001` is the first.
pub fn employee_id(index: u32) -> Option<EmployeeId> {
    format!("EMP{:03}", index + 1).parse().ok()
}

fn name(random: &mut ChaCha8Rng) -> String {
    let family = FAMILY[random.random_range(0..FAMILY.len())];
    let given = GIVEN[random.random_range(0..GIVEN.len())];
    format!("{family} {given}")
}

impl Simulation {
    /// The numbers of one guest: the same whenever he is asked for.
    fn random_of(&self, guest: u32) -> ChaCha8Rng {
        let mut random = self.guests.clone();
        random.set_stream((1 << 32) | u64::from(guest));
        random.set_word_pos(0);
        random
    }

    /// Bookings a day and the chance to drop out: what comes first among the numbers of a guest.
    pub(crate) fn temper(&self, guest: u32, segment: usize) -> (f64, f64) {
        self.behaviours[segment].temper(&mut self.random_of(guest))
    }

    /// Where a guest comes from.
    pub(crate) fn person(&self, guest: u32, segment: usize) -> Person {
        let mut random = self.random_of(guest);
        self.behaviours[segment].temper(&mut random);
        self.person_from(&mut random, segment)
    }

    fn person_from(&self, random: &mut ChaCha8Rng, segment: usize) -> Person {
        let companies = self.truth.segments[segment].companies;
        let country = self.countries.get(self.countries.weights.pick(random) as u16);
        let company = (companies > 0).then(|| format!("Company {}", random.random_range(1..=companies)));
        Person { country, company }
    }

    /// The number of a guest, counted from 0: `GUEST001` is the first.
    pub(crate) fn guest_id(guest: u32) -> Option<GuestId> {
        format!("GUEST{:03}", u64::from(guest) + 1).parse().ok()
    }

    /// A guest as the hotel's list holds him.
    pub(crate) fn guest(&self, guest: u32, segment: usize) -> Option<Guest> {
        let mut random = self.random_of(guest);
        self.behaviours[segment].temper(&mut random);
        let person = self.person_from(&mut random, segment);
        let number = u64::from(guest) + 1;
        Some(Guest {
            id: Self::guest_id(guest)?,
            name: Some(name(&mut random)),
            email: Some(format!("guest{number}@example.com")),
            // 999 is a country code that nobody was given.
            phone: Some(format!("+999{number:08}")),
            segment: Some(self.truth.segments[segment].name.clone()),
            country: person.country,
        })
    }

    /// What is true of a guest.
    pub(crate) fn guest_truth(&self, guest: u32, segment: usize, first: NaiveDate) -> Option<GuestTruth> {
        let (bookings_per_day, dropout) = self.temper(guest, segment);
        Some(GuestTruth {
            guest: Self::guest_id(guest)?,
            segment: self.truth.segments[segment].name.clone(),
            first_booked_on: first,
            bookings_per_day,
            dropout,
        })
    }

    /// What is true of every guest who booked, in the order of the first booking.
    pub fn guest_truths(&self) -> impl Iterator<Item = GuestTruth> + '_ {
        use crate::record::{Record, Wanted};
        self.records(Wanted { guest_truths: true, ..Wanted::NONE }).filter_map(|record| match record {
            Record::GuestTruth(truth) => Some(truth),
            _ => None,
        })
    }

    /// The people who work in the hotel, by number.
    pub fn employees(&self) -> impl Iterator<Item = Employee> + '_ {
        let mut random = self.guests.clone();
        random.set_stream(2 << 32);
        random.set_word_pos(0);
        let places = staff(self.settings.rooms)
            .departments
            .into_iter()
            .flat_map(|(department, role, count)| std::iter::repeat_n((department, role), count as usize));
        (0_u32..).zip(places).filter_map(move |(index, (department, role))| {
            Some(Employee {
                id: employee_id(index)?,
                name: name(&mut random),
                department: department.to_owned(),
                role: role.to_owned(),
            })
        })
    }
}
