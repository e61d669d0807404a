//! The reference as the photo's camera would have seen it: warped to the photo's frame, in the photo's light.

use innkeeper_core::{Picture, PictureError, Resampling};

use super::homography::Homography;
use super::plane::Plane;

/// Added before the logarithm, in grey levels: below it, sensor noise and JPEG rounding outweigh the picture.
const FLOOR: f32 = 16.0;
/// Natural logarithm of the lowest grey level, 8, that tells how two lights differ: below, rounding does.
const DIMMEST: f32 = 2.08;
/// Log ratio at which a pixel is half believed to be the same thing in other light (about 16 %).
const OUTLIER: f32 = 0.15;

/// The reference in the photo's frame.
#[derive(Debug)]
pub(super) struct Aligned {
    /// As large as the working photo; where the reference shows nothing, the photo's own pixels.
    pub picture: Picture,
    /// 1 where the reference shows the photo's pixel, 0 elsewhere.
    pub valid: Plane,
    /// Share of the photo that the reference shows, 0 to 1.
    pub coverage: f32,
}

/// Warps `reference` to the frame of `photo`; `map` takes the photo's pixels to the reference's.
pub(super) fn aligned(
    photo: &Picture,
    reference: &Picture,
    map: &Homography,
) -> Result<Aligned, PictureError> {
    let (w, h) = (photo.width() as usize, photo.height() as usize);
    let (rw, rh) = (reference.width() as usize, reference.height() as usize);
    let source = reference.rgb();
    let mut rgb = photo.rgb().to_vec();
    let mut valid = Plane::filled(w, h, 0.0);
    let mut covered = 0_usize;
    for y in 0..h {
        for x in 0..w {
            let Some((u, v)) = map.apply(x as f64, y as f64) else { continue };
            if !(u >= 0.0 && v >= 0.0 && u <= (rw - 1) as f64 && v <= (rh - 1) as f64) {
                continue;
            }
            let (i, j) = (u as usize, v as usize);
            let (fx, fy) = (u as f32 - i as f32, v as f32 - j as f32);
            let (i1, j1) = ((i + 1).min(rw - 1), (j + 1).min(rh - 1));
            let at = (y * w + x) * 3;
            let [a, b, c, d] = [(i, j), (i1, j), (i, j1), (i1, j1)].map(|(i, j)| (j * rw + i) * 3);
            for k in 0..3 {
                let [a, b, c, d] = [a, b, c, d].map(|at| f32::from(source[at + k]));
                let top = a + (b - a) * fx;
                let bottom = c + (d - c) * fx;
                rgb[at + k] = (top + (bottom - top) * fy + 0.5) as u8;
            }
            valid.values[y * w + x] = 1.0;
            covered += 1;
        }
    }
    let picture = Picture::from_rgb(photo.width(), photo.height(), rgb)?;
    Ok(Aligned { picture, valid, coverage: covered as f32 / (w * h).max(1) as f32 })
}

/// Photo and aligned reference in logarithms, with the difference in light taken out.
#[derive(Debug)]
pub(super) struct InOneLight {
    pub photo: LogColours,
    pub reference: LogColours,
    pub valid: Plane,
}

/// Natural logarithms of grey levels and their ratios.
#[derive(Debug)]
pub(super) struct LogColours {
    pub grey: Plane,
    /// Red over green.
    pub red: Plane,
    /// Blue over green.
    pub blue: Plane,
}

impl LogColours {
    fn new(channels: [Plane; 3]) -> Self {
        let [red, green, blue] = channels;
        let combine = |a: &Plane, b: &Plane, f: fn(f32, f32) -> f32| Plane {
            width: a.width,
            height: a.height,
            values: a.values.iter().zip(&b.values).map(|(a, b)| f(*a, *b)).collect(),
        };
        let outer = combine(&red, &blue, |r, b| 0.25 * (r + b));
        Self {
            grey: combine(&outer, &green, |o, g| o + 0.5 * g),
            red: combine(&red, &green, |r, g| r - g),
            blue: combine(&blue, &green, |b, g| b - g),
        }
    }
}

/// Brings both pictures to at most `side` pixels a side and the reference into the photo's light: a gain and an
/// exponent per channel for the whole frame (brightness, white balance, gamma), then a slowly changing gain
/// (lamps, daylight from a window). Both are fitted to pixels that look alike, so that a changed object keeps
/// its difference. What one picture clips to white or black is clipped in the other too.
pub(super) fn in_one_light(
    photo: &Picture,
    aligned: &Aligned,
    side: u32,
) -> Result<InOneLight, PictureError> {
    let longer = photo.width().max(photo.height()).max(1);
    let scale = f64::from(side.min(longer)) / f64::from(longer);
    let (w, h) = (photo.width(), photo.height());
    let [sw, sh] = [w, h].map(|n| ((f64::from(n) * scale).round() as u32).max(1));
    let small = |picture: &Picture| picture.resized(sw, sh, Resampling::Triangle);
    let (p, r) = (small(photo)?, small(&aligned.picture)?);
    let valid = shrunk_mask(&aligned.valid, sw as usize, sh as usize);
    let (mut ours, mut theirs) = (Vec::with_capacity(3), Vec::with_capacity(3));
    for channel in 0..3 {
        let (p, r) = matched(logarithms(&p, channel), &logarithms(&r, channel), &valid);
        ours.push(p);
        theirs.push(r);
    }
    let three = |planes: Vec<Plane>| <[Plane; 3]>::try_from(planes).ok();
    let (Some(ours), Some(theirs)) = (three(ours), three(theirs)) else {
        return Err(PictureError::Resize("a picture has three channels".to_owned()));
    };
    Ok(InOneLight { photo: LogColours::new(ours), reference: LogColours::new(theirs), valid })
}

