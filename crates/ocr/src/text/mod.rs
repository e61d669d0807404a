//! The text of a page: where lines stand, which way up, and what they say.

mod angle;
mod characters;
mod contour;
mod ctc;
mod detect;
pub mod evaluation;
mod order;
mod recognise;
mod rectangle;
mod sampling;
mod settings;
mod tesseract;
pub(crate) mod turn;
mod vietnamese;

use std::time::{Duration, Instant};

use innkeeper_core::{Picture, Point};
use innkeeper_runtime::{Model, Ticket};
use serde::{Deserialize, Serialize};

pub use characters::{Alphabet, Characters};
pub use settings::{Padding, TextSettings};
pub use tesseract::{Tesseract, TesseractError};

use crate::{Line, OcrError, PageText, Quad, Word};
use ctc::Choice;
use detect::View;
use recognise::Read;
use turn::{Quarter, Tilt};

/// Height over width from which on a box holds text that runs up or down.
const UPRIGHT_BOX: f32 = 1.5;
/// A tall box up to this many times as high as the page's lines is a single character, not a column of text.
const SINGLE: f32 = 2.2;
/// Lines read with less confidence than this are asked whether they stand on their heads.
const DOUBTFUL: f32 = 0.8;

/// The models that reading text takes.
#[derive(Debug, Clone)]
pub struct TextModels {
    /// PP-OCR text detection: a picture of sides that are multiples of 32, blue first, -1 to 1; out comes a map.
    pub detection: Model,
    /// PP-OCR angle classification of lines; without it pages that stand on their heads are read as they are.
    pub angle: Option<Model>,
    /// PP-OCR text recognition: lines of 48 pixels height; out come probabilities of characters.
    pub recognition: Model,
    /// The characters that the recognition model tells apart ([`Characters::of_model`] of the same file).
    pub characters: Characters,
}

/// Reads text: detection, angle and recognition by PP-OCR models (`PaddleOCR`, Apache-2.0), warm.
#[derive(Debug)]
pub struct TextReader {
    models: TextModels,
    settings: TextSettings,
}

/// A page that was read.
#[derive(Debug, Clone)]
pub struct ReadPage {
    /// Its text, in pixels of `picture`.
    pub text: PageText,
    /// The page, upright, at the resolution it was sent in.
    pub picture: Picture,
}

/// Wall time per stage of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TextTimings {
    /// Bringing the page to size and finding its lines; twice for a page that had to be turned.
    pub detect: Duration,
    /// Asking lines which way up they stand, before and after they were read.
    pub angle: Duration,
    /// Cutting lines out.
    pub crop: Duration,
    /// Reading them.
    pub recognise: Duration,
    /// Turning, setting straight, words and order.
    pub arrange: Duration,
}

/// What stands in one quadrangle. Its `Debug` tells sizes and no text.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The characters, with spaces; empty when nothing was read.
    pub text: String,
    /// Mean probability of the characters, 0 to 1; 0 when nothing was read.
    pub confidence: f32,
    /// Each character of `text`.
    pub characters: Vec<Character>,
}

/// One character as it was read.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Character {
    /// The likeliest one.
    pub character: char,
    /// Its probability, 0 to 1, as the network gave it; among the alphabet's characters where there is one.
    pub confidence: f32,
    /// Its middle along the quadrangle, 0 left to 1 right.
    pub centre: f32,
    /// Up to three others with their probabilities, best first.
    pub alternatives: Vec<(char, f32)>,
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading")
            .field("characters", &self.characters.len())
            .field("confidence", &self.confidence)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Character {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Character")
            .field("centre", &self.centre)
            .field("confidence", &self.confidence)
            .finish_non_exhaustive()
    }
}

