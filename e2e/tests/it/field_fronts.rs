//! Failures of the field that came by another way in (`field.md`, section 3: 21, 22): what is decided is the same by each of
//! them, and what is stored is no danger to a browser that is shown it.

use client::{Answer, Method, Request, S3, Signature};
use operations::admin::{Command, Outcome};
use testkit::{Options, by_email, by_group};

use crate::field_rig::{
    ALL_USERS, CLOSED, GRANTED, Rig, SECRET, TEXT, UPLOAD, V2_QUERY, V4_QUERY, VICTIM, get, is_refusal, ok, put,
    refused,
};
use crate::form::{Form, policy};

/// A way of asking the same thing.
struct Front {
    name: &'static str,
    virtual_host: bool,
    signature: Signature,
}

const FRONTS: [Front; 6] = [
    Front { name: "path, header", virtual_host: false, signature: Signature::HeaderV4 },
    Front { name: "path, presigned", virtual_host: false, signature: V4_QUERY },
    Front { name: "virtual host, header", virtual_host: true, signature: Signature::HeaderV4 },
    Front { name: "virtual host, presigned", virtual_host: true, signature: V4_QUERY },
    Front { name: "path, SigV2 header", virtual_host: false, signature: Signature::HeaderV2 },
    Front { name: "path, SigV2 query", virtual_host: false, signature: V2_QUERY },
];

const DOMAIN: &str = "s3.test";

