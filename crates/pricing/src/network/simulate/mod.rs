//! A hotel whose truth is known, to compare policies in: the same requests meet each policy's prices.
//!
//! A request has its class, its day and its own willingness, drawn before any policy is asked, so that two policies differ only
//! by what they post. A request books when its willingness, a uniform number, is below the share that books at the stay's
//! average price and when rooms may still be sold. Bookings are cancelled or end in no-shows by numbers drawn with the request.
//! On arrival, higher room types first, a guest gets a room of the type or a higher one; without one for the whole stay the
//! guest is sent away at the hotel's walk cost and pays nothing. Guests may be moved between rooms on later nights.

mod compare;
mod policies;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Poisson};

use super::error::{NetworkError, within};
use super::hotel::{Hotel, StayClass};
use super::overbooking::overbooking_limit;

pub use compare::{Comparison, Paired, PolicyFigures, compare, paired};
pub use policies::{FixedLadder, NetworkPricing, SeededRules, SingleNight};

/// What the hotel knows on a day. Day 0 is `horizon` days before the first night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Books {
    /// The day.
    pub day: usize,
    /// Bookings held for each stay class whose guests have not arrived.
    pub held: Vec<u32>,
    /// Rooms taken by guests in the house, by the type they booked, `nights x room types`.
    pub staying: Vec<u32>,
    /// Rooms booked or taken, by the type that was booked, `nights x room types`.
    pub booked: Vec<u32>,
}

impl Books {
    /// Day 0 without bookings.
    pub fn empty(hotel: &Hotel) -> Self {
        let cells = hotel.nights * hotel.room_types.len();
        Self { day: 0, held: vec![0; hotel.classes.len()], staying: vec![0; cells], booked: vec![0; cells] }
    }
}

/// Something that posts prices. It may know the hotel's true demand, never the requests that will come.
pub trait Policy {
    /// What it is called.
    fn name(&self) -> &str;

    /// Forgets what it learnt in a replication.
    fn restart(&mut self);

    /// Writes the prices of all nights and room types, `nights x room types`, for the requests of `books.day`. The slice holds
    /// yesterday's prices.
    fn post(&mut self, books: &Books, prices: &mut [f64]);
}

/// A request, with all that chance will ever decide about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request {
    /// Day it comes.
    pub day: usize,
    /// Its stay class.
    pub class: usize,
    /// It books where the share of its class that books at a price is above this, 0 or more.
    pub willingness: f64,
    /// Day on which the booking is cancelled, unless the guest arrives before.
    pub cancelled: usize,
    /// Whether a guest who has not cancelled comes.
    pub shows: bool,
}

/// What a policy made of the requests of a replication.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Outcome {
    /// Paid by guests.
    pub revenue: f64,
    /// Revenue less the cost of nights and of guests sent away.
    pub profit: f64,
    /// Share of rooms and nights in use.
    pub occupancy: f64,
    /// Bookings.
    pub bookings: u32,
    /// Guests who would have paid and met a full house.
    pub refused: u32,
    /// Guests with a booking who were sent away.
    pub walked: u32,
}

/// A hotel ready to be played: its limits of sale are known.
#[derive(Debug, Clone)]
pub struct Stage<'a> {
    hotel: &'a Hotel,
    /// Rooms that may be sold of a type and those above it, by days before the night, `days x room types`.
    limits: Vec<u32>,
}

