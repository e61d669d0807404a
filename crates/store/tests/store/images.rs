use std::collections::HashSet;

use innkeeper_store::{
    AddedReference, Image, ImageFilter, ImageVectorChange, IndexedImage, NearImage, Undescribed,
};

use super::deletion::holds;
use super::*;

async fn listed(hotel: &HotelStore, filter: ImageFilter) -> Vec<Uuid> {
    let page = hotel.list_images(&filter, None, 99).await.expect("a read");
    assert_eq!(page.next, None);
    page.images.into_iter().map(|i| i.id).collect()
}

#[tokio::test]
async fn an_image_comes_back_as_it_was_kept_with_its_event_and_its_proof() {
    let house = House::new().await;
    let hotel = house.hotel();
    let new = NewImage { taken_at: Some(noon() - seconds(60)), ..item(7, ItemSide::Found) };
    let added = hotel.add_image(new.clone(), &[]).await.expect("kept");
    assert!(added.matches.is_empty());
    let kept = hotel.image(new.id).await.expect("a read").expect("there");
    let want = Image {
        id: new.id,
        category: new.category,
        room_number: new.room_number.clone(),
        side: new.side,
        uploaded_at: new.uploaded_at,
        taken_at: new.taken_at,
        created_by: new.created_by.clone(),
        content: new.content.clone(),
        photo: new.photo.clone(),
        model: Some(model("lite")),
        indexed: false,
    };
    assert_eq!(kept, want);
    assert_eq!(hotel.image_vector(new.id).await.expect("a read"), new.vector);
    let events = house.store.outbox_pending(9).await.expect("a read");
    assert_eq!((events[0].id, events[0].topic.as_str()), (added.event_id, "image.indexed"));
    assert_eq!(events[0].payload["image_id"], json!(new.id));
    let audit = hotel.audit_entries(0, 9).await.expect("a read");
    assert_eq!((audit[0].action.as_str(), audit[0].actor.as_str()), ("image.indexed", "housekeeper"));
    assert_eq!(audit[0].subject, format!("image:{}", new.id));
    let again = hotel.add_image(new, &[]).await;
    assert!(matches!(again, Err(StoreError::Duplicate { what: "the image" })), "{again:?}");
    assert!(house.store.verify_audit().await.expect("a read").is_intact());
}

#[tokio::test]
async fn an_image_that_makes_no_sense_leaves_no_row() {
    let house = House::new().await;
    let hotel = house.hotel();
    let good = item(1, ItemSide::Found);
    let photo = good.photo.clone().expect("a photo");
    for (bad, field) in [
        (NewImage { photo: None, vector: None, ..picture(1) }, "photo"),
        (NewImage { photo: None, vector: None, ..item(1, ItemSide::Found) }, "photo"),
        (NewImage { photo: None, ..item(1, ItemSide::Lost) }, "vector"),
        (NewImage { side: Some(ItemSide::Found), ..picture(1) }, "side"),
        (NewImage { category: ImageCategory::Reference, room_number: None, ..picture(1) }, "room_number"),
        (NewImage { photo: Some(ImagePhoto { sha256: "x".into(), ..photo }), ..picture(1) }, "photo_sha256"),
        (
            NewImage {
                vector: Some(ImageVector { model: model("lite"), vector: vec![f32::NAN] }),
                ..picture(1)
            },
            "vector",
        ),
    ] {
        let refused = hotel.add_images(&[good.clone(), bad]).await;
        assert!(matches!(&refused, Err(StoreError::Invalid { field: f, .. }) if *f == field), "{refused:?}");
    }
    hotel.add_image(good, &[]).await.expect("kept");
    let longer = ImageVector { model: model("lite"), vector: vec![1.0; 4] };
    let refused = hotel.add_image(NewImage { vector: Some(longer), ..picture(2) }, &[]).await;
    assert!(matches!(refused, Err(StoreError::Invalid { field: "vector", .. })), "{refused:?}");
    assert_eq!(house.rows("SELECT count(*) FROM images").await, 1);
    assert_eq!(house.rows("SELECT count(*) FROM outbox").await, 1);
}