impl Front {
    fn request(&self, method: Method, bucket: &str, rest: &str) -> Request {
        let (key, query) = rest.split_once('?').unwrap_or((rest, ""));
        let request = if self.virtual_host {
            Request::new(method, format!("/{key}")).header("host", format!("{bucket}.{DOMAIN}"))
        } else {
            Request::new(method, if key.is_empty() { format!("/{bucket}") } else { format!("/{bucket}/{key}") })
        };
        request.raw_query(query).signature(self.signature)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn field_21_who_may_do_what_is_the_same_by_every_way_in() {
    let options = Options { throttled: false, ..Options::default() }.public();
    let wire = s3::wire::Config { allow_sigv2: true, domains: vec![DOMAIN.into()], ..options.wire.clone() };
    let rig = Rig::with(Options { wire, ..options }).await;
    rig.owner.put("granted/old", TEXT).await.unwrap();
    for bucket in ["open", "shared"] {
        ok(&rig.owner.put(bucket, "").await.unwrap());
        ok(&rig.owner.put(&format!("{bucket}/old"), TEXT).await.unwrap());
    }
    ok(&rig.owner.put("closed/old", TEXT).await.unwrap());
    rig.grant("open", &[(by_group(ALL_USERS), "READ"), (by_email(&rig.guest.email), "READ_ACP")]).await;
    let reads = rig.server.share("shared", "reader@example.com", "read").await;
    let writes = rig.server.share("shared", "writer@example.com", "read-write").await;
    let anonymous = ("anonymous".to_owned(), rig.server.anonymous());
    let named = |key: &client::Credentials, s3: &S3| (key.access_key_id.clone(), s3.clone());
    let callers = [
        anonymous,
        named(rig.server.owner_key(), &rig.owner),
        named(&rig.guest.key, &rig.guest.s3),
        named(&rig.other.key, &rig.other.s3),
        named(&reads.key, &reads.s3),
        named(&writes.key, &writes.s3),
    ];
    let asks: [(Method, &str, &str); 8] = [
        (Method::GET, "old", "s3:GetObject"),
        (Method::PUT, "new", "s3:PutObject"),
        (Method::GET, "?list-type=2", "s3:ListBucket"),
        (Method::GET, "?acl", "s3:GetBucketAcl"),
        (Method::GET, "old?acl", "s3:GetObjectAcl"),
        (Method::GET, "?location", "s3:GetBucketLocation"),
        (Method::DELETE, "new", "s3:DeleteObject"),
        (Method::GET, "?tagging", "s3:GetBucketTagging"),
    ];
    let (mut yes, mut no) = (0, 0);
    for (who, s3) in &callers {
        for bucket in [CLOSED, GRANTED, "open", "shared"] {
            for (method, rest, action) in &asks {
                // An object to be removed is there, whoever asks.
                ok(&rig.owner.put(&format!("{bucket}/new"), TEXT).await.unwrap());
                let key = rest.split('?').next().unwrap_or_default();
                let what = if key.is_empty() { bucket.to_owned() } else { format!("{bucket}/{key}") };
                let (asked, source) = (what.clone(), Some("127.0.0.1".into()));
                let can = Command::Can { who: who.clone(), action: (*action).into(), what, source, at: None };
                let Outcome::Can(can) = rig.server.ask(can).await else { panic!("it says yes or no") };
                for front in FRONTS {
                    let request = front.request(method.clone(), bucket, rest);
                    let request = if *method == Method::PUT { request.bytes(TEXT) } else { request };
                    let signed_path = front.virtual_host.then(|| format!("/{bucket}/{key}"));
                    let request = match (front.signature, signed_path) {
                        (Signature::HeaderV2 | Signature::QueryV2 { .. }, Some(path)) => request.signed_path(path),
                        _ => request,
                    };
                    let answer = s3.send(&request).await.unwrap();
                    let told =
                        format!("{who}: {action} on {asked} by {}: {} {}", front.name, answer.status, answer.text());
                    assert_eq!(answer.status != 403, can.allowed, "{told}; the operator is told {can:?}");
                    assert!(can.allowed || answer.code().as_deref() == Some("AccessDenied"), "{told}");
                    assert!(matches!(answer.status, 200 | 204 | 403) || *rest == "?tagging", "{told}");
                }
                if can.allowed { yes += 1 } else { no += 1 }
            }
            // A form is a PutObject, by whom its policy is signed.
            let form = Form::new(&[("key", "in/form")], TEXT);
            let form = match s3.credentials() {
                Some(key) => form.signed(key, &policy(bucket, &[])),
                None => form,
            };
            let (what, source) = (format!("{bucket}/in/form"), Some("127.0.0.1".into()));
            let can = Command::Can { who: who.clone(), action: "s3:PutObject".into(), what, source, at: None };
            let Outcome::Can(can) = rig.server.ask(can).await else { panic!("it says yes or no") };
            for front in &FRONTS[..3] {
                let sent = form.on(front.request(Method::POST, bucket, ""));
                let answer = rig.server.anonymous().send(&sent).await.unwrap();
                assert_eq!(answer.status == 204, can.allowed, "{who}: form to {bucket}: {}", answer.text());
                assert!(can.allowed || answer.status == 403, "{who}: form to {bucket}: {}", answer.text());
            }
        }
    }
    assert!(yes > 40 && no > 40, "{yes} yes, {no} no: nothing is proven by one word alone");
}

/// Headers by which an answer would let a page of another origin read it, or keep something in a browser.
fn lets_a_page_in(answer: &Answer) -> Option<String> {
    let names = answer.headers.keys().map(|name| name.as_str());
    let bad = |name: &&str| name.starts_with("access-control-") || ["set-cookie", "refresh", "link"].contains(name);
    names.filter(bad).map(str::to_owned).next()
}

#[tokio::test(flavor = "multi_thread")]
async fn field_22_what_is_stored_runs_nowhere_near_a_console_and_no_origin_is_let_in() {
    let rig = Rig::lenient().await;
    rig.owner.delete("closed?publicAccessBlock").await.unwrap();
    let script = "<script>fetch('/').then(alert)</script>";
    let nobody = rig.server.anonymous();
    let origins = ["https://evil.example", "null", &rig.server.endpoint(), "http://localhost:9001"];
    for (key, kind, bytes) in [
        ("page.html", "text/html", script.to_owned()),
        ("picture.svg", "image/svg+xml", format!("<svg xmlns=\"http://www.w3.org/2000/svg\">{script}</svg>")),
        ("paper.pdf", "application/pdf", "%PDF-1.7 /OpenAction << /S /JavaScript /JS (app.alert(1)) >>".to_owned()),
    ] {
        let place = format!("closed/{key}");
        let sent = put(&place).bytes(bytes.clone()).header("content-type", kind).header("x-amz-acl", "public-read");
        ok(&rig.owner.send(&sent).await.unwrap());
        let link = rig.owner.presign(&get(&place), 600).unwrap();
        let path = link.split_once("://").unwrap().1.split_once('/').unwrap().1.to_owned();
        for origin in origins {
            let open = get(&place).header("origin", origin);
            let linked = Request::new(Method::GET, format!("/{path}")).header("origin", origin);
            for request in [open, linked] {
                let answer = nobody.send(&request).await.unwrap();
                // It is served as what it is, to whom asks for it, and no page of another origin may read it.
                assert_eq!((answer.status, answer.text()), (200, bytes.clone()));
                assert_eq!(answer.header("content-type"), Some(kind));
                assert_eq!(lets_a_page_in(&answer), None, "{origin}");
            }
            for method in ["GET", "PUT", "DELETE"] {
                let preflight = Request::at_place(Method::OPTIONS, &place)
                    .header("origin", origin)
                    .header("access-control-request-method", method)
                    .header("access-control-request-headers", "authorization");
                let answer = nobody.send(&preflight).await.unwrap();
                assert!(is_refusal(&answer), "{}: {}", answer.status, answer.text());
                assert_eq!(lets_a_page_in(&answer), None, "{origin}");
            }
        }
        // Who does not sign makes of an object nothing that its writer did not.
        for query in ["response-content-type=text/html", "response-content-disposition=inline"] {
            let answer = nobody.get(&format!("closed/{key}?{query}")).await.unwrap();
            refused(&answer, 400, "InvalidRequest", query);
        }
    }
    // There is no console on this origin: no path is a page, and what is asked for comes back as text of an XML document.
    for path in ["/", "/console", "/login", "/%3Cscript%3Ealert(1)%3C/script%3E", "/closed/%3Cscript%3E?%3Cscript%3E"] {
        for origin in origins {
            let request = Request::new(Method::GET, path).header("origin", origin).header("accept", "text/html");
            let answer = nobody.send(&request).await.unwrap();
            let told = format!("{path}: {:?} {}", answer.headers, answer.text());
            assert!(is_refusal(&answer) && !answer.text().contains("<script"), "{told}");
            assert_eq!(
                (answer.header("content-type"), lets_a_page_in(&answer)),
                (Some("application/xml"), None),
                "{told}"
            );
        }
    }
    // Nor does a name bring a header of its own into an answer.
    for value in ["a%0d%0aset-cookie:b=1", "text/html%0d%0a%0d%0a%3Cscript%3E"] {
        let query = format!("response-content-type={value}");
        let answer = rig.owner.send(&get("closed/page.html").raw_query(&query)).await.unwrap();
        assert!(is_refusal(&answer) && lets_a_page_in(&answer).is_none(), "{value}: {:?}", answer.headers);
    }
    assert_eq!(rig.owner.get(VICTIM).await.unwrap().text(), SECRET);
    assert_eq!(rig.owner.get(&format!("{UPLOAD}?uploadId={}", rig.upload)).await.unwrap().status, 200);
}
