use proptest::prelude::*;

use super::*;

#[tokio::test]
async fn an_enrolment_writes_profile_consent_templates_audit_and_event() {
    let house = House::new().await;
    let hotel = house.hotel();
    let (a, b) = (template(1, 0.5), template(2, 0.9));
    let enrolled =
        hotel.enrol(enrolment("EMP001", vec![a.clone(), b.clone()])).await.expect("a good enrolment");
    assert_eq!(enrolled.templates, 2);
    assert_eq!(enrolled.added.len(), 2);

    let employee = hotel.employee(&person("EMP001")).await.expect("a read").expect("enrolled");
    assert_eq!(employee.name.as_deref(), Some("Name of EMP001"));
    assert_eq!(employee.face_embedding_id, Some(b.id), "the best template");
    assert_eq!(employee.created_at, noon());
    let stored = hotel.templates(&person("EMP001")).await.expect("a read");
    assert_eq!(stored[0].id, b.id, "best first");
    assert_eq!(stored[1].vector, a.vector, "bit for bit");
    assert_eq!(stored[1].photo_sha256, a.photo_sha256);
    assert!(!stored[0].indexed);
    assert!(hotel.has_active_consent(&person("EMP001")).await.expect("a read"));
    assert!(!hotel.has_active_consent(&person("EMP002")).await.expect("a read"));

    let events = house.store.outbox_pending(10).await.expect("a read");
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].id, events[0].topic.as_str()), (enrolled.event_id, "face.enrolled"));
    assert_eq!(events[0].payload["employee_id"], "EMP001");
    let audit = hotel.audit_entries(0, 10).await.expect("a read");
    assert_eq!(audit.len(), 1);
    assert_eq!(audit[0].subject, hotel.pseudonym(&person("EMP001")));
}

