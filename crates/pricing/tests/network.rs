//! Stays and nested room types: the optimiser against exact answers, and what it refuses.

use innkeeper_pricing::network::{
    CalendarCell, CalendarInput, CalendarSettings, CellAnswer, Demand, NetworkError, expect_calendar,
    overbooking_limit, price_calendar, sample_hotel, solve_fluid,
};
use innkeeper_pricing::{Family, Response};

fn logit(location: f64, scale: f64) -> Response {
    Response { family: Family::Logit, location, scale }
}

/// Two nights, two rooms of a low type and one of a high type, each with five prices.
fn tiny(left: [f64; 4], requests: f64) -> CalendarInput {
    let cell = |place: usize| {
        let high = place % 2 == 1;
        CalendarCell {
            rooms: if high { 1 } else { 2 },
            rooms_left: left[place],
            come: 0.0,
            minimum_nights: 1,
            night_cost: 10.0,
            demand: vec![Demand {
                requests: vec![requests * if high { 0.6 } else { 1.0 } * if place < 2 { 1.0 } else { 0.7 }],
                response: if high { logit(120.0, 20.0) } else { logit(85.0, 14.0) },
                show_probability: 1.0,
            }],
            prices: if high {
                vec![90.0, 110.0, 130.0, 150.0, 180.0]
            } else {
                vec![60.0, 75.0, 90.0, 105.0, 130.0]
            },
        }
    };
    CalendarInput {
        nights: 2,
        room_types: 2,
        cells: (0..4).map(cell).collect(),
        stay_lengths: vec![0.5, 0.5],
    }
}

/// Bookings of a state: `[low, high]` of night 0, then of night 1.
fn states() -> Vec<[usize; 4]> {
    let night = [[0, 0], [1, 0], [2, 0], [3, 0], [0, 1], [1, 1], [2, 1]];
    night.iter().flat_map(|a| night.iter().map(|b| [a[0], a[1], b[0], b[1]])).collect()
}

#[test]
fn re_priced_calendars_come_near_the_exact_optimum_of_a_tiny_hotel() {
    const STEPS: usize = 60;
    let full = tiny([2.0, 1.0, 2.0, 1.0], 4.0);
    // The problem's products: nights 0, 1 or both, of each type. A stay from the last night has one night.
    let mut products = Vec::new();
    for (place, cell) in full.cells.iter().enumerate() {
        let requests = cell.demand[0].requests[0];
        if place < 2 {
            products.push((vec![place], requests * 0.5, cell.demand[0].response));
            products.push((vec![place, place + 2], requests * 0.5, cell.demand[0].response));
        } else {
            products.push((vec![place], requests, cell.demand[0].response));
        }
    }
    let states = states();
    let number = |state: [usize; 4]| states.iter().position(|other| *other == state);
    let after = |state: [usize; 4], cells: &[usize]| {
        let mut next = state;
        for cell in cells {
            next[*cell] += 1;
        }
        number(next)
    };
    // What one step brings over waiting, at a calendar of prices.
    let gain = |state: [usize; 4], place: usize, calendar: [usize; 4], value: &[f64]| -> f64 {
        let mut gain = 0.0;
        for (cells, requests, response) in &products {
            let Some(next) = after(state, cells) else { continue };
            let stay: f64 = cells.iter().map(|cell| full.cells[*cell].prices[calendar[*cell]] - 10.0).sum();
            let average = stay / cells.len() as f64 + 10.0;
            gain += requests / STEPS as f64 * response.share(average) * (stay + value[next] - value[place]);
        }
        gain
    };
    let calendars: Vec<[usize; 4]> =
        (0..625).map(|code| [code % 5, code / 5 % 5, code / 25 % 5, code / 125]).collect();
    let (mut optimal, mut ours) = (vec![0.0; states.len()], vec![0.0; states.len()]);
    let mut fixed = vec![vec![0.0; states.len()]; calendars.len()];
    for step in 1..=STEPS {
        let (best_before, ours_before) = (optimal.clone(), ours.clone());
        for (calendar, value) in calendars.iter().zip(&mut fixed) {
            let before = value.clone();
            for (place, state) in states.iter().enumerate() {
                value[place] += gain(*state, place, *calendar, &before);
            }
        }
        for (place, state) in states.iter().enumerate() {
            let best = calendars.iter().map(|calendar| gain(*state, place, *calendar, &best_before));
            optimal[place] += best.fold(f64::NEG_INFINITY, f64::max);
            let left = [2.0, 1.0, 2.0, 1.0].iter().zip(state).map(|(rooms, sold)| rooms - *sold as f64);
            let left: Vec<f64> = left.collect();
            let input = tiny([left[0], left[1], left[2], left[3]], 4.0 * step as f64 / STEPS as f64);
            let answer = price_calendar(&input, &CalendarSettings::default()).unwrap();
            let prices: Vec<usize> = answer.cells.iter().map(|cell| cell.price.unwrap()).collect();
            ours[place] += gain(*state, place, [prices[0], prices[1], prices[2], prices[3]], &ours_before);
        }
    }
    let best_fixed = fixed.iter().map(|value| value[0]).fold(0.0, f64::max);
    let answer = price_calendar(&full, &CalendarSettings::default()).unwrap();
    println!(
        "optimal {:.2}, ours {:.2}, best fixed calendar {best_fixed:.2}, bound {:.2}",
        optimal[0], ours[0], answer.upper
    );
    assert!(ours[0] > 0.97 * optimal[0], "{} of {}", ours[0], optimal[0]);
    assert!(ours[0] > best_fixed);
    assert!(answer.upper >= optimal[0]);
}

