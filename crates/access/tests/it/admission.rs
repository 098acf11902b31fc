//! `tests/golden/new_objects.txt`: whose a new object is, and which ACLs are taken; and the same for what exists.

use std::fmt::Write;

use access::{AclRefusal, NewObject, RequestedAcl, Settings, bucket_acl, new_object, object_acl};
use model::{
    AccountKind, Acl, Bucket, CannedAcl, CanonicalId, Grant, Grantee, Group, ObjectOwnership, Permission, Preset,
    Principal, PublicAccessBlock,
};

use crate::golden;
use crate::world::{self, GRANTEE, OWNER, WRITER, caller, canonical, holder, settings, share};

fn bucket(ownership: ObjectOwnership) -> Bucket {
    Bucket { ownership: Some(ownership), ..world::bucket(Acl::private(canonical(OWNER))) }
}

fn grants(of: &[(Grantee, Permission)]) -> RequestedAcl {
    let grants = of.iter().map(|(grantee, permission)| Grant { grantee: grantee.clone(), permission: *permission });
    RequestedAcl::Grants(Acl::new(grants.collect()).unwrap())
}

fn to(n: u8, permission: Permission) -> (Grantee, Permission) {
    (Grantee::Account(canonical(n)), permission)
}

/// What a request may ask for.
fn requests() -> Vec<(String, RequestedAcl)> {
    let mut all = vec![("nothing".to_owned(), RequestedAcl::Default)];
    all.extend(CannedAcl::ALL.map(|canned| (canned.as_str().to_owned(), RequestedAcl::Canned(canned))));
    let named = |name: &str, acl| (name.to_owned(), acl);
    all.extend([
        named("an empty list", grants(&[])),
        named("bucket owner FULL_CONTROL", grants(&[to(OWNER, Permission::FullControl)])),
        named("third READ", grants(&[to(GRANTEE, Permission::Read)])),
        named("third READ twice", grants(&[to(GRANTEE, Permission::Read), to(GRANTEE, Permission::Read)])),
    ]);
    all
}

fn who(id: &CanonicalId) -> &'static str {
    match id {
        id if *id == canonical(OWNER) => "bucket owner",
        id if *id == canonical(WRITER) => "writer",
        _ => "third",
    }
}

fn show(acl: &Acl) -> String {
    let grant = |g: &Grant| {
        let grantee = match &g.grantee {
            Grantee::Account(id) => who(id).to_owned(),
            Grantee::Group(group) => format!("{group:?}"),
        };
        format!("{grantee} {}", g.permission.as_str())
    };
    match acl.grants() {
        [] => "no grants".into(),
        grants => grants.iter().map(grant).collect::<Vec<_>>().join(", "),
    }
}

fn cell(made: Result<NewObject, AclRefusal>) -> String {
    match made {
        Ok(NewObject { owner, acl }) => format!("{}'s: {}", who(&owner), show(&acl)),
        Err(refusal) => format!("refused: {refusal:?}"),
    }
}

/// The share's key is the writer's account's.
fn shared() -> Principal {
    let share = share(WRITER, Preset::ReadWrite);
    let Principal::Key { share, .. } = holder(Some(share)) else { unreachable!("a holder has a key") };
    let account = world::account(WRITER, AccountKind::Owner);
    Principal::Key { account, key: world::key(WRITER, Some(world::share_id())), share }
}

#[test]
fn whose_a_new_object_is_and_which_acl_it_may_have_is_written_down() {
    let mut text = String::from(
        "Whose a new object is, and which grants it gets: by the bucket's ownership, who writes, and the ACL that the\n\
         request asks for. Nothing is blocked.\n",
    );
    let writers = [
        ("bucket owner", caller(OWNER, AccountKind::Owner)),
        ("another account", caller(WRITER, AccountKind::Guest)),
        ("a share's key", shared()),
        ("anonymous", Principal::Anonymous),
    ];
    for ownership in ObjectOwnership::ALL {
        for (name, writer) in &writers {
            write!(text, "\n# {}, written by: {name}\n", ownership.as_str()).unwrap();
            for (request, acl) in requests() {
                let made = cell(new_object(&bucket(ownership), &settings(), writer, &acl));
                writeln!(text, "| {request:25} | {made}").unwrap();
            }
        }
    }
    golden::hold("new_objects.txt", &text);
}

#[test]
fn the_servers_default_decides_where_a_bucket_has_no_ownership_of_its_own() {
    let unset = Bucket { ownership: None, ..bucket(ObjectOwnership::OwnerOwns) };
    let writer = caller(WRITER, AccountKind::Guest);
    for default_ownership in ObjectOwnership::ALL {
        let settings = Settings { default_ownership, ..settings() };
        for (_, acl) in requests() {
            assert_eq!(
                new_object(&unset, &settings, &writer, &acl),
                new_object(&bucket(default_ownership), &settings, &writer, &acl)
            );
        }
    }
}

