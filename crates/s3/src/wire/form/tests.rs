use std::collections::VecDeque;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::FutureExt as _;
use model::Timestamp;
use operations::{Aborted, Source};
use proptest::prelude::*;

use super::*;

/// A body that comes in these pieces.
struct Pieces(VecDeque<Bytes>);

impl Pieces {
    /// `body`, cut where `cuts` say.
    fn of(body: &[u8], cuts: &[usize]) -> Self {
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (body.len() + 1)).collect();
        places.extend([0, body.len()]);
        places.sort_unstable();
        Pieces(places.windows(2).map(|two| Bytes::copy_from_slice(&body[two[0]..two[1]])).collect())
    }
}

#[async_trait]
impl Source for Pieces {
    async fn next(&mut self) -> Result<Option<Bytes>, Aborted> {
        Ok(self.0.pop_front())
    }

    fn expected(&mut self) -> Result<Expected, Aborted> {
        Ok(Expected::default())
    }
}

impl Upstream for Pieces {
    fn take_error(&mut self) -> Option<S3Error> {
        None
    }
}

/// Reads a form whole.
fn read_whole(body: &[u8], boundary: &str, cuts: &[usize], sizes: Sizes) -> Result<(Form, Vec<u8>), S3Error> {
    let mut source = Pieces::of(body, cuts);
    let (form, mut file) = read(&mut source, boundary).now_or_never().unwrap()?;
    file.expect(sizes, Expected::default());
    let mut bytes = vec![];
    loop {
        match file.next().now_or_never().unwrap() {
            Ok(Some(some)) => bytes.extend_from_slice(&some),
            Ok(None) => {
                assert!(file.expected().is_ok());
                return Ok((form, bytes));
            }
            Err(Aborted) => {
                assert!(file.expected().is_err() && file.next().now_or_never().unwrap().is_err());
                return Err(file.take_error().unwrap());
            }
        }
    }
}

fn field(name: &str, value: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn with_file(before: &str, content: &str, after: &str) -> Vec<u8> {
    let disposition = "Content-Disposition: form-data; name=\"file\"; filename=\"C:\\dir/photo.jpg\"";
    format!("{before}--b\r\n{disposition}\r\nContent-Type: x/y\r\n\r\n{content}\r\n--b{after}").into_bytes()
}

fn code_of(body: &[u8]) -> Code {
    read_whole(body, "b", &[], Sizes::default()).unwrap_err().code()
}

proptest! {
    #[test]
    fn a_form_reads_the_same_however_it_is_cut_and_the_file_is_exactly_what_was_between_the_boundaries(
        fields in prop::collection::btree_map("[a-z]{1,6}", "[ -~\r\nä]{0,30}", 0..5),
        content in prop::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'-'), Just(b'b'), any::<u8>()], 0..200),
        cuts in prop::collection::vec(any::<usize>(), 0..60),
        boundary in "[b-]{1,4}b",
        early in any::<bool>(),
    ) {
        let delimiter = format!("\r\n--{boundary}");
        let inside = |bytes: &[u8]| bytes.windows(delimiter.len()).any(|w| w == delimiter.as_bytes());
        // A boundary holds no line break, so that the content's end and the delimiter cannot make an earlier one.
        prop_assume!(!inside(&content));
        prop_assume!(fields.iter().all(|(name, value)| {
            name != "file" && name != "policy" && !inside(value.as_bytes()) && !value.contains('$')
        }));
        let mut body = if early { b"\r\n".to_vec() } else { vec![] };
        for (name, value) in &fields {
            body.extend(format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
        }
        body.extend(format!("--{boundary} \r\ncontent-disposition:form-data;name=file\r\n\r\n").bytes());
        body.extend(&content);
        body.extend(format!("{delimiter}--\r\nepilogue").bytes());
        let (form, bytes) = read_whole(&body, &boundary, &cuts, Sizes::default()).unwrap();
        prop_assert_eq!(bytes, content);
        let wanted: Vec<_> = fields.into_iter().collect();
        prop_assert_eq!(form.fields, wanted);
    }

    #[test]
    fn no_body_makes_the_reader_panic_and_one_that_is_cut_short_is_never_whole(
        noise in prop::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'-'), Just(b'b'), any::<u8>()], 0..200),
        cuts in prop::collection::vec(any::<usize>(), 0..9),
        end in any::<usize>(),
    ) {
        let _ = read_whole(&noise, "b", &cuts, Sizes::default());
        let body = with_file(&field("key", "k"), "content", "--");
        let cut = end % body.len();
        prop_assert!(read_whole(&body[..cut], "b", &cuts, Sizes::default()).is_err());
    }
}

