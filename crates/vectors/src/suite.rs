//! What every engine must do, whatever it is made of: one suite, run on the embedded engine and on a server.

use std::any::Any;
use std::sync::Arc;

use innkeeper_core::HotelId;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use crate::{
    CATEGORY, Collection, Filter, ROOM_NUMBER, SIDE, TAGS, UPLOADED_AT, VectorError, VectorIndex, VectorPoint,
};

/// An empty engine, or a corner of a server that is used by others too.
pub(crate) struct Place {
    index: Arc<dyn VectorIndex>,
    /// In the names of the collections, so that no two tests share one.
    corner: String,
    _held: Box<dyn Any + Send + Sync>,
}

impl Place {
    pub(crate) fn new(index: impl VectorIndex + 'static, corner: &str, held: impl Any + Send + Sync) -> Self {
        Self { index: Arc::new(index), corner: corner.to_owned(), _held: Box::new(held) }
    }

    fn faces(&self, version: u32, dimension: usize) -> Collection {
        let model = format!("edge{}@{version}", self.corner).parse().expect("a model");
        Collection::new("faces", model, dimension).expect("a collection")
    }

    fn images(&self, dimension: usize) -> Collection {
        let model = format!("lite{}@1", self.corner).parse().expect("a model");
        Collection::new("veiled-images", model, dimension).expect("a collection")
    }

    async fn ensured(&self, dimension: usize) -> Collection {
        let faces = self.faces(1, dimension);
        self.index.ensure(&faces).await.expect("ensured");
        self.index.ensure(&faces).await.expect("ensured again");
        faces
    }

    /// Leaves the server as it was.
    pub(crate) async fn left(self) {
        let dropped = self.index.drop_collection(&self.images(1)).await;
        assert!(matches!(dropped, Ok(()) | Err(VectorError::Closed)), "{dropped:?}");
        for version in [1, 2] {
            let dropped = self.index.drop_collection(&self.faces(version, 1)).await;
            assert!(matches!(dropped, Ok(()) | Err(VectorError::Closed)), "{dropped:?}");
        }
    }
}

/// The tests of the suite, each in a place that the future `$open` gives.
macro_rules! every_engine_does_this {
    ($open:expr) => {
        every_engine_does_this! { $open =>
            the_nearest_points_are_those_that_brute_force_finds
            one_hotel_never_sees_another_ones_points
            a_second_point_with_an_id_replaces_the_first
            vectors_that_have_no_cosine_are_refused_and_nothing_is_written
            deleted_points_are_gone
            a_collection_keeps_its_dimension_and_models_stay_apart
            a_limit_is_kept_and_equal_scores_stand_in_the_order_of_ids
            points_come_back_in_the_order_asked_for_and_ids_ascend
            a_missing_collection_is_named_whatever_is_asked
            searches_stay_right_while_points_are_written_and_cleared_away
            a_closed_index_says_so
            images_are_found_by_room_tags_side_and_time
            no_filter_leads_to_another_ones_images
            pages_of_hits_follow_each_other
        }
    };
    ($open:expr => $($name:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $name() {
            let place = $open.await;
            crate::suite::$name(&place).await;
            place.left().await;
        }
    )*};
}
pub(crate) use every_engine_does_this;

pub(crate) fn hotel(name: &str) -> HotelId {
    name.parse().expect("a hotel")
}

pub(crate) fn everything() -> Filter {
    Filter::every_hotel()
}

pub(crate) fn random(rng: &mut StdRng, dimension: usize) -> Vec<f32> {
    (0..dimension).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// Point number `n` of a fixed sequence: whoever knows `n` knows what must be stored.
pub(crate) fn numbered(n: u64, dimension: usize) -> VectorPoint {
    let vector = random(&mut StdRng::seed_from_u64(n), dimension);
    let id = Uuid::from_u64_pair(1, n);
    VectorPoint::new(id, vector, &hotel("a"), &format!("EMP{}", n % 10)).with("n", n)
}

pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |x: &[f32], y: &[f32]| -> f64 { x.iter().zip(y).map(|(p, q)| f64::from(p * q)).sum() };
    (dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()) as f32
}

