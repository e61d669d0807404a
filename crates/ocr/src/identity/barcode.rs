//! Two-dimensional symbols on documents: PDF417, QR, Data Matrix, Aztec.
//!
//! The decoder is `rxing`; this room turns, scales and cleans the picture until the symbol is one that it
//! reads, in a fixed number of attempts.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use innkeeper_core::{Picture, Point, Rect, Resampling};
use innkeeper_runtime::Ticket;
use rxing::common::{GlobalHistogramBinarizer, HybridBinarizer};
use rxing::{
    BarcodeFormat, BinaryBitmap, DecodeHints, Luma8LuminanceSource, MultiFormatReader, RXingResult, Reader,
};

use super::aamva::{self, Licence};
use super::grey::Grey;
use super::vietnam::{self, CitizenCard};
use crate::{OcrError, Quad};

/// A decoded symbol. Its `Debug` shows no text.
#[derive(Clone, PartialEq)]
pub struct Barcode {
    /// Symbology: `PDF417`, `QR`, `DATA_MATRIX` or `AZTEC`.
    pub format: &'static str,
    /// Its text.
    pub text: String,
    /// What the text is.
    pub content: BarcodeContent,
    /// The box round the points that the decoder found it by, in pixels of the picture; it may leave out the
    /// outer bars.
    pub quad: Quad,
}

/// What the text of a symbol is.
#[derive(Clone, Debug, PartialEq)]
pub enum BarcodeContent {
    /// A North American licence or card.
    Aamva(Box<Licence>),
    /// A Vietnamese citizen card.
    Vietnam(Box<CitizenCard>),
    /// Something else.
    Raw,
}

impl std::fmt::Debug for Barcode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Barcode")
            .field("format", &self.format)
            .field("characters", &self.text.chars().count())
            .finish_non_exhaustive()
    }
}

impl Barcode {
    /// `aamva`, `vietnam_citizen_card` or `raw`.
    pub fn kind(&self) -> &'static str {
        match self.content {
            BarcodeContent::Aamva(_) => "aamva",
            BarcodeContent::Vietnam(_) => "vietnam_citizen_card",
            BarcodeContent::Raw => "raw",
        }
    }
}

/// Longest side of what the decoder is given; modules of a symbol on a document are still several pixels wide.
const WORKING_SIDE: u32 = 2000;
/// Enlarging helps only where modules are a pixel or two wide.
const SMALL_SIDE: u32 = 1400;

/// A change to the picture before an attempt.
#[derive(Clone, Copy)]
struct Attempt {
    /// Turn upright by the estimated skew first.
    deskew: bool,
    /// Further turn in degrees, clockwise.
    turn: f32,
    /// Further scale.
    scale: f32,
    treatment: Treatment,
}

#[derive(Clone, Copy, PartialEq)]
enum Treatment {
    None,
    /// Mean over three by three pixels, against noise.
    Smooth,
    /// The difference to the local mean added twice, against blur.
    Sharpen,
    /// One threshold for the whole picture, after stretching its contrast.
    Global,
}

const fn attempt(deskew: bool, turn: f32, scale: f32, treatment: Treatment) -> Attempt {
    Attempt { deskew, turn, scale, treatment }
}

/// From what most pictures need to what few do; the first that decodes ends the search.
const ATTEMPTS: [Attempt; 15] = [
    attempt(false, 0.0, 1.0, Treatment::None),
    attempt(true, 0.0, 1.0, Treatment::None),
    attempt(true, 0.0, 2.0, Treatment::None),
    attempt(true, 0.0, 0.5, Treatment::None),
    attempt(true, 0.0, 1.0, Treatment::Smooth),
    attempt(true, 0.0, 2.0, Treatment::Sharpen),
    attempt(true, 0.0, 1.0, Treatment::Global),
    attempt(true, 2.0, 1.5, Treatment::None),
    attempt(true, -2.0, 1.5, Treatment::None),
    attempt(true, 0.0, 3.0, Treatment::Sharpen),
    attempt(true, 0.0, 2.0, Treatment::Smooth),
    attempt(true, 0.0, 0.7, Treatment::Smooth),
    attempt(true, 0.0, 2.0, Treatment::Global),
    attempt(true, 4.0, 1.5, Treatment::None),
    attempt(true, -4.0, 1.5, Treatment::None),
];

