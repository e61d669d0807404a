use innkeeper_hotel::Rate;
use innkeeper_store::{HotelTable, Overridden, PublishTarget, ScheduleChange, ScheduleStatus};

use super::*;

/// What a change did that was made.
#[track_caller]
fn done(change: Option<ScheduleChange>) -> innkeeper_store::PriceSchedule {
    match change {
        Some(ScheduleChange::Done { schedule, .. }) => *schedule,
        other => panic!("not done: {other:?}"),
    }
}

async fn topics(house: &House) -> Vec<String> {
    house.store.outbox_pending(99).await.expect("a read").into_iter().map(|event| event.topic).collect()
}

fn rate(night: &str, amount: i64) -> Rate {
    Rate {
        night: date(night),
        room_type: "deluxe".parse().expect("a type"),
        set_on: date("2025-01-17"),
        price: euros(amount),
    }
}

#[tokio::test]
async fn a_schedule_is_kept_as_it_was_given_with_its_event() {
    let house = House::new().await;
    let hotel = house.hotel();
    let new = price_schedule(noon());
    let event = hotel.record_price_schedule(&new, &json!({ "schedule_id": new.id })).await.expect("written");
    let (kept, content) = hotel.price_schedule(new.id).await.expect("a read").expect("there");
    assert_eq!(content, new.content);
    assert_eq!(
        (kept.status, kept.as_of, &kept.room_types),
        (ScheduleStatus::Proposed, new.as_of, &new.room_types)
    );
    assert_eq!((kept.first_night, kept.last_night), (new.first_night, new.last_night));
    assert_eq!((kept.created_at, kept.decided_at, kept.published_at), (noon(), None, None));
    let told = house.store.outbox_pending(9).await.expect("a read");
    assert_eq!((told.len(), told[0].id, told[0].topic.as_str()), (1, event, "price.schedule_made"));
    let again = hotel.record_price_schedule(&new, &json!({})).await;
    assert!(matches!(again, Err(StoreError::Duplicate { what: "the schedule" })), "{again:?}");
    let backwards = NewPriceSchedule { id: Uuid::now_v7(), last_night: date("2025-01-01"), ..new.clone() };
    let refused = hotel.record_price_schedule(&backwards, &json!({})).await;
    assert!(matches!(refused, Err(StoreError::Constraint { .. })), "{refused:?}");
    assert_eq!(
        house.store.outbox_pending(9).await.expect("a read").len(),
        1,
        "nothing is told of what was not written"
    );
    // Nobody else's.
    let south = house.store.hotel(&hotel_of("south"));
    assert_eq!(south.price_schedule(new.id).await.expect("a read"), None);
    assert_eq!(south.decide_price_schedule(new.id, true, None, "m", noon()).await.expect("fine"), None);
    let theirs = price_override(new.id, 1, noon());
    assert_eq!(south.override_price(&theirs).await.expect("fine"), None);
    let published = south.publish_price_schedule(new.id, PublishTarget::Rates, &[], "m", noon()).await;
    assert_eq!(published.expect("fine"), None);
}

