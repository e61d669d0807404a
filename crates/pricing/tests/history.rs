//! Demand learnt from hotels whose truth is known.
#![expect(clippy::expect_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chrono::{Datelike, Days, NaiveDate};
use innkeeper_hotel::{
    Booking, BookingStatus, Closure, CompetitorPrice, Currency, Event, Money, Rate, RoomTypeName, Stay,
};
use innkeeper_pricing::Family;
use innkeeper_pricing::history::{
    BUCKETS, DemandError, DemandModel, History, Note, PRIOR_ELASTICITY, PriceSource, Source, Uncalibrated,
    Unidentified,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal, Poisson};
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

const LONGEST_LEAD: u64 = 90;

fn day(text: &str) -> NaiveDate {
    text.parse().expect(text)
}

fn as_of() -> NaiveDate {
    day("2024-12-31")
}

fn eur() -> Currency {
    "EUR".parse().expect("EUR")
}

fn name(text: &str) -> RoomTypeName {
    text.parse().expect(text)
}

fn money(amount: f64) -> Money {
    Money { amount: Decimal::from_f64(amount).expect("amount").round_dp(2), currency: eur() }
}

/// A room type: name, price, requests a night at that price.
type Kind = (&'static str, f64, f64);

/// Requests at a share of the reference price, over those at the reference price.
type Share = fn(f64) -> f64;

/// How a hotel's demand comes about. Prices follow season, unwritten demand as earlier bookings show it, and whim.
struct Truth {
    seed: u64,
    nights: u64,
    kinds: Vec<Kind>,
    /// What a price does.
    share: Share,
    /// Standard deviation of the log of a night's unwritten demand.
    shock: f64,
    /// Power of bookings over expected ones in the price.
    follow: f64,
    /// Standard deviation of the log price that follows nothing.
    whim: f64,
    /// Elasticity to competitors' prices, which are on feed where it is not 0.
    market: f64,
}

impl Default for Truth {
    fn default() -> Self {
        Self {
            seed: 7,
            nights: 730,
            kinds: vec![("double", 100.0, 14.0), ("suite", 220.0, 6.0)],
            share: |ratio| ratio.powf(-1.2),
            shock: 0.4,
            follow: 0.3,
            whim: 0.06,
            market: 0.0,
        }
    }
}

#[derive(Clone)]
struct Tables {
    rooms: BTreeMap<RoomTypeName, u32>,
    bookings: Vec<Booking>,
    rates: Vec<Rate>,
    competitors: Vec<CompetitorPrice>,
    events: Vec<Event>,
    closures: Vec<Closure>,
}

impl Tables {
    fn history(&self) -> History<'_> {
        History {
            as_of: as_of(),
            currency: eur(),
            rooms: &self.rooms,
            bookings: &self.bookings,
            rates: &self.rates,
            competitors: &self.competitors,
            events: &self.events,
            closures: &self.closures,
            tests: &[],
        }
    }

    fn fit(&self) -> DemandModel {
        DemandModel::fit(&self.history()).expect("model")
    }
}

fn booking(number: usize, booked_on: NaiveDate, arrival: NaiveDate, kind: &str, rate: f64) -> Booking {
    let id = format!("B{number}").parse().expect("id");
    let stay = Stay { arrival, nights: 1 };
    Booking {
        rate: Some(money(rate).amount),
        currency: Some(eur()),
        segment: Some(if number.is_multiple_of(3) { "business" } else { "leisure" }.to_owned()),
        ..Booking::confirmed(id, booked_on, stay, name(kind))
    }
}

