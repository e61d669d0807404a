//! The learning curve as a picture.

use innkeeper_heads::LearningCurve;
use plotters::prelude::*;

/// The plot could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("the curve could not be drawn: {0}")]
pub struct PlotError(String);

const SIZE: (u32, u32) = (720, 420);
/// One colour a curve, told apart by the colour-blind too (Wong, *Points of view: Color blindness*, 2011).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

/// Error against corrected pictures, one line a curve, as SVG. The bars reach one standard deviation over the draws.
///
/// # Errors
/// [`PlotError`] when there is no point to draw.
pub fn curve_svg(curves: &[LearningCurve], title: &str) -> Result<String, PlotError> {
    let points = || curves.iter().flat_map(|c| &c.points);
    let most = points().map(|p| p.corrected).max().ok_or_else(|| PlotError("it has no point".to_owned()))?;
    let high = points().map(|p| p.error.mean + p.error.deviation).fold(0.05, f64::max).min(1.0);
    let mut svg = String::new();
    draw(curves, title, most.max(1), high, &mut svg).map_err(|e| PlotError(e.to_string()))?;
    Ok(svg)
}

fn draw(
    curves: &[LearningCurve],
    title: &str,
    most: usize,
    high: f64,
    svg: &mut String,
) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let right = most as f64 * 1.05;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..right, 0.0..high * 1.1)?;
    chart
        .configure_mesh()
        .x_desc("corrected pictures")
        .y_desc("error on other rooms")
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{:.0} %", y * 100.0))
        .draw()?;
    for (curve, colour) in curves.iter().zip(COLOURS.iter().cycle()) {
        let line = curve.points.iter().map(|p| (p.corrected as f64, p.error.mean));
        chart
            .draw_series(LineSeries::new(line, colour.stroke_width(2)))?
            .label(format!("{}, {}", curve.label, curve.source))
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart.draw_series(curve.points.iter().map(|p| {
            let (x, mean, away) = (p.corrected as f64, p.error.mean, p.error.deviation);
            PathElement::new(vec![(x, (mean - away).max(0.0)), (x, mean + away)], colour.stroke_width(1))
        }))?;
        chart.draw_series(
            curve.points.iter().map(|p| Circle::new((p.corrected as f64, p.error.mean), 3, colour.filled())),
        )?;
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.3)).draw()?;
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use innkeeper_heads::{CurvePoint, Spread};

    use super::*;

    fn curve(source: &str, errors: &[(usize, f64)]) -> LearningCurve {
        let flat = |mean| Spread { mean, deviation: 0.02, least: mean, most: mean };
        let point = |(corrected, error): &(usize, f64)| CurvePoint {
            corrected: *corrected,
            error: flat(*error),
            log_loss: flat(0.5),
            auc: None,
        };
        LearningCurve {
            label: "messy".into(),
            source: source.into(),
            seed_examples: 80,
            own_examples: 74,
            repeats: 20,
            points: errors.iter().map(point).collect(),
            reasons: Vec::new(),
        }
    }

    #[test]
    fn the_plot_shows_every_point_and_cannot_be_broken_by_a_name() {
        let svg = curve_svg(&[curve("<script>\"&", &[(0, 0.2), (10, 0.15), (30, 0.1)])], "a < b").unwrap();
        assert_eq!(svg.matches("<circle").count(), 3, "{svg}");
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        assert!(!svg.contains("<script>"));
    }

    #[test]
    fn a_curve_without_points_is_no_picture() {
        assert!(curve_svg(&[], "nothing").is_err());
        assert!(curve_svg(&[curve("hotel", &[])], "nothing").is_err());
        assert!(curve_svg(&[curve("hotel", &[(0, 0.0)])], "one").is_ok());
    }
}
