//! No answer breaks a rule, whatever the rules and the prices on sale; and where an answer exists, one is found, the best one.
#![expect(clippy::expect_used, reason = "tests")]

use chrono::{Datelike, Days, NaiveDate, Weekday};
use innkeeper_hotel::{Currency, RoomTypeName};
use innkeeper_pricing::rules::{
    Cell, CellChoices, ChannelPrice, OnSale, Priced, Rule, RuleKind, RuleSet, Scope, Settled,
    candidate_prices,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rust_decimal::Decimal;

const WEEK: [Weekday; 7] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
const EVENTS: [&str; 3] = ["fair", "holiday", "concert"];
const CHANNELS: [&str; 2] = ["booking", "walk-in"];
/// A price that no small case needs a higher one than.
const HIGHEST: i64 = 130;

fn name(text: &str) -> RoomTypeName {
    text.parse().expect("a name")
}

fn start() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, 2).expect("a date")
}

/// Rules and prices around `base`, a price of so many minor units with `scale` decimals.
struct Drawn {
    rng: ChaCha8Rng,
    base: i64,
    scale: u32,
    steps: &'static [i64],
    room_types: Vec<RoomTypeName>,
    currency: Currency,
}

impl Drawn {
    fn new(seed: u64, code: &str, base: i64, steps: &'static [i64], room_types: usize) -> Self {
        let currency: Currency = code.parse().expect("a currency");
        let names = ["standard", "deluxe", "family", "suite"];
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            base,
            scale: currency.minor_units(),
            steps,
            room_types: names.iter().take(room_types).map(|text| name(text)).collect(),
            currency,
        }
    }

    /// Prices of small whole numbers, few enough to try them all.
    fn small(seed: u64, room_types: usize) -> Self {
        Self::new(seed, "VND", 20, &[2, 3, 4, 6], room_types)
    }

    fn set(&self, rules: Vec<Rule>) -> Option<RuleSet> {
        RuleSet::new(rules, self.currency, &self.room_types).ok()
    }

    fn price(&mut self, low: f64, high: f64) -> Decimal {
        let minor = (self.base as f64 * self.rng.random_range(low..high)).round() as i64;
        Decimal::new(minor.max(1), self.scale)
    }

    fn scope(&mut self, ordered: bool) -> Scope {
        let mut scope = Scope::default();
        if !ordered && self.rng.random_bool(0.6) {
            let picked = self.rng.random_range(0..self.room_types.len());
            scope.room_types = Some(vec![self.room_types[picked].clone()]);
        }
        if self.rng.random_bool(0.3) {
            let from = start() + Days::new(self.rng.random_range(0..20));
            scope.from = Some(from);
            scope.until = self.rng.random_bool(0.7).then(|| from + Days::new(self.rng.random_range(7..20)));
        }
        if self.rng.random_bool(0.3) {
            scope.weekdays = Some((0..3).map(|_| WEEK[self.rng.random_range(0..7)]).collect());
        }
        if self.rng.random_bool(0.2) {
            scope.event_kinds = Some(vec![EVENTS[self.rng.random_range(0..3)].to_owned()]);
        }
        scope
    }

    /// A rule; one that asks for nothing but prices where `alone`, so that it needs no data.
    fn rule(&mut self, number: usize, alone: bool) -> Rule {
        let kind = match self.rng.random_range(0..if alone { 6 } else { 10 }) {
            0 => RuleKind::Floor { price: self.price(0.5, 1.2) },
            1 => RuleKind::Ceiling { price: self.price(0.9, 2.0) },
            2 => {
                let step = self.steps[self.rng.random_range(0..self.steps.len())];
                let offset = if self.rng.random_bool(0.5) { 0 } else { self.rng.random_range(0..step) };
                let (step, offset) = (Decimal::new(step, self.scale), Decimal::new(offset, self.scale));
                RuleKind::PriceEnding { step, offset }
            }
            3 | 4 => {
                let lower = self.rng.random_range(0..self.room_types.len() - 1);
                let higher = self.rng.random_range(lower + 1..self.room_types.len());
                RuleKind::Order {
                    lower: self.room_types[lower].clone(),
                    higher: self.room_types[higher].clone(),
                    at_least_percent: Decimal::new(self.rng.random_range(0..400), 1),
                }
            }
            5 => RuleKind::FixedPrice { price: self.price(0.9, 1.3) },
            6 | 7 => RuleKind::MaxChangePerDay { percent: Decimal::new(self.rng.random_range(1..300), 1) },
            8 => RuleKind::RateParity {
                channels: vec![CHANNELS[self.rng.random_range(0..2)].to_owned()],
                tolerance_percent: Decimal::new(self.rng.random_range(0..300), 1),
            },
            _ if self.rng.random_bool(0.5) => RuleKind::Freeze {},
            _ => RuleKind::MinimumStay { nights: self.rng.random_range(1..5) },
        };
        let scope = self.scope(matches!(kind, RuleKind::Order { .. }));
        Rule { id: format!("rule {number}").parse().expect("an id"), note: None, scope, kind }
    }

    fn rules(&mut self, most: usize, alone: bool) -> Vec<Rule> {
        (0..self.rng.random_range(0..=most)).map(|number| self.rule(number, alone)).collect()
    }

    fn cell(&mut self, night: NaiveDate, room_type: RoomTypeName, event_kinds: Vec<String>) -> Cell {
        let on_sale = self.rng.random_bool(0.8).then(|| OnSale {
            price: self.price(0.6, 1.6),
            days: self.rng.random_range(0..6),
            at_start_of_day: self.rng.random_bool(0.2).then(|| self.price(0.8, 1.2)),
        });
        let mut channels = Vec::new();
        if self.rng.random_bool(0.3) {
            let channel = CHANNELS[self.rng.random_range(0..2)].to_owned();
            channels.push(ChannelPrice { channel, price: self.price(0.8, 1.3) });
        }
        Cell { night, room_type, event_kinds, on_sale, channels }
    }

    fn night(&mut self) -> Vec<Cell> {
        let night = start() + Days::new(self.rng.random_range(0..45));
        let events = EVENTS.iter().filter(|_| self.rng.random_bool(0.3)).map(|kind| (*kind).to_owned());
        let events: Vec<String> = events.collect();
        let room_types = self.room_types.clone();
        room_types.into_iter().map(|room_type| self.cell(night, room_type, events.clone())).collect()
    }

    /// Candidates of these cells, each worth a whole number that says nothing about its neighbours.
    fn choices(&mut self, set: &RuleSet, cells: &[Cell], grids: Vec<Vec<Decimal>>) -> Vec<CellChoices> {
        let night: Vec<(Cell, Vec<Decimal>)> = cells.iter().cloned().zip(grids).collect();
        let mut choices = Vec::new();
        for ladder in set.ladders(&night).expect("ladders") {
            let values =
                ladder.prices().iter().map(|_| f64::from(self.rng.random_range(-20..60_i32))).collect();
            choices.push(CellChoices { ladder, values, free: None });
        }
        choices
    }
}