#[tokio::test]
async fn images_are_found_by_what_is_known_of_them_newest_first() {
    let house = House::new().await;
    let hotel = house.hotel();
    let made = picture(1);
    let unmade = NewImage {
        room_number: Some(room("305")),
        content: ImageContent { tags: vec!["bed_unmade".into(), "Trash".into()], ..ImageContent::default() },
        ..picture(2)
    };
    let (found, lost) = (item(3, ItemSide::Found), report(4));
    let [a, b, c, d] = [&made, &unmade, &found, &lost].map(|i| i.id);
    hotel.add_images(&[made, unmade, found, lost]).await.expect("kept");
    let all = ImageFilter::default;
    let text = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    for (filter, want) in [
        (all(), vec![d, c, b, a]),
        (ImageFilter { categories: vec![ImageCategory::Room], ..all() }, vec![b, a]),
        (ImageFilter { rooms: vec![room("305")], ..all() }, vec![b]),
        (ImageFilter { side: Some(ItemSide::Lost), ..all() }, vec![d]),
        (ImageFilter { without_photo: Some(true), ..all() }, vec![d]),
        (ImageFilter { without_photo: Some(false), ..all() }, vec![c, b, a]),
        (ImageFilter { from: Some(noon() + seconds(2)), until: Some(noon() + seconds(3)), ..all() }, vec![b]),
        (ImageFilter { any_tags: text(&["TRASH", "bed_made"]), ..all() }, vec![b, a]),
        (ImageFilter { all_tags: text(&["trash", "bed_made"]), ..all() }, vec![]),
        (ImageFilter { all_tags: text(&["trash", "bed_unmade"]), ..all() }, vec![b]),
        (ImageFilter { words: text(&["Wooden", "umbrella"]), ..all() }, vec![d, c]),
        (ImageFilter { words: text(&["wooden", "bed"]), ..all() }, vec![]),
        (ImageFilter { words: text(&["guest of"]), ..all() }, vec![]),
    ] {
        assert_eq!(listed(&hotel, filter.clone()).await, want, "{filter:?}");
    }
    let rooms = ImageFilter { categories: vec![ImageCategory::Room], ..all() };
    assert_eq!(hotel.count_images(&rooms).await.expect("a read"), 2);
    let asked = hotel.images(&[c, Uuid::now_v7(), a]).await.expect("a read");
    assert_eq!(asked.iter().map(|i| i.id).collect::<Vec<_>>(), [c, a], "in the order asked for");
    let same = hotel.images_by_sha256(&format!("{:064x}", 2), ImageCategory::Room).await.expect("a read");
    assert_eq!(same, [b]);
    let other = hotel.images_by_sha256(&format!("{:064x}", 2), ImageCategory::Amenity).await;
    assert!(other.expect("a read").is_empty());
}

