//! Policies beside each other as a picture.

use std::fmt::Write;

use innkeeper_plot::{HEADING, INK, LABEL, LINES, Picture, PlotError, drawable};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::Evaluated;

/// What policies bring, by scenario: a line from low to high, a dot for the mean.
#[derive(Debug, Clone, PartialEq)]
pub struct PoliciesPlot {
    title: String,
    /// What is drawn, and what the line is.
    axis: String,
    scenarios: Vec<String>,
    /// Policy, and for each scenario its lowest, mean and highest share. The best is last, for rows go upwards.
    policies: Vec<(String, Vec<[f64; 3]>)>,
}

impl PoliciesPlot {
    /// Policies with their lowest, mean and highest figure, one a scenario. The best is drawn on top and told first.
    pub fn new(
        title: String,
        axis: String,
        scenarios: Vec<String>,
        mut policies: Vec<(String, Vec<[f64; 3]>)>,
    ) -> Self {
        let mean = |figures: &[[f64; 3]]| figures.iter().map(|[_, mean, _]| mean).sum::<f64>();
        policies.sort_by(|(_, left), (_, right)| mean(left).total_cmp(&mean(right)));
        Self { title, axis, scenarios, policies }
    }

    /// The picture of what was evaluated.
    pub fn of(found: &[Evaluated]) -> Self {
        let scenarios: Vec<String> = found.iter().map(|one| one.scenario.clone()).collect();
        let names =
            found.first().map(|one| one.policies.keys().copied().collect::<Vec<_>>()).unwrap_or_default();
        let spread = |name: &str| {
            let each = found.iter().filter_map(|one| one.policies.get(name));
            each.map(|figures| {
                let highest = figures.shares.iter().copied().fold(figures.share_of_optimum, f64::max);
                [figures.worst_seed_share, figures.share_of_optimum, highest]
            })
            .collect::<Vec<_>>()
        };
        let policies = names.iter().map(|name| (name.replace('_', " "), spread(name))).collect();
        let axis = "share of the optimum; a line from the worst seed to the best".to_owned();
        Self::new("Profit as a share of the optimum".to_owned(), axis, scenarios, policies)
    }
}

impl Picture for PoliciesPlot {
    fn title(&self) -> &str {
        &self.title
    }

    fn description(&self) -> String {
        let mut words = format!("{}: {}.", self.title, self.axis);
        for (name, figures) in self.policies.iter().rev() {
            for (scenario, [low, mean, high]) in self.scenarios.iter().zip(figures) {
                let _ = write!(words, " {name} in {scenario}: {mean:.3} ({low:.3} to {high:.3}).");
            }
        }
        words
    }

    fn check(&self) -> Result<(), PlotError> {
        if self.policies.iter().all(|(_, shares)| shares.is_empty()) {
            return Err(PlotError::Empty);
        }
        let numbers = self.policies.iter().flat_map(|(_, shares)| shares.iter().flatten());
        numbers.copied().try_for_each(|value| drawable(value).map(drop))
    }

    fn draw<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        area.fill(&WHITE)?;
        let lowest = self.policies.iter().flat_map(|(_, shares)| shares.iter().map(|[worst, ..]| *worst));
        let lowest = (lowest.fold(1.0_f64, f64::min) * 20.0).floor() / 20.0;
        let highest = self.policies.iter().flat_map(|(_, shares)| shares.iter().map(|[.., best]| *best));
        let highest = highest.fold(1.0_f64, f64::max) + 0.005;
        let count = self.policies.len() as f64;
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, HEADING)
            .margin(14)
            .x_label_area_size(38)
            .y_label_area_size(240)
            .build_cartesian_2d(lowest.min(0.95)..highest, 0.0..count)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .x_desc(&self.axis)
            .label_style(LABEL)
            .axis_desc_style(LABEL)
            .draw()?;
        let lanes = self.scenarios.len().max(1) as f64 + 1.0;
        for (scenario, (name, colour)) in self.scenarios.iter().zip(LINES.into_iter().cycle()).enumerate() {
            let at = |row: usize| row as f64 + (scenario as f64 + 1.0) / lanes;
            let rows = || self.policies.iter().enumerate();
            let found = rows().filter_map(|(row, (_, shares))| Some((at(row), *shares.get(scenario)?)));
            let lines = found.clone().map(|(y, [worst, _, best])| {
                PathElement::new(vec![(worst, y), (best, y)], colour.stroke_width(3))
            });
            chart.draw_series(lines)?;
            chart
                .draw_series(found.map(|(y, [_, mean, _])| Circle::new((mean, y), 5, colour.filled())))?
                .label(name)
                .legend(move |(x, y)| Circle::new((x + 8, y), 5, colour.filled()));
        }
        for (row, (name, _)) in self.policies.iter().enumerate() {
            let (_, y) = chart.backend_coord(&(lowest, row as f64 + 0.5));
            let (left, top) = area.get_base_pixel();
            area.draw_text(name, &LABEL.into_text_style(area).color(&INK), (18 - left, y - 8 - top))?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerLeft)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .label_font(LABEL)
            .draw()
    }
}
