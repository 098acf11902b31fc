//! Buckets, their ACLs and their settings.

use crate::world::{BUCKET, GUEST, OTHER, World, ask};

#[tokio::test]
async fn a_bucket_is_made_found_and_removed() {
    let world = World::new().await;
    assert_eq!(world.owner(ask("PUT", "/fresh")).await.is(200).header("location"), "/fresh");
    world.owner(ask("PUT", "/fresh")).await.is(200);
    assert_eq!(world.owner(ask("HEAD", "/fresh")).await.is(200).header("x-amz-bucket-region"), "us-east-1");
    assert!(
        world.owner(ask("GET", "/fresh?location")).await.is(200).body.ends_with("2006-03-01/\"></LocationConstraint>")
    );
    let list = world.owner(ask("GET", "/?max-buckets=1&prefix=f")).await.is(200);
    assert_eq!((list.element("Name"), list.element("BucketRegion")), ("fresh", "us-east-1"));
    let first = world.owner(ask("GET", "/?max-buckets=1")).await.is(200);
    assert_eq!(first.element("Name"), "fresh");
    let second = world
        .owner(ask("GET", format!("/?max-buckets=1&continuation-token={}", first.element("ContinuationToken"))))
        .await;
    assert_eq!(second.is(200).element("Name"), BUCKET);
    assert!(!world.owner(ask("GET", "/?bucket-region=eu-west-1")).await.is(200).body.contains("<Name>"));
    world.owner(ask("DELETE", "/fresh")).await.is(204);
    let gone = world.owner(ask("GET", "/fresh")).await.is(404);
    assert_eq!((gone.code(), gone.element("Resource"), gone.element("RequestId")), ("NoSuchBucket", "/fresh", "R1"));
    let away =
        "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";
    let away = world.owner(ask("PUT", "/fresh").body(away)).await.is(400);
    assert_eq!(away.code(), "IllegalLocationConstraintException");
}

#[tokio::test]
async fn an_acl_that_was_set_by_headers_reads_back_and_can_be_set_by_its_document() {
    let world = World::new().await;
    let uri = format!("/{BUCKET}?acl");
    let acl = world.owner(ask("GET", &*uri)).await.is(200);
    assert!(acl.body.find("<Owner>") < acl.body.find("<AccessControlList>"));
    assert_eq!(acl.body.matches(&world.guest.canonical_id).count(), 2, "{acl:?}");
    assert!(!acl.body.contains(GUEST) || acl.body.contains("DisplayName"));
    world.owner(ask("PUT", &*uri).header("x-amz-acl", "private")).await.is(200);
    assert_eq!(world.guest(ask("GET", format!("/{BUCKET}"))).await.is(403).code(), "AccessDenied");
    world.owner(ask("PUT", &*uri).body(acl.body.clone())).await.is(200);
    assert_eq!(world.owner(ask("GET", &*uri)).await.is(200).body, acl.body);
    world.guest(ask("GET", format!("/{BUCKET}"))).await.is(200);
    world.guest(ask("PUT", &*uri).header("x-amz-acl", "public-read")).await.is(403);

    for (request, code) in [
        (ask("PUT", &*uri).header("x-amz-acl", "private").body(acl.body.clone()), "UnexpectedContent"),
        (ask("PUT", &*uri).header("x-amz-acl", "private").header("x-amz-grant-read", "id=x"), "InvalidRequest"),
        (ask("PUT", &*uri).header("x-amz-acl", "everybody"), "InvalidArgument"),
        (ask("PUT", &*uri).header("x-amz-grant-read", "somebody"), "InvalidArgument"),
        (ask("PUT", &*uri).header("x-amz-grant-read", "emailAddress=no@body.org"), "UnresolvableGrantByEmailAddress"),
        (ask("PUT", &*uri).body("<AccessControlPolicy/>"), "MalformedACLError"),
        (ask("PUT", &*uri), "MissingSecurityHeader"),
    ] {
        assert_eq!(world.owner(request).await.is(400).code(), code);
    }
    assert_eq!(world.owner(ask("GET", &*uri)).await.is(200).body, acl.body);
}