impl TextReader {
    /// Joins loaded models. The classes of the recognition model are compared with its characters where the
    /// model says how many it has.
    ///
    /// # Errors
    /// [`OcrError::Characters`] when they do not agree.
    pub fn new(models: TextModels, settings: TextSettings) -> Result<Self, OcrError> {
        let classes =
            models.recognition.outputs().first().and_then(|port| port.shape.last().copied().flatten());
        let known = models.characters.classes();
        if let Some(classes) = classes.filter(|classes| *classes != known) {
            return Err(OcrError::Characters(format!("{known} classes with names, {classes} in the output")));
        }
        Ok(Self { models, settings })
    }

    /// The settings in force.
    pub fn settings(&self) -> &TextSettings {
        &self.settings
    }

    /// The characters it can answer with.
    pub fn characters(&self) -> &Characters {
        &self.models.characters
    }

    /// Every running model.
    pub fn models(&self) -> Vec<Model> {
        let mut models = vec![self.models.detection.clone(), self.models.recognition.clone()];
        models.extend(self.models.angle.clone());
        models
    }

    /// The lines of a picture as it is, in its pixels, from top to bottom and left to right. Corners begin at the
    /// top left of the box on the picture, whichever way the text runs.
    ///
    /// # Errors
    /// When the model fails, or `ticket` is cancelled or past its deadline.
    pub fn detect(&self, picture: &Picture, ticket: &Ticket) -> Result<Vec<Quad>, OcrError> {
        let view = View::of(picture, &self.settings)?;
        let mut quads = detect::find(&self.models.detection, &view, &self.settings, ticket)?;
        order::by_row(&mut quads, |quad| *quad);
        Ok(quads.iter().map(|quad| view.on_page(quad)).collect())
    }

    /// Reads what stands in each quadrangle of the picture, in order. With an alphabet only its characters
    /// compete. A quadrangle without area gives an empty reading.
    ///
    /// # Errors
    /// When the model fails, or `ticket` is cancelled or past its deadline.
    pub fn read_quads(
        &self,
        picture: &Picture,
        quads: &[Quad],
        alphabet: Option<&Alphabet>,
        ticket: &Ticket,
    ) -> Result<Vec<Reading>, OcrError> {
        let lines = quads.iter().map(|quad| sampling::cut(picture, quad)).collect::<Result<Vec<_>, _>>()?;
        let choice = Choice { characters: &self.models.characters, alphabet, alternatives: true };
        let reads = recognise::read(&self.models.recognition, &lines, choice, &self.settings, ticket)?;
        Ok(reads.into_iter().map(reading).collect())
    }

    /// Reads a page. One that lies on its side or stands on its head is turned upright, a skewed one straight; the
    /// answer is in pixels of the upright page. A page without text is an answer, not an error.
    ///
    /// # Errors
    /// When a model fails, or `ticket` is cancelled or past its deadline.
    pub fn read(&self, picture: &Picture, ticket: &Ticket) -> Result<ReadPage, OcrError> {
        self.timed(picture, ticket).map(|(page, _)| page)
    }

    /// As [`TextReader::read`], with where the time went.
    ///
    /// # Errors
    /// As [`TextReader::read`].
    pub fn timed(&self, picture: &Picture, ticket: &Ticket) -> Result<(ReadPage, TextTimings), OcrError> {
        let mut clock = Clock::start();
        ticket.check()?;
        let view = View::of(picture, &self.settings)?;
        let quads = detect::find(&self.models.detection, &view, &self.settings, ticket)?;
        clock.lap(|t| &mut t.detect);
        let quarter = self.turn_needed(&view, &quads, ticket)?;
        clock.lap(|t| &mut t.angle);
        if quarter == Quarter::None {
            let lines = self.lines(&view, &quads, &mut clock, ticket)?;
            let page = self.page(&view, picture, quarter, lines, ticket)?;
            clock.lap(|t| &mut t.arrange);
            return Ok((page, clock.timings));
        }
        drop(view);
        let turned = quarter.of(picture)?;
        clock.lap(|t| &mut t.arrange);
        let view = View::of(&turned, &self.settings)?;
        let quads = detect::find(&self.models.detection, &view, &self.settings, ticket)?;
        clock.lap(|t| &mut t.detect);
        let lines = self.lines(&view, &quads, &mut clock, ticket)?;
        let page = self.page(&view, &turned, quarter, lines, ticket)?;
        clock.lap(|t| &mut t.arrange);
        Ok((page, clock.timings))
    }

