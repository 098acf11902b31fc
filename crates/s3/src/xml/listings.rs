//! Listings: of buckets, objects, versions and unfinished uploads.
//!
//! Order and presence of elements are S3's (S3 API, "ListBuckets", "ListObjects", "ListObjectsV2",
//! "ListObjectVersions", "ListMultipartUploads"). Lines come before common prefixes, whatever their order in the page.

use std::borrow::Cow;
use std::collections::HashMap;

use model::{CanonicalId, Timestamp};
use operations::{BucketPage, ObjectLine, ObjectListing, Party, PrefixOr, Upload, UploadListing};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Xml;
use super::acl::party;
use crate::checksum;
use crate::dates::iso_date;

/// How keys are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As they are.
    Plain,
    /// Percent-encoded, but for slashes: any key can be written so.
    Url,
}

const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

impl Encoding {
    /// `text` as it is written.
    pub(super) fn of(self, text: &str) -> Cow<'_, str> {
        match self {
            Encoding::Plain => Cow::Borrowed(text),
            Encoding::Url => utf8_percent_encode(text, ESCAPED).into(),
        }
    }

    /// Says so in an answer.
    pub(super) fn declare(self, xml: &mut Xml) {
        if self == Encoding::Url {
            xml.element("EncodingType", "url");
        }
    }
}

/// What was asked for, as the answer repeats it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// Of which bucket.
    pub(crate) bucket: &'a str,
    /// Keys begin with this.
    pub(crate) prefix: &'a str,
    /// Folded at this; empty: not.
    pub(crate) delimiter: &'a str,
    /// Lines on a page.
    pub(crate) max: usize,
    /// How keys are written.
    pub(crate) encoding: Encoding,
}

impl Asked<'_> {
    fn key(&self, xml: &mut Xml, name: &str, text: &str) {
        xml.element(name, &self.encoding.of(text));
    }

    fn maybe_key(&self, xml: &mut Xml, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.key(xml, name, text);
        }
    }

    fn delimiter(&self, xml: &mut Xml) {
        if !self.delimiter.is_empty() {
            self.key(xml, "Delimiter", self.delimiter);
        }
    }

    fn prefixes<T>(&self, xml: &mut Xml, lines: &[PrefixOr<T>]) {
        for line in lines {
            if let PrefixOr::Prefix(prefix) = line {
                xml.within("CommonPrefixes", |xml| self.key(xml, "Prefix", prefix));
            }
        }
    }

    /// An object as a listing tells of it.
    fn object(&self, xml: &mut Xml, object: &ObjectLine, version: bool, owners: Option<&HashMap<CanonicalId, Party>>) {
        self.key(xml, "Key", object.key.as_str());
        if version {
            xml.element("VersionId", "null");
            xml.value("IsLatest", true);
        }
        xml.element("LastModified", &iso_date(object.modified));
        etag(xml, object.etag.as_str());
        if let Some(checksum) = &object.checksum {
            xml.element("ChecksumAlgorithm", checksum.algorithm.as_str());
            xml.element("ChecksumType", checksum.kind.as_str());
        }
        xml.value("Size", object.len);
        if let Some(owner) = owners.and_then(|owners| owners.get(&object.owner)) {
            xml.within("Owner", |xml| party(xml, owner));
        }
        xml.element("StorageClass", "STANDARD");
    }
}

/// An entity tag, in its quotes.
pub(crate) fn etag(xml: &mut Xml, tag: &str) {
    xml.within("ETag", |xml| {
        xml.text("\"");
        xml.text(tag);
        xml.text("\"");
    });
}

/// Where a page of objects ends: its last key or common prefix.
pub(crate) fn end_of(listing: &ObjectListing) -> Option<&str> {
    let last = listing.page.lines.last().filter(|_| listing.page.more)?;
    Some(match last {
        PrefixOr::Prefix(prefix) => prefix,
        PrefixOr::One(object) => object.key.as_str(),
    })
}

fn objects(listing: &ObjectListing) -> impl Iterator<Item = &ObjectLine> {
    listing.page.lines.iter().filter_map(|line| match line {
        PrefixOr::One(object) => Some(object),
        PrefixOr::Prefix(_) => None,
    })
}