/// Finds and decodes a symbol; `None` when no attempt does.
///
/// # Errors
/// [`OcrError::Picture`] when the picture cannot be scaled, [`OcrError::Runtime`] when the ticket ran out.
pub fn read(picture: &Picture, ticket: &Ticket) -> Result<Option<Barcode>, OcrError> {
    let longest = picture.width().max(picture.height());
    let fit = (WORKING_SIDE as f32 / longest as f32).min(1.0);
    let skew = Grey::of(&scaled(picture, fit.min(1000.0 / longest as f32))?).skew();
    for (at, attempt) in ATTEMPTS.iter().enumerate() {
        ticket.check()?;
        let turn = if attempt.deskew { skew } else { 0.0 } + attempt.turn;
        // Nothing to straighten: the first attempt was this one.
        let repeats = at == 1 && turn.abs() < 0.5;
        let scale = fit * attempt.scale;
        if repeats || (attempt.scale > 1.5 && longest > SMALL_SIDE) {
            continue;
        }
        let grey = Grey::of(&scaled(picture, scale)?);
        let (grey, turned) = if turn.abs() < 0.5 { (grey, None) } else { grey.turned(turn) };
        let grey = match attempt.treatment {
            Treatment::None => grey,
            Treatment::Smooth => grey.smoothed(),
            Treatment::Sharpen => grey.sharpened(),
            Treatment::Global => grey.stretched(),
        };
        let Some(result) = decode(grey, attempt.treatment == Treatment::Global) else { continue };
        let back = |p: &rxing::Point| {
            let p = Point { x: p.x, y: p.y };
            let p = turned.as_ref().map_or(p, |turned| turned.back(p));
            Point { x: p.x / scale, y: p.y / scale }
        };
        return Ok(Some(barcode(&result, back)));
    }
    Ok(None)
}

fn scaled(picture: &Picture, factor: f32) -> Result<Picture, OcrError> {
    let side = |of: u32| ((of as f32 * factor).round() as u32).max(1);
    let resampling = if factor < 1.0 { Resampling::Area } else { Resampling::Lanczos };
    Ok(picture.resized(side(picture.width()), side(picture.height()), resampling)?)
}

fn decode(grey: Grey, global: bool) -> Option<RXingResult> {
    // The decoder indexes arrays by what it measures in the picture; a panic there is a symbol that it
    // cannot read, not the end of the request.
    catch_unwind(AssertUnwindSafe(|| {
        let hints = DecodeHints {
            PossibleFormats: Some(HashSet::from([
                BarcodeFormat::PDF_417,
                BarcodeFormat::QR_CODE,
                BarcodeFormat::DATA_MATRIX,
                BarcodeFormat::AZTEC,
            ])),
            TryHarder: Some(true),
            ..DecodeHints::default()
        };
        let (width, height) = (grey.width, grey.height);
        let source = Luma8LuminanceSource::new(grey.pixels, width, height).ok()?;
        let mut reader = MultiFormatReader::default();
        if global {
            reader
                .decode_with_hints(&mut BinaryBitmap::new(GlobalHistogramBinarizer::new(source)), &hints)
                .ok()
        } else {
            reader.decode_with_hints(&mut BinaryBitmap::new(HybridBinarizer::new(source)), &hints).ok()
        }
    }))
    .ok()
    .flatten()
}