    /// Asks the longest lines which way up they stand.
    fn turn_needed(&self, view: &View, quads: &[Quad], ticket: &Ticket) -> Result<Quarter, OcrError> {
        let on_its_side = turn::stands_on_its_side(quads);
        let Some(angle) = &self.models.angle else { return Ok(turn::needed(on_its_side, &[])) };
        let mut voters = Vec::with_capacity(turn::VOTERS);
        for quad in turn::voters(quads, on_its_side) {
            voters.extend(sampling::cut(&view.pixels, &quad)?);
        }
        let votes = angle::upside_down(angle, &voters.iter().collect::<Vec<_>>(), ticket)?;
        Ok(turn::needed(on_its_side, &votes))
    }

    /// Reads the lines of an upright view, each quadrangle turned as its text is read.
    fn lines(
        &self,
        view: &View,
        quads: &[Quad],
        clock: &mut Clock,
        ticket: &Ticket,
    ) -> Result<Vec<(Quad, Read)>, OcrError> {
        let mut heights: Vec<f32> =
            quads.iter().map(turn::size).filter(|(w, h)| w > h).map(|(_, h)| h).collect();
        heights.sort_by(f32::total_cmp);
        let usual = heights.get(heights.len() / 2).copied().unwrap_or(0.0);
        let as_read = |quad: &Quad| {
            let (w, h) = turn::size(quad);
            let runs_down = h >= UPRIGHT_BOX * w && h > SINGLE * usual;
            if runs_down { turn::downwards(quad) } else { *quad }
        };
        let mut quads: Vec<Quad> = quads.iter().map(as_read).collect();
        let cuts =
            quads.iter().map(|quad| sampling::cut(&view.pixels, quad)).collect::<Result<Vec<_>, _>>()?;
        clock.lap(|t| &mut t.crop);
        let choice = Choice { characters: &self.models.characters, alphabet: None, alternatives: false };
        let mut reads = recognise::read(&self.models.recognition, &cuts, choice, &self.settings, ticket)?;
        clock.lap(|t| &mut t.recognise);

        // A single line may stand on its head on an upright page: a stamp, a second slip.
        let again = self.upside_down(&cuts, &reads, ticket)?;
        clock.lap(|t| &mut t.angle);
        let turned = again.iter().map(|i| cuts[*i].as_ref().map(|line| Quarter::Half.of(line)).transpose());
        let turned = turned.collect::<Result<Vec<_>, _>>()?;
        let second = recognise::read(&self.models.recognition, &turned, choice, &self.settings, ticket)?;
        for (i, read) in again.into_iter().zip(second) {
            if read.confidence() > reads[i].confidence() {
                quads[i] = turn::reversed(&quads[i]);
                reads[i] = read;
            }
        }
        clock.lap(|t| &mut t.recognise);
        Ok(quads.into_iter().zip(reads).collect())
    }

    /// Which of the lines that were read with doubt stand on their heads.
    fn upside_down(
        &self,
        cuts: &[Option<Picture>],
        reads: &[Read],
        ticket: &Ticket,
    ) -> Result<Vec<usize>, OcrError> {
        let Some(angle) = &self.models.angle else { return Ok(Vec::new()) };
        let doubtful = cuts.iter().zip(reads).enumerate().filter_map(|(i, (cut, read))| {
            let cut = cut.as_ref().filter(|_| read.confidence() < DOUBTFUL)?;
            Some((i, cut))
        });
        let (places, cuts): (Vec<usize>, Vec<&Picture>) = doubtful.unzip();
        let scores = angle::upside_down(angle, &cuts, ticket)?;
        let over = places.into_iter().zip(scores).filter(|(_, score)| *score > self.settings.angle_threshold);
        Ok(over.map(|(i, _)| i).collect())
    }