/// Lives through a hotel that is never full.
fn live(truth: &Truth) -> Tables {
    let mut random = ChaCha8Rng::seed_from_u64(truth.seed);
    let normal = Normal::new(0.0, 1.0).expect("normal");
    let leads: Vec<f64> = (0..=LONGEST_LEAD).map(|lead| (-(lead as f64) / 20.0).exp()).collect();
    let all: f64 = leads.iter().sum();
    let mut tables = Tables {
        rooms: truth.kinds.iter().map(|kind| (name(kind.0), 500)).collect(),
        bookings: Vec::new(),
        rates: Vec::new(),
        competitors: Vec::new(),
        events: Vec::new(),
        closures: Vec::new(),
    };
    let first = as_of() - Days::new(truth.nights - 1);
    for night in first.iter_days().take_while(|night| *night <= as_of() + Days::new(LONGEST_LEAD)) {
        let shock = (truth.shock * normal.sample(&mut random) - truth.shock * truth.shock / 2.0).exp();
        let market = if truth.market == 0.0 { 1.0 } else { (0.15 * normal.sample(&mut random)).exp() };
        let season = 1.0 + 0.15 * (f64::from(night.month0()) / 12.0 * std::f64::consts::TAU).sin();
        let weekday = if night.weekday().num_days_from_monday() >= 4 { 1.3 } else { 0.9 };
        if truth.market != 0.0 && night - Days::new(LONGEST_LEAD) <= as_of() {
            tables.competitors.push(CompetitorPrice {
                competitor: "Next door".to_owned(),
                night,
                room_type: None,
                seen_on: night - Days::new(LONGEST_LEAD + 1),
                price: money(150.0 * market * season),
            });
        }
        for (kind, reference, requests) in &truth.kinds {
            let (mut sold, mut expected, mut price) = (0.0, 0.0, 0.0);
            for lead in (0..=LONGEST_LEAD).rev() {
                let today = night - Days::new(lead);
                if today > as_of() {
                    break;
                }
                if lead == LONGEST_LEAD || lead % 7 == 0 || lead < 7 {
                    let answer = ((sold + 4.0_f64) / (expected + 4.0)).powf(truth.follow);
                    let whim = (truth.whim * normal.sample(&mut random)).exp();
                    let wanted = reference * season * market.powf(0.5) * answer * whim;
                    price = wanted.clamp(reference * 0.4, reference * 2.5);
                    tables.rates.push(Rate {
                        night,
                        room_type: name(kind),
                        set_on: today - Days::new(1),
                        price: money(price),
                    });
                }
                let usual = requests * season * season * weekday * leads[lead as usize] / all;
                let mean = usual * shock * market.powf(truth.market) * (truth.share)(price / reference);
                let came =
                    if mean > 1e-12 { Poisson::new(mean).expect("mean").sample(&mut random) } else { 0.0 };
                for _ in 0..came as usize {
                    tables.bookings.push(booking(tables.bookings.len(), today, night, kind, price));
                }
                sold += came;
                expected += usual;
            }
        }
    }
    tables
}

/// A hotel whose prices follow demand; elasticity 1.2.
static FOLLOWING: LazyLock<Tables> = LazyLock::new(|| live(&Truth::default()));

fn holds((lower, upper): (f64, f64), value: f64) -> bool {
    (lower..=upper).contains(&value)
}

#[test]
fn the_controlled_estimate_holds_the_truth_and_the_naive_one_does_not() {
    let truths: [(f64, Share); 2] = [(1.2, |ratio| ratio.powf(-1.2)), (2.0, |ratio| ratio.powf(-2.0))];
    let mut held = 0;
    for (seed, (elasticity, share)) in [(20, truths[0]), (21, truths[0]), (20, truths[1]), (21, truths[1])] {
        let model = live(&Truth { seed, share, ..Truth::default() }).fit();
        let test = model.endogeneity();
        let (naive, controlled) = (test.naive.expect("naive"), test.controlled.expect("controlled"));
        held += usize::from(holds(controlled.interval(), elasticity));
        assert!((controlled.mean - elasticity).abs() < 4.0 * controlled.sd, "{elasticity}: {controlled:?}");
        assert!(!holds(naive.interval(), elasticity) && naive.mean < elasticity, "{elasticity}: {naive:?}");
        assert!(test.p_value.expect("p") < 0.01 && test.identified, "{test:?}");
        assert!(test.verdict.starts_with("Prices followed demand"), "{}", test.verdict);
        for of in model.room_types() {
            assert_eq!((of.elasticity.source, of.prices), (Source::History, PriceSource::Rates));
            assert!((of.elasticity.mean - elasticity).abs() < 4.0 * of.elasticity.sd, "{of:?}");
            assert!(of.elasticity.sd < 0.4, "{of:?}");
        }
    }
    // Intervals of 95 %: one of four may miss.
    assert!(held >= 3, "{held} of 4");
}

