//! `evaluate room` and `evaluate visual-search`. The formats are described in datasets/README.md.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use innkeeper_core::{DecodeLimits, Embedding, Picture};
use innkeeper_heads::{FitSettings, Head};
use innkeeper_room::evaluation::{Described, Evaluation};
use innkeeper_runtime::Ticket;
use innkeeper_visual_search::evaluation::leave_one_out;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Failure;
use super::each::each_in_order;
use super::registry::failed;
use super::rows::{Row, read_rows};
use crate::config::Settings;
use crate::models::Loader;
use crate::service::heads::Heads;
use crate::service::room::reader;

/// A photo of a list.
struct Listed {
    path: PathBuf,
    described: Described,
}

/// The photos of a list that say something, each hashed: a list may say another hash than the file has.
fn listed(rows: &[Row], data: &Path, set: Option<&str>) -> Result<Vec<Listed>, Failure> {
    let mut all = Vec::new();
    for row in rows.iter().filter(|row| set.is_none_or(|set| row.get("set") == set)) {
        let path = data.join(row.get("path"));
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let text = |column: &str| row.get(column).to_owned();
        let (set, label, group) = (text("set"), text("label"), text("group"));
        let known = innkeeper_learning::room_tags::labels_of(&set, &label);
        let mut described = Described { set, label, known, group, stem, picture: String::new() };
        if described.is_used() {
            described.picture = hex::encode(Sha256::digest(bytes_of(&path)?));
            all.push(Listed { path, described });
        }
    }
    Ok(all)
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()).into())
}

/// Refuses photos that the head learnt from: on those it would only be asked what it was told.
fn refuse_known(photos: &[Listed], head: &Head) -> Result<(), Failure> {
    // Pairs are compared with each other; no head is asked about them.
    let asked = photos.iter().filter(|photo| photo.described.set != "pairs");
    let known: Vec<_> = asked.filter(|photo| head.was_trained_on(&photo.described.picture)).collect();
    let Some(first) = known.first() else { return Ok(()) };
    let (n, first) = (known.len(), first.path.display());
    Err(format!(
        "the head learnt from {n} of these photos, {first} among them; --cross-validate fits heads without each fold"
    )
    .into())
}

/// Figures of rooms: tags and the comparison with reference photos.
pub(super) fn room(
    loader: &Loader,
    settings: &Settings,
    data: &Path,
    set: Option<&str>,
    cross_validate: bool,
) -> Result<Value, Failure> {
    let rows = read_rows(&data.join("FILES.tsv"))?;
    let photos = listed(&rows, data, set)?;
    let visual = loader.visual()?;
    let heads = Heads::new(&settings.storage.data_dir);
    heads.refresh();
    let head = heads.for_embedder(&settings.hotel.default, &visual.embedder.model()).head;
    if let Some(head) = head.as_ref().filter(|_| !cross_validate) {
        refuse_known(&photos, &head.head)?;
    }
    let reader = reader(&visual, head.as_ref().map(|h| Arc::clone(&h.head))).map_err(failed)?;
    let limits = settings.images.limits();
    let mut evaluation = Evaluation::new(&reader);
    let mut broken = Vec::new();
    let open = |i: usize| -> Result<Option<Picture>, Failure> {
        Ok(Picture::decode(&bytes_of(&photos[i].path)?, &limits).ok())
    };
    each_in_order(photos.len(), "photos", open, |i, picture| {
        match picture? {
            Some(picture) => evaluation.add(&photos[i].described, picture)?,
            None => broken.push(format!("{} cannot be decoded and is left out", photos[i].path.display())),
        }
        Ok(())
    })?;
    let refit = cross_validate.then(|| FitSettings::new(visual.embedder.model()));
    let figures = evaluation.finish(refit.as_ref())?;
    let mut value: Value = serde_json::from_str(&serde_json::to_string(&figures)?)?;
    let reasons = value["reasons"].as_array().cloned().unwrap_or_default();
    value["reasons"] =
        json!(reasons.into_iter().chain(broken.into_iter().map(Value::from)).collect::<Vec<_>>());
    let head = head.filter(|_| !cross_validate).map(|head| head.name());
    value["models"] = json!(reader.models().into_iter().chain(head).collect::<Vec<_>>());
    Ok(value)
}

/// Figures of search: each picture of a set asked for among the others, found when one of its label comes first.
pub(super) fn visual_search(
    loader: &Loader,
    limits: &DecodeLimits,
    data: &Path,
    set: Option<&str>,
) -> Result<Value, Failure> {
    let Some(set) = set else { return Err("name the set of pictures to search with --set".into()) };
    let rows = read_rows(&data.join("FILES.tsv"))?;
    let rows: Vec<&Row> = rows.iter().filter(|row| row.get("set") == set).collect();
    let visual = loader.visual()?;
    let look = |i: usize| -> Result<Option<(String, Embedding)>, Failure> {
        let bytes = bytes_of(&data.join(rows[i].get("path")))?;
        let Ok(picture) = Picture::decode(&bytes, limits) else { return Ok(None) };
        let description = visual.describer.describe(&picture, &Ticket::unlimited())?;
        Ok(Some((rows[i].get("label").to_owned(), description.descriptor)))
    };
    let (mut pictures, mut reasons) = (Vec::new(), Vec::new());
    each_in_order(rows.len(), "pictures", look, |i, seen| {
        match seen? {
            Some(seen) => pictures.push(seen),
            None => reasons.push(format!("{} cannot be decoded and is left out", rows[i].get("path"))),
        }
        Ok(())
    })?;
    let figures = leave_one_out(&pictures)?;
    let mut value: Value = serde_json::from_str(&serde_json::to_string(&figures)?)?;
    if let Some(more) = value["reasons"].as_array() {
        reasons.extend(more.iter().filter_map(|v| Some(v.as_str()?.to_owned())));
    }
    reasons.extend(visual.describer.centre().measured_on(set));
    if pictures.is_empty() {
        reasons.push(format!("{} lists no picture of the set {set}", data.join("FILES.tsv").display()));
    }
    value["reasons"] = json!(reasons);
    value["set"] = json!(set);
    value["models"] = json!([visual.describer.model().to_string()]);
    Ok(value)
}
