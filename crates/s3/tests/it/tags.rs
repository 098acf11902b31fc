//! Tags of objects and buckets: whose they are to set, what they may be, and where they go.

use crate::world::{Answer, Ask, BUCKET, OTHER, World, ask};

fn at(key: &str) -> String {
    format!("/{BUCKET}/{key}")
}

fn tagging(key: &str) -> String {
    format!("/{BUCKET}/{key}?tagging")
}

/// The document of these tags.
fn document(tags: &[(&str, &str)]) -> String {
    let tag = |(key, value): &(&str, &str)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
    let tags: String = tags.iter().map(tag).collect();
    format!("<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet>{tags}</TagSet></Tagging>")
}

fn has(answer: &Answer, tags: &[(&str, &str)]) {
    assert!(answer.body.ends_with(&document(tags)), "{answer:?}");
}

/// A policy that lets the guest do `actions` where `condition` holds.
fn policy(world: &World, actions: &str, condition: &str) -> String {
    format!(
        "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Principal\":{{\"CanonicalUser\":\"{}\"}},\
         \"Action\":{actions},\"Resource\":\"arn:aws:s3:::{OTHER}/*\"{condition}}}]}}",
        world.guest.canonical_id
    )
}

#[tokio::test]
async fn an_objects_tags_are_set_read_replaced_and_removed_and_its_date_stays() {
    let world = World::new().await;
    world.owner(ask("PUT", at("k")).header("x-amz-tagging", "a=1&b+c=%D0%B1").body("x")).await.is(200);
    has(&world.owner(ask("GET", tagging("k"))).await.is(200), &[("a", "1"), ("b c", "б")]);
    let before = world.owner(ask("HEAD", at("k"))).await.is(200);
    assert_eq!(before.header("x-amz-tagging-count"), "2");
    world.owner(ask("PUT", tagging("k")).body(document(&[("z", "")]))).await.is(200);
    has(&world.owner(ask("GET", tagging("k"))).await.is(200), &[("z", "")]);
    let after = world.owner(ask("GET", at("k"))).await.is(200);
    assert_eq!((after.header("x-amz-tagging-count"), after.body.as_str()), ("1", "x"));
    for same in ["last-modified", "etag"] {
        assert_eq!(before.header(same), after.header(same));
    }
    world.owner(ask("DELETE", tagging("k"))).await.is(204);
    has(&world.owner(ask("GET", tagging("k"))).await.is(200), &[]);
    assert_eq!(world.owner(ask("HEAD", at("k"))).await.is(200).header("x-amz-tagging-count"), "");
    for method in ["GET", "DELETE"] {
        assert_eq!(world.owner(ask(method, tagging("none"))).await.is(404).code(), "NoSuchKey");
    }
    // An object that replaces another has its own.
    world.owner(ask("PUT", tagging("k")).body(document(&[("z", "1")]))).await.is(200);
    world.owner(ask("PUT", at("k")).body("y")).await.is(200);
    has(&world.owner(ask("GET", tagging("k"))).await.is(200), &[]);
}

#[tokio::test]
async fn tags_are_settings_so_no_grant_lets_a_guest_set_or_see_them() {
    let world = World::new().await;
    world.guest(ask("PUT", at("k")).body("mine")).await.is(200);
    world.owner(ask("PUT", tagging("k")).body(document(&[("a", "1")]))).await.is(200);
    let read = world.guest(ask("GET", at("k"))).await.is(200);
    assert_eq!((read.body.as_str(), read.header("x-amz-tagging-count")), ("mine", ""));
    let set = |uri: String| ask("PUT", uri).header("x-amz-tagging", "a=1").body("tagged");
    for request in [
        ask("GET", tagging("k")),
        ask("PUT", tagging("k")).body(document(&[("a", "2")])),
        ask("DELETE", tagging("k")),
        ask("GET", format!("/{BUCKET}?tagging")),
        ask("PUT", format!("/{BUCKET}?tagging")).body(document(&[("a", "2")])),
        ask("DELETE", format!("/{BUCKET}?tagging")),
        set(at("k")),
        set(at("new")),
        ask("POST", format!("/{BUCKET}/new?uploads")).header("x-amz-tagging", "a=1"),
        ask("PUT", at("copy")).header("x-amz-copy-source", &format!("{BUCKET}/k")),
    ] {
        assert_eq!(world.guest(request).await.is(403).code(), "AccessDenied");
    }
    // Without tags it may write, and copy what it may read.
    world.guest(ask("PUT", at("new")).header("x-amz-tagging", "").body("x")).await.is(200);
    let copy = ask("PUT", at("copy")).header("x-amz-copy-source", &format!("{BUCKET}/k"));
    world.guest(copy.header("x-amz-tagging-directive", "REPLACE")).await.is(200);
    has(&world.owner(ask("GET", tagging("k"))).await.is(200), &[("a", "1")]);
    has(&world.owner(ask("GET", tagging("copy"))).await.is(200), &[]);
    assert_eq!(world.owner(ask("GET", at("k"))).await.is(200).body, "mine");
}

