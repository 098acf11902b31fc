//! Bucket policies over the wire: put, read back, enforced, refused where they are not policies.

use crate::world::{BUCKET, OTHER, World, ask};

fn policy(effect: &str, principal: &str, action: &str, bucket: &str, rest: &str) -> String {
    format!(
        "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"{effect}\",\"Principal\":{principal},\
         \"Action\":{action},\"Resource\":[\"arn:aws:s3:::{bucket}\",\"arn:aws:s3:::{bucket}/*\"]{rest}}}]}}"
    )
}

fn guest(world: &World) -> String {
    format!("{{\"CanonicalUser\":\"{}\"}}", world.guest.canonical_id)
}

#[tokio::test]
async fn a_policy_reads_back_as_it_was_put_and_decides_from_then_on() {
    let world = World::new().await;
    let uri = format!("/{OTHER}?policy");
    world.owner(ask("PUT", format!("/{OTHER}/in/k")).body("x")).await.is(200);
    world.guest(ask("GET", format!("/{OTHER}/in/k"))).await.is(403);
    assert_eq!(world.owner(ask("GET", &*uri)).await.is(404).code(), "NoSuchBucketPolicy");

    let text = policy("Allow", &guest(&world), "[\"s3:GetObject\",\"s3:ListBucket\"]", OTHER, "");
    world.owner(ask("PUT", &*uri).body(text.clone())).await.is(204);
    let read = world.owner(ask("GET", &*uri)).await.is(200);
    assert_eq!((read.body.as_str(), read.header("content-type")), (text.as_str(), "application/json"));
    world.guest(ask("GET", format!("/{OTHER}/in/k"))).await.is(200);
    assert_eq!(world.guest(ask("GET", format!("/{OTHER}/none"))).await.is(404).code(), "NoSuchKey");
    world.guest(ask("PUT", format!("/{OTHER}/in/k")).body("y")).await.is(403);
    world.anonymous(ask("GET", format!("/{OTHER}/in/k"))).await.is(403);
    // Whom a policy names sees the bucket in its list.
    assert!(world.guest(ask("GET", "/")).await.is(200).body.contains(OTHER));

    world.owner(ask("DELETE", &*uri)).await.is(204);
    world.owner(ask("DELETE", &*uri)).await.is(204);
    world.guest(ask("GET", format!("/{OTHER}/in/k"))).await.is(403);
    assert!(!world.guest(ask("GET", "/")).await.is(200).body.contains(OTHER));
}

#[tokio::test]
async fn conditions_are_about_the_request_that_is_made() {
    let world = World::new().await;
    let uri = format!("/{OTHER}?policy");
    let allow = |condition: &str| {
        let rest = format!(",\"Condition\":{condition}");
        policy("Allow", &guest(&world), "[\"s3:ListBucket\"]", OTHER, &rest)
    };
    world.owner(ask("PUT", &*uri).body(allow("{\"StringLike\":{\"s3:prefix\":\"logs/*\"}}"))).await.is(204);
    world.guest(ask("GET", format!("/{OTHER}?prefix=logs%2F2026"))).await.is(200);
    world.guest(ask("GET", format!("/{OTHER}?list-type=2&prefix=logs%2F"))).await.is(200);
    world.guest(ask("GET", format!("/{OTHER}?prefix=secret%2F"))).await.is(403);
    world.guest(ask("GET", format!("/{OTHER}"))).await.is(403);
    // What only looks like a fact is none.
    world.guest(ask("GET", format!("/{OTHER}")).header("x-amz-meta-prefix", "logs/")).await.is(403);

    world.owner(ask("PUT", &*uri).body(allow("{\"Bool\":{\"aws:SecureTransport\":\"true\"}}"))).await.is(204);
    world.guest(ask("GET", format!("/{OTHER}"))).await.is(403);
    world.owner(ask("PUT", &*uri).body(allow("{\"StringEquals\":{\"s3:authType\":\"REST-HEADER\"}}"))).await.is(204);
    world.guest(ask("GET", format!("/{OTHER}"))).await.is(200);
}

#[tokio::test]
async fn what_is_denied_is_denied_to_the_owner_but_never_the_way_back() {
    let world = World::new().await;
    let uri = format!("/{BUCKET}?policy");
    world.owner(ask("PUT", format!("/{BUCKET}/k")).body("x")).await.is(200);
    world.owner(ask("PUT", &*uri).body(policy("Deny", "\"*\"", "\"s3:*\"", BUCKET, ""))).await.is(204);
    world.owner(ask("GET", format!("/{BUCKET}/k"))).await.is(403);
    world.owner(ask("GET", format!("/{BUCKET}?acl"))).await.is(403);
    // WRITE by an ACL does not help either.
    world.guest(ask("PUT", format!("/{BUCKET}/k")).body("y")).await.is(403);
    world.owner(ask("GET", &*uri)).await.is(200);
    world.owner(ask("DELETE", &*uri)).await.is(204);
    world.owner(ask("GET", format!("/{BUCKET}/k"))).await.is(200);
}

