//! The command line. Results go to standard output, logs and progress to standard error.

mod api_key;
mod audit;
mod doctor;
mod each;
mod evaluate;
mod evaluate_forecast;
mod evaluate_ocr;
mod evaluate_pricing;
mod evaluate_room;
mod face;
mod feed;
mod forecast;
mod frames;
mod images;
mod import;
mod import_cleanings;
mod import_tables;
mod index;
mod keys;
mod migrate;
mod packs;
mod picture;
mod predict;
mod progress;
mod receipts;
mod registry;
mod rows;
mod simulate;
mod simulate_pricing;
mod table;
mod token;
mod train;
mod train_room;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::app::Services;
use crate::config::{DEFAULTS, Settings};
use crate::telemetry;

/// Whatever a command fails with; printed with its causes.
type Failure = Box<dyn std::error::Error + Send + Sync>;
/// Success, or an exit code that the command chose.
type Outcome = Result<ExitCode, Failure>;

/// The inference service a hotel runs on its own hardware.
#[derive(Debug, Parser)]
#[command(name = "innkeeper", version, about, max_term_width = 100)]
struct Cli {
    /// Settings file [default: ./innkeeper.toml when it exists].
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where installed models live [default: models.dir, else ~/.local/share/innkeeper/models].
    #[arg(long, global = true, value_name = "DIR")]
    models_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

/// A service of the contract. One process serves all of them unless told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Service {
    /// Computer vision: faces, documents, rooms and images.
    Cv,
    /// What will be: forecasts.
    Ml,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service until Ctrl-C or SIGTERM.
    #[command(
        after_help = "Examples:\n  innkeeper serve\n  innkeeper serve --dev            # no tokens, loopback only\n  innkeeper serve --listen 0.0.0.0:8000 --data-dir /var/lib/innkeeper"
    )]
    Serve {
        /// Address and port [default: http.listen, 127.0.0.1:8000].
        #[arg(long)]
        listen: Option<SocketAddr>,
        /// Which services to run.
        #[arg(long, value_delimiter = ',', default_value = "cv,ml")]
        services: Vec<Service>,
        /// Tables, vectors, pictures and secrets [default: storage.data_dir, ./data].
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
        /// Answer everybody on this machine as admin, without tokens.
        #[arg(long)]
        dev: bool,
    },
    /// Print a signed token.
    #[command(
        after_help = "Example:\n  curl -H \"Authorization: Bearer $(innkeeper token --subject lobby --role camera)\" …"
    )]
    Token(token::Args),
    /// Make, list and revoke API keys.
    ApiKey {
        #[command(subcommand)]
        command: api_key::ApiKey,
    },
    /// Change the keys that seal stored data.
    Keys {
        #[command(subcommand)]
        command: keys::Keys,
    },
    /// Prove the audit log.
    Audit {
        #[command(subcommand)]
        command: audit::Audit,
    },
    /// Move tables and vectors from the data directory to PostgreSQL and a Qdrant server. Stop the server first.
    #[command(
        after_help = "Example:\n  INNKEEPER_QDRANT_API_KEY=… innkeeper migrate-engine \\\n    --database-url postgres://innkeeper@db/innkeeper --qdrant-url https://qdrant:6334"
    )]
    MigrateEngine(migrate::Args),
    /// Fetch, list and check models.
    Models {
        #[command(subcommand)]
        command: packs::Models,
    },
    /// Fetch small data sets for the demonstration and the tests.
    Datasets {
        #[command(subcommand)]
        command: packs::Datasets,
    },
    /// Look after the enrolled faces.
    Face {
        #[command(subcommand)]
        command: face::Face,
    },
    /// Put a folder of pictures into the index of a hotel.
    Index(index::Args),
    /// Look after the kept pictures.
    Images {
        #[command(subcommand)]
        command: images::Images,
    },
    /// Run a pipeline on files, without a server.
    Predict(predict::Args),
    /// Measure a model on data whose truth is known.
    Evaluate(evaluate::Args),
    /// Fit a model to labelled data, and print how well it does on what it did not see.
    Train(train::Args),
    /// Take over what the hotel wrote down elsewhere.
    Import {
        #[command(subcommand)]
        command: import::Import,
    },
    /// Fill a hotel's tables with a simulated hotel whose truth is known.
    Simulate(simulate::Args),
    /// Look at the frames that models learn from.
    Frames {
        #[command(subcommand)]
        command: frames::Frames,
    },
    /// Play price policies against each other on hotels whose demand is known, or design a trial of prices.
    SimulatePricing(simulate_pricing::Args),
    /// Forecast a hotel from its bookings, without a server.
    Forecast(forecast::Args),
    /// Say what is missing and which command mends it.
    Doctor {
        /// The data directory to look at [default: storage.data_dir, ./data].
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
    },
    /// Print settings.
    Config {
        /// The commented defaults, to start an innkeeper.toml from.
        #[arg(long, required = true)]
        default: bool,
    },
    /// Print the OpenAPI document.
    Openapi,
    /// Read the PDF file that comes through standard input, for the program that started this one.
    #[command(hide = true)]
    PdfWorker {
        /// PDFium.
        library: PathBuf,
    },
}