/// The schedule that an answer stands for.
fn schedule(cells: &[Cell], settled: &[Settled]) -> Vec<Priced> {
    cells
        .iter()
        .zip(settled)
        .map(|(cell, settled)| Priced { cell: cell.clone(), price: settled.price })
        .collect()
}

#[test]
fn no_answer_breaks_a_rule_in_a_hundred_thousand_cells() {
    let (mut seen, mut answered, mut refused, mut bound) = (0, 0, 0, 0);
    let mut seed = 0;
    while seen < 100_000 {
        seed += 1;
        let mut drawn = match seed % 3 {
            0 => Drawn::new(seed, "VND", 1_200_000, &[50_000, 10_000, 9_000], 4),
            1 => Drawn::new(seed, "EUR", 14_900, &[100, 500, 1000], 4),
            _ => Drawn::new(seed, "KWD", 45_000, &[250, 1000, 7], 4),
        };
        let rules = drawn.rules(9, false);
        let Some(set) = drawn.set(rules) else {
            refused += 1;
            continue;
        };
        for _ in 0..10 {
            let cells = drawn.night();
            let mut grids = Vec::new();
            for _ in &cells {
                let (low, high) = (drawn.price(0.4, 0.9), drawn.price(1.0, 2.0));
                let count = drawn.rng.random_range(2..16);
                grids.push(candidate_prices(low, high, drawn.currency, count).expect("candidates"));
            }
            let mut night = drawn.choices(&set, &cells, grids);
            for choices in &mut night {
                choices.free = Some(drawn.price(0.5, 2.0));
            }
            let settled = set.settle(&night).expect("settled");
            let broken = set.broken(&schedule(&cells, &settled));
            assert!(broken.is_empty(), "seed {seed}: {broken:?}\n{:#?}", set.rules());
            seen += cells.len();
            for answer in &settled {
                assert_eq!(answer.price.is_none(), answer.unmet.is_some(), "seed {seed}");
                assert_eq!(answer.price.is_none(), answer.value.is_none(), "seed {seed}");
                answered += usize::from(answer.price.is_some());
                bound += usize::from(!answer.binding.is_empty());
            }
        }
    }
    println!("{seen} cells, {answered} answered, {bound} bound by a rule; {refused} sets refused");
    assert!(answered > 60_000 && bound > 20_000, "{answered} answered, {bound} bound");
}

