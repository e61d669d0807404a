use std::io::Cursor;

use fast_image_resize as fir;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::Rect;

/// What may be decoded. Every limit is checked against the header, before pixels are allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Most encoded bytes.
    pub max_bytes: usize,
    /// Most pixels, width times height.
    pub max_pixels: u64,
    /// Longest side in pixels.
    pub max_side: u32,
}

impl Default for DecodeLimits {
    /// 20 MiB, 50 megapixels, 16,384 pixels a side: above every phone camera of today.
    fn default() -> Self {
        Self { max_bytes: 20 << 20, max_pixels: 50_000_000, max_side: 16_384 }
    }
}

/// The encodings that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureFormat {
    /// JPEG, baseline and progressive; grey, YCbCr, CMYK.
    Jpeg,
    /// PNG, 1 to 16 bits; the first frame of an animation.
    Png,
    /// WebP, lossy and lossless; the first frame of an animation.
    WebP,
    /// Windows bitmap.
    Bmp,
    /// GIF, first frame.
    Gif,
}

impl std::fmt::Display for PictureFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Bmp => "BMP",
            Self::Gif => "GIF",
        })
    }
}

/// Why bytes did not become a picture.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// There are no bytes.
    #[error("the image is empty")]
    Empty,
    /// More bytes than allowed.
    #[error("the image has {bytes} bytes; at most {max} are read")]
    TooManyBytes {
        /// Bytes sent.
        bytes: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// More pixels than allowed.
    #[error(
        "the image is {width} x {height} pixels; at most {max_pixels} pixels and {max_side} a side are read"
    )]
    TooManyPixels {
        /// Width in pixels from the header.
        width: u32,
        /// Height in pixels from the header.
        height: u32,
        /// Pixels allowed.
        max_pixels: u64,
        /// Pixels a side allowed.
        max_side: u32,
    },
    /// Decoding would take more memory than pictures of the allowed size need.
    #[error("decoding the image needs more memory than {max_pixels} pixels do")]
    TooMuchMemory {
        /// Pixels allowed.
        max_pixels: u64,
    },
    /// No known signature.
    #[error("the bytes are not a JPEG, PNG, WebP, BMP or GIF image")]
    UnknownFormat,
    /// A known signature, but the rest cannot be decoded.
    #[error("the {format} image cannot be decoded: {source}")]
    Broken {
        /// The encoding that the signature announced.
        format: PictureFormat,
        /// What the decoder said.
        source: image::ImageError,
    },
    /// A resize or crop asked for something impossible.
    #[error("the picture cannot be resized: {0}")]
    Resize(String),
}

/// Whether the scan of a JPEG ends with its end marker. The decoder fills what a broken connection cut off
/// with grey and says nothing; a face in the grey part would be missed in silence.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xda;
    let mut at = 2;
    // Segments carry their length; thumbnails with end markers of their own are jumped over.
    while let Some(&[0xff, marker]) = bytes.get(at..at + 2) {
        match marker {
            START_OF_SCAN => {
                // Inside a scan 0xff is followed by zero or a restart marker, so this pair ends the picture.
                // Sought from the end, where it is in a whole file.
                return bytes[at..].windows(2).rev().any(|pair| pair == [0xff, 0xd9]);
            }
            0xff => at += 1,
            0x01 | 0xd0..=0xd9 => at += 2,
            _ => match bytes.get(at + 2..at + 4) {
                Some(&[high, low]) => at += 2 + usize::from(u16::from_be_bytes([high, low])),
                _ => return false,
            },
        }
    }
    false
}

fn truncated() -> image::ImageError {
    image::ImageError::IoError(std::io::Error::new(
        std::io::ErrorKind::UnexpectedEof,
        "the file ends in the middle of the picture",
    ))
}

/// How [`Picture::resized`] weighs source pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resampling {
    /// Linear weights; what a detector's input wants.
    Triangle,
    /// The mean of the covered pixels, `INTER_AREA` elsewhere.
    Area,
    /// Cubic convolution with a = -1/2 (Keys, 1981; Catmull-Rom): what Pillow calls bicubic.
    Bicubic,
    /// Windowed sinc of three lobes, for enlarging.
    Lanczos,
}

/// A decoded picture: upright, 8-bit RGB, row by row without padding.
#[derive(Clone)]
pub struct Picture {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({} x {})", self.width, self.height)
    }
}

