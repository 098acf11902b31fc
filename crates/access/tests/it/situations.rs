//! The callers of the table of decisions, each with what it was given.

use access::Settings;
use model::{
    AccountKind, AccountState, Grantee, Group, KeyState, ObjectOwnership, Permission, Preset, Principal,
    PublicAccessBlock, Share, ShareState,
};

use crate::world::{GRANTEE, NOW, OWNER, WRITER, account, account_id, caller, canonical, holder, key, settings, share};
use crate::world::{share_id, with_key};

/// A caller and what there is for it.
pub struct Situation {
    pub name: String,
    pub principal: Principal,
    /// A grant beside the owner's, on the bucket.
    pub on_bucket: Option<(Grantee, Permission)>,
    /// A grant beside the owner's, on the object.
    pub on_object: Option<(Grantee, Permission)>,
    pub ownership: Option<ObjectOwnership>,
    pub block: Option<PublicAccessBlock>,
    pub settings: Settings,
}

fn plain(name: impl Into<String>, principal: Principal) -> Situation {
    Situation {
        name: name.into(),
        principal,
        on_bucket: None,
        on_object: None,
        ownership: None,
        block: None,
        settings: settings(),
    }
}

fn by_share(name: &str, alter: impl FnOnce(&mut Share)) -> Situation {
    let mut given = share(GRANTEE, Preset::ReadWrite);
    alter(&mut given);
    plain(format!("share: {name}"), holder(Some(given)))
}

/// All of them, in the order of the table.
pub fn all() -> Vec<Situation> {
    [callers(), grantees(), acls_off(), shares()].into_iter().flatten().collect()
}

/// Who was given nothing.
fn callers() -> Vec<Situation> {
    let owner = caller(OWNER, AccountKind::Owner);
    let suspended = with_key(
        model::Account { state: AccountState::Suspended, ..account(OWNER, AccountKind::Owner) },
        key(OWNER, None),
    );
    let disabled = with_key(
        account(OWNER, AccountKind::Owner),
        model::AccessKey { state: KeyState::Disabled, ..key(OWNER, None) },
    );
    let foreign = with_key(account(OWNER, AccountKind::Owner), key(WRITER, None));
    let strict = |mut situation: Situation| {
        situation.settings.strict_signup = true;
        situation
    };
    vec![
        plain("anonymous", Principal::Anonymous),
        plain("bucket owner", owner),
        plain("bucket owner, suspended", suspended),
        plain("bucket owner, key disabled", disabled),
        plain("bucket owner, key of another", foreign),
        plain("writer, who owns the other object", caller(WRITER, AccountKind::Owner)),
        plain("stranger", caller(GRANTEE, AccountKind::Owner)),
        plain("guest", caller(GRANTEE, AccountKind::Guest)),
        strict(plain("guest, strict signup", caller(GRANTEE, AccountKind::Guest))),
    ]
}