/// Every point of the sequence with these numbers is there, whole, and found by its own vector.
pub(crate) async fn assert_holds(
    index: &dyn VectorIndex,
    collection: &Collection,
    numbers: impl Iterator<Item = u64>,
) {
    for n in numbers {
        let want = numbered(n, collection.dimension());
        let got = index.get(collection, &[want.id]).await.expect("read");
        assert_eq!(got.len(), 1, "point {n} is lost");
        assert_eq!(got[0].payload, want.payload, "point {n}");
        assert!(cosine(&got[0].vector, &want.vector) > 0.99999, "point {n} has another vector");
        let length: f32 = got[0].vector.iter().map(|v| v * v).sum();
        assert!((length - 1.0).abs() < 1e-4, "point {n} is not kept at unit length");
        let owner = Filter::hotel(&hotel("a")).owner(&format!("EMP{}", n % 10));
        for exact in [true, false] {
            let hits = index.search(collection, &want.vector, &owner, 1, exact).await.expect("searched");
            assert_eq!(hits.first().map(|h| h.id), Some(want.id), "point {n} is not found by its owner");
        }
    }
}

pub(crate) async fn the_nearest_points_are_those_that_brute_force_finds(place: &Place) {
    let (index, faces) = (&place.index, place.ensured(32).await);
    let points: Vec<VectorPoint> = (0..2000).map(|n| numbered(n, 32)).collect();
    index.upsert(&faces, points.clone()).await.expect("written");
    let mut rng = StdRng::seed_from_u64(99);
    for _ in 0..20 {
        let query = random(&mut rng, 32);
        let mut want: Vec<(f32, Uuid)> = points.iter().map(|p| (cosine(&query, &p.vector), p.id)).collect();
        want.sort_by(|a, b| b.0.total_cmp(&a.0));
        for exact in [true, false] {
            let hits = index.search(&faces, &query, &everything(), 5, exact).await.expect("searched");
            assert_eq!(hits.len(), 5);
            for (hit, (score, id)) in hits.iter().zip(&want) {
                assert_eq!(hit.id, *id);
                assert!((hit.score - score).abs() < 1e-5, "{} is not the cosine {score}", hit.score);
            }
        }
    }
}

pub(crate) async fn one_hotel_never_sees_another_ones_points(place: &Place) {
    let (index, faces) = (&place.index, place.ensured(4).await);
    let vector = vec![1.0, 0.0, 0.0, 0.0];
    let of = |id, h: &str, owner| VectorPoint::new(Uuid::from_u128(id), vector.clone(), &hotel(h), owner);
    let points = vec![of(1, "a", "EMP1"), of(2, "b", "EMP1"), of(3, "a", "EMP2"), of(4, "a", "EMP3")];
    index.upsert(&faces, points).await.expect("written");
    let found = async |filter: Filter| -> Vec<u128> {
        let hits = index.search(&faces, &vector, &filter, 10, true).await.expect("searched");
        let ids = index.ids(&faces, &filter).await.expect("listed");
        let hits: Vec<u128> = hits.iter().map(|h| h.id.as_u128()).collect();
        assert_eq!(ids.iter().map(Uuid::as_u128).collect::<Vec<_>>(), hits, "{filter:?}");
        assert_eq!(index.count(&faces, &filter).await.expect("counted"), hits.len(), "{filter:?}");
        hits
    };
    assert_eq!(found(Filter::hotel(&hotel("a"))).await, [1, 3, 4]);
    assert_eq!(found(Filter::hotel(&hotel("b"))).await, [2]);
    assert!(found(Filter::hotel(&hotel("c"))).await.is_empty());
    assert_eq!(found(Filter::hotel(&hotel("a")).owner("EMP1")).await, [1]);
    let others = Filter::hotel(&hotel("a")).except_owner("EMP1").except_owner("EMP3");
    assert_eq!(found(others).await, [3]);
    assert_eq!(found(Filter::every_hotel().except_owner("EMP1")).await, [3, 4]);
    assert_eq!(found(Filter::every_hotel()).await, [1, 2, 3, 4]);
    let broken = index.count(&faces, &Filter::every_hotel().matching("a[", "x")).await;
    assert!(matches!(broken, Err(VectorError::FilterKey(_))));
}