impl Picture {
    /// Wraps pixels that are already RGB.
    ///
    /// # Errors
    /// [`PictureError::Resize`] when `rgb` does not hold `width * height * 3` bytes or a side is zero.
    pub fn from_rgb(width: u32, height: u32, rgb: Vec<u8>) -> Result<Self, PictureError> {
        if width == 0 || height == 0 || rgb.len() as u64 != u64::from(width) * u64::from(height) * 3 {
            return Err(PictureError::Resize(format!(
                "{} bytes are no {width} x {height} RGB picture",
                rgb.len()
            )));
        }
        Ok(Self { width, height, rgb })
    }

    /// The encoding that the first bytes announce; `None` when it is none of those that are read.
    pub fn format_of(bytes: &[u8]) -> Option<PictureFormat> {
        match image::guess_format(bytes).ok()? {
            ImageFormat::Jpeg => Some(PictureFormat::Jpeg),
            ImageFormat::Png => Some(PictureFormat::Png),
            ImageFormat::WebP => Some(PictureFormat::WebP),
            ImageFormat::Bmp => Some(PictureFormat::Bmp),
            ImageFormat::Gif => Some(PictureFormat::Gif),
            _ => None,
        }
    }

    /// Decodes, applies the EXIF orientation and drops everything but the pixels. The format is taken
    /// from the bytes, never from a name or a content type.
    ///
    /// # Errors
    /// See [`PictureError`]; nothing is allocated for a picture beyond the limits.
    pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<Self, PictureError> {
        if bytes.is_empty() {
            return Err(PictureError::Empty);
        }
        if bytes.len() > limits.max_bytes {
            return Err(PictureError::TooManyBytes { bytes: bytes.len(), max: limits.max_bytes });
        }
        let ours = Self::format_of(bytes).ok_or(PictureError::UnknownFormat)?;
        let format = match ours {
            PictureFormat::Jpeg => ImageFormat::Jpeg,
            PictureFormat::Png => ImageFormat::Png,
            PictureFormat::WebP => ImageFormat::WebP,
            PictureFormat::Bmp => ImageFormat::Bmp,
            PictureFormat::Gif => ImageFormat::Gif,
        };
        let broken = |source| match source {
            image::ImageError::Limits(_) => PictureError::TooMuchMemory { max_pixels: limits.max_pixels },
            source => PictureError::Broken { format: ours, source },
        };
        if ours == PictureFormat::Jpeg && !jpeg_is_whole(bytes) {
            return Err(broken(truncated()));
        }
        // Opening a decoder reads the header only; the limits are set once the header has been judged.
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        reader.no_limits();
        let mut decoder = reader.into_decoder().map_err(broken)?;
        let (width, height) = decoder.dimensions();
        if width.max(height) > limits.max_side || u64::from(width) * u64::from(height) > limits.max_pixels {
            return Err(PictureError::TooManyPixels {
                width,
                height,
                max_pixels: limits.max_pixels,
                max_side: limits.max_side,
            });
        }
        let mut caps = Limits::default();
        // Sixteen bits of four channels is the widest pixel any of the decoders holds.
        caps.max_alloc = Some(limits.max_pixels.saturating_mul(8).saturating_add(64 << 20));
        decoder.set_limits(caps).map_err(broken)?;
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let mut pixels = DynamicImage::from_decoder(decoder).map_err(broken)?;
        pixels.apply_orientation(orientation);
        let pixels = pixels.into_rgb8();
        let (width, height) = pixels.dimensions();
        if width == 0 || height == 0 {
            return Err(PictureError::Empty);
        }
        Ok(Self { width, height, rgb: pixels.into_raw() })
    }

    /// Width in pixels, at least 1.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels, at least 1.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// `width * height * 3` bytes, red first, row by row.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The part inside `area`, rounded outwards to whole pixels and clipped to the picture; `None` when
    /// nothing is left.
    pub fn cropped(&self, area: &Rect) -> Option<Self> {
        let area = area.clipped(self.width, self.height);
        let (x0, y0) = (area.x.floor() as u32, area.y.floor() as u32);
        let x1 = (area.right().ceil() as u32).min(self.width);
        let y1 = (area.bottom().ceil() as u32).min(self.height);
        if x1 <= x0 || y1 <= y0 {
            return None;
        }
        let (width, height) = (x1 - x0, y1 - y0);
        let mut rgb = Vec::with_capacity((width * height * 3) as usize);
        for y in y0..y1 {
            let start = ((y * self.width + x0) * 3) as usize;
            rgb.extend_from_slice(&self.rgb[start..start + (width * 3) as usize]);
        }
        Some(Self { width, height, rgb })
    }