#[tokio::test]
async fn pages_of_images_neither_repeat_nor_lose_one_of_equal_time() {
    let house = House::new().await;
    let hotel = house.hotel();
    // More than one query reads, many of one moment, some without the tag that is asked for.
    let images: Vec<NewImage> = (0..620)
        .map(|n| {
            let mut image = NewImage { uploaded_at: noon() + seconds(i64::from(n / 50)), ..picture(n) };
            if n % 3 == 0 {
                image.content.tags.clear();
            }
            image
        })
        .collect();
    let want: HashSet<Uuid> = images.iter().filter(|i| !i.content.tags.is_empty()).map(|i| i.id).collect();
    hotel.add_images(&images).await.expect("kept");
    let filter = ImageFilter { any_tags: vec!["bed_made".to_owned()], ..ImageFilter::default() };
    let (mut seen, mut after, mut times) = (Vec::new(), None, Vec::new());
    loop {
        let page = hotel.list_images(&filter, after, 100).await.expect("a read");
        seen.extend(page.images.iter().map(|i| i.id));
        times.extend(page.images.iter().map(|i| i.uploaded_at));
        let Some(next) = page.next else { break };
        assert_eq!(page.images.len(), 100);
        after = Some(next.to_string().parse().expect("a cursor goes to the client and back"));
    }
    assert_eq!(seen.len(), want.len());
    assert_eq!(seen.into_iter().collect::<HashSet<_>>(), want);
    assert!(times.is_sorted_by(|a, b| a >= b));
    let exactly = hotel.list_images(&filter, None, want.len()).await.expect("a read");
    assert_eq!((exactly.images.len(), exactly.next), (want.len(), None), "no empty page follows");
    assert!(hotel.list_images(&filter, None, 0).await.expect("a read").images.is_empty());
}

#[tokio::test]
async fn near_hashes_are_found_wherever_up_to_three_bits_differ() {
    let house = House::new().await;
    let hotel = house.hotel();
    let hash = 0x8f00_1234_5678_9abc_u64;
    // One bit in each of three parts, three bits in one part, one, none; four are too many.
    let masks = [1 << 63 | 1 << 40 | 1 << 20, 0b111, 1 << 16, 0, 1 << 63 | 1 << 40 | 1 << 20 | 1];
    let images: Vec<NewImage> = masks
        .iter()
        .zip(1..)
        .map(|(mask, n)| {
            let mut image = picture(n);
            image.photo.as_mut().expect("a photo").hash = hash ^ mask;
            image
        })
        .collect();
    hotel.add_images(&images).await.expect("kept");
    let near = hotel.near_images(hash, 3, &[], 99).await.expect("a read");
    let got: Vec<(Uuid, u32)> = near.iter().map(|n| (n.id, n.distance)).collect();
    let mut want = vec![(images[3].id, 0), (images[2].id, 1), (images[0].id, 3), (images[1].id, 3)];
    want[2..].sort_unstable();
    assert_eq!(got, want);
    let one = hotel.near_images(hash, 1, &[ImageCategory::Room], 1).await.expect("a read");
    assert_eq!(one, [NearImage { id: images[3].id, category: ImageCategory::Room, hash, distance: 0 }]);
    assert!(hotel.near_images(hash, 3, &[ImageCategory::Amenity], 9).await.expect("a read").is_empty());
    assert!(matches!(hotel.near_images(hash, 4, &[], 9).await, Err(StoreError::Invalid { .. })));
}

#[tokio::test]
async fn among_many_pictures_that_share_a_part_of_the_hash_the_newest_near_one_is_found() {
    let house = House::new().await;
    let hotel = house.hotel();
    // Pictures of plain colours share parts, and are not alike; one more than are compared.
    let mut images: Vec<NewImage> = (1..=1001).map(picture).collect();
    for (n, image) in (1..).zip(&mut images) {
        image.photo.as_mut().expect("a photo").hash = n << 32 | 0xffff_0000;
    }
    let hash = 0x7fff_0000_0000_0000_u64;
    images.last_mut().expect("one").photo.as_mut().expect("a photo").hash = hash | 1 << 40;
    hotel.add_images(&images).await.expect("kept");
    let near = hotel.near_images(hash, 3, &[], 9).await.expect("a read");
    let got: Vec<(Uuid, u32)> = near.iter().map(|n| (n.id, n.distance)).collect();
    assert_eq!(got, [(images[1000].id, 1)]);
}

