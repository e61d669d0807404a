use chrono::{Days, NaiveDate};
use innkeeper_plot::{BLUE, GREEN, INK, SIZE, VERMILION};
use plotters::style::{BLACK, RGBColor};

use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn forecast() -> ForecastPlot {
    let start = day("2026-02-20");
    let at = |days: u64| start + Days::new(days);
    ForecastPlot {
        title: "Hotel <Café> & \"Sons\"".into(),
        quantity: "occupied rooms".into(),
        level: 0.8,
        observed: (0..60).filter(|d| *d != 30).map(|d| (at(d), 50.0 + (d % 7) as f64 * 3.0)).collect(),
        forecast: (60..88)
            .map(|d| PlotDay { date: at(d), value: 60.0, lower: 50.0 - d as f64 / 10.0, upper: 70.0 })
            .collect(),
        on_the_books: (60..88).map(|d| (at(d), 40.0 - (d - 60) as f64)).collect(),
    }
}

fn backtest() -> BacktestPlot {
    let point = |horizon: u16| HorizonPoint {
        horizon,
        error: 4.0 + f64::from(horizon) / 7.0,
        baseline: Some(9.0),
        coverage: vec![LevelShare { level: 0.8, share: 0.79 }, LevelShare { level: 0.95, share: 0.96 }],
    };
    BacktestPlot {
        title: "Back-test".into(),
        quantity: "rooms".into(),
        baseline: "seasonal naive".into(),
        points: (1..=28).map(point).collect(),
    }
}

/// Pixels of a colour, near enough: lines are smoothed.
fn pixels(png: &[u8], colour: RGBColor) -> usize {
    let picture = image::load_from_memory(png).unwrap().to_rgb8();
    assert_eq!(picture.dimensions(), SIZE);
    let near = |a: u8, b: u8| a.abs_diff(b) < 12;
    picture.pixels().filter(|p| near(p[0], colour.0) && near(p[1], colour.1) && near(p[2], colour.2)).count()
}

#[test]
fn a_title_cannot_break_the_picture_and_its_words_come_with_it() {
    let svg = forecast().svg().unwrap();
    assert!(svg.starts_with("<svg role=\"img\" ") && svg.trim_end().ends_with("</svg>"));
    assert!(svg.contains("<title>Hotel &lt;Café&gt; &amp; &quot;Sons&quot;</title>"));
    assert!(svg.contains("<desc>Forecast of occupied rooms from 2026-04-21 to 2026-05-18"), "{svg}");
    assert!(!svg.contains("<Café>"));
    for word in ["80 % interval", "observed", "on the books", "forecast"] {
        assert!(svg.contains(word), "{word}");
    }
    assert!(backtest().svg().unwrap().contains("Intervals of 80 % held 79 % of the days on average."));
}

#[test]
fn the_png_shows_the_forecast_the_history_and_what_is_on_the_books() {
    let png = forecast().png().unwrap();
    for colour in [BLUE, INK, VERMILION] {
        assert!(pixels(&png, colour) > 100, "{colour:?}");
    }
    let mut without = forecast();
    without.on_the_books.clear();
    assert!(pixels(&without.png().unwrap(), VERMILION) < 10);
    let png = backtest().png().unwrap();
    assert!(pixels(&png, BLUE) > 100 && pixels(&png, GREEN) > 50);
}

#[test]
fn letters_are_drawn_without_fonts_of_the_system() {
    let mut long = forecast();
    long.title = "W".repeat(60);
    let mut short = forecast();
    short.title = "i".into();
    assert!(pixels(&long.png().unwrap(), BLACK) > pixels(&short.png().unwrap(), BLACK) + 1_000);
    // Letters that the font lacks do not end the program.
    long.title = "ホテル\u{0}\n😀".into();
    assert!(long.png().is_ok() && long.svg().is_ok());
}

#[test]
fn the_same_numbers_give_the_same_bytes() {
    assert_eq!(forecast().png().unwrap(), forecast().png().unwrap());
    assert_eq!(forecast().svg().unwrap(), forecast().svg().unwrap());
    assert_eq!(backtest().png().unwrap(), backtest().png().unwrap());
}

#[test]
fn what_cannot_be_drawn_is_refused_and_what_is_odd_is_drawn() {
    for bad in [f64::NAN, f64::INFINITY, 1e300] {
        let mut plot = forecast();
        plot.forecast[3].upper = bad;
        assert!(matches!(plot.png(), Err(PlotError::Value(_))));
        let mut plot = backtest();
        plot.points[0].baseline = Some(bad);
        assert!(matches!(plot.svg(), Err(PlotError::Value(_))));
    }
    let nothing = ForecastPlot { forecast: Vec::new(), ..forecast() };
    assert_eq!(nothing.svg(), Err(PlotError::Empty));
    assert_eq!(BacktestPlot { points: Vec::new(), ..backtest() }.png(), Err(PlotError::Empty));
    let mut ages = forecast();
    ages.observed.insert(0, (day("1700-01-01"), 1.0));
    assert_eq!(ages.png(), Err(PlotError::Days));
    let zero = PlotDay { date: day("2026-01-01"), value: 0.0, lower: 0.0, upper: 0.0 };
    let flat =
        ForecastPlot { forecast: vec![zero], observed: Vec::new(), on_the_books: Vec::new(), ..forecast() };
    assert!(flat.png().is_ok() && flat.svg().is_ok());
    let below = PlotDay { value: -5.0, lower: -9.0, upper: -1.0, ..zero };
    assert!(ForecastPlot { forecast: vec![below], ..flat }.png().is_ok());
    let mut single = backtest();
    single.points.truncate(1);
    single.points[0].error = 0.0;
    assert!(single.png().is_ok() && single.svg().is_ok());
}
