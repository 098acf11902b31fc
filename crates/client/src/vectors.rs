//! Signatures against the examples that AWS publishes, all made with the key of its documentation.

use http::Method;
use jiff::Timestamp;

use crate::{Body, Chunked, Credentials, Prepared, Request, S3, Signature};

const DAY: &str = "2013-05-24T00:00:00Z";

fn s3(host: &str) -> S3 {
    let key = Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    S3::new(&format!("http://{host}"), "us-east-1", Some(key)).expect("the host is one")
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("the time is one")
}

fn signed(host: &str, request: Request) -> Prepared {
    s3(host).prepare(&request.at(time(DAY))).expect("the request can be made")
}

/// "Examples: Signature Calculations", of transferring the payload in a single chunk.
#[test]
fn requests_signed_with_v4_in_a_header_are_those_of_the_documentation() {
    let get = Request::new(Method::GET, "/test.txt").header("range", "bytes=0-9");
    let put = Request::new(Method::PUT, "/test%24file.text")
        .header("date", "Fri, 24 May 2013 00:00:00 GMT")
        .header("x-amz-storage-class", "REDUCED_REDUNDANCY")
        .bytes("Welcome to Amazon S3.");
    let lifecycle = Request::new(Method::GET, "/").raw_query("lifecycle");
    let list = Request::new(Method::GET, "/").query("prefix", "J").query("max-keys", "2");
    for (request, signature) in [
        (get, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        (put, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
        (lifecycle, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        (list, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ] {
        let prepared = signed("examplebucket.s3.amazonaws.com", request);
        assert_eq!(prepared.signature, signature, "{}", prepared.canonical_request);
        let authorization = prepared.headers["authorization"].to_str().expect("the header is text");
        let credential =
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=";
        assert!(authorization.starts_with(credential));
        assert!(authorization.ends_with(&format!(",Signature={signature}")));
    }
}

/// "Authenticating Requests: Using Query Parameters".
#[test]
fn a_link_signed_with_v4_is_that_of_the_documentation() {
    let link = Request::new(Method::GET, "/test.txt").at(time(DAY));
    let url = s3("examplebucket.s3.amazonaws.com").presign(&link, 86_400).expect("the request can be made");
    assert_eq!(
        url,
        "http://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
         &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
         &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    );
}

fn upload(chunked: Chunked) -> Request {
    Request::new(Method::PUT, "/examplebucket/chunkObject.txt")
        .header("x-amz-storage-class", "REDUCED_REDUNDANCY")
        .body(Body::Chunked(chunked))
}

fn signatures_in(body: &[u8], mark: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(body).into_owned();
    text.split(mark).skip(1).map(|rest| rest[..64].to_owned()).collect()
}

/// "Transferring Payload in Multiple Chunks", without and with trailers.
#[test]
fn uploads_in_signed_chunks_are_those_of_the_documentation() {
    let data = vec![b'a'; 65 * 1024];
    let plain = upload(Chunked::signed(data.clone()).chunk_size(64 * 1024)).header("content-length", "66824");
    let plain = signed("s3.amazonaws.com", plain);
    assert_eq!(plain.signature, "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
    let body = plain.into_bytes();
    assert_eq!(
        signatures_in(&body, ";chunk-signature="),
        [
            "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
            "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
            "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
        ]
    );

    let trailing = signed("s3.amazonaws.com", upload(Chunked::signed(data).chunk_size(64 * 1024).crc32c()));
    assert_eq!(trailing.signature, "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
    let body = trailing.into_bytes();
    assert_eq!(
        signatures_in(&body, ";chunk-signature="),
        [
            "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
            "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
            "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
        ]
    );
    let end = "x-amz-checksum-crc32c:sOO8/Q==\r\n\
               x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n";
    assert!(body.ends_with(end.as_bytes()));
}

/// "Signing and Authenticating REST Requests"; those with the bucket in the host's name sign its path.
#[test]
fn requests_signed_with_v2_are_those_of_the_documentation() {
    let v2 =
        |method, path: &str, date: &str| Request::new(method, path).header("date", date).signature(Signature::HeaderV2);
    let get = v2(Method::GET, "/photos/puppy.jpg", "Tue, 27 Mar 2007 19:36:42 +0000")
        .signed_path("/johnsmith/photos/puppy.jpg");
    let put = v2(Method::PUT, "/photos/puppy.jpg", "Tue, 27 Mar 2007 21:15:45 +0000")
        .signed_path("/johnsmith/photos/puppy.jpg")
        .header("content-type", "image/jpeg");
    let list = v2(Method::GET, "/", "Tue, 27 Mar 2007 19:42:41 +0000")
        .signed_path("/johnsmith/")
        .raw_query("prefix=photos&max-keys=50&marker=puppy");
    let acl = v2(Method::GET, "/", "Tue, 27 Mar 2007 19:44:46 +0000").signed_path("/johnsmith/").raw_query("acl");
    let upload = v2(Method::PUT, "/db-backup.dat.gz", "Tue, 27 Mar 2007 21:06:08 +0000")
        .signed_path("/static.johnsmith.net/db-backup.dat.gz")
        .header("x-amz-acl", "public-read")
        .header("content-type", "application/x-download")
        .header("content-md5", "4gJE4saaMU4BqNR0kLY+lw==")
        .header("x-amz-meta-reviewedby", "joe@johnsmith.net")
        .header("x-amz-meta-reviewedby", "jane@johnsmith.net")
        .header("x-amz-meta-filechecksum", "0x02661779")
        .header("x-amz-meta-checksumalgorithm", "crc32");
    let buckets = v2(Method::GET, "/", "Wed, 28 Mar 2007 01:29:59 +0000");
    let unicode = v2(Method::GET, "/dictionary/fran%C3%A7ais/pr%c3%a9f%c3%a8re", "Wed, 28 Mar 2007 01:49:49 +0000");
    for (request, signature) in [
        (get, "bWq2s1WEIj+Ydj0vQ697zp+IXMU="),
        (put, "MyyxeRY7whkBe+bq8fHCL/2kKUg="),
        (list, "htDYFYduRNen8P9ZfE/s9SuKy0U="),
        (acl, "c2WLPFtWHVgbEmeEG93a4cG37dM="),
        (upload, "ilyl83RwaSoYIEdixDQcA4OnAnc="),
        (buckets, "qGdzdERIC03wnaRNKh6OqZehG9s="),
        (unicode, "DNEZGsoieTZ92F3bUfSPQcbGmlM="),
    ] {
        let prepared = signed("s3.amazonaws.com", request);
        assert_eq!(prepared.signature, signature, "{}", prepared.string_to_sign);
        assert_eq!(prepared.headers["authorization"], format!("AWS AKIAIOSFODNN7EXAMPLE:{signature}"));
    }
}

/// The same page, on query strings.
#[test]
fn a_link_signed_with_v2_is_that_of_the_documentation() {
    let link = Request::new(Method::GET, "/photos/puppy.jpg")
        .signed_path("/johnsmith/photos/puppy.jpg")
        .at(Timestamp::from_second(1_175_139_620 - 60).expect("the second is one"))
        .signature(Signature::QueryV2 { seconds: 60 });
    let link = s3("johnsmith.s3.amazonaws.com").prepare(&link).expect("the request can be made");
    assert_eq!(
        link.target,
        "/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1175139620&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D"
    );
}

#[test]
fn a_date_that_is_made_for_v2_is_http_s_and_an_amz_date_takes_its_place() {
    let request = Request::new(Method::GET, "/b").signature(Signature::HeaderV2);
    let prepared = signed("s3.amazonaws.com", request.clone());
    assert_eq!(prepared.headers["date"], "Fri, 24 May 2013 00:00:00 GMT");
    let prepared = signed("s3.amazonaws.com", request.header("x-amz-date", "Fri, 24 May 2013 00:00:00 GMT"));
    assert_eq!(prepared.string_to_sign, "GET\n\n\n\nx-amz-date:Fri, 24 May 2013 00:00:00 GMT\n/b");
    assert!(!prepared.headers.contains_key("date"));
}