#[tokio::test]
async fn a_room_has_no_more_references_than_it_may() {
    let house = House::new().await;
    let hotel = house.hotel();
    let reference = |n| NewImage { category: ImageCategory::Reference, ..picture(n) };
    hotel.add_image(picture(9), &[]).await.expect("a picture of the room is no reference");
    let mut kept = Vec::new();
    for n in [2, 1] {
        let image = reference(n);
        kept.push(image.id);
        assert!(matches!(hotel.add_reference(image, 2).await.expect("done"), AddedReference::Added(_)));
    }
    let full = hotel.add_reference(reference(3), 2).await.expect("done");
    assert_eq!(full, AddedReference::Full { references: 2 });
    let elsewhere = NewImage { room_number: Some(room("202")), ..reference(4) };
    assert!(matches!(hotel.add_reference(elsewhere, 2).await.expect("done"), AddedReference::Added(_)));
    let references = hotel.references(&room("201")).await.expect("a read");
    kept.reverse();
    assert_eq!(references.iter().map(|r| r.id).collect::<Vec<_>>(), kept, "oldest first");
    assert!(matches!(hotel.add_reference(picture(5), 2).await, Err(StoreError::Invalid { .. })));
    hotel.delete_image(kept[0], "m", noon()).await.expect("done").expect("there");
    assert!(matches!(hotel.add_reference(reference(6), 2).await.expect("done"), AddedReference::Added(_)));
}

#[tokio::test]
async fn the_index_is_told_of_an_image_once_and_of_its_end() {
    let house = House::new().await;
    let (store, lite) = (&house.store, model("lite"));
    let new = picture(1);
    house.hotel().add_images(&[new.clone(), report(2)]).await.expect("kept");
    let tasks = store.pending_image_vectors(9).await.expect("a read");
    assert_eq!(tasks.len(), 1, "a report without a picture has nothing to index");
    let indexed = IndexedImage {
        vector: new.vector.clone().expect("a vector").vector,
        category: new.category,
        room_number: new.room_number.clone(),
        side: None,
        tags: new.content.tags.clone(),
        uploaded_at: new.uploaded_at,
    };
    assert_eq!((tasks[0].image_id, &tasks[0].hotel, &tasks[0].model), (new.id, house.hotel().id(), &lite));
    assert_eq!(tasks[0].kind, ImageVectorChange::Upsert(Box::new(indexed)));
    assert!(store.pending_vectors(9).await.expect("a read").is_empty(), "faces are another queue");
    assert!(store.pending_image_vectors(0).await.expect("a read").is_empty());
    store.image_vectors_done(&model("other"), &[new.id], &[]).await.expect("reported");
    assert_eq!(store.pending_image_vectors(9).await.expect("a read").len(), 1, "another model's index");
    store.image_vectors_done(&lite, &[new.id], &[]).await.expect("reported");
    assert!(store.pending_image_vectors(9).await.expect("a read").is_empty());
    assert!(house.hotel().image(new.id).await.expect("a read").expect("there").indexed);
    assert_eq!(store.all_image_ids(&lite).await.expect("a read"), [(new.id, hotel("default"))]);
    assert_eq!(store.image_models().await.expect("a read"), [(lite.clone(), 1)]);
    let stranger = Uuid::now_v7();
    assert_eq!(store.without_image_vector(&lite, &[new.id, stranger]).await.expect("a read"), [stranger]);
    assert_eq!(store.requeue_image_vectors(&lite, &[new.id, stranger]).await.expect("done"), 1);
    for _ in 0..2 {
        store.discard_image_vectors(&hotel("default"), &lite, &[stranger]).await.expect("queued");
    }
    house.hotel().delete_image(new.id, "m", noon()).await.expect("done").expect("there");
    store.image_vectors_done(&lite, &[new.id], &[]).await.expect("reported late");
    let ends: HashSet<Uuid> = store
        .pending_image_vectors(9)
        .await
        .expect("a read")
        .into_iter()
        .map(|t| {
            assert_eq!(t.kind, ImageVectorChange::Delete);
            t.image_id
        })
        .collect();
    assert_eq!(ends, HashSet::from([new.id, stranger]));
    store.image_vectors_done(&lite, &[], &[new.id, stranger]).await.expect("reported");
    assert!(store.pending_image_vectors(9).await.expect("a read").is_empty());
}