/// 1 only where every pixel below was valid.
fn shrunk_mask(valid: &Plane, width: usize, height: usize) -> Plane {
    let mut values = Vec::with_capacity(width * height);
    for y in 0..height {
        let (top, bottom) = (y * valid.height / height, ((y + 1) * valid.height).div_ceil(height));
        for x in 0..width {
            let (left, right) = (x * valid.width / width, ((x + 1) * valid.width).div_ceil(width));
            let whole = (top..bottom).all(|v| (left..right).all(|u| valid.at(u as isize, v as isize) > 0.0));
            values.push(f32::from(u8::from(whole)));
        }
    }
    Plane { width, height, values }
}

fn logarithms(picture: &Picture, channel: usize) -> Plane {
    let table: Vec<f32> = (0..256).map(|v| (v as f32 + FLOOR).ln()).collect();
    let values = picture.rgb().chunks_exact(3).map(|p| table[usize::from(p[channel])]).collect();
    Plane { width: picture.width() as usize, height: picture.height() as usize, values }.smoothed()
}

/// One channel of both pictures, the reference in the photo's light.
fn matched(photo: Plane, reference: &Plane, valid: &Plane) -> (Plane, Plane) {
    let (white, black) = ((254.0 + FLOOR).ln(), (1.0 + FLOOR).ln());
    let inside = |v: f32| v < white && v > black;
    let (gain, offset) = line(&photo, reference, valid, inside);
    let (w, h) = (photo.width, photo.height);
    let relit = |r: &f32| (gain * plain(*r) + offset).exp().min(255.0) + FLOOR;
    let mut lit =
        Plane { width: w, height: h, values: reference.values.iter().map(|r| relit(r).ln()).collect() };
    // The slowly changing rest: a mean of the residual, in which unlike pixels count little.
    let radius = (w.max(h) / 6).max(1);
    let mut field = Plane::filled(w, h, 0.0);
    for _ in 0..2 {
        let (mut weights, mut sums) = (Plane::filled(w, h, 0.0), Plane::filled(w, h, 0.0));
        for i in 0..w * h {
            if valid.values[i] == 0.0 || !inside(photo.values[i]) || !inside(reference.values[i]) {
                continue;
            }
            let residual = photo.values[i] - lit.values[i];
            let off = (residual - field.values[i]) / OUTLIER;
            let weight = 1.0 / (1.0 + off * off);
            weights.values[i] = weight;
            sums.values[i] = weight * residual;
        }
        let (weights, sums) = (weights.averaged(radius), sums.averaged(radius));
        // A prior of no change: where nothing is alike the field stays at zero.
        field.values = sums.values.iter().zip(&weights.values).map(|(s, w)| s / (w + 0.02)).collect();
    }
    let mut clipped = photo;
    for i in 0..w * h {
        lit.values[i] += field.values[i];
        let (seen, told) = (clipped.values[i], reference.values[i]);
        // Clipping hides: what one camera could not see, the other may not bring up.
        if seen >= white {
            lit.values[i] = lit.values[i].min(seen);
        } else if seen <= black {
            lit.values[i] = lit.values[i].max(seen);
        }
        if told >= white {
            clipped.values[i] = clipped.values[i].min(lit.values[i]);
        } else if told <= black {
            clipped.values[i] = clipped.values[i].max(lit.values[i]);
        }
    }
    (clipped, lit)
}

/// The logarithm of a grey level, from that of the level and [`FLOOR`]. An exponent of the grey levels is a factor of
/// this one only.
fn plain(with_floor: f32) -> f32 {
    (with_floor.exp() - FLOOR).max(0.5).ln()
}

/// The line `photo = gain * reference + offset` of plain logarithms through most pixels: least squares, reweighted
/// four times by how far a pixel lies from it.
fn line(photo: &Plane, reference: &Plane, valid: &Plane, inside: impl Fn(f32) -> bool) -> (f32, f32) {
    let pairs: Vec<(f32, f32)> = (0..photo.values.len())
        .step_by(3)
        .map(|i| (photo.values[i], reference.values[i], valid.values[i]))
        .filter(|(p, r, valid)| *valid > 0.0 && inside(*p) && inside(*r))
        .map(|(p, r, _)| (plain(p), plain(r)))
        .filter(|(p, r)| *p > DIMMEST && *r > DIMMEST)
        .collect();
    if pairs.len() < 50 {
        return (1.0, 0.0);
    }
    // The median ratio is where the first weights come from.
    let mut ratios: Vec<f32> = pairs.iter().map(|(p, r)| p - r).collect();
    let middle = ratios.len() / 2;
    let (_, median, _) = ratios.select_nth_unstable_by(middle, f32::total_cmp);
    let (mut gain, mut offset) = (1.0_f32, *median);
    for _ in 0..4 {
        let (mut n, mut sp, mut sr, mut srr, mut spr) = (0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64);
        for (p, r) in &pairs {
            let off = (p - gain * r - offset) / OUTLIER;
            let weight = f64::from(1.0 / (1.0 + off * off));
            let (p, r) = (f64::from(*p), f64::from(*r));
            n += weight;
            sp += weight * p;
            sr += weight * r;
            srr += weight * r * r;
            spr += weight * p * r;
        }
        let spread = srr - sr * sr / n;
        // A picture of one tone cannot tell an exponent from a gain.
        let slope = if spread / n > 0.01 { (spr - sp * sr / n) / spread } else { 1.0 };
        gain = (slope as f32).clamp(0.5, 2.0);
        offset = ((sp - f64::from(gain) * sr) / n) as f32;
    }
    (gain, offset)
}
