//! Many pictures at once into the index of a hotel: straight into a data directory, or through a running server.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use innkeeper_core::HotelId;
use innkeeper_runtime::Ticket;
use innkeeper_store::ImageCategory;
use reqwest::blocking::Client;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;

use super::each::each_in_order;
use super::{Failure, Outcome, say};
use crate::app::Engines;
use crate::config::Settings;
use crate::models::Loader;
use crate::problem::Problem;
use crate::service::images::{ImageGallery, Metadata, NewPicture, OnDuplicate, prepare};
use crate::service::{Gallery, Visual};

/// Who the tables say it was.
const ACTOR: &str = "innkeeper index";
/// What is read.
const KINDS: [&str; 6] = ["jpg", "jpeg", "png", "webp", "bmp", "gif"];
/// How often a busy server is asked again for one picture.
const PATIENCE: usize = 120;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Folders name rooms and tags. With --category room the first folder below FOLDER is the room number, unless --room \
says it; every further folder is a tag. With other categories every folder is a tag:\n\
  innkeeper index photos --category room          # photos/201/clean/a.jpg: room 201, tag clean\n\
  innkeeper index items --category amenity        # items/kettle/b.jpg: tag kettle\n\n\
A file that is here already under its category is passed over, so an interrupted run is begun again with the same \
command. Without --server the server must be stopped:\n\
  innkeeper index photos --category room --server http://127.0.0.1:8000 --token \"$TOKEN\"")]
pub(super) struct Args {
    /// The folder; those in it are looked through too, links are not followed.
    folder: PathBuf,
    /// room, lost_found or amenity.
    #[arg(long)]
    category: ImageCategory,
    /// The room that all of them show.
    #[arg(long, value_name = "NUMBER")]
    room: Option<String>,
    /// Tags for all of them, with commas between them.
    #[arg(long, value_delimiter = ',')]
    tags: Vec<String>,
    /// The hotel [default: hotel.default]. With --server the token says it.
    #[arg(long, conflicts_with = "server")]
    hotel: Option<HotelId>,
    /// The data directory [default: storage.data_dir, ./data].
    #[arg(long, value_name = "DIR", conflicts_with = "server")]
    data_dir: Option<PathBuf>,
    /// Send them to a running server, such as http://127.0.0.1:8000.
    #[arg(long, value_name = "URL", requires = "token")]
    server: Option<String>,
    /// A token with cv:index.
    #[arg(long, env = "INNKEEPER_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// A picture and what its place says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    path: PathBuf,
    room: Option<String>,
    tags: Vec<String>,
}

