//! A second recogniser for Vietnamese: the program Tesseract with its data `vie`, where it is installed.
//!
//! The PP-OCR models know the letters of Vietnamese that other languages share, but few of those with two marks. On a page that is Vietnamese by its
//! words and letters, the lines that were found are read once more by Tesseract, and its marks are taken over
//! where both agree on the letters under them. Digits always stay as they were.
//!
//! One process reads all lines of a page, as the pages of one TIFF file that is written to its standard input:
//! nothing of the document comes onto a disk.

use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, bounded};
use innkeeper_core::Picture;
use innkeeper_runtime::Ticket;
use tiff::encoder::{TiffEncoder, colortype::Gray8};

use super::{ReadPage, sampling, vietnamese};
use crate::{OcrError, Quad};

/// The language it is asked for.
const LANGUAGE: &str = "vie";
/// Height in pixels that a line is brought to. Tesseract reads letters of 20 to 50 pixels best.
const LINE_HEIGHT: u32 = 48;
/// Paper around a line, in pixels.
const MARGIN: u32 = 12;
/// A line may be so many times as wide as high; what is wider is not read a second time.
const WIDEST: u32 = 60;
/// Most lines of a page that are read a second time.
const MAX_LINES: usize = 400;
/// Most bytes of an answer.
const MAX_ANSWER: u64 = 8 << 20;
/// How often a request is asked whether it is still wanted while Tesseract works.
const GLANCE: Duration = Duration::from_millis(20);

/// Why Tesseract cannot be used, or gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum TesseractError {
    /// There is no such program.
    #[error("the program tesseract was not found: apt-get install tesseract-ocr tesseract-ocr-vie")]
    NotFound,
    /// The program lacks the data for Vietnamese.
    #[error("{} has no data for Vietnamese: apt-get install tesseract-ocr-vie", program.display())]
    NoVietnamese {
        /// The program.
        program: PathBuf,
    },
    /// The program could not be started, or failed.
    #[error("{} failed: {detail}", program.display())]
    Failed {
        /// The program.
        program: PathBuf,
        /// What went wrong.
        detail: String,
    },
    /// There was no answer in time; the program was stopped.
    #[error("tesseract took longer than {} s", limit.as_secs_f32())]
    TooSlow {
        /// The limit.
        limit: Duration,
    },
}

/// The program Tesseract (Apache-2.0) with the data `vie`, found once.
#[derive(Debug, Clone)]
pub struct Tesseract {
    program: PathBuf,
    limit: Duration,
}

impl Tesseract {
    /// Looks for Tesseract: the program given, or `tesseract` in one of the folders of `PATH`. It must list `vie`
    /// among its languages; `TESSDATA_PREFIX` says where its data lies, as for Tesseract itself.
    ///
    /// # Errors
    /// [`TesseractError`] with the reason why Vietnamese is read by the main recogniser alone.
    pub fn find(program: Option<&Path>) -> Result<Self, TesseractError> {
        let program = match program {
            Some(path) => path.to_owned(),
            None => in_path("tesseract").ok_or(TesseractError::NotFound)?,
        };
        if !program.is_file() {
            return Err(TesseractError::NotFound);
        }
        let found = Self { program, limit: Duration::from_secs(30) };
        let languages =
            found.run(&["--list-langs"], Vec::new(), &Ticket::unlimited()).map_err(|e| match e {
                OcrError::Tesseract(error) => error,
                other => found.failed(other),
            })?;
        if languages.lines().any(|line| line.trim() == LANGUAGE) {
            Ok(found)
        } else {
            Err(TesseractError::NoVietnamese { program: found.program })
        }
    }

    /// The same program with another limit for one page; 30 s where none is set.
    #[must_use]
    pub fn with_limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Reads the lines of a Vietnamese page a second time and corrects their letters; returns how many lines were
    /// changed. Pages in other languages are left alone and start no process. Words and their boxes follow the new
    /// text: a word that was split is split where its letters are, by their number. Confidences stay those of the
    /// main recogniser.
    ///
    /// # Errors
    /// [`OcrError::Tesseract`] when the program fails or is too slow, [`OcrError::Runtime`] when `ticket` is
    /// cancelled or past its deadline. The page is then as it was.
    pub fn improve(&self, page: &mut ReadPage, ticket: &Ticket) -> Result<usize, OcrError> {
        if !vietnamese::is_vietnamese(&page.text) {
            return Ok(0);
        }
        let mut numbers = Vec::new();
        let mut strips = Vec::new();
        for (number, line) in page.text.lines.iter().enumerate() {
            if numbers.len() < MAX_LINES && vietnamese::has_letters(&line.text) {
                if let Some(strip) = strip(&page.picture, &line.quad)? {
                    numbers.push(number);
                    strips.push(strip);
                }
                ticket.check()?;
            }
        }
        if strips.is_empty() {
            return Ok(0);
        }
        let file = tiff(&strips).map_err(|error| self.failed(error))?;
        drop(strips);
        let answer = self.run(&["stdin", "stdout", "-l", LANGUAGE, "--psm", "7", "tsv"], file, ticket)?;
        let mut changed = 0;
        for (place, words) in second_reading(&answer) {
            let line =
                place.checked_sub(1).and_then(|i| numbers.get(i)).and_then(|i| page.text.lines.get_mut(*i));
            if let Some(line) = line {
                changed += usize::from(vietnamese::correct(line, &words));
            }
        }
        Ok(changed)
    }

