//! What every S3 store must do.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    CompletedMultipartUpload, CompletedPart, Delete, MetadataDirective, ObjectIdentifier,
};

use super::server::{BUCKET, Server};

const FIVE_MIB: usize = 5 << 20;

pub(crate) async fn what_is_put_comes_back_with_its_headers(server: &Server) {
    let key = server.key("video/über allem+1.mp4");
    let put = server.client.put_object().bucket(BUCKET).key(&key).body(bytes(b"hello"));
    let put = put.content_type("video/mp4").cache_control("max-age=60").metadata("title", "a-b");
    let put = put.send().await.unwrap();
    let got = server.client.get_object().bucket(BUCKET).key(&key).send().await.unwrap();
    assert_eq!(got.content_type(), Some("video/mp4"));
    assert_eq!(got.cache_control(), Some("max-age=60"));
    assert_eq!(got.metadata().unwrap(), &HashMap::from([("title".to_owned(), "a-b".to_owned())]));
    assert_eq!(got.e_tag(), put.e_tag());
    assert_eq!(got.e_tag(), Some("\"5d41402abc4b2a76b9719d911017c592\""), "MD5 of the bytes");
    assert_eq!(got.content_length(), Some(5));
    assert_eq!(&got.body.collect().await.unwrap().into_bytes()[..], b"hello");
    let head = server.client.head_object().bucket(BUCKET).key(&key).send().await.unwrap();
    assert_eq!(head.content_length(), Some(5));
}

pub(crate) async fn a_range_of_bytes_is_read(server: &Server) {
    let key = server.key("range");
    put(server, &key, b"0123456789").await;
    for (range, expected) in [
        ("bytes=2-4", "234"),
        ("bytes=7-", "789"),
        ("bytes=-2", "89"),
        ("bytes=8-100", "89"),
        ("bytes=0-0", "0"),
    ] {
        let got = server.client.get_object().bucket(BUCKET).key(&key).range(range).send().await.unwrap();
        assert_eq!(got.content_length(), i64::try_from(expected.len()).ok(), "{range}");
        assert!(got.content_range().unwrap().ends_with("/10"), "{range}");
        assert_eq!(got.body.collect().await.unwrap().to_vec(), expected.as_bytes(), "{range}");
    }
    let beyond = server.client.get_object().bucket(BUCKET).key(&key).range("bytes=10-").send().await;
    assert_eq!(code(&beyond), "InvalidRange");
}