/// The pictures below a folder, by name.
fn pictures(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let listed = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        for entry in listed {
            let entry = entry.map_err(|e| format!("{}: {e}", folder.display()))?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            let read = path.extension().is_some_and(|e| KINDS.iter().any(|k| e.eq_ignore_ascii_case(k)));
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if kind.is_dir() && !hidden {
                folders.push(path);
            } else if kind.is_file() && read && !hidden {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// What the folders between say of a picture.
fn place(
    folder: &Path,
    path: PathBuf,
    category: ImageCategory,
    room: Option<&str>,
    tags: &[String],
) -> Found {
    let below = path.parent().and_then(|p| p.strip_prefix(folder).ok()).unwrap_or(Path::new(""));
    let mut names: Vec<String> =
        below.components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
    let mut room = room.map(str::to_owned);
    if category == ImageCategory::Room && room.is_none() && !names.is_empty() {
        room = Some(names.remove(0));
    }
    Found { path, room, tags: tags.iter().cloned().chain(names).collect() }
}

/// Keeps one picture after the other.
trait Keeper: Sync {
    fn keep(&self, found: &Found, bytes: Vec<u8>) -> Result<Value, Value>;
}

/// Writes into the data directory.
struct Local {
    runtime: Runtime,
    gallery: Arc<ImageGallery>,
    visual: Arc<Visual>,
    settings: Settings,
    hotel: HotelId,
    category: ImageCategory,
}

impl Local {
    fn kept(&self, found: &Found, bytes: &[u8]) -> Result<Value, Problem> {
        let known = Metadata {
            category: self.category.as_str().to_owned(),
            room_number: found.room.clone(),
            tags: found.tags.clone(),
            ..Metadata::default()
        }
        .check()?;
        let sha256 = hex::encode(Sha256::digest(bytes));
        let here = self.gallery.same_file(&self.hotel, &known, &sha256);
        let answer = if let Some(here) = self.runtime.block_on(here)? {
            here
        } else {
            let picture = prepare(&self.visual, &self.settings.images, bytes, &Ticket::unlimited())?;
            let new = NewPicture { known, picture: Some(picture), on_duplicate: OnDuplicate::Reuse };
            self.runtime.block_on(Box::pin(self.gallery.admit(&self.hotel, ACTOR, new)))?
        };
        serde_json::to_value(answer).map_err(|e| Problem::internal(&e))
    }
}

impl Keeper for Local {
    fn keep(&self, found: &Found, bytes: Vec<u8>) -> Result<Value, Value> {
        self.kept(found, &bytes).map_err(|problem| problem.document(None))
    }
}

/// Sends to a server.
struct Remote {
    client: Client,
    address: String,
    token: String,
    category: ImageCategory,
}

impl Keeper for Remote {
    fn keep(&self, found: &Found, bytes: Vec<u8>) -> Result<Value, Value> {
        let tags = found.tags.join(",");
        let mut query =
            vec![("category", self.category.as_str()), ("on_duplicate", "reuse"), ("tags", &tags)];
        query.extend(found.room.as_deref().map(|room| ("room_number", room)));
        let lost = |e: reqwest::Error| json!({ "code": "no_answer", "detail": e.without_url().to_string() });
        for _ in 0..PATIENCE {
            let request = self
                .client
                .post(&self.address)
                .query(&query)
                .bearer_auth(&self.token)
                .header("content-type", "application/octet-stream")
                .body(bytes.clone());
            let answer = request.send().map_err(lost)?;
            let (good, status) = (answer.status().is_success(), answer.status().as_u16());
            let text = answer.text().map_err(lost)?;
            let told: Value = serde_json::from_str(&text).unwrap_or_else(
                |_| json!({ "status": status, "code": "no_answer", "detail": "no JSON came back" }),
            );
            if good {
                return Ok(told);
            }
            // Too many calls, or too much work: the server says when to come back.
            match told["retry_after"].as_u64() {
                Some(seconds) if status == 429 || status == 503 => {
                    std::thread::sleep(Duration::from_secs(seconds.clamp(1, 60)));
                }
                _ => return Err(told),
            }
        }
        Err(json!({ "code": "overloaded", "detail": "the server is busy" }))
    }
}

/// One line for one file, and whether it failed.
fn line(path: &Path, outcome: &Result<Value, Value>, as_json: bool) -> String {
    let file = path.display().to_string();
    if as_json {
        return match outcome {
            Ok(answer) => {
                let mut line = json!({ "file": file });
                if let (Some(line), Some(answer)) = (line.as_object_mut(), answer.as_object()) {
                    line.extend(answer.clone());
                }
                line.to_string()
            }
            Err(problem) => json!({ "file": file, "error": problem }).to_string(),
        };
    }
    match outcome {
        Ok(answer) if answer["already_there"] == true => {
            format!("{file}: here already as {}", answer["image_id"].as_str().unwrap_or_default())
        }
        Ok(answer) => {
            let like = answer["duplicates"].as_array().map_or(0, Vec::len);
            let like = if like > 0 { format!(", like {like} others") } else { String::new() };
            format!("{file}: kept as {}{like}", answer["image_id"].as_str().unwrap_or_default())
        }
        Err(problem) => format!(
            "{file}: FAILED, {} ({})",
            problem["detail"].as_str().unwrap_or_default(),
            problem["code"].as_str().unwrap_or_default()
        ),
    }
}

/// Opens tables, index, pictures and models.
fn local(args: &Args, settings: Settings) -> Result<Local, Failure> {
    let settings = settings.with_data_dir(args.data_dir.clone());
    let hotel = args.hotel.clone().unwrap_or_else(|| settings.hotel.default.clone());
    let visual = Arc::new(Loader::new(&settings, None)?.visual()?);
    let runtime = Runtime::new()?;
    let gallery = runtime.block_on(async {
        let engines = Engines::open(&settings).await?;
        let faces = Arc::new(Gallery::new(engines.clone()));
        faces.reconcile().await?;
        let gallery = Arc::new(ImageGallery::new(engines, faces, &settings));
        gallery.reconcile().await?;
        gallery.open_index(&visual).await.map_err(|problem| problem.detail)?;
        Ok::<_, Failure>(gallery)
    })?;
    Ok(Local { runtime, gallery, visual, settings, hotel, category: args.category })
}

pub(super) fn run(args: &Args, settings: Settings) -> Outcome {
    let started = Utc::now();
    let room = args.room.as_deref();
    let found: Vec<Found> = pictures(&args.folder)?
        .into_iter()
        .map(|path| place(&args.folder, path, args.category, room, &args.tags))
        .collect();
    if found.is_empty() {
        return Err(format!("{} holds no pictures", args.folder.display()).into());
    }
    let (mut kept, mut here, mut failed) = (0, 0, 0);
    let mut done = |i: usize, outcome: Result<Value, Value>| -> Result<(), Failure> {
        match &outcome {
            Ok(answer) if answer["already_there"] == true => here += 1,
            Ok(_) => kept += 1,
            Err(_) => failed += 1,
        }
        say(line(&found[i].path, &outcome, args.json)).map(|_| ())
    };
    let work = |keeper: &dyn Keeper, i: usize| {
        let found: &Found = &found[i];
        match std::fs::read(&found.path) {
            Ok(bytes) => keeper.keep(found, bytes),
            Err(error) => Err(json!({ "code": "unreadable_file", "detail": error.to_string() })),
        }
    };
    if let (Some(server), Some(token)) = (&args.server, &args.token) {
        let remote = Remote {
            client: Client::builder().timeout(Duration::from_mins(2)).build()?,
            address: format!("{}/api/v1/cv/image/index", server.trim_end_matches('/')),
            token: token.clone(),
            category: args.category,
        };
        each_in_order(found.len(), "pictures", |i| work(&remote, i), &mut done)?;
    } else {
        let local = local(args, settings)?;
        each_in_order(found.len(), "pictures", |i| work(&local, i), &mut done)?;
        let Local { runtime, gallery, .. } = local;
        runtime.block_on(async {
            gallery.scrub().await?;
            gallery.engines.clone().close().await;
            Ok::<_, Failure>(())
        })?;
    }
    let seconds = (Utc::now() - started).as_seconds_f32();
    eprintln!("{kept} kept, {here} here already, {failed} failed in {seconds:.1} s");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_name_rooms_and_tags() {
        let folder = Path::new("photos");
        let of = |path: &str, category, room| {
            let found = place(folder, PathBuf::from(path), category, room, &["new".to_owned()]);
            (found.room, found.tags)
        };
        let tags = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let room = ImageCategory::Room;
        assert_eq!(of("photos/a.jpg", room, None), (None, tags(&["new"])));
        assert_eq!(of("photos/201/a.jpg", room, None), (Some("201".to_owned()), tags(&["new"])));
        assert_eq!(
            of("photos/201/clean/a.jpg", room, None),
            (Some("201".to_owned()), tags(&["new", "clean"]))
        );
        assert_eq!(
            of("photos/clean/a.jpg", room, Some("7")),
            (Some("7".to_owned()), tags(&["new", "clean"]))
        );
        assert_eq!(of("photos/kettle/a.jpg", ImageCategory::Amenity, None), (None, tags(&["new", "kettle"])));
    }

    #[test]
    fn every_outcome_is_a_line_that_says_so() {
        let path = Path::new("a.jpg");
        let kept = Ok(json!({ "image_id": "x", "already_there": false, "duplicates": [{}] }));
        assert_eq!(line(path, &kept, false), "a.jpg: kept as x, like 1 others");
        let failed = Err(json!({ "code": "broken_image", "detail": "it ends" }));
        assert_eq!(line(path, &failed, false), "a.jpg: FAILED, it ends (broken_image)");
        let told: Value = serde_json::from_str(&line(path, &failed, true)).unwrap();
        assert_eq!((&told["file"], &told["error"]["code"]), (&json!("a.jpg"), &json!("broken_image")));
    }
}