#[tokio::test]
async fn nobody_else_handles_a_policy_whatever_it_says() {
    let world = World::new().await;
    let uri = format!("/{BUCKET}?policy");
    let text = policy("Allow", &guest(&world), "\"s3:*\"", BUCKET, "");
    // By WRITE and READ, which the guest has, it does not.
    world.guest(ask("PUT", &*uri).body(text.clone())).await.is(403);
    world.owner(ask("PUT", &*uri).body(text.clone())).await.is(204);
    for request in [ask("PUT", &*uri).body(text.clone()), ask("GET", &*uri), ask("DELETE", &*uri)] {
        assert_eq!(world.guest(request).await.is(405).code(), "MethodNotAllowed");
    }
    assert_eq!(world.owner(ask("GET", &*uri)).await.is(200).body, text);
}

#[tokio::test]
async fn what_is_no_policy_of_the_bucket_is_refused_whole_with_its_place() {
    let world = World::new().await;
    let uri = format!("/{BUCKET}?policy");
    let good = policy("Allow", "\"*\"", "\"s3:GetObject\"", BUCKET, "");
    world.owner(ask("PUT", &*uri).body(good.clone())).await.is(204);
    for (bad, named) in [
        ("{".to_owned(), ""),
        ("[]".to_owned(), ""),
        (policy("Permit", "\"*\"", "\"s3:GetObject\"", BUCKET, ""), "Statement[0].Effect"),
        (policy("Allow", "\"*\"", "\"s3:GetObject\"", OTHER, ""), "Statement[0].Resource"),
        (policy("Allow", "\"*\"", "\"s3:Nonsense\"", BUCKET, ""), "Statement[0].Action"),
        (policy("Allow", "\"*\"", "\"s3:GetObject\"", BUCKET, ",\"Condition\":{\"Bool\":{\"x:y\":\"true\"}}"), "x:y"),
        (policy("Allow", "\"*\"", "\"s3:GetObject\"", BUCKET, ",\"Surprise\":1"), "Surprise"),
        (good.replace("\"Principal\":\"*\"", "\"NotPrincipal\":\"*\""), "NotPrincipal"),
        (format!("{good}{}", " ".repeat(20 * 1024)), "20 KB"),
    ] {
        let refused = world.owner(ask("PUT", &*uri).body(bad.clone())).await.is(400);
        assert_eq!(refused.code(), "MalformedPolicy", "{bad}");
        assert!(refused.element("Message").contains(named), "{named}: {refused:?}");
    }
    assert_eq!(world.owner(ask("GET", &*uri)).await.is(200).body, good);
}

#[tokio::test]
async fn a_public_policy_is_told_as_public_and_blocked_where_that_is_blocked() {
    let world = World::new().await;
    let uri = format!("/{OTHER}?policy");
    let public = policy("Allow", "\"*\"", "\"s3:GetObject\"", OTHER, "");
    let narrow = ",\"Condition\":{\"IpAddress\":{\"aws:SourceIp\":\"192.0.2.0/24\"}}";
    let narrow = policy("Allow", "\"*\"", "\"s3:GetObject\"", OTHER, narrow);
    for (text, said) in [(&public, "TRUE"), (&narrow, "FALSE")] {
        world.owner(ask("PUT", &*uri).body(text.clone())).await.is(204);
        let status = world.owner(ask("GET", format!("/{OTHER}?policyStatus"))).await.is(200);
        assert_eq!(status.element("IsPublic"), said);
    }
    let block = "<PublicAccessBlockConfiguration><BlockPublicPolicy>true</BlockPublicPolicy>\
                 <RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>";
    world.owner(ask("PUT", &*uri).body(public.clone())).await.is(204);
    world.owner(ask("PUT", format!("/{OTHER}/k")).body("x")).await.is(200);
    world.anonymous(ask("GET", format!("/{OTHER}/k"))).await.is(200);
    world.owner(ask("PUT", format!("/{OTHER}?publicAccessBlock")).body(block)).await.is(200);
    world.anonymous(ask("GET", format!("/{OTHER}/k"))).await.is(403);
    assert_eq!(world.owner(ask("PUT", &*uri).body(public)).await.is(403).code(), "AccessDenied");
    world.owner(ask("PUT", &*uri).body(narrow)).await.is(204);
}