/// ListBuckets.
pub(crate) fn buckets(page: &BucketPage, prefix: Option<&str>, region: Option<&str>, token: Option<&str>) -> String {
    let mut xml = Xml::new("ListAllMyBucketsResult");
    xml.within("Owner", |xml| party(xml, &page.owner));
    xml.within("Buckets", |xml| {
        for bucket in &page.buckets {
            xml.within("Bucket", |xml| {
                xml.element("Name", bucket.name.as_str());
                xml.element("CreationDate", &iso_date(bucket.created));
                xml.maybe("BucketRegion", region);
            });
        }
    });
    xml.maybe("ContinuationToken", token);
    xml.maybe("Prefix", prefix);
    xml.finish()
}

/// ListObjects.
pub(crate) fn objects_v1(asked: &Asked<'_>, marker: &str, listing: &ObjectListing) -> String {
    let mut xml = Xml::new("ListBucketResult");
    xml.element("Name", asked.bucket);
    asked.key(&mut xml, "Prefix", asked.prefix);
    asked.key(&mut xml, "Marker", marker);
    // Without a delimiter the last key is the marker, and S3 does not repeat it.
    asked.maybe_key(&mut xml, "NextMarker", end_of(listing).filter(|_| !asked.delimiter.is_empty()));
    xml.value("MaxKeys", asked.max);
    asked.delimiter(&mut xml);
    asked.encoding.declare(&mut xml);
    xml.value("IsTruncated", listing.page.more);
    for object in objects(listing) {
        xml.within("Contents", |xml| asked.object(xml, object, false, Some(&listing.owners)));
    }
    asked.prefixes(&mut xml, &listing.page.lines);
    xml.finish()
}

/// What ListObjectsV2 was asked for beside the rest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct V2<'a> {
    /// `start-after`, as sent.
    pub(crate) start_after: Option<&'a str>,
    /// `continuation-token`, as sent.
    pub(crate) token: Option<&'a str>,
    /// The token for the next page.
    pub(crate) next_token: Option<&'a str>,
    /// Whether owners are shown.
    pub(crate) fetch_owner: bool,
}

/// ListObjectsV2.
pub(crate) fn objects_v2(asked: &Asked<'_>, v2: &V2<'_>, listing: &ObjectListing) -> String {
    let mut xml = Xml::new("ListBucketResult");
    xml.element("Name", asked.bucket);
    asked.key(&mut xml, "Prefix", asked.prefix);
    asked.maybe_key(&mut xml, "StartAfter", v2.start_after);
    xml.maybe("ContinuationToken", v2.token);
    xml.maybe("NextContinuationToken", v2.next_token);
    xml.value("KeyCount", listing.page.lines.len());
    xml.value("MaxKeys", asked.max);
    asked.delimiter(&mut xml);
    asked.encoding.declare(&mut xml);
    xml.value("IsTruncated", listing.page.more);
    for object in objects(listing) {
        let owners = v2.fetch_owner.then_some(&listing.owners);
        xml.within("Contents", |xml| asked.object(xml, object, false, owners));
    }
    asked.prefixes(&mut xml, &listing.page.lines);
    xml.finish()
}

/// ListObjectVersions of a bucket where versioning was never on: each object is its own only version, `null`.
pub(crate) fn versions(asked: &Asked<'_>, marker: &str, version: &str, listing: &ObjectListing) -> String {
    let mut xml = Xml::new("ListVersionsResult");
    xml.element("Name", asked.bucket);
    asked.key(&mut xml, "Prefix", asked.prefix);
    asked.key(&mut xml, "KeyMarker", marker);
    xml.element("VersionIdMarker", version);
    if let Some(end) = end_of(listing) {
        asked.key(&mut xml, "NextKeyMarker", end);
        if let Some(PrefixOr::One(_)) = listing.page.lines.last() {
            xml.element("NextVersionIdMarker", "null");
        }
    }
    xml.value("MaxKeys", asked.max);
    asked.delimiter(&mut xml);
    asked.encoding.declare(&mut xml);
    xml.value("IsTruncated", listing.page.more);
    for object in objects(listing) {
        xml.within("Version", |xml| asked.object(xml, object, true, Some(&listing.owners)));
    }
    asked.prefixes(&mut xml, &listing.page.lines);
    xml.finish()
}

