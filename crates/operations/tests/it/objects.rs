//! Objects: written, read, listed, copied, removed, by those who may.

use model::{Acl, Action, Grantee, Permission};
use operations::{
    AclInput, AclView, CopyObject, CopySource, Directive, Error, GranteeInput, GranteeView, ListBuckets, ListObjects,
    PrefixOr, ReadConditions, Tags, Wanted, WriteConditions,
};

use crate::world::{World, anonymous, key, name, read};

fn denied<T: std::fmt::Debug>(result: Result<T, Error>) {
    assert!(matches!(result, Err(Error::AccessDenied(_))), "{result:?}");
}

#[tokio::test]
async fn a_guest_works_in_the_bucket_that_it_was_granted_and_the_owner_owns_what_lands() {
    let world = World::new().await;
    for body in [&b""[..], b"small", &[7; 5000]] {
        world.put(&world.guest, "a/b", body).await.unwrap();
        assert_eq!(world.get(&world.guest, "a/b").await.unwrap(), body);
        assert_eq!(world.get(&world.owner, "a/b").await.unwrap(), body);
    }
    let AclView { owner, grants } =
        world.store.object_acl(&world.owner, &world.bucket, &key("a/b"), None).await.unwrap();
    let account = world.owner.caller.principal().account().unwrap();
    assert_eq!(owner.id, account.canonical_id);
    let guest = &world.guest.caller.principal().account().unwrap().canonical_id;
    assert!(grants.iter().any(|(grantee, permission)| matches!(grantee, GranteeView::Account(p) if p.id == *guest)
        && *permission == Permission::Read));
    // Nothing stays of what was replaced.
    assert_eq!(blobs::Blobs::list(&*world.blobs, None, 10).await.unwrap().len(), 1);
    world.delete(&world.guest, "a/b").await.unwrap();
    assert!(blobs::Blobs::list(&*world.blobs, None, 10).await.unwrap().is_empty());
    assert!(matches!(world.get(&world.guest, "a/b").await, Err(Error::NoSuchKey)));
}

#[tokio::test]
async fn elsewhere_a_guest_is_refused_and_so_is_nobody() {
    let world = World::new().await;
    world.make(&world.owner, "private-other").await.unwrap();
    let other = name("private-other");
    for ctx in [&world.guest, &anonymous()] {
        for action in Action::ALL {
            let object = key("k");
            let on = action.on_object().then_some(&object);
            denied(world.store.may(ctx, *action, &other, on).await);
        }
    }
    denied(world.make(&world.guest, "a-bucket-of-my-own").await);
    denied(world.make(&world.guest, "private-other").await);
    // The bucket that it may write to answers as a client's first question wants.
    world.make(&world.guest, "myproject.example.com").await.unwrap();
    let source = CopySource {
        bucket: other.clone(),
        key: key("secret"),
        version: None,
        conditions: ReadConditions::default(),
        expected_owner: None,
    };
    let copy = CopyObject {
        tags: None,
        source,
        bucket: &world.bucket,
        key: &key("stolen"),
        directive: Directive::Copy,
        acl: AclInput::Default,
        conditions: WriteConditions::default(),
        algorithm: None,
    };
    denied(world.store.copy_object(&mut world.guest.clone(), copy).await);
}