    /// Keeps what was read well enough and sets the page straight, unless that takes a far larger canvas: its lines
    /// are then left on their slant.
    fn page(
        &self,
        view: &View,
        picture: &Picture,
        quarter: Quarter,
        mut lines: Vec<(Quad, Read)>,
        ticket: &Ticket,
    ) -> Result<ReadPage, OcrError> {
        let kept = |read: &Read| {
            read.confidence() >= self.settings.line_threshold
                && read.emissions.iter().any(|e| !e.character.is_whitespace())
        };
        lines.retain(|(_, read)| kept(read));
        let (width, height) = (picture.width(), picture.height());
        let sent =
            if matches!(quarter, Quarter::Right | Quarter::Left) { (height, width) } else { (width, height) };
        let mut lines: Vec<(Quad, Read)> =
            lines.into_iter().map(|(quad, read)| (view.on_page(&quad), read)).collect();
        let skew = turn::skew(lines.iter().map(|(quad, _)| quad));
        let straight = skew.abs() < self.settings.min_skew.max(0.01) || skew.abs() >= 45.0;
        let tilt = Tilt::clockwise(skew, width, height);
        let (picture, turned) = if straight || !tilt.is_affordable() {
            (picture.clone(), quarter.degrees())
        } else {
            for (quad, _) in &mut lines {
                *quad = Quad(quad.0.map(|p| tilt.done(p)));
            }
            (tilt.of(picture, ticket)?, quarter.degrees() + skew)
        };
        order::by_row(&mut lines, |(quad, _)| *quad);
        let text = PageText {
            width: picture.width(),
            height: picture.height(),
            turned,
            sent_width: sent.0,
            sent_height: sent.1,
            lines: lines.iter().map(|(quad, read)| line(quad, read)).collect(),
        };
        Ok(ReadPage { text, picture })
    }
}

/// Adds the time since the last look to a stage.
struct Clock {
    since: Instant,
    timings: TextTimings,
}

impl Clock {
    fn start() -> Self {
        Self { since: Instant::now(), timings: TextTimings::default() }
    }

    fn lap(&mut self, stage: fn(&mut TextTimings) -> &mut Duration) {
        let now = Instant::now();
        *stage(&mut self.timings) += now - std::mem::replace(&mut self.since, now);
    }
}

fn reading(read: Read) -> Reading {
    let (text, confidence) = (read.text(), read.confidence());
    let centre = |e: &ctc::Emission| read.share((e.from + e.to + 1) as f32 / 2.0);
    let centres: Vec<f32> = read.emissions.iter().map(centre).collect();
    let character = |(e, centre): (ctc::Emission, f32)| Character {
        character: e.character,
        confidence: e.confidence,
        centre,
        alternatives: e.alternatives,
    };
    Reading { text, confidence, characters: read.emissions.into_iter().zip(centres).map(character).collect() }
}

fn line(quad: &Quad, read: &Read) -> Line {
    let words = ctc::words(&read.emissions)
        .into_iter()
        .filter_map(|range| {
            let (from, to) = ctc::extent(&read.emissions, &range);
            let emissions = read.emissions.get(range)?;
            Some(Word {
                quad: part(quad, read.share(from), read.share(to)),
                text: emissions.iter().map(|e| e.character).collect(),
                confidence: recognise::mean(emissions),
            })
        })
        .collect();
    Line { quad: *quad, text: read.text(), confidence: read.confidence(), words }
}

/// The part of a quadrangle between two shares of its length.
fn part(quad: &Quad, from: f32, to: f32) -> Quad {
    let [a, b, c, d] = quad.0;
    let between =
        |p: Point, q: Point, share: f32| Point { x: p.x + (q.x - p.x) * share, y: p.y + (q.y - p.y) * share };
    Quad([between(a, b, from), between(a, b, to), between(d, c, to), between(d, c, from)])
}
