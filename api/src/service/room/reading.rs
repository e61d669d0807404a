//! From the bytes of photos to what they say of a room, without tables. The server and the command line share it.

use std::sync::Arc;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use innkeeper_core::{DecodeLimits, ErrorCode, Picture};
use innkeeper_heads::Head;
use innkeeper_room::{PhotoReading, Reference, RoomContext, RoomReader, RoomVerdict, Tag, judge};
use innkeeper_runtime::Ticket;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::answers::{Models, RoomView};
use crate::problem::Problem;
use crate::service::Visual;
use crate::service::recognise::ms;
use crate::service::value::value;

/// What reads the photos of a hotel's rooms: the networks, and the head that answers there.
pub(crate) fn reader(visual: &Visual, head: Option<Arc<Head>>) -> Result<RoomReader, Problem> {
    let objects = visual.objects.as_ref().ok().map(Arc::clone);
    let settings = innkeeper_room::RoomSettings::default();
    Ok(RoomReader::new(Arc::clone(&visual.embedder), head, objects, settings)?)
}

/// Photos on their way through the models.
pub(crate) struct RoomWork<'a> {
    pub reader: &'a RoomReader,
    pub limits: &'a DecodeLimits,
    pub references: &'a [Reference],
    pub context: &'a RoomContext,
}

/// What came of it.
pub(crate) struct RoomSeen {
    pub verdict: RoomVerdict,
    /// What a correction needs of each photo.
    pub kept: Vec<Value>,
    /// What holds and what may hold, photo by photo: the verdict has each label only once.
    pub tags: Vec<Tag>,
    pub unsure: Vec<Tag>,
    /// Whether something else than tags keeps the room from being ready, such as a photo that cannot be judged.
    pub blocked: bool,
}

impl RoomWork<'_> {
    /// Reads each photo, one after the other, and joins what they say.
    pub fn look(&self, photos: &[Bytes], ticket: &Ticket) -> Result<RoomSeen, Problem> {
        let mut readings = Vec::with_capacity(photos.len());
        let mut kept = Vec::with_capacity(photos.len());
        for (i, bytes) in photos.iter().enumerate() {
            let reading = self.read(bytes, ticket).map_err(|mut problem| {
                if photos.len() > 1 {
                    problem.detail = format!("photo {}: {}", i + 1, problem.detail);
                }
                problem.with("photo", (i + 1).into())
            })?;
            kept.push(what_is_kept(bytes, &reading)?);
            readings.push(reading);
        }
        let verdict = self.reader.verdict(&readings, self.context)?;
        let tags: Vec<Tag> = verdict.photos.iter().flat_map(|photo| photo.tags.iter().cloned()).collect();
        let usable = |(_, reading): &(usize, &PhotoReading)| reading.quality.usable;
        let unsure: Vec<Tag> = readings
            .iter()
            .enumerate()
            .filter(usable)
            .flat_map(|(i, reading)| {
                reading.unsure.iter().map(move |tag| Tag { photo: i + 1, ..tag.clone() })
            })
            .collect();
        let by_tags = judge(&tags, &unsure, self.context).ready_for_guest;
        let unusable = readings.iter().any(|reading| !reading.quality.usable);
        let blocked = unusable || by_tags && !verdict.ready_for_guest;
        Ok(RoomSeen { verdict, kept, tags, unsure, blocked })
    }

    fn read(&self, bytes: &Bytes, ticket: &Ticket) -> Result<PhotoReading, Problem> {
        let picture = Picture::decode(bytes, self.limits)?;
        Ok(self.reader.read(&picture, self.references, ticket)?)
    }
}

/// The numbers of a photo from which a correction can be learnt; the photo itself is not among them. One in which
/// nothing can be seen has nothing to teach, whatever is said of the room.
fn what_is_kept(bytes: &Bytes, reading: &PhotoReading) -> Result<Value, Problem> {
    let embedding = reading.features.as_ref().filter(|_| reading.quality.usable).map(|features| {
        let bytes: Vec<u8> = features.pooled().iter().flat_map(|v| v.to_le_bytes()).collect();
        json!({ "model": features.model().to_string(), "vector": STANDARD.encode(bytes) })
    });
    Ok(json!({
        "sha256": hex::encode(Sha256::digest(bytes)),
        "embedding": embedding,
        "probabilities": value(&reading.probabilities)?,
    }))
}

/// The pooled embedding of a kept photo and the model it belongs to.
pub(super) fn embedding_of(photo: &Value) -> Option<(String, Vec<f32>)> {
    let model = photo["embedding"]["model"].as_str()?.to_owned();
    let bytes = STANDARD.decode(photo["embedding"]["vector"].as_str()?).ok()?;
    let (numbers, []) = bytes.as_chunks::<4>() else { return None };
    Some((model, numbers.iter().map(|b| f32::from_le_bytes(*b)).collect()))
}

/// What one photo says of a room of which nothing is known.
pub(crate) fn describe_room(
    reader: &RoomReader,
    head: Option<&str>,
    limits: &DecodeLimits,
    bytes: Vec<u8>,
) -> Result<RoomView, Problem> {
    let started = Instant::now();
    let work = RoomWork { reader, limits, references: &[], context: &RoomContext::default() };
    let seen = work.look(&[Bytes::from(bytes)], &Ticket::unlimited()).map_err(|mut problem| {
        problem.more.remove("photo");
        problem
    })?;
    let models = Models { networks: reader.models(), head: head.map(str::to_owned), passed_over: None };
    Ok(RoomView::new(seen.verdict, models, ms(started.elapsed())))
}

/// The answer to photos none of which can be judged is not an error: it says what to do. A photo that was to be
/// kept as a reference is another matter.
pub(super) fn unusable(problems: &[String], hints: &[String]) -> Problem {
    let detail = format!("the photo cannot be used: {}", problems.join(", "));
    Problem::new(ErrorCode::PhotoQuality, detail)
        .with("problems", json!(problems))
        .with("hints", json!(hints))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedding_that_was_kept_comes_back_number_for_number() {
        let vector = [0.25f32, -1.5, f32::MIN_POSITIVE];
        let bytes: Vec<u8> = vector.iter().flat_map(|v| v.to_le_bytes()).collect();
        let photo = json!({"embedding": {"model": "m@1", "vector": STANDARD.encode(&bytes)}});
        assert_eq!(embedding_of(&photo), Some(("m@1".to_owned(), vector.to_vec())));
        let cut = json!({"embedding": {"model": "m@1", "vector": STANDARD.encode(&bytes[1..])}});
        assert_eq!(embedding_of(&cut), None);
        assert_eq!(embedding_of(&json!({"embedding": null})), None);
    }
}
