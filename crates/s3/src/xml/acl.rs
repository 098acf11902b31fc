//! `AccessControlPolicy`: an ACL in and out (S3 API, "PutBucketAcl", "GetBucketAcl").

use model::{Group, Permission, limits};
use operations::{AclView, GranteeInput, GranteeView, Party};

use super::reader::{Element, Malformed, parse, parse_at};
use super::{XSI_NAMESPACE, Xml};

/// Elements of the longest ACL: a hundred grants of six, the owner's three, and two around them, with room.
const ELEMENTS: usize = 8 * limits::ACL_GRANTS;

/// An ACL as somebody sent it.
#[derive(Debug, PartialEq, Eq)]
pub struct SentAcl {
    /// The canonical id of whom it says the owner is.
    pub owner: Option<String>,
    /// Its grants, in order.
    pub grants: Vec<(GranteeInput, Permission)>,
}

/// Why an ACL cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BadAcl {
    /// It is no ACL.
    Malformed,
    /// It names a group that there is not.
    UnknownGroup(String),
}

impl From<Malformed> for BadAcl {
    fn from(Malformed: Malformed) -> Self {
        BadAcl::Malformed
    }
}

/// Reads an ACL.
pub(crate) fn read_acl(bytes: &[u8]) -> Result<SentAcl, BadAcl> {
    let policy = parse(bytes, "AccessControlPolicy", ELEMENTS)?;
    let (owner, list) = (owner(&policy)?, list(&policy)?);
    let grants = list.iter().map(|element| grant(element)).collect::<Result<Vec<_>, _>>()?;
    Ok(SentAcl { owner, grants })
}

/// Reads an ACL that somebody has in a file.
///
/// # Errors
/// What is wrong with it and where, as one sentence without a full stop.
pub fn read_acl_file(bytes: &[u8]) -> Result<SentAcl, String> {
    let policy = parse_at(bytes, "AccessControlPolicy", ELEMENTS).map_err(|at| {
        let line = bytes[..at.min(bytes.len())].iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("line {line}: this is not the XML of an AccessControlPolicy as S3 documents it")
    })?;
    let owner =
        owner(&policy).map_err(|_| "Owner: it has an ID and perhaps a DisplayName, and nothing else".to_owned())?;
    let list = list(&policy).map_err(|_| {
        let most = limits::ACL_GRANTS;
        format!("AccessControlPolicy: it has an Owner and one AccessControlList, which has Grants, {most} at most")
    })?;
    let mut grants = vec![];
    for (at, element) in list.iter().enumerate() {
        grants.push(grant(element).map_err(|bad| match bad {
            BadAcl::UnknownGroup(uri) => format!("Grant {}: there is no group {uri:?}", at + 1),
            BadAcl::Malformed => format!(
                "Grant {}: it has a Permission ({}) and a Grantee whose xsi:type is CanonicalUser with an ID, \
                 AmazonCustomerByEmail with an EmailAddress, or Group with a URI",
                at + 1,
                Permission::ALL.map(Permission::as_str).join(", ")
            ),
        })?);
    }
    Ok(SentAcl { owner, grants })
}

/// The canonical id of whom the document says the owner is.
fn owner(policy: &Element) -> Result<Option<String>, Malformed> {
    policy.only(&["Owner", "AccessControlList"])?;
    let Some(owner) = policy.maybe("Owner")? else { return Ok(None) };
    owner.only(&["ID", "DisplayName"])?;
    Ok(owner.maybe_text("ID")?.map(|id| id.trim().to_owned()))
}

fn list(policy: &Element) -> Result<Vec<&Element>, Malformed> {
    let list = policy.one("AccessControlList")?;
    list.only(&["Grant"])?;
    let grants: Vec<&Element> = list.all("Grant").collect();
    if grants.len() > limits::ACL_GRANTS { Err(Malformed) } else { Ok(grants) }
}

fn grant(grant: &Element) -> Result<(GranteeInput, Permission), BadAcl> {
    grant.only(&["Grantee", "Permission"])?;
    let permission = Permission::parse(grant.one_text("Permission")?.trim()).ok_or(Malformed)?;
    let grantee = grant.one("Grantee")?;
    // Each type has its own name for whom it means, and no other is read.
    let grantee = match grantee.kind() {
        Some("CanonicalUser") => {
            grantee.only(&["ID", "DisplayName"])?;
            GranteeInput::Id(grantee.one_text("ID")?.trim().to_owned())
        }
        Some("AmazonCustomerByEmail") => {
            grantee.only(&["EmailAddress", "DisplayName"])?;
            GranteeInput::Email(grantee.one_text("EmailAddress")?.trim().to_owned())
        }
        Some("Group") => {
            grantee.only(&["URI", "DisplayName"])?;
            let uri = grantee.one_text("URI")?.trim();
            GranteeInput::Group(Group::parse(uri).ok_or_else(|| BadAcl::UnknownGroup(uri.to_owned()))?)
        }
        _ => return Err(BadAcl::Malformed),
    };
    Ok((grantee, permission))
}

/// Writes an ACL: the owner first, then the grants in their order.
pub(crate) fn write_acl(acl: &AclView) -> String {
    let mut xml = Xml::new("AccessControlPolicy");
    xml.within("Owner", |xml| party(xml, &acl.owner));
    xml.within("AccessControlList", |xml| {
        for (grantee, permission) in &acl.grants {
            xml.within("Grant", |xml| {
                let kind = match grantee {
                    GranteeView::Account(_) => "CanonicalUser",
                    GranteeView::Group(_) => "Group",
                };
                let attributes = format!("xmlns:xsi=\"{XSI_NAMESPACE}\" xsi:type=\"{kind}\"");
                xml.within_typed("Grantee", &attributes, |xml| match grantee {
                    GranteeView::Account(account) => party(xml, account),
                    GranteeView::Group(group) => xml.element("URI", group.uri()),
                });
                xml.element("Permission", permission.as_str());
            });
        }
    });
    xml.finish()
}

