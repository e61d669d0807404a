//! Bytes somebody sent become what is kept: an upright JPEG without metadata, a thumbnail, a descriptor.

use bytes::Bytes;
use innkeeper_core::{DecodeLimits, Embedding, Picture, Resampling};
use innkeeper_runtime::Ticket;
use innkeeper_visual_search::{PerceptualHash, dominant_colour};
use sha2::{Digest, Sha256};

use crate::config::Images;
use crate::problem::Problem;
use crate::service::Visual;

/// Quality of a thumbnail; small pictures show little of what it loses.
const THUMBNAIL_QUALITY: u8 = 80;

/// A picture ready to be kept.
pub(crate) struct Prepared {
    /// Encoded anew from pixels, so that nothing of EXIF, GPS, IPTC, XMP or thumbnails inside is left.
    pub jpeg: Bytes,
    pub thumbnail: Bytes,
    /// Of the kept picture, in pixels.
    pub width: u32,
    pub height: u32,
    /// Of the bytes that were sent, in hex.
    pub sha256: String,
    pub hash: PerceptualHash,
    pub descriptor: Embedding,
    /// The colour that dominates it, when one does.
    pub colour: Option<&'static str>,
}

/// At most `side` pixels on its longest side.
fn within(picture: &Picture, side: u32) -> Result<Picture, Problem> {
    let longest = picture.width().max(picture.height());
    if longest <= side {
        return Ok(picture.clone());
    }
    let scaled = |s: u32| ((u64::from(s) * u64::from(side) / u64::from(longest)) as u32).max(1);
    Ok(picture.resized(scaled(picture.width()), scaled(picture.height()), Resampling::Area)?)
}

/// Decodes within the limits, turns upright, encodes again and describes. Blocks.
pub(crate) fn prepare(
    visual: &Visual,
    settings: &Images,
    bytes: &[u8],
    ticket: &Ticket,
) -> Result<Prepared, Problem> {
    let picture = Picture::decode(bytes, &settings.limits())?;
    ticket.check()?;
    prepare_picture(visual, settings, &picture, hex::encode(Sha256::digest(bytes)), ticket)
}

/// The same of a picture that is decoded; `sha256` is of the bytes it came from. Blocks.
pub(crate) fn prepare_picture(
    visual: &Visual,
    settings: &Images,
    picture: &Picture,
    sha256: String,
    ticket: &Ticket,
) -> Result<Prepared, Problem> {
    let kept = within(picture, settings.kept_side)?;
    // Described as it is kept: another model must be able to say the same of it later.
    let description = visual.describer.describe(&kept, ticket)?;
    let jpeg = kept.to_jpeg(settings.kept_quality)?.into();
    let thumbnail = within(&kept, settings.thumbnail_side)?.to_jpeg(THUMBNAIL_QUALITY)?.into();
    Ok(Prepared {
        jpeg,
        thumbnail,
        width: kept.width(),
        height: kept.height(),
        sha256,
        hash: description.hash,
        descriptor: description.descriptor,
        colour: dominant_colour(&kept).map(|dominant| dominant.colour.as_str()),
    })
}

/// The descriptor of a picture that nobody keeps. Blocks.
pub(crate) fn describe(
    visual: &Visual,
    limits: &DecodeLimits,
    bytes: &[u8],
    ticket: &Ticket,
) -> Result<Embedding, Problem> {
    let picture = Picture::decode(bytes, limits)?;
    ticket.check()?;
    Ok(visual.describer.describe(&picture, ticket)?.descriptor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_picture_does_not_vanish_when_it_shrinks() {
        let picture = Picture::from_rgb(4000, 2, vec![7; 4000 * 2 * 3]).unwrap();
        let small = within(&picture, 320).unwrap();
        assert_eq!((small.width(), small.height()), (320, 1));
        let same = within(&small, 320).unwrap();
        assert_eq!((same.width(), same.height()), (320, 1));
    }
}
