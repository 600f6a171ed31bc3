//! The client against an S3 server that is not ours.

use std::time::{Duration, Instant};

use bucket::{Bucket, BucketConfig, BucketError, Expected, Kind};
use nix::sys::signal::Signal;
use testkit::VersityGateway;

const TEXT: Kind = Kind::of("text/plain");

fn config(gateway: &VersityGateway) -> BucketConfig {
    BucketConfig {
        endpoint: Some(gateway.endpoint()),
        public_endpoint: None,
        bucket: VersityGateway::BUCKET.into(),
        region: "us-east-1".into(),
        access_key: gateway.access_key().into(),
        secret_key: gateway.secret_key().into(),
    }
}

#[tokio::test]
async fn objects_are_stored_read_in_part_listed_and_removed() {
    let gateway = VersityGateway::start().unwrap();
    let bucket = Bucket::new(&config(&gateway));
    bucket.ping().await.unwrap();
    bucket.put("a/1", "first", TEXT).await.unwrap();
    bucket.put("a/2", "second", TEXT).await.unwrap();
    assert_eq!(bucket.get("a/2", 6).await.unwrap(), "second");
    assert!(matches!(bucket.get("a/2", 5).await, Err(BucketError::TooLarge { .. })));
    assert!(matches!(bucket.get("a/3", 9).await, Err(BucketError::NotFound { .. })));
    let part = bucket.open("a/1", Some("bytes=1-2")).await.unwrap();
    assert_eq!((part.range.clone(), part.size_bytes), (1..3, 5));
    assert_eq!(part.bytes().await.unwrap(), "ir");
    assert!(matches!(bucket.open("a/1", Some("bytes=9-")).await, Err(BucketError::InvalidRange { .. })));
    let keys: Vec<_> = bucket.list("a/", None).await.unwrap().into_iter().map(|entry| entry.key).collect();
    assert_eq!(keys, ["a/1", "a/2"]);
    assert_eq!(bucket.delete_below("a/").await.unwrap(), 2);
    assert!(bucket.list("a/", None).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_object_that_changed_meanwhile_is_not_replaced() {
    let gateway = VersityGateway::start().unwrap();
    let bucket = Bucket::new(&config(&gateway));
    bucket.put_expecting("index", "one", TEXT, Expected::Nothing).await.unwrap();
    let again = bucket.put_expecting("index", "two", TEXT, Expected::Nothing).await;
    assert!(matches!(again, Err(BucketError::PreconditionFailed { .. })), "{again:?}");
    let etag = bucket.open("index", None).await.unwrap().etag.unwrap();
    bucket.put_expecting("index", "two", TEXT, Expected::Etag(&etag)).await.unwrap();
    let late = bucket.put_expecting("index", "three", TEXT, Expected::Etag(&etag)).await;
    assert!(matches!(late, Err(BucketError::PreconditionFailed { .. })), "{late:?}");
    assert_eq!(bucket.get("index", 9).await.unwrap(), "two");
}

#[tokio::test]
async fn one_try_ends_in_time_when_the_store_hangs() {
    let gateway = VersityGateway::start().unwrap();
    let bucket = Bucket::with_one_try(&config(&gateway), Duration::from_secs(1));
    bucket.put("a", "first", TEXT).await.unwrap();
    gateway.process().signal(Signal::SIGSTOP).unwrap();
    let began = Instant::now();
    let hung = bucket.put("a", "second", TEXT).await;
    assert!(matches!(hung, Err(BucketError::Unreachable { .. })), "{hung:?}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    gateway.process().signal(Signal::SIGCONT).unwrap();
}
