use innkeeper_store::{Pruned, VectorChange, VectorTask};

use super::*;

#[tokio::test]
async fn a_vector_is_pending_until_the_index_has_it() {
    let house = House::new().await;
    let t = template(1, 0.5);
    house.hotel().enrol(enrolment("EMP001", vec![t.clone()])).await.expect("enrolled");
    let task = VectorTask {
        template_id: t.id,
        hotel: hotel("default"),
        model: model("face"),
        kind: VectorChange::Upsert { employee: person("EMP001"), vector: t.vector.clone() },
    };
    for _ in 0..2 {
        let tasks = house.store.pending_vectors(10).await.expect("a read");
        assert_eq!(tasks, std::slice::from_ref(&task), "asked twice, told twice");
    }
    assert!(house.store.pending_vectors(0).await.expect("a read").is_empty());
    house.store.vectors_done(&[t.id], &[]).await.expect("reported");
    assert!(house.store.pending_vectors(10).await.expect("a read").is_empty());
    assert!(house.hotel().templates(&person("EMP001")).await.expect("a read")[0].indexed);
    assert_eq!(
        house.store.all_template_ids(&model("face")).await.expect("a read"),
        [(t.id, hotel("default"))]
    );
    assert!(house.store.all_template_ids(&model("other")).await.expect("a read").is_empty());

    // The index lost it: back into the queue. An id nobody knows is no error.
    assert_eq!(house.store.requeue_vectors(&[t.id, Uuid::now_v7()]).await.expect("done"), 1);
    assert_eq!(house.store.pending_vectors(10).await.expect("a read"), [task]);
}

#[tokio::test]
async fn an_upsert_reported_after_the_deletion_leaves_the_deletion_queued() {
    let house = House::new().await;
    let t = template(1, 0.5);
    house.hotel().enrol(enrolment("EMP001", vec![t.clone()])).await.expect("enrolled");
    house.hotel().delete_person(&person("EMP001"), "m", noon()).await.expect("fine").expect("there");
    house.store.vectors_done(&[t.id], &[]).await.expect("reported late");
    let tasks = house.store.pending_vectors(10).await.expect("a read");
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0].kind, VectorChange::Delete);
    house.store.vectors_done(&[], &[t.id]).await.expect("reported");
    assert!(house.store.pending_vectors(10).await.expect("a read").is_empty());
}

#[tokio::test]
async fn vectors_that_no_table_knows_can_be_discarded() {
    let house = House::new().await;
    let stray = Uuid::now_v7();
    for _ in 0..2 {
        house.store.discard_vectors(&hotel("default"), &model("face"), &[stray]).await.expect("queued");
    }
    let tasks = house.store.pending_vectors(10).await.expect("a read");
    assert_eq!(tasks.iter().map(|t| t.template_id).collect::<Vec<_>>(), [stray]);
}

#[tokio::test]
async fn events_come_in_order_until_they_are_delivered() {
    let house = House::new().await;
    let hotel = house.hotel();
    for id in ["EMP003", "EMP001", "EMP002"] {
        hotel.enrol(enrolment(id, vec![template(1, 0.5)])).await.expect("enrolled");
    }
    let events = house.store.outbox_pending(10).await.expect("a read");
    let people: Vec<&str> = events.iter().filter_map(|e| e.payload["employee_id"].as_str()).collect();
    assert_eq!(people, ["EMP003", "EMP001", "EMP002"]);
    assert!(events.iter().all(|e| e.id.get_version_num() == 7 && e.attempts == 0));
    house.store.outbox_failed(&[events[0].id]).await.expect("counted");
    house.store.outbox_delivered(&[events[1].id, Uuid::now_v7()]).await.expect("reported");
    let left = house.store.outbox_pending(10).await.expect("a read");
    assert_eq!(
        left.iter().map(|e| (e.id, e.attempts)).collect::<Vec<_>>(),
        [(events[0].id, 1), (events[2].id, 0)]
    );
    assert_eq!(house.store.outbox_pending(1).await.expect("a read").len(), 1);
    // Accepted at noon, so all of them are as old as the limit and none is older.
    let pruned = house.store.outbox_prune(noon()).await.expect("pruned");
    assert_eq!(pruned, Pruned::default());
    assert_eq!(house.store.outbox_pending(10).await.expect("a read"), left);
}

#[tokio::test]
async fn an_outbox_that_nobody_reads_does_not_keep_whereabouts_for_ever() {
    let house = House::new().await;
    let hotel = house.hotel();
    for (id, at) in [("EMP-old", noon()), ("EMP-told", noon()), ("EMP-new", noon() + seconds(60))] {
        let request = NewEnrolment { at, ..enrolment(id, vec![template(1, 0.5)]) };
        hotel.enrol(request).await.expect("enrolled");
    }
    let events = house.store.outbox_pending(10).await.expect("a read");
    house.store.outbox_delivered(&[events[1].id]).await.expect("reported");
    let pruned = house.store.outbox_prune(noon() + seconds(60)).await.expect("pruned");
    assert_eq!(pruned, Pruned { delivered: 0, pending: 1 }, "delivered just now, which may be looked up");
    let left = house.store.outbox_pending(10).await.expect("a read");
    assert_eq!(left, [events[2].clone()], "what is younger waits on");
    let pruned = house.store.outbox_prune(DateTime::<Utc>::MAX_UTC).await.expect("pruned");
    assert_eq!(pruned, Pruned { delivered: 1, pending: 1 });
    assert_eq!(house.rows("SELECT count(*) FROM outbox").await, 0);
}

#[tokio::test]
async fn more_ids_than_one_statement_takes_are_all_marked() {
    let house = House::new().await;
    let templates: Vec<NewTemplate> = (0..1201).map(|n| template(n, 0.5)).collect();
    let ids: Vec<Uuid> = templates.iter().map(|t| t.id).collect();
    let mut request = enrolment("EMP001", templates);
    request.max_templates = 2000;
    house.hotel().enrol(request).await.expect("enrolled");
    house.store.vectors_done(&ids, &[]).await.expect("reported");
    assert!(house.store.pending_vectors(9999).await.expect("a read").is_empty());
    let gone =
        house.hotel().delete_person(&person("EMP001"), "m", noon()).await.expect("fine").expect("there");
    assert_eq!((gone.templates.len(), gone.photo_keys.len()), (1201, 1201));
    assert_eq!(house.store.pending_vectors(9999).await.expect("a read").len(), 1201);
}
