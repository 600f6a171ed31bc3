//! What only our own store promises.

use std::time::{Duration, SystemTime};

use mar::store::Limits;

use super::server::{BUCKET, embedded, embedded_on, unbounded};
use super::suite::{bytes, code, get, part, put, send_part};

#[tokio::test]
async fn a_key_below_another_key_is_fine() {
    let server = embedded().await;
    for key in ["d", "d/e", "d/", "/", "//x", "../../evil", "..", ".", "a/../b", "x\u{1}y"] {
        put(&server, key, key.as_bytes()).await;
    }
    for key in ["d", "d/e", "d/", "/", "//x", "../../evil", "..", ".", "a/../b", "x\u{1}y"] {
        assert_eq!(get(&server, key).await, key.as_bytes(), "{key:?}");
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart_and_nothing_else() {
    let folder = testkit::temp_dir();
    let server = embedded_on(folder.path(), unbounded()).await;
    put(&server, "kept", b"kept").await;
    let started = server.client.create_multipart_upload().bucket(BUCKET).key("later").send().await.unwrap();
    let upload_id = started.upload_id.unwrap();
    let etag = send_part(&server.client, "later", &upload_id, 1, b"part").await;
    let used = server.store.as_ref().unwrap().used_bytes();
    server.store.as_ref().unwrap().close().await;

    // A file that was being written, and one that was written but never acknowledged.
    std::fs::write(folder.path().join("tmp").join("half"), "half").unwrap();
    let orphan = folder.path().join("objects/ab").join("ab".repeat(16));
    std::fs::write(&orphan, "orphan").unwrap();

    let server = embedded_on(folder.path(), unbounded()).await;
    assert!(!folder.path().join("tmp").join("half").exists());
    assert!(!orphan.exists());
    assert_eq!(server.store.as_ref().unwrap().used_bytes(), used);
    assert_eq!(get(&server, "kept").await, b"kept");
    let list = aws_sdk_s3::types::CompletedMultipartUpload::builder().parts(part(1, &etag)).build();
    let done = server.client.complete_multipart_upload().bucket(BUCKET).key("later").upload_id(&upload_id);
    done.multipart_upload(list).send().await.unwrap();
    assert_eq!(get(&server, "later").await, b"part");
}

#[tokio::test]
async fn a_full_store_refuses_with_507_and_keeps_what_it_has() {
    let folder = testkit::temp_dir();
    let limits = Limits { max_bytes: Some(100), keep_free_bytes: 0 };
    let server = embedded_on(folder.path(), limits).await;
    put(&server, "first", &[1; 60]).await;
    let request = server.client.put_object().bucket(BUCKET).key("second").body(bytes(&[2; 41]));
    let refused = request.send().await;
    assert_eq!(code(&refused), "InsufficientStorage");
    assert_eq!(refused.unwrap_err().raw_response().unwrap().status().as_u16(), 507);
    assert_eq!(std::fs::read_dir(folder.path().join("tmp")).unwrap().count(), 0, "nothing half-written");
    assert_eq!(get(&server, "first").await, [1; 60]);
    // Overwriting and deleting give bytes back.
    put(&server, "first", &[3; 10]).await;
    put(&server, "second", &[2; 41]).await;
    server.client.delete_object().bucket(BUCKET).key("second").send().await.unwrap();
    assert_eq!(server.store.as_ref().unwrap().used_bytes(), 10);
}

#[tokio::test]
async fn a_file_system_below_its_reserve_refuses() {
    let folder = testkit::temp_dir();
    let limits = Limits { max_bytes: None, keep_free_bytes: u64::MAX / 2 };
    let server = embedded_on(folder.path(), limits).await;
    let request = server.client.put_object().bucket(BUCKET).key("k").body(bytes(b"x"));
    assert_eq!(code(&request.send().await), "InsufficientStorage");
}

#[tokio::test]
async fn an_upload_that_nobody_finishes_expires_with_its_bytes() {
    let server = embedded().await;
    let store = server.store.as_ref().unwrap();
    let started = server.client.create_multipart_upload().bucket(BUCKET).key("k").send().await.unwrap();
    let upload_id = started.upload_id.unwrap();
    send_part(&server.client, "k", &upload_id, 1, &[0; 1000]).await;
    assert_eq!(store.expire_uploads(SystemTime::now()).await.unwrap(), 0);
    let tomorrow = SystemTime::now() + Duration::from_secs(24 * 3600);
    assert_eq!(store.expire_uploads(tomorrow).await.unwrap(), 1);
    assert_eq!(store.used_bytes(), 0);
    let parts = server.client.list_parts().bucket(BUCKET).key("k").upload_id(&upload_id).send().await;
    assert_eq!(code(&parts), "NoSuchUpload");
}

#[tokio::test]
async fn a_body_that_ends_early_leaves_nothing() {
    use tokio::io::AsyncWriteExt;
    let server = embedded().await;
    let presigning = aws_sdk_s3::presigning::PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
    let request = server.client.put_object().bucket(BUCKET).key("cut");
    let url = request.presigned(presigning).await.unwrap().uri().to_owned();
    let address = server.endpoint.strip_prefix("http://").unwrap();
    let path = url.strip_prefix(&server.endpoint).unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!("PUT {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 1000\r\n\r\nonly this");
    stream.write_all(head.as_bytes()).await.unwrap();
    drop(stream);
    let store = server.store.as_ref().unwrap();
    testkit::eventually("the reservation is given back", Duration::from_secs(5), async || {
        (store.used_bytes() == 0).then_some(())
    })
    .await
    .unwrap();
    let got = server.client.get_object().bucket(BUCKET).key("cut").send().await;
    assert_eq!(code(&got), "NoSuchKey");
}

#[tokio::test]
async fn of_many_writers_that_ask_for_an_absent_key_one_wins() {
    let server = embedded().await;
    let writers = (0..8_u8).map(|number| {
        let request = server.client.put_object().bucket(BUCKET).key("race").if_none_match("*");
        request.body(bytes(&[number; 64])).send()
    });
    let results = futures::future::join_all(writers).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.iter().all(|result| result.is_ok() || code(result) == "PreconditionFailed"));
    assert_eq!(server.store.as_ref().unwrap().used_bytes(), 64);
}

#[tokio::test]
async fn a_browser_downloads_instead_of_showing_and_may_call_from_any_page() {
    let server = embedded().await;
    let request = server.client.put_object().bucket(BUCKET).key("page.html").content_type("text/html");
    request.body(bytes(b"<script>alert(1)</script>")).send().await.unwrap();
    let presigning = aws_sdk_s3::presigning::PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
    let request = server.client.get_object().bucket(BUCKET).key("page.html");
    let request = request.response_content_disposition("inline");
    let url = request.presigned(presigning).await.unwrap().uri().to_owned();
    let http = reqwest::Client::new();
    let answer = http.get(&url).header("Origin", "https://event.example").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("content-disposition"), "attachment");
    assert!(header("content-security-policy").contains("sandbox"));
    assert_eq!(header("access-control-allow-origin"), "*");
    assert!(header("access-control-expose-headers").contains("etag"));
    let preflight = http
        .request(reqwest::Method::OPTIONS, &url)
        .header("Origin", "https://event.example")
        .header("Access-Control-Request-Method", "PUT")
        .header("Access-Control-Request-Headers", "content-type")
        .send()
        .await
        .unwrap();
    assert_eq!(preflight.status(), 200);
    assert_eq!(preflight.headers()["access-control-allow-origin"], "*");
}

#[tokio::test]
async fn a_browser_form_is_refused_before_it_is_read() {
    let server = embedded().await;
    let answer = reqwest::Client::new()
        .post(format!("{}/{BUCKET}", server.endpoint))
        .header("Content-Type", "multipart/form-data; boundary=x")
        .body("--x\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n--x--\r\n")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 415);
}