    /// Runs the program, without a shell and with three variables at most, and returns what it says.
    fn run(&self, arguments: &[&str], input: Vec<u8>, ticket: &Ticket) -> Result<String, OcrError> {
        ticket.check()?;
        let mut command = Command::new(&self.program);
        command.args(arguments).env_clear().env("OMP_THREAD_LIMIT", "1");
        for name in ["PATH", "TESSDATA_PREFIX"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let started = Instant::now();
        let mut child = Running(command.spawn().map_err(|error| self.failed(error))?);
        let (Some(mut stdin), Some(stdout)) = (child.0.stdin.take(), child.0.stdout.take()) else {
            return Err(self.failed("it has no standard input or output").into());
        };
        // Both end when the child does, at the latest when it is killed: its ends of the pipes are then closed.
        std::thread::spawn(move || stdin.write_all(&input));
        let (send, answer) = bounded(1);
        std::thread::spawn(move || {
            let mut said = Vec::new();
            let done = stdout.take(MAX_ANSWER).read_to_end(&mut said).map(|_| said);
            let _ = send.send(done);
        });
        let said = loop {
            match answer.recv_timeout(GLANCE) {
                Ok(said) => break said.map_err(|error| self.failed(error))?,
                Err(RecvTimeoutError::Disconnected) => return Err(self.failed("its answer was lost").into()),
                Err(RecvTimeoutError::Timeout) => {
                    ticket.check()?;
                    if started.elapsed() >= self.limit {
                        return Err(TesseractError::TooSlow { limit: self.limit }.into());
                    }
                }
            }
        };
        // Its output is closed, so it ends by itself or not at all.
        let status = loop {
            if let Some(status) = child.0.try_wait().map_err(|error| self.failed(error))? {
                break status;
            }
            ticket.check()?;
            if started.elapsed() >= self.limit {
                return Err(TesseractError::TooSlow { limit: self.limit }.into());
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        if !status.success() {
            return Err(self.failed(status).into());
        }
        Ok(String::from_utf8_lossy(&said).into_owned())
    }

    fn failed(&self, detail: impl std::fmt::Display) -> TesseractError {
        TesseractError::Failed { program: self.program.clone(), detail: detail.to_string() }
    }
}

/// A child that does not outlive its request.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The first file of this name in the folders of `PATH`.
fn in_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .filter(|folder| folder.is_absolute())
        .map(|f| f.join(name))
        .find(|f| f.is_file())
}

/// A line in grey, [`LINE_HEIGHT`] pixels high, with paper around it.
struct Strip {
    width: u32,
    height: u32,
    grey: Vec<u8>,
}

/// Cuts a line out; `None` when it has no area or is too wide.
fn strip(picture: &Picture, quad: &Quad) -> Result<Option<Strip>, OcrError> {
    let Some(cut) = sampling::cut(picture, quad)? else { return Ok(None) };
    let width = (u64::from(cut.width()) * u64::from(LINE_HEIGHT)).div_ceil(u64::from(cut.height()));
    let Some(width) = u32::try_from(width).ok().filter(|w| *w <= WIDEST * LINE_HEIGHT) else {
        return Ok(None);
    };
    let line = sampling::scaled(&cut, width, LINE_HEIGHT)?;
    // Rec. 601 luma in whole numbers.
    let luma =
        |p: &[u8; 3]| ((299 * u32::from(p[0]) + 587 * u32::from(p[1]) + 114 * u32::from(p[2])) / 1000) as u8;
    let pixels: Vec<u8> = line.rgb().as_chunks::<3>().0.iter().map(luma).collect();
    let mut sorted = pixels.clone();
    sorted.sort_unstable();
    // Most of a line is paper.
    let paper = sorted.get(sorted.len() / 2).copied().unwrap_or(255);
    let (outer, height) = (width + 2 * MARGIN, LINE_HEIGHT + 2 * MARGIN);
    let mut grey = vec![paper; (outer * height) as usize];
    let rows = grey.chunks_exact_mut(outer as usize).skip(MARGIN as usize);
    for (row, from) in rows.zip(pixels.chunks_exact(width as usize)) {
        if let Some(inner) = row.get_mut(MARGIN as usize..(MARGIN + width) as usize) {
            inner.copy_from_slice(from);
        }
    }
    Ok(Some(Strip { width: outer, height, grey }))
}

/// One file, a page a line.
fn tiff(strips: &[Strip]) -> Result<Vec<u8>, tiff::TiffError> {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file)?;
    for strip in strips {
        encoder.write_image::<Gray8>(strip.width, strip.height, &strip.grey)?;
    }
    Ok(file.into_inner())
}

/// The words of each page of an answer in tab-separated values: page counted from 1, words in order. Columns: level
/// (5 is a word), page, block, paragraph, line, word, left, top, width, height, confidence in percent, text.
fn second_reading(answer: &str) -> Vec<(usize, Vec<vietnamese::Guess>)> {
    let mut pages: Vec<(usize, Vec<vietnamese::Guess>)> = Vec::new();
    for row in answer.lines() {
        let columns: Vec<&str> = row.split('\t').collect();
        let [level, page, _, _, _, _, _, _, _, _, confidence, text] = columns.as_slice() else { continue };
        let (Ok(page), Ok(confidence)) = (page.parse(), confidence.parse::<f32>()) else { continue };
        if *level != "5" || !confidence.is_finite() || text.trim().is_empty() {
            continue;
        }
        let guess = vietnamese::Guess { text: text.trim().to_owned(), confidence: confidence / 100.0 };
        match pages.last_mut() {
            Some((number, words)) if *number == page => words.push(guess),
            _ => pages.push((page, vec![guess])),
        }
    }
    pages
}