pub(crate) async fn keys_are_listed_in_the_order_of_their_bytes_page_by_page(server: &Server) {
    let names = ["a", "a b", "a!", "aé", "b", "ba", "c"];
    for name in names {
        put(server, &server.key(name), b"x").await;
    }
    let mut sorted: Vec<String> = names.iter().map(|name| server.key(name)).collect();
    sorted.sort();
    let mut listed = Vec::new();
    let mut token = None;
    let mut pages = 0;
    loop {
        let request = server.client.list_objects_v2().bucket(BUCKET).prefix(&server.prefix).max_keys(3);
        let page = request.set_continuation_token(token).send().await.unwrap();
        pages += 1;
        listed.extend(page.contents().iter().map(|object| object.key().unwrap().to_owned()));
        token = page.next_continuation_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    assert_eq!(listed, sorted);
    assert_eq!(pages, 3);
    let request = server.client.list_objects_v2().bucket(BUCKET).prefix(server.key("b"));
    let page = request.start_after(server.key("b")).send().await.unwrap();
    assert_eq!(page.contents().len(), 1, "only `ba` lies behind `b`");
}

pub(crate) async fn a_delimiter_folds_what_lies_below(server: &Server) {
    for name in ["x/1/a", "x/1/b", "x/2/a", "x/3", "x/4/a"] {
        put(server, &server.key(name), b"x").await;
    }
    let (mut prefixes, mut keys, mut token) = (Vec::new(), Vec::new(), None);
    loop {
        let request = server.client.list_objects_v2().bucket(BUCKET).prefix(server.key("x/"));
        let page = request.delimiter("/").max_keys(2).set_continuation_token(token).send().await.unwrap();
        prefixes.extend(page.common_prefixes().iter().map(|p| p.prefix().unwrap().to_owned()));
        keys.extend(page.contents().iter().map(|object| object.key().unwrap().to_owned()));
        token = page.next_continuation_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    assert_eq!(prefixes, ["x/1/", "x/2/", "x/4/"].map(|name| server.key(name)));
    assert_eq!(keys, [server.key("x/3")]);
}

pub(crate) async fn a_second_writer_loses_when_it_asks_for_an_absent_key(server: &Server) {
    let key = server.key("once");
    let write = |text: &'static [u8]| {
        server.client.put_object().bucket(BUCKET).key(&key).if_none_match("*").body(bytes(text)).send()
    };
    write(b"first").await.unwrap();
    assert_eq!(code(&write(b"second").await), "PreconditionFailed");
    assert_eq!(get(server, &key).await, b"first");
}

pub(crate) async fn bytes_that_differ_from_their_checksum_are_refused_and_not_stored(server: &Server) {
    let key = server.key("checked");
    let request = || server.client.put_object().bucket(BUCKET).key(&key).body(bytes(b"hello"));
    let wrong_md5 = request().content_md5("1B2M2Y8AsgTpgAmY7PhCfg==").send().await;
    assert_eq!(code(&wrong_md5), "BadDigest");
    let wrong_crc32 = request().checksum_crc32("AAAAAA==").send().await;
    assert_eq!(code(&wrong_crc32), "BadDigest");
    let wrong_sha256 = request().checksum_sha256("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=").send().await;
    assert_eq!(code(&wrong_sha256), "BadDigest");
    let head = server.client.head_object().bucket(BUCKET).key(&key).send().await;
    assert!(head.is_err(), "nothing was stored");
    request().content_md5("XUFAKrxLKna5cZ2REBfFkg==").checksum_crc32("NhCmhg==").send().await.unwrap();
    assert_eq!(get(server, &key).await, b"hello");
}

pub(crate) async fn an_upload_in_parts_resumes_from_what_the_store_lists(server: &Server) {
    let key = server.key("large.mp4");
    let (first, second) = (vec![1_u8; FIVE_MIB], vec![2_u8; FIVE_MIB]);
    let started = server.client.create_multipart_upload().bucket(BUCKET).key(&key);
    let upload_id = started.content_type("video/mp4").send().await.unwrap().upload_id.unwrap();
    send_part(&server.client, &key, &upload_id, 2, &vec![9; FIVE_MIB]).await;
    send_part(&server.client, &key, &upload_id, 1, &first).await;

    // The page is loaded again: a fresh client asks what is there, and sends the rest.
    let client = server.fresh_client();
    let listed = client.list_parts().bucket(BUCKET).key(&key).upload_id(&upload_id).send().await.unwrap();
    let numbers: Vec<i32> = listed.parts().iter().map(|part| part.part_number().unwrap()).collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(listed.parts()[0].size(), Some(FIVE_MIB as i64));
    let first_etag = listed.parts()[0].e_tag().unwrap().to_owned();
    let second_etag = send_part(&client, &key, &upload_id, 2, &second).await;
    let third_etag = send_part(&client, &key, &upload_id, 3, b"end").await;

    let complete = |parts: Vec<CompletedPart>| {
        let list = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = client.complete_multipart_upload().bucket(BUCKET).key(&key).upload_id(&upload_id);
        request.multipart_upload(list).send()
    };
    let wrong = complete(vec![part(1, &first_etag), part(2, &third_etag)]).await;
    assert_eq!(code(&wrong), "InvalidPart");
    let done = complete(vec![part(1, &first_etag), part(2, &second_etag), part(3, &third_etag)]).await;
    assert!(done.unwrap().e_tag().unwrap().trim_matches('"').ends_with("-3"));

    let whole = [first, second, b"end".to_vec()].concat();
    assert!(get(server, &key).await == whole, "the parts in order");
    let border = server.client.get_object().bucket(BUCKET).key(&key);
    let border = border.range(format!("bytes={}-{}", FIVE_MIB - 2, FIVE_MIB + 1)).send().await.unwrap();
    assert_eq!(border.content_type(), Some("video/mp4"));
    assert_eq!(border.body.collect().await.unwrap().to_vec(), [1, 1, 2, 2]);
    let again = client.list_parts().bucket(BUCKET).key(&key).upload_id(&upload_id).send().await;
    assert_eq!(code(&again), "NoSuchUpload");
}

pub(crate) async fn an_aborted_upload_is_gone(server: &Server) {
    let key = server.key("aborted");
    let started = server.client.create_multipart_upload().bucket(BUCKET).key(&key).send().await.unwrap();
    let upload_id = started.upload_id.unwrap();
    send_part(&server.client, &key, &upload_id, 1, b"x").await;
    let uploads = || server.client.list_multipart_uploads().bucket(BUCKET).prefix(&key).send();
    assert_eq!(uploads().await.unwrap().uploads()[0].upload_id(), Some(upload_id.as_str()));
    let abort = || server.client.abort_multipart_upload().bucket(BUCKET).key(&key).upload_id(&upload_id);
    abort().send().await.unwrap();
    assert!(uploads().await.unwrap().uploads().is_empty());
    let late = server.client.upload_part().bucket(BUCKET).key(&key).upload_id(&upload_id).part_number(1);
    assert_eq!(code(&late.body(bytes(b"x")).send().await), "NoSuchUpload");
}

pub(crate) async fn a_copied_object_outlives_its_source(server: &Server) {
    let (from, to) = (server.key("from"), server.key("to"));
    put(server, &from, b"hello").await;
    let copy = server.client.copy_object().bucket(BUCKET).key(&to).copy_source(format!("{BUCKET}/{from}"));
    let copy = copy.metadata_directive(MetadataDirective::Replace).content_type("text/plain");
    copy.send().await.unwrap();
    server.client.delete_object().bucket(BUCKET).key(&from).send().await.unwrap();
    assert_eq!(get(server, &to).await, b"hello");
    let gone = server.client.get_object().bucket(BUCKET).key(&from).send().await;
    assert_eq!(code(&gone), "NoSuchKey");
}

pub(crate) async fn many_objects_are_deleted_at_once(server: &Server) {
    for name in ["d1", "d2", "d3"] {
        put(server, &server.key(name), b"x").await;
    }
    let identify = |name: &str| ObjectIdentifier::builder().key(server.key(name)).build().unwrap();
    let list = Delete::builder().objects(identify("d1")).objects(identify("d2")).objects(identify("none"));
    let request = server.client.delete_objects().bucket(BUCKET).delete(list.build().unwrap());
    let answer = request.send().await.unwrap();
    assert_eq!(answer.deleted().len(), 3, "a key without an object is fine");
    assert!(answer.errors().is_empty());
    let left = server.client.list_objects_v2().bucket(BUCKET).prefix(server.key("d")).send().await.unwrap();
    assert_eq!(left.contents().len(), 1);
}

pub(crate) async fn a_presigned_url_works_for_what_it_was_signed_only(server: &Server) {
    let key = server.key("presigned file.mp4");
    let started = server.client.create_multipart_upload().bucket(BUCKET).key(&key).send().await.unwrap();
    let upload_id = started.upload_id.unwrap();
    let request = server.client.upload_part().bucket(BUCKET).key(&key).upload_id(&upload_id).part_number(1);
    let minute = || PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
    let url = request.presigned(minute()).await.unwrap().uri().to_owned();
    let http = reqwest::Client::new();
    let sent = http.put(&url).body("from a browser").send().await.unwrap();
    assert!(sent.status().is_success(), "{}", sent.text().await.unwrap());
    let etag = sent.headers()["etag"].to_str().unwrap().to_owned();
    let other_part = url.replace("partNumber=1", "partNumber=2");
    assert_eq!(http.put(other_part).body("x").send().await.unwrap().status(), 403);
    let list = CompletedMultipartUpload::builder().parts(part(1, &etag)).build();
    let done = server.client.complete_multipart_upload().bucket(BUCKET).key(&key).upload_id(&upload_id);
    done.multipart_upload(list).send().await.unwrap();

    let get = server.client.get_object().bucket(BUCKET).key(&key);
    let url = get.presigned(minute()).await.unwrap().uri().to_owned();
    assert_eq!(http.get(&url).send().await.unwrap().text().await.unwrap(), "from a browser");
    assert_eq!(http.delete(&url).send().await.unwrap().status(), 403);
    let short = PresigningConfig::expires_in(Duration::from_secs(1)).unwrap();
    let get = server.client.get_object().bucket(BUCKET).key(&key);
    let url = get.presigned(short).await.unwrap().uri().to_owned();
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(http.get(&url).send().await.unwrap().status(), 403, "it has expired");
}

pub(crate) async fn a_request_without_signature_is_refused(server: &Server) {
    let key = server.key("secret");
    put(server, &key, b"x").await;
    let answer = reqwest::get(format!("{}/{BUCKET}/{key}", server.endpoint)).await.unwrap();
    assert_eq!(answer.status(), 403);
    let list = reqwest::get(format!("{}/{BUCKET}?list-type=2", server.endpoint)).await.unwrap();
    assert_eq!(list.status(), 403);
}

pub(crate) async fn keys_that_look_like_paths_are_just_keys(server: &Server) {
    let key = server.key("a%2e%2e/100% + ünïcode/ü?#&=.mp4");
    put(server, &key, b"x").await;
    assert_eq!(get(server, &key).await, b"x");
    // A store may refuse it; it may not let it out of the bucket.
    let evil = "../../evil";
    let sent = server.client.put_object().bucket(BUCKET).key(evil).body(bytes(b"evil")).send().await;
    if sent.is_ok() {
        assert_eq!(get(server, evil).await, b"evil");
        let listed = server.client.list_objects_v2().bucket(BUCKET).prefix("../").send().await.unwrap();
        assert_eq!(listed.contents()[0].key(), Some(evil));
    }
}

pub(crate) async fn an_empty_object_is_an_object(server: &Server) {
    let key = server.key("empty");
    put(server, &key, b"").await;
    assert_eq!(get(server, &key).await, b"");
}

pub(crate) async fn put(server: &Server, key: &str, body: &[u8]) {
    let request = server.client.put_object().bucket(BUCKET).key(key).body(bytes(body));
    request.send().await.unwrap();
}

pub(crate) async fn get(server: &Server, key: &str) -> Vec<u8> {
    let got = server.client.get_object().bucket(BUCKET).key(key).send().await.unwrap();
    got.body.collect().await.unwrap().to_vec()
}

pub(crate) fn bytes(content: &[u8]) -> ByteStream {
    ByteStream::from(content.to_vec())
}

/// S3's code of a failed call; empty for one that went well.
pub(crate) fn code<T, E: ProvideErrorMetadata, R>(result: &Result<T, SdkError<E, R>>) -> String {
    let error = result.as_ref().err().and_then(SdkError::as_service_error);
    error.and_then(|error| error.code()).unwrap_or_default().to_owned()
}

pub(crate) async fn send_part(
    client: &Client,
    key: &str,
    upload_id: &str,
    number: i32,
    body: &[u8],
) -> String {
    let request = client.upload_part().bucket(BUCKET).key(key).upload_id(upload_id).part_number(number);
    request.body(bytes(body)).send().await.unwrap().e_tag.unwrap()
}

pub(crate) fn part(number: i32, etag: &str) -> CompletedPart {
    CompletedPart::builder().part_number(number).e_tag(etag).build()
}
