//! Multipart uploads.

use crate::world::{BUCKET, World, ask};

#[tokio::test]
async fn an_upload_is_begun_filled_listed_and_completed() {
    let world = World::new().await;
    let begin = ask("POST", format!("/{BUCKET}/big?uploads"))
        .header("content-type", "text/plain")
        .header("x-amz-checksum-algorithm", "CRC32C")
        .header("x-amz-checksum-type", "FULL_OBJECT");
    let begun = world.guest(begin).await.is(200);
    assert_eq!(begun.header("x-amz-checksum-algorithm"), "CRC32C");
    let upload = begun.element("UploadId").to_owned();
    let part = |number: u16| format!("/{BUCKET}/big?partNumber={number}&uploadId={upload}");
    let first = "a".repeat(5 * 1024 * 1024);
    let one = world.guest(ask("PUT", part(1)).body(first.clone())).await.is(200);
    let two = world.guest(ask("PUT", part(2)).body("tail")).await.is(200);
    assert!(two.headers.contains_key("x-amz-checksum-crc32c"));

    let parts = world.guest(ask("GET", format!("/{BUCKET}/big?max-parts=1&uploadId={upload}"))).await.is(200);
    assert_eq!((parts.element("IsTruncated"), parts.element("NextPartNumberMarker")), ("true", "1"));
    assert_eq!(parts.element("Size"), first.len().to_string());
    let uploads = world.guest(ask("GET", format!("/{BUCKET}?uploads"))).await.is(200);
    assert_eq!(uploads.element("UploadId"), upload);
    let initiator = format!("<Initiator><ID>{}</ID>", world.guest.canonical_id);
    assert!(uploads.body.contains(&initiator), "{uploads:?}");

    let named = |number: u16, tag: &str| format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>");
    let document = |parts: &str| format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
    let uri = format!("/{BUCKET}/big?uploadId={upload}");
    let (one, two) = (named(1, one.header("etag")), named(2, two.header("etag")));
    for (body, code) in [
        (document(&format!("{two}{one}")), "InvalidPartOrder"),
        (document(&named(3, "\"x\"")), "InvalidPart"),
        (document(""), "MalformedXML"),
        ("<Other/>".to_owned(), "MalformedXML"),
    ] {
        assert_eq!(world.guest(ask("POST", &*uri).body(body)).await.is(400).code(), code);
    }
    let complete = ask("POST", &*uri).body(document(&format!("{one}{two}")));
    let wrong = complete.clone().header("x-amz-mp-object-size", "7");
    world.guest(wrong).await.is(400);
    let done = world.guest(complete.header("if-none-match", "*")).await.is(200);
    assert_eq!(done.element("Location"), format!("http://localhost/{BUCKET}/big"));
    assert!(done.element("ETag").ends_with("-2&quot;"), "{done:?}");

    let got = world.guest(ask("GET", format!("/{BUCKET}/big"))).await.is(200);
    assert_eq!(got.body.len(), first.len() + 4);
    assert_eq!(got.header("content-type"), "text/plain");
    let tail = world.guest(ask("GET", format!("/{BUCKET}/big?partNumber=2"))).await.is(206);
    assert_eq!((tail.body.as_str(), tail.header("x-amz-mp-parts-count")), ("tail", "2"));
    let none = world.guest(ask("GET", format!("/{BUCKET}/big?partNumber=3"))).await.is(416);
    assert_eq!(none.code(), "InvalidPartNumber");
    let attributes =
        ask("GET", format!("/{BUCKET}/big?attributes")).header("x-amz-object-attributes", "ObjectParts,ObjectSize");
    let attributes = world.owner(attributes).await.is(200);
    assert_eq!((attributes.element("PartsCount"), attributes.element("ObjectSize")), ("2", "5242884"));
    assert!(attributes.body.contains("<ChecksumCRC32C>") && !attributes.body.contains("ETag"));
    assert_eq!(world.guest(ask("GET", &*uri)).await.is(404).code(), "NoSuchUpload");
}

#[tokio::test]
async fn parts_are_copied_by_range_and_an_upload_can_be_given_up() {
    let world = World::new().await;
    world.owner(ask("PUT", format!("/{BUCKET}/from")).body("0123456789")).await.is(200);
    let begun = world.owner(ask("POST", format!("/{BUCKET}/to?uploads"))).await.is(200);
    let upload = begun.element("UploadId");
    let part = ask("PUT", format!("/{BUCKET}/to?partNumber=1&uploadId={upload}"))
        .header("x-amz-copy-source", &format!("{BUCKET}/from"));
    let copied = world.owner(part.clone().header("x-amz-copy-source-range", "bytes=2-4")).await.is(200);
    // The MD5 of "234".
    assert_eq!(copied.element("ETag"), "&quot;289dff07669d7a23de0ef88d2f7129e7&quot;");
    assert_eq!(
        world.owner(part.clone().header("x-amz-copy-source-range", "bytes=2-")).await.is(400).code(),
        "InvalidArgument"
    );
    world.owner(part.header("x-amz-copy-source-range", "bytes=5-10")).await;
    world.owner(ask("DELETE", format!("/{BUCKET}/to?uploadId={upload}"))).await.is(204);
    world.owner(ask("DELETE", format!("/{BUCKET}/to?uploadId={upload}"))).await.is(404);
    for (header, value) in [("x-amz-checksum-type", "FULL_OBJECT"), ("x-amz-checksum-algorithm", "SHA3")] {
        let refused = world.owner(ask("POST", format!("/{BUCKET}/to?uploads")).header(header, value)).await;
        assert_eq!(refused.is(400).code(), "InvalidRequest");
    }
}
