//! The few accounts, buckets and keys that the tests are about.

use access::Settings;
use model::{
    AccessKey, AccessKeyId, Account, AccountId, AccountKind, AccountState, Acl, Bucket, BucketName, CanonicalId, Caps,
    DisplayName, Email, Grant, Grantee, KeyState, ObjectKey, ObjectOwnership, Permission, Preset, Principal,
    PublicAccessBlock, Quota, Restriction, Share, ShareId, ShareState, Timestamp,
};

/// When everything is asked.
pub const NOW: Timestamp = Timestamp::from_seconds(1_289_952_000);

/// Owns the bucket.
pub const OWNER: u8 = 0;
/// Has written an object and owns it.
pub const WRITER: u8 = 1;
/// Is granted something, in some situations.
pub const GRANTEE: u8 = 2;

pub fn account_id(n: u8) -> AccountId {
    AccountId::new(&format!("{n:012}")).unwrap()
}

pub fn canonical(n: u8) -> CanonicalId {
    CanonicalId::new(&format!("{n:064x}")).unwrap()
}

pub fn account(n: u8, kind: AccountKind) -> Account {
    Account {
        id: account_id(n),
        canonical_id: canonical(n),
        email: Email::new(&format!("account-{n}@example.com")).unwrap(),
        display_name: DisplayName::new("somebody").unwrap(),
        kind,
        state: AccountState::Active,
        created: NOW,
    }
}

/// The key of `n`; the key of its share is another.
pub fn key(n: u8, share: Option<ShareId>) -> AccessKey {
    let letter = |n: u8| char::from(b'A' + n);
    let mark = if share.is_some() { 'S' } else { 'K' };
    AccessKey {
        id: AccessKeyId::new(&format!("BW{mark}{}", String::from(letter(n)).repeat(17))).unwrap(),
        account: account_id(n),
        state: KeyState::Enabled,
        share,
        allow_sigv2: false,
        created: NOW,
        restriction: Restriction::NONE,
    }
}

pub fn with_key(account: Account, key: AccessKey) -> Principal {
    Principal::Key { account, key, share: None }
}

pub fn caller(n: u8, kind: AccountKind) -> Principal {
    with_key(account(n, kind), key(n, None))
}

pub fn share_id() -> ShareId {
    ShareId::new("0123456789ab").unwrap()
}

/// A share of [`bucket`] with `n`.
pub fn share(n: u8, preset: Preset) -> Share {
    Share {
        id: share_id(),
        bucket: bucket_name(),
        incarnation: 1,
        giver: account_id(OWNER),
        account: account_id(n),
        key: key(n, Some(share_id())).id,
        preset,
        state: ShareState::Active,
        created: NOW,
        expires: NOW.plus_seconds(1),
        name: "".into(),
        note: "".into(),
        prefix: "".into(),
        actions: None,
        networks: vec![],
        quota: Quota::default(),
        caps: Caps::default(),
        pin: None,
        former_keys: vec![],
    }
}

/// Who holds the key of `share`, a guest.
pub fn holder(share: Option<Share>) -> Principal {
    Principal::Key { account: account(GRANTEE, AccountKind::Guest), key: key(GRANTEE, Some(share_id())), share }
}

pub fn bucket_name() -> BucketName {
    BucketName::new("myproject").unwrap()
}

pub fn object_key() -> ObjectKey {
    ObjectKey::new("dump.tar").unwrap()
}

pub fn bucket(acl: Acl) -> Bucket {
    Bucket {
        name: bucket_name(),
        incarnation: 1,
        owner: account_id(OWNER),
        owner_canonical: canonical(OWNER),
        acl,
        ownership: None,
        public_access_block: None,
        policy: None,
        created: NOW,
    }
}

pub fn settings() -> Settings {
    Settings {
        public_access_block: PublicAccessBlock::NONE,
        default_ownership: ObjectOwnership::OwnerOwns,
        strict_signup: false,
    }
}

/// FULL_CONTROL for `owner`, and `permission` for `grantee`.
pub fn acl(owner: u8, more: Option<(Grantee, Permission)>) -> Acl {
    let mut grants = Acl::private(canonical(owner)).grants().to_vec();
    grants.extend(more.map(|(grantee, permission)| Grant { grantee, permission }));
    Acl::new(grants).unwrap()
}