pub(crate) async fn a_second_point_with_an_id_replaces_the_first(place: &Place) {
    let (index, faces) = (&place.index, place.ensured(2).await);
    let id = Uuid::from_u128(5);
    for (vector, owner) in [(vec![1.0, 0.0], "EMP1"), (vec![0.0, 2.0], "EMP2")] {
        let point = VectorPoint::new(id, vector, &hotel("a"), owner);
        index.upsert(&faces, vec![point]).await.expect("written");
    }
    assert_eq!(index.count(&faces, &everything()).await.expect("counted"), 1);
    assert!(index.ids(&faces, &everything().owner("EMP1")).await.expect("listed").is_empty());
    let hits = index.search(&faces, &[0.0, 1.0], &everything(), 1, true).await.expect("searched");
    assert!((hits[0].score - 1.0).abs() < 1e-6 && hits[0].payload["owner"] == "EMP2");
}

pub(crate) async fn vectors_that_have_no_cosine_are_refused_and_nothing_is_written(place: &Place) {
    let (index, faces) = (&place.index, place.ensured(3).await);
    let at = |vector: Vec<f32>| VectorPoint::new(Uuid::new_v4(), vector, &hotel("a"), "EMP1");
    for bad in [[f32::NAN, 0.0, 1.0], [f32::INFINITY, 0.0, 1.0], [0.0; 3], [f32::MAX; 3], [1e-30; 3]] {
        let batch = vec![at(vec![1.0, 0.0, 0.0]), at(bad.to_vec())];
        assert!(matches!(index.upsert(&faces, batch).await, Err(VectorError::NoDirection)), "{bad:?}");
        let search = index.search(&faces, &bad, &everything(), 1, true).await;
        assert!(matches!(search, Err(VectorError::NoDirection)), "{bad:?}");
    }
    let short = index.upsert(&faces, vec![at(vec![1.0, 0.0])]).await;
    assert!(matches!(short, Err(VectorError::Dimension { expected: 3, found: 2 })));
    let mut nameless = at(vec![1.0, 0.0, 0.0]);
    nameless.payload.remove("hotel");
    let nameless = index.upsert(&faces, vec![nameless]).await;
    assert!(matches!(nameless, Err(VectorError::Payload { key: "hotel" })));
    assert_eq!(index.count(&faces, &everything()).await.expect("counted"), 0);
}

pub(crate) async fn deleted_points_are_gone(place: &Place) {
    let (index, faces) = (&place.index, place.ensured(8).await);
    let gone: Vec<Uuid> = (0..50).map(|n| numbered(n, 8).id).collect();
    index.upsert(&faces, (0..100).map(|n| numbered(n, 8)).collect()).await.expect("written");
    index.delete(&faces, &gone).await.expect("deleted");
    index.delete(&faces, &[Uuid::from_u128(7)]).await.expect("a missing point is fine");
    index.delete(&faces, &[]).await.expect("none is fine");
    assert_eq!(index.count(&faces, &everything()).await.expect("counted"), 50);
    assert!(index.get(&faces, &gone).await.expect("read").is_empty());
    let hits = index.search(&faces, &numbered(3, 8).vector, &everything(), 100, true).await;
    assert!(hits.expect("searched").iter().all(|hit| !gone.contains(&hit.id)));
    assert_holds(&*place.index, &faces, 50..100).await;
}

