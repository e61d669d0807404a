//! What goes through the pipes between us and the process that PDFium runs in: headers as JSON behind their length
//! in four bytes, each followed by the bytes that it announces. Whoever reads says how much may come.

use std::io::{self, Read, Write};

use innkeeper_core::{Picture, Rect};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{PdfError, PdfLimits, layer};
use crate::document::Page;
use crate::page::{PageText, Quad, Word};

/// Most bytes of a header that carries no text.
pub(super) const PLAIN: usize = 4 << 10;
/// Most bytes that a character of a page's text takes in its header, if it is a word alone.
const CHARACTER: usize = 256;
/// Most characters of what the other process says went wrong.
const DETAIL: usize = 200;

/// Ours: a file of so many bytes follows.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) limits: PdfLimits,
    pub(super) bytes: usize,
}

/// The other side's.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The library is loaded; a file may come.
    Ready,
    /// The library cannot be loaded; nothing else will come.
    Unloadable(String),
    /// A page; its pixels follow, three bytes each.
    Page(PageHeader),
    /// All pages were given, of so many in the file.
    End { in_file: usize },
    /// The file, and the pages that were given, are no good.
    Refused(Refusal),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PageHeader {
    width: u32,
    height: u32,
    /// The words of each line, where the file says what is written.
    text: Option<Vec<Vec<(String, Rect)>>>,
}

/// What is wrong with a file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Refusal {
    Broken { detail: String },
    Encrypted,
    PageTooLarge { page: usize, width: f32, height: f32 },
}

impl Refusal {
    pub(super) fn into_error(self, limits: &PdfLimits) -> PdfError {
        match self {
            Self::Broken { detail } => PdfError::Broken { detail: shortened(&detail) },
            Self::Encrypted => PdfError::Encrypted,
            Self::PageTooLarge { page, width, height } => {
                PdfError::PageTooLarge { page, width, height, max: limits.max_points }
            }
        }
    }
}

/// The other process may have been taken over; its words go into answers and logs.
pub(super) fn shortened(detail: &str) -> String {
    detail.chars().filter(|c| !c.is_control()).take(DETAIL).collect()
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

pub(super) fn write<T: Serialize>(out: &mut impl Write, header: &T) -> io::Result<()> {
    let json = serde_json::to_vec(header)?;
    let length = u32::try_from(json.len()).map_err(|_| invalid("the header is too long"))?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(&json)
}

/// Reads a header of at most so many bytes.
pub(super) fn read<T: DeserializeOwned>(input: &mut impl Read, most: usize) -> io::Result<T> {
    let mut length = [0; 4];
    input.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > most {
        return Err(invalid("the header is too long"));
    }
    Ok(serde_json::from_slice(&read_bytes(input, length)?)?)
}

/// Reads exactly so many bytes; memory is taken as they come, not as they are announced.
pub(super) fn read_bytes(input: &mut impl Read, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(count as u64).read_to_end(&mut bytes)?;
    if bytes.len() == count { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

pub(super) fn write_page(out: &mut impl Write, page: &Page) -> io::Result<()> {
    let picture = page.picture();
    let words = |text: &PageText| {
        let lines = text.lines.iter();
        lines
            .map(|line| line.words.iter().map(|word| (word.text.clone(), word.quad.bounds())).collect())
            .collect()
    };
    let header =
        PageHeader { width: picture.width(), height: picture.height(), text: page.text().map(words) };
    write(out, &Answer::Page(header))?;
    out.write_all(picture.rgb())
}

/// Most bytes of the header of a page.
pub(super) fn page_header(limits: &PdfLimits) -> usize {
    limits.max_characters.saturating_mul(CHARACTER).saturating_add(PLAIN)
}

/// The page that a header announces: its sizes are believed only within the limits, its words only on the page.
pub(super) fn read_page(input: &mut impl Read, header: PageHeader, limits: &PdfLimits) -> io::Result<Page> {
    let PageHeader { width, height, text } = header;
    if width > limits.max_side || height > limits.max_side {
        return Err(invalid("the page is larger than allowed"));
    }
    let count = usize::try_from(u64::from(width) * u64::from(height) * 3).map_err(io::Error::other)?;
    let picture = Picture::from_rgb(width, height, read_bytes(input, count)?).map_err(io::Error::other)?;
    let Some(lines) = text else { return Ok(Page::Picture(picture)) };
    let word = |(text, area): (String, Rect)| {
        let area = area.clipped(width, height);
        let seen = area.w > 0.0 && area.h > 0.0 && !text.is_empty();
        seen.then(|| Word { quad: Quad::from_rect(&area), text, confidence: 1.0 })
    };
    let lines =
        lines.into_iter().filter_map(|line| layer::joined(line.into_iter().filter_map(word).collect()));
    Ok(Page::Text { text: PageText::upright(width, height, lines.collect()), picture })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(width: u32, height: u32, area: Rect) -> PageHeader {
        PageHeader { width, height, text: Some(vec![vec![("word".to_owned(), area)]]) }
    }

    #[test]
    fn a_length_that_lies_takes_no_memory() {
        let mut sent = u32::MAX.to_le_bytes().to_vec();
        sent.extend(b"{}");
        let read_back = read::<Answer>(&mut sent.as_slice(), PLAIN);
        assert_eq!(read_back.expect_err("too long").kind(), io::ErrorKind::InvalidData);
        assert!(read_bytes(&mut sent.as_slice(), usize::MAX).is_err());
    }

    #[test]
    fn a_page_that_is_larger_than_allowed_or_lacks_pixels_is_no_page() {
        let limits = PdfLimits { max_side: 10, ..PdfLimits::default() };
        let area = Rect { x: 0.0, y: 0.0, w: 1.0, h: 1.0 };
        let sent = [7; 300];
        assert!(read_page(&mut sent.as_slice(), page(10, 10, area), &limits).is_ok());
        assert!(read_page(&mut sent.as_slice(), page(11, 1, area), &limits).is_err());
        assert!(read_page(&mut sent.as_slice(), page(0, 10, area), &limits).is_err());
        assert!(read_page(&mut &sent[1..], page(10, 10, area), &limits).is_err());
    }

    #[test]
    fn words_beside_the_page_are_not_believed() {
        let limits = PdfLimits::default();
        let sent = [7; 300];
        for (x, w, lines) in
            [(-5.0, 100.0, 1), (20.0, 5.0, 0), (f32::INFINITY, f32::INFINITY, 0), (3.0, f32::INFINITY, 1)]
        {
            let area = Rect { x, y: 0.0, w, h: 1.0 };
            let read = read_page(&mut sent.as_slice(), page(10, 10, area), &limits).expect("a page");
            let text = read.text().expect("text");
            assert_eq!(text.lines.len(), lines, "{x}, {w}");
            assert!(text.lines.iter().all(|line| line.quad.0.iter().all(|p| (0.0..=10.0).contains(&p.x))));
        }
    }
}