#[tokio::test]
async fn a_violating_template_leaves_nothing_of_its_enrolment() {
    let house = House::new().await;
    let hotel = house.hotel();
    let taken = template(1, 0.5);
    hotel.enrol(enrolment("EMP001", vec![taken.clone()])).await.expect("the first is good");
    house.store.vectors_done(&[taken.id], &[]).await.expect("reported");

    let mut thief = template(3, 0.9);
    thief.id = taken.id;
    // The good template comes first, so that something was written before the failure.
    let error = hotel.enrol(enrolment("EMP002", vec![template(2, 0.5), thief])).await.expect_err("refused");
    assert!(matches!(error, StoreError::Duplicate { what: "the template" }), "{error:?}");

    assert_eq!(hotel.employee(&person("EMP002")).await.expect("a read"), None);
    assert!(hotel.templates(&person("EMP002")).await.expect("a read").is_empty());
    assert!(!hotel.has_active_consent(&person("EMP002")).await.expect("a read"));
    assert!(house.store.pending_vectors(10).await.expect("a read").is_empty());
    assert_eq!(house.store.outbox_pending(10).await.expect("a read").len(), 1);
    assert_eq!(hotel.audit_entries(0, 10).await.expect("a read").len(), 1);
    assert!(house.store.verify_audit().await.expect("a read").is_intact());
    // The writer is usable again.
    hotel.enrol(enrolment("EMP002", vec![template(2, 0.5)])).await.expect("the second try");
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_refused_before_anything_is_written() {
    let house = House::new().await;
    let with = |change: fn(&mut NewTemplate)| {
        let mut t = template(1, 0.5);
        change(&mut t);
        enrolment("EMP001", vec![template(2, 0.5), t])
    };
    let mut nobody = enrolment("EMP001", vec![template(1, 0.5)]);
    nobody.consent.policy_version.clear();
    let mut none = enrolment("EMP001", vec![template(1, 0.5)]);
    none.max_templates = 0;
    for (bad, field) in [
        (enrolment("EMP001", vec![]), "templates"),
        (with(|t| t.model = model("other")), "templates"),
        (with(|t| t.vector.clear()), "vector"),
        (with(|t| t.vector[0] = f32::NAN), "vector"),
        (with(|t| t.vector.push(0.0)), "vector"),
        (with(|t| t.quality = f32::INFINITY), "quality"),
        (with(|t| t.photo_sha256 = "A".repeat(64)), "photo_sha256"),
        (nobody, "policy_version"),
        (none, "max_templates"),
    ] {
        match house.hotel().enrol(bad).await {
            Err(StoreError::Invalid { field: found, .. }) => assert_eq!(found, field),
            other => panic!("{field}: {other:?}"),
        }
    }
    assert!(house.store.hotels().await.expect("a read").is_empty());
}

#[tokio::test]
async fn a_model_whose_vectors_change_length_is_refused() {
    let house = House::new().await;
    house.hotel().enrol(enrolment("EMP001", vec![template(1, 0.5)])).await.expect("good");
    let mut longer = template(2, 0.5);
    longer.vector.push(1.0);
    let error = house.hotel().enrol(enrolment("EMP002", vec![longer])).await.expect_err("refused");
    assert!(matches!(error, StoreError::Invalid { field: "vector", .. }), "{error:?}");
}

#[tokio::test]
async fn the_same_photo_is_not_added_twice_and_its_file_is_not_lost() {
    let house = House::new().await;
    let hotel = house.hotel();
    let first = template(1, 0.5);
    hotel.enrol(enrolment("EMP001", vec![first.clone()])).await.expect("good");
    // The same picture again, stored under the same key, under another key, and twice in one request.
    let mut copy = template(1, 0.9);
    copy.photo_key = Some("copy".to_owned());
    let enrolled = hotel
        .enrol(enrolment("EMP001", vec![template(1, 0.9), copy, template(2, 0.4), template(2, 0.4)]))
        .await
        .expect("good");
    assert_eq!((enrolled.templates, enrolled.added.len(), enrolled.duplicates.len()), (2, 1, 3));
    let deletes = house.store.media_deletes(10).await.expect("a read");
    let keys: Vec<&str> = deletes.iter().map(|d| d.photo_key.as_str()).collect();
    assert_eq!(keys, ["copy"], "photo-1 and photo-2 are in use");
    // Another person may have the same photo hash; that is for the face room to judge.
    let other = hotel.enrol(enrolment("EMP002", vec![template(1, 0.5)])).await.expect("good");
    assert_eq!(other.added.len(), 1);
}

#[tokio::test]
async fn beyond_the_limit_the_worst_templates_make_way_and_are_forgotten() {
    let house = House::new().await;
    let hotel = house.hotel();
    let (low, high) = (template(1, 0.2), template(2, 0.8));
    let mut request = enrolment("EMP001", vec![low.clone(), high.clone()]);
    request.max_templates = 2;
    hotel.enrol(request.clone()).await.expect("good");

    let (better, worse, equal) = (template(3, 0.9), template(4, 0.1), template(5, 0.8));
    request.templates = vec![better.clone(), worse.clone(), equal.clone()];
    let enrolled = hotel.enrol(request).await.expect("good");
    assert_eq!(enrolled.templates, 2);
    assert_eq!(enrolled.added, [better.id, equal.id], "of equals the newer stays");
    assert_eq!(enrolled.outdone, [worse.id]);
    let mut replaced = enrolled.replaced;
    replaced.sort();
    assert_eq!(replaced, [low.id, high.id]);

    let tasks = house.store.pending_vectors(10).await.expect("a read");
    let gone = tasks.iter().filter(|t| t.kind == innkeeper_store::VectorChange::Delete);
    assert_eq!(gone.map(|t| t.template_id).collect::<Vec<_>>(), [low.id, high.id]);
    let keys: Vec<String> =
        house.store.media_deletes(10).await.expect("a read").into_iter().map(|d| d.photo_key).collect();
    assert_eq!(keys, ["photo-1", "photo-2", "photo-4"]);
    let best = hotel.employee(&person("EMP001")).await.expect("a read").expect("there").face_embedding_id;
    assert_eq!(best, Some(better.id));
}

#[tokio::test]
async fn a_second_enrolment_does_not_blank_what_it_does_not_say() {
    let house = House::new().await;
    let hotel = house.hotel();
    let mut request = enrolment("EMP001", vec![template(1, 0.5)]);
    request.employee.department = Some("reception".to_owned());
    hotel.enrol(request).await.expect("good");
    let mut request = enrolment("EMP001", vec![template(2, 0.5)]);
    request.employee.name = None;
    request.employee.role = Some("lead".to_owned());
    request.at = noon() + seconds(5);
    hotel.enrol(request).await.expect("good");
    let employee = hotel.employee(&person("EMP001")).await.expect("a read").expect("there");
    assert_eq!(employee.name.as_deref(), Some("Name of EMP001"));
    assert_eq!(employee.department.as_deref(), Some("reception"));
    assert_eq!(employee.role.as_deref(), Some("lead"));
    assert_eq!((employee.created_at, employee.updated_at), (noon(), noon() + seconds(5)));
}

#[tokio::test]
async fn a_change_of_models_swaps_templates_and_keeps_the_photos() {
    let house = House::new().await;
    let hotel = house.hotel();
    let (one, two) = (template(1, 0.5), template(2, 0.9));
    hotel.enrol(enrolment("EMP001", vec![one.clone(), two.clone()])).await.expect("good");
    house.store.vectors_done(&[one.id, two.id], &[]).await.expect("reported");
    let renewed = |photo| {
        let mut t = template(photo, 0.7);
        t.model = model("newer");
        t.vector = vec![0.5; 6];
        t
    };
    let next = renewed(1);
    let id = person("EMP001");
    let old = model("face");
    assert_eq!(hotel.enrolled(&old).await.expect("a read"), std::slice::from_ref(&id));
    let replaced = hotel
        .replace_templates(&id, &old, vec![next.clone()], "operator", noon())
        .await
        .expect("the employee is there");
    assert_eq!((replaced.added, replaced.removed.len()), (vec![next.id], 2));
    assert!(hotel.enrolled(&old).await.expect("a read").is_empty());
    assert_eq!(
        house.store.template_models().await.expect("a read"),
        [(model("newer"), 1)],
        "nothing of the old model"
    );
    let media = house.store.media_deletes(10).await.expect("a read");
    assert_eq!(media.len(), 1);
    assert_eq!(media[0].photo_key, "photo-2", "photo-1 is the new template's");
    assert_eq!(house.store.pending_vectors(10).await.expect("a read").len(), 3);
    // Interrupted and run again: nothing twice, nothing lost.
    let again =
        hotel.replace_templates(&id, &old, vec![renewed(1)], "operator", noon()).await.expect("harmless");
    assert_eq!((again.added.len(), again.removed.len(), again.duplicates.len()), (0, 0, 1));
    assert_eq!(hotel.templates(&id).await.expect("a read")[0].id, next.id);
    let nobody = hotel.replace_templates(&person("EMP009"), &old, vec![renewed(3)], "operator", noon()).await;
    assert!(matches!(nobody, Err(StoreError::UnknownEmployee)), "{nobody:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_enrolled_the_best_stay_and_nothing_is_unaccounted(
        rounds in prop::collection::vec(prop::collection::vec((0_u32..12, 0_u8..5), 1..5), 1..5),
        max_templates in 1_usize..5,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let house = House::new().await;
            let hotel = house.hotel();
            for round in rounds {
                let templates: Vec<NewTemplate> =
                    round.iter().map(|(photo, q)| template(*photo, f32::from(*q))).collect();
                let before = hotel.templates(&person("EMP001")).await.expect("a read");
                let asked = templates.len();
                let mut request = enrolment("EMP001", templates.clone());
                request.max_templates = max_templates;
                let done = hotel.enrol(request).await.expect("a good request");
                assert_eq!(done.added.len() + done.duplicates.len() + done.outdone.len(), asked);
                let after = hotel.templates(&person("EMP001")).await.expect("a read");
                assert_eq!(after.len(), done.templates);
                assert_eq!(after.len(), before.len() + done.added.len() - done.replaced.len());
                // The same by the rule's own words: all candidates by quality, cut at the limit.
                let mut pool: Vec<f32> = before.iter().map(|t| t.quality).collect();
                pool.extend(
                    templates.iter().filter(|t| !done.duplicates.contains(&t.id)).map(|t| t.quality),
                );
                pool.sort_by(|a, b| b.total_cmp(a));
                pool.truncate(max_templates);
                assert_eq!(after.iter().map(|t| t.quality).collect::<Vec<_>>(), pool);
            }
            // Every key is either in use or queued for removal, never both.
            let used: Vec<String> = hotel.templates(&person("EMP001")).await.expect("a read")
                .into_iter().filter_map(|t| t.photo_key).collect();
            let queued = house.store.media_deletes(100).await.expect("a read");
            assert!(queued.iter().all(|d| !used.contains(&d.photo_key)));
            house.store.close().await;
        });
    }
}