#[tokio::test]
async fn a_deleted_image_is_in_no_table_and_no_byte() {
    let house = House::new().await;
    let hotel = house.hotel();
    let (found, lost, other) = (item(1, ItemSide::Found), report(2), picture(3));
    hotel.add_images(&[found.clone(), other.clone()]).await.expect("kept");
    hotel.add_image(lost.clone(), &[candidate(found.id)]).await.expect("kept");
    let all = hotel.image_media_keys().await.expect("a read");
    let named = ["image-1", "thumbnail-1", "image-3", "thumbnail-3"].map(str::to_owned);
    assert_eq!(all, HashSet::from(named));
    let sealed: Vec<u8> = sqlx::query_scalar("SELECT vector FROM image_vectors WHERE image_id = $1")
        .bind(found.id.to_string())
        .fetch_one(&mut house.raw().await)
        .await
        .expect("the row");
    assert!(holds(&bytes(&house), &sealed));
    let gone = hotel.delete_image(found.id, "manager", noon()).await.expect("done").expect("there");
    assert_eq!((gone.rows, gone.vectors, gone.matches), (1, 1, 1));
    assert_eq!(gone.photo_keys, ["image-1", "thumbnail-1"]);
    assert!(!holds(&bytes(&house), &sealed), "the vector is gone at once, sealed as it is");
    assert_eq!(hotel.image(found.id).await.expect("a read"), None);
    assert_eq!(hotel.image_vector(found.id).await.expect("a read"), None);
    assert_eq!(hotel.delete_image(found.id, "manager", noon()).await.expect("done"), None);
    let queued: Vec<String> =
        house.store.media_deletes(9).await.expect("a read").into_iter().map(|t| t.photo_key).collect();
    assert_eq!(queued, gone.photo_keys);
    let last = hotel.audit_entries(0, 99).await.expect("a read").pop().expect("rows");
    assert_eq!((last.action.as_str(), last.actor.as_str()), ("image.deleted", "manager"));
    assert_eq!(last.details["photos"], json!(2));
    let event = house.store.outbox_pending(99).await.expect("a read").pop().expect("events");
    assert_eq!((event.id, event.topic.as_str()), (gone.event_id, "image.deleted"));
    assert!(hotel.image(other.id).await.expect("a read").is_some(), "others stay");
    let report = hotel.delete_image(lost.id, "manager", noon()).await.expect("done").expect("there");
    assert_eq!((report.rows, report.vectors, report.photo_keys.len()), (1, 0, 0));
    assert_eq!(house.rows("SELECT count(*) FROM item_matches").await, 0);
}