#[test]
fn the_simulated_hotel_gives_its_elasticity_back() {
    use innkeeper_simulator::{Record, Settings, Simulation, Wanted};
    let mut truth = innkeeper_simulator::Truth::shipped().expect("truth");
    truth.segments.iter_mut().for_each(|segment| segment.elasticity = 2.0);
    truth.room_types.iter_mut().for_each(|kind| kind.elasticity = 1.0);
    let currency = truth.currency;
    let settings = Settings::new(3, 100, 730, as_of(), "default".parse().expect("hotel"));
    let simulation = Simulation::new(settings, truth).expect("simulation");
    let (mut bookings, mut rates) = (Vec::new(), Vec::new());
    for record in simulation.records(Wanted { bookings: true, rates: true, ..Wanted::NONE }) {
        match record {
            Record::Booking(booking) => bookings.push(*booking),
            Record::Rate(rate) => rates.push(rate),
            _ => {}
        }
    }
    let mut rooms: BTreeMap<RoomTypeName, u32> = BTreeMap::new();
    for room in simulation.rooms() {
        *rooms.entry(room.room_type).or_default() += 1;
    }
    let competitors: Vec<_> = simulation.competitor_prices().collect();
    let events: Vec<_> = simulation.events().collect();
    let tests: Vec<_> = simulation.price_tests().map(|test| (test.night, test.room_type)).collect();
    let history = History {
        as_of: as_of(),
        currency,
        rooms: &rooms,
        bookings: &bookings,
        rates: &rates,
        competitors: &competitors,
        events: &events,
        closures: &[],
        tests: &tests,
    };
    let model = DemandModel::fit(&history).expect("model");
    let test = model.endogeneity();
    let controlled = test.controlled.expect("controlled");
    // One draw: an interval of 95 % may miss, one of three standard errors does not.
    assert!((controlled.mean - 2.0).abs() < 3.0 * controlled.sd && controlled.sd < 0.15, "{test:?}");
    let tested = test.randomised.expect("tests");
    assert!((tested.mean - 2.0).abs() < 3.0 * tested.sd && tested.sd < 0.3, "{test:?}");
    assert!(test.naive.expect("naive").mean < controlled.mean && test.p_value.expect("p") < 0.01, "{test:?}");
    assert!(model.competitor_effect().expect("feed").mean > 0.0);
    let calibration = DemandModel::calibration(&history, 60).expect("calibration");
    assert!((0.85..1.15).contains(&calibration.ratio), "{calibration:?}");
    assert!((calibration.reached - calibration.intended).abs() < 0.12, "{calibration:?}");
}

#[test]
fn a_room_type_of_five_bookings_goes_with_the_pool_and_is_less_sure() {
    let mut tables = FOLLOWING.clone();
    tables.rooms.insert(name("attic"), 2);
    for (number, ago) in [20, 40, 60, 80, 100].into_iter().enumerate() {
        let night = as_of() - Days::new(ago);
        // Dear nights sold: by themselves these five say that a price brings guests.
        let price = if number < 4 { 80.0 } else { 60.0 };
        tables.rates.push(Rate {
            night,
            room_type: name("attic"),
            set_on: night - Days::new(60),
            price: money(price),
        });
        tables.bookings.push(booking(900_000 + number, night - Days::new(5), night, "attic", price));
    }
    let model = tables.fit();
    let of =
        |kind: &str| model.room_types().iter().find(|of| of.room_type == name(kind)).expect(kind).elasticity;
    let (attic, double) = (of("attic"), of("double"));
    assert!((attic.mean - double.mean).abs() < 0.5, "{attic:?} {double:?}");
    assert!(attic.sd > 1.5 * double.sd && attic.sd < 1.0, "{attic:?} {double:?}");
}

#[test]
fn prices_that_never_moved_leave_the_prior_and_it_is_said() {
    let mut tables = live(&Truth { nights: 400, ..Truth::default() });
    for rate in &mut tables.rates {
        rate.price = money(100.0);
    }
    let model = tables.fit();
    let test = model.endogeneity();
    assert!(!test.identified && test.controlled.is_none() && test.naive.is_none(), "{test:?}");
    assert!(matches!(test.reason, Some(Unidentified::NoPriceMoves { .. })), "{test:?}");
    assert!(test.verdict.starts_with("The history cannot tell what a price does"), "{}", test.verdict);
    assert!(model.notes().iter().any(|note| matches!(note, Note::PriorElasticity { .. })));
    for of in model.room_types() {
        let it = of.elasticity;
        assert_eq!((it.mean, it.sd, it.source), (PRIOR_ELASTICITY.mean, PRIOR_ELASTICITY.sd, Source::Prior));
    }
    let response = model.response(as_of(), &name("double")).expect("response");
    assert!((response.elasticity(100.0) - PRIOR_ELASTICITY.mean).abs() < 1e-6, "{response:?}");
}

