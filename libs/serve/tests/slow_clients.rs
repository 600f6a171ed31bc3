//! Slow and silent clients lose their connection; others are served meanwhile.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use serve::{CancellationToken, Limits, Listener};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

async fn start(limits: Limits) -> (SocketAddr, CancellationToken, JoinHandle<()>) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None, limits).await.unwrap();
    let addr = listener.local_addr();
    let stop = CancellationToken::new();
    let router = Router::new().route("/", get(|| async { "hello" }));
    let task = tokio::spawn(listener.serve(router, stop.clone()));
    (addr, stop, task)
}

fn quick() -> Limits {
    Limits { header_timeout: Duration::from_millis(300), ..Limits::default() }
}

#[tokio::test]
async fn silence_one_byte_and_half_a_header_are_closed() {
    let (addr, stop, task) = start(quick()).await;
    for sent in [&b""[..], b"P", b"GET / HTTP/1.1\r\nhost: a"] {
        let mut slow = TcpStream::connect(addr).await.unwrap();
        slow.write_all(sent).await.unwrap();
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(10), slow.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "{:?} still open", String::from_utf8_lossy(sent));
    }
    let body = reqwest::get(format!("http://{addr}/")).await.unwrap().text().await.unwrap();
    assert_eq!(body, "hello");
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn the_connection_over_the_bound_is_closed_and_the_next_after_it_is_served() {
    let (addr, stop, task) = start(Limits { connections: 1, ..quick() }).await;
    let mut first = TcpStream::connect(addr).await.unwrap();
    first.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut answer = [0_u8; 15];
    first.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    let mut second = TcpStream::connect(addr).await.unwrap();
    let mut rest = Vec::new();
    // A reset is as good a refusal as an end of file.
    let _ = second.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
    drop(first);
    let served = tokio::time::timeout(Duration::from_secs(10), async {
        while reqwest::get(format!("http://{addr}/")).await.is_err() {
            tokio::task::yield_now().await;
        }
    });
    assert!(served.await.is_ok());
    stop.cancel();
    task.await.unwrap();
}