    /// Resizes with an antialiasing filter: shrinking averages over the covered pixels.
    ///
    /// # Errors
    /// [`PictureError::Resize`] when a side is zero.
    pub fn resized(&self, width: u32, height: u32, resampling: Resampling) -> Result<Self, PictureError> {
        if (width, height) == (self.width, self.height) {
            return Ok(self.clone());
        }
        let whole = Rect { x: 0.0, y: 0.0, w: self.width as f32, h: self.height as f32 };
        self.resized_part(&whole, width, height, resampling)
    }

    /// As [`Picture::resized`], for the part of the picture inside `area`, without a copy of that part at
    /// full size.
    ///
    /// # Errors
    /// [`PictureError::Resize`] when a side is zero or the area lies outside the picture.
    pub fn resized_part(
        &self,
        area: &Rect,
        width: u32,
        height: u32,
        resampling: Resampling,
    ) -> Result<Self, PictureError> {
        if width == 0 || height == 0 {
            return Err(PictureError::Resize(format!("{width} x {height} is no size")));
        }
        let say = |e: &dyn std::fmt::Display| PictureError::Resize(e.to_string());
        let source = fir::images::ImageRef::new(self.width, self.height, &self.rgb, fir::PixelType::U8x3)
            .map_err(|e| say(&e))?;
        let mut target = fir::images::Image::new(width, height, fir::PixelType::U8x3);
        let area = area.clipped(self.width, self.height);
        if area.area() <= 0.0 {
            return Err(PictureError::Resize("the part lies outside the picture".to_owned()));
        }
        let [x, y, w, h] = [area.x, area.y, area.w, area.h].map(f64::from);
        let options = fir::ResizeOptions::new().crop(x, y, w, h).resize_alg(fir::ResizeAlg::Convolution(
            match resampling {
                Resampling::Triangle => fir::FilterType::Bilinear,
                Resampling::Area => fir::FilterType::Box,
                Resampling::Bicubic => fir::FilterType::CatmullRom,
                Resampling::Lanczos => fir::FilterType::Lanczos3,
            },
        ));
        fir::Resizer::new().resize(&source, &mut target, &options).map_err(|e| say(&e))?;
        Ok(Self { width, height, rgb: target.into_vec() })
    }

    /// Left and right exchanged.
    pub fn mirrored(&self) -> Self {
        let mut rgb = Vec::with_capacity(self.rgb.len());
        for row in self.rgb.chunks_exact(self.width as usize * 3) {
            rgb.extend(row.chunks_exact(3).rev().flatten());
        }
        Self { width: self.width, height: self.height, rgb }
    }

