//! The five landmarks of a face on a grey picture (binary PGM):
//! `cargo run --example landmarks -- shape_predictor_5_face_landmarks.dat face.pgm LEFT TOP RIGHT BOTTOM`.

use std::error::Error;
use std::io::Write;

use innkeeper_convert::dlib::{PixelRect, ShapePredictor};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, picture, rect @ ..] = arguments.as_slice() else {
        return Err("usage: landmarks MODEL PICTURE.pgm LEFT TOP RIGHT BOTTOM".into());
    };
    let predictor = ShapePredictor::read(&std::fs::read(model)?)?;
    let bytes = std::fs::read(picture)?;
    // "P5", width, height and the largest grey level, one space or line end after each, then the pixels.
    let mut fields = bytes.splitn(5, u8::is_ascii_whitespace);
    let mut text = || std::str::from_utf8(fields.next().unwrap_or_default());
    let (kind, width, height, largest) = (text()?, text()?.parse()?, text()?.parse::<usize>()?, text()?);
    let grey = fields.next().unwrap_or_default();
    if kind != "P5" || largest != "255" || width * height != grey.len() {
        return Err("not a binary PGM with 255 grey levels".into());
    }
    let sides = rect.iter().map(|side| side.parse()).collect::<Result<Vec<i64>, _>>()?;
    let [left, top, right, bottom] = sides[..] else { return Err("four sides make a box".into()) };
    let rect = PixelRect { left, top, right, bottom };
    for (x, y) in predictor.predict(|x, y| grey[y * width + x], width, height, rect) {
        writeln!(std::io::stdout(), "{x} {y}")?;
    }
    Ok(())
}
