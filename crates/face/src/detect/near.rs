//! How close `YuNet` must look: a small look first, and a close one at each small face.
//!
//! A detector's time goes with the pixels of its canvas. A face that may be recognised has 40 pixels, twice
//! what `YuNet` needs to find it, so a look at half size settles most frames; what it needs more pixels
//! for is the exact place of eyes and mouth, and that only in a square about the face. The numbers come
//! from photographs of LFW set into rooms at 27 to 260 pixels (benches/RESULTS.md).

use std::time::Instant;

use innkeeper_core::{Picture, Rect};
use innkeeper_runtime::{Model, Ticket};

use super::{Canvas, Detection, DetectorSettings, yunet};
use crate::FaceError;

/// The first look shows a picture at half its size or larger.
const LEAST_SCALE: f32 = 0.5;
/// Candidates of the first look from this score on must be confirmed or refused by a closer one.
const DOUBT: f32 = 0.15;
/// A candidate that overlaps a found face by more than this is part of it.
const SAME_FACE: f32 = 0.1;
/// A face whose longer side has fewer canvas pixels is looked at again, for its landmarks.
const COARSE: f32 = 64.0;
/// Longer side of the face in a close look, and side of the canvas.
const CLOSE_FACE: f32 = 96.0;
pub(super) const CLOSE_CANVAS: u32 = 192;
/// Close looks a frame: eight cost as much as one at the whole.
const MOST_CLOSE: usize = 4;
/// Least overlap of a face with itself seen closely.
const SAME_PLACE: f32 = 0.4;

/// What a look found, and the canvas pixels per picture pixel that it found it with.
pub(super) struct Found {
    pub faces: Vec<Detection>,
    pub scale: f32,
}

/// Looks at the small size. `None` when the picture is too large or too small for it, or when a closer
/// look may see what this one only suspects.
pub(super) fn first_look(
    model: &Model,
    picture: &Picture,
    settings: &DetectorSettings,
    ticket: &Ticket,
) -> Result<Option<Found>, FaceError> {
    let scale = settings.first_size as f32 / picture.width().max(picture.height()) as f32;
    if !(LEAST_SCALE..1.0).contains(&scale) {
        return Ok(None);
    }
    let started = Instant::now();
    let canvas = Canvas::fit(picture, settings.first_size)?;
    let seen = yunet::detect(model, &canvas, DOUBT.min(settings.min_score), started, ticket)?;
    let (faces, doubtful): (Vec<_>, Vec<_>) = seen.into_iter().partition(|d| d.score >= settings.min_score);
    let known = |d: &Detection| faces.iter().any(|face| face.rect.iou(&d.rect) > SAME_FACE);
    let coarse = faces.iter().filter(|face| is_coarse(face, scale)).count();
    if coarse > MOST_CLOSE || !doubtful.iter().all(known) {
        return Ok(None);
    }
    Ok(Some(Found { faces, scale: canvas.scale() }))
}

/// Looks again at the largest of the faces that have few pixels on the canvas. One that is not seen again
/// stays as it was.
pub(super) fn close_looks(
    model: &Model,
    picture: &Picture,
    mut found: Found,
    settings: &DetectorSettings,
    ticket: &Ticket,
) -> Result<Vec<Detection>, FaceError> {
    found.faces.sort_by(|a, b| b.rect.area().total_cmp(&a.rect.area()));
    for face in found.faces.iter_mut().filter(|face| is_coarse(face, found.scale)).take(MOST_CLOSE) {
        let started = Instant::now();
        let area = about(&face.rect, picture);
        let canvas = Canvas::close(picture, &area, CLOSE_CANVAS)?;
        let mut seen = yunet::detect(model, &canvas, settings.min_score, started, ticket)?;
        for d in &mut seen {
            d.shift(area.x, area.y);
        }
        let overlap = |d: &Detection| d.rect.iou(&face.rect);
        if let Some(best) = seen.into_iter().max_by(|a, b| overlap(a).total_cmp(&overlap(b)))
            && overlap(&best) > SAME_PLACE
        {
            *face = best;
        }
    }
    Ok(found.faces)
}

fn is_coarse(face: &Detection, scale: f32) -> bool {
    face.rect.w.max(face.rect.h) * scale < COARSE
}

/// The square about a face that a close look shows, whole pixels, moved inside the picture.
fn about(face: &Rect, picture: &Picture) -> Rect {
    let extent = face.w.max(face.h) * CLOSE_CANVAS as f32 / CLOSE_FACE;
    let centre = face.centre();
    let place = |middle: f32, limit: u32| {
        let length = extent.round().clamp(1.0, limit as f32);
        let low = (middle - length / 2.0).round().clamp(0.0, limit as f32 - length);
        (low, length)
    };
    let ((x, w), (y, h)) = (place(centre.x, picture.width()), place(centre.y, picture.height()));
    Rect { x, y, w, h }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_square_of_a_close_look_is_whole_pixels_inside_the_picture_and_holds_the_face() {
        let picture = Picture::from_rgb(320, 90, vec![0; 320 * 90 * 3]).unwrap();
        for face in [
            Rect { x: 100.0, y: 30.0, w: 20.5, h: 30.25 },
            Rect { x: -6.0, y: -9.0, w: 30.0, h: 40.0 },
            Rect { x: 301.5, y: 60.0, w: 30.0, h: 40.0 },
            Rect { x: 10.0, y: 0.0, w: 70.0, h: 90.0 },
        ] {
            let area = about(&face, &picture);
            assert!([area.x, area.y, area.w, area.h].iter().all(|v| v.fract() == 0.0), "{area:?}");
            assert!(area.x >= 0.0 && area.y >= 0.0 && area.right() <= 320.0 && area.bottom() <= 90.0);
            let seen = face.clipped(320, 90);
            assert!(area.x <= seen.x && area.right() >= seen.right(), "{area:?} does not hold {seen:?}");
            assert!(area.y <= seen.y && area.bottom() >= seen.bottom(), "{area:?} does not hold {seen:?}");
            let canvas = Canvas::close(&picture, &area, CLOSE_CANVAS).unwrap();
            assert_eq!((canvas.width(), canvas.height()), (CLOSE_CANVAS, CLOSE_CANVAS));
        }
    }
}