#[tokio::test]
async fn what_is_listed_is_what_is_granted() {
    let world = World::new().await;
    world.make(&world.owner, "private-other").await.unwrap();
    let all = ListBuckets { limit: 1000, ..ListBuckets::default() };
    let listed = async |ctx: &operations::Context| {
        let page = world.store.list_buckets(ctx, &all).await.unwrap();
        page.buckets.into_iter().map(|b| b.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(listed(&world.guest).await, ["myproject.example.com"]);
    assert_eq!(listed(&world.owner).await, ["myproject.example.com", "private-other"]);
    let one = ListBuckets { limit: 1, ..ListBuckets::default() };
    assert!(world.store.list_buckets(&world.owner, &one).await.unwrap().more);
    denied(world.store.list_buckets(&anonymous(), &all).await);
    let alone = AclInput::Canned(model::CannedAcl::Private);
    world.store.put_bucket_acl(&mut world.owner.clone(), &world.bucket, None, &alone).await.unwrap();
    assert!(listed(&world.guest).await.is_empty());
    denied(world.put(&world.guest, "late", b"x").await);
}

#[tokio::test]
async fn a_grant_by_email_is_to_the_account_and_an_unknown_address_is_told_apart() {
    let world = World::new().await;
    let acl = world.store.bucket_acl(&world.owner, &world.bucket).await.unwrap();
    assert_eq!(acl.grants.len(), 2);
    let grant = |grantee| AclInput::Grants(vec![(grantee, Permission::Read)]);
    let mut owner = world.owner.clone();
    let unknown = grant(GranteeInput::Email("nobody@example.com".into()));
    let refused = world.store.put_bucket_acl(&mut owner, &world.bucket, None, &unknown).await;
    assert!(matches!(refused, Err(Error::UnresolvableEmail)), "{refused:?}");
    let unknown = grant(GranteeInput::Id("0".repeat(64)));
    let refused = world.store.put_bucket_acl(&mut owner, &world.bucket, None, &unknown).await;
    assert!(matches!(refused, Err(Error::InvalidArgument { .. })), "{refused:?}");
    // Who may not change the ACL, or write, or make a bucket, learns nothing of who exists.
    for email in ["owner@example.com", "nobody@example.com"] {
        let acl = || grant(GranteeInput::Email(email.into()));
        let other = name("private-other");
        let tags = model::TagSet::default();
        let new = operations::CreateBucket { bucket: &other, acl: acl(), ownership: None, tags };
        denied(world.store.create_bucket(&mut world.guest.clone(), &new).await);
        let object = key("k");
        let put = operations::PutObject {
            bucket: &world.bucket,
            key: &object,
            described: Default::default(),
            acl: acl(),
            conditions: WriteConditions::default(),
            algorithm: model::ChecksumAlgorithm::Crc32,
        };
        denied(world.store.put_object(&mut anonymous(), put, &mut crate::world::Sent::of(b"x")).await);
        let begin = operations::BeginUpload {
            bucket: &world.bucket,
            key: &object,
            described: Default::default(),
            acl: acl(),
            checksum: None,
        };
        denied(world.store.begin_upload(&mut anonymous(), begin).await);
    }
    let guessed = grant(GranteeInput::Email("owner@example.com".into()));
    denied(world.store.put_bucket_acl(&mut world.guest.clone(), &world.bucket, None, &guessed).await);
    assert_eq!(world.store.bucket_acl(&world.owner, &world.bucket).await.unwrap(), acl);
}

#[tokio::test]
async fn a_bucket_made_again_is_left_as_it_is() {
    let world = World::new().await;
    let before = world.store.bucket_acl(&world.owner, &world.bucket).await.unwrap();
    world.make(&world.owner, "myproject.example.com").await.unwrap();
    let public = operations::CreateBucket {
        bucket: &world.bucket,
        acl: AclInput::Canned(model::CannedAcl::PublicRead),
        ownership: None,
        tags: model::TagSet::default(),
    };
    let refused = world.store.create_bucket(&mut world.owner.clone(), &public).await;
    assert!(matches!(refused, Err(Error::BucketAlreadyExists)), "{refused:?}");
    assert_eq!(world.store.bucket_acl(&world.owner, &world.bucket).await.unwrap(), before);
    let private = Acl::private(world.owner.caller.principal().account().unwrap().canonical_id.clone());
    assert!(matches!(private.grants()[0].grantee, Grantee::Account(_)));
}

#[tokio::test]
async fn listings_fold_and_page() {
    let world = World::new().await;
    for object in ["a/1", "a/2", "b", "c/3", "d"] {
        world.put(&world.owner, object, b"x").await.unwrap();
    }
    let mut seen = vec![];
    let mut wanted = ListObjects { delimiter: "/".into(), limit: 2, ..ListObjects::default() };
    loop {
        let page = world
            .store
            .list_objects(&world.guest, model::Action::ListBucket, &world.bucket, &wanted, true)
            .await
            .unwrap()
            .page;
        for line in page.lines {
            seen.push(match line {
                PrefixOr::Prefix(prefix) => prefix,
                PrefixOr::One(object) => object.key.to_string(),
            });
        }
        if !page.more {
            break;
        }
        wanted.after = seen.last().unwrap().clone();
    }
    assert_eq!(seen, ["a/", "b", "c/", "d"]);
}

#[tokio::test]
async fn ranges_are_cut_from_bodies_of_every_kind() {
    let world = World::new().await;
    for body in [vec![1, 2, 3, 4, 5], (0..5000u32).map(|i| i as u8).collect()] {
        world.put(&world.owner, "k", &body).await.unwrap();
        for (wanted, range) in [
            (Wanted::FromTo(1, 3), 1..4),
            (Wanted::FromTo(2, 999_999), 2..body.len()),
            (Wanted::From(4), 4..body.len()),
            (Wanted::Last(2), body.len() - 2..body.len()),
        ] {
            let got = read(&world.store, &world.owner, &world.bucket, "k", wanted).await.unwrap();
            assert_eq!(got, body[range], "{wanted:?}");
        }
        for none in [Wanted::From(body.len() as u64), Wanted::Last(0), Wanted::FromTo(3, 2)] {
            let got = read(&world.store, &world.owner, &world.bucket, "k", none).await;
            assert!(matches!(got, Err(Error::InvalidRange { .. })), "{none:?}");
        }
    }
}

#[tokio::test]
async fn conditions_on_what_is_there_are_kept_under_concurrency() {
    let world = World::new().await;
    let object = key("once");
    let create = || operations::PutObject {
        bucket: &world.bucket,
        key: &object,
        described: Default::default(),
        acl: AclInput::Default,
        conditions: WriteConditions { if_none_match: true, ..WriteConditions::default() },
        algorithm: model::ChecksumAlgorithm::Crc32,
    };
    let attempts = (0..20u8).map(|i| {
        let put = create();
        let (store, mut ctx) = (world.store.clone(), world.guest.clone());
        async move { store.put_object(&mut ctx, put, &mut crate::world::Sent::of(&[i; 10])).await }
    });
    let done = futures_util::future::join_all(attempts).await;
    assert_eq!(done.iter().filter(|d| d.is_ok()).count(), 1);
    assert!(done.iter().all(|d| matches!(d, Ok(_) | Err(Error::PreconditionFailed(_)))));
    let written = done.into_iter().flatten().next().unwrap();

    let wrong = WriteConditions { if_match: Some(Tags::parse("\"abc\"")), ..WriteConditions::default() };
    let refused = world.store.delete_object(&mut world.guest.clone(), &world.bucket, &object, None, &wrong).await;
    assert!(matches!(refused, Err(Error::PreconditionFailed(_))));
    let right = WriteConditions { if_match: Some(Tags::parse(written.etag.as_str())), ..WriteConditions::default() };
    world.store.delete_object(&mut world.guest.clone(), &world.bucket, &object, None, &right).await.unwrap();
}

#[tokio::test]
async fn a_bucket_is_removed_only_while_it_is_empty() {
    let world = World::new().await;
    denied(world.store.delete_bucket(&mut world.guest.clone(), &world.bucket).await);
    world.put(&world.guest, "k", b"x").await.unwrap();
    let refused = world.store.delete_bucket(&mut world.owner.clone(), &world.bucket).await;
    assert!(matches!(refused, Err(Error::BucketNotEmpty)), "{refused:?}");
    world.delete(&world.owner, "k").await.unwrap();
    // Writers and the remover at once: either the bucket stays with an object, or no write was acknowledged after it went.
    let mut owner = world.owner.clone();
    let (removed, written) = tokio::join!(world.store.delete_bucket(&mut owner, &world.bucket), async {
        world.put(&world.guest, "k", b"y").await
    });
    assert!(removed.is_ok() != written.is_ok(), "{removed:?} {written:?}");
}

#[tokio::test]
async fn the_expected_owner_is_the_owner() {
    let world = World::new().await;
    let mut ctx = world.guest.clone();
    ctx.expected_owner = Some(world.owner.caller.principal().account().unwrap().id.to_string());
    world.put(&ctx, "k", b"x").await.unwrap();
    ctx.expected_owner = Some("000000000000".into());
    for refused in [world.put(&ctx, "k", b"y").await.err(), world.get(&ctx, "k").await.err()] {
        assert!(matches!(refused, Some(Error::WrongBucketOwner)), "{refused:?}");
    }
}
