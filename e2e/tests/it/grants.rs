//! After every 2xx answer to a change of an ACL, reading it back shows what was sent, and the decision changed with it.
//!
//! Each grant by itself, to each kind of grantee, and what each caller may then do, compared with a table written from
//! S3's "Access control list (ACL) overview".

use client::{Answer, Method, Request, S3};
use testkit::{Account, InProcess, Options, acl_document, by_email, by_group, by_id};

const BUCKET: &str = "granted";
const OBJECT: &str = "granted/object";
const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
const PERMISSIONS: [&str; 5] = ["READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"];

struct World {
    server: InProcess,
    owner: S3,
    owner_id: String,
    guest: Account,
    /// An account to which nothing is granted by name.
    stranger: Account,
}

impl World {
    async fn new() -> World {
        let server = InProcess::start(Options::default().public()).await;
        let owner = server.owner();
        let owner_id = owner.get("").await.unwrap().elements(&["ListAllMyBucketsResult", "Owner", "ID"])[0].clone();
        let guest = server.guest("guest@example.com").await;
        let stranger = server.guest("stranger@example.com").await;
        assert_eq!(owner.put(BUCKET, "").await.unwrap().status, 200);
        assert_eq!(owner.put(OBJECT, "bytes").await.unwrap().status, 200);
        World { server, owner, owner_id, guest, stranger }
    }