/// Reads the arguments, runs the command, and says why it failed.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("innkeeper: {error}");
            let mut cause = error.source();
            while let Some(inner) = cause {
                eprintln!("  because: {inner}");
                cause = inner.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Outcome {
    // These need no settings, so that a broken file can be mended with their help.
    match cli.command {
        Command::Config { default: _ } => return say(DEFAULTS.trim_end()),
        Command::Openapi => return say(crate::openapi::json()?.trim_end()),
        Command::PdfWorker { library } => return Ok(innkeeper_ocr::pdf::serve_worker(&library)),
        _ => {}
    }
    let mut settings = Settings::load(cli.config.as_deref())?;
    if let Some(dir) = cli.models_dir {
        settings.models.dir = Some(dir);
    }
    let serving = matches!(cli.command, Command::Serve { .. });
    // Commands print results; only what goes wrong belongs beside them.
    let quiet = std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".to_owned());
    telemetry::logs(if serving { &settings.log.filter } else { &quiet }, settings.log.json && serving);
    match cli.command {
        Command::Serve { listen, services, data_dir, dev } => {
            let mut settings = settings.with_data_dir(data_dir);
            if let Some(address) = listen {
                settings.http.listen = address;
            }
            let asked = |service| services.contains(&service);
            let services = Services { cv: asked(Service::Cv), ml: asked(Service::Ml) };
            tracing::info!(?services, version = env!("CARGO_PKG_VERSION"), "starting");
            tokio::runtime::Runtime::new()?.block_on(crate::serve::serve(settings, dev, services))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Token(args) => token::print(args, settings),
        Command::ApiKey { command } => api_key::run(command, settings),
        Command::Keys { command } => keys::run(command, settings),
        Command::Audit { command } => audit::run(command, settings),
        Command::MigrateEngine(args) => migrate::run(args, settings),
        Command::Models { command } => packs::models(command, &settings),
        Command::Datasets { command } => packs::datasets(command),
        Command::Face { command } => face::run(command, settings),
        Command::Index(args) => index::run(&args, settings),
        Command::Images { command } => images::run(command, settings),
        Command::Predict(args) => predict::run(&args, &settings),
        Command::Evaluate(args) => evaluate::run(&args, &settings),
        Command::Train(args) => train::run(&args, &settings),
        Command::Import { command } => import::run(&command, settings),
        Command::Simulate(args) => simulate::run(&args, settings),
        Command::Frames { command } => frames::run(command, &settings),
        Command::SimulatePricing(args) => simulate_pricing::run(&args, &settings),
        Command::Forecast(args) => forecast::run(&args, &settings),
        Command::Doctor { data_dir } => doctor::run(&settings.with_data_dir(data_dir)),
        Command::Config { .. } | Command::Openapi | Command::PdfWorker { .. } => Ok(ExitCode::SUCCESS),
    }
}

/// Prints a result. A closed pipe (`| head`) is the reader's wish, not an error.
#[expect(clippy::unnecessary_wraps, reason = "the end of every command")]
fn say(text: impl std::fmt::Display) -> Outcome {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{text}");
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
