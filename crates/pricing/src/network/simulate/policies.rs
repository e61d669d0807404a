use super::{Books, Policy, Stage};
use crate::network::calendar::{CalendarSettings, Solved, solve};
use crate::network::error::NetworkError;
use crate::network::hotel::Hotel;

/// One price per room type, for all nights and days.
#[derive(Debug, Clone, PartialEq)]
pub struct FixedLadder {
    prices: Vec<f64>,
}

impl FixedLadder {
    /// These prices, one for each room type.
    pub fn new(prices: Vec<f64>) -> Self {
        Self { prices }
    }

    /// The best fixed prices on the replications of `seeds`, by search along one room type after the other until none moves
    /// (at most four rounds). Compare it on other seeds.
    pub fn search(stage: &Stage<'_>, seeds: std::ops::Range<u64>) -> Self {
        let kinds = &stage.hotel().room_types;
        let requests: Vec<_> = seeds.map(|seed| stage.requests(seed)).collect();
        let mut policy =
            Self { prices: kinds.iter().map(|kind| kind.prices[kind.prices.len() / 2]).collect() };
        let mut best = f64::NEG_INFINITY;
        for _ in 0..4 {
            let before = policy.prices.clone();
            for (place, kind) in kinds.iter().enumerate() {
                let mut chosen = policy.prices[place];
                for price in &kind.prices {
                    policy.prices[place] = *price;
                    let profit: f64 =
                        requests.iter().map(|requests| stage.play(requests, &mut policy).profit).sum();
                    if profit > best {
                        (best, chosen) = (profit, *price);
                    }
                }
                policy.prices[place] = chosen;
            }
            if policy.prices == before {
                break;
            }
        }
        policy
    }

    /// The prices, one for each room type.
    pub fn prices(&self) -> &[f64] {
        &self.prices
    }
}

impl Policy for FixedLadder {
    fn name(&self) -> &'static str {
        "best fixed ladder"
    }

    fn restart(&mut self) {}

    fn post(&mut self, _: &Books, prices: &mut [f64]) {
        for (cell, price) in prices.iter_mut().enumerate() {
            *price = self.prices[cell % self.prices.len()];
        }
    }
}

/// A rule of thumb: a base price for each room type, times a factor by the share of the type's rooms that are sold.
#[derive(Debug, Clone, PartialEq)]
pub struct SeededRules {
    base: Vec<f64>,
    ladders: Vec<Vec<f64>>,
    rooms: Vec<u32>,
}

impl SeededRules {
    /// Share of rooms sold below which a factor holds.
    const STEPS: [(f64, f64); 5] = [(0.3, 0.9), (0.5, 1.0), (0.7, 1.1), (0.85, 1.25), (f64::INFINITY, 1.5)];

    /// Rules around a base price for each room type.
    pub fn new(hotel: &Hotel, base: Vec<f64>) -> Self {
        let kinds = &hotel.room_types;
        Self {
            base,
            ladders: kinds.iter().map(|kind| kind.prices.clone()).collect(),
            rooms: kinds.iter().map(|kind| kind.rooms).collect(),
        }
    }
}

impl Policy for SeededRules {
    fn name(&self) -> &'static str {
        "seeded rules"
    }

    fn restart(&mut self) {}

    fn post(&mut self, books: &Books, prices: &mut [f64]) {
        let types = self.rooms.len();
        for (cell, price) in prices.iter_mut().enumerate() {
            let kind = cell % types;
            let sold = f64::from(books.booked[cell]) / f64::from(self.rooms[kind].max(1));
            let factor = Self::STEPS.iter().find(|step| sold < step.0).map_or(1.5, |step| step.1);
            let ladder = &self.ladders[kind];
            let wanted = self.base[kind] * factor;
            *price = ladder[ladder.partition_point(|allowed| *allowed < wanted).min(ladder.len() - 1)];
        }
    }
}

/// Each night and room type priced alone by its dynamic program, as if all stays had one night and no guest were upgraded
/// (Gallego & van Ryzin 1994, Optimal Dynamic Pricing of Inventories with Stochastic Demand over Finite Horizons).
#[derive(Debug, Clone)]
pub struct SingleNight<'a> {
    hotel: &'a Hotel,
    /// Best place in the type's prices by cell, day and rooms left.
    best: Vec<Vec<Vec<u16>>>,
}

impl<'a> SingleNight<'a> {
    /// Solves the programs of all nights and room types.
    ///
    /// # Errors
    /// [`NetworkError`] for a hotel that does not pass [`Hotel::check`].
    pub fn new(hotel: &'a Hotel) -> Result<Self, NetworkError> {
        hotel.check()?;
        let types = hotel.room_types.len();
        let mut best = Vec::with_capacity(hotel.nights * types);
        for cell in 0..hotel.nights * types {
            best.push(Self::program(hotel, cell / types, cell % types));
        }
        Ok(Self { hotel, best })
    }

