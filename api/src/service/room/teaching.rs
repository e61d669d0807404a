//! What corrections of rooms teach: photos with the tags that a person said of them.

use std::collections::BTreeMap;

use innkeeper_core::HotelId;
use innkeeper_heads::Example;
use innkeeper_store::Label;
use serde_json::Value;

use super::reading::embedding_of;
use crate::service::heads::OWN;

/// A photo to learn from, and the model whose embedding it is.
pub(crate) struct Taught {
    pub embedder: String,
    pub example: Example,
}

fn labels_of(value: &Value) -> BTreeMap<String, bool> {
    let members = value.as_object().into_iter().flatten();
    members.filter_map(|(label, holds)| Some((label.clone(), holds.as_bool()?))).collect()
}

/// The probability that the answer gave a label in a photo.
fn probability(photo: &Value, label: &str) -> Option<f64> {
    let said = photo["probabilities"].as_array().into_iter().flatten();
    said.filter(|said| said["label"] == label).find_map(|said| said["probability"].as_f64())
}

/// The photos of a corrected answer. A tag that does not hold for the room is in none of its photos; one that holds
/// is learnt from the photo where the answer saw most of it, unless the person named the photo. Photos of which
/// nothing was said, or that were too poor to be looked at, teach nothing.
pub(crate) fn taught(label: &Label, hotel: &HotelId) -> Vec<Taught> {
    let (content, said) = (&label.content, &label.correction["photos"]);
    let photos: Vec<&Value> = content["photos"].as_array().into_iter().flatten().collect();
    let of_room = labels_of(&said["room"]);
    let mut labels: Vec<BTreeMap<String, bool>> = vec![BTreeMap::new(); photos.len()];
    for (label, holds) in &of_room {
        if !holds {
            for one in &mut labels {
                one.insert(label.clone(), false);
            }
            continue;
        }
        let said = photos.iter().enumerate().filter_map(|(i, photo)| Some((i, probability(photo, label)?)));
        let most = said.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(i, _)| i);
        // Of one photo there is nothing to choose.
        let most = most.or_else(|| (photos.len() == 1).then_some(0));
        if let Some(one) = most.and_then(|i| labels.get_mut(i)) {
            one.insert(label.clone(), true);
        }
    }
    for (i, one) in labels.iter_mut().enumerate() {
        one.extend(labels_of(&said[(i + 1).to_string()]));
    }
    let room = content["room_number"].as_str().unwrap_or_default();
    let mut all = Vec::new();
    for (photo, labels) in photos.into_iter().zip(labels) {
        let Some((embedder, embedding)) = embedding_of(photo) else { continue };
        if labels.is_empty() {
            continue;
        }
        all.push(Taught {
            embedder,
            example: Example {
                embedding,
                labels,
                group: format!("{hotel}/{room}"),
                source: OWN.to_owned(),
                picture: photo["sha256"].as_str().unwrap_or_default().to_owned(),
            },
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use chrono::DateTime;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn label(photos: &[f64], correction: &Value) -> Label {
        let vector: Vec<u8> = [1.0f32, 0.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        let photo = |(i, p): (usize, &f64)| {
            json!({
                "sha256": format!("photo{}", i + 1),
                "embedding": {"model": "m@1", "vector": STANDARD.encode(&vector)},
                "probabilities": [{"label": "messy", "probability": p, "holds": null}],
            })
        };
        Label {
            id: Uuid::nil(),
            answer_id: Uuid::nil(),
            model: "room-tags".to_owned(),
            content: json!({
                "room_number": "201", "photos": photos.iter().enumerate().map(photo).collect::<Vec<_>>(),
            }),
            correction: json!({ "photos": correction }),
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    fn learnt(label: &Label) -> Vec<(String, BTreeMap<String, bool>)> {
        let all = taught(label, &"h1".parse().unwrap());
        assert!(all.iter().all(|t| t.example.group == "h1/201" && t.embedder == "m@1"));
        all.into_iter().map(|t| (t.example.picture, t.example.labels)).collect()
    }

    fn holds(label: &str, holds: bool) -> BTreeMap<String, bool> {
        BTreeMap::from([(label.to_owned(), holds)])
    }

    #[test]
    fn a_tag_of_the_room_is_learnt_from_the_photo_that_shows_most_of_it() {
        let learnt_true = learnt(&label(&[0.2, 0.7], &json!({"room": {"messy": true}})));
        assert_eq!(learnt_true, [("photo2".to_owned(), holds("messy", true))]);
        let learnt_false = learnt(&label(&[0.2, 0.7], &json!({"room": {"messy": false}})));
        assert_eq!(learnt_false.len(), 2, "a tag that does not hold is in no photo");
    }

    #[test]
    fn what_is_said_of_a_photo_weighs_more_than_what_is_said_of_the_room() {
        let both = &json!({"room": {"messy": false}, "2": {"messy": true, "minibar_open": true}});
        let learnt = learnt(&label(&[0.2, 0.7], both));
        assert_eq!(learnt[0], ("photo1".to_owned(), holds("messy", false)));
        assert_eq!(
            learnt[1].1,
            BTreeMap::from([("messy".to_owned(), true), ("minibar_open".to_owned(), true)])
        );
    }

    #[test]
    fn a_new_tag_of_the_only_photo_is_learnt_and_one_of_nobody_knows_which_is_not() {
        let one = learnt(&label(&[0.2], &json!({"room": {"minibar_open": true}})));
        assert_eq!(one, [("photo1".to_owned(), holds("minibar_open", true))]);
        assert!(learnt(&label(&[0.2, 0.3], &json!({"room": {"minibar_open": true}}))).is_empty());
    }
}