#[test]
fn only_what_is_one_form_and_reads_in_one_way_is_a_form() {
    let key = field("key", "k");
    let whole = read_whole(&with_file(&key, "content", "--\r\n"), "b", &[], Sizes::default()).unwrap();
    assert_eq!((whole.0.get("key"), whole.1.as_slice()), (Some("k"), &b"content"[..]));
    for after in ["--", "\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nother\r\n--b--", " \t\r\nanything"] {
        let (form, bytes) = read_whole(&with_file(&key, "content", after), "b", &[], Sizes::default()).unwrap();
        assert_eq!((form.get("key"), bytes.as_slice()), (Some("k"), &b"content"[..]), "{after}");
    }
    let head = |lines: &str| format!("--b\r\n{lines}\r\n\r\nv\r\n").into_bytes();
    for bad in [
        b"".to_vec(),
        with_file(&format!("preamble\r\n{key}"), "c", "--"),
        with_file(&key, "c", "xx"),
        with_file(&key, "c\r\n--bx", "--"),
        with_file(&key, "c", "-"),
        with_file(&key, "c", &format!("--{}", "x".repeat(30_000))),
        head("Content-Type: text/plain"),
        head("Content-Disposition: form-data"),
        head("Content-Disposition: form-data; name=\"\""),
        head("Content-Disposition: attachment; name=\"a\""),
        head("Content-Disposition: form-data; name=\"a\"; name=\"b\""),
        head("Content-Disposition: form-data; name=\"a\"; filename*=utf-8''b"),
        head("Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"b\""),
        head("Content-Disposition: form-data;\r\n name=\"a\""),
        head("Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64"),
        head("Content-Disposition: form-data; name=\"a\"\nEvil: b"),
        b"--b \x01\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nv\r\n".to_vec(),
    ] {
        assert_eq!(code_of(&bad), Code::MalformedPOSTRequest, "{}", String::from_utf8_lossy(&bad));
    }
    assert_eq!(code_of(format!("{key}--b--").as_bytes()), Code::InvalidArgument);
    assert_eq!(code_of(&with_file(&format!("{key}{}", field("KEY", "other")), "c", "--")), Code::InvalidArgument);
}

#[test]
fn the_head_of_a_form_is_bounded_whatever_it_is_made_of() {
    let limit = Code::MaxPostPreDataLengthExceededError;
    let fields = |n: usize| (0..n).map(|n| field(&format!("f{n}"), "")).collect::<String>();
    read_whole(&with_file(&fields(100), "c", "--"), "b", &[], Sizes::default()).unwrap();
    assert_eq!(code_of(&with_file(&fields(101), "c", "--")), limit);
    read_whole(&with_file(&field("a", &"x".repeat(20_000)), "c", "--"), "b", &[], Sizes::default()).unwrap();
    assert_eq!(code_of(&with_file(&field("a", &"x".repeat(20_480)), "c", "--")), limit);
    assert_eq!(code_of(&[b"--b\r\nContent-Disposition: ", &vec![b'x'; 30_000][..]].concat()), limit);
    assert_eq!(code_of(&vec![b'-'; 30_000]), limit);
    // A name that is put in many times.
    let long = "n".repeat(2000);
    let file = format!("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{long}\"\r\n\r\nc\r\n--b--");
    let many = field("a", &"${filename}".repeat(100));
    assert_eq!(code_of(format!("{many}{file}").as_bytes()), limit);
}