/// Prices from 1 to [`HIGHEST`] for all cells that keep these rules, one by one asked of the checker, by trial.
fn solution(rules: &[Rule], drawn: &Drawn, cells: &[Cell]) -> Option<Vec<i64>> {
    let sets: Vec<RuleSet> =
        rules.iter().map(|rule| drawn.set(vec![rule.clone()]).expect("a rule")).collect();
    let keeps = |cell: &Cell, price: i64| {
        let priced = Priced { cell: cell.clone(), price: Some(Decimal::from(price)) };
        sets.iter().all(|set| set.broken(std::slice::from_ref(&priced)).is_empty())
    };
    let alone: Vec<Vec<i64>> =
        cells.iter().map(|cell| (1..=HIGHEST).filter(|price| keeps(cell, *price)).collect()).collect();
    let mut orders = Vec::new();
    for rule in rules {
        let (scope, night, events) = (&rule.scope, cells[0].night, &cells[0].event_kinds);
        let covers = scope.from.is_none_or(|from| from <= night)
            && scope.until.is_none_or(|until| night <= until)
            && scope.weekdays.as_ref().is_none_or(|days| days.contains(&night.weekday()))
            && scope.event_kinds.as_ref().is_none_or(|kinds| kinds.iter().any(|kind| events.contains(kind)));
        if let RuleKind::Order { lower, higher, at_least_percent } = &rule.kind
            && covers
        {
            let place =
                |name: &RoomTypeName| cells.iter().position(|cell| cell.room_type == *name).expect("a cell");
            orders.push((place(lower), place(higher), Decimal::ONE + at_least_percent / Decimal::from(100)));
        }
    }
    let (mut tried, mut prices, mut depth) = (vec![0_usize; cells.len()], vec![0_i64; cells.len()], 0);
    loop {
        let Some(&price) = alone[depth].get(tried[depth]) else {
            tried[depth] = 0;
            depth = depth.checked_sub(1)?;
            tried[depth] += 1;
            continue;
        };
        prices[depth] = price;
        let fits = orders
            .iter()
            .filter(|(low, high, _)| *low <= depth && *high <= depth)
            .all(|(low, high, factor)| Decimal::from(prices[*low]) * factor <= Decimal::from(prices[*high]));
        if !fits {
            tried[depth] += 1;
        } else if depth + 1 == cells.len() {
            return Some(prices);
        } else {
            depth += 1;
            tried[depth] = 0;
        }
    }
}

#[test]
fn a_refused_set_has_no_prices_and_an_accepted_one_has_some_on_every_night() {
    let (mut accepted, mut pairs, mut more) = (0, 0, 0);
    for seed in 0..600 {
        let mut drawn = Drawn::small(seed, 3);
        let rules = drawn.rules(6, true);
        let nights: Vec<Vec<Cell>> = (0..48)
            .map(|day| {
                let night = start() + Days::new(day);
                let events: Vec<String> = EVENTS.iter().map(|kind| (*kind).to_owned()).collect();
                let of = |name: &RoomTypeName| Cell {
                    event_kinds: events.clone(),
                    ..Cell::new(night, name.clone())
                };
                drawn.room_types.iter().map(of).collect()
            })
            .collect();
        let Err(error) = RuleSet::new(rules.clone(), drawn.currency, &drawn.room_types) else {
            accepted += 1;
            for cells in nights.iter().step_by(5) {
                assert!(solution(&rules, &drawn, cells).is_some(), "seed {seed}: {rules:#?}");
            }
            continue;
        };
        let blamed: Vec<Rule> = rules.into_iter().filter(|rule| error.rules().contains(&&rule.id)).collect();
        assert!(blamed.len() >= 2, "{error}");
        if blamed.len() == 2 {
            pairs += 1;
        } else {
            more += 1;
        }
        let fails = nights.iter().any(|cells| solution(&blamed, &drawn, cells).is_none());
        assert!(fails, "seed {seed}: {error}");
        for left_out in 0..blamed.len() {
            let mut rest = blamed.clone();
            rest.remove(left_out);
            assert!(drawn.set(rest).is_some(), "seed {seed}: {error} without {left_out}");
        }
    }
    println!("{accepted} sets accepted, {pairs} refused for a pair, {more} for more rules");
    assert!(accepted > 300 && pairs > 100 && more > 10, "{accepted} {pairs} {more}");
}