pub(crate) async fn a_collection_keeps_its_dimension_and_models_stay_apart(place: &Place) {
    let (index, faces) = (&place.index, place.ensured(8).await);
    let other = place.faces(2, 16);
    index.upsert(&faces, vec![numbered(1, 8)]).await.expect("written");
    let refused = index.ensure(&place.faces(1, 9)).await;
    assert!(matches!(refused, Err(VectorError::StoredDimension { stored: 8, wanted: 9, .. })), "{refused:?}");
    index.ensure(&other).await.expect("ensured");
    assert_eq!(index.count(&other, &everything()).await.expect("counted"), 0);
    let keys = [faces.key(), other.key()];
    let ours = async || -> Vec<Collection> {
        let all = index.collections().await.expect("listed");
        all.into_iter().filter(|c| keys.contains(&c.key())).collect()
    };
    assert_eq!(ours().await, [faces.clone(), other.clone()]);
    index.drop_collection(&faces).await.expect("dropped");
    index.drop_collection(&faces).await.expect("a missing one is fine");
    assert_eq!(ours().await, [other]);
}

pub(crate) async fn a_limit_is_kept_and_equal_scores_stand_in_the_order_of_ids(place: &Place) {
    let (index, faces) = (&place.index, place.ensured(2).await);
    let same = |n| VectorPoint::new(Uuid::from_u128(n), vec![1.0, 1.0], &hotel("a"), "EMP1");
    index.upsert(&faces, [3, 1, 2].map(same).to_vec()).await.expect("written");
    let found = async |limit| -> Vec<u128> {
        let hits = index.search(&faces, &[1.0, 0.0], &everything(), limit, true).await.expect("searched");
        hits.iter().map(|h| h.id.as_u128()).collect()
    };
    assert!(found(0).await.is_empty());
    assert_eq!(found(2).await.len(), 2);
    assert_eq!(found(1_000_000).await, [1, 2, 3]);
}

pub(crate) async fn points_come_back_in_the_order_asked_for_and_ids_ascend(place: &Place) {
    let (index, faces) = (&place.index, place.ensured(2).await);
    // More than one page and one group of any engine.
    index.upsert(&faces, (0..5000).rev().map(|n| numbered(n, 2)).collect()).await.expect("written");
    let want: Vec<Uuid> = (0..5000).map(|n| numbered(n, 2).id).collect();
    assert_eq!(index.ids(&faces, &everything()).await.expect("listed"), want);
    let mut shuffled: Vec<Uuid> = want.iter().step_by(7).rev().copied().collect();
    shuffled.insert(2, Uuid::from_u128(1));
    let got = index.get(&faces, &shuffled).await.expect("read");
    shuffled.remove(2);
    assert_eq!(got.iter().map(|p| p.id).collect::<Vec<_>>(), shuffled);
}

pub(crate) async fn a_missing_collection_is_named_whatever_is_asked(place: &Place) {
    let (index, faces) = (&place.index, place.faces(1, 2));
    let (point, all) = (numbered(1, 2), everything());
    let answers = [
        index.upsert(&faces, vec![point.clone()]).await.err(),
        index.delete(&faces, &[point.id]).await.err(),
        index.search(&faces, &point.vector, &all, 1, false).await.err(),
        index.ids(&faces, &all).await.err(),
        index.count(&faces, &all).await.err(),
        index.get(&faces, &[point.id]).await.err(),
        index.state(&faces).await.err(),
        index.optimize(&faces).await.err(),
    ];
    for (n, answer) in answers.into_iter().enumerate() {
        let Some(VectorError::UnknownCollection { collection }) = answer else { panic!("{n}: {answer:?}") };
        assert_eq!(collection, faces.key());
    }
}

