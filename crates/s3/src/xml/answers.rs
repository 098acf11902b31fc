//! Bodies of requests and answers about objects and uploads that are no listings of a bucket.

use model::{Checksum, ChecksumAlgorithm, limits};
use operations::{Attributes, NamedPart, PartWritten, PartsPage, Written};

use super::acl::party;
use super::listings::{etag, part, upload_checksum};
use super::reader::{Element, Malformed, parse};
use super::settings::boolean;
use super::{Encoding, Xml};
use crate::checksum;
use crate::dates::iso_date;

/// CopyObject.
pub(crate) fn copied(written: &Written) -> String {
    let mut xml = Xml::new("CopyObjectResult");
    xml.element("LastModified", &iso_date(written.modified));
    etag(&mut xml, written.etag.as_str());
    show(&mut xml, written.checksum.as_ref());
    xml.finish()
}

/// UploadPartCopy.
pub(crate) fn part_copied(written: &PartWritten) -> String {
    let mut xml = Xml::new("CopyPartResult");
    xml.element("LastModified", &iso_date(written.modified));
    etag(&mut xml, written.etag.as_str());
    if let Some(checksum) = &written.checksum {
        xml.element(checksum::element(checksum.algorithm), &checksum::text(checksum));
    }
    xml.finish()
}

fn show(xml: &mut Xml, checksum: Option<&Checksum>) {
    if let Some(checksum) = checksum {
        xml.element(checksum::element(checksum.algorithm), &checksum::text(checksum));
        xml.element("ChecksumType", checksum.kind.as_str());
    }
}

/// CreateMultipartUpload.
pub(crate) fn initiated(bucket: &str, key: &str, upload: &str) -> String {
    let mut xml = Xml::new("InitiateMultipartUploadResult");
    xml.element("Bucket", bucket);
    xml.element("Key", key);
    xml.element("UploadId", upload);
    xml.finish()
}

/// CompleteMultipartUpload.
pub(crate) fn completed(location: &str, bucket: &str, key: &str, written: &Written) -> String {
    let mut xml = Xml::new("CompleteMultipartUploadResult");
    xml.element("Location", location);
    xml.element("Bucket", bucket);
    xml.element("Key", key);
    etag(&mut xml, written.etag.as_str());
    show(&mut xml, written.checksum.as_ref());
    xml.finish()
}

/// PostObject, where the form asks for it.
pub(crate) fn posted(location: &str, bucket: &str, key: &str, tag: &str) -> String {
    let mut xml = Xml::plain("PostResponse");
    xml.element("Location", location);
    xml.element("Bucket", bucket);
    xml.element("Key", key);
    etag(&mut xml, tag);
    xml.finish()
}

/// ListParts; `after` and `max` as asked for.
pub(crate) fn parts(page: &PartsPage, after: u16, max: usize, encoding: Encoding) -> String {
    let mut xml = Xml::new("ListPartsResult");
    xml.element("Bucket", page.upload.bucket.as_str());
    xml.element("Key", &encoding.of(page.upload.key.as_str()));
    xml.element("UploadId", page.upload.id.as_str());
    xml.within("Initiator", |xml| party(xml, &page.initiator));
    xml.within("Owner", |xml| party(xml, &page.owner));
    xml.element("StorageClass", "STANDARD");
    xml.value("PartNumberMarker", after);
    xml.value("NextPartNumberMarker", page.parts.last().map_or(0, |part| part.number));
    xml.value("MaxParts", max);
    encoding.declare(&mut xml);
    xml.value("IsTruncated", page.more);
    upload_checksum(&mut xml, &page.upload);
    for one in &page.parts {
        part(&mut xml, one.number, Some((one.modified, one.etag().as_str())), one.len, one.checksum.as_ref());
    }
    xml.finish()
}

/// Which attributes GetObjectAttributes is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)] // named as the attributes are
pub(crate) struct WantedAttributes {
    pub(crate) etag: bool,
    pub(crate) checksum: bool,
    pub(crate) parts: bool,
    pub(crate) storage_class: bool,
    pub(crate) size: bool,
    /// Only parts after this number.
    pub(crate) after: u16,
    /// Most parts.
    pub(crate) max: usize,
}

