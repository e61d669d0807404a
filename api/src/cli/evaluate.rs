//! `evaluate`: figures of a model on data whose truth is known. The formats are described in datasets/README.md.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use chrono::NaiveDate;
use clap::ValueEnum;
use innkeeper_core::{DecodeLimits, Embedding, Picture};
use innkeeper_face::evaluation::gains::{Looks, gains};
use innkeeper_face::evaluation::groups::grouping;
use innkeeper_face::evaluation::open_set::{most_alike, open_set, strangers_tail};
use innkeeper_face::evaluation::{AllPairs, Labelled, ScoredPair, cosine, identification, liveness, pairs};
use innkeeper_face::matching::MatchLimits;
use innkeeper_face::{Calibration, Embedder, Face, FacePipeline, FrameAnalysis, Want};
use innkeeper_runtime::Ticket;
use serde_json::{Map, Value, json};

use super::each::each_in_order;
use super::rows::{Row, read_rows};
use super::table::table;
use super::{Failure, Outcome, evaluate_forecast, evaluate_ocr, evaluate_pricing, evaluate_room, say};
use crate::config::Settings;
use crate::models::Loader;

/// A model that can be measured.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Name {
    /// Verification and identification of faces.
    Face,
    /// Real faces against prints and screens.
    Liveness,
    /// Rooms: clean or messy, beds, and the comparison with reference photos.
    Room,
    /// Search by picture: whether one of the same label is found.
    VisualSearch,
    /// Lines of receipts: where they stand and what they say.
    OcrText,
    /// Fields of receipts.
    OcrInvoice,
    /// Machine-readable zones and symbols of identity documents.
    OcrId,
    /// Forecasts of occupancy, revenue and check-outs on a file of bookings.
    Forecast,
    /// Price policies on nights whose demand is known.
    Pricing,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  innkeeper evaluate face --data faces/ --set lfw --pack extended\n  innkeeper evaluate liveness --data faces/ --json\n  innkeeper evaluate room --data vision/ --cross-validate\n  innkeeper evaluate visual-search --data vision/ --set rooms6\n  innkeeper evaluate forecast --data bookings.csv.gz --origins 2017-01-01,2017-02-01 --horizon 28\n  innkeeper evaluate pricing --data shipped\n  innkeeper evaluate pricing --data scenario.toml --seeds 20 --plot policies.svg"
)]
pub(super) struct Args {
    name: Name,
    /// A folder with a FILES.tsv, or with receipts and specimens, or a file of bookings or of a pricing scenario
    /// (`shipped`: those that come with the program); datasets/README.md describes the formats.
    #[arg(long)]
    pub data: PathBuf,
    /// The pack to measure [default: models.pack].
    #[arg(long)]
    pack: Option<String>,
    /// Only rows of this set.
    #[arg(long)]
    set: Option<String>,
    /// Fit the model anew without each fold; needed on receipts and photos from which it learnt.
    #[arg(long)]
    cross_validate: bool,
    /// Of forecast: first unknown nights, with commas between them; each forecast knows what was known the day before
    /// [default: up to nine in the last third of the file].
    #[arg(long, value_delimiter = ',', value_name = "DATE,…")]
    pub origins: Vec<NaiveDate>,
    /// Of forecast: days ahead, 1 to 365.
    #[arg(long, default_value_t = 28, value_name = "DAYS")]
    pub horizon: u16,
    /// Of forecast: which column of the file feeds which field, where the headings do not say it.
    #[arg(long, value_name = "FILE.toml")]
    pub mapping: Option<PathBuf>,
    /// Of pricing: how many pasts are drawn to learn from, each from a seed of its own, 1 to 1,000.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub seeds: u16,
    /// Of forecast: where error and coverage by days ahead are drawn; of pricing: the shares of the policies. SVG or PNG by
    /// the name of the file.
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// One JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, settings: &Settings) -> Outcome {
    let loader = || Loader::new(settings, args.pack.as_deref());
    let figures = match args.name {
        Name::Face | Name::Liveness => faces(args, settings, &loader()?)?,
        Name::Room => {
            evaluate_room::room(&loader()?, settings, &args.data, args.set.as_deref(), args.cross_validate)?
        }
        Name::VisualSearch => {
            let limits = settings.images.limits();
            evaluate_room::visual_search(&loader()?, &limits, &args.data, args.set.as_deref())?
        }
        Name::OcrText => evaluate_ocr::text(&loader()?, settings, &args.data)?,
        Name::OcrInvoice => evaluate_ocr::invoice(&loader()?, settings, &args.data, args.cross_validate)?,
        Name::OcrId => evaluate_ocr::identity(&loader()?, settings, &args.data)?,
        Name::Forecast => evaluate_forecast::forecast(args, settings)?,
        Name::Pricing => evaluate_pricing::pricing(args)?,
    };
    if args.json {
        return say(figures);
    }
    say(match args.name {
        Name::Forecast => evaluate_forecast::render(&figures),
        Name::Pricing => evaluate_pricing::render(&figures),
        _ => render(&figures),
    })
}

