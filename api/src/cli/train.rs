//! `train`: models that the hotel's own labels make better.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use innkeeper_core::HotelId;
use innkeeper_ocr::PageText;
use innkeeper_ocr::invoice::evaluation::{CrossValidation, Score, nested_cross_validation};
use innkeeper_ocr::invoice::{Example, Labels, Ranker, train};
use innkeeper_store::Label;
use serde_json::{Value, json};

use super::evaluate_ocr::{FOLDS, SEED};
use super::table::table;
use super::{Failure, Outcome, receipts, say, train_room};
use crate::app::{data_keys, installed, open_store};
use crate::config::Settings;
use crate::models::Loader;
use crate::service::feedback::OCR_FIELDS;

/// SHA-256 of the pictures from which the shipped ranker learnt, one a line.
const SHIPPED: &str = include_str!("../../../crates/ocr/ranker.documents");

/// Why there is no version of a forecaster.
const NOTHING_TO_TRAIN: &str = "\
a forecast is fitted to the hotel's tables when it is asked for, and its members are weighed by how they did in back-test then: \
no version is kept that could be trained ahead or grow old. `innkeeper forecast occupancy` makes one, and \
`innkeeper evaluate forecast --data FILE` measures it";

/// A model that can be trained.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Name {
    /// What chooses the total, the date and the vendor of an invoice.
    OcrFields,
    /// What a photo shows of a room: messy, bed unmade, and whatever the hotel teaches.
    RoomTags,
    /// Occupancy, revenue and housekeeping: fitted to the tables at each question, so that there is nothing to train.
    Forecast,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  innkeeper train ocr-fields --data receipts/ --out ocr-fields.json\n  innkeeper train ocr-fields --labels --out data/ocr-fields.json   # what people corrected\n\nThen set ocr.ranker to the file.\n\n  innkeeper train room-tags --labels --curve curve.svg   # what people corrected; promoted when it is better\n  innkeeper train room-tags --data vision/ --labels"
)]
pub(super) struct Args {
    name: Name,
    /// A folder of receipts with their truth, or of labelled photos; datasets/README.md describes both.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Learn from the corrections that the hotel stored.
    #[arg(long)]
    pub labels: bool,
    /// The hotel of the corrections [default: hotel.default].
    #[arg(long)]
    pub hotel: Option<HotelId>,
    /// The data directory of the corrections [default: storage.data_dir, ./data].
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where the trained ranker is written, without it only the figures are printed; of room-tags a folder for the head
    /// and its card, without it they go into the registry below the data directory.
    #[arg(long, value_name = "PATH")]
    pub out: Option<PathBuf>,
    /// Of room-tags: where the curve of errors against corrected photos is drawn.
    #[arg(long, value_name = "FILE.svg")]
    pub curve: Option<PathBuf>,
    /// The pack whose models read the receipts [default: models.pack].
    #[arg(long)]
    pub pack: Option<String>,
    /// One JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// SHA-256 of the pictures from which the ranker in force learnt.
pub(super) fn trained_on(settings: &Settings) -> Result<BTreeSet<String>, Failure> {
    let Some(path) = &settings.ocr.ranker else {
        return Ok(SHIPPED.lines().map(str::trim).filter(|l| l.len() == 64).map(str::to_owned).collect());
    };
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let ranker: Value = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    let listed = ranker["documents"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Ok(listed.map(str::to_owned).collect())
}

/// The ranker that answers now.
fn in_force(settings: &Settings) -> Result<Ranker, Failure> {
    let reader = Loader::invoice_reader(settings)?;
    Ok(reader.ranker().cloned().ok_or("the reader in force has no ranker")?)
}

/// A correction as an example. Only what a person said is a label.
fn example(label: Label, documents: &mut Vec<String>) -> Result<Example, Failure> {
    let mut content = label.content;
    documents.extend(content["sha256"].as_str().map(str::to_owned));
    let pages: Vec<PageText> = serde_json::from_value(content["pages"].take())?;
    let labels: Labels = serde_json::from_value(label.correction)?;
    let group = labels.group().unwrap_or_else(|| label.answer_id.to_string());
    Ok(Example { pages, labels, group })
}

fn stored(args: &Args, settings: Settings, documents: &mut Vec<String>) -> Result<Vec<Example>, Failure> {
    let settings = settings.with_data_dir(args.data_dir.clone());
    installed(&settings)?;
    let hotel = args.hotel.clone().unwrap_or_else(|| settings.hotel.default.clone());
    let labels = tokio::runtime::Runtime::new()?.block_on(async {
        let store = open_store(&settings, data_keys(&settings)?).await?;
        let labels = store.hotel(&hotel).labels(OCR_FIELDS, usize::MAX).await;
        store.close().await;
        Ok::<_, Failure>(labels?)
    })?;
    labels.into_iter().map(|label| example(label, documents)).collect()
}

pub(super) fn run(args: &Args, settings: &Settings) -> Outcome {
    if let Name::Forecast = args.name {
        eprintln!("{NOTHING_TO_TRAIN}");
        return Ok(ExitCode::from(2));
    }
    if args.data.is_none() && !args.labels {
        eprintln!("name what to learn from: --data FOLDER, --labels, or both");
        return Ok(ExitCode::from(2));
    }
    if let Name::RoomTags = args.name {
        return train_room::run(args, settings);
    }
    let (mut examples, mut documents) = (Vec::new(), Vec::new());
    if let Some(data) = &args.data {
        let folder = receipts::folder(data)?;
        let listed = receipts::receipts(&folder, "key", "json")?;
        let reader = Loader::new(settings, args.pack.as_deref())?.text_reader()?;
        let read = receipts::read(&listed, &reader, &settings.images.limits())?;
        documents.extend(read.iter().map(|receipt| receipt.sha256.clone()));
        examples.extend(receipts::examples(&folder, read)?);
    }
    if args.labels {
        examples.extend(stored(args, settings.clone(), &mut documents)?);
    }
    if args.data.is_none() {
        // The refined ranker knows what the one before it learnt from.
        documents.extend(trained_on(settings)?);
    }
    // A hotel's own corrections are few: they refine the ranker in force. Whoever brings a folder starts anew.
    let before = if args.data.is_none() { Some(in_force(settings)?) } else { None };
    let validated = nested_cross_validation(&examples, before.as_ref(), FOLDS, SEED)?;
    if let Some(out) = &args.out {
        let trained = match &before {
            Some(before) => before.refined(&examples, SEED)?,
            None => train(&examples, SEED)?,
        };
        let mut ranker: Value = serde_json::from_str(&trained.to_json())?;
        // The evaluation refuses what was learnt from.
        ranker["documents"] = json!(documents);
        std::fs::write(out, serde_json::to_string_pretty(&ranker)? + "\n")
            .map_err(|e| format!("{}: {e}", out.display()))?;
        eprintln!("{} is written; set ocr.ranker to it", out.display());
    }
    if args.json {
        return say(serde_json::to_string(&validated)?);
    }
    say(render(&validated))
}

/// Rules beside the ranker on documents that it did not learn from.
fn render(validated: &CrossValidation) -> String {
    let share = |right: usize, of: usize| format!("{right} of {of}");
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.3}"));
    let row = |name: &str, score: &Score| {
        vec![
            name.to_owned(),
            share(score.total.right, score.total.of),
            share(score.date.right, score.date.of),
            share(score.company.right, score.company.of),
            number(score.items.f1),
            number(score.brier),
        ]
    };
    let mut rows = vec![row("rules", &validated.rules)];
    rows.extend(validated.before.as_ref().map(|before| row("ranker in force", before)));
    rows.push(row("trained", &validated.ranker));
    let text = table(&["held out", "total", "date", "company", "items F1", "Brier"], &rows);
    format!("{text}\n{} documents in {} folds by vendor", validated.ranker.n, validated.folds.len())
}