impl<'a> Stage<'a> {
    /// Checks the hotel and computes how many rooms may be sold, the same for all policies: [`overbooking_limit`] for the shows
    /// expected of bookings held so many days before.
    ///
    /// # Errors
    /// [`NetworkError`] for a hotel that does not pass [`Hotel::check`], or of which a replication has more than two million
    /// requests.
    pub fn new(hotel: &'a Hotel) -> Result<Self, NetworkError> {
        hotel.check()?;
        let drawn = |class: &StayClass| {
            let most = class.response.share(hotel.room_types[class.room_type].prices[0]).max(1.0);
            most * class.requests.iter().sum::<f64>()
        };
        within("requests of a replication", hotel.classes.iter().map(drawn).sum(), 0.0, 2e6)?;
        let types = hotel.room_types.len();
        let mut shares = vec![0.0; hotel.segments.len()];
        for class in &hotel.classes {
            shares[class.segment] += class.requests.iter().sum::<f64>();
        }
        let total: f64 = shares.iter().sum();
        let mut limits = Vec::with_capacity((hotel.horizon + 1) * types);
        for days in 0..=hotel.horizon {
            let shows = if total > 0.0 {
                let of =
                    |(segment, share): (usize, &f64)| share / total * hotel.show_probability(segment, days);
                shares.iter().enumerate().map(of).sum::<f64>().clamp(0.05, 1.0)
            } else {
                1.0
            };
            for (place, room_type) in hotel.room_types.iter().enumerate() {
                let rooms = hotel.rooms_from(place).min(5000);
                let revenue = room_type.prices[room_type.prices.len() / 2];
                limits.push(overbooking_limit(rooms, shows, revenue, hotel.walk_cost.max(0.01 * revenue))?);
            }
        }
        Ok(Self { hotel, limits })
    }

    /// The hotel.
    pub fn hotel(&self) -> &Hotel {
        self.hotel
    }

    /// All requests of a replication, by day; the same for the same seed.
    pub fn requests(&self, seed: u64) -> Vec<Request> {
        let hotel = self.hotel;
        let mut drawn: Vec<(f64, Request)> = Vec::new();
        for (place, class) in hotel.classes.iter().enumerate() {
            // A relative share can be above 1 at low prices: as many requests are drawn as ever book.
            let most = class.response.share(hotel.room_types[class.room_type].prices[0]).max(1.0);
            let total: f64 = class.requests.iter().sum();
            let Ok(count) = Poisson::new(total * most) else { continue };
            let mut chance = ChaCha8Rng::seed_from_u64(seed);
            chance.set_stream(place as u64);
            let count: f64 = count.sample(&mut chance);
            let segment = &hotel.segments[class.segment];
            for _ in 0..count as usize {
                let mut at = chance.random::<f64>() * total;
                let mut lead = 0;
                while lead + 1 < class.requests.len() && at >= class.requests[lead] {
                    at -= class.requests[lead];
                    lead += 1;
                }
                let arrival = hotel.horizon + class.arrival;
                let day = arrival - lead;
                let willingness = chance.random::<f64>() * most;
                let until: f64 = 1.0 - chance.random::<f64>();
                let cancelled = if segment.cancellation > 0.0 {
                    let days = (until.ln() / (1.0 - segment.cancellation).ln()).floor() + 1.0;
                    day + days.min(1e6) as usize
                } else {
                    usize::MAX
                };
                let shows = chance.random::<f64>() >= segment.no_show;
                let order: f64 = chance.random();
                drawn.push((order, Request { day, class: place, willingness, cancelled, shows }));
            }
        }
        drawn.sort_by(|a, b| a.1.day.cmp(&b.1.day).then(a.0.total_cmp(&b.0)));
        drawn.into_iter().map(|(_, request)| request).collect()
    }

