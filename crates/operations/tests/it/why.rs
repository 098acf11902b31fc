//! Why a request was refused, and whether somebody could do something.

use operations::admin::{Command, FailureKind, Outcome};
use operations::{Context, Error};

use crate::world::{BUCKET, World, anonymous};

async fn can(world: &World, who: &str, action: &str, what: &str) -> operations::admin::CanView {
    let command = Command::Can {
        who: who.into(),
        action: action.into(),
        what: what.into(),
        source: Some("192.0.2.7".into()),
        at: None,
    };
    let Outcome::Can(answer) = world.ask(command).await else { panic!("no answer") };
    answer
}

#[tokio::test]
async fn a_refusal_is_explained_to_the_owner_by_its_requests_id() {
    let world = World::new().await;
    world.put(&world.owner, "secret", b"x").await.unwrap();
    let guest = Context { request_id: "REFUSED1".into(), ..world.guest.clone() };
    assert!(matches!(world.get(&guest, "secret").await, Err(Error::AccessDenied(_))));
    let Outcome::Why(refusals) = world.ask(Command::Why { request_id: "REFUSED1".into() }).await else { panic!() };
    let [refusal] = &refusals[..] else { panic!("{refusals:?}") };
    assert_eq!((refusal.action.as_str(), refusal.bucket.as_deref()), ("s3:GetObject", Some(BUCKET)));
    assert_eq!(refusal.key.as_deref(), Some("secret"));
    assert_eq!(refusal.access_key_id.as_deref(), guest.caller.principal().key_id().map(|id| id.as_str()));
    assert!(!refusal.why.is_empty() && refusal.remedy.as_deref().is_some_and(|r| r.contains("s3:GetObject")));

    // What was allowed, or never asked, is not known.
    world.put(&Context { request_id: "ALLOWED1".into(), ..world.guest.clone() }, "own", b"x").await.unwrap();
    for unknown in ["ALLOWED1", "NEVER"] {
        let failure =
            world.store.execute(0, "t".into(), Command::Why { request_id: unknown.into() }).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotFound);
    }
}

#[tokio::test]
async fn what_somebody_could_do_is_what_it_can_do() {
    let world = World::new().await;
    world.put(&world.owner, "secret", b"x").await.unwrap();
    let (_, vendor) = world.share("backup").await;
    let id = |ctx: &Context| ctx.caller.principal().key_id().unwrap().to_string();
    let secret = format!("{BUCKET}/secret");
    assert!(!can(&world, &id(&world.guest), "s3:GetObject", &secret).await.allowed);
    assert!(can(&world, "owner@example.com", "GetObject", &secret).await.allowed);
    assert!(can(&world, &id(&vendor), "getobject", &secret).await.allowed);
    assert_eq!(world.get(&vendor, "secret").await.unwrap(), b"x");
    // A backup creates, and neither overwrites nor deletes.
    assert!(!can(&world, &id(&vendor), "PutObject", &secret).await.allowed);
    assert!(can(&world, &id(&vendor), "PutObject", &format!("{BUCKET}/new")).await.allowed);
    assert!(world.put(&vendor, "secret", b"y").await.is_err() && world.delete(&vendor, "secret").await.is_err());
    world.put(&vendor, "new", b"y").await.unwrap();
    let refused = can(&world, "anonymous", "ListBucket", BUCKET).await;
    assert!(!refused.allowed && refused.remedy.is_some());
    assert!(world.get(&anonymous(), "secret").await.is_err());
    for (who, action, what) in [("nobody@example.com", "GetObject", &*secret), ("anonymous", "Fly", BUCKET)] {
        let command =
            Command::Can { who: who.into(), action: action.into(), what: what.into(), source: None, at: None };
        assert!(world.store.execute(0, "t".into(), command).await.is_err());
    }
}
