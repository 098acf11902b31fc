//! Bodies of bucket settings that are set.

use model::{ObjectOwnership, PublicAccessBlock};

use super::reader::{Malformed, parse};
use super::{Xml, tagging};

/// Elements of the longest of these documents, with room.
const ELEMENTS: usize = 100;

/// The body of a CreateBucket.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct BucketPlace {
    /// In which region the bucket is to be.
    pub(crate) location: Option<String>,
    /// The tags that it is to have: keys and values, in order, unchecked.
    pub(crate) tags: Vec<(String, String)>,
    /// Whether it asks for a directory bucket.
    pub(crate) in_a_directory: bool,
}

/// Reads the body of a CreateBucket; there may be none.
pub(crate) fn read_create_bucket(bytes: &[u8]) -> Result<BucketPlace, Malformed> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(BucketPlace::default());
    }
    let root = parse(bytes, "CreateBucketConfiguration", tagging::ELEMENTS)?;
    root.only(&["LocationConstraint", "Location", "Bucket", "Tags"])?;
    let location = root.maybe_text("LocationConstraint")?.map(|text| text.trim().to_owned());
    let in_a_directory = ["Location", "Bucket"].into_iter().any(|name| root.all(name).next().is_some());
    let tags = root.maybe("Tags")?.map(tagging::read_set).transpose()?.unwrap_or_default();
    Ok(BucketPlace { location: location.filter(|text| !text.is_empty()), tags, in_a_directory })
}

/// Reads `OwnershipControls`. Only S3's own three values are values on the wire.
pub(crate) fn read_ownership(bytes: &[u8]) -> Result<ObjectOwnership, Malformed> {
    let root = parse(bytes, "OwnershipControls", ELEMENTS)?;
    root.only(&["Rule"])?;
    let rule = root.one("Rule")?;
    rule.only(&["ObjectOwnership"])?;
    wire_ownership(rule.one_text("ObjectOwnership")?.trim()).ok_or(Malformed)
}

/// An ownership setting as S3 spells it.
pub(crate) fn wire_ownership(text: &str) -> Option<ObjectOwnership> {
    ObjectOwnership::parse(text).filter(|ownership| *ownership != ObjectOwnership::OwnerOwns)
}

/// Writes `OwnershipControls`.
pub(crate) fn write_ownership(ownership: ObjectOwnership) -> String {
    let mut xml = Xml::new("OwnershipControls");
    xml.within("Rule", |xml| xml.element("ObjectOwnership", ownership.as_str()));
    xml.finish()
}

/// The four switches, as S3 names them.
const SWITCHES: [&str; 4] = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];

/// Reads `PublicAccessBlockConfiguration`. A switch that is not named is off.
pub(crate) fn read_public_access_block(bytes: &[u8]) -> Result<PublicAccessBlock, Malformed> {
    let root = parse(bytes, "PublicAccessBlockConfiguration", ELEMENTS)?;
    root.only(&SWITCHES)?;
    let switch = |name| match root.maybe_text(name)?.map(str::trim) {
        None => Ok(false),
        Some(text) => boolean(text),
    };
    Ok(PublicAccessBlock {
        block_public_acls: switch(SWITCHES[0])?,
        ignore_public_acls: switch(SWITCHES[1])?,
        block_public_policy: switch(SWITCHES[2])?,
        restrict_public_buckets: switch(SWITCHES[3])?,
    })
}

/// A switch as XML Schema spells it; Python's spelling, which clients send, is taken too.
pub(crate) fn boolean(text: &str) -> Result<bool, Malformed> {
    match text {
        "true" | "True" | "TRUE" | "1" => Ok(true),
        "false" | "False" | "FALSE" | "0" => Ok(false),
        _ => Err(Malformed),
    }
}

/// Writes `PublicAccessBlockConfiguration`.
pub(crate) fn write_public_access_block(block: PublicAccessBlock) -> String {
    let mut xml = Xml::new("PublicAccessBlockConfiguration");
    xml.value(SWITCHES[0], block.block_public_acls);
    xml.value(SWITCHES[1], block.ignore_public_acls);
    xml.value(SWITCHES[2], block.block_public_policy);
    xml.value(SWITCHES[3], block.restrict_public_buckets);
    xml.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_read_back_as_they_were_written() {
        for bits in 0..16u8 {
            let block = PublicAccessBlock {
                block_public_acls: bits & 1 != 0,
                ignore_public_acls: bits & 2 != 0,
                block_public_policy: bits & 4 != 0,
                restrict_public_buckets: bits & 8 != 0,
            };
            assert_eq!(read_public_access_block(write_public_access_block(block).as_bytes()), Ok(block));
        }
        for ownership in ObjectOwnership::ALL {
            let read = read_ownership(write_ownership(ownership).as_bytes());
            assert_eq!(read.is_ok(), ownership != ObjectOwnership::OwnerOwns, "{ownership:?}");
        }
    }

    #[test]
    fn a_bucket_is_placed_by_its_body_or_by_default() {
        let place =
            |location: Option<&str>| Ok(BucketPlace { location: location.map(Into::into), ..BucketPlace::default() });
        assert_eq!(read_create_bucket(b""), place(None));
        let body = |inner: &str| format!("<CreateBucketConfiguration>{inner}</CreateBucketConfiguration>");
        let read = |inner: &str| read_create_bucket(body(inner).as_bytes());
        assert_eq!(read(""), place(None));
        assert_eq!(read("<LocationConstraint/>"), place(None));
        assert_eq!(read("<LocationConstraint>eu-west-1</LocationConstraint>"), place(Some("eu-west-1")));
        assert!(read("<Bucket><Type>Directory</Type></Bucket>").unwrap().in_a_directory);
        let tags = "<Tags><Tag><Key>a</Key><Value>1</Value></Tag><Tag><Key>b</Key><Value/></Tag></Tags>";
        assert_eq!(read(tags).unwrap().tags, [("a".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())]);
        assert_eq!(read("<Tags/>"), place(None));
        for bad in ["<Tags>x</Tags>", "<Tags><Tag/></Tags>", "<Tags/><Tags/>", "<Tags><TagSet/></Tags>"] {
            assert_eq!(read(bad), Err(Malformed), "{bad}");
        }
        assert_eq!(read("<Nonsense/>"), Err(Malformed));
        assert_eq!(read_create_bucket(b"x"), Err(Malformed));
    }
}
