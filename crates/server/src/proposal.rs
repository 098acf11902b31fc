//! A change of who may do what, read from a file before anybody makes it: a policy, an ACL or a share, told apart by what
//! they look like.

use std::io::Read;
use std::path::Path;

use operations::GranteeInput;
use serde::Deserialize;

use crate::admin::{Proposal, ProposedGrant, ProposedGrantee, ShareOrder};
use crate::complaint::Complaint;

/// Most bytes of a proposal; the longest ACL and the longest policy have fewer.
const BYTES: u64 = 256 * 1024;

/// A share as a file says it: by the names of `share`'s flags, or by those that `share --json` prints.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShareFile {
    bucket: String,
    #[serde(default)]
    prefix: Option<String>,
    #[serde(alias = "email")]
    with: String,
    #[serde(default)]
    preset: Option<String>,
    #[serde(default)]
    allow: Vec<String>,
    #[serde(default, alias = "networks")]
    from: Vec<String>,
    #[serde(default)]
    days: Option<u64>,
    #[serde(default, alias = "expires")]
    until: Option<String>,
    #[serde(default, alias = "max-bytes")]
    max_bytes: Option<u64>,
    #[serde(default, alias = "max-objects")]
    max_objects: Option<u64>,
    #[serde(default, alias = "requests-per-second")]
    requests_per_second: Option<u32>,
    #[serde(default, alias = "bytes-per-second")]
    bytes_per_second: Option<u64>,
    #[serde(default, alias = "pin_days")]
    pin: Option<u32>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    note: Option<String>,
}

/// Reads what `file` proposes; `-` is stdin.
///
/// # Errors
/// What is wrong with it, and where.
pub(crate) fn read(file: &Path) -> Result<Proposal, Complaint> {
    let unreadable = |error: std::io::Error| {
        let message = format!("the proposal {} cannot be read: {error}", file.display());
        Complaint::usage(message, "Name a file that exists with --diff, or - for stdin.")
    };
    let mut text = String::new();
    let from: Box<dyn Read> = match file == Path::new("-") {
        true => Box::new(std::io::stdin()),
        false => Box::new(std::fs::File::open(file).map_err(unreadable)?),
    };
    from.take(BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    let malformed = |why: String| {
        Complaint::usage(
            format!("the proposal {} is malformed: {why}", file.display()),
            "Correct it there; nothing was asked.",
        )
    };
    if text.len() as u64 > BYTES {
        return Err(malformed(format!("it is longer than {BYTES} bytes")));
    }
    parse(&text).map_err(malformed)
}

fn parse(text: &str) -> Result<Proposal, String> {
    match text.trim_start_matches('\u{feff}').trim_start().chars().next() {
        Some('<') => acl(text),
        Some('{') => {
            let value: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
            // Each of these is a policy's and no share's; the policy itself is read by the store, which knows its bucket.
            match ["Statement", "Version", "Id"].iter().any(|name| value.get(name).is_some()) {
                true => Ok(Proposal::Policy(text.to_owned())),
                false => share(text),
            }
        }
        _ => Err("it is neither a policy (JSON), nor an ACL (XML), nor a share (JSON)".to_owned()),
    }
}

fn acl(text: &str) -> Result<Proposal, String> {
    let s3::SentAcl { owner, grants } = s3::read_acl_file(text.as_bytes())?;
    let grants = grants.into_iter().map(|(grantee, permission)| ProposedGrant {
        grantee: match grantee {
            GranteeInput::Id(id) => ProposedGrantee::Id(id),
            GranteeInput::Email(email) => ProposedGrantee::Email(email),
            GranteeInput::Group(group) => ProposedGrantee::Group(group.uri().to_owned()),
        },
        permission: permission.as_str().to_owned(),
    });
    Ok(Proposal::Acl { owner, grants: grants.collect() })
}

fn share(text: &str) -> Result<Proposal, String> {
    let file: ShareFile = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let ShareFile { bucket, prefix, with, preset, allow, from: networks, days, until, max_bytes, max_objects, .. } =
        file;
    let ShareFile { requests_per_second, bytes_per_second, pin, name, note, .. } = file;
    let bucket = match prefix.as_deref() {
        None | Some("") => bucket,
        Some(prefix) if bucket.contains('/') => {
            return Err(format!("bucket: {bucket} says a prefix, and so does prefix: {prefix}"));
        }
        Some(prefix) => format!("{bucket}/{prefix}"),
    };
    Ok(Proposal::Share(Box::new(ShareOrder {
        bucket,
        with,
        preset,
        allow,
        networks,
        days,
        until,
        max_bytes,
        max_objects,
        requests_per_second,
        bytes_per_second,
        pin,
        name,
        note,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proposal_is_what_it_looks_like() {
        let policy = "\u{feff} {\"Statement\":[]}";
        assert!(matches!(parse(&policy[3..]), Ok(Proposal::Policy(text)) if text == policy[3..]));
        let acl = "<AccessControlPolicy><AccessControlList/></AccessControlPolicy>";
        assert_eq!(parse(acl), Ok(Proposal::Acl { owner: None, grants: vec![] }));
        let share = r#"{"bucket":"abc","prefix":"p/","email":"a@b.example","preset":"read","from":["10.0.0.0/8"],"max-bytes":7}"#;
        let Ok(Proposal::Share(order)) = parse(share) else { panic!("it is a share") };
        assert_eq!((order.bucket.as_str(), order.with.as_str(), order.max_bytes), ("abc/p/", "a@b.example", Some(7)));
    }

    #[test]
    fn what_is_malformed_is_told_with_its_place() {
        for (text, said) in [
            ("", "neither a policy"),
            ("[]", "neither a policy"),
            ("{\n\"Statement\":", "line 2"),
            ("{\"bucket\":\"abc\",\n\"with\":\"a@b.c\",\n\"presets\":1}", "unknown field `presets`"),
            ("{\"bucket\":\"abc\"}", "missing field `with`"),
            ("{\"bucket\":\"a/b\",\"prefix\":\"c\",\"with\":\"x\"}", "prefix"),
            ("<AccessControlPolicy>\n</Access", "line 2"),
        ] {
            let told = parse(text).unwrap_err();
            assert!(told.contains(said), "{text}: {told}");
        }
    }
}