fn faces(args: &Args, settings: &Settings, loader: &Loader) -> Result<Value, Failure> {
    let pipeline = loader.face_pipeline(settings.face.pipeline())?;
    let rows = read_rows(&args.data.join("FILES.tsv"))?;
    let rows: Vec<Row> =
        rows.into_iter().filter(|r| args.set.as_ref().is_none_or(|set| r.get("set") == set)).collect();
    let task = Task { pipeline: &pipeline, limits: settings.images.limits(), data: &args.data };
    match args.name {
        Name::Liveness => task.liveness(&rows),
        _ => task.face(&rows, args.set.as_deref(), &loader.embedder(1)?),
    }
}

/// One picture after the pipeline.
struct Seen {
    /// The face the picture is about.
    face: Option<Face>,
    /// The embeddings of that face and of its mirror image, where they were asked for.
    looks: Option<[Embedding; 2]>,
    milliseconds: f64,
}

struct Task<'a> {
    pipeline: &'a FacePipeline,
    limits: DecodeLimits,
    data: &'a Path,
}

/// The face a labelled picture is about: large and near the middle, by the measure InsightFace uses (area
/// less twice the squared distance from the picture's centre). Passers-by may be larger than the subject.
fn subject(analysis: &FrameAnalysis, width: u32, height: u32) -> Option<&Face> {
    let prominence = |face: &Face| {
        let centre = face.rect.centre();
        let (dx, dy) = (centre.x - width as f32 / 2.0, centre.y - height as f32 / 2.0);
        face.rect.area() - 2.0 * (dx * dx + dy * dy)
    };
    analysis.faces.iter().max_by(|a, b| prominence(a).total_cmp(&prominence(b)))
}

