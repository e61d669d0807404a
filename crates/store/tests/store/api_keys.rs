use super::deletion::holds;
use super::*;

#[tokio::test]
async fn a_key_is_found_by_its_id_until_it_is_revoked_and_after() {
    let house = House::new().await;
    let (hash, hotel) = ("a".repeat(64), house.hotel());
    let made = hotel.add_api_key(api_key("k1"), &hash).await.expect("kept");
    hotel.add_api_key(NewApiKey { permissions: None, ..api_key("k2") }, &hash).await.expect("kept");
    assert_eq!(house.store.api_key("k1").await.expect("a read"), Some((made.clone(), hash.clone())));
    assert_eq!(house.store.api_key("k3").await.expect("a read"), None);
    let keys = hotel.api_keys().await.expect("a read");
    assert_eq!(keys.iter().map(|k| k.id.as_str()).collect::<Vec<_>>(), ["k2", "k1"]);
    assert_eq!((&keys[0].permissions, &keys[1]), (&None, &made));

    assert!(hotel.revoke_api_key("k1", "manager", noon()).await.expect("done"));
    assert!(!hotel.revoke_api_key("k1", "manager", noon()).await.expect("done"), "only once");
    assert!(!hotel.revoke_api_key("nobody", "manager", noon()).await.expect("done"));
    let (revoked, _) = house.store.api_key("k1").await.expect("a read").expect("still known");
    assert_eq!(revoked.revoked_at, Some(noon()));
    let log = hotel.audit_entries(0, 9).await.expect("a read");
    let acts: Vec<(&str, &str)> = log.iter().map(|e| (e.action.as_str(), e.subject.as_str())).collect();
    assert_eq!(
        acts,
        [
            ("api_key.created", "api-key:k1"),
            ("api_key.created", "api-key:k2"),
            ("api_key.revoked", "api-key:k1")
        ]
    );
    assert!(log.iter().all(|e| !e.details.to_string().contains(&hash)));
}

#[tokio::test]
async fn a_key_of_one_hotel_is_not_anothers_to_see_or_revoke() {
    let house = House::new().await;
    let (north, south) = (house.store.hotel(&hotel("north")), house.store.hotel(&hotel("south")));
    north.add_api_key(api_key("k1"), &"a".repeat(64)).await.expect("kept");
    assert!(south.api_keys().await.expect("a read").is_empty());
    assert!(!south.revoke_api_key("k1", "m", noon()).await.expect("done"));
    let (key, _) = house.store.api_key("k1").await.expect("a read").expect("there");
    assert_eq!((key.hotel, key.revoked_at), (hotel("north"), None));
    let taken = south.add_api_key(api_key("k1"), &"b".repeat(64)).await;
    assert!(matches!(taken, Err(StoreError::Duplicate { what: "the API key" })), "{taken:?}");
}

#[tokio::test]
async fn a_key_in_the_place_of_its_hash_is_refused() {
    let house = House::new().await;
    for bad in ["", "the-key-itself", &"A".repeat(64), &"g".repeat(64)] {
        let refused = house.hotel().add_api_key(api_key("k1"), bad).await;
        assert!(matches!(refused, Err(StoreError::Invalid { field: "hash", .. })), "{refused:?}");
    }
    let nameless = house.hotel().add_api_key(api_key(""), &"a".repeat(64)).await;
    assert!(matches!(nameless, Err(StoreError::Invalid { field: "id", .. })), "{nameless:?}");
    assert!(!holds(&bytes(&house), b"the-key-itself"));
}
