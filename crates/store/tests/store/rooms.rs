use super::*;

#[tokio::test]
async fn a_verdict_its_event_and_the_answer_to_correct_are_one() {
    let house = House::new().await;
    let hotel = house.hotel();
    let answer = Uuid::now_v7();
    let first = Verdict { answer_id: Some(answer), ..verdict("dirty", noon()) };
    // About as large as an embedding of a photograph and its cells.
    let content = json!({ "embedding": "x".repeat(40_000) });
    let kept = NewKeptAnswer {
        model: "room-tags".to_owned(),
        content: content.clone(),
        ..kept_answer(answer, noon())
    };
    let told = hotel.record_verdict(first.clone(), Some(kept.clone())).await.expect("written");
    assert_eq!(told.previous, None);
    let held = hotel.kept_answer(answer, noon()).await.expect("a read").expect("there");
    assert_eq!(held.content, content);
    let event = house.store.outbox_pending(9).await.expect("a read").pop().expect("events");
    assert_eq!((event.id, event.topic.as_str()), (told.event_id.expect("an event"), "room.verdict"));
    assert_eq!(event.payload["status"], json!("dirty"));
    assert_eq!(event.payload["models"], json!(["lite@1"]));
    assert_eq!(event.payload["previous_status"], json!(null));
    // The answer's id is taken: neither the verdict nor its event is written.
    let refused = hotel.record_verdict(verdict("clean", noon()), Some(kept)).await;
    assert!(matches!(refused, Err(StoreError::Duplicate { what: "the answer" })), "{refused:?}");
    assert_eq!(house.rows("SELECT count(*) FROM room_verdicts").await, 1);
    assert_eq!(house.store.outbox_pending(9).await.expect("a read").len(), 1);

    let right = Verdict {
        source: VerdictSource::Correction,
        answer_id: Some(answer),
        ..verdict("clean", noon() + seconds(9))
    };
    let label = |id| correction_of(id, json!({ "bed_unmade": false }));
    let same = |_: &Verdict| Ok::<_, StoreError>(right.clone());
    let nobody = hotel.correct_verdict(&room("201"), label(Uuid::now_v7()), same).await.expect("done");
    assert_eq!(nobody, None);
    assert_eq!(house.rows("SELECT count(*) FROM room_verdicts").await, 1, "no label, no verdict");
    let done = hotel.correct_verdict(&room("201"), label(answer), same).await.expect("done").expect("there");
    let (_, recorded) = done.recorded.expect("a verdict");
    assert_eq!((recorded.previous, done.labelled.labels), (Some(first), 1));
    assert_eq!(hotel.latest_verdict(&room("201")).await.expect("a read"), Some(right));
    assert_eq!(hotel.labels("room-tags", 9).await.expect("a read")[0].content, content);
    let event = house.store.outbox_pending(9).await.expect("a read").pop().expect("events");
    assert_eq!(event.payload["previous_status"], json!("dirty"));
    assert_eq!(event.payload["source"], json!("correction"));
}

#[tokio::test]
async fn photos_and_corrections_of_earlier_do_not_change_how_a_room_is_now() {
    let house = House::new().await;
    let hotel = house.hotel();
    let answer = Uuid::now_v7();
    let old = Verdict { answer_id: Some(answer), ..verdict("dirty", noon()) };
    hotel
        .record_verdict(
            old,
            Some(NewKeptAnswer { model: "room-tags".to_owned(), ..kept_answer(answer, noon()) }),
        )
        .await
        .expect("written");
    let now = verdict("dirty", noon() + seconds(600));
    hotel.record_verdict(now.clone(), None).await.expect("written");
    // A phone that was offline sends what it took in between.
    let late = hotel.record_verdict(verdict("clean", noon() + seconds(300)), None).await.expect("written");
    assert_eq!((late.event_id, late.previous), (None, Some(now.clone())));
    let said = hotel
        .correct_verdict(&room("201"), correction_of(answer, json!({ "messy": false })), |_| {
            Ok::<_, StoreError>(verdict("clean", noon() + seconds(900)))
        })
        .await
        .expect("done")
        .expect("there");
    assert_eq!((said.recorded, said.before.as_ref()), (None, Some(&now)));
    assert_eq!(said.labelled.labels, 1, "what is to be learnt stays");
    assert_eq!(hotel.latest_verdict(&room("201")).await.expect("a read"), Some(now));
    let page = hotel.verdicts(&room("201"), None, 9).await.expect("a read");
    let statuses: Vec<_> = page.verdicts.iter().map(|v| v.status.as_str()).collect();
    assert_eq!(statuses, ["dirty", "clean", "dirty"]);
    assert_eq!(house.store.outbox_pending(9).await.expect("a read").len(), 2);
}