/// ListMultipartUploads.
pub(crate) fn uploads(asked: &Asked<'_>, marker: &str, upload_marker: &str, listing: &UploadListing) -> String {
    let mut xml = Xml::new("ListMultipartUploadsResult");
    xml.element("Bucket", asked.bucket);
    asked.key(&mut xml, "KeyMarker", marker);
    xml.element("UploadIdMarker", upload_marker);
    match listing.page.lines.last().filter(|_| listing.page.more) {
        Some(PrefixOr::Prefix(prefix)) => asked.key(&mut xml, "NextKeyMarker", prefix),
        Some(PrefixOr::One(upload)) => {
            asked.key(&mut xml, "NextKeyMarker", upload.key.as_str());
            xml.element("NextUploadIdMarker", upload.id.as_str());
        }
        None => {}
    }
    asked.key(&mut xml, "Prefix", asked.prefix);
    asked.delimiter(&mut xml);
    xml.value("MaxUploads", asked.max);
    asked.encoding.declare(&mut xml);
    xml.value("IsTruncated", listing.page.more);
    for line in &listing.page.lines {
        if let PrefixOr::One(upload) = line {
            xml.within("Upload", |xml| one_upload(xml, asked, upload, &listing.parties));
        }
    }
    asked.prefixes(&mut xml, &listing.page.lines);
    xml.finish()
}

fn one_upload(xml: &mut Xml, asked: &Asked<'_>, upload: &Upload, parties: &HashMap<CanonicalId, Party>) {
    asked.key(xml, "Key", upload.key.as_str());
    xml.element("UploadId", upload.id.as_str());
    for (name, id) in [("Initiator", &upload.initiator), ("Owner", &upload.owner)] {
        if let Some(who) = parties.get(id) {
            xml.within(name, |xml| party(xml, who));
        }
    }
    xml.element("StorageClass", "STANDARD");
    xml.element("Initiated", &iso_date(upload.began));
    upload_checksum(xml, upload);
}

/// By which checksum an upload is checked, where its client chose one.
pub(crate) fn upload_checksum(xml: &mut Xml, upload: &Upload) {
    if let Some((algorithm, kind)) = upload.checksum {
        xml.element("ChecksumAlgorithm", algorithm.as_str());
        xml.element("ChecksumType", kind.as_str());
    }
}

/// A part as listings and attributes tell of it.
pub(crate) fn part(
    xml: &mut Xml,
    number: u16,
    written: Option<(Timestamp, &str)>,
    len: u64,
    checksum: Option<&model::Checksum>,
) {
    xml.within("Part", |xml| {
        xml.value("PartNumber", number);
        if let Some((modified, tag)) = written {
            xml.element("LastModified", &iso_date(modified));
            etag(xml, tag);
        }
        xml.value("Size", len);
        if let Some(checksum) = checksum {
            xml.element(checksum::element(checksum.algorithm), &checksum::text(checksum));
        }
    });
}

#[cfg(test)]
mod tests {
    use model::{BucketName, ETag, ObjectKey};
    use operations::{BucketLine, ObjectPage};

    use super::*;

    fn who(name: &str) -> Party {
        Party { id: CanonicalId::new(&"a1".repeat(32)).unwrap(), display_name: Some(name.into()) }
    }

    fn listing(keys: &[&str], more: bool) -> ObjectListing {
        let owner = who("R & D");
        let line = |key: &&str| match key.strip_suffix('/') {
            Some(_) => PrefixOr::Prefix((*key).into()),
            None => PrefixOr::One(ObjectLine {
                key: ObjectKey::new(*key).unwrap(),
                len: 3,
                etag: ETag::from_md5([0xab; 16]),
                modified: Timestamp::from_seconds(1_289_986_200),
                owner: owner.id.clone(),
                checksum: None,
            }),
        };
        ObjectListing {
            page: ObjectPage { lines: keys.iter().map(line).collect(), more },
            owners: HashMap::from([(owner.id.clone(), owner)]),
        }
    }

