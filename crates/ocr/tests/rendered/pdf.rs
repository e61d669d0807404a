//! PDF files (ISO 32000-1), written by hand: as small as they can be, and as broken as a test wants them.

use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;

/// A piece of text on a page: points from the left and from the top, height of the font in points, characters of
/// Windows code page 1252.
#[derive(Clone, Copy)]
pub struct Written<'a> {
    pub x: f32,
    pub top: f32,
    pub size: f32,
    pub text: &'a str,
}

/// Collects numbered objects and writes them with a cross-reference table.
#[derive(Debug, Default, Clone)]
pub struct Writer {
    objects: Vec<Vec<u8>>,
    /// Put into the trailer, as `/Encrypt 5 0 R` is.
    pub trailer: String,
    /// Put into the catalogue, as `/OpenAction << … >>` is.
    pub catalogue: String,
}

impl Writer {
    /// Adds an object and says its number.
    pub fn add(&mut self, body: impl Into<Vec<u8>>) -> usize {
        self.objects.push(body.into());
        self.objects.len()
    }

    /// Adds a stream; `dictionary` without its brackets and `/Length`.
    pub fn stream(&mut self, dictionary: &str, data: &[u8]) -> usize {
        let mut body = format!("<< {dictionary} /Length {} >>\nstream\n", data.len()).into_bytes();
        body.extend_from_slice(data);
        body.extend_from_slice(b"\nendstream");
        self.add(body)
    }

    /// The number that the next object will have.
    pub fn next(&self) -> usize {
        self.objects.len() + 1
    }

    /// The file, with object `root` as its catalogue.
    pub fn file(&self, root: usize) -> Vec<u8> {
        let mut out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
        let mut offsets = Vec::new();
        for (i, body) in self.objects.iter().enumerate() {
            offsets.push(out.len());
            out.extend_from_slice(format!("{} 0 obj\n", i + 1).as_bytes());
            out.extend_from_slice(body);
            out.extend_from_slice(b"\nendobj\n");
        }
        let start = out.len();
        out.extend_from_slice(format!("xref\n0 {}\n0000000000 65535 f \n", offsets.len() + 1).as_bytes());
        for offset in &offsets {
            out.extend_from_slice(format!("{offset:010} 00000 n \n").as_bytes());
        }
        out.extend_from_slice(
            format!(
                "trailer\n<< /Size {} /Root {root} 0 R {} >>\nstartxref\n{start}\n%%EOF\n",
                offsets.len() + 1,
                self.trailer
            )
            .as_bytes(),
        );
        out
    }
}

/// A file whose pages have the given content and size in points; `resources` and `page` are put into the
/// dictionaries of that name as they are.
pub fn file_of(mut writer: Writer, pages: &[(Vec<u8>, f32, f32)], resources: &str, page: &str) -> Vec<u8> {
    let contents: Vec<usize> = pages.iter().map(|(content, ..)| writer.stream("", content)).collect();
    let tree = writer.next() + pages.len();
    let kids: Vec<String> = pages
        .iter()
        .zip(contents)
        .map(|((_, width, height), content)| {
            let number = writer.add(format!(
                "<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 {width} {height}] /Contents {content} 0 R \
                 /Resources << {resources} >> {page} >>"
            ));
            format!("{number} 0 R")
        })
        .collect();
    writer.add(format!("<< /Type /Pages /Count {} /Kids [{}] >>", kids.len(), kids.join(" ")));
    let catalogue = format!("<< /Type /Catalog /Pages {tree} 0 R {} >>", writer.catalogue);
    let root = writer.add(catalogue);
    writer.file(root)
}

/// Draws text. `mode` is 0 for filled letters and 3 for invisible ones, as scanners put below their pictures.
pub fn written(pieces: &[Written], height: f32, mode: u8) -> Vec<u8> {
    let mut content = format!("BT {mode} Tr\n").into_bytes();
    for piece in pieces {
        // The letters of Helvetica reach about three quarters of the font's height above the base line.
        let y = height - piece.top - piece.size * 0.75;
        content.extend_from_slice(format!("/F1 {} Tf 1 0 0 1 {} {y} Tm (", piece.size, piece.x).as_bytes());
        for letter in piece.text.chars() {
            let byte = match letter {
                '€' => 0x80,
                _ => u8::try_from(letter).expect("a letter of code page 1252"),
            };
            if matches!(byte, b'(' | b')' | b'\\') {
                content.push(b'\\');
            }
            content.push(byte);
        }
        content.extend_from_slice(b") Tj\n");
    }
    content.extend_from_slice(b"ET\n");
    content
}

pub const HELVETICA: &str =
    "/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >> >>";

/// A page of A4 with text.
pub fn text_page(pieces: &[Written], mode: u8) -> Vec<u8> {
    text_pages(&[pieces], mode)
}

/// Pages of A4 with text.
pub fn text_pages(pages: &[&[Written]], mode: u8) -> Vec<u8> {
    let pages: Vec<_> = pages.iter().map(|pieces| (written(pieces, 842.0, mode), 595.0, 842.0)).collect();
    file_of(Writer::default(), &pages, HELVETICA, "")
}

/// One page that shows a picture at 150 dots per inch; text in `mode` 3 lies below it.
pub fn image_page(pixels: &RgbImage, below: &[Written]) -> Vec<u8> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 90).encode_image(pixels).expect("a JPEG");
    let mut writer = Writer::default();
    let (w, h) = pixels.dimensions();
    let image = writer.stream(
        &format!(
            "/Type /XObject /Subtype /Image /Width {w} /Height {h} /ColorSpace /DeviceRGB /BitsPerComponent 8 \
             /Filter /DCTDecode"
        ),
        &jpeg,
    );
    let (width, height) = (w as f32 * 72.0 / 150.0, h as f32 * 72.0 / 150.0);
    let mut content = written(below, height, 3);
    content.extend_from_slice(format!("q {width} 0 0 {height} 0 0 cm /Im1 Do Q\n").as_bytes());
    let resources = format!("{HELVETICA} /XObject << /Im1 {image} 0 R >>");
    file_of(writer, &[(content, width, height)], &resources, "")
}