#[test]
fn an_answer_is_found_wherever_prices_keep_all_rules() {
    let (mut solvable, mut not, mut named_alone) = (0, 0, 0);
    for seed in 0..600 {
        let mut drawn = Drawn::small(seed, 3);
        let rules = drawn.rules(6, false);
        let Some(set) = drawn.set(rules.clone()) else { continue };
        for _ in 0..3 {
            let cells = drawn.night();
            // A grid of one price far from the rules is enough.
            let grids = cells.iter().map(|_| vec![drawn.price(0.2, 3.0)]).collect();
            let night = drawn.choices(&set, &cells, grids);
            let settled = set.settle(&night).expect("settled");
            let all = settled.iter().all(|answer| answer.price.is_some());
            let found = solution(&rules, &drawn, &cells);
            assert_eq!(all, found.is_some(), "seed {seed}: {found:?} {settled:#?}\n{cells:#?}\n{rules:#?}");
            assert!(set.broken(&schedule(&cells, &settled)).is_empty());
            if all {
                solvable += 1;
            } else {
                not += 1;
            }
            for choices in &night {
                let Some(unmet) = choices.ladder.unmet() else { continue };
                if unmet.why.contains("which stays on sale") {
                    continue;
                }
                named_alone += 1;
                // The rules that are named leave this night without an answer on their own.
                let named: Vec<Rule> =
                    rules.iter().filter(|rule| unmet.rules.contains(&rule.id)).cloned().collect();
                assert!(solution(&named, &drawn, &cells).is_none(), "seed {seed}: {}", unmet.why);
            }
        }
    }
    println!("{solvable} nights with prices, {not} without");
    assert!(solvable > 800 && not > 80 && named_alone > 80, "{solvable} {not} {named_alone}");
}

#[test]
fn the_choice_is_the_best_of_all_choices() {
    let (mut compared, mut bound) = (0, 0);
    for seed in 0..4000 {
        let mut drawn = Drawn::small(seed, 4);
        let rules = drawn.rules(5, seed % 2 == 0);
        let Some(set) = drawn.set(rules) else { continue };
        let cells = drawn.night();
        let grids = cells.iter().map(|_| (0..3).map(|_| drawn.price(0.5, 2.0)).collect()).collect();
        let mut night = drawn.choices(&set, &cells, grids);
        for value in night.iter_mut().flat_map(|choices| &mut choices.values) {
            if seed % 3 == 0 && drawn.rng.random_bool(0.2) {
                *value = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][drawn.rng.random_range(0..3)];
            }
        }
        let settled = set.settle(&night).expect("settled");
        let open: Vec<usize> = (0..night.len()).filter(|cell| settled[*cell].price.is_some()).collect();
        if open.is_empty() {
            continue;
        }
        let given: f64 = settled.iter().filter_map(|answer| answer.value).sum();
        let mut best = f64::NEG_INFINITY;
        let mut place = vec![0_usize; open.len()];
        'all: loop {
            let values: f64 = open.iter().zip(&place).map(|(cell, place)| night[*cell].values[*place]).sum();
            if values.is_finite() && values > best {
                let mut tried = schedule(&cells, &settled);
                for (cell, place) in open.iter().zip(&place) {
                    tried[*cell].price = Some(night[*cell].ladder.prices()[*place]);
                }
                if set.broken(&tried).is_empty() {
                    best = values;
                }
            }
            for (cell, place) in open.iter().zip(place.iter_mut()) {
                *place += 1;
                if *place < night[*cell].ladder.prices().len() {
                    continue 'all;
                }
                *place = 0;
            }
            break;
        }
        assert!((given - best).abs() < 1e-6, "seed {seed}: {given} of {best}");
        compared += 1;
        for (choices, answer) in night.iter().zip(&settled) {
            let Some(value) = answer.value else { continue };
            let alone =
                choices.values.iter().copied().filter(|value| value.is_finite()).fold(f64::MIN, f64::max);
            // Below its own best only because of an order, which is then named.
            assert!(value >= alone || !answer.binding.is_empty(), "seed {seed}: {answer:?}");
            bound += usize::from(value < alone);
        }
    }
    println!("{compared} nights compared, {bound} cells bound by orders");
    assert!(compared > 1000 && bound > 200, "{compared} {bound}");
}