#[tokio::test]
async fn what_was_decided_is_not_decided_again() {
    let house = House::new().await;
    let hotel = house.hotel();
    let (good, bad) = (price_schedule(noon()), price_schedule(noon() + seconds(1)));
    for new in [&good, &bad] {
        hotel.record_price_schedule(new, &json!({})).await.expect("written");
    }
    let decide = |id, approved| {
        let hotel = hotel.clone();
        async move {
            hotel.decide_price_schedule(id, approved, Some("too dear"), "boss", noon()).await.expect("fine")
        }
    };
    let rejected = done(decide(bad.id, false).await);
    assert_eq!((rejected.status, rejected.note.as_deref()), (ScheduleStatus::Rejected, Some("too dear")));
    assert_eq!((rejected.decided_by.as_deref(), rejected.decided_at), (Some("boss"), Some(noon())));
    for approved in [true, false] {
        assert_eq!(decide(bad.id, approved).await, Some(ScheduleChange::Refused(ScheduleStatus::Rejected)));
    }
    assert_eq!(decide(Uuid::now_v7(), true).await, None);
    let publish = |id, rates: Vec<Rate>| {
        let hotel = hotel.clone();
        async move {
            hotel
                .publish_price_schedule(id, PublishTarget::Webhook, &rates, "boss", noon())
                .await
                .expect("fine")
        }
    };
    let early = publish(good.id, vec![rate("2025-02-01", 100)]).await;
    assert_eq!(early, Some(ScheduleChange::Refused(ScheduleStatus::Proposed)), "nobody approved it");
    assert!(hotel.rates(date("2025-02-01")..date("2025-02-03")).await.expect("a read").is_empty());
    assert_eq!(publish(bad.id, vec![]).await, Some(ScheduleChange::Refused(ScheduleStatus::Rejected)));
    assert_eq!(done(decide(good.id, true).await).status, ScheduleStatus::Approved);
    let before = hotel.fingerprint(HotelTable::Rates).await.expect("a read");
    let rates = vec![rate("2025-02-01", 100), rate("2025-02-02", 110)];
    let published = done(publish(good.id, rates.clone()).await);
    assert_eq!(
        (published.status, published.publish_target),
        (ScheduleStatus::Published, Some(PublishTarget::Webhook))
    );
    assert_eq!(hotel.rates(date("2025-02-01")..date("2025-02-03")).await.expect("a read"), rates);
    let after = hotel.fingerprint(HotelTable::Rates).await.expect("a read");
    assert_ne!(before, after, "what was computed from the old prices would be believed");
    // Once more, with nothing new: the prices stay, and so does what was computed from them.
    done(publish(good.id, rates).await);
    assert_eq!(hotel.fingerprint(HotelTable::Rates).await.expect("a read"), after);
    let actions: Vec<String> =
        hotel.audit_entries(0, 99).await.expect("a read").into_iter().map(|entry| entry.action).collect();
    assert_eq!(
        actions,
        [
            "price.schedule_rejected",
            "price.schedule_approved",
            "price.schedule_published",
            "price.schedule_published"
        ]
    );
    assert_eq!(
        topics(&house).await[2..],
        [
            "price.schedule_decided",
            "price.schedule_decided",
            "price.schedule_published",
            "price.schedule_published"
        ]
    );
    let long = "x".repeat(2001);
    let refused = hotel.decide_price_schedule(good.id, true, Some(&long), "boss", noon()).await;
    assert!(matches!(refused, Err(StoreError::Invalid { field: "note", .. })), "{refused:?}");
    assert!(house.store.verify_audit().await.expect("a read").is_intact());
}

#[tokio::test]
async fn of_two_who_decide_at_once_one_is_told_that_it_was_late() {
    let house = House::new().await;
    let hotel = house.hotel();
    for n in 0..8 {
        let new = price_schedule(noon() + seconds(n));
        hotel.record_price_schedule(&new, &json!({})).await.expect("written");
        let (one, other) = (hotel.clone(), hotel.clone());
        let (a, b) = tokio::join!(
            one.decide_price_schedule(new.id, true, None, "a", noon()),
            other.decide_price_schedule(new.id, false, None, "b", noon())
        );
        let made = [a, b]
            .into_iter()
            .filter(|change| matches!(change, Ok(Some(ScheduleChange::Done { .. }))))
            .count();
        assert_eq!(made, 1);
    }
    assert_eq!(hotel.audit_entries(0, 99).await.expect("a read").len(), 8);
}

#[tokio::test]
async fn the_last_override_counts_and_all_are_kept() {
    let house = House::new().await;
    let hotel = house.hotel();
    let new = price_schedule(noon());
    hotel.record_price_schedule(&new, &json!({})).await.expect("written");
    let mut all = vec![
        price_override(new.id, 130, noon()),
        price_override(new.id, 150, noon() + seconds(1)),
        PriceOverride { night: date("2025-02-02"), suggested: None, ..price_override(new.id, 99, noon()) },
    ];
    for set in &all {
        let done = hotel.override_price(set).await.expect("written").expect("there");
        assert!(matches!(done, Overridden::Done { .. }), "{done:?}");
    }
    assert_eq!(hotel.price_overrides(new.id).await.expect("a read"), all);
    let nights = || date("2025-02-01")..date("2025-03-01");
    assert!(hotel.published_overrides(nights(), 99).await.expect("a read").is_empty(), "nothing is on sale");
    done(hotel.decide_price_schedule(new.id, true, None, "boss", noon()).await.expect("fine"));
    let late = hotel.override_price(&price_override(new.id, 7, noon())).await.expect("fine");
    assert_eq!(late, Some(Overridden::Refused(ScheduleStatus::Approved)), "this is not what was approved");
    done(hotel.publish_price_schedule(new.id, PublishTarget::Csv, &[], "boss", noon()).await.expect("fine"));
    let counted = hotel.published_overrides(nights(), 99).await.expect("a read");
    let prices: Vec<_> = counted.iter().map(|(set, _)| (set.night, set.price)).collect();
    assert_eq!(prices, [(date("2025-02-02"), euros(99)), (date("2025-02-01"), euros(150))]);
    assert!(counted.iter().all(|(_, schedule)| schedule.id == new.id));
    assert_eq!(hotel.published_overrides(nights(), 1).await.expect("a read").len(), 1);
    let passed = date("2025-01-01")..date("2025-02-01");
    assert!(hotel.published_overrides(passed, 99).await.expect("a read").is_empty());
    let same = hotel.override_price(&all[0]).await;
    assert!(same.is_ok_and(|told| matches!(told, Some(Overridden::Refused(_)))));
    all[0].note = "x".repeat(2001);
    let refused = hotel.override_price(&all[0]).await;
    assert!(matches!(refused, Err(StoreError::Invalid { field: "note", .. })), "{refused:?}");
    let topics = topics(&house).await;
    assert_eq!(topics.iter().filter(|topic| *topic == "price.overridden").count(), 3);
}

