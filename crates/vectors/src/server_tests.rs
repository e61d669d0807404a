use innkeeper_core::HotelId;

use super::*;
use crate::suite::{Place, every_engine_does_this, everything, numbered};
use crate::{HOTEL, OWNER};

#[path = "fake_server.rs"]
mod fake_server;
use fake_server::FakeServer;

/// A real server, such as `http://127.0.0.1:6334`, to run the shared suite on.
const REAL_SERVER: &str = "INNKEEPER_TEST_QDRANT";

fn settings(server: &FakeServer) -> ServerConfig {
    ServerConfig { timeout: Duration::from_secs(5), ..ServerConfig::new(&server.url()) }
}

async fn place() -> Place {
    if let Ok(url) = std::env::var(REAL_SERVER) {
        let api_key = std::env::var("INNKEEPER_TEST_QDRANT_KEY").ok();
        let config = ServerConfig { api_key, timeout: Duration::from_mins(1), ..ServerConfig::new(&url) };
        let index = QdrantServer::connect(config).await.expect("connected");
        return Place::new(index, &format!("-{}", Uuid::new_v4().simple()), ());
    }
    let server = FakeServer::start();
    let index = QdrantServer::connect(settings(&server)).await.expect("connected");
    Place::new(index, "", server)
}

every_engine_does_this!(place());

fn faces() -> Collection {
    Collection::new("faces", "edge@1".parse().expect("a model"), 4).expect("a collection")
}

async fn connected(server: &FakeServer) -> QdrantServer {
    let index = QdrantServer::connect(settings(server)).await.expect("connected");
    index.ensure(&faces()).await.expect("ensured");
    index
}

#[tokio::test]
async fn a_collection_is_made_as_it_was_configured() {
    let server = FakeServer::start();
    let config =
        ServerConfig { replication_factor: 3, shard_number: 6, write_consistency: 2, ..settings(&server) };
    let index = QdrantServer::connect(config).await.expect("connected");
    index.ensure(&faces()).await.expect("ensured");
    {
        let state = server.state();
        let stored = &state.collections["faces--edge@1"];
        let made = &stored.made_with;
        assert_eq!((made.replication_factor, made.shard_number), (Some(3), Some(6)));
        assert_eq!(made.write_consistency_factor, Some(2));
        assert!(made.quantization_config.is_some());
        let tenants: Vec<(&str, String)> =
            stored.indexes.iter().map(|(k, v)| (k.as_str(), format!("{:?}", v.field_index_params))).collect();
        assert_eq!(tenants.iter().map(|t| t.0).collect::<Vec<_>>(), [HOTEL, OWNER]);
        assert!(tenants[0].1.contains("is_tenant: Some(true)"), "{tenants:?}");
    }
    let images = Collection::new("images", "lite@1".parse().expect("a model"), 2).expect("a collection");
    index.ensure(&images).await.expect("ensured");
    let state = server.state();
    let fields: Vec<_> = state.collections["images--lite@1"].indexes.keys().map(String::as_str).collect();
    assert_eq!(fields, ["category", "hotel", "owner", "room_number", "side", "tags", "uploaded_at"]);
}

#[tokio::test]
async fn every_key_is_a_name_that_a_server_takes() {
    let server = FakeServer::start();
    let index = QdrantServer::connect(settings(&server)).await.expect("connected");
    for model in ["edge@1", "..@..", "a_b.c-d@2026.11"] {
        let odd = Collection::new("lost-things", model.parse().expect("a model"), 2).expect("a collection");
        index.ensure(&odd).await.expect("ensured");
        assert!(index.collections().await.expect("listed").contains(&odd));
    }
    // A collection of somebody else is left out.
    let foreign = fake_server::Stored::default();
    server.state().collections.insert("their-own".to_owned(), foreign);
    assert_eq!(index.collections().await.expect("listed").len(), 3);
}

#[tokio::test]
async fn a_server_that_is_away_for_a_moment_is_asked_again() {
    let server = FakeServer::start();
    let index = connected(&server).await;
    for calls in 1..=3 {
        server.state().unavailable = calls;
        index.upsert(&faces(), vec![numbered(calls as u64, 4)]).await.expect("written at last");
        server.state().unavailable = calls;
        assert_eq!(index.count(&faces(), &everything()).await.expect("counted"), calls);
    }
}