    /// Plays one replication.
    pub fn play(&self, requests: &[Request], policy: &mut dyn Policy) -> Outcome {
        let hotel = self.hotel;
        let types = hotel.room_types.len();
        let days = hotel.horizon + hotel.nights;
        let mut books = Books::empty(hotel);
        let mut prices: Vec<f64> =
            (0..hotel.nights * types).map(|cell| hotel.room_types[cell % types].prices[0]).collect();
        let rooms: Vec<u32> = (0..types).map(|kind| hotel.rooms_from(kind)).collect();
        let mut cancelling: Vec<Vec<usize>> = vec![Vec::new(); days + 1];
        let mut arriving: Vec<Vec<usize>> = vec![Vec::new(); hotel.nights];
        let mut sales: Vec<Sale> = Vec::new();
        let mut outcome = Outcome::default();
        let mut next = 0;
        policy.restart();
        for day in 0..days {
            books.day = day;
            for sale in std::mem::take(&mut cancelling[day]) {
                sales[sale].cancelled = true;
                let class = &hotel.classes[sales[sale].class];
                books.held[sales[sale].class] -= 1;
                for night in class.arrival..class.arrival + class.nights {
                    books.booked[night * types + class.room_type] -= 1;
                }
            }
            policy.post(&books, &mut prices);
            while let Some(request) = requests.get(next).filter(|request| request.day == day) {
                next += 1;
                let class = &hotel.classes[request.class];
                let nights = class.arrival..class.arrival + class.nights;
                let stay: f64 = nights.clone().map(|night| prices[night * types + class.room_type]).sum();
                if request.willingness >= class.response.share(stay / class.nights as f64) {
                    continue;
                }
                let sellable = nights.clone().all(|night| {
                    let ahead = (hotel.horizon + night).saturating_sub(day).min(hotel.horizon);
                    let limits = &self.limits[ahead * types..(ahead + 1) * types];
                    fits(&books.booked[night * types..(night + 1) * types], limits, class.room_type)
                });
                if !sellable {
                    outcome.refused += 1;
                    continue;
                }
                outcome.bookings += 1;
                books.held[request.class] += 1;
                for night in nights {
                    books.booked[night * types + class.room_type] += 1;
                }
                if request.cancelled <= hotel.horizon + class.arrival {
                    cancelling[request.cancelled].push(sales.len());
                }
                arriving[class.arrival].push(sales.len());
                sales.push(Sale {
                    class: request.class,
                    price: stay,
                    shows: request.shows,
                    cancelled: false,
                });
            }
            if let Some(night) = day.checked_sub(hotel.horizon) {
                let mut guests = std::mem::take(&mut arriving[night]);
                guests.sort_by_key(|sale| std::cmp::Reverse(hotel.classes[sales[*sale].class].room_type));
                for sale in guests.into_iter().map(|sale| &sales[sale]).filter(|sale| !sale.cancelled) {
                    self.check_in(sale, &rooms, &mut books, &mut outcome);
                }
            }
        }
        let sold: u32 = books.staying.iter().sum();
        let all = f64::from(rooms[0]) * hotel.nights as f64;
        outcome.occupancy = if all > 0.0 { f64::from(sold) / all } else { 0.0 };
        outcome
    }

    fn check_in(&self, sale: &Sale, rooms: &[u32], books: &mut Books, outcome: &mut Outcome) {
        let hotel = self.hotel;
        let types = hotel.room_types.len();
        let class = &hotel.classes[sale.class];
        let nights = class.arrival..class.arrival + class.nights;
        books.held[sale.class] -= 1;
        let roomed = sale.shows
            && nights.clone().all(|night| {
                fits(&books.staying[night * types..(night + 1) * types], rooms, class.room_type)
            });
        if roomed {
            for night in nights {
                books.staying[night * types + class.room_type] += 1;
            }
            outcome.revenue += sale.price;
            outcome.profit += sale.price - class.night_cost * class.nights as f64;
            return;
        }
        for night in nights {
            books.booked[night * types + class.room_type] -= 1;
        }
        if sale.shows {
            outcome.walked += 1;
            outcome.profit -= hotel.walk_cost;
        } else {
            let fee = hotel.segments[class.segment].no_show_fee * sale.price;
            outcome.revenue += fee;
            outcome.profit += fee;
        }
    }
}

struct Sale {
    class: usize,
    price: f64,
    shows: bool,
    cancelled: bool,
}

/// Whether one more of a type fits a night: with upgrades it does when each set of a type and those above it, from the lowest
/// type to this one, has a room.
fn fits(taken: &[u32], rooms: &[u32], room_type: usize) -> bool {
    let mut above: u32 = 0;
    for kind in (0..taken.len()).rev() {
        above += taken[kind];
        if kind <= room_type && above >= rooms[kind] {
            return false;
        }
    }
    true
}