    /// Everybody who could be meant, with how far each is in which group.
    fn callers(&self) -> [(&'static str, S3); 3] {
        [
            ("guest", self.guest.s3.clone()),
            ("stranger", self.stranger.s3.clone()),
            ("anonymous", self.server.anonymous()),
        ]
    }

    fn grantees(&self) -> [(String, String); 4] {
        [
            (by_id(&self.guest.canonical_id), self.guest.canonical_id.clone()),
            (by_email(&self.guest.email), self.guest.canonical_id.clone()),
            (by_group(AUTHENTICATED), AUTHENTICATED.into()),
            (by_group(ALL_USERS), ALL_USERS.into()),
        ]
    }

    /// Who is meant by what reads back as `grantee`.
    fn means(&self, grantee: &str, caller: &str) -> bool {
        match grantee {
            ALL_USERS => true,
            AUTHENTICATED => caller != "anonymous",
            id => id == self.guest.canonical_id && caller == "guest",
        }
    }
}

/// The grants of an ACL in their order, as (id or URI, permission).
fn grants(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let at = |rest: &[&str]| answer.elements(&[&["AccessControlPolicy", "AccessControlList", "Grant"], rest].concat());
    // A grantee has an id or a URI; in these tests the first is the owner, and the second what was granted.
    let (ids, uris) = (at(&["Grantee", "ID"]), at(&["Grantee", "URI"]));
    ids.into_iter().chain(uris).zip(at(&["Permission"])).collect()
}

fn gives(permission: &str, wanted: &str) -> bool {
    permission == wanted || permission == "FULL_CONTROL"
}

async fn allowed(s3: &S3, request: Request) -> bool {
    let answer = s3.send(&request).await.unwrap();
    match answer.status {
        200 | 204 => true,
        403 => false,
        other => panic!("{request:?}: {other} {}", answer.text()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buckets_acl_reads_back_as_sent_and_decides_as_it_reads() {
    let world = World::new().await;
    let place = |query: &str| format!("{BUCKET}{query}");
    for (grantee, reads_back) in world.grantees() {
        for permission in PERMISSIONS {
            let sent = [(by_id(&world.owner_id), "FULL_CONTROL"), (grantee.clone(), permission)];
            let document = acl_document(&world.owner_id, &sent);
            let put = world.owner.put(&place("?acl"), document.clone()).await.unwrap();
            assert_eq!(put.status, 200, "{permission} to {reads_back}: {}", put.text());
            let now = world.owner.get(&place("?acl")).await.unwrap();
            let expected =
                [(world.owner_id.clone(), "FULL_CONTROL".to_owned()), (reads_back.clone(), permission.into())];
            assert_eq!(grants(&now), expected);
            for (name, s3) in world.callers() {
                let has = |wanted| world.means(&reads_back, name) && gives(permission, wanted);
                let told = format!("{permission} to {reads_back}, asked by {name}");
                let get = |query: &str| Request::at_place(Method::GET, &place(query));
                assert_eq!(allowed(&s3, get("?list-type=2")).await, has("READ"), "list: {told}");
                assert_eq!(allowed(&s3, get("?uploads")).await, has("READ"), "uploads: {told}");
                assert_eq!(allowed(&s3, get("?acl")).await, has("READ_ACP"), "get acl: {told}");
                let put = Request::at_place(Method::PUT, &place("?acl")).bytes(document.clone());
                assert_eq!(allowed(&s3, put).await, has("WRITE_ACP"), "put acl: {told}");
                let put = Request::at_place(Method::PUT, &place("/written")).bytes("x");
                assert_eq!(allowed(&s3, put).await, has("WRITE"), "put: {told}");
                let delete = Request::at_place(Method::DELETE, &place("/written"));
                assert_eq!(allowed(&s3, delete).await, has("WRITE"), "delete: {told}");
                let settings = get("?policy");
                assert!(!allowed(&s3, settings).await, "settings: {told}");
                let remove = Request::at_place(Method::DELETE, BUCKET);
                assert!(!allowed(&s3, remove).await, "delete bucket: {told}");
                // Bucket grants give no object's content.
                assert!(!allowed(&s3, Request::at_place(Method::GET, OBJECT)).await, "get: {told}");
            }
            let now = world.owner.get(&place("?acl")).await.unwrap();
            assert_eq!(grants(&now), expected, "writing back what is there changes nothing");
            assert_eq!(now.elements(&["AccessControlPolicy", "Owner", "ID"]), [world.owner_id.as_str()]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_objects_acl_reads_back_as_sent_and_decides_as_it_reads() {
    let world = World::new().await;
    let acl = format!("{OBJECT}?acl");
    for (grantee, reads_back) in world.grantees() {
        for permission in PERMISSIONS {
            let sent = [(by_id(&world.owner_id), "FULL_CONTROL"), (grantee.clone(), permission)];
            let document = acl_document(&world.owner_id, &sent);
            let put = world.owner.put(&acl, document.clone()).await.unwrap();
            assert_eq!(put.status, 200, "{permission} to {reads_back}: {}", put.text());
            let expected =
                [(world.owner_id.clone(), "FULL_CONTROL".to_owned()), (reads_back.clone(), permission.into())];
            assert_eq!(grants(&world.owner.get(&acl).await.unwrap()), expected);
            for (name, s3) in world.callers() {
                let has = |wanted| world.means(&reads_back, name) && gives(permission, wanted);
                let told = format!("{permission} to {reads_back}, asked by {name}");
                assert_eq!(allowed(&s3, Request::at_place(Method::GET, OBJECT)).await, has("READ"), "get: {told}");
                assert_eq!(allowed(&s3, Request::at_place(Method::HEAD, OBJECT)).await, has("READ"), "head: {told}");
                assert_eq!(
                    allowed(&s3, Request::at_place(Method::GET, &acl)).await,
                    has("READ_ACP"),
                    "get acl: {told}"
                );
                let put = Request::at_place(Method::PUT, &acl).bytes(document.clone());
                assert_eq!(allowed(&s3, put).await, has("WRITE_ACP"), "put acl: {told}");
                // WRITE on an object grants nothing: overwriting and deleting are the bucket's.
                let put = Request::at_place(Method::PUT, OBJECT).bytes("x");
                assert!(!allowed(&s3, put).await, "overwrite: {told}");
                assert!(!allowed(&s3, Request::at_place(Method::DELETE, OBJECT)).await, "delete: {told}");
            }
            assert_eq!(grants(&world.owner.get(&acl).await.unwrap()), expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn canned_acls_and_grants_by_header_read_back_as_what_they_stand_for() {
    let world = World::new().await;
    let own = (world.owner_id.clone(), "FULL_CONTROL".to_owned());
    let group = |uri: &str, permission: &str| (uri.to_owned(), permission.to_owned());
    let guest = |permission: &str| (world.guest.canonical_id.clone(), permission.to_owned());
    let by_email = format!("emailAddress=\"{}\"", world.guest.email);
    let by_id = format!("id={}", world.guest.canonical_id);
    let cases = [
        (vec![("x-amz-acl", "private".to_owned())], vec![own.clone()]),
        (vec![("x-amz-acl", "public-read".into())], vec![own.clone(), group(ALL_USERS, "READ")]),
        (
            vec![("x-amz-acl", "public-read-write".into())],
            vec![own.clone(), group(ALL_USERS, "READ"), group(ALL_USERS, "WRITE")],
        ),
        (vec![("x-amz-acl", "authenticated-read".into())], vec![own.clone(), group(AUTHENTICATED, "READ")]),
        // Headers are the whole list: no grant for the owner, who keeps access all the same.
        (vec![("x-amz-grant-write", by_email.clone())], vec![guest("WRITE")]),
        (vec![("x-amz-grant-read", by_email), ("x-amz-grant-write", by_id)], vec![guest("READ"), guest("WRITE")]),
        (vec![("x-amz-grant-read-acp", format!("uri=\"{ALL_USERS}\""))], vec![group(ALL_USERS, "READ_ACP")]),
    ];
    for (headers, mut expected) in cases {
        let acl = format!("{BUCKET}?acl");
        let request = Request::at_place(Method::PUT, &acl);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value.as_str()));
        let put = world.owner.send(&request).await.unwrap();
        assert_eq!(put.status, 200, "{headers:?}: {}", put.text());
        let mut now = grants(&world.owner.get(&acl).await.unwrap());
        now.sort();
        expected.sort();
        assert_eq!(now, expected, "{headers:?}");
        let guest_writes = expected
            .iter()
            .any(|(who, permission)| (*who == world.guest.canonical_id || who == ALL_USERS) && permission == "WRITE");
        let write = Request::at_place(Method::PUT, &format!("{BUCKET}/written")).bytes("x");
        assert_eq!(allowed(&world.guest.s3, write).await, guest_writes, "{headers:?}");
        let anybody_lists = expected.contains(&group(ALL_USERS, "READ"));
        let list = Request::at_place(Method::GET, BUCKET);
        assert_eq!(allowed(&world.server.anonymous(), list).await, anybody_lists, "{headers:?}");
        assert_eq!(world.owner.list(BUCKET, "").await.unwrap().status, 200, "{headers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acl_that_is_refused_changes_nothing() {
    let world = World::new().await;
    let acl = format!("{BUCKET}?acl");
    let before = world.owner.get(&acl).await.unwrap().text();
    let unknown = "f".repeat(64);
    let foreign = acl_document(&world.guest.canonical_id, &[(by_id(&world.guest.canonical_id), "FULL_CONTROL")]);
    for (document, codes) in [
        (
            acl_document(&world.owner_id, &[(by_email("nobody@example.com"), "READ")]),
            &["UnresolvableGrantByEmailAddress"][..],
        ),
        (acl_document(&world.owner_id, &[(by_id(&unknown), "READ")]), &["InvalidArgument"]),
        (acl_document(&world.owner_id, &[(by_id(&world.guest.canonical_id), "EVERYTHING")]), &["MalformedACLError"]),
        (
            acl_document(&world.owner_id, &vec![(by_group(ALL_USERS), "READ"); 101]),
            &["MalformedACLError", "InvalidArgument", "InvalidRequest"],
        ),
        // The owner never changes.
        (foreign, &["AccessDenied", "InvalidArgument", "MalformedACLError"]),
        ("<AccessControlPolicy>".into(), &["MalformedACLError"]),
    ] {
        let answer = world.owner.put(&acl, document.clone()).await.unwrap();
        let code = answer.code().unwrap_or_default();
        assert!(codes.contains(&code.as_str()), "{document}: {} {}", answer.status, answer.text());
        assert_eq!(world.owner.get(&acl).await.unwrap().text(), before, "{document}");
    }
    // The same grant in body and header: neither.
    let both = Request::at_place(Method::PUT, &acl)
        .header("x-amz-acl", "private")
        .bytes(acl_document(&world.owner_id, &[(by_group(ALL_USERS), "READ")]));
    let answer = world.owner.send(&both).await.unwrap();
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(world.owner.get(&acl).await.unwrap().text(), before);
}