#[tokio::test]
async fn a_policy_that_names_tags_is_about_those_of_the_request_or_of_the_object_never_both() {
    let world = World::new().await;
    world.owner(ask("PUT", format!("/{OTHER}/k")).body("x")).await.is(200);
    let put_policy = |condition: &str| {
        let text = policy(&world, "[\"s3:PutObject\",\"s3:PutObjectTagging\"]", condition);
        ask("PUT", format!("/{OTHER}?policy")).body(text)
    };
    let retag = |value: &str| ask("PUT", format!("/{OTHER}/k?tagging")).body(document(&[("team", value)]));
    let put = |key: &str, value: &str| {
        ask("PUT", format!("/{OTHER}/{key}")).header("x-amz-tagging", &format!("team={value}")).body("y")
    };
    let condition = ",\"Condition\":{\"StringEquals\":{\"s3:RequestObjectTag/team\":\"blue\"}}";
    world.owner(put_policy(condition)).await.is(204);
    world.guest(retag("red")).await.is(403);
    world.guest(retag("blue")).await.is(200);
    world.guest(put("new", "red")).await.is(403);
    world.guest(put("new", "blue")).await.is(200);
    world.guest(ask("PUT", format!("/{OTHER}/new")).body("y")).await.is(403);
    // What the caller chooses is no evidence for its right to choose it.
    let condition = ",\"Condition\":{\"StringEquals\":{\"s3:ExistingObjectTag/team\":\"green\"}}";
    world.owner(put_policy(condition)).await.is(204);
    world.guest(put("green", "green")).await.is(403);
    world.guest(retag("green")).await.is(403);
    world.owner(retag("green")).await.is(200);
    world.guest(retag("red")).await.is(200);
    world.guest(retag("green")).await.is(403);
}

#[tokio::test]
async fn a_copy_and_a_multipart_object_have_the_tags_that_were_asked_for() {
    let world = World::new().await;
    world.owner(ask("PUT", at("from")).header("x-amz-tagging", "a=1").body("x")).await.is(200);
    let copy = |to: &str| ask("PUT", at(to)).header("x-amz-copy-source", &format!("{BUCKET}/from"));
    let replace = |ask: Ask| ask.header("x-amz-tagging-directive", "REPLACE");
    for (to, request, tags) in [
        ("same", copy("same"), &[("a", "1")][..]),
        ("said", copy("said").header("x-amz-tagging-directive", "COPY"), &[("a", "1")]),
        ("new", replace(copy("new").header("x-amz-tagging", "b=2")), &[("b", "2")]),
        ("none", replace(copy("none")), &[]),
        ("meta", copy("meta").header("x-amz-metadata-directive", "REPLACE"), &[("a", "1")]),
    ] {
        world.owner(request).await.is(200);
        has(&world.owner(ask("GET", tagging(to))).await.is(200), tags);
    }
    assert_eq!(world.owner(copy("bad").header("x-amz-tagging", "b=2")).await.is(400).code(), "InvalidRequest");

    let begun = ask("POST", format!("/{BUCKET}/parts?uploads")).header("x-amz-tagging", "p=q");
    let upload = world.owner(begun).await.is(200).element("UploadId").to_owned();
    let part = format!("/{BUCKET}/parts?partNumber=1&uploadId={upload}");
    let tag = world.owner(ask("PUT", &*part).body("part")).await.is(200).header("etag").to_owned();
    let refused = world.owner(ask("PUT", &*part).header("x-amz-tagging", "a=1").body("part")).await;
    assert_eq!(refused.is(400).code(), "InvalidRequest");
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{tag}</ETag></Part></CompleteMultipartUpload>"
    );
    world.owner(ask("POST", format!("/{BUCKET}/parts?uploadId={upload}")).body(body)).await.is(200);
    has(&world.owner(ask("GET", tagging("parts"))).await.is(200), &[("p", "q")]);
}