#[test]
fn a_public_acl_is_refused_where_either_the_bucket_or_the_server_blocks_it() {
    let block = PublicAccessBlock { block_public_acls: true, ..PublicAccessBlock::NONE };
    let everyone = grants(&[(Grantee::Group(Group::AllUsers), Permission::ReadAcp)]);
    let accounts = RequestedAcl::Canned(CannedAcl::AuthenticatedRead);
    let blocked = Settings { public_access_block: block, ..settings() };
    let owner = caller(OWNER, AccountKind::Owner);
    for (own, settings) in [(Some(block), settings()), (None, blocked), (Some(PublicAccessBlock::NONE), blocked)] {
        let bucket = Bucket { public_access_block: own, ..bucket(ObjectOwnership::OwnerOwns) };
        for acl in [&everyone, &accounts] {
            let no = Err(AclRefusal::PublicAclBlocked);
            assert_eq!(bucket_acl(&canonical(OWNER), None, own, &settings, acl), no);
            assert_eq!(object_acl(&bucket, &settings, &owner, &canonical(OWNER), acl), no);
            assert_eq!(new_object(&bucket, &settings, &owner, acl), Err(AclRefusal::PublicAclBlocked));
        }
        let log = RequestedAcl::Canned(CannedAcl::LogDeliveryWrite);
        assert!(bucket_acl(&canonical(OWNER), None, own, &settings, &log).is_ok(), "LogDelivery is not the public");
    }
    let open = PublicAccessBlock { block_public_acls: false, ..PublicAccessBlock::ALL };
    assert!(bucket_acl(&canonical(OWNER), None, Some(open), &settings(), &everyone).is_ok());
}

#[test]
fn a_buckets_acl_is_what_was_asked_for_or_nothing_where_acls_are_off() {
    let owner = canonical(OWNER);
    let off = Some(ObjectOwnership::BucketOwnerEnforced);
    for (name, acl) in requests() {
        let with = bucket_acl(&owner, None, None, &settings(), &acl);
        match &acl {
            RequestedAcl::Grants(grants) => assert_eq!(with.as_ref(), Ok(grants), "kept exactly: {name}"),
            RequestedAcl::Default => assert_eq!(with.as_ref(), Ok(&Acl::private(owner.clone()))),
            RequestedAcl::Canned(canned) => assert_eq!(with.as_ref(), Ok(&canned.expand(&owner, &owner, true))),
        }
        let without = bucket_acl(&owner, off, None, &settings(), &acl);
        let idle = ["nothing", "private", "bucket-owner-full-control", "bucket owner FULL_CONTROL"];
        let expected =
            if idle.contains(&name.as_str()) { Ok(Acl::private(owner.clone())) } else { Err(AclRefusal::AclsDisabled) };
        assert_eq!(without, expected, "{name}");
    }
}

#[test]
fn an_objects_acl_is_anything_that_its_owner_wants_but_no_share_may_set_it() {
    let (owner, writer) = (caller(OWNER, AccountKind::Owner), canonical(WRITER));
    for ownership in [ObjectOwnership::OwnerOwns, ObjectOwnership::ObjectWriter, ObjectOwnership::BucketOwnerPreferred]
    {
        let bucket = bucket(ownership);
        for (name, acl) in requests() {
            let set = object_acl(&bucket, &settings(), &owner, &canonical(OWNER), &acl);
            assert!(set.is_ok(), "{name}");
            assert_eq!(
                object_acl(&bucket, &settings(), &shared(), &canonical(OWNER), &acl),
                Err(AclRefusal::AclsDisabled)
            );
        }
        let full = RequestedAcl::Canned(CannedAcl::BucketOwnerFullControl);
        let set = object_acl(&bucket, &settings(), &caller(WRITER, AccountKind::Owner), &writer, &full).unwrap();
        assert_eq!(show(&set), "writer FULL_CONTROL, bucket owner FULL_CONTROL", "the owner of an object stays");
    }
}

#[test]
fn canned_acls_are_s3s() {
    let (owner, other) = (canonical(WRITER), canonical(OWNER));
    let on = |canned: CannedAcl, is_bucket| show(&canned.expand(&owner, &other, is_bucket));
    for is_bucket in [true, false] {
        assert_eq!(on(CannedAcl::Private, is_bucket), "writer FULL_CONTROL");
        assert_eq!(on(CannedAcl::PublicRead, is_bucket), "writer FULL_CONTROL, AllUsers READ");
        assert_eq!(on(CannedAcl::PublicReadWrite, is_bucket), "writer FULL_CONTROL, AllUsers READ, AllUsers WRITE");
        assert_eq!(on(CannedAcl::AuthenticatedRead, is_bucket), "writer FULL_CONTROL, AuthenticatedUsers READ");
    }
    assert_eq!(on(CannedAcl::BucketOwnerRead, false), "writer FULL_CONTROL, bucket owner READ");
    assert_eq!(on(CannedAcl::BucketOwnerFullControl, false), "writer FULL_CONTROL, bucket owner FULL_CONTROL");
    assert_eq!(on(CannedAcl::LogDeliveryWrite, true), "writer FULL_CONTROL, LogDelivery WRITE, LogDelivery READ_ACP");
    assert_eq!(on(CannedAcl::LogDeliveryWrite, false), "writer FULL_CONTROL");
    assert_eq!(on(CannedAcl::BucketOwnerRead, true), "writer FULL_CONTROL");
}