#[tokio::test]
async fn a_rooms_history_is_told_newest_first_page_by_page() {
    let house = House::new().await;
    let hotel = house.hotel();
    let mut want = Vec::new();
    for n in 0..7 {
        // Two of one moment each.
        let new = verdict("dirty", noon() + seconds(n / 2));
        want.push(new.id);
        hotel.record_verdict(new, None).await.expect("written");
    }
    let other = Verdict { room_number: room("202"), ..verdict("clean", noon() + seconds(99)) };
    hotel.record_verdict(other.clone(), None).await.expect("written");
    want.reverse();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = hotel.verdicts(&room("201"), after, 2).await.expect("a read");
        seen.extend(page.verdicts.iter().map(|v| v.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, want);
    assert_eq!(hotel.latest_verdict(&room("201")).await.expect("a read").map(|v| v.id), Some(want[0]));
    assert_eq!(hotel.latest_verdict(&room("999")).await.expect("a read"), None);
    let board = hotel.latest_verdicts(9).await.expect("a read");
    assert_eq!(board.iter().map(|v| v.id).collect::<Vec<_>>(), [want[0], other.id]);
    assert_eq!(hotel.latest_verdicts(1).await.expect("a read").len(), 1);
    assert_eq!(hotel.verdict(other.id).await.expect("a read"), Some(other.clone()));
    let south = house.store.hotel(&hotel_of("south"));
    assert_eq!(south.verdict(other.id).await.expect("a read"), None);
    assert_eq!(south.latest_verdict(&room("202")).await.expect("a read"), None);
    assert!(south.latest_verdicts(9).await.expect("a read").is_empty());
    for status in ["", "Clean", "very clean", &"x".repeat(33)] {
        let refused = hotel.record_verdict(verdict(status, noon()), None).await;
        assert!(matches!(refused, Err(StoreError::Invalid { field: "status", .. })), "{status:?}");
    }
}

#[tokio::test]
async fn a_list_of_cleanings_can_be_read_in_twice() {
    let house = House::new().await;
    let hotel = house.hotel();
    let list = [
        cleaning("201", noon(), 25),
        cleaning("202", noon(), 40),
        cleaning("201", noon() + seconds(9000), 30),
    ];
    assert_eq!(hotel.record_cleanings(&list, noon()).await.expect("written"), 3);
    let again: Vec<Cleaning> = list.iter().map(|c| Cleaning { id: Uuid::now_v7(), ..c.clone() }).collect();
    assert_eq!(hotel.record_cleanings(&again, noon()).await.expect("written"), 0);
    let kept = hotel.cleanings(9).await.expect("a read");
    assert_eq!(kept, [list[2].clone(), list[1].clone(), list[0].clone()], "newest first");
    assert!((kept[1].minutes() - 40.0).abs() < 1e-3);
    assert_eq!(hotel.cleanings(2).await.expect("a read").len(), 2);
    assert_eq!(hotel.last_cleaning(&room("201")).await.expect("a read"), Some(list[2].clone()));
    assert_eq!(hotel.last_cleaning(&room("999")).await.expect("a read"), None);
    let begun = hotel.cleaning(&room("202"), noon()).await.expect("a read");
    assert_eq!(begun, Some(list[1].clone()));
    let unknown = Cleaning { tags: None, ..cleaning("204", noon(), 5) };
    hotel.record_cleanings(std::slice::from_ref(&unknown), noon()).await.expect("written");
    assert_eq!(
        hotel.last_cleaning(&room("204")).await.expect("a read"),
        Some(unknown),
        "nobody knows is not nothing"
    );
    for minutes in [0, -5, 60 * 24 + 1] {
        let refused = hotel.record_cleanings(&[cleaning("203", noon(), minutes)], noon()).await;
        assert!(matches!(refused, Err(StoreError::Invalid { field: "finished_at", .. })), "{minutes}");
    }
    let south = house.store.hotel(&hotel_of("south"));
    assert!(south.cleanings(9).await.expect("a read").is_empty());
    assert_eq!(south.record_cleanings(&again, noon()).await.expect("written"), 3, "another hotel's room 201");
}

#[tokio::test]
async fn images_matches_verdicts_and_cleanings_open_under_a_new_key() {
    let house = House::new().await;
    furnish(&house.store).await;
    let north = house.store.hotel(&hotel("north"));
    let old = house.keys.active();
    house.keys.rotate().expect("a new key");
    while house.store.reseal(3).await.expect("no failure") > 0 {}
    let counts = house.store.seal_counts().await.expect("a read");
    assert!(counts.iter().all(|c| c.key != old), "{counts:?}");
    for table in ["images", "image_vectors", "item_matches", "room_verdicts", "cleanings"] {
        assert!(counts.iter().any(|c| c.table == table && c.rows > 0), "{table} is not counted");
    }
    Place::settle(&house.place.name());
    house.keys.retire(old).expect("not needed any more");
    let filter = innkeeper_store::ImageFilter::default();
    let images = north.list_images(&filter, None, 9).await.expect("a read").images;
    assert_eq!(images.len(), 2);
    let ids: Vec<Uuid> = images.iter().map(|i| i.id).collect();
    assert_eq!(north.image_vectors(&ids).await.expect("a read").len(), 2);
    let every = innkeeper_store::MatchFilter::default();
    assert_eq!(north.matches(every, None, 9).await.expect("a read").matches.len(), 1);
    assert!(north.latest_verdict(&room("201")).await.expect("a read").is_some());
    assert_eq!(north.cleanings(9).await.expect("a read").len(), 1);
}
