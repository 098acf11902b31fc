//! What a guest's key cannot do, generated from the table, so that no operation can be forgotten.

use s3::table::{OPERATIONS, Op, Operation, Support, Target};

use crate::world::{Ask, BUCKET, OTHER, World, ask, md5};

/// A request for `operation` on `bucket` that is complete in form.
fn form(operation: &Operation, bucket: &str) -> Ask {
    let path = match operation.target {
        Target::Service => "/".to_owned(),
        Target::Bucket => format!("/{bucket}"),
        Target::Object => format!("/{bucket}/k"),
    };
    let value = |key: &&str| match *key {
        "list-type" => "list-type=2".to_owned(),
        "uploadId" => format!("uploadId={}", "0".repeat(32)),
        "partNumber" => "partNumber=1".to_owned(),
        key => format!("{key}=x"),
    };
    let query: Vec<String> = operation.sub.iter().map(value).collect();
    let uri = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
    let mut request = ask(operation.method, uri);
    if operation.header.is_some() {
        // From where the guest may read, so that it is the destination that is refused.
        request = request.header("x-amz-copy-source", &format!("{BUCKET}/k"));
    }
    match operation.op {
        Op::GetObjectAttributes => request.header("x-amz-object-attributes", "ETag"),
        Op::PutBucketAcl | Op::PutObjectAcl => request.header("x-amz-acl", "public-read-write"),
        Op::DeleteObjects => {
            let body = "<Delete><Object><Key>k</Key></Object></Delete>";
            request.header("content-md5", &md5(body)).body(body)
        }
        Op::PostObject => request.header("content-type", "multipart/form-data; boundary=b").body(
            "--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nposted\r\n\
             --b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nbytes\r\n--b--\r\n",
        ),
        _ => request,
    }
}

#[tokio::test]
async fn with_the_guests_key_every_operation_on_another_bucket_is_refused_whether_it_exists_or_not() {
    let world = World::new().await;
    world.guest(ask("PUT", format!("/{BUCKET}/k")).body("mine")).await.is(200);
    world.owner(ask("PUT", format!("/{OTHER}/k")).body("secret")).await.is(200);
    for operation in OPERATIONS.iter().filter(|operation| operation.target != Target::Service) {
        let answer = world.guest(form(operation, OTHER)).await;
        match operation.op {
            Op::DeleteObjects => {
                assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
                assert!(answer.body.contains("<Code>AccessDenied</Code>") && !answer.body.contains("<Deleted>"));
            }
            _ => {
                assert_eq!(answer.status.as_u16(), 403, "{}: {answer:?}", operation.name);
                assert!(
                    operation.method == "HEAD" || answer.code() == "AccessDenied",
                    "{}: {answer:?}",
                    operation.name
                );
            }
        }
        assert!(!answer.body.contains("secret"), "{}: {answer:?}", operation.name);
        let anonymous = world.anonymous(form(operation, OTHER)).await;
        assert!(anonymous.status == 403 || operation.op == Op::DeleteObjects, "{}: {anonymous:?}", operation.name);
        let nowhere = world.guest(form(operation, "nowhere.example.com")).await;
        let expected = if operation.op == Op::CreateBucket { 403 } else { 404 };
        assert_eq!(nowhere.status.as_u16(), expected, "{}: {nowhere:?}", operation.name);
    }
    assert_eq!(world.owner(ask("GET", format!("/{OTHER}/k"))).await.is(200).body, "secret");
    let acl = world.owner(ask("GET", format!("/{OTHER}?acl"))).await.is(200);
    assert_eq!(acl.body.matches("<Grant>").count(), 1, "{acl:?}");
    let buckets = world.guest(ask("GET", "/")).await.is(200);
    assert!(buckets.body.contains(BUCKET) && !buckets.body.contains(OTHER));
}

#[tokio::test]
async fn what_is_not_carried_out_says_so_to_the_owner_and_changes_nothing() {
    let world = World::new().await;
    world.owner(ask("PUT", format!("/{BUCKET}/k")).body("kept")).await.is(200);
    for operation in OPERATIONS {
        let answer = world.owner(form(operation, BUCKET)).await;
        let refused = answer.status == 501;
        assert_eq!(refused, operation.support == Support::NotImplemented, "{}: {answer:?}", operation.name);
        if operation.op == Op::DeleteObject || operation.op == Op::DeleteObjects || operation.op == Op::PutObject {
            world.owner(ask("PUT", format!("/{BUCKET}/k")).body("kept")).await.is(200);
        }
    }
    assert_eq!(world.owner(ask("GET", format!("/{BUCKET}/k"))).await.is(200).body, "kept");
}

#[tokio::test]
async fn a_refused_write_is_not_read_and_the_connection_ends() {
    let world = World::new().await;
    for (method, uri) in
        [("PUT", format!("/{OTHER}/k")), ("PUT", format!("/{OTHER}?acl")), ("POST", format!("/{OTHER}/k?uploadId=1"))]
    {
        let (answer, polled) = world.guest_watched(ask(method, uri).body("body")).await;
        assert_eq!((answer.status.as_u16(), polled), (403, false), "{answer:?}");
        assert_eq!(answer.header("connection"), "close");
    }
    let (answer, polled) = world.guest_watched(ask("PUT", format!("/{BUCKET}/k")).body("body")).await;
    assert_eq!((answer.status.as_u16(), polled, answer.header("connection")), (200, true, ""));
}