#[tokio::test]
async fn a_change_of_models_swaps_vectors_and_forgets_none() {
    let house = House::new().await;
    let hotel = house.hotel();
    let (store, old, new) = (&house.store, model("lite"), model("large"));
    let (a, b) = (picture(1), picture(2));
    hotel.add_images(&[a.clone(), b.clone(), report(3)]).await.expect("kept");
    store.image_vectors_done(&old, &[a.id, b.id], &[]).await.expect("reported");
    let left = |after| store.images_without(&new, after, 9);
    let todo = left(None).await.expect("a read");
    let first = Undescribed { hotel: hotel.id().clone(), image_id: a.id, photo_key: "image-1".to_owned() };
    assert_eq!((todo.len(), &todo[0]), (2, &first));
    assert_eq!(left(Some(a.id)).await.expect("a read")[0].image_id, b.id);
    let vector = |model: &ModelRef| ImageVector { model: model.clone(), vector: vec![1.0; 5] };
    assert!(hotel.replace_image_vector(a.id, &vector(&new), noon()).await.expect("done"));
    assert!(!hotel.replace_image_vector(a.id, &vector(&new), noon()).await.expect("done"), "done already");
    assert!(!hotel.replace_image_vector(Uuid::now_v7(), &vector(&new), noon()).await.expect("done"));
    assert_eq!(left(None).await.expect("a read").len(), 1);
    let kept = hotel.image(a.id).await.expect("a read").expect("there");
    assert_eq!((kept.model, kept.indexed), (Some(new.clone()), false));
    let kinds: Vec<_> = store
        .pending_image_vectors(9)
        .await
        .expect("a read")
        .into_iter()
        .map(|t| (t.model, t.kind == ImageVectorChange::Delete))
        .collect();
    assert_eq!(kinds, [(old.clone(), true), (new.clone(), false)]);
    // Back again before the index was told: it must not lose what it is told last.
    let back = ImageVector { model: old.clone(), vector: vec![1.0; 3] };
    assert!(hotel.replace_image_vector(a.id, &back, noon()).await.expect("done"));
    let kinds: Vec<_> = store
        .pending_image_vectors(9)
        .await
        .expect("a read")
        .into_iter()
        .map(|t| (t.model, t.kind == ImageVectorChange::Delete))
        .collect();
    assert_eq!(kinds, [(new, true), (old, false)]);
}

#[tokio::test]
async fn a_hotel_never_sees_or_touches_anothers_images() {
    let house = House::new().await;
    let (north, south) = (house.store.hotel(&hotel("north")), house.store.hotel(&hotel("south")));
    let (here, there) = (item(1, ItemSide::Found), item(1, ItemSide::Lost));
    north.add_image(here.clone(), &[]).await.expect("kept");
    let met = south.add_image(there.clone(), &[candidate(here.id)]).await.expect("kept");
    assert!(met.matches.is_empty(), "another hotel's thing is no match");
    assert_eq!(south.image(here.id).await.expect("a read"), None);
    assert_eq!(south.image_vector(here.id).await.expect("a read"), None);
    assert_eq!(listed(&south, ImageFilter::default()).await, [there.id]);
    let hash = here.photo.as_ref().expect("a photo").hash;
    let near = south.near_images(hash, 3, &[], 9).await.expect("a read");
    assert_eq!(near.iter().map(|n| n.id).collect::<Vec<_>>(), [there.id]);
    assert_eq!(south.delete_image(here.id, "m", noon()).await.expect("done"), None);
    let vector = ImageVector { model: model("other"), vector: vec![1.0] };
    assert!(!south.replace_image_vector(here.id, &vector, noon()).await.expect("done"));
    let same = south.images_by_sha256(&format!("{:064x}", 1), ImageCategory::LostFound).await;
    assert_eq!(same.expect("a read"), [there.id]);
    let gone = north.delete_image(here.id, "m", noon()).await.expect("done").expect("there");
    assert_eq!(gone.photo_keys.len(), 2, "the same key elsewhere is another picture");
    assert_eq!(south.image_media_keys().await.expect("a read").len(), 2);
}

#[tokio::test]
async fn an_image_that_does_not_open_keeps_no_other_from_its_turn() {
    let house = House::new().await;
    let hotel = house.hotel();
    let (broken, whole) = (picture(1), picture(2));
    hotel.add_images(&[broken.clone(), whole.clone()]).await.expect("kept");
    sqlx::query("UPDATE images SET content = $1 WHERE id = $2")
        .bind(vec![0_u8; 60])
        .bind(broken.id.to_string())
        .execute(&mut house.raw().await)
        .await
        .expect("broken");
    assert_eq!(listed(&hotel, ImageFilter::default()).await, [whole.id]);
    let tasks = house.store.pending_image_vectors(1).await.expect("a read");
    assert_eq!(tasks.iter().map(|t| t.image_id).collect::<Vec<_>>(), [whole.id]);
    assert!(hotel.delete_image(broken.id, "m", noon()).await.expect("done").is_some(), "it can still go");
}