#[test]
fn a_year_of_five_room_types_takes_no_time() {
    let names = ["standard", "deluxe", "family", "suite", "penthouse"].map(name);
    let vnd: Currency = "VND".parse().expect("VND");
    let mut rules = Vec::new();
    let mut add = |scope: Scope, kind: RuleKind| {
        rules.push(Rule { id: format!("r{}", rules.len()).parse().expect("an id"), note: None, scope, kind });
    };
    for (place, room_type) in names.iter().enumerate() {
        let only = || Scope { room_types: Some(vec![room_type.clone()]), ..Scope::default() };
        let more = 100_000 * place as i64;
        add(only(), RuleKind::Floor { price: Decimal::from(500_000 + more) });
        add(only(), RuleKind::Ceiling { price: Decimal::from(6_000_000 + more) });
        let weekend = Scope { weekdays: Some(vec![Weekday::Fri, Weekday::Sat]), ..only() };
        add(weekend, RuleKind::Floor { price: Decimal::from(700_000 + more) });
    }
    for pair in names.windows(2) {
        let (lower, higher) = (pair[0].clone(), pair[1].clone());
        add(Scope::default(), RuleKind::Order { lower, higher, at_least_percent: Decimal::from(10) });
    }
    add(Scope::default(), RuleKind::PriceEnding { step: Decimal::from(10_000), offset: Decimal::ZERO });
    assert_eq!(rules.len(), 20);
    let set = RuleSet::new(rules, vnd, &names).expect("a set");
    let grid =
        candidate_prices(Decimal::from(500_000), Decimal::from(6_000_000), vnd, 40).expect("candidates");
    for (label, spread) in [("in order", 1.0), ("against the order every night", -1.0)] {
        let mut elapsed = std::time::Duration::ZERO;
        let mut ladder_time = elapsed;
        let mut schedule = Vec::new();
        for day in 0..365 {
            let cell =
                |name: &RoomTypeName| (Cell::new(start() + Days::new(day), name.clone()), grid.clone());
            let night: Vec<(Cell, Vec<Decimal>)> = names.iter().map(cell).collect();
            let began = std::time::Instant::now();
            let ladders = set.ladders(&night).expect("ladders");
            elapsed += began.elapsed();
            ladder_time += began.elapsed();
            let mut choices = Vec::new();
            for (place, ladder) in ladders.into_iter().enumerate() {
                let best =
                    2_500_000.0 + spread * 600_000.0 * (place as f64 - 2.0) + (day % 7) as f64 * 50_000.0;
                let value = |price: &Decimal| {
                    let price = f64::try_from(*price).expect("a number");
                    price * (-price / best).exp() * (10.0 - place as f64)
                };
                let values = ladder.prices().iter().map(value).collect();
                choices.push(CellChoices { ladder, values, free: None });
            }
            let began = std::time::Instant::now();
            let settled = set.settle(&choices).expect("settled");
            elapsed += began.elapsed();
            for (choices, settled) in choices.iter().zip(settled) {
                schedule.push(Priced { cell: choices.ladder.cell().clone(), price: settled.price });
            }
        }
        let began = std::time::Instant::now();
        assert!(set.broken(&schedule).is_empty());
        println!(
            "{label}: ladders {ladder_time:?}, ladders and settle {elapsed:?}, check {:?}",
            began.elapsed()
        );
        assert!(schedule.iter().all(|priced| priced.price.is_some()));
    }
}
