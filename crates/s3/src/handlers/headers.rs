//! What the headers of several operations say: ACLs, metadata, conditions, and what is asked for in vain.

use std::sync::Arc;

use model::{AccountId, CannedAcl, ChecksumAlgorithm, Group, Permission, TagSet, limits};
use operations::{
    AclInput, ContentHeaders, Described, GranteeInput, ReadConditions, RequestFacts, Tags, WriteConditions,
};

use super::{Asked, tagging};
use crate::dates::read_date;
use crate::error::{Code, S3Error};
use crate::table::Op;
use crate::wire::facts::{HeadFacts, Proof};

/// Beginnings of headers that ask for something with an effect that Bailiwick does not have. To ignore one would be to
/// promise it: encryption, locks.
const UNSUPPORTED: [&str; 9] = [
    "x-amz-server-side-encryption",
    "x-amz-copy-source-server-side-encryption",
    "x-amz-object-lock-",
    "x-amz-bucket-object-lock-enabled",
    "x-amz-bucket-namespace",
    "x-amz-write-offset-bytes",
    "x-amz-if-match-",
    "x-amz-rename-source",
    "x-amz-restore",
];

/// Refuses a request that asks for what is not done, by the header that does.
pub(super) fn refuse_unsupported(asked: &Asked<'_>) -> Result<(), S3Error> {
    for (name, value) in asked.call.head.headers() {
        let name = name.as_str();
        if !name.starts_with("x-amz-") || !UNSUPPORTED.iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        }
        let asks_for_nothing = match name {
            "x-amz-bucket-object-lock-enabled" => value.as_bytes().eq_ignore_ascii_case(b"false"),
            "x-amz-bucket-namespace" => value.as_bytes() == b"global",
            _ => false,
        };
        if !asks_for_nothing {
            return Err(not_implemented(name));
        }
    }
    refuse_stray_tags(asked)
}

/// Refuses tags where nothing is written that could have some.
fn refuse_stray_tags(asked: &Asked<'_>) -> Result<(), S3Error> {
    let takes: &[&str] = match asked.call.operation.op {
        Op::PutObject | Op::CreateMultipartUpload => &["x-amz-tagging"],
        // A form refuses whatever its headers say of the object.
        Op::CopyObject | Op::PostObject => &["x-amz-tagging", "x-amz-tagging-directive"],
        _ => &[],
    };
    for name in ["x-amz-tagging", "x-amz-tagging-directive"] {
        if !takes.contains(&name) && asked.call.head.has(name) {
            let message = format!("{} does not take the header {name}.", asked.call.operation.name);
            return Err(S3Error::with_message(Code::InvalidRequest, message).with_detail("Header", name));
        }
    }
    Ok(())
}

/// The header `name` asks for something that is not done.
pub(super) fn not_implemented(name: &str) -> S3Error {
    S3Error::new(Code::NotImplemented).with_detail("Header", name)
}

/// The headers that grant, and what.
const GRANTS: [(&str, Permission); 5] = [
    ("x-amz-grant-full-control", Permission::FullControl),
    ("x-amz-grant-read", Permission::Read),
    ("x-amz-grant-read-acp", Permission::ReadAcp),
    ("x-amz-grant-write", Permission::Write),
    ("x-amz-grant-write-acp", Permission::WriteAcp),
];

