//! What must hold of any bytes at all: the target `acl` of `cargo xtask fuzz`, and of an ordinary test.

use model::limits;
use operations::GranteeInput;

use super::acl::{SentAcl, read_acl};
use super::{XSI_NAMESPACE, Xml};

/// An ACL that is read is, written down again and read again, the same; and it is no longer than it may be.
pub fn acl(bytes: &[u8]) {
    let Ok(sent) = read_acl(bytes) else { return };
    assert!(sent.grants.len() <= limits::ACL_GRANTS);
    let written = write(&sent);
    assert_eq!(read_acl(written.as_bytes()).as_ref(), Ok(&sent), "{written}");
}

fn write(acl: &SentAcl) -> String {
    let mut xml = Xml::new("AccessControlPolicy");
    if let Some(owner) = &acl.owner {
        xml.within("Owner", |xml| xml.element("ID", owner));
    }
    xml.within("AccessControlList", |xml| {
        for (grantee, permission) in &acl.grants {
            let (kind, name, value) = match grantee {
                GranteeInput::Id(id) => ("CanonicalUser", "ID", id.as_str()),
                GranteeInput::Email(email) => ("AmazonCustomerByEmail", "EmailAddress", email.as_str()),
                GranteeInput::Group(group) => ("Group", "URI", group.uri()),
            };
            xml.within("Grant", |xml| {
                let attributes = format!("xmlns:xsi=\"{XSI_NAMESPACE}\" xsi:type=\"{kind}\"");
                xml.within_typed("Grantee", &attributes, |xml| xml.element(name, value));
                xml.element("Permission", permission.as_str());
            });
        }
    });
    xml.finish()
}

#[cfg(test)]
mod tests {
    use crate::fuzz_driver as driver;

    #[test]
    fn an_acl_reads_back_as_it_was_read() {
        driver::run("acl", super::acl);
    }
}
