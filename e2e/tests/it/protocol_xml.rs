//! XML in and out: protocol cases of that name, on the wire.

use client::{Method, Request, S3, Signature, Source};
use testkit::{acl_document, by_email, by_group, by_id};

use crate::field_rig::{
    ALL_USERS, CLOSED, Rig, SECRET, UPLOAD, VICTIM, get, is_refusal, now, ok, put, refused, seconds,
};

const NS: &str = "http://s3.amazonaws.com/doc/2006-03-01/";
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// An operation that reads a document: its request, a document that it takes, and what it says of one that it does not.
struct Reader {
    name: &'static str,
    method: Method,
    place: String,
    document: String,
    code: &'static str,
}

impl Reader {
    fn request(&self, body: impl Into<Vec<u8>>) -> Request {
        let body = body.into();
        let md5 = Source::from(body.clone()).md5_base64();
        Request::at_place(self.method.clone(), &self.place).header("content-md5", md5).bytes(body)
    }
}

fn readers(rig: &Rig) -> Vec<Reader> {
    let reader = |name, method, place: &str, root: &str, inside: String| Reader {
        name,
        method,
        place: place.to_owned(),
        document: format!("<{root} xmlns=\"{NS}\">{inside}</{root}>"),
        code: "MalformedXML",
    };
    let acl =
        acl_document(&rig.owner_id, &[(by_id(&rig.owner_id), "FULL_CONTROL"), (by_email(&rig.guest.email), "READ")]);
    let by_acl = |name, place: &str| Reader {
        document: acl.clone(),
        code: "MalformedACLError",
        ..reader(name, Method::PUT, place, "", String::new())
    };
    let complete = format!("<Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part>", rig.part);
    let upload = format!("{UPLOAD}?uploadId={}", rig.upload);
    vec![
        by_acl("PutBucketAcl", "closed?acl"),
        by_acl("PutObjectAcl", "closed/victim.txt?acl"),
        reader(
            "CreateBucket",
            Method::PUT,
            "brand-new-bucket",
            "CreateBucketConfiguration",
            "<LocationConstraint/>".into(),
        ),
        reader(
            "PutBucketOwnershipControls",
            Method::PUT,
            "closed?ownershipControls",
            "OwnershipControls",
            "<Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule>".into(),
        ),
        reader(
            "PutPublicAccessBlock",
            Method::PUT,
            "closed?publicAccessBlock",
            "PublicAccessBlockConfiguration",
            "<BlockPublicAcls>false</BlockPublicAcls>".into(),
        ),
        reader(
            "DeleteObjects",
            Method::POST,
            "closed?delete",
            "Delete",
            "<Object><Key>victim.txt</Key></Object>".into(),
        ),
        // Last: it ends the upload.
        reader("CompleteMultipartUpload", Method::POST, &upload, "CompleteMultipartUpload", complete),
    ]
}