#[test]
fn a_room_is_worth_more_by_type_and_when_fewer_are_left() {
    let settings = CalendarSettings::default();
    let many = price_calendar(&tiny([2.0, 1.0, 2.0, 1.0], 4.0), &settings).unwrap();
    let few = price_calendar(&tiny([1.0, 1.0, 1.0, 1.0], 4.0), &settings).unwrap();
    for night in 0..2 {
        let (low, high) = (night * 2, night * 2 + 1);
        assert!(many.cells[high].bid_price >= many.cells[low].bid_price);
        assert!(few.cells[low].bid_price > many.cells[low].bid_price);
        assert!(few.cells[low].price >= many.cells[low].price);
    }
    let fluid = solve_fluid(&sample_hotel(28)).unwrap();
    assert!(fluid.bid_prices.chunks(3).all(|night| night[0] <= night[1] && night[1] <= night[2]));
    assert!(fluid.duals.iter().all(|dual| *dual >= 0.0) && fluid.duals.iter().any(|dual| *dual > 1.0));
    assert!(fluid.gap() > -1e-9 && fluid.gap() < 0.002, "{}", fluid.gap());
}

#[test]
fn more_demand_does_not_lower_a_price() {
    let settings = CalendarSettings::default();
    let mut last = Vec::new();
    for requests in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 100.0] {
        let answer = price_calendar(&tiny([2.0, 1.0, 2.0, 1.0], requests), &settings).unwrap();
        let prices: Vec<usize> = answer.cells.iter().map(|cell| cell.price.unwrap()).collect();
        assert!(
            last.iter().zip(&prices).all(|(before, now)| before <= now),
            "{requests}: {last:?} {prices:?}"
        );
        last = prices;
    }
    assert_eq!(last, vec![4; 4], "where demand has no end the highest prices are best");
}

#[test]
fn the_price_is_the_best_of_the_values_shown() {
    let answer = price_calendar(&tiny([2.0, 1.0, 2.0, 1.0], 3.0), &CalendarSettings::default()).unwrap();
    for cell in &answer.cells {
        let best = cell.values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert_eq!(cell.values.len(), 5);
        assert!((cell.values[cell.price.unwrap()] - best).abs() < 1e-12);
        let occupancy = cell.occupancy.unwrap();
        assert!(occupancy > 0.1 && occupancy <= 1.0);
    }
    let mut quiet = tiny([2.0, 1.0, 2.0, 1.0], 3.0);
    quiet.cells[1].demand.clear();
    quiet.cells[3].demand.clear();
    let answer = price_calendar(&quiet, &CalendarSettings::default()).unwrap();
    assert!(answer.cells[1].price.is_none() && answer.cells[1].values.is_empty());
}

