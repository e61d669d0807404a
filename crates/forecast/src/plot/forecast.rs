//! A forecast after its history.

use chrono::NaiveDate;
use plotters::coord::Shift;
use plotters::prelude::*;

use innkeeper_plot::{
    BLUE, HEADING, INK, LABEL, Picture, PlotError, VERMILION, date, drawable, number, place, range,
};

/// A forecast day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlotDay {
    /// The day.
    pub date: NaiveDate,
    /// Value.
    pub value: f64,
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
}

/// A forecast with what came before it.
#[derive(Debug, Clone, PartialEq)]
pub struct ForecastPlot {
    /// The title.
    pub title: String,
    /// What is measured, with its unit: `occupied rooms`, `revenue, EUR`.
    pub quantity: String,
    /// Probability that the interval claims.
    pub level: f64,
    /// What was observed, ascending; days may be missing. Days beside the forecast show what then came.
    pub observed: Vec<(NaiveDate, f64)>,
    /// The forecast, ascending.
    pub forecast: Vec<PlotDay>,
    /// What is on the books, ascending; may be empty.
    pub on_the_books: Vec<(NaiveDate, f64)>,
}

impl Picture for ForecastPlot {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self) -> String {
        let (Some(first), Some(last)) = (self.forecast.first(), self.forecast.last()) else {
            return format!("{}: nothing", self.quantity);
        };
        let mean = |value: fn(&PlotDay) -> f64| {
            self.forecast.iter().map(|day| value(day) / self.forecast.len() as f64).sum::<f64>()
        };
        let mut words = format!(
            "Forecast of {} from {} to {}: {} a day on average, with {:.0} % intervals from {} to {} on average. {} observed days before it.",
            self.quantity,
            first.date,
            last.date,
            number(mean(|day| day.value)),
            self.level * 100.0,
            number(mean(|day| day.lower)),
            number(mean(|day| day.upper)),
            self.observed.iter().filter(|(day, _)| *day < first.date).count(),
        );
        if !self.on_the_books.is_empty() {
            words.push_str(" A dashed line shows what is on the books.");
        }
        words
    }

    fn check(&self) -> Result<(), PlotError> {
        if self.forecast.is_empty() {
            return Err(PlotError::Empty);
        }
        for day in &self.forecast {
            for value in [day.value, day.lower, day.upper] {
                drawable(value)?;
            }
        }
        for (_, value) in self.observed.iter().chain(&self.on_the_books) {
            drawable(*value)?;
        }
        let (first, last) = self.span();
        // A century of days: more cannot be told apart, and marks of the axis would take for ever.
        if i64::from(last) - i64::from(first) > 36_525 { Err(PlotError::Days) } else { Ok(()) }
    }

    fn draw<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        area.fill(&WHITE)?;
        let (first, last) = self.span();
        let bounds = self.forecast.iter().flat_map(|day| [day.value, day.lower, day.upper]);
        let lines = self.observed.iter().chain(&self.on_the_books).map(|(_, value)| *value);
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, HEADING)
            .margin(14)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(first..last, range(bounds.chain(lines)))?;
        chart
            .configure_mesh()
            .label_style(LABEL)
            .light_line_style(TRANSPARENT)
            .x_labels(8)
            .y_desc(&self.quantity)
            .x_label_formatter(&|day| date(*day))
            .y_label_formatter(&|value| number(*value))
            .draw()?;
        let upper = self.forecast.iter().map(|day| (place(day.date), day.upper));
        let lower = self.forecast.iter().rev().map(|day| (place(day.date), day.lower));
        let band: Vec<(i32, f64)> = upper.chain(lower).collect();
        chart
            .draw_series(std::iter::once(Polygon::new(band, BLUE.mix(0.22))))?
            .label(format!("{:.0} % interval", self.level * 100.0))
            .legend(|(x, y)| Rectangle::new([(x, y - 5), (x + 22, y + 5)], BLUE.mix(0.22).filled()));
        for run in runs(&self.observed) {
            chart.draw_series(LineSeries::new(run, INK.stroke_width(1)))?;
        }
        if !self.observed.is_empty() {
            chart
                .draw_series(std::iter::empty::<PathElement<(i32, f64)>>())?
                .label("observed")
                .legend(|(x, y)| PathElement::new(vec![(x, y), (x + 22, y)], INK.stroke_width(1)));
        }
        if !self.on_the_books.is_empty() {
            let line = self.on_the_books.iter().map(|(day, value)| (place(*day), *value));
            chart
                .draw_series(DashedLineSeries::new(line, 6, 4, VERMILION.stroke_width(2)))?
                .label("on the books")
                .legend(|(x, y)| PathElement::new(vec![(x, y), (x + 10, y)], VERMILION.stroke_width(2)));
        }
        let line = self.forecast.iter().map(|day| (place(day.date), day.value));
        chart
            .draw_series(LineSeries::new(line, BLUE.stroke_width(3)))?
            .label("forecast")
            .legend(|(x, y)| PathElement::new(vec![(x, y), (x + 22, y)], BLUE.stroke_width(3)));
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .label_font(LABEL)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .draw()
    }
}

impl ForecastPlot {
    /// First and last day; never the same.
    fn span(&self) -> (i32, i32) {
        let days = self.forecast.iter().map(|day| day.date);
        let lines = self.observed.iter().chain(&self.on_the_books).map(|(day, _)| *day);
        let span = days.chain(lines).map(place).fold(None, |span: Option<(i32, i32)>, day| {
            Some(span.map_or((day, day), |(first, last)| (first.min(day), last.max(day))))
        });
        let (first, last) = span.unwrap_or((0, 1));
        (first, last.max(first.saturating_add(1)))
    }
}

/// Days in a row: a missing day breaks the line.
fn runs(days: &[(NaiveDate, f64)]) -> Vec<Vec<(i32, f64)>> {
    let mut runs: Vec<Vec<(i32, f64)>> = Vec::new();
    for (day, value) in days {
        let at = place(*day);
        match runs
            .last_mut()
            .filter(|run| run.last().is_some_and(|(before, _)| before.checked_add(1) == Some(at)))
        {
            Some(run) => run.push((at, *value)),
            None => runs.push(vec![(at, *value)]),
        }
    }
    runs
}
