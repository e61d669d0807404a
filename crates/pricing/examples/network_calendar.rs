//! Times the pricing of a calendar: `network_calendar [nights] [types] [prices] [segments] [rooms of a type]`.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use innkeeper_pricing::network::{
    CalendarCell, CalendarInput, CalendarSettings, Demand, NetworkError, price_calendar,
};
use innkeeper_pricing::{Family, Response};

fn main() -> Result<(), NetworkError> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<usize>().ok());
    let mut next = |default| numbers.next().flatten().unwrap_or(default);
    let (nights, room_types, prices, segments, rooms) = (next(365), next(5), next(40), next(1), next(20));
    let cells = (0..nights * room_types)
        .map(|cell| {
            let (night, kind) = (cell / room_types, (cell % room_types) as f64);
            let season = 1.0 + 0.5 * (night as f64 * std::f64::consts::TAU / 365.0).sin();
            let weekend = if night % 7 >= 5 { 1.4 } else { 1.0 };
            let demand = |segment: usize| Demand {
                requests: [0.4, 0.3, 0.2, 0.15, 0.1, 0.05]
                    .map(|share| 0.45 * share * rooms as f64 * season * weekend / segments as f64)
                    .to_vec(),
                response: Response {
                    family: Family::Logit,
                    location: 90.0 + 25.0 * kind + 20.0 * segment as f64,
                    scale: 15.0 + 3.0 * kind,
                },
                show_probability: 0.98,
            };
            CalendarCell {
                rooms: rooms as u32,
                rooms_left: rooms as f64 * if night < 30 { 0.5 } else { 0.9 },
                come: rooms as f64 * if night < 30 { 0.5 } else { 0.1 },
                minimum_nights: 1,
                night_cost: 12.0,
                demand: (0..segments).map(demand).collect(),
                prices: (0..prices).map(|step| 40.0 + 15.0 * kind + 4.0 * step as f64).collect(),
            }
        })
        .collect();
    let stay_lengths = vec![0.35, 0.28, 0.15, 0.09, 0.06, 0.03, 0.04];
    let input = CalendarInput { nights, room_types, cells, stay_lengths };
    for passes in 0..5 {
        let settings = CalendarSettings { passes, ..CalendarSettings::default() };
        let start = Instant::now();
        let answer = price_calendar(&input, &settings)?;
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "{passes} passes: {seconds:.3} s, revenue {:.0} ± {:.0}, profit {:.0} of at most {:.0}, fluid gap {:.3} %",
            answer.revenue,
            answer.revenue_variance.sqrt(),
            answer.profit,
            answer.upper,
            100.0 * answer.fluid_gap
        );
    }
    Ok(())
}