#[tokio::test]
async fn a_server_that_stays_away_is_reported_and_served_again_when_it_is_back() {
    let mut server = FakeServer::start();
    let index = connected(&server).await;
    index.upsert(&faces(), vec![numbered(1, 4)]).await.expect("written");
    server.stop();
    let answer = index.count(&faces(), &everything()).await;
    assert!(
        matches!(&answer, Err(VectorError::Unreachable { url, .. }) if *url == server.url()),
        "{answer:?}"
    );
    let nobody = QdrantServer::connect(settings(&server)).await;
    assert!(matches!(nobody, Err(VectorError::Unreachable { .. })), "{nobody:?}");
    server.resume();
    assert_eq!(index.count(&faces(), &everything()).await.expect("counted"), 1);
}

#[tokio::test]
async fn a_slow_server_is_given_up_in_time() {
    let server = FakeServer::start();
    connected(&server).await;
    let after = Duration::from_millis(300);
    let index = QdrantServer::connect(ServerConfig { timeout: after, ..settings(&server) }).await;
    let index = index.expect("connected");
    server.state().delay = Duration::from_secs(30);
    let answer = index.upsert(&faces(), vec![numbered(1, 4)]).await;
    assert!(matches!(&answer, Err(VectorError::Timeout { after: a, .. }) if *a == after), "{answer:?}");
    server.state().delay = Duration::ZERO;
    index.upsert(&faces(), vec![numbered(1, 4)]).await.expect("written");
}

#[tokio::test]
async fn a_write_that_a_node_gave_up_waiting_for_is_not_acknowledged() {
    let server = FakeServer::start();
    let index = connected(&server).await;
    server.state().gives_up_waiting = true;
    for answer in [
        index.upsert(&faces(), vec![numbered(1, 4)]).await,
        index.delete(&faces(), &[numbered(1, 4).id]).await,
    ] {
        assert!(matches!(answer, Err(VectorError::Engine(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn a_wrong_key_is_refused_at_once_and_no_key_is_ever_printed() {
    let server = FakeServer::start();
    server.state().key = Some("the-right-key".to_owned());
    for key in [None, Some("a-wrong-key".to_owned())] {
        let before = server.state().calls;
        let refused = QdrantServer::connect(ServerConfig { api_key: key, ..settings(&server) }).await;
        let error = refused.expect_err("let in");
        assert!(matches!(error, VectorError::Denied { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("a-wrong-key"));
        assert_eq!(server.state().calls, before + 1, "a refusal was asked for again");
    }
    let config = ServerConfig { api_key: Some("the-right-key".to_owned()), ..settings(&server) };
    assert!(!format!("{config:?}").contains("right"), "{config:?}");
    let index = QdrantServer::connect(config).await.expect("let in");
    assert!(!format!("{index:?}").contains("right"), "{index:?}");
    index.ensure(&faces()).await.expect("ensured");
}

#[tokio::test]
async fn settings_out_of_their_range_are_refused_before_anything_is_sent() {
    let good = ServerConfig::new("http://127.0.0.1:1");
    let key = |key: &str| ServerConfig { api_key: Some(key.to_owned()), ..good.clone() };
    for wrong in [
        ServerConfig::new("127.0.0.1:6334"),
        ServerConfig::new("http://user:pass@127.0.0.1:6334"),
        key(""),
        key("two words"),
        key("a\nline"),
        ServerConfig { timeout: Duration::ZERO, ..good.clone() },
        ServerConfig { shard_number: 0, ..good.clone() },
        ServerConfig { write_consistency: 0, ..good.clone() },
        ServerConfig { replication_factor: 2, write_consistency: 3, ..good.clone() },
    ] {
        let answer = QdrantServer::connect(wrong.clone()).await;
        let Err(VectorError::InvalidServer(text)) = answer else { panic!("{wrong:?}: {answer:?}") };
        assert!(!text.contains("pass@"), "{text}");
    }
}

#[tokio::test]
async fn a_write_goes_on_when_its_caller_stops_waiting() {
    let server = FakeServer::start();
    let index = connected(&server).await;
    server.state().delay = Duration::from_millis(200);
    let hotel: HotelId = "a".parse().expect("a hotel");
    let point = VectorPoint::new(Uuid::from_u128(1), vec![1.0; 4], &hotel, "EMP1");
    let faces = faces();
    let writing = index.upsert(&faces, vec![point]);
    assert!(tokio::time::timeout(Duration::from_millis(20), writing).await.is_err());
    server.state().delay = Duration::ZERO;
    for _ in 0..100 {
        if index.count(&faces, &everything()).await.expect("counted") == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the write was dropped with its caller");
}