/// GetObjectAttributes. Parts are listed one by one only where they have checksums of their own, as in S3.
pub(crate) fn attributes(wanted: &WantedAttributes, found: &Attributes) -> String {
    let mut xml = Xml::new("GetObjectAttributesResponse");
    let object = &found.object;
    if wanted.etag {
        xml.element("ETag", object.etag.as_str());
    }
    if wanted.checksum && object.checksum.is_some() {
        xml.within("Checksum", |xml| show(xml, object.checksum.as_ref()));
    }
    if let Some(parts) = found.parts.as_ref().filter(|_| wanted.parts) {
        xml.within("ObjectParts", |xml| {
            xml.value("PartsCount", parts.len());
            if parts.iter().all(|part| part.checksum.is_none()) {
                return;
            }
            let rest = &parts[parts.partition_point(|part| part.number <= wanted.after)..];
            let page = &rest[..rest.len().min(wanted.max)];
            xml.value("PartNumberMarker", wanted.after);
            xml.value("NextPartNumberMarker", page.last().map_or(0, |part| part.number));
            xml.value("MaxParts", wanted.max);
            xml.value("IsTruncated", page.len() < rest.len());
            for one in page {
                part(xml, one.number, None, one.len, one.checksum.as_ref());
            }
        });
    }
    if wanted.storage_class {
        xml.element("StorageClass", "STANDARD");
    }
    if wanted.size {
        xml.value("ObjectSize", object.len);
    }
    xml.finish()
}

/// Reads the body of a CompleteMultipartUpload.
pub(crate) fn read_complete(bytes: &[u8]) -> Result<Vec<NamedPart>, Malformed> {
    let most = usize::from(limits::PART_NUMBER_MAX);
    let root = parse(bytes, "CompleteMultipartUpload", 1 + most * 8)?;
    root.only(&["Part"])?;
    let parts: Vec<NamedPart> = root.all("Part").map(read_part).collect::<Result<_, _>>()?;
    if parts.is_empty() || parts.len() > most { Err(Malformed) } else { Ok(parts) }
}

fn read_part(part: &Element) -> Result<NamedPart, Malformed> {
    const KNOWN: [&str; 7] = [
        "PartNumber",
        "ETag",
        checksum::element(ChecksumAlgorithm::Crc32),
        checksum::element(ChecksumAlgorithm::Crc32c),
        checksum::element(ChecksumAlgorithm::Crc64Nvme),
        checksum::element(ChecksumAlgorithm::Sha1),
        checksum::element(ChecksumAlgorithm::Sha256),
    ];
    part.only(&KNOWN)?;
    let number: u16 = part.one_text("PartNumber")?.trim().parse().map_err(|_| Malformed)?;
    if number == 0 || number > limits::PART_NUMBER_MAX {
        return Err(Malformed);
    }
    let mut checksum = None;
    for algorithm in ChecksumAlgorithm::ALL {
        let Some(text) = part.maybe_text(checksum::element(algorithm))? else { continue };
        let value = checksum::read(algorithm, text).ok_or(Malformed)?;
        if checksum.replace((algorithm, value)).is_some() {
            return Err(Malformed);
        }
    }
    Ok(NamedPart { number, etag: part.one_text("ETag")?.trim().trim_matches('"').to_owned(), checksum })
}

/// What DeleteObjects is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Delete {
    /// Whether only failures are to be reported.
    pub(crate) quiet: bool,
    /// What to remove, in order.
    pub(crate) objects: Vec<DeleteLine>,
}

/// One of the objects.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DeleteLine {
    /// Its key, as sent.
    pub(crate) key: String,
    /// Which version.
    pub(crate) version: Option<String>,
    /// Only if it has this tag.
    pub(crate) etag: Option<String>,
    /// Whether it has conditions that S3 takes for directory buckets only.
    pub(crate) asks_for_more: bool,
}

/// Reads the body of a DeleteObjects.
pub(crate) fn read_delete(bytes: &[u8]) -> Result<Delete, Malformed> {
    let root = parse(bytes, "Delete", 2 + limits::DELETE_OBJECTS * 6)?;
    root.only(&["Object", "Quiet"])?;
    let quiet = root.maybe_text("Quiet")?.map_or(Ok(false), |text| boolean(text.trim()))?;
    let line = |object: &Element| {
        object.only(&["Key", "VersionId", "ETag", "LastModifiedTime", "Size"])?;
        let text = |name| object.maybe_text(name);
        let key = object.one_text("Key")?.to_owned();
        if key.is_empty() {
            return Err(Malformed);
        }
        Ok(DeleteLine {
            key,
            version: text("VersionId")?.map(str::to_owned).filter(|version| !version.is_empty()),
            etag: text("ETag")?.map(str::to_owned).filter(|tag| !tag.is_empty()),
            asks_for_more: text("LastModifiedTime")?.is_some() || text("Size")?.is_some(),
        })
    };
    let objects: Vec<DeleteLine> = root.all("Object").map(line).collect::<Result<_, _>>()?;
    if objects.is_empty() || objects.len() > limits::DELETE_OBJECTS {
        return Err(Malformed);
    }
    Ok(Delete { quiet, objects })
}