#[tokio::test]
async fn a_bucket_has_tags_of_its_own_and_a_later_one_of_its_name_has_none() {
    let world = World::new().await;
    let uri = format!("/{OTHER}?tagging");
    assert_eq!(world.owner(ask("GET", &*uri)).await.is(404).code(), "NoSuchTagSet");
    let fifty: Vec<String> = (0..50).map(|n| format!("k{n}")).collect();
    let fifty: Vec<_> = fifty.iter().map(|key| (key.as_str(), "v")).collect();
    world.owner(ask("PUT", &*uri).body(document(&fifty))).await.is(204);
    has(&world.owner(ask("GET", &*uri)).await.is(200), &fifty);
    world.owner(ask("DELETE", &*uri)).await.is(204);
    world.owner(ask("DELETE", &*uri)).await.is(204);
    assert_eq!(world.owner(ask("GET", &*uri)).await.is(404).code(), "NoSuchTagSet");
    world.owner(ask("PUT", &*uri).body(document(&[("a", "1")]))).await.is(204);
    world.owner(ask("DELETE", format!("/{OTHER}"))).await.is(204);
    world.owner(ask("PUT", format!("/{OTHER}"))).await.is(200);
    assert_eq!(world.owner(ask("GET", &*uri)).await.is(404).code(), "NoSuchTagSet");
}

#[tokio::test]
async fn what_are_no_tags_is_refused_whole_as_s3_refuses_it() {
    let world = World::new().await;
    world.owner(ask("PUT", at("k")).header("x-amz-tagging", "a=1").body("x")).await.is(200);
    let eleven: Vec<String> = (0..11).map(|n| format!("k{n}")).collect();
    let eleven: Vec<_> = eleven.iter().map(|key| (key.as_str(), "v")).collect();
    let (long, longer) = ("k".repeat(129), "v".repeat(257));
    for (body, code, message) in [
        (document(&eleven), "BadRequest", "Object tags cannot be greater than 10"),
        (document(&[("a", "1"), ("a", "2")]), "InvalidTag", "Cannot provide multiple Tags with the same key"),
        (document(&[("", "1")]), "InvalidTag", "The TagKey you have provided is invalid"),
        (document(&[(&long, "1")]), "InvalidTag", "The TagKey you have provided is invalid"),
        (document(&[("a", &longer)]), "InvalidTag", "The TagValue you have provided is invalid"),
        (document(&[("AWS:a", "1")]), "InvalidTag", "System tags cannot be added/updated by requester"),
        ("<Tagging/>".into(), "MalformedXML", ""),
        (String::new(), "MalformedXML", ""),
    ] {
        let answer = world.owner(ask("PUT", tagging("k")).body(body)).await.is(400);
        assert_eq!(answer.code(), code);
        assert!(message.is_empty() || answer.element("Message") == message, "{answer:?}");
    }
    let one_more: Vec<String> = (0..51).map(|n| format!("k{n}")).collect();
    let one_more: Vec<_> = one_more.iter().map(|key| (key.as_str(), "v")).collect();
    let answer = world.owner(ask("PUT", format!("/{OTHER}?tagging")).body(document(&one_more))).await.is(400);
    assert_eq!(answer.code(), "BadRequest");
    for (header, code) in [("a=1&a=2", "InvalidArgument"), ("a=%zz", "InvalidArgument"), ("aws:a=1", "InvalidTag")] {
        let answer = world.owner(ask("PUT", at("k")).header("x-amz-tagging", header).body("y")).await.is(400);
        assert_eq!(answer.code(), code);
    }
    has(&world.owner(ask("GET", tagging("k"))).await.is(200), &[("a", "1")]);
    assert_eq!(world.owner(ask("GET", at("k"))).await.is(200).body, "x");
}

#[tokio::test]
async fn who_owns_an_object_in_anothers_bucket_may_tag_it() {
    let world = World::new().await;
    let controls =
        "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>";
    world.owner(ask("PUT", format!("/{BUCKET}?ownershipControls")).body(controls)).await.is(200);
    world.guest(ask("PUT", at("k")).header("x-amz-tagging", "a=1").body("x")).await.is(200);
    has(&world.guest(ask("GET", tagging("k"))).await.is(200), &[("a", "1")]);
    assert_eq!(world.guest(ask("HEAD", at("k"))).await.is(200).header("x-amz-tagging-count"), "1");
    // Tags are the bucket owner's too, the object's bytes are not.
    has(&world.owner(ask("GET", tagging("k"))).await.is(200), &[("a", "1")]);
    world.owner(ask("GET", at("k"))).await.is(403);
}