/// The ACL that the headers ask for: by name, or grant by grant, not both.
pub(super) fn acl(asked: &Asked<'_>) -> Result<AclInput, S3Error> {
    let canned = match asked.text("x-amz-acl")? {
        Some(name) => Some(
            CannedAcl::parse(name)
                .ok_or_else(|| S3Error::argument("x-amz-acl", name, "There is no canned ACL of that name."))?,
        ),
        None => None,
    };
    let mut named: Option<Vec<(GranteeInput, Permission)>> = None;
    for (header, permission) in GRANTS {
        if let Some(list) = asked.text(header)? {
            let grantees =
                grantees(list).ok_or_else(|| S3Error::argument(header, list, "Argument format not recognized"))?;
            let grantees = grantees.into_iter().map(|grantee| Ok((grantee?, permission)));
            named.get_or_insert_default().extend(grantees.collect::<Result<Vec<_>, S3Error>>()?);
        }
    }
    match (canned, named) {
        (Some(_), Some(_)) => {
            let message = "Specifying both Canned ACLs and Header Grants is not allowed";
            Err(S3Error::with_message(Code::InvalidRequest, message))
        }
        (Some(canned), None) => Ok(AclInput::Canned(canned)),
        (None, Some(grants)) => Ok(AclInput::Grants(grants)),
        (None, None) => Ok(AclInput::Default),
    }
}