pub(crate) async fn searches_stay_right_while_points_are_written_and_cleared_away(place: &Place) {
    let faces = place.ensured(16).await;
    let index = Arc::clone(&place.index);
    index.upsert(&faces, (0..200).map(|n| numbered(n, 16)).collect()).await.expect("written");
    let mut tasks = Vec::new();
    for writer in 0..3_u64 {
        let (index, faces) = (Arc::clone(&index), faces.clone());
        tasks.push(tokio::spawn(async move {
            for n in 0..10 {
                let n = 1000 + writer * 100 + n;
                index.upsert(&faces, vec![numbered(n, 16)]).await.expect("written");
            }
        }));
    }
    for reader in 0..4_u64 {
        let (index, faces) = (Arc::clone(&index), faces.clone());
        tasks.push(tokio::spawn(async move {
            for round in 0..30 {
                let want = numbered((reader * 50 + round) % 200, 16);
                let exact = round % 2 == 0;
                let hits = index.search(&faces, &want.vector, &everything(), 1, exact).await;
                assert_eq!(hits.expect("searched")[0].id, want.id);
            }
        }));
    }
    let (cleaner, cleaned) = (Arc::clone(&index), faces.clone());
    tasks.push(tokio::spawn(async move {
        for n in 500..503 {
            cleaner.upsert(&cleaned, vec![numbered(n, 16)]).await.expect("written");
            cleaner.delete(&cleaned, &[numbered(n, 16).id]).await.expect("deleted");
            cleaner.optimize(&cleaned).await.expect("optimized");
        }
    }));
    for task in tasks {
        task.await.expect("no task failed");
    }
    assert_eq!(index.count(&faces, &everything()).await.expect("counted"), 230);
    assert_holds(&*index, &faces, (0..3).flat_map(|w| (0..10).map(move |n| 1000 + w * 100 + n))).await;
    let state = index.state(&faces).await.expect("asked");
    assert!(state.points == 230 && state.unindexed <= 230 && !state.needs_optimize, "{state:?}");
}

pub(crate) async fn a_closed_index_says_so(place: &Place) {
    let faces = place.ensured(2).await;
    let copy = place.faces(2, 2);
    place.index.flush().await.expect("flushed");
    place.index.drop_collection(&faces).await.expect("dropped");
    place.index.close().await.expect("closed");
    assert!(matches!(place.index.ensure(&copy).await, Err(VectorError::Closed)));
    assert!(matches!(place.index.count(&faces, &everything()).await, Err(VectorError::Closed)));
    assert!(matches!(place.index.state(&faces).await, Err(VectorError::Closed)));
}

/// Image number `n` of a fixed sequence.
fn image(n: u64, hotel: &HotelId) -> VectorPoint {
    let vector = random(&mut StdRng::seed_from_u64(n), 16);
    let tags: &[&str] = match n % 3 {
        0 => &["bed_made"],
        1 => &["bed_unmade", "trash"],
        _ => &[],
    };
    let id = Uuid::from_u64_pair(hotel.as_str().len() as u64, n);
    let point = VectorPoint::new(id, vector, hotel, &format!("IMG{n}"))
        .with(CATEGORY, ["room", "lost_found"][n as usize % 2])
        .with(ROOM_NUMBER, format!("{}", 200 + n % 5))
        .with(TAGS, tags.to_vec())
        .with(UPLOADED_AT, 1_700_000_000 + n as i64);
    if n % 2 == 1 { point.with(SIDE, ["found", "lost"][n as usize / 2 % 2]) } else { point }
}

async fn with_images(place: &Place, hotels: &[HotelId], each: u64) -> Collection {
    let images = place.images(16);
    place.index.ensure(&images).await.expect("ensured");
    for hotel in hotels {
        let points = (0..each).map(|n| image(n, hotel)).collect();
        place.index.upsert(&images, points).await.expect("written");
    }
    images
}

/// Which numbers of the sequence pass.
type Passes = fn(u64) -> bool;