impl Task<'_> {
    /// Runs every picture, on all cores, with a progress bar.
    fn look(&self, paths: &[&str], want: Want, twice: Option<&Embedder>) -> Result<Vec<Seen>, Failure> {
        let work = |i: usize| -> Result<Seen, String> {
            let path = self.data.join(paths[i]);
            let bytes = std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            let started = Instant::now();
            let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
            let mut seen = Seen { face: None, looks: None, milliseconds: 0.0 };
            // A picture that cannot be decoded is a face not found, as it would be in production.
            if let Ok(picture) = Picture::decode(&bytes, &self.limits) {
                let ticket = Ticket::unlimited();
                let analysis = self.pipeline.analyse(&picture, want, &ticket).map_err(|e| failed(&e))?;
                seen.face = subject(&analysis, picture.width(), picture.height()).cloned();
                seen.milliseconds = started.elapsed().as_secs_f64() * 1e3;
                if let (Some(embedder), Some(face)) = (twice, &seen.face) {
                    seen.looks = embedder.both_looks(&picture, face, &ticket).map_err(|e| failed(&e))?;
                }
            }
            Ok(seen)
        };
        let mut all = Vec::with_capacity(paths.len());
        each_in_order(paths.len(), "pictures", work, |_, seen| {
            all.push(seen?);
            Ok(())
        })?;
        Ok(all)
    }

    fn face(&self, rows: &[Row], set: Option<&str>, embedder: &Embedder) -> Result<Value, Failure> {
        let mut reasons: Vec<String> = Vec::new();
        let pair_rows: Vec<Row> = match read_rows(&self.data.join("pairs.tsv")) {
            Ok(rows) => rows.into_iter().filter(|r| set.is_none_or(|s| r.get("set") == s)).collect(),
            Err(error) => {
                reasons.push(format!("no pairs: {error}"));
                Vec::new()
            }
        };
        let in_pairs: BTreeSet<&str> = pair_rows.iter().flat_map(|r| [r.get("a"), r.get("b")]).collect();
        let identity = |row: &Row| {
            let named = row.get("identity");
            if named.is_empty() { row.get("group").to_owned() } else { named.to_owned() }
        };
        let wanted: Vec<&Row> =
            rows.iter().filter(|r| !identity(r).is_empty() || in_pairs.contains(r.get("path"))).collect();
        if wanted.is_empty() {
            return Err("no row has an identity or stands in pairs.tsv".into());
        }
        let paths: Vec<&str> = wanted.iter().map(|r| r.get("path")).collect();
        let want = Want { liveness: false, embedding: true, despite_quality: true };
        let seen = self.look(&paths, want, Some(embedder))?;

        let mut vectors: BTreeMap<&str, &[f32]> = BTreeMap::new();
        let mut labelled: Vec<(&str, String, &str)> = Vec::new();
        let (mut not_found, mut below_quality) = (0, 0);
        let mut quality_reasons: BTreeMap<String, usize> = BTreeMap::new();
        for (row, picture) in wanted.iter().zip(&seen) {
            let Some(face) = &picture.face else {
                not_found += 1;
                continue;
            };
            below_quality += usize::from(!face.quality.passes());
            for reason in &face.quality.reasons {
                *quality_reasons.entry(format!("{reason:?}")).or_default() += 1;
            }
            if let Some(embedding) = &face.embedding {
                vectors.insert(row.get("path"), embedding.vector());
                labelled.push((row.get("set"), identity(row), row.get("path")));
            }
        }
        let shipped = Calibration::shipped(&self.pipeline.embedder());
        if let Err(error) = &shipped {
            reasons.push(error.to_string());
        }
        let shipped = shipped.ok();
        let threshold = shipped.as_ref().map(|c| c.threshold);
        let people = |only: Option<&str>| -> Vec<Labelled<'_>> {
            labelled
                .iter()
                .filter(|(set, identity, _)| only.is_none_or(|s| s == *set) && !identity.is_empty())
                .filter_map(|(_, identity, path)| {
                    Some(Labelled { identity: identity.as_str(), vector: vectors.get(path)? })
                })
                .collect()
        };
        let scored = |only: Option<&str>| -> Vec<ScoredPair> {
            pair_rows
                .iter()
                .filter(|r| only.is_none_or(|s| s == r.get("set")))
                .map(|r| ScoredPair {
                    // A face that was not found is nobody's: the pair is judged different.
                    score: match (vectors.get(r.get("a")), vectors.get(r.get("b"))) {
                        (Some(a), Some(b)) => cosine(a, b),
                        _ => -1.0,
                    },
                    same: r.get("same") == "1",
                })
                .collect()
        };
        let mut figures = face_figures(&people(None), &scored(None), shipped.as_ref(), &mut reasons);
        let sets: BTreeSet<&str> = wanted.iter().map(|r| r.get("set")).collect();
        if sets.len() > 1 {
            let per_set: Map<String, Value> = sets
                .iter()
                .map(|set| {
                    let own = face_figures(
                        &people(Some(set)),
                        &scored(Some(set)),
                        shipped.as_ref(),
                        &mut Vec::new(),
                    );
                    ((*set).to_owned(), Value::Object(own))
                })
                .collect();
            figures.insert("sets".to_owned(), Value::Object(per_set));
        }
        let everybody = people(None);
        let looks: Vec<Looks<'_>> = wanted
            .iter()
            .zip(&seen)
            .filter_map(|(row, picture)| {
                let ([face, mirror], quality) = (picture.looks.as_ref()?, &picture.face.as_ref()?.quality);
                let identity =
                    labelled.iter().find(|l| l.2 == row.get("path") && !l.1.is_empty())?.1.as_str();
                Some(Looks { identity, face: face.vector(), mirror: mirror.vector(), quality: quality.score })
            })
            .collect();
        let margin = shipped.as_ref().map_or(0.0, |c| c.margin);
        figures.insert("gains".to_owned(), json!(gains(&looks, embedder.kind().mirrors(), margin)));
        figures.insert("open_set".to_owned(), json!(open_set(&everybody, shipped.as_ref())));
        let groups = shipped.as_ref().map(|c| grouping(&everybody, c.grouping()));
        figures.insert("grouping".to_owned(), json!(groups));
        let named: Vec<&str> = labelled.iter().filter(|l| !l.1.is_empty()).map(|l| l.2).collect();
        let alike: Vec<Value> = most_alike(&everybody, 5)
            .into_iter()
            .map(|(score, a, b)| json!({"score": score, "a": named.get(a), "b": named.get(b)}))
            .collect();
        figures.insert("most_alike_strangers".to_owned(), json!(alike));
        let total: f64 = seen.iter().map(|s| s.milliseconds).sum();
        figures.insert("n_images".to_owned(), json!(wanted.len()));
        figures.insert("not_found".to_owned(), json!(not_found));
        figures.insert("below_quality".to_owned(), json!(below_quality));
        figures.insert("below_quality_by_reason".to_owned(), json!(quality_reasons));
        figures.insert("ms_per_image".to_owned(), json!(total / seen.len() as f64));
        figures.insert("shipped_threshold".to_owned(), json!(threshold));
        figures.insert("models".to_owned(), self.models());
        figures.insert("reasons".to_owned(), json!(reasons));
        Ok(Value::Object(figures))
    }

    fn models(&self) -> Value {
        let names: BTreeSet<String> = self.pipeline.models().iter().map(|m| m.model().to_string()).collect();
        json!(names)
    }

    fn liveness(&self, rows: &[Row]) -> Result<Value, Failure> {
        let labelled: Vec<&Row> =
            rows.iter().filter(|r| matches!(r.get("label"), "real" | "spoof")).collect();
        let mut reasons: Vec<String> = Vec::new();
        if let Err(reason) = self.pipeline.liveness_available() {
            reasons.push(format!("no liveness model: {reason}; run `innkeeper models pull --pack extended`"));
        }
        if labelled.is_empty() {
            reasons.push("no row is labelled real or spoof".to_owned());
        }
        if !reasons.is_empty() {
            return Ok(json!({"apcer": null, "bpcer": null, "auc": null, "n": 0, "reasons": reasons}));
        }
        let paths: Vec<&str> = labelled.iter().map(|r| r.get("path")).collect();
        let want = Want { liveness: true, embedding: false, despite_quality: true };
        let seen = self.look(&paths, want, None)?;
        let mut scores = Vec::new();
        let mut not_found = 0;
        let mut threshold = None;
        for (row, picture) in labelled.iter().zip(&seen) {
            let verdict = picture.face.as_ref().map(|f| &f.liveness);
            match verdict.and_then(|v| v.score) {
                Some(score) => {
                    threshold = verdict.and_then(|v| v.threshold);
                    scores.push((score, row.get("label") == "real"));
                }
                None => not_found += 1,
            }
        }
        let figures = liveness(&scores, threshold.unwrap_or(0.5));
        let mut value = serde_json::to_value(&figures)?;
        if let Value::Object(map) = &mut value {
            if figures.apcer.is_none() || figures.bpcer.is_none() {
                reasons.push("one of the two labels has no face".to_owned());
            }
            let spoofs = scores.iter().filter(|s| !s.1).count();
            reasons.push(format!(
                "the threshold comes from the models' sources and is not calibrated; {} real faces and {spoofs} \
                 attacks were judged{}",
                figures.n - spoofs,
                if spoofs < 100 { ", which says little" } else { "" }
            ));
            map.insert("calibrated".to_owned(), json!(false));
            map.insert("threshold".to_owned(), json!(threshold));
            map.insert("not_found".to_owned(), json!(not_found));
            map.insert("scores".to_owned(), json!(scores));
            map.insert("models".to_owned(), self.models());
            map.insert("reasons".to_owned(), json!(reasons));
        }
        Ok(value)
    }
}