    fn program(hotel: &Hotel, night: usize, kind: usize) -> Vec<Vec<u16>> {
        let room_type = &hotel.room_types[kind];
        let (days, count, rooms) =
            (hotel.horizon + night + 1, room_type.prices.len(), room_type.rooms as usize);
        // Income and rooms used on each day at each price.
        let mut lines = vec![(0.0, 0.0); days * count];
        for class in &hotel.classes {
            if class.room_type != kind || !(class.arrival..class.arrival + class.nights).contains(&night) {
                continue;
            }
            let segment = &hotel.segments[class.segment];
            let used = 1.0 - segment.no_show;
            let paid = used + segment.no_show * segment.no_show_fee;
            for (index, price) in room_type.prices.iter().enumerate() {
                let share = class.response.share(*price);
                let brings = share * (paid * price - used * class.night_cost);
                let mut kept = 1.0;
                for (lead, requests) in class.requests.iter().enumerate() {
                    let day = hotel.horizon + class.arrival - lead;
                    lines[day * count + index].0 += requests * kept * brings;
                    lines[day * count + index].1 += requests * kept * share * used;
                    kept *= 1.0 - segment.cancellation;
                }
            }
        }
        let mut value = vec![0.0_f64; rooms + 1];
        let mut best = vec![Vec::new(); days];
        for day in (0..days).rev() {
            let lines = &lines[day * count..(day + 1) * count];
            let most = lines.iter().fold(0.0_f64, |most, line| most.max(line.1));
            let steps = (most / 0.25).ceil().clamp(1.0, 10_000.0);
            let mut chosen = vec![(count - 1) as u16; rooms + 1];
            for _ in 0..steps as usize {
                for room in (1..=rooms).rev() {
                    let worth = value[room] - value[room - 1];
                    let mut income = f64::NEG_INFINITY;
                    for (index, line) in lines.iter().enumerate() {
                        let tried = line.0 - line.1 * worth;
                        if tried > income {
                            income = tried;
                            chosen[room] = index as u16;
                        }
                    }
                    value[room] += income / steps;
                }
            }
            best[day] = chosen;
        }
        best
    }
}

impl Policy for SingleNight<'_> {
    fn name(&self) -> &'static str {
        "single-night pricing"
    }

    fn restart(&mut self) {}

    fn post(&mut self, books: &Books, prices: &mut [f64]) {
        let hotel = self.hotel;
        let types = hotel.room_types.len();
        let mut shows = vec![0.0; prices.len()];
        for (class, held) in hotel.classes.iter().zip(&books.held) {
            let arrival = hotel.horizon + class.arrival;
            if *held > 0 && arrival >= books.day {
                let expected = f64::from(*held) * hotel.show_probability(class.segment, arrival - books.day);
                for night in class.arrival..class.arrival + class.nights {
                    shows[night * types + class.room_type] += expected;
                }
            }
        }
        for (cell, price) in prices.iter_mut().enumerate() {
            let Some(chosen) = self.best[cell].get(books.day) else { continue };
            let room_type = &hotel.room_types[cell % types];
            let left = f64::from(room_type.rooms) - f64::from(books.staying[cell]) - shows[cell];
            let left = (left + 0.5).floor().max(0.0) as usize;
            *price = room_type.prices[usize::from(chosen[left.min(chosen.len() - 1)])];
        }
    }
}

/// The optimiser of stays and nested room types, computed anew as bookings come in.
#[derive(Debug, Clone)]
pub struct NetworkPricing<'a> {
    hotel: &'a Hotel,
    every: usize,
    settings: CalendarSettings,
    name: &'static str,
    last: Option<Solved>,
}

impl<'a> NetworkPricing<'a> {
    /// Prices computed on day 0 and every `every` days, 1 or more, with the worth of rooms from dynamic programs, for the
    /// requests of the next seven times `every` days: guests who book early and late want different prices, and a few days
    /// alone would follow noise.
    pub fn new(hotel: &'a Hotel, every: usize) -> Self {
        let settings = CalendarSettings { held_windows: Some(3), ..CalendarSettings::default() };
        Self { hotel, every: every.max(1), settings, name: "network pricing", last: None }
    }

    /// The same with the fluid worth of rooms: no dynamic programs.
    pub fn fluid(hotel: &'a Hotel, every: usize) -> Self {
        let mut policy = Self::new(hotel, every);
        policy.settings.passes = 0;
        policy.name = "network pricing, fluid";
        policy
    }

    /// With other settings of the optimiser.
    pub fn with(mut self, settings: CalendarSettings) -> Self {
        self.settings = settings;
        self
    }
}

impl Policy for NetworkPricing<'_> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn restart(&mut self) {
        self.last = None;
    }

    fn post(&mut self, books: &Books, prices: &mut [f64]) {
        if !books.day.is_multiple_of(self.every) {
            return;
        }
        let edges: Vec<usize> = [1, 3, 7, 14, 28, 56, 112].iter().map(|window| window * self.every).collect();
        let network = self.hotel.network(books, &edges);
        let mut solved = solve(&network, &self.settings, self.last.as_ref());
        solved.posted.settle(&network, &solved.stay_bids, &solved.weights);
        for (cell, price) in prices.iter_mut().enumerate() {
            *price = network.ladder(cell)[solved.posted.index[cell]];
        }
        self.last = Some(solved);
    }
}