/// Whom an ACL names: an account, everyone, every account.
fn grantees() -> Vec<Situation> {
    let guest = || caller(GRANTEE, AccountKind::Guest);
    let named = Grantee::Account(canonical(GRANTEE));
    let everyone = Grantee::Group(Group::AllUsers);
    let accounts = Grantee::Group(Group::AuthenticatedUsers);
    let blocked = Some(PublicAccessBlock { ignore_public_acls: true, ..PublicAccessBlock::NONE });
    let kinds = [
        ("account", named.clone(), guest(), None),
        ("AllUsers", everyone.clone(), Principal::Anonymous, None),
        ("AllUsers, blocked", everyone.clone(), Principal::Anonymous, blocked),
        ("AuthenticatedUsers", accounts.clone(), guest(), None),
        ("AuthenticatedUsers, blocked", accounts.clone(), guest(), blocked),
    ];
    let mut all = vec![];
    for (kind, grantee, principal, block) in kinds {
        for permission in Permission::ALL {
            let grant = Some((grantee.clone(), permission));
            let name = |on: &str| format!("{kind}: {} on {on}", permission.as_str());
            let here = |name| Situation { block, ..plain(name, principal.clone()) };
            all.push(Situation { on_bucket: grant.clone(), ..here(name("bucket")) });
            all.push(Situation { on_object: grant, ..here(name("object")) });
        }
    }
    let everything = |name: &str, principal, grantee: &Grantee| {
        let grant = Some((grantee.clone(), Permission::FullControl));
        Situation { on_bucket: grant.clone(), on_object: grant, ..plain(name, principal) }
    };
    let mut of_server = everything("AllUsers, blocked by server: all on both", Principal::Anonymous, &everyone);
    of_server.settings.public_access_block = PublicAccessBlock::ALL;
    all.extend([
        everything("account: all on both", guest(), &named),
        everything("account of the name: all on both, asked anonymously", Principal::Anonymous, &named),
        everything("AllUsers: all on both, asked by a guest", guest(), &everyone),
        everything("AuthenticatedUsers: all on both, asked anonymously", Principal::Anonymous, &accounts),
        everything("LogDelivery: all on both", guest(), &Grantee::Group(Group::LogDelivery)),
        of_server,
    ]);
    let mut strict = everything("account: all on both, strict signup", guest(), &named);
    strict.settings.strict_signup = true;
    all.push(strict);
    all
}

/// In a bucket whose ownership is BucketOwnerEnforced.
fn acls_off() -> Vec<Situation> {
    let off = |name: &str, principal, grantee: Grantee| {
        let grant = Some((grantee, Permission::FullControl));
        Situation {
            ownership: Some(ObjectOwnership::BucketOwnerEnforced),
            on_bucket: grant.clone(),
            on_object: grant,
            ..plain(format!("ACLs off: {name}"), principal)
        }
    };
    let named = Grantee::Account(canonical(GRANTEE));
    let everyone = Grantee::Group(Group::AllUsers);
    vec![
        off("bucket owner", caller(OWNER, AccountKind::Owner), named.clone()),
        off("writer of the other object", caller(WRITER, AccountKind::Owner), named.clone()),
        off("account, all on both", caller(GRANTEE, AccountKind::Guest), named.clone()),
        off("AllUsers, all on both", Principal::Anonymous, everyone),
        off("share read-write", holder(Some(share(GRANTEE, Preset::ReadWrite))), named),
    ]
}

/// Who holds the key of a share.
fn shares() -> Vec<Situation> {
    let mut all: Vec<_> =
        Preset::ALL.into_iter().map(|preset| by_share(preset.as_str(), |share| share.preset = preset)).collect();
    let giver_reads = Some((Grantee::Account(canonical(OWNER)), Permission::Read));
    all.push(Situation { on_object: giver_reads, ..by_share("read-write, giver may read the object", |_| ()) });
    let named = Some((Grantee::Account(canonical(GRANTEE)), Permission::FullControl));
    all.push(Situation {
        on_bucket: named.clone(),
        on_object: named,
        ..by_share("read, its account has all on both", |share| share.preset = Preset::Read)
    });
    let mut strict = by_share("read-write, strict signup", |_| ());
    strict.settings.strict_signup = true;
    all.extend([
        strict,
        by_share("revoked", |share| share.state = ShareState::Revoked),
        by_share("expired", |share| share.expires = NOW),
        by_share("of another bucket", |share| share.bucket = model::BucketName::new("elsewhere").unwrap()),
        by_share("of an earlier bucket of the name", |share| share.incarnation = 0),
        by_share("by who does not own the bucket", |share| share.giver = account_id(WRITER)),
        by_share("made for another key", |share| share.key = key(WRITER, Some(share_id())).id),
        by_share("made for another account", |share| share.account = account_id(WRITER)),
        plain("share: not there", holder(None)),
    ]);
    let owner_too = Principal::Key {
        account: account(OWNER, AccountKind::Owner),
        key: key(OWNER, Some(share_id())),
        share: Some(share(OWNER, Preset::Read)),
    };
    all.push(plain("share: read, to the bucket's owner itself", owner_too));
    all
}