/// An account: its id, and its name where the account still exists.
pub(crate) fn party(xml: &mut Xml, party: &Party) {
    xml.element("ID", party.id.as_str());
    xml.maybe("DisplayName", party.display_name.as_deref());
}

#[cfg(test)]
mod tests {
    use model::CanonicalId;
    use proptest::prelude::*;

    use super::*;

    fn canonical() -> impl Strategy<Value = CanonicalId> {
        "[0-9a-f]{64}".prop_map(|id| CanonicalId::new(&id).unwrap())
    }

    fn account() -> impl Strategy<Value = Party> {
        (canonical(), prop::option::of("\\PC{1,20}")).prop_map(|(id, display_name)| Party { id, display_name })
    }

    fn grantee() -> impl Strategy<Value = GranteeView> {
        prop_oneof![
            account().prop_map(GranteeView::Account),
            prop::sample::select(Group::ALL.to_vec()).prop_map(GranteeView::Group),
        ]
    }

    proptest! {
        #[test]
        fn an_acl_that_was_read_can_be_sent_back(
            owner in account(),
            grants in prop::collection::vec((grantee(), prop::sample::select(Permission::ALL.to_vec())), 0..=100),
        ) {
            let sent = read_acl(write_acl(&AclView { owner: owner.clone(), grants: grants.clone() }).as_bytes()).unwrap();
            prop_assert_eq!(sent.owner, Some(owner.id.to_string()));
            let expected: Vec<_> = grants.into_iter().map(|(grantee, permission)| {
                let grantee = match grantee {
                    GranteeView::Account(party) => GranteeInput::Id(party.id.to_string()),
                    GranteeView::Group(group) => GranteeInput::Group(group),
                };
                (grantee, permission)
            }).collect();
            prop_assert_eq!(sent.grants, expected);
        }
    }

    #[test]
    fn a_mistake_in_a_file_is_told_with_its_place() {
        let grant = "<Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"Group\"><URI>URL</URI>\
                     </Grantee><Permission>READ</Permission></Grant>";
        let all = grant.replace("URL", Group::AllUsers.uri());
        let document = |grants: &str| {
            format!("<AccessControlPolicy>\n<AccessControlList>\n{grants}</AccessControlList></AccessControlPolicy>")
        };
        let told = |text: &str| read_acl_file(text.as_bytes()).unwrap_err();
        assert_eq!(read_acl_file(document(&all).as_bytes()).unwrap().grants.len(), 1);
        let second = document(&format!("{all}{}", all.replace("READ", "READS")));
        assert!(told(&second).starts_with("Grant 2: ") && told(&second).contains("FULL_CONTROL"), "{}", told(&second));
        assert!(told(&document(grant)).contains("Grant 1: there is no group \"URL\""));
        assert!(told(&document("</Wrong>")).starts_with("line 3: "), "{}", told(&document("</Wrong>")));
        assert!(told("<Other/>").starts_with("line 1: "));
        assert!(told("<AccessControlPolicy/>").starts_with("AccessControlPolicy: "));
    }

    fn with_grants(grants: &str) -> Result<SentAcl, BadAcl> {
        let xsi = XSI_NAMESPACE;
        read_acl(
            format!(
                "<AccessControlPolicy xmlns:x='{xsi}'><Owner><ID>o</ID></Owner><AccessControlList>{grants}\
                 </AccessControlList></AccessControlPolicy>"
            )
            .as_bytes(),
        )
    }

    fn grant(kind: &str, grantee: &str, permission: &str) -> String {
        format!("<Grant><Grantee x:type='{kind}'>{grantee}</Grantee><Permission>{permission}</Permission></Grant>")
    }

    #[test]
    fn a_grant_by_email_as_s3cmd_sends_it_is_read() {
        let sent = with_grants(&grant("AmazonCustomerByEmail", "<EmailAddress>a@b.c</EmailAddress>", "WRITE"));
        assert_eq!(sent.unwrap().grants, [(GranteeInput::Email("a@b.c".into()), Permission::Write)]);
    }

    #[test]
    fn a_grant_that_is_unclear_is_refused() {
        for bad in [
            grant("canonicaluser", "<ID>a</ID>", "READ"),
            grant("CanonicalUser", "<ID>a</ID>", "read"),
            grant("CanonicalUser", "<ID>a</ID>", "EVERYTHING"),
            grant("CanonicalUser", "<URI>http://acs.amazonaws.com/groups/global/AllUsers</URI>", "READ"),
            grant("CanonicalUser", "<ID>a</ID><ID>b</ID>", "READ"),
            grant("Group", "<ID>a</ID>", "READ"),
            "<Grant><Grantee><ID>a</ID></Grantee><Permission>READ</Permission></Grant>".into(),
            "<Grant><Permission>READ</Permission></Grant>".into(),
            "<Other/>".into(),
            grant("CanonicalUser", "<ID>a</ID>", "READ").repeat(101),
        ] {
            assert_eq!(with_grants(&bad), Err(BadAcl::Malformed), "{bad}");
        }
        let everyone = with_grants(&grant("Group", "<URI>http://acs.amazonaws.com/groups/global/All</URI>", "READ"));
        assert_eq!(everyone, Err(BadAcl::UnknownGroup("http://acs.amazonaws.com/groups/global/All".into())));
    }
}