#[tokio::test]
async fn rules_change_only_from_what_whoever_changes_them_has_seen() {
    let house = House::new().await;
    let hotel = house.hotel();
    assert!(hotel.pricing_rules().await.expect("a read").is_empty());
    let put = |before: Vec<innkeeper_store::PricingRule>, rules: Vec<NewPricingRule>, who: &'static str| {
        let hotel = hotel.clone();
        async move { hotel.replace_pricing_rules(&before, &rules, who, noon()).await }
    };
    let first = vec![pricing_rule("weekend", 900), pricing_rule("a \"floor\"", 500)];
    let kept = put(vec![], first.clone(), "one").await.expect("fine").expect("there were none");
    assert_eq!(hotel.pricing_rules().await.expect("a read"), kept);
    assert_eq!(kept.iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>(), ["weekend", "a \"floor\""]);
    let next = vec![first[1].clone(), pricing_rule("weekend", 950)];
    assert_eq!(put(vec![], next.clone(), "two").await.expect("fine"), None, "somebody else was faster");
    let kept = put(kept, next, "two").await.expect("fine").expect("as it was read");
    let authors: Vec<_> = kept.iter().map(|rule| (rule.id.as_str(), rule.created_by.as_str())).collect();
    assert_eq!(authors, [("a \"floor\"", "one"), ("weekend", "two")]);
    let twice = put(kept.clone(), vec![first[0].clone(), first[0].clone()], "two").await;
    assert!(matches!(twice, Err(StoreError::Duplicate { what: "the rule" })), "{twice:?}");
    assert_eq!(hotel.pricing_rules().await.expect("a read"), kept, "nothing is lost by a failure");
    let south = house.store.hotel(&hotel_of("south"));
    assert!(south.pricing_rules().await.expect("a read").is_empty());
    put(kept, vec![], "one").await.expect("fine").expect("as it was read");
    assert!(hotel.pricing_rules().await.expect("a read").is_empty());
    assert_eq!(topics(&house).await, ["price.rules_changed"; 3]);
    assert_eq!(hotel.audit_entries(0, 9).await.expect("a read").len(), 3);
}

#[tokio::test]
async fn schedules_are_told_in_pages_and_go_when_they_are_old() {
    let house = House::new().await;
    let hotel = house.hotel();
    let mut ids = Vec::new();
    for n in 0..5 {
        // Two of one moment.
        let new = price_schedule(noon() + seconds(n / 2));
        hotel.record_price_schedule(&new, &json!({})).await.expect("written");
        hotel
            .override_price(&price_override(new.id, 100 + n, noon()))
            .await
            .expect("written")
            .expect("there");
        ids.push(new.id);
    }
    ids.reverse();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = hotel.price_schedules(None, after, 2).await.expect("a read");
        seen.extend(page.schedules.iter().map(|schedule| schedule.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);
    done(hotel.decide_price_schedule(ids[0], true, None, "boss", noon()).await.expect("fine"));
    let approved = hotel.price_schedules(Some(ScheduleStatus::Approved), None, 9).await.expect("a read");
    assert_eq!(approved.schedules.iter().map(|schedule| schedule.id).collect::<Vec<_>>(), [ids[0]]);
    assert_eq!(house.store.prune_price_schedules(noon() + seconds(2)).await.expect("done"), 4);
    let left = hotel.price_schedules(None, None, 9).await.expect("a read");
    assert_eq!(left.schedules.iter().map(|schedule| schedule.id).collect::<Vec<_>>(), [ids[0]]);
    assert_eq!(house.rows("SELECT count(*) FROM price_overrides").await, 1, "they go with their schedule");
}