/// How the removal of one object ended: code and message, if it failed.
pub(crate) type Deleted = Result<(), (&'static str, String)>;

/// DeleteObjects.
pub(crate) fn deleted(delete: &Delete, ends: &[Deleted]) -> String {
    let mut xml = Xml::new("DeleteResult");
    for (object, end) in delete.objects.iter().zip(ends) {
        let named = |xml: &mut Xml| {
            xml.element("Key", &object.key);
            xml.maybe("VersionId", object.version.as_deref());
        };
        match end {
            Ok(()) if delete.quiet => {}
            Ok(()) => xml.within("Deleted", named),
            Err((code, message)) => xml.within("Error", |xml| {
                named(xml);
                xml.element("Code", code);
                xml.element("Message", message);
            }),
        }
    }
    xml.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_an_upload_are_read_in_the_order_sent() {
        let body = "<CompleteMultipartUpload><Part><ETag>&quot;aa&quot;</ETag><PartNumber>2</PartNumber></Part>\
                    <Part><PartNumber>1</PartNumber><ETag>bb</ETag><ChecksumCRC32>AAAAAQ==</ChecksumCRC32></Part>\
                    </CompleteMultipartUpload>";
        let read = read_complete(body.as_bytes()).unwrap();
        let seen: Vec<_> = read.iter().map(|p| (p.number, p.etag.as_str(), p.checksum.clone())).collect();
        let crc = Some((ChecksumAlgorithm::Crc32, vec![0, 0, 0, 1]));
        assert_eq!(seen, [(2, "aa", None), (1, "bb", crc)]);
        for bad in [
            "",
            "<Part><ETag>a</ETag></Part>",
            "<Part><ETag>a</ETag><PartNumber>0</PartNumber></Part>",
            "<Part><ETag>a</ETag><PartNumber>10001</PartNumber></Part>",
            "<Part><ETag>a</ETag><PartNumber>-1</PartNumber></Part>",
            "<Part><ETag>a</ETag><PartNumber>1</PartNumber><ChecksumCRC32>AAAA</ChecksumCRC32></Part>",
            "<Part><ETag>a</ETag><PartNumber>1</PartNumber><Other/></Part>",
        ] {
            let body = format!("<CompleteMultipartUpload>{bad}</CompleteMultipartUpload>");
            assert!(read_complete(body.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_thousand_objects_may_be_deleted_at_once_and_no_more() {
        let body = |n: usize| {
            let object = "<Object><Key>k</Key><VersionId>null</VersionId><ETag>e</ETag></Object>";
            format!("<Delete><Quiet>true</Quiet>{}</Delete>", object.repeat(n))
        };
        let read = read_delete(body(1000).as_bytes()).unwrap();
        assert!(read.quiet);
        assert_eq!(read.objects.len(), 1000);
        assert_eq!(read_delete(body(1001).as_bytes()), Err(Malformed));
        assert_eq!(read_delete(body(0).as_bytes()), Err(Malformed));
        assert_eq!(read_delete(b"<Delete><Object><Key/></Object></Delete>"), Err(Malformed));
    }

    #[test]
    fn what_failed_is_told_and_in_quiet_nothing_else() {
        let line = |key: &str| DeleteLine { key: key.into(), version: None, etag: None, asks_for_more: false };
        let mut delete = Delete { quiet: false, objects: vec![line("a"), line("<b>")] };
        let ends = [Ok(()), Err(("AccessDenied", "Access Denied".to_owned()))];
        let failed = "<Error><Key>&lt;b&gt;</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
        assert!(deleted(&delete, &ends).contains(&format!("<Deleted><Key>a</Key></Deleted>{failed}")));
        delete.quiet = true;
        assert!(deleted(&delete, &ends).contains(&format!("2006-03-01/\">{failed}</DeleteResult>")));
    }
}