/// The figures of one selection of pictures and pairs; what cannot be computed is null with a reason.
fn face_figures(
    people: &[Labelled<'_>],
    scored: &[ScoredPair],
    calibration: Option<&Calibration>,
    reasons: &mut Vec<String>,
) -> Map<String, Value> {
    let shipped = calibration.map(|c| c.threshold);
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
    let verification = pairs(scored, shipped);
    if verification.is_none() {
        reasons.push("no labelled pairs: accuracy and threshold are null".to_owned());
    }
    put("n_pairs", json!(scored.len()));
    put("accuracy", json!(verification.as_ref().map(|v| v.accuracy)));
    put("threshold", json!(verification.as_ref().map(|v| v.threshold)));
    put("accuracy_at_shipped", json!(verification.as_ref().and_then(|v| v.accuracy_at_shipped)));
    let all = AllPairs::of(people);
    put("cross_identity_pairs", json!(all.impostor.len()));
    put("same_identity_pairs", json!(all.genuine.len()));
    for (name, far) in [("1e2", 1e-2), ("1e3", 1e-3), ("1e4", 1e-4)] {
        let point = all.at(far);
        if point.is_none() {
            reasons.push(format!("too few pairs for a false accept rate of {far}"));
        }
        put(&format!("tar_far_{name}"), json!(point.map(|p| p.tar)));
        put(&format!("threshold_far_{name}"), json!(point.map(|p| p.threshold)));
    }
    if let Some(threshold) = shipped {
        let over = all.impostor.iter().take_while(|s| **s >= threshold).count();
        put("far_at_shipped", json!(over as f64 / all.impostor.len().max(1) as f64));
    }
    let curve = all.logistic();
    put("probability_slope", json!(curve.map(|c| c.0)));
    put("probability_intercept", json!(curve.map(|c| c.1)));
    put("grouping_far_1e5", json!(all.tail().map(|t| t.at(1e-5))));
    let strangers = strangers_tail(people, calibration.map_or(0.0, |c| c.margin));
    put("strangers_start", json!(strangers.map(|t| t.start)));
    put("strangers_scale", json!(strangers.map(|t| t.scale)));
    put("strangers_shape", json!(strangers.map(|t| t.shape)));
    let limits = calibration.map(|c| |people| c.limits(people));
    let found = identification(people, limits.as_ref().map(|l| l as &dyn Fn(usize) -> MatchLimits));
    if found.is_none() {
        reasons.push("nobody has two pictures: identification figures are null".to_owned());
    }
    let field = |key: &str| {
        found.as_ref().and_then(|f| serde_json::to_value(f).ok()).and_then(|v| v.get(key).cloned())
    };
    for key in [
        "people",
        "probes",
        "top1",
        "tpir_fpir_1pct",
        "threshold_fpir_1pct",
        "tpir_at_shipped",
        "fpir_at_shipped",
        "threshold_at_shipped",
    ] {
        put(key, json!(field(key)));
    }
    out
}

/// The figures as two columns, nested sets as columns of their own, and below them the tables that some
/// figures are.
fn render(figures: &Value) -> String {
    let cell = |value: &Value| match value {
        Value::Array(list) if list.len() > 8 => format!("{} values", list.len()),
        Value::Array(list) => list.iter().map(short).collect::<Vec<_>>().join("; "),
        other => short(other),
    };
    let Value::Object(map) = figures else { return figures.to_string() };
    let empty = Map::new();
    let sets = map.get("sets").and_then(Value::as_object).unwrap_or(&empty);
    let mut header = vec!["figure", "all"];
    header.extend(sets.keys().map(String::as_str));
    let is_table = |value: &Value| value.as_array().is_some_and(|l| l.first().is_some_and(Value::is_object));
    let rows: Vec<Vec<String>> = map
        .iter()
        .filter(|(key, value)| *key != "sets" && !is_table(value))
        .map(|(key, value)| {
            let mut row = vec![key.clone(), cell(value)];
            row.extend(sets.values().map(|set| set.get(key).map_or_else(String::new, cell)));
            row
        })
        .collect();
    let mut text = table(&header, &rows);
    for (key, value) in map.iter().filter(|(_, value)| is_table(value)) {
        let list: Vec<Map<String, Value>> = value.as_array().into_iter().flatten().flat_map(flat).collect();
        let columns: Vec<&str> =
            list.first().map(|r| r.keys().map(String::as_str).collect()).unwrap_or_default();
        let cells = |row: &Map<String, Value>| {
            columns.iter().map(|c| row.get(*c).map_or_else(String::new, short)).collect()
        };
        let rows: Vec<Vec<String>> = list.iter().map(cells).collect();
        text = format!("{text}\n{key}\n{}", table(&columns, &rows));
    }
    text
}

fn short(value: &Value) -> String {
    match value {
        Value::Number(n) if n.is_f64() => format!("{:.4}", n.as_f64().unwrap_or(f64::NAN)),
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A row of a table; a row with objects in it becomes one row for each of them, under the object's name.
fn flat(row: &Value) -> Vec<Map<String, Value>> {
    let Value::Object(row) = row else { return Vec::new() };
    let plain: Map<String, Value> =
        row.iter().filter(|(_, v)| !v.is_object()).map(|(k, v)| (k.clone(), v.clone())).collect();
    let nested: Vec<Map<String, Value>> = row
        .iter()
        .filter_map(|(name, value)| {
            let mut whole = plain.clone();
            whole.insert("with".to_owned(), json!(name));
            whole.extend(value.as_object()?.clone());
            Some(whole)
        })
        .collect();
    if nested.is_empty() { vec![plain] } else { nested }
}
