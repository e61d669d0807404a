use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use innkeeper_core::ErrorCode;
use serde_json::{Value, json};

use super::{Outcome, say};
use crate::config::Settings;
use crate::models::Loader;
use crate::problem::Problem;
use crate::service::describe_frame;

/// A pipeline that runs on files.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Pipeline {
    /// Faces with box, landmarks, quality and liveness.
    Face,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    pipeline: Pipeline,
    /// Pictures.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// One JSON object a line; without it one line of words.
    #[arg(long)]
    json: bool,
    /// The pack to use [default: models.pack].
    #[arg(long)]
    pack: Option<String>,
}

pub(super) fn run(args: &Args, settings: &Settings) -> Outcome {
    let Pipeline::Face = args.pipeline;
    let pipeline = Loader::new(settings, args.pack.as_deref())?.face_pipeline(settings.face.pipeline())?;
    let limits = settings.images.limits();
    let mut failed = false;
    for file in &args.files {
        let result = read(file).and_then(|bytes| describe_frame(&pipeline, &limits, &bytes));
        let name = file.display().to_string();
        match result {
            Ok(answer) if args.json => {
                let mut line = json!({"file": name});
                if let (Value::Object(line), Ok(Value::Object(more))) =
                    (&mut line, serde_json::to_value(&answer))
                {
                    line.extend(more);
                }
                say(line)?;
            }
            Ok(answer) => {
                let alive = match answer.is_alive {
                    Some(true) => "alive",
                    Some(false) => "not alive",
                    None => "liveness unknown",
                };
                say(format!(
                    "{name}: {} faces, {alive}, {} ms",
                    answer.faces.len(),
                    answer.recognition_time_ms
                ))?;
            }
            Err(problem) => {
                failed = true;
                if args.json {
                    say(json!({"file": name, "error": problem.document(None)}))?;
                } else {
                    say(format!("{name}: {} ({})", problem.detail, problem.code.as_str()))?;
                }
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn read(file: &Path) -> Result<Vec<u8>, Problem> {
    std::fs::read(file).map_err(|e| Problem::new(ErrorCode::NotFound, e.to_string()))
}
