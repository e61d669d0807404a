use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::ValueEnum;
use innkeeper_core::ErrorCode;
use innkeeper_face::FacePipeline;
use innkeeper_runtime::Ticket;
use serde_json::{Value, json};

use super::each::each_in_order;
use super::registry::failed;
use super::{Failure, Outcome, say};
use crate::config::{Settings, is_country};
use crate::models::{Loader, ModelsError};
use crate::problem::Problem;
use crate::service::heads::Heads;
use crate::service::room::reader;
use crate::service::{Documents, describe_frame, describe_room, document_type, value};

/// A pipeline that runs on files.
#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Pipeline {
    /// Faces with box, landmarks, quality and liveness.
    Face,
    /// Rooms: status, tags, what is unsure.
    Room,
    /// Invoices and receipts, as pictures or PDF files.
    OcrInvoice,
    /// Identity documents, as pictures or PDF files. Nothing of them is kept.
    OcrId,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  innkeeper predict face lobby.jpg --json\n  innkeeper predict room 201.jpg 202.jpg\n  innkeeper predict ocr-invoice bills/*.pdf --csv > bills.csv"
)]
pub(super) struct Args {
    pipeline: Pipeline,
    /// Pictures, or PDF files where documents are read.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// One JSON object a line; without it one line of words.
    #[arg(long)]
    json: bool,
    /// One row a file, for a spreadsheet; of documents only.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// The pack to use [default: models.pack].
    #[arg(long)]
    pack: Option<String>,
    /// What identity documents are said to be, such as passport.
    #[arg(long, value_name = "TYPE")]
    document_type: Option<String>,
    /// ISO 3166 code of the country that invoices are from [default: ocr.country].
    #[arg(long, value_parser = country)]
    country: Option<String>,
}

/// A country as the server takes it.
fn country(text: &str) -> Result<String, &'static str> {
    is_country(text).then(|| text.to_owned()).ok_or("must be two capital letters, as in ISO 3166")
}

type Answer = Result<Value, Problem>;

pub(super) fn run(args: &Args, settings: &Settings) -> Outcome {
    if args.csv && matches!(args.pipeline, Pipeline::Face | Pipeline::Room) {
        return Err("--csv prints documents; faces and rooms have --json".into());
    }
    let loader = Loader::new(settings, args.pack.as_deref())?;
    let mut printer = Printer::new(args)?;
    let mut print = |i: usize, answer: Answer| printer.print(&args.files[i], &answer);
    let count = args.files.len();
    match args.pipeline {
        Pipeline::Face => {
            let pipeline = loader.face_pipeline(settings.face.pipeline())?;
            let limits = settings.images.limits();
            let work = |i: usize| value(&describe_frame(&pipeline, &limits, &read(&args.files[i])?)?);
            each_in_order(count, "pictures", work, &mut print)?;
        }
        Pipeline::Room => {
            let visual = loader.visual()?;
            let heads = Heads::new(&settings.storage.data_dir);
            heads.refresh();
            let head = heads.for_embedder(&settings.hotel.default, &visual.embedder.model()).head;
            let reader = reader(&visual, head.as_ref().map(|h| Arc::clone(&h.head))).map_err(failed)?;
            let (name, limits) = (head.map(|h| h.name()), settings.images.limits());
            let work =
                |i: usize| value(&describe_room(&reader, name.as_deref(), &limits, read(&args.files[i])?)?);
            each_in_order(count, "photos", work, &mut print)?;
        }
        Pipeline::OcrInvoice => {
            let documents = loader.documents(settings)?;
            let work = |i: usize| {
                let bytes = read(&args.files[i])?;
                value(&documents.invoice(&bytes, args.country.clone(), &Ticket::unlimited())?.0)
            };
            each_in_order(count, "documents", work, &mut print)?;
        }
        Pipeline::OcrId => {
            let documents = loader.documents(settings)?;
            let faces = portraits(&loader, settings)?;
            let work = |i: usize| identity(args, &documents, faces.as_ref(), &args.files[i]);
            each_in_order(count, "documents", work, &mut print)?;
        }
    }
    Ok(if printer.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Writes one line for each file.
struct Printer {
    pipeline: Pipeline,
    json: bool,
    table: Option<csv::Writer<std::io::Stdout>>,
    failed: bool,
}

impl Printer {
    fn new(args: &Args) -> Result<Self, Failure> {
        let mut table = args.csv.then(|| csv::Writer::from_writer(std::io::stdout()));
        if let Some(table) = &mut table {
            let names = columns(args.pipeline).iter().map(|c| c.0);
            table.write_record(["file"].into_iter().chain(names).chain(["error"]))?;
        }
        Ok(Self { pipeline: args.pipeline, json: args.json, table, failed: false })
    }

    fn print(&mut self, file: &Path, answer: &Answer) -> Result<(), Failure> {
        self.failed |= answer.is_err();
        let name = file.display().to_string();
        if let Some(table) = &mut self.table {
            table.write_record(row(self.pipeline, name, answer))?;
            table.flush()?;
        } else if self.json {
            say(line(&name, answer))?;
        } else {
            say(words(self.pipeline, &name, answer))?;
        }
        Ok(())
    }
}

/// What finds the portrait, when its models are installed: a card is read without them.
fn portraits(loader: &Loader, settings: &Settings) -> Result<Option<FacePipeline>, ModelsError> {
    match loader.face_pipeline(settings.face.pipeline()) {
        Ok(pipeline) => Ok(Some(pipeline)),
        Err(ModelsError::NotInstalled { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn identity(args: &Args, documents: &Documents, faces: Option<&FacePipeline>, file: &Path) -> Answer {
    let asked = args.document_type.as_deref().map(document_type).transpose()?;
    let faces = faces.ok_or(ErrorCode::ModelNotInstalled.as_str());
    value(&documents.identity(&read(file)?, asked, faces, &Ticket::unlimited())?)
}

fn read(file: &Path) -> Result<Vec<u8>, Problem> {
    std::fs::read(file).map_err(|e| Problem::new(ErrorCode::NotFound, e.to_string()))
}

/// The line of a file as a program reads it.
fn line(name: &str, answer: &Answer) -> Value {
    let mut line = json!({ "file": name });
    match answer {
        Ok(Value::Object(more)) => {
            if let Value::Object(line) = &mut line {
                line.extend(more.clone());
            }
        }
        Ok(_) => {}
        Err(problem) => line["error"] = problem.document(None),
    }
    line
}

/// The value at a path, as text; empty when there is none.
fn text(answer: &Value, path: &str) -> String {
    match answer.pointer(path) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(all)) => all.len().to_string(),
        Some(other) => other.to_string(),
    }
}

/// The columns of a table: their names, and where their values stand in an answer.
fn columns(pipeline: Pipeline) -> &'static [(&'static str, &'static str)] {
    match pipeline {
        Pipeline::Face | Pipeline::Room => &[],
        Pipeline::OcrInvoice => &[
            ("invoice_number", "/invoice_number"),
            ("date", "/date"),
            ("due_date", "/due_date"),
            ("vendor", "/vendor/name"),
            ("vendor_address", "/vendor/address"),
            ("vendor_tax_id", "/vendor/tax_id"),
            ("customer", "/customer/name"),
            ("subtotal", "/subtotal"),
            ("tax", "/tax"),
            ("service_charge", "/service_charge"),
            ("tip", "/tip"),
            ("discount", "/discount"),
            ("rounding", "/rounding"),
            ("total_amount", "/total_amount"),
            ("currency", "/currency"),
            ("payment_method", "/payment_method"),
            ("items", "/items"),
            ("confidence", "/confidence"),
        ],
        Pipeline::OcrId => &[
            ("document_type", "/document_type"),
            ("surname", "/name/surname"),
            ("given_names", "/name/given"),
            ("full_name", "/name/full"),
            ("document_number", "/document_number"),
            ("nationality", "/nationality"),
            ("issuing_state", "/issuing_state"),
            ("date_of_birth", "/date_of_birth"),
            ("sex", "/sex"),
            ("expiry_date", "/expiry_date"),
            ("issue_date", "/issue_date"),
            ("mrz_valid", "/mrz/valid"),
            ("confidence", "/confidence"),
        ],
    }
}

/// The row of a file in a table.
fn row(pipeline: Pipeline, name: String, answer: &Answer) -> Vec<String> {
    let columns = columns(pipeline);
    let mut row = vec![name];
    match answer {
        Ok(answer) => {
            row.extend(columns.iter().map(|(_, path)| text(answer, path)));
            row.push(String::new());
        }
        Err(problem) => {
            row.extend(columns.iter().map(|_| String::new()));
            row.push(problem.code.as_str().to_owned());
        }
    }
    row
}

/// The line of a file as a person reads it.
fn words(pipeline: Pipeline, name: &str, answer: &Answer) -> String {
    let answer = match answer {
        Ok(answer) => answer,
        Err(problem) => return format!("{name}: {} ({})", problem.detail, problem.code.as_str()),
    };
    let or = |path: &str, other: &str| {
        Some(text(answer, path)).filter(|t| !t.is_empty()).unwrap_or(other.to_owned())
    };
    match pipeline {
        Pipeline::Face => {
            let alive = match answer["is_alive"].as_bool() {
                Some(true) => "alive",
                Some(false) => "not alive",
                None => "liveness unknown",
            };
            let (faces, ms) = (text(answer, "/faces"), text(answer, "/recognition_time_ms"));
            format!("{name}: {faces} faces, {alive}, {ms} ms")
        }
        Pipeline::Room => {
            let tags: Vec<&str> =
                answer["tags"].as_array().into_iter().flatten().filter_map(|t| t["label"].as_str()).collect();
            let tags = if tags.is_empty() { "nothing seen".to_owned() } else { tags.join(", ") };
            format!("{name}: {}, {tags}, {} ms", text(answer, "/status"), text(answer, "/time_ms"))
        }
        Pipeline::OcrInvoice => {
            let contradictions = answer["checks"].as_array().map_or(0, |checks| {
                checks.iter().filter(|check| check["outcome"] == "contradiction").count()
            });
            format!(
                "{name}: {} on {}, {} {}, {} items, confidence {:.2}, {contradictions} contradictions, {} ms",
                or("/vendor/name", "vendor unknown"),
                or("/date", "unknown date"),
                or("/total_amount", "no total"),
                text(answer, "/currency"),
                or("/items", "0"),
                answer["confidence"].as_f64().unwrap_or_default(),
                text(answer, "/time_ms"),
            )
        }
        Pipeline::OcrId => {
            let zone = match answer.pointer("/mrz/valid").and_then(Value::as_bool) {
                Some(true) => "zone valid",
                Some(false) => "zone NOT valid",
                None => "no zone",
            };
            format!(
                "{name}: {} {}, {} {}, born {}, expires {}, {zone}, confidence {:.2}, {} ms",
                or("/document_type", "document"),
                or("/document_number", "without number"),
                text(answer, "/name/given"),
                or("/name/surname", &text(answer, "/name/full")),
                or("/date_of_birth", "unknown"),
                or("/expiry_date", "unknown"),
                answer["confidence"].as_f64().unwrap_or_default(),
                text(answer, "/time_ms"),
            )
        }
    }
}
