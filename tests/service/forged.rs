//! Pictures that no honest program writes, or that few do: made here byte by byte.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat};

/// The picture in a format, as the library writes it.
pub(crate) fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, format).expect("it can be written");
    out.into_inner()
}

/// A JPEG with as little loss as there is.
pub(crate) fn fine_jpeg(picture: &DynamicImage) -> Vec<u8> {
    let mut out = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, 100);
    picture.write_with_encoder(encoder).expect("it can be written");
    out
}

/// A segment of a JPEG with its length.
pub(crate) fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).expect("at most 65,533 bytes");
    [&[0xFF, marker], &length.to_be_bytes()[..], data].concat()
}

/// The JPEG with more segments at its beginning.
pub(crate) fn with_segments(jpeg: &[u8], segments: &[Vec<u8>]) -> Vec<u8> {
    [&jpeg[..2], &segments.concat(), &jpeg[2..]].concat()
}

/// An EXIF segment around a TIFF structure.
pub(crate) fn exif(tiff: &[u8]) -> Vec<u8> {
    segment(0xE1, &[b"Exif\0\0", tiff].concat())
}

/// A little-endian TIFF directory: its entries (tag, type, count, value) and the offset of the next one.
pub(crate) fn tiff(entries: &[(u16, u16, u32, u32)], next: u32) -> Vec<u8> {
    let mut out = b"II*\0\x08\0\0\0".to_vec();
    out.extend(u16::try_from(entries.len()).expect("few").to_le_bytes());
    for (tag, kind, count, value) in entries {
        out.extend(tag.to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend(value.to_le_bytes());
    }
    out.extend(next.to_le_bytes());
    out
}

/// EXIF that only says how the camera was held.
pub(crate) fn orientation(value: u16) -> Vec<u8> {
    exif(&tiff(&[(0x0112, 3, 1, value.into())], 0))
}

/// The picture as a camera held this way stores it: turned, and with the word on how to turn it back.
pub(crate) fn held(picture: &DynamicImage, how: u8) -> Vec<u8> {
    // Quarter turns are each other's inverse, everything else its own.
    let stored = match how {
        6 => 8,
        8 => 6,
        other => other,
    };
    let mut turned = picture.clone();
    turned.apply_orientation(Orientation::from_exif(stored).expect("1 to 8"));
    with_segments(&fine_jpeg(&turned), &[orientation(how.into())])
}

/// A Huffman table whose codes are one of a bit (`0`) and, if asked for, one of two (`10`).
fn huffman(class_and_id: u8, symbols: &[u8]) -> Vec<u8> {
    let mut counts = [0u8; 16];
    for (count, _) in counts.iter_mut().zip(symbols) {
        *count = 1;
    }
    segment(0xC4, &[&[class_and_id], &counts[..], symbols].concat())
}

/// Bits as the bytes of a scan, filled up with ones.
fn scan(mut bits: Vec<bool>) -> Vec<u8> {
    bits.resize(bits.len().next_multiple_of(8), true);
    let byte = |eight: &[bool]| eight.iter().fold(0u8, |byte, bit| byte << 1 | u8::from(*bit));
    bits.chunks(8).map(byte).flat_map(|b| if b == 0xFF { vec![b, 0] } else { vec![b] }).collect()
}

/// A grey JPEG of one colour: the frame marker says which kind of coding, the scans of a progressive one are
/// repeated.
pub(crate) fn flat_jpeg(marker: u8, bits: u8, side: u16, components: u8, scans: usize) -> Vec<u8> {
    let mut frame = vec![bits];
    frame.extend([side.to_be_bytes(), side.to_be_bytes()].concat());
    frame.push(components);
    let mut start = vec![components];
    for id in 1..=components {
        frame.extend([id, 0x11, 0]);
        start.extend([id, 0]);
    }
    let progressive = marker == 0xC2;
    start.extend(if progressive { [0, 0, 0] } else { [0, 63, 0] });
    let blocks = usize::from(side.div_ceil(8)).pow(2) * usize::from(components);
    // A block is "no difference to the one before", then, unless only that is coded here, "nothing else".
    let data = scan(vec![false; if progressive { blocks } else { 2 * blocks }]);
    let mut out = vec![0xFF, 0xD8];
    if components == 4 {
        out.extend(segment(0xEE, b"Adobe\0\x64\0\0\0\0\0"));
    }
    out.extend(segment(0xDB, &[&[0], &[1u8; 64][..]].concat()));
    out.extend(segment(marker, &frame));
    out.extend([huffman(0, &[0]), huffman(0x10, &[0])].concat());
    for _ in 0..scans {
        out.extend(segment(0xDA, &start));
        out.extend(&data);
    }
    out.extend([0xFF, 0xD9]);
    out
}

/// The negative of a picture, as a YCbCr JPEG without subsampling, becomes what printers' programs write: four
/// inks, inverted, of which no black. The fourth has a scan of its own.
pub(crate) fn with_black_ink(jpeg: &[u8]) -> Vec<u8> {
    let mut out = vec![0xFF, 0xD8];
    out.extend(segment(0xEE, b"Adobe\0\x64\0\0\0\0\x02"));
    // A quantisation table of ones for the fourth component.
    out.extend(segment(0xDB, &[&[3], &[1u8; 64][..]].concat()));
    let mut at = 2;
    let mut blocks = 0;
    while jpeg[at + 1] != 0xDA {
        let length = usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        let data = &jpeg[at + 4..at + 2 + length];
        match jpeg[at + 1] {
            0xC0 => {
                let mut frame = data.to_vec();
                let side = |i: usize| usize::from(u16::from_be_bytes([data[i], data[i + 1]])).div_ceil(8);
                blocks = side(1) * side(3);
                frame[5] = 4;
                frame.extend([4, 0x11, 3]);
                out.extend(segment(0xC0, &frame));
            }
            0xE0 => {}
            marker => out.extend(segment(marker, data)),
        }
        at += 2 + length;
    }
    out.extend(&jpeg[at..jpeg.len() - 2]);
    // All of the fourth component is 255, "no ink": 127 above the middle, times 8.
    out.extend([huffman(0, &[0, 10]), huffman(0x10, &[0]), segment(0xDA, &[1, 4, 0, 0, 63, 0])].concat());
    let mut bits = vec![true, false];
    bits.extend((0..10).rev().map(|bit| 1016 >> bit & 1 == 1));
    bits.push(false);
    bits.extend(vec![false; 2 * (blocks - 1)]);
    out.extend(scan(bits));
    out.extend([0xFF, 0xD9]);
    out
}

/// The checksum of a PNG chunk (ISO 3309), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// A PNG chunk with length and checksum.
pub(crate) fn chunk(name: [u8; 4], data: &[u8]) -> Vec<u8> {
    let named = [&name[..], data].concat();
    let length = u32::try_from(data.len()).expect("a small chunk").to_be_bytes();
    [&length[..], &named, &crc32(&named).to_be_bytes()].concat()
}

/// The chunks of a PNG, without the signature.
pub(crate) fn chunks(png: &[u8]) -> Vec<([u8; 4], Vec<u8>)> {
    let mut found = Vec::new();
    let mut at = 8;
    while at < png.len() {
        let length = u32::from_be_bytes(png[at..at + 4].try_into().expect("four bytes")) as usize;
        let name = png[at + 4..at + 8].try_into().expect("four bytes");
        found.push((name, png[at + 8..at + 8 + length].to_vec()));
        at += 12 + length;
    }
    found
}

/// A PNG of these chunks.
pub(crate) fn png(chunks: &[([u8; 4], Vec<u8>)]) -> Vec<u8> {
    let body: Vec<u8> = chunks.iter().flat_map(|(name, data)| chunk(*name, data)).collect();
    [b"\x89PNG\r\n\x1a\n", &body[..]].concat()
}

/// The PNG with these chunks behind its header.
pub(crate) fn with_chunks(whole: &[u8], more: &[([u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut all = chunks(whole);
    all.splice(1..1, more.iter().cloned());
    png(&all)
}

/// The data of a PNG header.
pub(crate) fn png_header(width: u32, height: u32, depth: u8, colour: u8) -> Vec<u8> {
    [&width.to_be_bytes()[..], &height.to_be_bytes(), &[depth, colour, 0, 0, 0]].concat()
}

/// A zlib stream (RFC 1950) that stores its bytes as they are.
pub(crate) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let mut rest = bytes.chunks(65_535).peekable();
    while let Some(block) = rest.next() {
        let length = u16::try_from(block.len()).expect("a short block");
        out.push(u8::from(rest.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    let (a, b) = bytes.iter().fold((1u32, 0u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    out.extend((b << 16 | a).to_be_bytes());
    out
}

/// The picture in grey as a PNG with a palette, some of its colours translucent.
pub(crate) fn palette_png(picture: &DynamicImage) -> Vec<u8> {
    let grey = picture.to_luma8();
    let rows: Vec<u8> = grey.rows().flat_map(|row| std::iter::once(0).chain(row.map(|p| p.0[0]))).collect();
    let palette = (0..=255).flat_map(|i| [i, i, i]).collect();
    png(&[
        (*b"IHDR", png_header(grey.width(), grey.height(), 8, 3)),
        (*b"PLTE", palette),
        (*b"tRNS", vec![200; 100]),
        (*b"IDAT", zlib(&rows)),
        (*b"IEND", vec![]),
    ])
}

/// The PNG as the first frame of an animation whose second frame is a black dot.
pub(crate) fn animated_png(whole: &[u8]) -> Vec<u8> {
    let all = chunks(whole);
    let size = &all[0].1[..8];
    let frame = |number: u32, size: &[u8]| {
        ([&number.to_be_bytes()[..], size, &[0; 8], &[0, 1, 0, 10, 0, 0]].concat(), number)
    };
    let mut out = vec![all[0].clone(), (*b"acTL", [2u32.to_be_bytes(), 0u32.to_be_bytes()].concat())];
    out.push((*b"fcTL", frame(0, size).0));
    out.extend(all.iter().filter(|(name, _)| name == b"IDAT").cloned());
    let one = [1u32.to_be_bytes(), 1u32.to_be_bytes()].concat();
    out.push((*b"fcTL", frame(1, &one).0));
    out.push((*b"fdAT", [&2u32.to_be_bytes()[..], &zlib(&[0, 0, 0, 0])].concat()));
    out.push((*b"IEND", vec![]));
    png(&out)
}

/// A chunk of a WebP file.
fn riff(name: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut out = [&name[..], &u32::try_from(data.len()).expect("small").to_le_bytes(), data].concat();
    if data.len() % 2 == 1 {
        out.push(0);
    }
    out
}

/// Three bytes, least first.
fn three(n: u32) -> Vec<u8> {
    n.to_le_bytes()[..3].to_vec()
}

/// A WebP file of these chunks.
pub(crate) fn webp(chunks: &[Vec<u8>]) -> Vec<u8> {
    riff(*b"RIFF", &[b"WEBP", &chunks.concat()[..]].concat())
}

/// The extended header of a WebP file: flags and the size it claims.
pub(crate) fn webp_header(flags: u8, width: u32, height: u32) -> Vec<u8> {
    riff(*b"VP8X", &[&[flags, 0, 0, 0][..], &three(width - 1), &three(height - 1)].concat())
}

/// The picture as the only frame of an animated WebP, on a canvas of another size if asked for.
pub(crate) fn animated_webp(picture: &DynamicImage, canvas: Option<(u32, u32)>) -> Vec<u8> {
    let (width, height) = (picture.width(), picture.height());
    let still = encoded(picture, ImageFormat::WebP);
    let (canvas_width, canvas_height) = canvas.unwrap_or((width, height));
    let frame =
        [three(0), three(0), three(width - 1), three(height - 1), three(100), vec![2], still[12..].to_vec()];
    webp(&[
        webp_header(0x02, canvas_width, canvas_height),
        riff(*b"ANIM", &[0; 6]),
        riff(*b"ANMF", &frame.concat()),
    ])
}

/// The header of an uncompressed bitmap and nothing behind it.
pub(crate) fn bitmap_header(width: i32, height: i32) -> Vec<u8> {
    let mut out = b"BM\0\0\0\0\0\0\0\0".to_vec();
    out.extend(54u32.to_le_bytes());
    out.extend(40u32.to_le_bytes());
    out.extend(width.to_le_bytes());
    out.extend(height.to_le_bytes());
    out.extend([1, 0, 24, 0]);
    out.extend([0; 24]);
    out
}

/// A GIF that claims a size and has one frame of one pixel.
pub(crate) fn gif(width: u16, height: u16) -> Vec<u8> {
    let mut out = b"GIF89a".to_vec();
    out.extend(width.to_le_bytes());
    out.extend(height.to_le_bytes());
    // Two colours, one frame of one pixel, the end.
    out.extend([0x80, 0, 0, 0, 0, 0, 255, 255, 255]);
    out.extend([b',', 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, b';']);
    out
}

/// The picture as an animated GIF, followed by a black frame.
pub(crate) fn animated_gif(picture: &DynamicImage) -> Vec<u8> {
    let mut out = Vec::new();
    let black = DynamicImage::new_rgba8(picture.width(), picture.height());
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut out);
    let frames = [picture.to_rgba8(), black.to_rgba8()].map(image::Frame::new);
    encoder.encode_frames(frames).expect("it can be written");
    drop(encoder);
    out
}