#[test]
fn prices_that_only_follow_demand_are_not_believed() {
    let tables = live(&Truth { whim: 0.0, share: |_| 1.0, follow: 0.5, nights: 400, ..Truth::default() });
    let test = tables.fit().endogeneity().clone();
    assert!(test.naive.expect("naive").mean < 0.0, "{test:?}");
    assert!(!test.identified, "{test:?}");
}

#[test]
fn without_rates_what_guests_paid_stands_for_them_but_nothing_is_concluded() {
    let tables = Tables { rates: Vec::new(), ..FOLLOWING.clone() };
    let model = tables.fit();
    assert_eq!(model.endogeneity().reason, Some(Unidentified::NoPricesOnSale));
    assert!(model.endogeneity().naive.is_some(), "the test is still shown");
    assert!(model.room_types().iter().all(|of| of.prices == PriceSource::Bookings));
    assert!(model.notes().iter().any(|note| matches!(note, Note::PricesFromBookings { .. })));
    let mut bare = tables;
    for booking in &mut bare.bookings {
        booking.rate = None;
    }
    let model = bare.fit();
    assert!(model.room_types().iter().all(|of| of.prices == PriceSource::None));
    assert!(model.rate(as_of() + Days::new(9), &name("double"), 5, 1.0, None).expect("rate") > 0.0);
}

#[test]
fn one_booking_is_a_history() {
    let rooms = BTreeMap::from([(name("double"), 10)]);
    let bookings = [booking(1, day("2024-12-20"), day("2024-12-24"), "double", 90.0)];
    let tables = Tables {
        rooms,
        bookings: bookings.to_vec(),
        ..live(&Truth { kinds: Vec::new(), ..Truth::default() })
    };
    let model = tables.fit();
    let of = &model.room_types()[0];
    assert_eq!((of.bookings, of.elasticity.source, of.reference_price), (1.0, Source::Prior, 90.0));
    let all: f64 =
        model.remaining(day("2025-01-10"), &name("double"), 365).iter().map(|(_, count)| count).sum();
    assert!(all.is_finite() && all > 0.0, "{all}");
    assert!(matches!(
        DemandModel::calibration(&tables.history(), 5),
        Err(Uncalibrated::NoModel { .. } | Uncalibrated::TooLittle { .. })
    ));
    assert_eq!(
        DemandModel::fit(&History { bookings: &[], ..tables.history() }),
        Err(DemandError::NoBookings(as_of()))
    );
}

#[test]
fn nothing_after_the_last_day_is_used() {
    let tables = live(&Truth { nights: 200, market: 0.6, ..Truth::default() });
    let earlier = as_of() - Days::new(45);
    let history = History { as_of: earlier, ..tables.history() };
    let known = DemandModel::fit(&history).expect("model");
    let mut other = tables.clone();
    for booking in &mut other.bookings {
        if booking.booked_on > earlier {
            booking.rate = Some(Decimal::ONE);
            booking.room_type = name("suite");
        } else if booking.stay.arrival > earlier {
            booking.status = BookingStatus::Cancelled;
            booking.status_on = Some(earlier + Days::new(1));
        }
    }
    for number in 0..500 {
        let extra = booking(number, earlier + Days::new(1), earlier + Days::new(20), "palace", 1e6);
        other.bookings.push(extra);
    }
    for rate in other.rates.iter_mut().filter(|rate| rate.set_on > earlier) {
        rate.price = money(1e6);
    }
    for seen in other.competitors.iter_mut().filter(|seen| seen.seen_on > earlier) {
        seen.price = money(1e6);
    }
    other.events.push(Event {
        name: "Surprise".to_owned(),
        from: earlier - Days::new(100),
        until: earlier + Days::new(50),
        kind: "fair".to_owned(),
        known_on: Some(earlier + Days::new(1)),
    });
    let again = DemandModel::fit(&History { as_of: earlier, ..other.history() }).expect("model");
    assert!(known == again, "what came after the last day moved the model");
    let without: Vec<Booking> = tables.bookings.iter().filter(|b| b.booked_on <= earlier).cloned().collect();
    assert!(known == DemandModel::fit(&History { bookings: &without, ..history }).expect("model"));
}

