//! The embedded store under SIGKILL: what it acknowledged is there, what it did not is whole or absent.

use std::collections::BTreeMap;
use std::time::Duration;

use nix::sys::signal::Signal;
use testkit::process::{Process, Spec};

use super::server::{BUCKET, client, embedded_on, store_config, unbounded};
use super::suite::{bytes, get};

/// Set for the process that is to be killed: the store's folder.
const FOLDER: &str = "DAIS_TEST_STORE_FOLDER";

/// Also set: the port.
const PORT: &str = "DAIS_TEST_STORE_PORT";

/// Kills, each at another moment of a stream of writes.
const ROUNDS: u64 = 12;

/// Not a test by itself: the process that the test below starts and kills.
#[tokio::test]
async fn serves_a_store_when_asked_by_its_environment() {
    let (Ok(folder), Ok(port)) = (std::env::var(FOLDER), std::env::var(PORT)) else { return };
    let store = mar::store::Store::open(store_config(folder.as_ref(), unbounded())).await.unwrap();
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.unwrap();
    axum::serve(listener, store.router()).await.unwrap();
}

/// Writes of which the answer is known (`Some`) or not, by key.
type Written = BTreeMap<String, Option<Vec<u8>>>;

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    let folder = testkit::temp_dir();
    let mut written = Written::new();
    for round in 0..ROUNDS {
        let port = testkit::free_port();
        let spec = Spec::new(std::env::current_exe().unwrap(), folder.path().join(format!("log-{round}")))
            .args(["--exact", "store::killed::serves_a_store_when_asked_by_its_environment", "--nocapture"])
            .env(FOLDER, folder.path().join("store"))
            .env(PORT, port.to_string());
        let process = Process::start(spec).unwrap();
        let endpoint = format!("http://127.0.0.1:{port}");
        let answers = async || reqwest::get(format!("{endpoint}/{BUCKET}")).await.ok();
        testkit::eventually("the store answers", Duration::from_secs(60), answers).await.unwrap();
        // A literal spread over the first tenths of a second, so that every step of a write is hit.
        let moment = Duration::from_millis(20 + (round * 37) % 300);
        let writes = write_until_refused(&endpoint, round, &mut written);
        let kill = async {
            tokio::time::sleep(moment).await;
            process.signal(Signal::SIGKILL).unwrap();
        };
        tokio::join!(writes, kill);
    }
    let server = embedded_on(&folder.path().join("store"), unbounded()).await;
    let mut stored = 0;
    for (key, answered) in &written {
        let found = server.client.get_object().bucket(BUCKET).key(key).send().await.is_ok();
        match answered {
            Some(content) => assert!(get(&server, key).await == *content, "{key} was acknowledged"),
            None if found => assert_eq!(get(&server, key).await, content_of(key), "{key} is whole"),
            None => continue,
        }
        stored += content_of(key).len() as u64;
    }
    assert!(written.values().flatten().count() > 20, "the kills left time to write: {}", written.len());
    assert_eq!(server.store.as_ref().unwrap().used_bytes(), stored, "nothing else takes room");
}

async fn write_until_refused(endpoint: &str, round: u64, written: &mut Written) {
    let client = client(endpoint, "embedded-key", "embedded-secret");
    let config = client.config().to_builder();
    let once = aws_sdk_s3::config::retry::RetryConfig::disabled();
    let client = aws_sdk_s3::Client::from_conf(config.retry_config(once).build());
    for number in 0_u64.. {
        let key = format!("{round}/{number}");
        let content = content_of(&key);
        let request = client.put_object().bucket(BUCKET).key(&key).body(bytes(&content));
        let refused = request.send().await.is_err();
        written.insert(key, (!refused).then_some(content));
        if refused {
            return;
        }
    }
}

/// Between 1 and 200,000 bytes that follow from the key.
fn content_of(key: &str) -> Vec<u8> {
    let seed = key.bytes().fold(7_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    let length = 1 + seed % 200_000;
    (0..length).map(|at| u8::try_from((seed + at) % 251).unwrap()).collect()
}