/// The body of a CreateBucket with these tags.
fn new_bucket(tags: &[(&str, &str)]) -> String {
    let tag = |(key, value): &(&str, &str)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
    let tags: String = tags.iter().map(tag).collect();
    format!("<CreateBucketConfiguration><Tags>{tags}</Tags></CreateBucketConfiguration>")
}

#[tokio::test]
async fn a_bucket_can_be_made_with_its_tags_and_is_not_made_without_them() {
    let world = World::new().await;
    let tags = [("team", "red"), ("cost centre", "")];
    let make = |tags: &[(&str, &str)]| ask("PUT", "/tagged.example.com").body(new_bucket(tags));
    let read = || ask("GET", "/tagged.example.com?tagging");
    world.owner(make(&tags)).await.is(200);
    has(&world.owner(read()).await.is(200), &tags);
    // Asked for again, it is there as asked for; with other tags it is another bucket's name.
    world.owner(make(&tags)).await.is(200);
    world.owner(ask("PUT", "/tagged.example.com")).await.is(200);
    for other in [&tags[..1], &[("team", "blue"), ("cost centre", "")]] {
        assert_eq!(world.owner(make(other)).await.is(409).code(), "BucketAlreadyExists");
    }
    has(&world.owner(read()).await.is(200), &tags);
    // They go with it, and the next of its name has none.
    world.owner(ask("DELETE", "/tagged.example.com")).await.is(204);
    world.owner(make(&[])).await.is(200);
    assert_eq!(world.owner(read()).await.is(404).code(), "NoSuchTagSet");

    let many: Vec<(String, &str)> = (0..51).map(|n| (format!("k{n}"), "v")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    for (bad, code) in [
        (new_bucket(&many), "BadRequest"),
        (new_bucket(&[("a", "1"), ("a", "2")]), "InvalidTag"),
        (new_bucket(&[("aws:a", "1")]), "InvalidTag"),
        (new_bucket(&[("", "1")]), "InvalidTag"),
        (new_bucket(&[("a", "b&amp;c")]), "InvalidTag"),
        (new_bucket(&[]).replace("<Tags>", "<Tags><TagSet/>"), "MalformedXML"),
    ] {
        assert_eq!(world.owner(ask("PUT", "/bad.example.com").body(bad)).await.is(400).code(), code);
    }
    world.owner(ask("PUT", "/full.example.com").body(new_bucket(&many[..50]))).await.is(200);
    world.owner(ask("HEAD", "/bad.example.com")).await.is(404);
}

#[tokio::test]
async fn who_may_not_tag_makes_no_bucket_with_tags() {
    let world = World::new().await;
    let key = async |policy: &str| world.owners_key(policy).await;
    let statement = |effect: &str, actions: &str| {
        format!("{{\"Effect\":\"{effect}\",\"Action\":{actions},\"Resource\":\"arn:aws:s3:::*\"}}")
    };
    let document = |all: &[String]| format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{}]}}", all.join(","));
    let everything = statement("Allow", "\"s3:*\"");
    for (policy, may) in [
        (document(&[statement("Allow", "\"s3:CreateBucket\"")]), false),
        (document(&[statement("Allow", "[\"s3:CreateBucket\",\"s3:PutBucketTagging\"]")]), false),
        (document(&[everything.clone(), statement("Deny", "\"s3:TagResource\"")]), false),
        (document(&[statement("Allow", "[\"s3:CreateBucket\",\"s3:TagResource\"]")]), true),
    ] {
        let key = key(&policy).await;
        let (plain, tagged) = ("/plain.example.com", "/tagged.example.com");
        let answer = world.by(&key, ask("PUT", tagged).body(new_bucket(&[("a", "1")]))).await;
        assert_eq!(answer.status == 200, may, "{policy}: {answer:?}");
        assert!(may || answer.code() == "AccessDenied", "{policy}: {answer:?}");
        world.owner(ask("HEAD", tagged)).await.is(if may { 200 } else { 404 });
        world.by(&key, ask("PUT", plain)).await.is(200);
        world.owner(ask("DELETE", plain)).await.is(204);
    }
    // A guest makes none, and is not told that it tagged one that is there.
    let guests = ask("PUT", format!("/{BUCKET}")).body(new_bucket(&[("a", "1")]));
    assert_eq!(world.guest(guests).await.is(409).code(), "BucketAlreadyExists");
    world.guest(ask("PUT", format!("/{BUCKET}"))).await.is(200);
    assert_eq!(world.owner(ask("GET", format!("/{BUCKET}?tagging"))).await.is(404).code(), "NoSuchTagSet");
}