#[test]
fn competitors_count_where_there_is_a_feed() {
    let tables = live(&Truth { market: 0.6, nights: 400, ..Truth::default() });
    let with = tables.fit();
    let effect = with.competitor_effect().expect("feed");
    assert!((effect.mean - 0.6).abs() < 4.0 * effect.sd && effect.sd < 0.2, "{effect:?}");
    let (night, kind) = (as_of() + Days::new(30), name("double"));
    let rate =
        |model: &DemandModel, competitor| model.rate(night, &kind, 20, 100.0, competitor).expect("rate");
    assert!(rate(&with, Some(200.0)) > rate(&with, Some(120.0)));
    let without = Tables { competitors: Vec::new(), ..tables }.fit();
    assert_eq!(without.competitor_effect(), None);
    assert!(without.notes().contains(&Note::NoCompetitors));
    assert_eq!(rate(&without, Some(200.0)).to_bits(), rate(&without, None).to_bits());
}

#[test]
fn the_family_is_the_one_that_the_data_have() {
    let logit = |ratio: f64| (1.0 + (-2.5_f64).exp()) / (1.0 + (8.0 * (ratio - 1.0) - 2.5).exp());
    let shares: [(Family, Share); 3] = [
        (Family::LogLinear, |ratio| (-1.8 * (ratio - 1.0)).exp()),
        (Family::Logit, logit),
        (Family::Power, |ratio| ratio.powf(-1.8)),
    ];
    for (family, share) in shares {
        let kinds = vec![("double", 100.0, 50.0)];
        let model =
            live(&Truth { share, kinds, whim: 0.3, shock: 0.2, nights: 400, ..Truth::default() }).fit();
        let choice = model.family();
        assert_eq!(choice.family, family, "{choice:?}");
        assert_eq!(model.response(as_of(), &name("double")).expect("response").family, family);
        assert!(choice.by_data || family == Family::LogLinear, "{choice:?}");
    }
}