/// Reads a list of grantees: `type=value` or `type="value"`, separated by commas. `None` if it is no such list.
fn grantees(list: &str) -> Option<Vec<Result<GranteeInput, S3Error>>> {
    let mut read = vec![];
    let mut rest = list.trim();
    loop {
        let (kind, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let value;
        (value, rest) = match after.strip_prefix('"') {
            Some(quoted) => {
                let (value, after) = quoted.split_once('"')?;
                (value, after.trim_start())
            }
            None => {
                let end = after.find(',').unwrap_or(after.len());
                (after[..end].trim_end(), &after[end..])
            }
        };
        if value.is_empty() || value.contains('"') {
            return None;
        }
        let kind = kind.trim();
        read.push(if kind.eq_ignore_ascii_case("emailAddress") {
            Ok(GranteeInput::Email(value.to_owned()))
        } else if kind.eq_ignore_ascii_case("id") {
            Ok(GranteeInput::Id(value.to_owned()))
        } else if kind.eq_ignore_ascii_case("uri") {
            let unknown = || S3Error::argument("uri", value, "Invalid group uri");
            Group::parse(value).map(GranteeInput::Group).ok_or_else(unknown)
        } else {
            return None;
        });
        rest = match rest.strip_prefix(',') {
            Some(more) => more.trim_start(),
            None if rest.is_empty() => return Some(read),
            None => return None,
        };
    }
}

/// Content headers, user metadata and tags of an object that is about to be written.
pub(super) fn described(asked: &Asked<'_>) -> Result<Described, S3Error> {
    storage_class(asked)?;
    let text = |name| Ok::<_, S3Error>(asked.text(name)?.filter(|text| !text.is_empty()).map(str::to_owned));
    let headers = ContentHeaders {
        content_type: text("content-type")?,
        cache_control: text("cache-control")?,
        content_disposition: text("content-disposition")?,
        content_encoding: text("content-encoding")?.and_then(without_framing),
        content_language: text("content-language")?,
        expires: text("expires")?,
        website_redirect: text("x-amz-website-redirect-location")?,
    };
    if headers
        .website_redirect
        .as_deref()
        .is_some_and(|to| !["/", "http://", "https://"].iter().any(|p| to.starts_with(p)))
    {
        return Err(Code::InvalidRedirectLocation.into());
    }
    let tags = tagging::of_header(asked)?.unwrap_or_default();
    Ok(Described { headers, metadata: metadata(asked)?, tags })
}

/// `aws-chunked` says how the body travels, not what it is.
fn without_framing(encoding: String) -> Option<String> {
    if !encoding.to_ascii_lowercase().contains("aws-chunked") {
        return Some(encoding);
    }
    let kept =
        encoding.split(',').map(str::trim).filter(|one| !one.eq_ignore_ascii_case("aws-chunked") && !one.is_empty());
    Some(kept.collect::<Vec<_>>().join(",")).filter(|kept| !kept.is_empty())
}

fn metadata(asked: &Asked<'_>) -> Result<Vec<(String, String)>, S3Error> {
    const PREFIX: &str = "x-amz-meta-";
    let mut all = vec![];
    let mut bytes = 0;
    for name in asked.call.head.headers().keys() {
        let Some(short) = name.as_str().strip_prefix(PREFIX).filter(|short| !short.is_empty()) else { continue };
        let value = asked.text(name.as_str())?.unwrap_or_default();
        bytes += short.len() + value.len();
        all.push((short.to_owned(), value.to_owned()));
    }
    if bytes > limits::USER_METADATA_BYTES {
        return Err(S3Error::new(Code::MetadataTooLarge)
            .with_detail("Size", bytes.to_string())
            .with_detail("MaxSizeAllowed", limits::USER_METADATA_BYTES.to_string()));
    }
    all.sort_unstable();
    Ok(all)
}

/// There is one storage class.
fn storage_class(asked: &Asked<'_>) -> Result<(), S3Error> {
    match asked.text("x-amz-storage-class")? {
        None | Some("STANDARD") => Ok(()),
        Some(class) => Err(S3Error::new(Code::InvalidStorageClass).with_detail("StorageClassRequested", class)),
    }
}

/// The account that a header names as a bucket's expected owner.
pub(crate) fn expected_owner(asked: &Asked<'_>, header: &'static str) -> Result<Option<String>, S3Error> {
    let Some(id) = asked.text(header)? else { return Ok(None) };
    match AccountId::new(id) {
        Ok(_) => Ok(Some(id.to_owned())),
        Err(_) => Err(S3Error::new(Code::InvalidBucketOwnerAWSAccountID).with_detail("ArgumentName", header)),
    }
}

/// What a policy's conditions may ask about the request, the tags that its header sets among them.
pub(crate) fn facts(asked: &Asked<'_>, proof: Proof) -> Result<RequestFacts, S3Error> {
    let tags = match asked.call.head.has("x-amz-tagging") {
        true => tagging::of_header(asked)?.unwrap_or_default(),
        false => TagSet::default(),
    };
    Ok(facts_with(asked, proof, tags))
}

/// The same, where the tags that the request sets stand elsewhere.
pub(super) fn facts_with(asked: &Asked<'_>, proof: Proof, tags: TagSet) -> RequestFacts {
    RequestFacts::new(Arc::new(HeadFacts::new(asked.call.head.clone(), proof, asked.received, tags)))
}

/// Conditions of a read. A date that is none is ignored, as RFC 9110 (13.1.3) says.
pub(super) fn read_conditions(asked: &Asked<'_>) -> Result<ReadConditions, S3Error> {
    let date = |name| Ok::<_, S3Error>(asked.text(name)?.and_then(read_date));
    Ok(ReadConditions {
        if_match: asked.text("if-match")?.map(Tags::parse),
        if_none_match: asked.text("if-none-match")?.map(Tags::parse),
        if_modified_since: date("if-modified-since")?,
        if_unmodified_since: date("if-unmodified-since")?,
    })
}

/// Conditions on the source of a copy. A date that is none is refused: the caller relies on it, and it stands for nothing
/// that HTTP itself would do.
pub(super) fn source_conditions(asked: &Asked<'_>) -> Result<ReadConditions, S3Error> {
    let date = |name: &'static str| match asked.text(name)? {
        None => Ok(None),
        Some(text) => read_date(text).map(Some).ok_or_else(|| S3Error::argument(name, text, "Invalid date")),
    };
    Ok(ReadConditions {
        if_match: asked.text("x-amz-copy-source-if-match")?.map(Tags::parse),
        if_none_match: asked.text("x-amz-copy-source-if-none-match")?.map(Tags::parse),
        if_modified_since: date("x-amz-copy-source-if-modified-since")?,
        if_unmodified_since: date("x-amz-copy-source-if-unmodified-since")?,
    })
}