/// What must not be read, made of a document that could be.
fn attacks(document: &str) -> Vec<(&'static str, Vec<u8>)> {
    let root = document[1..].split([' ', '>']).next().unwrap();
    let with = |prolog: &str| format!("{prolog}{document}").into_bytes();
    let inside = |text: &str| {
        let at = document.rfind("</").unwrap();
        format!("{}{text}{}", &document[..at], &document[at..]).into_bytes()
    };
    // At the end of the first text, where a reference is not out of place.
    let in_text = |text: &str| document.replacen("</", &format!("{text}</"), 1).into_bytes();
    let mut bomb = String::from("<!DOCTYPE x [<!ENTITY a0 \"aaaaaaaaaa\">");
    for level in 1..30 {
        bomb.push_str(&format!("<!ENTITY a{level} \"{}\">", format!("&a{};", level - 1).repeat(10)));
    }
    bomb.push_str("]>");
    let bombed = format!("{bomb}{}", String::from_utf8(inside("<Object><Key>&a29;</Key></Object>")).unwrap());
    let external = "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>";
    let external = format!("{external}{}", String::from_utf8(inside("<Object><Key>&e;</Key></Object>")).unwrap());
    let utf16: Vec<u8> =
        std::iter::once(0xfeff).chain(document.encode_utf16()).flat_map(|unit: u16| unit.to_le_bytes()).collect();
    vec![
        ("an entity bomb", bombed.into_bytes()),
        ("an external entity", external.into_bytes()),
        ("a document type", with("<!DOCTYPE x>")),
        ("an external document type", with("<!DOCTYPE x SYSTEM \"http://127.0.0.1:1/x.dtd\">")),
        ("a processing instruction", with("<?xml-stylesheet href=\"http://127.0.0.1:1/x.xsl\"?>")),
        ("an unknown entity", in_text("&nbsp;")),
        ("an entity that is not ended", in_text("&amp")),
        ("a reference to NUL", in_text("&#0;")),
        ("a reference to a surrogate", in_text("&#xd800;")),
        ("a reference beyond Unicode", in_text("&#x110000;")),
        ("an entity that is one elsewhere", in_text("&AMP;")),
        ("a reference without digits", in_text("&#;")),
        ("a NUL", inside("\0")),
        ("text where elements are", inside("text")),
        ("an element that nobody knows", inside("<Surprise>1</Surprise>")),
        ("an element of another namespace", inside("<Surprise xmlns=\"urn:other\"/>")),
        ("a prefix that is not bound", inside("<x:Surprise/>")),
        ("another namespace", document.replacen(NS, "http://s3.example.com/", 1).into_bytes()),
        ("another root", format!("<Other xmlns=\"{NS}\">{document}</Other>").into_bytes()),
        ("a root in capitals", document.replace(root, &root.to_uppercase()).into_bytes()),
        ("two roots", document.repeat(2).into_bytes()),
        ("text behind it", format!("{document}text").into_bytes()),
        ("text before it", format!("text{document}").into_bytes()),
        ("cut", document.as_bytes()[..document.len() - 3].to_vec()),
        ("crossed tags", document.replacen("</", "</x></", 1).into_bytes()),
        (
            "an attribute twice",
            document.replacen(&format!("<{root}"), &format!("<{root} a=\"1\" a=\"2\""), 1).into_bytes(),
        ),
        ("no quotes", document.replacen(&format!("<{root}"), &format!("<{root} a=1"), 1).into_bytes()),
        ("many attributes", {
            let many: String = (0..1000).map(|n| format!(" a{n}=\"1\"")).collect();
            document.replacen(&format!("<{root}"), &format!("<{root}{many}"), 1).into_bytes()
        }),
        ("depth", inside(&"<a>".repeat(100_000))),
        ("depth that is closed", inside(&format!("{}{}", "<a>".repeat(50_000), "</a>".repeat(50_000)))),
        ("breadth", inside(&"<a/>".repeat(200_000))),
        ("a long name", inside(&format!("<{}/>", "a".repeat(500_000)))),
        ("a tag that never ends", inside(&"<a ".repeat(100_000))),
        ("a comment that never ends", inside("<!-- ")),
        ("a hyphened comment", inside("<!-- a -- b -->")),
        ("character data that never ends", inside("<![CDATA[ ")),
        ("no UTF-8", inside("\u{fffd}").iter().map(|b| if *b == 0xbf { 0xff } else { *b }).collect()),
        ("UTF-16", utf16),
        ("another encoding", with("<?xml version=\"1.0\" encoding=\"UTF-7\"?>")),
        ("only an opening", b"<".to_vec()),
        ("JSON", b"{\"Delete\":{}}".to_vec()),
        ("a form", b"acl=public-read".to_vec()),
        ("blanks", b"<?xml version=\"1.0\"?>   ".to_vec()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_not_what_s3_documents_is_refused_by_name_and_changes_nothing() {
    let rig = Rig::lenient().await;
    let before = rig.snapshot().await;
    for reader in readers(&rig) {
        for (what, attack) in attacks(&reader.document) {
            if attack == reader.document.as_bytes() {
                panic!("{what} is no attack on {}", reader.name);
            }
            let answer = rig.owner.send(&reader.request(attack)).await.unwrap();
            refused(&answer, 400, reader.code, &format!("{}: {what}", reader.name));
        }
        // More than any such document needs is not even read.
        let long = format!("<!--{}-->{}", "a".repeat(4 << 20), reader.document);
        let answer = rig.owner.send(&reader.request(long)).await.unwrap();
        assert!(is_refusal(&answer) && answer.status == 400, "{}: {}", reader.name, answer.text());
    }
    assert_eq!(rig.snapshot().await, before);
}

/// The same document, by other spellings that XML has.
fn spellings(document: &str) -> Vec<(&'static str, String)> {
    let prefixed = document
        .replace("</", "</\u{1}")
        .replace('<', "<s:")
        .replace("<s:/\u{1}", "</s:")
        .replace("xmlns=", "xmlns:s=")
        .replace("<s:Grantee xmlns:xsi", "<s:Grantee xmlns:other")
        .replace("xsi:type", "other:type");
    vec![
        ("no namespace", document.replace(&format!(" xmlns=\"{NS}\""), "")),
        ("a prefix", prefixed),
        ("a declaration", format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{document}\n")),
        ("a byte order mark", format!("\u{feff}{document}")),
        ("comments", format!("<!-- a -->{}<!-- b -->", document.replacen("><", "><!-- c --><", 1))),
        ("white space", document.replace("><", ">\r\n\t <")),
        ("single quotes", document.replace('"', "'")),
        (
            "character data",
            document.replacen("READ<", "<![CDATA[READ]]><", 1).replacen("victim.txt", "<![CDATA[victim.txt]]>", 1),
        ),
        (
            "references",
            document.replacen("READ<", "&#82;E&#x41;D<", 1).replacen("victim.txt", "victim&#46;t&#x78;t", 1),
        ),
        ("as it is", document.to_owned()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_spelling_of_a_document_that_xml_has_is_read() {
    let rig = Rig::lenient().await;
    for reader in readers(&rig) {
        if reader.name == "CompleteMultipartUpload" || reader.name == "CreateBucket" {
            continue;
        }
        for (what, document) in spellings(&reader.document) {
            ok(&rig.owner.put(VICTIM, SECRET).await.unwrap());
            let answer = rig.owner.send(&reader.request(document.clone())).await.unwrap();
            assert_eq!(answer.status / 100, 2, "{}: {what}: {}\n{document}", reader.name, answer.text());
            match reader.name {
                "PutBucketAcl" | "PutObjectAcl" => {
                    let place = if reader.name == "PutBucketAcl" { CLOSED } else { VICTIM };
                    let now = rig.owner.get(&format!("{place}?acl")).await.unwrap();
                    let permissions =
                        now.elements(&["AccessControlPolicy", "AccessControlList", "Grant", "Permission"]);
                    assert_eq!(permissions, ["FULL_CONTROL", "READ"], "{what}");
                    rig.grant(place, &[]).await;
                }
                "DeleteObjects" => assert!(!rig.stored(VICTIM).await, "{what}: {}", answer.text()),
                _ => {}
            }
        }
    }
    // Keys are kept as they stand, blanks and character data included.
    for (key, written) in
        [(" a ", " a "), ("<&>", "<![CDATA[<&>]]>"), ("a&b", "a&amp;b"), ("]]>", "]]&gt;"), ("a<b", "a<![CDATA[<]]>b")]
    {
        let place = format!("closed/{key}");
        ok(&rig.owner.put(&place, "x").await.unwrap());
        let body = format!("<Delete><Object><Key>{written}</Key></Object></Delete>");
        let request = Request::at_place(Method::POST, "closed?delete");
        let request = request.header("content-md5", Source::from(body.clone()).md5_base64()).bytes(body);
        let answer = rig.owner.send(&request).await.unwrap();
        assert_eq!(answer.elements(&["DeleteResult", "Deleted", "Key"]), [key], "{}", answer.text());
        assert!(!rig.stored(&place).await, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_of_the_longest_keys_are_deleted_at_once_and_one_more_is_too_many() {
    let rig = Rig::new().await;
    let body = |count: usize| {
        let key = |n: usize| format!("{n:04}{}", "&amp;".repeat(255) + &"k".repeat(765));
        let lines: String = (0..count).map(|n| format!("<Object><Key>{}</Key></Object>", key(n))).collect();
        format!("<Delete>{lines}</Delete>")
    };
    let delete = |body: String| {
        let md5 = Source::from(body.clone()).md5_base64();
        Request::at_place(Method::POST, "closed?delete").header("content-md5", md5).bytes(body)
    };
    let short = |count: usize| {
        let lines: String = (0..count).map(|n| format!("<Object><Key>{n}</Key></Object>")).collect();
        format!("<Delete>{lines}</Delete>")
    };
    // A key of 1,024 bytes with 255 of them escaped; with its tags, a thousand are just below 2 MiB.
    assert!(body(900).len() < 2 << 20);
    for body in [body(900), short(1000)] {
        let answer = rig.owner.send(&delete(body)).await.unwrap();
        ok(&answer);
        assert!(answer.elements(&["DeleteResult", "Error", "Key"]).is_empty());
    }
    refused(&rig.owner.send(&delete(short(1001))).await.unwrap(), 400, "MalformedXML", "1001 keys");
    refused(&rig.owner.send(&delete(short(0))).await.unwrap(), 400, "MalformedXML", "no keys");
    let long = rig.owner.send(&delete(body(1100))).await.unwrap();
    assert!(is_refusal(&long) && long.status == 400, "{}", long.text());
    assert!(rig.stored(VICTIM).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acls_words_are_checked_and_what_is_said_twice_is_refused() {
    let rig = Rig::lenient().await;
    let before = rig.snapshot().await;
    let owner = rig.owner_id.as_str();
    let id = rig.guest.canonical_id.as_str();
    let grant = |kind: &str, inside: &str, permission: &str| {
        let grantee = format!("<Grantee xmlns:xsi=\"{XSI}\" xsi:type=\"{kind}\">{inside}</Grantee>");
        acl_document(owner, &[(grantee, permission)])
    };
    let (by, group) = (format!("<ID>{id}</ID>"), format!("<URI>{ALL_USERS}</URI>"));
    let malformed = "MalformedACLError";
    let argument = "InvalidArgument";
    let cases = [
        (grant("CanonicalUser", &by, "read"), malformed),
        (grant("CanonicalUser", &by, "READ_WRITE"), malformed),
        (grant("CanonicalUser", &by, "GetObject"), malformed),
        (grant("CanonicalUser", &by, ""), malformed),
        (grant("CanonicalUser", &by, "READ WRITE"), malformed),
        (grant("canonicaluser", &by, "READ"), malformed),
        (grant("User", &by, "READ"), malformed),
        (grant("", &by, "READ"), malformed),
        (grant("Group", &by, "READ"), malformed),
        (grant("CanonicalUser", &group, "READ"), malformed),
        (grant("AmazonCustomerByEmail", &by, "READ"), malformed),
        (grant("CanonicalUser", &by.repeat(2), "READ"), malformed),
        (grant("CanonicalUser", &format!("{by}{group}"), "READ"), malformed),
        (grant("CanonicalUser", "<ID/>", "READ"), argument),
        (grant("CanonicalUser", &format!("<ID>{}</ID>", &id[1..]), "READ"), argument),
        (grant("CanonicalUser", &format!("<ID>{}</ID>", "f".repeat(64)), "READ"), argument),
        (grant("CanonicalUser", "<ID>*</ID>", "READ"), argument),
        (grant("Group", "<URI>http://acs.amazonaws.com/groups/global/allusers</URI>", "READ"), argument),
        (grant("Group", "<URI>http://example.com/AllUsers</URI>", "READ"), argument),
        (
            grant("AmazonCustomerByEmail", "<EmailAddress>*@example.com</EmailAddress>", "READ"),
            "UnresolvableGrantByEmailAddress",
        ),
        (grant("CanonicalUser", &by, "READ").replace("xsi:type", "type"), malformed),
        (grant("CanonicalUser", &by, "READ").replace(XSI, "urn:x"), malformed),
        (grant("CanonicalUser", &by, "READ").replace("<Owner>", "<Owner><ID>x</ID>"), malformed),
        (grant("CanonicalUser", &by, "READ").replace(owner, id), argument),
        (acl_document(owner, &vec![(by_id(id), "READ"); 101]), malformed),
        (acl_document(owner, &[]).replace("<AccessControlList></AccessControlList>", ""), malformed),
    ];
    for place in [CLOSED, VICTIM] {
        let place = format!("{place}?acl");
        for (document, code) in &cases {
            refused(&rig.owner.put(&place, document.clone()).await.unwrap(), 400, code, document);
        }
        let valid = acl_document(owner, &[(by_group(ALL_USERS), "READ")]);
        for (name, value) in [
            ("x-amz-acl", "private"),
            ("x-amz-grant-read", "id=".to_owned().as_str()),
            ("x-amz-grant-read", format!("id={id}").as_str()),
            ("x-amz-grant-full-control", "emailAddress=guest@example.com"),
        ] {
            let answer = rig.owner.send(&put(&place).header(name, value).bytes(valid.clone())).await.unwrap();
            assert!(answer.status == 400 && answer.code().is_some(), "{name}: {}", answer.text());
        }
        let both = put(&place).header("x-amz-acl", "public-read").header("x-amz-grant-write", format!("id={id}"));
        refused(&rig.owner.send(&both).await.unwrap(), 400, "InvalidRequest", "canned and by header");
        for canned in ["PRIVATE", "public", "public-read-writes", "", "private,public-read", "everything"] {
            let answer = rig.owner.send(&put(&place).header("x-amz-acl", canned)).await.unwrap();
            refused(&answer, 400, "InvalidArgument", canned);
        }
        for list in ["id", "id=", "name=a", "emailAddress=\"a", "uri=http://example.com/", "id=*", id] {
            let answer = rig.owner.send(&put(&place).header("x-amz-grant-read", list)).await.unwrap();
            refused(&answer, 400, "InvalidArgument", list);
        }
        let nothing = rig.owner.send(&put(&place)).await.unwrap();
        assert!(nothing.status == 400 && nothing.code().is_some(), "{}", nothing.text());
    }
    for request in [put("closed/new"), put("brand-new-bucket"), Request::at_place(Method::POST, "closed/new?uploads")] {
        let answer = rig.owner.send(&request.header("x-amz-acl", "everything")).await.unwrap();
        refused(&answer, 400, "InvalidArgument", "a canned ACL that there is not");
    }
    assert_eq!(rig.snapshot().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acl_shows_its_owner_before_its_list() {
    let rig = Rig::new().await;
    rig.grant(CLOSED, &[(by_email(&rig.guest.email), "READ")]).await;
    for place in ["closed?acl", "closed/victim.txt?acl"] {
        let text = rig.owner.get(place).await.unwrap().text();
        let at = |name: &str| text.find(name).unwrap_or_else(|| panic!("{text}"));
        assert!(at("<Owner>") < at("<AccessControlList>"), "{text}");
        assert!(at("<ID>") < at("<DisplayName>"), "{text}");
        assert!(!text.contains("EmailAddress"), "{text}");
    }
}

/// An error of each kind that there is on this server.
fn errors(rig: &Rig) -> Vec<(S3, Request, u16)> {
    let (owner, guest) = (rig.owner.clone(), rig.guest.s3.clone());
    let (wrong, nobody) = (owner.with_wrong_secret(), rig.server.anonymous());
    vec![
        (owner.clone(), get("closed/none"), 404),
        (owner.clone(), get("no-such-bucket/<k>&\"'"), 404),
        (owner.clone(), get("Bad_Name"), 404),
        (owner.clone(), get("closed?policy"), 404),
        (owner.clone(), get(&format!("closed/none?uploadId={}", rig.upload)), 404),
        (owner.clone(), get("closed?nosuch"), 400),
        (owner.clone(), get("closed?prefix=a&prefix=b"), 400),
        (owner.clone(), Request::new(Method::GET, "/closed/%ff"), 400),
        (owner.clone(), get(VICTIM).header("range", "bytes=1000-"), 416),
        (owner.clone(), get(VICTIM).header("if-match", "\"0\""), 412),
        (owner.clone(), get(VICTIM).region("eu-west-1"), 400),
        (owner.clone(), get(VICTIM).at(seconds(now() - 3600)), 403),
        (owner.clone(), get(VICTIM).signature(Signature::HeaderV2), 400),
        (owner.clone(), Request::at_place(Method::PATCH, VICTIM), 405),
        (owner.clone(), Request::at_place(Method::DELETE, CLOSED), 409),
        (owner, put("closed?accelerate").bytes("<AccelerateConfiguration/>"), 501),
        (guest, get(VICTIM), 403),
        (wrong, get(VICTIM), 403),
        (nobody, get(VICTIM), 403),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_names_itself_its_resource_and_its_request_and_a_head_has_no_body() {
    let rig = Rig::new().await;
    for (s3, request, status) in errors(&rig) {
        let prepared = s3.prepare(&request).unwrap();
        let path = prepared.target.split('?').next().unwrap().to_owned();
        let answer = s3.send_prepared(prepared).await.unwrap();
        let told = format!("{request:?}: {} {:?} {}", answer.status, answer.headers, answer.text());
        assert_eq!(answer.status, status, "{told}");
        for element in ["Code", "Message", "Resource", "RequestId", "HostId"] {
            let found = answer.elements(&["Error", element]);
            assert!(found.len() == 1 && !found[0].is_empty(), "{element} of {told}");
        }
        assert_eq!(answer.elements(&["Error", "Resource"]), [path], "{told}");
        let header = |name| answer.header(name).map(str::to_owned).into_iter().collect::<Vec<_>>();
        assert_eq!(answer.elements(&["Error", "RequestId"]), header("x-amz-request-id"), "{told}");
        assert_eq!(answer.elements(&["Error", "HostId"]), header("x-amz-id-2"), "{told}");
        assert_eq!(answer.header("content-type"), Some("application/xml"), "{told}");
        assert!(answer.text().starts_with("<?xml "), "{told}");
        // The error's own text is never taken for anything else.
        assert!(!answer.text().contains("<k>"), "{told}");
    }
    for (place, status) in
        [("", 405), (CLOSED, 200), (VICTIM, 200), ("closed/none", 404), ("none", 404), ("Bad_Name", 404)]
    {
        for (s3, denied) in [(&rig.owner, false), (&rig.guest.s3, true), (&rig.server.anonymous(), true)] {
            let answer = s3.head(place).await.unwrap();
            assert!(answer.body.is_empty(), "{place}");
            assert!(answer.header("x-amz-request-id").is_some(), "{place}");
            assert!(denied || answer.status == status, "{place}: {}", answer.status);
            let bytes = s3.prepare(&Request::at_place(Method::HEAD, place)).unwrap().into_bytes();
            let raw = String::from_utf8(s3.exchange(&bytes).await.unwrap()).unwrap();
            assert!(raw.ends_with("\r\n\r\n") && raw.matches("\r\n\r\n").count() == 1, "{raw}");
        }
    }
}