#[test]
fn a_single_room_and_night_is_priced_as_theory_says() {
    // One room, Poisson requests, exponential willingness: the worth of the room has the closed form
    // scale * ln(1 + rate / e) (Gallego & van Ryzin 1994, section 2.3), and the price is that plus the scale.
    let (scale, rate) = (20.0, 6.0);
    let prices: Vec<f64> = (1..=200).map(f64::from).collect();
    let input = CalendarInput {
        nights: 1,
        room_types: 1,
        cells: vec![CalendarCell {
            rooms: 1,
            rooms_left: 1.0,
            come: 0.0,
            minimum_nights: 1,
            night_cost: 0.0,
            demand: vec![Demand {
                requests: vec![rate],
                response: Response { family: Family::LogLinear, location: 0.0, scale },
                show_probability: 1.0,
            }],
            prices,
        }],
        stay_lengths: vec![1.0],
    };
    let answer = price_calendar(&input, &CalendarSettings::default()).unwrap();
    let worth = scale * (1.0 + rate / std::f64::consts::E).ln();
    assert!(
        (answer.cells[0].bid_price - worth).abs() < 0.05 * worth,
        "{} {worth}",
        answer.cells[0].bid_price
    );
    let price = answer.cells[0].price.unwrap() as f64 + 1.0;
    assert!((price - worth - scale).abs() < 2.5, "{price}");
}

#[test]
fn overbooking_is_the_best_of_all_limits() {
    for (rooms, show, revenue, walk) in [
        (1, 0.5, 100.0, 100.0),
        (10, 0.9, 100.0, 300.0),
        (40, 0.85, 90.0, 150.0),
        (120, 0.95, 80.0, 400.0),
        (7, 0.3, 50.0, 20.0),
    ] {
        // Exact expectation for each number sold, by the binomial distribution grown booking by booking.
        let mut shows = vec![1.0];
        let mut best = (0.0, 0);
        for sold in 1..=rooms * 6 {
            let mut next = vec![0.0; shows.len() + 1];
            for (count, probability) in shows.iter().enumerate() {
                next[count] += probability * (1.0 - show);
                next[count + 1] += probability * show;
            }
            shows = next;
            let brings: f64 = (shows.iter().enumerate())
                .map(|(count, probability)| {
                    let (filled, walked) = (count.min(rooms), count.saturating_sub(rooms));
                    probability * (revenue * filled as f64 - walk * walked as f64)
                })
                .sum();
            if brings > best.0 + 1e-9 {
                best = (brings, sold);
            }
        }
        assert_eq!(
            overbooking_limit(rooms as u32, show, revenue, walk).unwrap() as usize,
            best.1,
            "{rooms} {show}"
        );
    }
    assert_eq!(overbooking_limit(50, 1.0, 100.0, 1.0), Ok(50));
    assert_eq!(overbooking_limit(0, 0.9, 100.0, 1.0), Ok(0));
    assert!(overbooking_limit(5000, 0.05, 100.0, 300.0).unwrap() > 95_000);
    for (show, revenue, walk) in [
        (f64::NAN, 1.0, 1.0),
        (0.0, 1.0, 1.0),
        (1.1, 1.0, 1.0),
        (0.9, 0.0, 1.0),
        (0.9, 1.0, 0.0),
        (0.9, 1.0, f64::INFINITY),
    ] {
        assert!(matches!(overbooking_limit(10, show, revenue, walk), Err(NetworkError::Number { .. })));
    }
}