/// Conditions of a write on what is there.
pub(super) fn write_conditions(asked: &Asked<'_>) -> Result<WriteConditions, S3Error> {
    let if_none_match = match asked.text("if-none-match")? {
        None => false,
        Some("*") => true,
        Some(_) => return Err(not_implemented("If-None-Match")),
    };
    let if_match = asked.text("if-match")?.map(Tags::parse);
    if if_none_match && if_match.is_some() {
        let message = "If-Match and If-None-Match cannot be used together on a write";
        return Err(S3Error::with_message(Code::InvalidRequest, message));
    }
    Ok(WriteConditions { if_match, if_none_match })
}

/// The algorithm that a header names.
pub(super) fn algorithm(asked: &Asked<'_>, header: &str) -> Result<Option<ChecksumAlgorithm>, S3Error> {
    let Some(name) = asked.text(header)? else { return Ok(None) };
    let unsupported = "Checksum algorithm provided is unsupported. Please try again with any of the valid types: \
                       [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]";
    let unsupported = || S3Error::with_message(Code::InvalidRequest, unsupported);
    ChecksumAlgorithm::parse(name).ok_or_else(unsupported).map(Some)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(list: &str) -> Option<Vec<GranteeInput>> {
        grantees(list)?.into_iter().map(Result::ok).collect()
    }

    fn grantee() -> impl Strategy<Value = GranteeInput> {
        prop_oneof![
            "[a-z.+-]{1,8}@[a-z]{1,8}".prop_map(GranteeInput::Email),
            "[0-9a-f]{64}".prop_map(GranteeInput::Id),
            prop::sample::select(Group::ALL.to_vec()).prop_map(GranteeInput::Group),
        ]
    }

    proptest! {
        #[test]
        fn every_list_of_grantees_reads_back_quoted_or_not_however_it_is_spaced(
            grants in prop::collection::vec((grantee(), any::<bool>(), "[ \t]{0,2}"), 1..6),
        ) {
            let one = |(grantee, quoted, space): &(GranteeInput, bool, String)| {
                let (kind, value) = match grantee {
                    GranteeInput::Email(email) => ("emailAddress", email.as_str()),
                    GranteeInput::Id(id) => ("ID", id.as_str()),
                    GranteeInput::Group(group) => ("uri", group.uri()),
                };
                let quote = if *quoted { "\"" } else { "" };
                format!("{space}{kind}{space}={space}{quote}{value}{quote}{space}")
            };
            let list = grants.iter().map(one).collect::<Vec<_>>().join(",");
            let expected: Vec<_> = grants.into_iter().map(|(grantee, _, _)| grantee).collect();
            prop_assert_eq!(plain(&list), Some(expected));
        }

        #[test]
        fn no_list_makes_it_panic_or_gives_a_grantee_without_a_value(list in "[a-z=,\" \"\\PC]{0,40}|(id=\"?[a-z,]*\"?,?){0,4}") {
            for grantee in plain(&list).unwrap_or_default() {
                match grantee {
                    GranteeInput::Email(value) | GranteeInput::Id(value) => prop_assert!(!value.is_empty()),
                    GranteeInput::Group(_) => {}
                }
            }
        }
    }

    #[test]
    fn what_is_no_list_of_grantees_is_refused() {
        for bad in
            ["", "a@b.c", "id", "id=", "id=\"\"", "id=\"a", "id=a\"", "id=a,", "id=\"a\"b", "name=a", "id=a;id=b\""]
        {
            assert_eq!(plain(bad), None, "{bad}");
        }
        assert!(grantees("uri=http://example.com/everyone").unwrap()[0].is_err());
        assert_eq!(plain("id=\"a,b\""), Some(vec![GranteeInput::Id("a,b".into())]));
    }

    #[test]
    fn framing_is_no_part_of_what_is_stored() {
        let kept = |encoding: &str| without_framing(encoding.into());
        assert_eq!(kept("aws-chunked"), None);
        assert_eq!(kept("gzip, aws-chunked"), Some("gzip".into()));
        assert_eq!(kept("AWS-Chunked,gzip,br"), Some("gzip,br".into()));
        assert_eq!(kept("gzip , br"), Some("gzip , br".into()));
    }
}