#[test]
fn rates_shares_and_what_remains_agree() {
    let mut tables = FOLLOWING.clone();
    let night = as_of() + Days::new(40);
    let closed = as_of() + Days::new(41);
    tables.closures.push(Closure { from: closed, until: closed, room_type: Some(name("suite")) });
    let model = tables.fit();
    let kind = name("double");
    let reference = model.room_types()[0].reference_price;
    let at = |lead, price| model.rate(night, &kind, lead, price, None).expect("rate");
    let response = model.response(night, &kind).expect("response");
    let ratio = at(5, reference * 1.2) / at(5, reference);
    assert!((ratio - response.share(reference * 1.2) / response.share(reference)).abs() < 1e-9);
    let all = model.remaining(night, &kind, 40);
    let days: f64 = (0..=40).map(|lead| at(lead, reference)).sum();
    assert!((all.iter().map(|(_, count)| count).sum::<f64>() - days).abs() < 1e-9 * days);
    assert_eq!(all.first().expect("bucket").0.until, 40);
    assert_eq!(model.remaining(night, &kind, u16::MAX).len(), BUCKETS.len());
    let half = model.remaining_kept(night, &kind, 40, |_| 0.5);
    assert!(half.iter().zip(&all).all(|(half, all)| (half.1 * 2.0 - all.1).abs() < 1e-12));
    assert!(model.remaining_kept(night, &kind, 40, |_| f64::NAN) == all);
    assert_eq!(model.rate(closed, &name("suite"), 5, 200.0, None), Some(0.0));
    for price in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(model.rate(night, &kind, 5, price, None), None);
    }
    assert_eq!(model.rate(night, &kind, 400, 100.0, None), Some(0.0));
    assert_eq!(model.rate(night, &name("tent"), 5, 100.0, None), None);
    assert!(model.rate(NaiveDate::MAX, &kind, 5, 1e300, None).expect("rate").is_finite());
    assert!(model.remaining(night, &name("tent"), 9).is_empty());
    let shares = model.segments(night, &kind, 5);
    assert!((shares.iter().map(|share| share.share).sum::<f64>() - 1.0).abs() < 1e-9);
    assert_eq!(shares[0].segment.as_deref(), Some("leisure"));
    assert!((model.room_types()[0].nights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
}

#[test]
fn what_was_expected_came() {
    let calibration = DemandModel::calibration(&FOLLOWING.history(), 90).expect("calibration");
    assert!((0.85..1.15).contains(&calibration.ratio), "{calibration:?}");
    assert!((calibration.reached - calibration.intended).abs() < 0.12, "{calibration:?}");
    assert_eq!(calibration.nights, 180);
}

#[test]
fn days_that_may_have_refused_guests_do_not_pull_the_rate_down() {
    let open = live(&Truth { shock: 0.0, follow: 0.0, nights: 400, ..Truth::default() });
    let mut full = open.clone();
    full.rooms.insert(name("double"), 16);
    let mut taken: BTreeMap<NaiveDate, u32> = BTreeMap::new();
    full.bookings.sort_by_key(|booking| booking.booked_on);
    full.bookings.retain(|booking| {
        let taken = taken.entry(booking.stay.arrival).or_default();
        let kept = booking.room_type != name("double") || *taken < 16;
        *taken += u32::from(kept && booking.room_type == name("double"));
        kept
    });
    assert!(full.bookings.len() + 300 < open.bookings.len(), "few nights were full");
    let sum = |tables: &Tables| -> f64 {
        let model = tables.fit();
        let nights = (1..=28).map(|ahead| as_of() + Days::new(200 + ahead));
        nights.flat_map(|night| model.remaining(night, &name("double"), 90)).map(|(_, count)| count).sum()
    };
    let (open, full) = (sum(&open), sum(&full));
    assert!((full / open - 1.0).abs() < 0.08, "{full} instead of {open}");
}

#[test]
fn hostile_tables_end_in_an_error_or_a_model() {
    let tables = live(&Truth { nights: 60, ..Truth::default() });
    let far = History { as_of: NaiveDate::MAX, ..tables.history() };
    assert!(matches!(DemandModel::fit(&far), Err(DemandError::OutsideCalendar(_))));
    let early = History { as_of: day("0001-01-01"), ..tables.history() };
    assert!(matches!(DemandModel::fit(&early), Err(DemandError::NoBookings(_))));
    let many: BTreeMap<RoomTypeName, u32> = (0..70).map(|kind| (name(&format!("k{kind}")), 1)).collect();
    let crowd = History { rooms: &many, ..tables.history() };
    assert!(matches!(DemandModel::fit(&crowd), Err(DemandError::TooManyRoomTypes(72))));

    let mut odd = tables.clone();
    odd.rooms.insert(name("double"), 0);
    odd.rooms.insert(name("suite"), u32::MAX);
    for (number, amount) in [0, -5].into_iter().enumerate() {
        let price = Money { amount: Decimal::from(amount), currency: eur() };
        let night = as_of() - Days::new(number as u64);
        odd.rates.push(Rate { night, room_type: name("suite"), set_on: NaiveDate::MIN, price });
    }
    let dollars = Money { amount: Decimal::MAX, currency: "USD".parse().expect("USD") };
    odd.rates.push(Rate { night: NaiveDate::MAX, room_type: name("suite"), set_on: as_of(), price: dollars });
    odd.competitors.push(CompetitorPrice {
        competitor: String::new(),
        night: NaiveDate::MIN,
        room_type: Some(name("tent")),
        seen_on: NaiveDate::MIN,
        price: money(1.0),
    });
    odd.events.push(Event {
        name: String::new(),
        from: NaiveDate::MIN,
        until: NaiveDate::MAX,
        kind: String::new(),
        known_on: None,
    });
    odd.closures.push(Closure { from: NaiveDate::MAX, until: NaiveDate::MIN, room_type: None });
    let mut long = booking(1, as_of(), NaiveDate::MAX, "suite", 1.0);
    long.stay.nights = u16::MAX;
    odd.bookings.push(long);
    odd.bookings.push(Booking { rate: Some(Decimal::ZERO), ..booking(2, as_of(), as_of(), "suite", 1.0) });
    let mut by_day = booking(3, as_of(), as_of(), "suite", 1.0);
    by_day.stay.nights = 0;
    odd.bookings.push(by_day);
    odd.bookings.push(booking(4, day("2014-01-01"), day("2016-01-01"), "suite", 1.0));
    let model = odd.fit();
    let noted = |wanted: fn(&Note) -> bool| model.notes().iter().any(wanted);
    assert!(noted(|note| matches!(note, Note::OddPrices { rows: 3 })), "{:?}", model.notes());
    assert!(noted(|note| matches!(note, Note::OddBookings { bookings: 1 })), "{:?}", model.notes());
    assert!(noted(|note| matches!(note, Note::DayUse { bookings: 1 })), "{:?}", model.notes());
    assert!(noted(|note| matches!(note, Note::NoRooms { .. })), "{:?}", model.notes());
    assert_eq!(model.rate(as_of(), &name("double"), 0, 100.0, None), Some(0.0));
    let shut = Closure { from: NaiveDate::MIN, until: NaiveDate::MAX, room_type: None };
    let never = History { closures: &[shut], ..tables.history() };
    assert!(matches!(DemandModel::fit(&never), Err(DemandError::NoBookings(_))));
}