#[test]
fn bad_calendars_are_refused() {
    let settings = CalendarSettings::default();
    let break_one = |change: &dyn Fn(&mut CalendarInput)| {
        let mut input = tiny([2.0, 1.0, 2.0, 1.0], 3.0);
        change(&mut input);
        price_calendar(&input, &settings).unwrap_err()
    };
    assert!(matches!(break_one(&|input| input.nights = 0), NetworkError::Size { .. }));
    assert!(matches!(break_one(&|input| input.nights = 3650), NetworkError::Size { .. }));
    assert!(matches!(break_one(&|input| input.room_types = 65), NetworkError::Size { .. }));
    assert!(matches!(break_one(&|input| drop(input.cells.pop())), NetworkError::Shape { .. }));
    assert!(matches!(break_one(&|input| input.stay_lengths.clear()), NetworkError::Size { .. }));
    assert!(matches!(break_one(&|input| input.stay_lengths = vec![0.2]), NetworkError::Number { .. }));
    assert!(matches!(break_one(&|input| input.cells[0].prices.clear()), NetworkError::Size { .. }));
    assert!(matches!(break_one(&|input| input.cells[0].prices[0] = 0.0), NetworkError::Ladder { cell: 0 }));
    assert!(matches!(
        break_one(&|input| input.cells[3].prices[1] = f64::NAN),
        NetworkError::Ladder { cell: 3 }
    ));
    assert!(matches!(break_one(&|input| input.cells[3].prices.reverse()), NetworkError::Ladder { cell: 3 }));
    assert!(matches!(break_one(&|input| input.cells[1].rooms_left = f64::NAN), NetworkError::Number { .. }));
    assert!(matches!(
        break_one(&|input| input.cells[1].demand[0].requests.clear()),
        NetworkError::Shape { .. }
    ));
    assert!(matches!(
        break_one(&|input| input.cells[1].demand[0].requests[0] = -1.0),
        NetworkError::Number { .. }
    ));
    assert!(matches!(
        break_one(&|input| input.cells[1].demand[0].show_probability = 0.0),
        NetworkError::Number { .. }
    ));
    assert!(matches!(
        break_one(&|input| input.cells[1].demand[0].response.scale = 0.0),
        NetworkError::Response(_)
    ));
    let flood = |input: &mut CalendarInput| {
        input.cells[1].demand[0].response = Response { family: Family::LogLinear, location: 1e9, scale: 1.0 };
    };
    assert!(matches!(break_one(&flood), NetworkError::Number { .. }));
    let mut hotel = sample_hotel(5);
    hotel.classes[0].nights = 6;
    assert_eq!(solve_fluid(&hotel).unwrap_err(), NetworkError::Stay { class: 0 });
}

#[test]
fn extreme_calendars_have_finite_answers() {
    let extremes = [
        (Family::Logit, 1e9, 1e-3, 1e6),
        (Family::Logit, -1e9, 1e-3, 1.0),
        (Family::Logit, 0.01, 1e9, 1.0),
        (Family::LogLinear, 50.0, 1e9, 1e-9),
        (Family::LogLinear, 0.0, 1e-3, 50.0),
        (Family::Power, 80.0, 0.5, 60.0),
        (Family::Power, 80.0, 1.000_001, 60.0),
        (Family::Power, 80.0, 300.0, 80.0),
    ];
    for (family, location, scale, price) in extremes {
        for left in [[0.0; 4], [-5.0, 1.0, 0.3, 0.0], [2.0, 1.0, 2.0, 1.0]] {
            for requests in [0.0, 1e-12, 1e4] {
                let mut input = tiny(left, requests);
                for cell in &mut input.cells {
                    cell.prices = vec![price, price * 1.5, price * 40.0];
                    cell.demand[0].response = Response { family, location, scale };
                }
                input.cells[0].rooms = 0;
                let answer = price_calendar(&input, &CalendarSettings::default()).unwrap();
                assert!(
                    answer.profit.is_finite()
                        && answer.revenue_variance.is_finite()
                        && answer.upper.is_finite()
                );
                for cell in &answer.cells {
                    let numbers =
                        [cell.bid_price, cell.sold, cell.sold_variance, cell.revenue, cell.revenue_variance];
                    assert!(
                        numbers.iter().all(|number| number.is_finite() && *number >= 0.0),
                        "{family:?} {cell:?}"
                    );
                    assert!(cell.values.iter().all(|value| value.is_finite()));
                    assert!(cell.sold <= 3.0 + 1e-9, "{cell:?}");
                }
            }
        }
    }
}

