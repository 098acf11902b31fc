//! Revocation is ordered with writes: what was allowed when it began does not land after the right is gone.

use async_trait::async_trait;
use bytes::Bytes;
use operations::admin::Command;
use operations::{Aborted, AclInput, Error, Expected, Source};

use crate::world::{World, by_key};

/// A body in whose middle something happens.
struct Meanwhile<'a> {
    world: &'a World,
    command: Option<Command>,
    left: usize,
}

#[async_trait]
impl Source for Meanwhile<'_> {
    async fn next(&mut self) -> Result<Option<Bytes>, Aborted> {
        if let Some(command) = self.command.take() {
            self.world.ask(command).await;
        }
        self.left = self.left.saturating_sub(1);
        Ok((self.left > 0).then(|| Bytes::from_static(&[1; 64])))
    }

    fn expected(&mut self) -> Result<Expected, Aborted> {
        Ok(Expected::default())
    }
}

#[tokio::test]
async fn an_upload_does_not_land_when_its_key_account_or_share_is_stopped_meanwhile() {
    let world = World::new().await;
    let (share, vendor) = world.share("write").await;
    let guest_key = world.guest.caller.principal().key_id().unwrap().to_string();
    let guest = crate::world::GUEST.to_owned();
    for (ctx, command) in [
        (&vendor, Command::SharesRevoke { share_id: share.share_id.clone() }),
        (&world.guest, Command::AccountSuspend { account: guest.clone(), resume: false }),
        (&world.guest, Command::KeyDisable { access_key_id: guest_key.clone() }),
        (&world.guest, Command::KeyDelete { access_key_id: guest_key.clone() }),
    ] {
        let mut source = Meanwhile { world: &world, command: Some(command.clone()), left: 50 };
        let put = world.put_from(ctx, "late", &mut source).await;
        assert!(matches!(put, Err(Error::InvalidAccessKey)), "{command:?}: {put:?}");
        assert!(matches!(world.get(&world.owner, "late").await, Err(Error::NoSuchKey)));
        assert!(blobs::Blobs::list(&*world.blobs, None, 10).await.unwrap().is_empty(), "a body stayed");
        // Undone, for the next.
        world.ask(Command::AccountSuspend { account: guest.clone(), resume: true }).await;
        if !matches!(command, Command::KeyDelete { .. }) {
            world.ask(Command::KeyEnable { access_key_id: guest_key.clone() }).await;
        }
    }
}

#[tokio::test]
async fn an_upload_does_not_land_when_the_grant_is_taken_away_meanwhile() {
    let world = World::new().await;
    struct TakeAway<'a>(&'a World, usize);
    #[async_trait]
    impl Source for TakeAway<'_> {
        async fn next(&mut self) -> Result<Option<Bytes>, Aborted> {
            if self.1 == 0 {
                let alone = AclInput::Canned(model::CannedAcl::Private);
                let world = self.0;
                world.store.put_bucket_acl(&mut world.owner.clone(), &world.bucket, None, &alone).await.unwrap();
            }
            self.1 += 1;
            Ok((self.1 < 5).then(|| Bytes::from_static(b"x")))
        }

        fn expected(&mut self) -> Result<Expected, Aborted> {
            Ok(Expected::default())
        }
    }
    let put = world.put_from(&world.guest, "late", &mut TakeAway(&world, 0)).await;
    assert!(matches!(put, Err(Error::AccessDenied(_))), "{put:?}");
    assert!(matches!(world.get(&world.owner, "late").await, Err(Error::NoSuchKey)));
}

#[tokio::test]
async fn a_share_ends_with_its_time_and_its_bucket() {
    let world = World::new().await;
    let (_, vendor) = world.share("read-write").await;
    world.put(&vendor, "k", b"x").await.unwrap();
    world.delete(&vendor, "k").await.unwrap();
    world.store.delete_bucket(&mut world.owner.clone(), &world.bucket).await.unwrap();
    world.make(&world.owner, crate::world::BUCKET).await.unwrap();
    assert!(matches!(world.put(&vendor, "k", b"x").await, Err(Error::AccessDenied(_))), "a later bucket of that name");

    let (share, vendor) = world.share("read-write").await;
    world.put(&vendor, "k", b"x").await.unwrap();
    let ninety_days = 90 * 24 * 60 * 60 * 1000;
    world.clock.fetch_add(ninety_days, std::sync::atomic::Ordering::Relaxed);
    let late = by_key(&world.store, &share.access_key_id).await;
    assert!(matches!(world.put(&late, "k", b"x").await, Err(Error::AccessDenied(_))));
}