    /// Encodes as JPEG without any metadata. `quality` is 1 to 100.
    ///
    /// # Errors
    /// [`PictureError::Broken`] when the encoder refuses, which a side above 65,535 pixels makes it do.
    pub fn to_jpeg(&self, quality: u8) -> Result<Vec<u8>, PictureError> {
        let mut out = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, quality.clamp(1, 100))
            .encode(&self.rgb, self.width, self.height, image::ExtendedColorType::Rgb8)
            .map_err(|source| PictureError::Broken { format: PictureFormat::Jpeg, source })?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        image::RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 7]))
            .write_to(&mut out, ImageFormat::Png)
            .expect("a PNG");
        out.into_inner()
    }

    /// The checksum of a PNG chunk (ISO 3309), bit by bit.
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |crc, byte| {
            (0..8)
                .fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
        })
    }

    /// A JPEG whose EXIF block says that the camera was turned by `orientation`.
    fn jpeg_turned(width: u32, height: u32, orientation: u8) -> Vec<u8> {
        let plain = Picture::from_rgb(width, height, vec![90; (width * height * 3) as usize])
            .and_then(|p| p.to_jpeg(90))
            .expect("a JPEG");
        let mut tiff = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        tiff.extend_from_slice(&[orientation, 0, 0, 0, 0, 0, 0, 0]);
        let mut out = plain[..2].to_vec();
        out.extend_from_slice(&[0xff, 0xe1]);
        out.extend_from_slice(&((tiff.len() + 2) as u16).to_be_bytes());
        out.extend_from_slice(&tiff);
        out.extend_from_slice(&plain[2..]);
        out
    }

    #[test]
    fn a_picture_beyond_the_limits_is_refused_before_it_is_decoded() {
        let limits = DecodeLimits { max_pixels: 99, ..DecodeLimits::default() };
        assert!(matches!(
            Picture::decode(&png(10, 10), &limits),
            Err(PictureError::TooManyPixels { width: 10, height: 10, .. })
        ));
        let limits = DecodeLimits { max_bytes: 20, ..DecodeLimits::default() };
        assert!(matches!(Picture::decode(&png(10, 10), &limits), Err(PictureError::TooManyBytes { .. })));
    }

    #[test]
    fn a_header_that_claims_fifty_thousand_pixels_a_side_allocates_nothing() {
        let mut bytes = png(10, 10);
        bytes[16..20].copy_from_slice(&50_000u32.to_be_bytes());
        bytes[20..24].copy_from_slice(&50_000u32.to_be_bytes());
        // The header's checksum is made right again, or it alone would turn the picture away.
        let checksum = crc32(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
        assert!(matches!(
            Picture::decode(&bytes, &DecodeLimits::default()),
            Err(PictureError::TooManyPixels { width: 50_000, height: 50_000, .. })
        ));
        let mut bmp = b"BM".to_vec();
        bmp.extend_from_slice(&[0; 8]);
        bmp.extend_from_slice(&54u32.to_le_bytes());
        bmp.extend_from_slice(&40u32.to_le_bytes());
        bmp.extend_from_slice(&50_000u32.to_le_bytes());
        bmp.extend_from_slice(&50_000u32.to_le_bytes());
        bmp.extend_from_slice(&[1, 0, 24, 0]);
        bmp.extend_from_slice(&[0; 24]);
        assert!(matches!(
            Picture::decode(&bmp, &DecodeLimits::default()),
            Err(PictureError::TooManyPixels { width: 50_000, height: 50_000, .. })
        ));
    }

    #[test]
    fn text_nothing_and_half_a_picture_are_three_different_errors() {
        let limits = DecodeLimits::default();
        assert!(matches!(Picture::decode(b"", &limits), Err(PictureError::Empty)));
        assert!(matches!(Picture::decode(b"hello", &limits), Err(PictureError::UnknownFormat)));
        let whole = png(64, 64);
        assert!(matches!(
            Picture::decode(&whole[..whole.len() / 2], &limits),
            Err(PictureError::Broken { .. })
        ));
        let jpeg = jpeg_turned(300, 200, 1);
        for cut in [30, jpeg.len() / 2, jpeg.len() - 2] {
            assert!(
                matches!(Picture::decode(&jpeg[..cut], &limits), Err(PictureError::Broken { .. })),
                "a JPEG cut at {cut} of {} passed for whole",
                jpeg.len()
            );
        }
        // Phones append films and gain maps behind the picture.
        let mut trailed = jpeg;
        trailed.extend_from_slice(b"more");
        assert!(Picture::decode(&trailed, &limits).is_ok());
    }

    #[test]
    fn a_phone_held_upright_gives_an_upright_picture() {
        let turned = jpeg_turned(40, 20, 6);
        let picture = Picture::decode(&turned, &DecodeLimits::default()).expect("a picture");
        assert_eq!((picture.width(), picture.height()), (20, 40));
        let plain = jpeg_turned(40, 20, 1);
        let picture = Picture::decode(&plain, &DecodeLimits::default()).expect("a picture");
        assert_eq!((picture.width(), picture.height()), (40, 20));
    }

    #[test]
    fn a_mirror_turns_rows_around_and_keeps_colours() {
        let picture =
            Picture::from_rgb(2, 2, vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]).expect("four pixels");
        assert_eq!(picture.mirrored().rgb(), &[4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9]);
    }

    #[test]
    fn a_part_is_resized_as_if_it_had_been_cut_out_first() {
        let picture = Picture::decode(&png(90, 60), &DecodeLimits::default()).expect("a picture");
        let area = Rect { x: 30.0, y: -8.0, w: 40.0, h: 48.0 };
        let cut = picture.cropped(&area).expect("inside").resized(10, 10, Resampling::Area).expect("resized");
        let part = picture.resized_part(&area, 10, 10, Resampling::Area).expect("resized");
        assert_eq!(part.rgb(), cut.rgb());
        let outside = Rect { x: 200.0, y: 0.0, w: 9.0, h: 9.0 };
        assert!(picture.resized_part(&outside, 10, 10, Resampling::Area).is_err());
    }

    #[test]
    fn a_crop_outside_the_picture_is_nothing() {
        let picture = Picture::decode(&png(10, 10), &DecodeLimits::default()).expect("a picture");
        assert!(picture.cropped(&Rect { x: 20.0, y: 0.0, w: 5.0, h: 5.0 }).is_none());
        let part = picture.cropped(&Rect { x: 8.0, y: -3.0, w: 9.0, h: 5.0 }).expect("a corner");
        assert_eq!((part.width(), part.height()), (2, 2));
        assert_eq!(&part.rgb()[..3], &[8, 0, 7]);
    }
}