#[test]
fn occupancy_counts_those_who_come_and_not_a_limit_of_sale() {
    // Half of the rooms may be sold, nobody has booked, nobody asks: the hotel is empty.
    let mut input = tiny([1.0, 0.5, 1.0, 0.5], 0.0);
    let settings = CalendarSettings::default();
    let answer = price_calendar(&input, &settings).unwrap();
    assert!(answer.cells.iter().all(|cell| cell.occupancy == Some(0.0)));
    // Three guests of the low type on the first night: one of them sleeps in the high room.
    input.cells[0].come = 3.0;
    let answer = price_calendar(&input, &settings).unwrap();
    let occupancy: Vec<f64> = answer.cells.iter().map(|cell| cell.occupancy.unwrap()).collect();
    assert_eq!(occupancy, vec![1.0, 1.0, 0.0, 0.0]);
    for come in [-1.0, f64::NAN, f64::INFINITY] {
        input.cells[0].come = come;
        assert!(matches!(price_calendar(&input, &settings), Err(NetworkError::Number { .. })));
    }
}

#[test]
fn rooms_wanted_are_those_sold_before_the_cut() {
    let settings = CalendarSettings::default();
    let few = price_calendar(&tiny([2.0, 1.0, 2.0, 1.0], 0.05), &settings).unwrap();
    assert!(few.cells.iter().all(|cell| cell.sold > 0.0 && (cell.wanted / cell.sold - 1.0).abs() < 0.05));
    let mut input = tiny([2.0, 1.0, 2.0, 1.0], 100.0);
    for cell in &mut input.cells {
        cell.prices.truncate(1);
    }
    let many = expect_calendar(&input, &settings).unwrap();
    // On the second night: half of the first night's requests and all of its own, at the lowest prices.
    let share = input.cells[0].demand[0].response.share(60.0);
    assert!((many.cells[2].wanted - share * (50.0 + 70.0)).abs() < 1e-9, "{}", many.cells[2].wanted);
    assert!(many.cells[2].sold <= 2.0 + 1e-9);
    assert!(many.cells.iter().all(|cell| cell.wanted >= cell.sold));
}

#[test]
fn stays_shorter_than_the_minimum_are_lost() {
    let settings = CalendarSettings::default();
    let at = |minimum: usize| {
        let mut input = tiny([2.0, 1.0, 2.0, 1.0], 0.5);
        for cell in &mut input.cells {
            cell.minimum_nights = minimum;
            cell.prices.truncate(1);
        }
        expect_calendar(&input, &settings).unwrap()
    };
    let (free, two, three) = (at(1), at(2), at(3));
    let share = tiny([2.0; 4], 0.5).cells[0].demand[0].response.share(60.0);
    assert!((free.cells[0].wanted - 0.5 * share).abs() < 1e-9);
    // Half of the requests of each night are for two nights. Those of the last night go on after the calendar's end.
    assert!((two.cells[0].wanted - 0.25 * share).abs() < 1e-9);
    assert!((two.cells[2].wanted - (0.25 + 0.175) * share).abs() < 1e-9, "{}", two.cells[2].wanted);
    assert!(three.cells.iter().all(|cell| cell.wanted == 0.0 && cell.price.is_none()));
    assert!(at(730).revenue == 0.0);
    for minimum in [0, 731, usize::MAX] {
        let mut input = tiny([2.0; 4], 1.0);
        input.cells[3].minimum_nights = minimum;
        assert!(matches!(price_calendar(&input, &settings), Err(NetworkError::Size { .. })));
    }
}

#[test]
fn an_odd_cheap_cell_does_not_refuse_the_calendar() {
    let settings = CalendarSettings::default();
    let steep = |location| Response { family: Family::Power, location, scale: 3.0 };
    // A bed for 1 beside rooms that cost thousands of times as much.
    let mut input = tiny([2.0, 1.0, 2.0, 1.0], 1.0);
    for (place, cell) in input.cells.iter_mut().enumerate() {
        let usual = if place % 2 == 0 { 1.0 } else { 9e4 };
        cell.prices = vec![usual, 1.2 * usual, 2.0 * usual];
        cell.demand[0].response = steep(usual);
    }
    let beside = price_calendar(&input, &settings).unwrap();
    assert!(beside.cells.iter().all(|cell| cell.price.is_some()));
    // One night of the dear type that was once offered for 1: its share is cut, its price is not the odd one.
    input.cells[1].prices.insert(0, 1.0);
    let odd = price_calendar(&input, &settings).unwrap();
    assert!(odd.cells[1].price.unwrap() > 0 && odd.revenue.is_finite() && odd.upper >= 0.0);
    // The only price of a night: everybody who can comes, and the rooms are sold.
    for cell in &mut input.cells {
        cell.prices.truncate(1);
    }
    let only = expect_calendar(&input, &settings).unwrap();
    assert!(only.cells[1].sold > 0.9 && only.cells[1].sold <= 1.0 && only.cells[1].wanted.is_finite());
}