    fn asked(encoding: Encoding) -> Asked<'static> {
        Asked { bucket: "abc", prefix: "a&b ", delimiter: "/", max: 2, encoding }
    }

    /// The document, shorter: ids and tags are long.
    fn short(xml: &str) -> String {
        let body = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").unwrap();
        let body = body.replace(&format!(" xmlns=\"{}\"", crate::xml::S3_NAMESPACE), "");
        body.replace(&"a1".repeat(32), "ID").replace(&"ab".repeat(16), "TAG")
    }

    const LINE: &str =
        "<LastModified>2010-11-17T09:30:00.000Z</LastModified><ETag>&quot;TAG&quot;</ETag><Size>3</Size>";
    const OWNER: &str = "<Owner><ID>ID</ID><DisplayName>R &amp; D</DisplayName></Owner>";
    const CLASS: &str = "<StorageClass>STANDARD</StorageClass>";

    #[test]
    fn a_page_of_objects_reads_as_s3s_does() {
        let v1 = objects_v1(&asked(Encoding::Plain), "a\u{1}", &listing(&["a&b <", "a&b d/"], true));
        let expected = format!(
            "<ListBucketResult><Name>abc</Name><Prefix>a&amp;b </Prefix><Marker>a&#x1;</Marker>\
             <NextMarker>a&amp;b d/</NextMarker><MaxKeys>2</MaxKeys><Delimiter>/</Delimiter>\
             <IsTruncated>true</IsTruncated><Contents><Key>a&amp;b &lt;</Key>{LINE}{OWNER}{CLASS}</Contents>\
             <CommonPrefixes><Prefix>a&amp;b d/</Prefix></CommonPrefixes></ListBucketResult>"
        );
        assert_eq!(short(&v1), expected);
        let v2 = V2 { start_after: Some("é"), token: Some("t"), next_token: Some("u"), fetch_owner: false };
        let v2 = objects_v2(&asked(Encoding::Url), &v2, &listing(&["a&b +\u{1}é"], true));
        let expected = format!(
            "<ListBucketResult><Name>abc</Name><Prefix>a%26b%20</Prefix><StartAfter>%C3%A9</StartAfter>\
             <ContinuationToken>t</ContinuationToken><NextContinuationToken>u</NextContinuationToken>\
             <KeyCount>1</KeyCount><MaxKeys>2</MaxKeys><Delimiter>/</Delimiter><EncodingType>url</EncodingType>\
             <IsTruncated>true</IsTruncated><Contents><Key>a%26b%20%2B%01%C3%A9</Key>{LINE}{CLASS}</Contents>\
             </ListBucketResult>"
        );
        assert_eq!(short(&v2), expected);
    }

    #[test]
    fn where_versioning_was_never_on_each_object_is_its_version_null() {
        let all = versions(&asked(Encoding::Plain), "", "", &listing(&["a&b d/", "a&b x"], true));
        let expected = format!(
            "<ListVersionsResult><Name>abc</Name><Prefix>a&amp;b </Prefix><KeyMarker></KeyMarker>\
             <VersionIdMarker></VersionIdMarker><NextKeyMarker>a&amp;b x</NextKeyMarker>\
             <NextVersionIdMarker>null</NextVersionIdMarker><MaxKeys>2</MaxKeys><Delimiter>/</Delimiter>\
             <IsTruncated>true</IsTruncated><Version><Key>a&amp;b x</Key><VersionId>null</VersionId>\
             <IsLatest>true</IsLatest>{LINE}{OWNER}{CLASS}</Version>\
             <CommonPrefixes><Prefix>a&amp;b d/</Prefix></CommonPrefixes></ListVersionsResult>"
        );
        assert_eq!(short(&all), expected);
    }

    #[test]
    fn a_list_of_buckets_reads_as_s3s_does() {
        let created = Timestamp::from_seconds(1_289_986_200);
        let bucket = BucketLine { name: BucketName::new("abc").unwrap(), created };
        let page = BucketPage { owner: who("owner"), buckets: vec![bucket], more: false };
        assert_eq!(
            short(&buckets(&page, None, None, None)),
            "<ListAllMyBucketsResult><Owner><ID>ID</ID><DisplayName>owner</DisplayName></Owner><Buckets><Bucket>\
             <Name>abc</Name><CreationDate>2010-11-17T09:30:00.000Z</CreationDate></Bucket></Buckets>\
             </ListAllMyBucketsResult>"
        );
    }
}