pub(crate) async fn images_are_found_by_room_tags_side_and_time(place: &Place) {
    let a = hotel("a");
    let (index, images) = (&place.index, with_images(place, std::slice::from_ref(&a), 60).await);
    let mine = || Filter::hotel(&a);
    let cases: [(Filter, Passes); 12] = [
        (mine().matching(CATEGORY, "room"), |n| n % 2 == 0),
        (mine().any_of(CATEGORY, &["room", "amenity"]), |n| n % 2 == 0),
        (mine().any_of(ROOM_NUMBER, &["201", "203"]), |n| n % 5 == 1 || n % 5 == 3),
        (mine().any_of(TAGS, &["bed_made", "trash"]), |n| n % 3 != 2),
        (mine().all_of(TAGS, &["bed_unmade", "trash"]), |n| n % 3 == 1),
        (mine().all_of(TAGS, &["bed_made", "trash"]), |_| false),
        (mine().any_of::<&str>(TAGS, &[]), |_| false),
        (mine().matching(SIDE, "lost"), |n| n % 4 == 3),
        (mine().range(UPLOADED_AT, Some(1_700_000_010), Some(1_700_000_020)), |n| (10..20).contains(&n)),
        (mine().range(UPLOADED_AT, None, Some(1_700_000_003)), |n| n < 3),
        (mine().range(UPLOADED_AT, None, None).range(ROOM_NUMBER, Some(0), None), |_| false),
        (mine().range(UPLOADED_AT, None, None).all_of(TAGS, &["trash"]).matching(CATEGORY, "room"), |n| {
            n % 6 == 4
        }),
    ];
    let query = random(&mut StdRng::seed_from_u64(999), 16);
    for (filter, passes) in cases {
        let want: Vec<Uuid> = (0..60).filter(|n| passes(*n)).map(|n| image(n, &a).id).collect();
        assert_eq!(index.ids(&images, &filter).await.expect("read"), want, "{filter:?}");
        assert_eq!(index.count(&images, &filter).await.expect("counted"), want.len(), "{filter:?}");
        for exact in [true, false] {
            let hits = index.search(&images, &query, &filter, 99, exact).await.expect("searched");
            let mut found: Vec<Uuid> = hits.iter().map(|h| h.id).collect();
            found.sort_unstable();
            assert_eq!(found, want, "{filter:?}");
        }
    }
    let broken = mine().range("a[", Some(1), None);
    let refused = index.count(&images, &broken).await;
    assert!(matches!(refused, Err(VectorError::FilterKey(_))), "{refused:?}");
}

pub(crate) async fn no_filter_leads_to_another_ones_images(place: &Place) {
    let (a, other) = (hotel("a"), hotel("bb"));
    let (index, images) = (&place.index, with_images(place, &[a.clone(), other.clone()], 30).await);
    for (mine, theirs) in [(&a, &other), (&other, &a)] {
        let filters = [
            Filter::hotel(mine),
            Filter::hotel(mine).any_of(TAGS, &["bed_made", "trash"]),
            Filter::hotel(mine).any_of(ROOM_NUMBER, &["200", "201", "202"]),
            Filter::hotel(mine).range(UPLOADED_AT, Some(0), Some(i64::MAX)),
            Filter::hotel(mine).range(UPLOADED_AT, None, None).matching(CATEGORY, "lost_found"),
            Filter::hotel(mine).except_owner("IMG1"),
        ];
        for filter in filters {
            // Their own picture is nearest to what is asked for.
            let query = image(1, theirs).vector;
            let hits = index.search_page(&images, &query, &filter, 0, 99, true).await.expect("searched");
            assert!(!hits.is_empty(), "{filter:?}");
            assert!(hits.iter().all(|h| h.payload["hotel"] == mine.as_str()), "{filter:?}");
            let both = filter.clone().matching("hotel", theirs.as_str());
            assert_eq!(index.count(&images, &both).await.expect("counted"), 0);
        }
    }
}

pub(crate) async fn pages_of_hits_follow_each_other(place: &Place) {
    let a = hotel("a");
    let (index, images) = (&place.index, with_images(place, std::slice::from_ref(&a), 50).await);
    let (query, filter) = (random(&mut StdRng::seed_from_u64(999), 16), Filter::hotel(&a));
    let whole = index.search(&images, &query, &filter, 50, true).await.expect("searched");
    assert_eq!(whole.len(), 50);
    let mut paged = Vec::new();
    for page in 0..5 {
        let hits = index.search_page(&images, &query, &filter, page * 12, 12, true).await.expect("searched");
        assert_eq!(hits.len(), if page == 4 { 2 } else { 12 });
        paged.extend(hits);
    }
    assert_eq!(paged, whole);
    for (offset, limit) in [(50, 10), (usize::MAX, 1), (10_000, 10_000), (0, 0)] {
        let hits = index.search_page(&images, &query, &filter, offset, limit, true).await.expect("searched");
        assert!(hits.is_empty(), "{offset} {limit}");
    }
}