#[tokio::test]
async fn the_two_settings_that_there_are_can_be_set_read_and_removed() {
    let world = World::new().await;
    for (sub, missing, document, reads) in [
        (
            "publicAccessBlock",
            "NoSuchPublicAccessBlockConfiguration",
            "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>",
            "<BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>false</IgnorePublicAcls>",
        ),
        (
            "ownershipControls",
            "OwnershipControlsNotFoundError",
            "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerPreferred</ObjectOwnership></Rule></OwnershipControls>",
            "<ObjectOwnership>BucketOwnerPreferred</ObjectOwnership>",
        ),
    ] {
        let uri = format!("/{OTHER}?{sub}");
        assert_eq!(world.owner(ask("GET", &*uri)).await.is(404).code(), missing);
        world.owner(ask("PUT", &*uri).body(document)).await.is(200);
        assert!(world.owner(ask("GET", &*uri)).await.is(200).body.contains(reads));
        assert_eq!(world.owner(ask("PUT", &*uri).body("<Nonsense/>")).await.is(400).code(), "MalformedXML");
        world.guest(ask("DELETE", &*uri)).await.is(403);
        world.owner(ask("DELETE", &*uri)).await.is(204);
        assert_eq!(world.owner(ask("GET", &*uri)).await.is(404).code(), missing);
    }
}

#[tokio::test]
async fn what_nobody_set_answers_as_s3_does() {
    let world = World::new().await;
    world.owner(ask("PUT", format!("/{BUCKET}/k")).body("x")).await.is(200);
    for (sub, expected) in [
        ("policy", "NoSuchBucketPolicy"),
        ("policyStatus", "NoSuchBucketPolicy"),
        ("tagging", "NoSuchTagSet"),
        ("cors", "NoSuchCORSConfiguration"),
        ("lifecycle", "NoSuchLifecycleConfiguration"),
        ("encryption", "ServerSideEncryptionConfigurationNotFoundError"),
        ("website", "NoSuchWebsiteConfiguration"),
        ("replication", "ReplicationConfigurationNotFoundError"),
        ("object-lock", "ObjectLockConfigurationNotFoundError"),
        ("analytics&id=a", "NoSuchConfiguration"),
    ] {
        assert_eq!(world.owner(ask("GET", format!("/{BUCKET}?{sub}"))).await.is(404).code(), expected);
    }
    for (sub, expected) in [
        (
            "versioning",
            "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"></VersioningConfiguration>",
        ),
        ("logging", "<BucketLoggingStatus xmlns="),
        ("notification", "<NotificationConfiguration xmlns="),
        ("accelerate", "<AccelerateConfiguration xmlns="),
        ("requestPayment", "<Payer>BucketOwner</Payer>"),
        ("inventory", "<IsTruncated>false</IsTruncated>"),
    ] {
        let answer = world.owner(ask("GET", format!("/{BUCKET}?{sub}"))).await.is(200);
        assert!(answer.body.contains(expected), "{answer:?}");
    }
    let tags = world.owner(ask("GET", format!("/{BUCKET}/k?tagging"))).await.is(200);
    assert!(tags.body.contains("<TagSet></TagSet>"));
    world.owner(ask("DELETE", format!("/{BUCKET}/k?tagging"))).await.is(204);
    assert_eq!(world.owner(ask("GET", format!("/{BUCKET}/none?tagging"))).await.is(404).code(), "NoSuchKey");
    let hold = world.owner(ask("GET", format!("/{BUCKET}/k?legal-hold"))).await.is(404);
    assert_eq!(hold.code(), "NoSuchObjectLockConfiguration");
    world.owner(ask("DELETE", format!("/{BUCKET}?lifecycle"))).await.is(204);
    assert_eq!(
        world.owner(ask("PUT", format!("/{BUCKET}?versioning")).body("x")).await.is(501).code(),
        "NotImplemented"
    );
}

#[tokio::test]
async fn a_new_bucket_gets_only_what_its_maker_could_set_afterwards() {
    let world = World::new().await;
    let allow = |actions: &str| {
        format!(
            "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Action\":[\"s3:CreateBucket\",\"s3:DeleteBucket\"\
             {actions}],\"Resource\":\"arn:aws:s3:::*\"}}]}}"
        )
    };
    let makes = world.owners_key(&allow("")).await;
    let sets = world.owners_key(&allow(",\"s3:PutBucketAcl\",\"s3:PutBucketOwnershipControls\"")).await;
    let new = "/new.example.com";
    for (name, value, more) in [
        ("x-amz-acl", "private", false),
        ("x-amz-acl", "public-read", true),
        ("x-amz-grant-read", &*format!("emailAddress={GUEST}"), true),
        ("x-amz-object-ownership", "ObjectWriter", true),
    ] {
        let make = || ask("PUT", new).header(name, value);
        let answer = world.by(&makes, make()).await.is(if more { 403 } else { 200 });
        assert!(!more || answer.code() == "AccessDenied", "{answer:?}");
        world.owner(ask("HEAD", new)).await.is(if more { 404 } else { 200 });
        world.by(&sets, make()).await.is(200);
        world.by(&sets, ask("DELETE", new)).await.is(204);
    }
}