#[test]
fn the_files_name_is_put_where_the_fields_want_it_without_its_path() {
    let before = [field("key", "a/${filename}"), field("Policy", "${filename}"), field("x-ignore-a", "x")].concat();
    let (form, _) = read_whole(&with_file(&before, "c", "--"), "b", &[], Sizes::default()).unwrap();
    assert_eq!((form.get("key"), form.get("policy")), (Some("a/photo.jpg"), Some("${filename}")));
    assert_eq!(form.fields.len(), 2);
    for (path, name) in [("a", "a"), ("/x/..", ".."), ("C:\\a\\b.txt", "b.txt"), ("a/", ""), ("", "")] {
        assert_eq!(base_name(path), name);
    }
}

#[test]
fn only_a_form_has_a_boundary() {
    let of = |kind: &str| {
        let request = http::Request::post("/b").header("host", "h").header("content-type", kind);
        boundary(&Head::parse(request.body(()).unwrap().into_parts().0, None).unwrap()).map_err(|error| error.code())
    };
    assert_eq!(of("multipart/form-data; boundary=abc"), Ok("abc".to_owned()));
    assert_eq!(of("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\""), Ok("a b".to_owned()));
    for bad in
        ["text/plain", "multipart/mixed; boundary=a", "application/x-www-form-urlencoded", "multipart/form-data; x"]
    {
        assert_eq!(of(bad), Err(Code::PreconditionFailed), "{bad}");
    }
    let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
    for bad in
        ["multipart/form-data", "multipart/form-data; boundary=", &long, "multipart/form-data; boundary=a; boundary=b"]
    {
        assert_eq!(of(bad), Err(Code::MalformedPOSTRequest), "{bad}");
    }
}

fn policy(conditions: &str) -> Result<Policy, S3Error> {
    let document = format!("{{\"expiration\": \"2026-11-25T03:00:00.000Z\", \"conditions\": [{conditions}]}}");
    Policy::parse(&STANDARD.encode(document))
}

fn form(fields: &[(&str, &str)]) -> Form {
    Form { fields: fields.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect() }
}

/// 2026-11-25T03:00:00Z.
const END: u64 = 1_795_575_600_000;

fn allows(conditions: &str, fields: &[(&str, &str)]) -> bool {
    let bucket = BucketName::new("bucket").unwrap();
    let checked = policy(conditions).unwrap().check(&form(fields), &bucket, Timestamp::from_millis(END));
    assert!(checked.is_ok() || checked.as_ref().is_err_and(|error| error.code() == Code::AccessDenied));
    checked.is_ok()
}