#[test]
fn expected_at_chosen_prices_is_what_the_search_says_of_them() {
    let mut input = tiny([2.0, 0.5, 1.0, 1.0], 4.0);
    assert!(matches!(
        expect_calendar(&input, &CalendarSettings::default()),
        Err(NetworkError::Shape { what: "prices", found: 5, expected: 1 })
    ));
    for cell in &mut input.cells {
        cell.prices = vec![cell.prices[2]];
        cell.come = 0.7;
    }
    let searched = price_calendar(&input, &CalendarSettings::default()).unwrap();
    let expected = expect_calendar(&input, &CalendarSettings::default()).unwrap();
    for (one, other) in searched.cells.iter().zip(&expected.cells) {
        let numbers = |cell: &CellAnswer| {
            [cell.sold, cell.sold_variance, cell.wanted, cell.revenue, cell.revenue_variance]
        };
        assert_eq!((numbers(one), one.occupancy, one.price), (numbers(other), other.occupancy, other.price));
        assert!(other.bid_price == 0.0 && other.values.is_empty());
    }
    assert_eq!((searched.revenue, searched.profit), (expected.revenue, expected.profit));
    assert!(expected.upper >= expected.profit);
}

/// A hotel with many types whose rooms are all short.
fn wide(nights: usize, room_types: usize) -> CalendarInput {
    let cell = |place: usize| {
        let kind = (place % room_types) as f64;
        CalendarCell {
            rooms: 5,
            rooms_left: 5.0,
            come: 0.0,
            minimum_nights: 1,
            night_cost: 5.0,
            demand: vec![Demand {
                requests: vec![1.0, 1.5, 2.0],
                response: logit(90.0 + 3.0 * kind, 15.0),
                show_probability: 0.95,
            }],
            prices: (0..40).map(|step| 40.0 + 3.0 * kind + 5.0 * f64::from(step)).collect(),
        }
    };
    CalendarInput {
        nights,
        room_types,
        cells: (0..nights * room_types).map(cell).collect(),
        stay_lengths: vec![0.3, 0.3, 0.2, 0.1, 0.1],
    }
}

#[test]
fn many_room_types_are_solved_as_well_as_few() {
    let fluid = CalendarSettings { passes: 0, ..CalendarSettings::default() };
    for (nights, types) in [(64, 4), (16, 16), (4, 64)] {
        let answer = price_calendar(&wide(nights, types), &fluid).unwrap();
        assert!(answer.fluid_gap < 0.03, "{types}: {}", answer.fluid_gap);
    }
    let mut input = wide(400, 1);
    (input.nights, input.room_types) = (400, 51);
    let refused = price_calendar(&input, &CalendarSettings::default());
    assert!(matches!(refused, Err(NetworkError::Size { what: "cells", count: 20_400, .. })));
}

#[test]
fn a_dear_night_far_away_does_not_blur_the_worth_of_a_cheap_room() {
    let (scale, rate) = (20.0, 6.0);
    let cell = |factor: f64| CalendarCell {
        rooms: 1,
        rooms_left: 1.0,
        come: 0.0,
        minimum_nights: 1,
        night_cost: 0.0,
        demand: vec![Demand {
            requests: vec![rate],
            response: Response { family: Family::LogLinear, location: 0.0, scale: scale * factor },
            show_probability: 1.0,
        }],
        prices: (1..=200).map(|price| factor * f64::from(price)).collect(),
    };
    let input = CalendarInput {
        nights: 2,
        room_types: 1,
        cells: vec![cell(1.0), cell(1e4)],
        stay_lengths: vec![1.0],
    };
    let answer = price_calendar(&input, &CalendarSettings::default()).unwrap();
    for (cell, factor) in answer.cells.iter().zip([1.0, 1e4]) {
        let worth = factor * scale * (1.0 + rate / std::f64::consts::E).ln();
        assert!((cell.bid_price / worth - 1.0).abs() < 0.05, "{} {worth}", cell.bid_price);
    }
}
