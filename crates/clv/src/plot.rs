//! A holdout as a picture.

use innkeeper_plot::{BLUE as PREDICTED, HEADING, LABEL, SIZE, VERMILION as OBSERVED, escaped};
use plotters::prelude::*;

use crate::evaluation::HoldoutGroup;

/// Draws the transactions of the holdout that were foreseen and those that followed, by repeat purchases in the calibration, as
/// SVG of 960 x 540 with a title and its content in words.
///
/// # Errors
/// [`PlotError`] where there is nothing, or a mean is negative or beyond what can be drawn.
pub fn holdout_svg(title: &str, groups: &[HoldoutGroup]) -> Result<String, PlotError> {
    let (Some(first), Some(last)) =
        (groups.iter().min_by_key(|g| g.frequency), groups.iter().max_by_key(|g| g.frequency))
    else {
        return Err(PlotError::Empty);
    };
    let means = groups.iter().flat_map(|group| [group.predicted, group.observed]);
    if let Some(bad) = means.clone().find(|mean| !(0.0..=1e15).contains(mean)) {
        return Err(PlotError::Value(bad));
    }
    let high = means.fold(0.0, f64::max).max(1e-3) * 1.08;
    let across = f64::from(first.frequency) - 0.3..f64::from(last.frequency) + 0.3;
    let mut svg = String::new();
    let draw = || -> Result<(), DrawingAreaErrorKind<_>> {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let inner = area.titled(title, HEADING)?;
        let mut chart = ChartBuilder::on(&inner)
            .margin(10)
            .x_label_area_size(40)
            .y_label_area_size(64)
            .build_cartesian_2d(across, 0.0..high)?;
        let name = |at: &f64| {
            let group = groups.iter().find(|group| (f64::from(group.frequency) - at).abs() < 1e-6);
            group.map_or_else(String::new, |of| {
                format!("{}{}", of.frequency, if of.and_more { "+" } else { "" })
            })
        };
        chart
            .configure_mesh()
            .label_style(LABEL)
            .light_line_style(TRANSPARENT)
            .x_labels((last.frequency - first.frequency).min(40) as usize + 2)
            .x_desc("repeat purchases before")
            .y_desc("mean transactions after")
            .x_label_formatter(&name)
            .draw()?;
        let at = |of: fn(&HoldoutGroup) -> f64| {
            groups.iter().map(move |group| (f64::from(group.frequency), of(group))).collect::<Vec<_>>()
        };
        let (observed, predicted) = (at(|group| group.observed), at(|group| group.predicted));
        chart
            .draw_series(LineSeries::new(observed.clone(), OBSERVED.stroke_width(2)))?
            .label("observed")
            .legend(|(x, y)| PathElement::new(vec![(x, y), (x + 22, y)], OBSERVED.stroke_width(2)));
        chart.draw_series(observed.into_iter().map(|at| Circle::new(at, 4, OBSERVED.filled())))?;
        chart
            .draw_series(DashedLineSeries::new(predicted.clone(), 6, 4, PREDICTED.stroke_width(2)))?
            .label("predicted")
            .legend(|(x, y)| PathElement::new(vec![(x, y), (x + 10, y)], PREDICTED.stroke_width(2)));
        chart.draw_series(predicted.into_iter().map(|at| TriangleMarker::new(at, 6, PREDICTED.filled())))?;
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .label_font(LABEL)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .draw()?;
        area.present()
    };
    draw().map_err(|error| PlotError::Drawing(error.to_string()))?;
    let words = groups.iter().fold(
        String::from("Mean transactions after, by repeat purchases before:"),
        |words, of| {
            let more = if of.and_more { " and more" } else { "" };
            words
                + &format!(
                    " {}{more}: predicted {:.2}, observed {:.2};",
                    of.frequency, of.predicted, of.observed
                )
        },
    );
    let head = format!(">\n<title>{}</title>\n<desc>{words}</desc>", escaped(title));
    Ok(svg.replacen("<svg ", "<svg role=\"img\" ", 1).replacen('>', &head, 1))
}

/// Why a picture was not drawn.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlotError {
    /// There is nothing to show.
    #[error("there is nothing to draw")]
    Empty,
    /// A mean that is negative, no number, or beyond what can be drawn.
    #[error("{0} cannot be drawn")]
    Value(f64),
    /// The drawing failed.
    #[error("the picture could not be drawn: {0}")]
    Drawing(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(frequency: u32, predicted: f64, observed: f64) -> HoldoutGroup {
        HoldoutGroup { frequency, and_more: frequency == 7, guests: 10, predicted, observed }
    }

    #[test]
    fn both_lines_and_the_words_are_there() {
        let svg =
            holdout_svg("Holdout <of> 1997", &[group(0, 0.2, 0.25), group(3, 1.5, 1.25), group(7, 4.0, 5.0)]);
        let svg = svg.expect("drawn");
        assert!(svg.starts_with("<svg role=\"img\" ") && svg.trim_end().ends_with("</svg>"));
        for part in
            ["<title>Holdout &lt;of&gt; 1997</title>", "7 and more: predicted 4.00, observed 5.00", "7+"]
        {
            assert!(svg.contains(part), "{part}");
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        assert_eq!(holdout_svg("", &[]), Err(PlotError::Empty));
        for bad in [f64::NAN, -1.0, 1e300] {
            assert!(matches!(holdout_svg("", &[group(0, bad, 1.0)]), Err(PlotError::Value(_))));
        }
        assert!(holdout_svg("", &[group(0, 0.0, 0.0)]).is_ok());
    }
}