#[test]
fn every_field_needs_a_condition_and_every_condition_must_hold() {
    let base = r#"{"bucket": "bucket"}, ["starts-with", "$key", "user/"]"#;
    let with = |more: &str| format!("{base}{more}");
    let key = ("key", "user/a");
    assert!(allows(base, &[key]));
    assert!(allows(
        base,
        &[key, ("policy", "p"), ("x-amz-signature", "s"), ("x-amz-date", "d"), ("awsaccesskeyid", "k")]
    ));
    for uncovered in ["acl", "content-type", "x-amz-meta-a", "success_action_redirect", "tagging", "submit", "bucket2"]
    {
        assert!(!allows(base, &[key, (uncovered, "v")]), "{uncovered}");
        assert!(allows(&with(&format!(", {{\"{uncovered}\": \"v\"}}")), &[key, (uncovered, "v")]), "{uncovered}");
        assert!(!allows(&with(&format!(", {{\"{uncovered}\": \"v\"}}")), &[key, (uncovered, "w")]), "{uncovered}");
        assert!(!allows(&with(&format!(", {{\"{uncovered}\": \"v\"}}")), &[key]), "{uncovered}");
        assert!(!allows(&with(&format!(", [\"starts-with\", \"${uncovered}\", \"\"]")), &[key]), "{uncovered}");
    }
    // The bucket is the URL's, whatever the field says, and must be named by a condition like the key.
    assert!(allows(base, &[key, ("bucket", "other")]));
    assert!(!allows(r#"{"bucket": "other"}, ["starts-with", "$key", ""]"#, &[key, ("bucket", "other")]));
    assert!(!allows(r#"["starts-with", "$key", ""]"#, &[key]));
    assert!(!allows(r#"{"bucket": "bucket"}"#, &[key]));
    assert!(!allows(base, &[("key", "other/user/")]));
    assert!(!allows(r#"{"bucket": "bucket"}, ["eq", "$key", "user/"]"#, &[key]));
    assert!(allows(r#"{"bUcKeT": "bucket"}, ["StArTs-WiTh", "$KeY", "user"]"#, &[key]));
    // Each condition on a field counts.
    assert!(!allows(&with(r#", ["eq", "$key", "user/b"]"#), &[key]));
    // Types are a list, each of which must do.
    let image = with(r#", ["starts-with", "$Content-Type", "image/"]"#);
    assert!(allows(&image, &[key, ("content-type", "image/png, image/gif")]));
    assert!(!allows(&image, &[key, ("content-type", "image/png,text/html")]));
    assert!(allows(&with(r#", {"x-amz-meta-a": "\$b\\"}"#), &[key, ("x-amz-meta-a", "$b\\")]));
}

#[test]
fn a_policy_ends_to_the_millisecond() {
    let policy = policy(r#"{"bucket": "bucket"}, {"key": "k"}"#).unwrap();
    let bucket = BucketName::new("bucket").unwrap();
    let check = |at| policy.check(&form(&[("key", "k")]), &bucket, Timestamp::from_millis(at));
    assert!(check(0).is_ok() && check(END).is_ok());
    assert_eq!(check(END + 1).unwrap_err().code(), Code::AccessDenied);
}

#[test]
fn what_is_no_policy_is_refused_as_one() {
    for bad in [
        r#"1"#,
        r#""eq""#,
        r#"{}"#,
        r#"{"a": "b", "c": "d"}"#,
        r#"{"a": "b", "a": "b"}"#,
        r#"{"a": 1}"#,
        r#"[]"#,
        r#"["eq", "$a"]"#,
        r#"["eq", "$a", "b", "c"]"#,
        r#"["eq", "a", "b"]"#,
        r#"["eq", "$", "b"]"#,
        r#"["eq", "$a", 1]"#,
        r#"["ends-with", "$a", "b"]"#,
        r#"["content-length-range", 1]"#,
        r#"["content-length-range", -1, 1]"#,
        r#"["content-length-range", 2, 1]"#,
        r#"["content-length-range", "a", 1]"#,
        r#"["content-length-range", 0, 1.5]"#,
    ] {
        assert_eq!(policy(bad).unwrap_err().code(), Code::InvalidPolicyDocument, "{bad}");
    }
    for bad in [
        "",
        "[]",
        "{}",
        r#"{"expiration": "2030-01-01T00:00:00Z"}"#,
        r#"{"conditions": []}"#,
        r#"{"expiration": "tomorrow", "conditions": []}"#,
        r#"{"expiration": 5, "conditions": []}"#,
        r#"{"Expiration": "2030-01-01T00:00:00Z", "conditions": []}"#,
        r#"{"expiration": "2030-01-01T00:00:00Z", "CONDITIONS": []}"#,
        r#"{"expiration": "2030-01-01T00:00:00Z", "conditions": [], "conditions": []}"#,
        r#"{"expiration": "2030-01-01T00:00:00Z", "conditions": [], "more": 1}"#,
        r#"{"expiration": "2030-01-01T00:00:00Z", "conditions": []} x"#,
    ] {
        assert_eq!(Policy::parse(&STANDARD.encode(bad)).unwrap_err().code(), Code::InvalidPolicyDocument, "{bad}");
    }
    assert_eq!(Policy::parse("no base64!").unwrap_err().code(), Code::InvalidPolicyDocument);
    assert_eq!(Policy::parse(&STANDARD.encode(b"\xff")).unwrap_err().code(), Code::InvalidPolicyDocument);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(Policy::parse(&STANDARD.encode(deep)).unwrap_err().code(), Code::InvalidPolicyDocument);
}

#[test]
fn a_file_is_as_long_as_the_policy_allows_to_the_byte() {
    let sizes = |conditions: &str| {
        let all = format!(r#"{{"bucket": "bucket"}}, {{"key": "k"}}, {conditions}"#);
        let bucket = BucketName::new("bucket").unwrap();
        policy(&all).unwrap().check(&form(&[("key", "k")]), &bucket, Timestamp::from_millis(0)).unwrap()
    };
    let read = |len: usize, sizes| {
        let body = with_file(&field("key", "k"), &"x".repeat(len), "--");
        read_whole(&body, "b", &[100], sizes).map(|(_, bytes)| bytes.len()).map_err(|error| error.code())
    };
    let between = sizes(r#"["content-length-range", 3, "5"]"#);
    assert_eq!(
        [2, 3, 5, 6].map(|len| read(len, between)),
        [Err(Code::EntityTooSmall), Ok(3), Ok(5), Err(Code::EntityTooLarge)]
    );
    let narrowed = sizes(r#"["content-length-range", 0, 10], ["content-length-range", 4, 20]"#);
    assert_eq!((read(3, narrowed), read(11, narrowed)), (Err(Code::EntityTooSmall), Err(Code::EntityTooLarge)));
}

#[test]
fn a_form_becomes_the_head_of_a_put_and_says_nothing_else() {
    let request = http::Request::post("/b")
        .header("host", "h")
        .header("content-type", "multipart/form-data; boundary=b")
        .header("cache-control", "no-cache")
        .header("user-agent", "browser");
    let request = Head::parse(request.body(()).unwrap().into_parts().0, None).unwrap();
    let fields =
        [("acl", "private"), ("content-type", "image/png"), ("x-amz-meta-a", "1"), ("submit", "Go"), ("key", "k")];
    let head = form(&fields).head(&request).unwrap();
    let mut names: Vec<_> = head.headers().keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-type", "host", "user-agent", "x-amz-acl", "x-amz-meta-a"]);
    assert_eq!(head.header("content-type"), Some("image/png"));
    for (field, code) in [
        ("x-amz-copy-source", Code::NotImplemented),
        ("x-amz-server-side-encryption", Code::NotImplemented),
        ("x-amz-tagging", Code::NotImplemented),
        ("x-amz-acl", Code::NotImplemented),
        ("x-amz-meta-a b", Code::InvalidArgument),
    ] {
        assert_eq!(form(&[(field, "v")]).head(&request).unwrap_err().code(), code, "{field}");
    }
    assert_eq!(form(&[("acl", "a\r\nevil: b")]).head(&request).unwrap_err().code(), Code::InvalidArgument);
    for header in ["x-amz-acl", "x-amz-copy-source", "x-amz-meta-a", "content-md5", "if-none-match", "x-amz-trailer"] {
        let beside = http::Request::post("/b").header("host", "h").header(header, "v");
        let beside = Head::parse(beside.body(()).unwrap().into_parts().0, None).unwrap();
        assert_eq!(nothing_beside(&beside, false).unwrap_err().code(), Code::AccessDenied, "{header}");
        assert_eq!(nothing_beside(&beside, true).unwrap_err().code(), Code::InvalidRequest, "{header}");
    }
    nothing_beside(&request, false).unwrap();
}
