//! `AccessControlPolicy`: an ACL in and out (S3 API, "PutBucketAcl", "GetBucketAcl").

use model::{Group, Permission, limits};
use operations::{AclView, GranteeInput, GranteeView, Party};

use super::reader::{Malformed, parse};
use super::{XSI_NAMESPACE, Xml};

/// Elements of the longest ACL: a hundred grants of six, the owner's three, and two around them, with room.
const ELEMENTS: usize = 8 * limits::ACL_GRANTS;

/// An ACL as somebody sent it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SentAcl {
    /// The canonical id of whom it says the owner is.
    pub(crate) owner: Option<String>,
    /// Its grants, in order.
    pub(crate) grants: Vec<(GranteeInput, Permission)>,
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
    policy.only(&["Owner", "AccessControlList"])?;
    let owner = match policy.maybe("Owner")? {
        Some(owner) => {
            owner.only(&["ID", "DisplayName"])?;
            owner.maybe_text("ID")?.map(|id| id.trim().to_owned())
        }
        None => None,
    };
    let list = policy.one("AccessControlList")?;
    list.only(&["Grant"])?;
    let mut grants = vec![];
    for grant in list.all("Grant") {
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
        grants.push((grantee, permission));
    }
    if grants.len() > limits::ACL_GRANTS {
        return Err(BadAcl::Malformed);
    }
    Ok(SentAcl { owner, grants })
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