fn barcode(result: &RXingResult, back: impl Fn(&rxing::Point) -> Point) -> Barcode {
    let text = result.getText().to_owned();
    let content = if let Some(licence) = aamva::parse(&text) {
        BarcodeContent::Aamva(Box::new(licence))
    } else if let Some(card) = vietnam::parse(&text) {
        BarcodeContent::Vietnam(Box::new(card))
    } else {
        BarcodeContent::Raw
    };
    let format = match result.getBarcodeFormat() {
        BarcodeFormat::PDF_417 => "PDF417",
        BarcodeFormat::QR_CODE => "QR",
        BarcodeFormat::DATA_MATRIX => "DATA_MATRIX",
        _ => "AZTEC",
    };
    let points: Vec<Point> = result.getPoints().iter().map(back).collect();
    let bounds = points.iter().fold(None, |bounds: Option<Rect>, p| {
        let b = bounds.unwrap_or(Rect { x: p.x, y: p.y, w: 0.0, h: 0.0 });
        Some(Rect::from_corners(b.x.min(p.x), b.y.min(p.y), b.right().max(p.x), b.bottom().max(p.y)))
    });
    Barcode { format, text, content, quad: Quad::from_rect(&bounds.unwrap_or_default()) }
}

#[cfg(test)]
mod tests {
    use rxing::Writer;
    use rxing::pdf417::PDF417Writer;

    use super::*;

    const LICENCE: &str = "@\n\u{1e}\rANSI 636026080102DL00410100ZA01410010DLDAQD12345678\nDCSSAMPLE\nDACJELANI\n\
        DBD01102013\nDBB02011957\nDBA02012018\nDBC1\nDCGUSA\r";

    /// The symbol, its modules some three pixels wide, on white.
    fn printed() -> Picture {
        let matrix = PDF417Writer.encode(LICENCE, &BarcodeFormat::PDF_417, 600, 200).expect("a symbol");
        let (w, h) = (matrix.getWidth(), matrix.getHeight());
        let mut rgb = Vec::new();
        for y in 0..h + 80 {
            for x in 0..w + 80 {
                let dark =
                    (40..w + 40).contains(&x) && (40..h + 40).contains(&y) && matrix.get(x - 40, y - 40);
                rgb.extend([if dark { 20 } else { 245 }; 3]);
            }
        }
        Picture::from_rgb(w + 80, h + 80, rgb).expect("a picture")
    }

    fn turned(picture: &Picture, degrees: f32) -> Picture {
        let grey = Grey::of(picture).turned(degrees).0;
        let rgb = grey.pixels.iter().flat_map(|p| [*p; 3]).collect();
        Picture::from_rgb(grey.width, grey.height, rgb).expect("a picture")
    }

    fn number(picture: &Picture) -> Option<String> {
        match read(picture, &Ticket::unlimited()).expect("an answer")?.content {
            BarcodeContent::Aamva(licence) => licence.document_number,
            _ => None,
        }
    }

    #[test]
    fn a_licence_is_read_at_any_slant() {
        let printed = printed();
        for degrees in [0.0, 5.0, -11.0, 23.0, 90.0, 180.0, 187.0] {
            assert_eq!(
                number(&turned(&printed, degrees)).as_deref(),
                Some("D12345678"),
                "turned by {degrees}"
            );
        }
    }

    #[test]
    fn a_symbol_is_found_where_it_stands() {
        let found =
            read(&turned(&printed(), 8.0), &Ticket::unlimited()).expect("an answer").expect("a symbol");
        let (all, at) = (turned(&printed(), 8.0), found.quad.bounds());
        assert!(at.w > all.width() as f32 * 0.6 && at.right() <= all.width() as f32 + 1.0);
    }

    #[test]
    fn a_picture_without_a_symbol_has_none_and_a_spent_ticket_ends_the_search() {
        let grey = Picture::from_rgb(120, 90, vec![127; 120 * 90 * 3]).expect("a picture");
        assert!(read(&grey, &Ticket::unlimited()).expect("an answer").is_none());
        let ticket = Ticket::unlimited();
        ticket.cancel();
        assert!(matches!(read(&grey, &ticket), Err(OcrError::Runtime(_))));
    }
}
