//! `tests/golden/decisions.txt`: every action, asked by every caller, and what settled it.

use std::fmt::Write;

use access::{
    Evidence, NoFacts, ObjectFacts, PolicyEvidence, Question, Reason, Resource, UploadFacts, Verdict, decide,
};
use model::{Action, Basis, Bucket, CanonicalId, Principal};

use crate::golden;
use crate::situations::{Situation, all};
use crate::world::{self, GRANTEE, NOW, OWNER, WRITER, acl, canonical, object_key};

/// What is where the question points to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum There {
    /// An object of this account.
    Object(u8),
    /// No object.
    NoObject,
    /// Not even the bucket.
    NoBucket,
    /// An upload of this account.
    Upload(u8),
}

fn ask(action: Action, situation: &Situation, there: There) -> Verdict {
    let (name, key) = (world::bucket_name(), object_key());
    let bucket = Bucket {
        ownership: situation.ownership,
        public_access_block: situation.block,
        ..world::bucket(acl(OWNER, situation.on_bucket.clone()))
    };
    let owner_and_acl = match there {
        There::Object(owner) => Some((canonical(owner), acl(owner, situation.on_object.clone()))),
        There::NoObject | There::NoBucket | There::Upload(_) => None,
    };
    let initiator: Option<CanonicalId> = match there {
        There::Upload(account) => Some(canonical(account)),
        There::Object(_) | There::NoObject | There::NoBucket => None,
    };
    let resource = match action {
        Action::ListAllMyBuckets => Resource::Service,
        _ if action.on_object() => Resource::Object { bucket: &name, key: &key, version: None },
        _ => Resource::Bucket(&name),
    };
    let with_bucket = there != There::NoBucket && action != Action::ListAllMyBuckets;
    let evidence = Evidence {
        settings: &situation.settings,
        bucket: with_bucket.then_some(&bucket),
        policy: PolicyEvidence::None,
        key_policy: PolicyEvidence::None,
        object: owner_and_acl.as_ref().map(|(owner, acl)| ObjectFacts { owner, acl, tags: &[] }),
        upload: initiator.as_ref().map(|initiator| UploadFacts { initiator }),
        basis: Basis::default(),
    };
    decide(
        &Question { principal: &situation.principal, action, resource, at: NOW, source: None, facts: &NoFacts },
        evidence,
    )
}

/// As `yes BucketGrant READ`: the verdict and the first reason, by the name it has in the code. `404`: allowed, to hear
/// that there is nothing.
fn cell(verdict: &Verdict) -> String {
    let answer = match (verdict.is_allowed(), verdict.reasons().contains(&Reason::ObjectAbsent)) {
        (true, true) => "404",
        (true, false) => "yes",
        (false, _) => "no ",
    };
    let reason = match verdict.reasons()[0] {
        Reason::BucketGrant(at) => format!("BucketGrant {}", at.permission.as_str()),
        Reason::ObjectGrant(at) => format!("ObjectGrant {}", at.permission.as_str()),
        Reason::GiverGranted(at) => format!("GiverGranted {}", at.permission.as_str()),
        Reason::SharePreset(preset) => format!("SharePreset {}", preset.as_str()),
        Reason::NotInPreset(preset) => format!("NotInPreset {}", preset.as_str()),
        other => format!("{other:?}"),
    };
    format!("{answer} {reason}")
}

fn columns(action: Action) -> &'static [(&'static str, There)] {
    const UPLOADS: &[(&str, There)] = &[
        ("no such upload", There::NoObject),
        ("own upload", There::Upload(GRANTEE)),
        ("another's upload", There::Upload(WRITER)),
        ("no such bucket", There::NoBucket),
    ];
    const OBJECTS: &[(&str, There)] = &[
        ("bucket owner's object", There::Object(OWNER)),
        ("writer's object", There::Object(WRITER)),
        ("no such object", There::NoObject),
        ("no such bucket", There::NoBucket),
    ];
    match action {
        Action::ListAllMyBuckets => &[("the service", There::NoBucket)],
        Action::PutObject | Action::AbortMultipartUpload | Action::ListMultipartUploadParts => UPLOADS,
        _ if action.on_object() => OBJECTS,
        _ => &[("the bucket", There::NoObject), ("no such bucket", There::NoBucket)],
    }
}

#[test]
fn who_may_do_what_is_written_down() {
    let situations = all();
    let width = situations.iter().map(|s| s.name.chars().count()).max().unwrap_or_default();
    let mut text = String::from(
        "Who may do what, and what settled it: for each action, each caller, by what is there. Made by the test\n\
         `who_may_do_what_is_written_down`; a change of it is a change of who may do what.\n\
         404: allowed, and hears that there is nothing.\n\
         \"Own upload\" is one that the guest began, who is also the stranger, the grantee and the holder of shares.\n",
    );
    for action in Action::ALL {
        let columns = columns(*action);
        write!(text, "\n# {}\n| {:width$} |", action.as_str(), "caller").unwrap();
        for (heading, _) in columns {
            write!(text, " {heading:30} |").unwrap();
        }
        text.push('\n');
        for situation in &situations {
            write!(text, "| {:width$} |", situation.name).unwrap();
            for (_, there) in columns {
                write!(text, " {:30} |", cell(&ask(*action, situation, *there))).unwrap();
            }
            text.push('\n');
        }
    }
    golden::hold("decisions.txt", &text);
}

#[test]
fn writing_and_deleting_do_not_depend_on_what_is_overwritten_but_for_shares_that_only_create() {
    for situation in all() {
        let creates = matches!(&situation.principal, Principal::Key { share: Some(share), .. } if share.create_only());
        for action in [Action::PutObject, Action::DeleteObject] {
            let expected = ask(action, &situation, There::NoObject).is_allowed();
            for owner in [OWNER, WRITER] {
                let verdict = ask(action, &situation, There::Object(owner));
                let expected = expected && !(creates && action == Action::PutObject);
                assert_eq!(verdict.is_allowed(), expected, "{} {}", situation.name, action.as_str());
            }
        }
    }
}
