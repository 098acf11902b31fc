//! The document of tags.

use model::limits;

use super::Xml;
use super::reader::{Element, Malformed, parse};

/// Elements of the longest of these documents, and more, so that too many tags are told apart from nonsense.
pub(super) const ELEMENTS: usize = limits::BUCKET_TAGS * 3 * 10;

/// Reads `Tagging`: keys and values, in order. Whether they are tags is for others to say.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<(String, String)>, Malformed> {
    let root = parse(bytes, "Tagging", ELEMENTS)?;
    root.only(&["TagSet"])?;
    read_set(root.one("TagSet")?)
}

/// Reads an element that holds tags and nothing else.
pub(super) fn read_set(set: &Element) -> Result<Vec<(String, String)>, Malformed> {
    set.only(&["Tag"])?;
    if set.all("Tag").next().is_none() {
        // Text where tags belong.
        if !set.text()?.trim().is_empty() {
            return Err(Malformed);
        }
    }
    let pair = |tag: &Element| {
        tag.only(&["Key", "Value"])?;
        Ok((tag.one_text("Key")?.to_owned(), tag.one_text("Value")?.to_owned()))
    };
    set.all("Tag").map(pair).collect()
}

/// Writes `Tagging`.
pub(crate) fn write(tags: &[(String, String)]) -> String {
    let mut xml = Xml::new("Tagging");
    xml.within("TagSet", |xml| {
        for (key, value) in tags {
            xml.within("Tag", |xml| {
                xml.element("Key", key);
                xml.element("Value", value);
            });
        }
    });
    xml.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_document_of_tags_is_refused() {
        let tags = |inner: &str| read(format!("<Tagging><TagSet>{inner}</TagSet></Tagging>").as_bytes());
        assert_eq!(tags(""), Ok(vec![]));
        assert_eq!(tags("<Tag><Value/><Key> a</Key></Tag>"), Ok(vec![(" a".to_owned(), String::new())]));
        for bad in [
            "x",
            "<Tag/>",
            "<Tag><Key>a</Key></Tag>",
            "<Tag><Value>a</Value></Tag>",
            "<Tag><Key>a</Key><Value>b</Value><Key>c</Key></Tag>",
            "<Tag><Key>a</Key><Value>b</Value><Other/></Tag>",
            "<Tag><Key><b/></Key><Value>b</Value></Tag>",
            "<Other/>",
        ] {
            assert_eq!(tags(bad), Err(Malformed), "{bad}");
        }
        for bad in ["", "<Tagging/>", "<TagSet/>", "<Tagging><TagSet/><TagSet/></Tagging>"] {
            assert_eq!(read(bad.as_bytes()), Err(Malformed), "{bad}");
        }
    }
}
