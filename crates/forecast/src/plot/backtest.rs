//! A back-test: error and coverage by horizon.

use std::fmt::Write;

use plotters::coord::Shift;
use plotters::prelude::*;

use innkeeper_plot::{BLUE, GREEN, HEADING, LABEL, LINES, Picture, PlotError, SIZE, drawable, number, range};

/// Share of the actual values that intervals of one level held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LevelShare {
    /// Probability that was claimed.
    pub level: f64,
    /// Share that was held, 0 to 1.
    pub share: f64,
}

/// What a back-test found at one horizon.
#[derive(Debug, Clone, PartialEq)]
pub struct HorizonPoint {
    /// Days ahead.
    pub horizon: u16,
    /// Mean absolute error.
    pub error: f64,
    /// That of what it is compared with, where there is such a thing.
    pub baseline: Option<f64>,
    /// Coverage by level.
    pub coverage: Vec<LevelShare>,
}

/// Error above, coverage below.
#[derive(Debug, Clone, PartialEq)]
pub struct BacktestPlot {
    /// The title.
    pub title: String,
    /// What the error is measured in: `occupied rooms`, `revenue, EUR`.
    pub quantity: String,
    /// What the forecast is compared with: `seasonal naive`.
    pub baseline: String,
    /// By horizon, ascending.
    pub points: Vec<HorizonPoint>,
}

impl Picture for BacktestPlot {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self) -> String {
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else {
            return format!("Back-test of {}: nothing", self.quantity);
        };
        let mut words = format!(
            "Back-test of {} by horizon: mean absolute error {} at {} days ahead and {} at {}.",
            self.quantity,
            number(first.error),
            first.horizon,
            number(last.error),
            last.horizon,
        );
        for level in self.levels() {
            let shares: Vec<f64> = self.line(level).map(|(_, share)| share).collect();
            let mean = shares.iter().sum::<f64>() / shares.len().max(1) as f64;
            let (claimed, held) = (level * 100.0, mean * 100.0);
            // Writing to a string does not fail.
            let _ = write!(words, " Intervals of {claimed:.0} % held {held:.0} % of the days on average.");
        }
        words
    }

    fn check(&self) -> Result<(), PlotError> {
        if self.points.is_empty() {
            return Err(PlotError::Empty);
        }
        for point in &self.points {
            drawable(point.error)?;
            drawable(point.baseline.unwrap_or(0.0))?;
            for coverage in &point.coverage {
                drawable(coverage.level)?;
                drawable(coverage.share)?;
            }
        }
        Ok(())
    }

    fn draw<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        area.fill(&WHITE)?;
        let area = area.titled(&self.title, HEADING)?;
        let (above, below) = area.split_vertically(SIZE.1 / 2);
        self.errors(&above)?;
        self.coverages(&below)
    }
}

impl BacktestPlot {
    /// Levels that occur, ascending.
    fn levels(&self) -> Vec<f64> {
        let mut levels: Vec<f64> = self.points.iter().flat_map(|p| &p.coverage).map(|c| c.level).collect();
        levels.sort_by(f64::total_cmp);
        levels.dedup();
        levels
    }

    fn line(&self, level: f64) -> impl Iterator<Item = (i32, f64)> + '_ {
        self.points.iter().filter_map(move |point| {
            let of_level = point.coverage.iter().find(|c| c.level.total_cmp(&level).is_eq())?;
            Some((i32::from(point.horizon), of_level.share))
        })
    }

    fn span(&self) -> std::ops::Range<i32> {
        let horizons = || self.points.iter().map(|point| i32::from(point.horizon));
        let (first, last) = (horizons().min().unwrap_or(0), horizons().max().unwrap_or(1));
        first..last.max(first + 1)
    }

    fn errors<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        let errors = self.points.iter().flat_map(|p| [Some(p.error), p.baseline]).flatten();
        let high = range(errors.chain([0.0])).end;
        let mut chart = ChartBuilder::on(area)
            .margin(10)
            .x_label_area_size(24)
            .y_label_area_size(64)
            .build_cartesian_2d(self.span(), 0.0..high)?;
        chart
            .configure_mesh()
            .label_style(LABEL)
            .light_line_style(TRANSPARENT)
            .y_labels(6)
            .y_desc(format!("error, {}", self.quantity))
            .y_label_formatter(&|value| number(*value))
            .draw()?;
        let baseline = self.points.iter().filter_map(|p| Some((i32::from(p.horizon), p.baseline?)));
        let baseline: Vec<_> = baseline.collect();
        if !baseline.is_empty() {
            chart
                .draw_series(DashedLineSeries::new(baseline, 6, 4, GREEN.stroke_width(2)))?
                .label(&self.baseline)
                .legend(|(x, y)| PathElement::new(vec![(x, y), (x + 10, y)], GREEN.stroke_width(2)));
        }
        let line = self.points.iter().map(|p| (i32::from(p.horizon), p.error));
        chart
            .draw_series(LineSeries::new(line, BLUE.stroke_width(3)))?
            .label("mean absolute error")
            .legend(|(x, y)| PathElement::new(vec![(x, y), (x + 22, y)], BLUE.stroke_width(3)));
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .label_font(LABEL)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .draw()
    }

    fn coverages<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        let levels = self.levels();
        let shares = self.points.iter().flat_map(|p| &p.coverage).map(|c| c.share);
        let low = shares.chain(levels.iter().copied()).fold(1.0_f64, f64::min);
        let mut chart = ChartBuilder::on(area)
            .margin(10)
            .x_label_area_size(40)
            .y_label_area_size(64)
            .build_cartesian_2d(self.span(), (low - 0.05).max(0.0)..1.005)?;
        chart
            .configure_mesh()
            .label_style(LABEL)
            .light_line_style(TRANSPARENT)
            .y_labels(6)
            .x_desc("days ahead")
            .y_desc("coverage")
            .y_label_formatter(&|share| format!("{:.0} %", share * 100.0))
            .draw()?;
        let span = self.span();
        for (level, colour) in levels.into_iter().zip(LINES.into_iter().cycle()) {
            let claimed = [(span.start, level), (span.end, level)];
            chart.draw_series(DashedLineSeries::new(claimed, 3, 4, colour.stroke_width(1)))?;
            let points: Vec<(i32, f64)> = self.line(level).collect();
            chart
                .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
                .label(format!("reached, {:.0} % claimed (dashed)", level * 100.0))
                .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 22, y)], colour.stroke_width(2)));
            chart.draw_series(points.into_iter().map(|at| Circle::new(at, 3, colour.filled())))?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::MiddleRight)
            .label_font(LABEL)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .draw()
    }
}
