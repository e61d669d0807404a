use innkeeper_store::{MatchFilter, MatchState};

use super::*;

#[tokio::test]
async fn a_later_thing_and_an_earlier_report_match_once_with_one_event() {
    let house = House::new().await;
    let hotel = house.hotel();
    let (lost, found, other) = (report(1), item(2, ItemSide::Found), item(3, ItemSide::Found));
    hotel.add_images(&[lost.clone(), other.clone(), picture(4)]).await.expect("kept");
    let stranger = Uuid::now_v7();
    let asked = [candidate(lost.id), candidate(other.id), candidate(stranger), candidate(lost.id)];
    let added = hotel.add_image(found.clone(), &asked).await.expect("kept");
    assert_eq!(added.matches.len(), 1, "nor a thing of the same side, nor nobody, nor one twice");
    let told = added.matches[0];
    assert_eq!(told.other, lost.id);
    let event = house.store.outbox_pending(99).await.expect("a read").pop().expect("events");
    assert_eq!((event.id, event.topic.as_str()), (told.event_id, "lost_found.matched"));
    assert_eq!(event.payload["found_image_id"], json!(found.id));
    assert_eq!(event.payload["lost_image_id"], json!(lost.id));
    assert_eq!(event.payload["new_image_id"], json!(found.id));
    assert!(!event.payload.to_string().contains("handle"), "reasons stay here");
    // The other way round, and again.
    let again = hotel.add_matches(lost.id, &[candidate(found.id)], noon()).await.expect("done");
    assert!(again.is_empty());
    let other_way = hotel.add_matches(lost.id, &[candidate(other.id)], noon()).await.expect("done");
    assert_eq!(other_way.iter().map(|m| m.other).collect::<Vec<_>>(), [other.id]);
    let kept = hotel.item_match(told.id).await.expect("a read").expect("there");
    assert_eq!((kept.found, kept.lost, kept.state), (found.id, lost.id, MatchState::Open));
    assert_eq!((kept.similarity, kept.reasons), (Some(0.875), candidate(lost.id).reasons));
    let wild = MatchCandidate { similarity: Some(1.5), ..candidate(found.id) };
    let refused = hotel.add_image(report(5), &[wild]).await;
    assert!(matches!(refused, Err(StoreError::Invalid { field: "similarity", .. })), "{refused:?}");
    assert_eq!(house.rows("SELECT count(*) FROM images").await, 4, "the report went with its match");
}

#[tokio::test]
async fn a_decision_stands_and_tells_who_made_it() {
    let house = House::new().await;
    let (hotel, south) = (house.hotel(), house.store.hotel(&hotel("south")));
    let (lost, found) = (report(1), item(2, ItemSide::Found));
    hotel.add_image(lost.clone(), &[]).await.expect("kept");
    let id = hotel.add_image(found.clone(), &[candidate(lost.id)]).await.expect("kept").matches[0].id;
    assert_eq!(south.item_match(id).await.expect("a read"), None);
    for known in [false, true] {
        if known {
            south.add_image(report(1), &[]).await.expect("kept");
        }
        assert_eq!(south.decide_match(id, MatchState::Dismissed, "m", noon()).await.expect("done"), None);
    }
    let decided = hotel.decide_match(id, MatchState::Confirmed, "desk", noon()).await.expect("done");
    let decided = decided.expect("there");
    assert_eq!((decided.state, decided.decided_by.as_deref()), (MatchState::Confirmed, Some("desk")));
    assert_eq!(decided.decided_at, Some(noon()));
    let settled = hotel.confirmed_items().await.expect("a read");
    assert_eq!(settled, std::collections::HashSet::from([found.id, lost.id]));
    assert!(south.confirmed_items().await.expect("a read").is_empty());
    let last = hotel.audit_entries(0, 99).await.expect("a read").pop().expect("rows");
    assert_eq!((last.action.as_str(), last.actor.as_str()), ("lost_found.decided", "desk"));
    assert_eq!(last.details["after"], json!("confirmed"));
    let of = |filter| hotel.matches(filter, None, 9);
    let open = of(MatchFilter { state: Some(MatchState::Open), ..MatchFilter::default() }).await;
    assert!(open.expect("a read").matches.is_empty());
    for image in [lost.id, found.id] {
        let theirs = of(MatchFilter { image: Some(image), ..MatchFilter::default() }).await.expect("a read");
        assert_eq!(theirs.matches, std::slice::from_ref(&decided));
    }
    let again = hotel.add_matches(found.id, &[candidate(lost.id)], noon()).await.expect("done");
    assert!(again.is_empty(), "what somebody decided is not asked again");
}

#[tokio::test]
async fn pages_of_matches_neither_repeat_nor_lose_one() {
    let house = House::new().await;
    let hotel = house.hotel();
    let found: Vec<NewImage> = (0..7).map(|n| item(n, ItemSide::Found)).collect();
    hotel.add_images(&found).await.expect("kept");
    let candidates: Vec<_> = found.iter().map(|f| candidate(f.id)).collect();
    let mut want: Vec<Uuid> =
        hotel.add_image(report(9), &candidates).await.expect("kept").matches.iter().map(|m| m.id).collect();
    want.reverse();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = hotel.matches(MatchFilter::default(), after, 3).await.expect("a read");
        seen.extend(page.matches.iter().map(|m| m.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, want, "newest first");
}
