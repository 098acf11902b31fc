//! The proof itself: the owner makes a bucket and grants it by e-mail, the guest works in it, and everything else is
//! refused. All of it over HTTP, as any client would.

use crate::admin::Command;
use crate::complaint::Complaint;

use super::cast::{Cast, Identity};
use super::steps::{Proof, denied, done, refused, that};
use super::wire::{Answer, S3};
use super::{BUCKET, GUEST, HELLO, HELLO_TEXT, OTHER_BUCKET, SECRET, SECRET_TEXT};

/// A bucket that nobody has made.
const NOBODYS_BUCKET: &str = "nobody-made-this.example.com";

/// Everything that is claimed, in the order of the story.
pub(super) async fn tell(proof: &mut Proof, cast: &Cast<'_>) -> Result<(), Complaint> {
    proof.heading("The owner makes a bucket and grants it to a guest, by e-mail address")?;
    prepare(proof, &cast.owner.s3, cast).await?;
    proof.heading("The guest works in it, with its own key")?;
    work(proof, cast).await?;
    proof.heading("Everything else is refused")?;
    elsewhere(proof, cast).await?;
    rights(proof, cast).await
}

async fn prepare(proof: &mut Proof, owner: &S3, cast: &Cast<'_>) -> Result<(), Complaint> {
    for bucket in [BUCKET, OTHER_BUCKET] {
        let there = owner.head(bucket).await?.status == 200;
        let made = if there { Ok(()) } else { done(&owner.put(bucket, "").await?) };
        let verb = if there { "is there from an earlier run" } else { "is made" };
        proof.claim(&format!("the bucket {bucket} {verb}"), made)?;
    }
    let kept = owner.put(&format!("{OTHER_BUCKET}/{SECRET}"), SECRET_TEXT).await?;
    proof.claim(&format!("the owner keeps {SECRET} in {OTHER_BUCKET}"), done(&kept))?;

    let acl = format!("{BUCKET}?acl");
    let before = owner.get(&acl).await?.text;
    if !is_granted(&before, &cast.guest) {
        let answer = owner.put(&acl, &with_grants(&before, GUEST)).await?;
        proof.claim(&format!("WRITE and READ on {BUCKET} are granted to {GUEST}"), done(&answer))?;
    }
    let after = owner.get(&acl).await?.text;
    let granted = that(is_granted(&after, &cast.guest), "the ACL reads otherwise");
    proof.claim("the ACL reads back with both grants, to the guest's canonical id", granted)
}

async fn work(proof: &mut Proof, cast: &Cast<'_>) -> Result<(), Complaint> {
    let guest = &cast.guest.s3;
    let object = format!("{BUCKET}/{HELLO}");
    proof.claim(&format!("it uploads {HELLO}"), done(&guest.put(&object, HELLO_TEXT).await?))?;
    let listed = guest.get(&format!("{BUCKET}?list-type=2")).await?;
    proof.claim("it lists the bucket and sees the file", done(&listed).and_then(|()| contains(&listed, HELLO)))?;
    let read = guest.get(&object).await?;
    proof.claim("it reads the file back, byte for byte", same(&read, HELLO_TEXT))?;
    let owners = cast.owner.s3.get(&object).await?;
    proof.claim("the owner reads it too, because it is the owner's", same(&owners, HELLO_TEXT))?;
    let buckets = guest.get("").await?;
    if cast.strict_signup {
        let letter = refused(&buckets, 403, "NotSignedUp");
        return proof.claim("it is not signed up for a list of buckets, as --strict-signup wants", letter);
    }
    let names: Vec<&str> = between(&buckets.text, "<Name>", "</Name>").collect();
    let exactly = done(&buckets).and_then(|()| that(names == [BUCKET], format!("it lists {}", names.join(", "))));
    proof.claim(&format!("its list of all buckets shows {BUCKET} and nothing else"), exactly)
}

async fn elsewhere(proof: &mut Proof, cast: &Cast<'_>) -> Result<(), Complaint> {
    let guest = &cast.guest.s3;
    let (bucket, secret) = (OTHER_BUCKET, format!("{OTHER_BUCKET}/{SECRET}"));
    let acl = format!("{bucket}?acl");
    proof.claim(&format!("to learn of {bucket}"), denied(&guest.head(bucket).await?))?;
    proof.claim(&format!("to list {bucket}"), denied(&guest.get(bucket).await?))?;
    proof.claim(&format!("to read {secret}"), denied(&guest.get(&secret).await?))?;
    proof.claim(&format!("to overwrite {secret}"), denied(&guest.put(&secret, "mine now").await?))?;
    proof.claim(&format!("to delete {secret}"), denied(&guest.delete(&secret).await?))?;
    proof.claim(
        "to copy it into its own bucket",
        denied(&guest.copy(&secret, &format!("{BUCKET}/stolen.txt")).await?),
    )?;
    proof.claim(&format!("to read the ACL of {bucket}"), denied(&guest.get(&acl).await?))?;
    let open = with_grants(&cast.owner.s3.get(&acl).await?.text, GUEST);
    proof.claim(&format!("to change the ACL of {bucket}"), denied(&guest.put(&acl, &open).await?))?;
    proof.claim(&format!("to delete {bucket}"), denied(&guest.delete(bucket).await?))?;
    let kept = cast.owner.s3.get(&secret).await?;
    proof.claim(&format!("and {secret} is what it was"), same(&kept, SECRET_TEXT))
}

async fn rights(proof: &mut Proof, cast: &Cast<'_>) -> Result<(), Complaint> {
    let guest = &cast.guest.s3;
    let acl = format!("{BUCKET}?acl");
    proof.claim(&format!("to read the ACL of {BUCKET}"), denied(&guest.get(&acl).await?))?;
    let more = with_grants(&cast.owner.s3.get(&acl).await?.text, GUEST);
    proof.claim(&format!("to change the ACL of {BUCKET}"), denied(&guest.put(&acl, &more).await?))?;
    proof.claim(&format!("to delete {BUCKET}"), denied(&guest.delete(BUCKET).await?))?;
    let made = guest.put("a-bucket-of-my-own.example.com", "").await?;
    let made = if cast.strict_signup { refused(&made, 403, "NotSignedUp") } else { denied(&made) };
    proof.claim("to make a bucket of its own", made)?;
    let nobodys = guest.put(&format!("{NOBODYS_BUCKET}/a.txt"), "a").await?;
    proof.claim("to write into a bucket that does not exist", refused(&nobodys, 404, "NoSuchBucket"))?;
    let forged = guest.with_wrong_secret().get(BUCKET).await?;
    proof.claim("to do anything with a wrong secret", refused(&forged, 403, "SignatureDoesNotMatch"))?;
    let anonymous = guest.without_key().get(&format!("{BUCKET}/{HELLO}")).await?;
    proof.claim("to do anything without a key", denied(&anonymous))
}

/// The share's key works in the bucket, and only there.
pub(super) async fn share(proof: &mut Proof, key: &S3) -> Result<(), Complaint> {
    let listed = key.get(&format!("{BUCKET}?list-type=2")).await?;
    proof.claim(&format!("the new key lists {BUCKET}"), done(&listed).and_then(|()| contains(&listed, HELLO)))?;
    let other = key.get(OTHER_BUCKET).await?;
    proof.claim(&format!("and is refused on {OTHER_BUCKET}"), denied(&other))
}

/// The key made for the proof stops working when it is deleted.
pub(super) async fn farewell(proof: &mut Proof, cast: &Cast<'_>) -> Result<(), Complaint> {
    let key = &cast.guest.access_key_id;
    let deleted = cast.operate(Command::KeyDelete { access_key_id: key.clone() }).await;
    proof.claim(&format!("{key}, made for this proof, is deleted"), deleted.map(|_| ()).map_err(|c| c.to_string()))?;
    let late = cast.guest.s3.get(BUCKET).await?;
    proof.claim("and is refused from now on", refused(&late, 403, "InvalidAccessKeyId"))
}

/// Whether `acl` gives the guest WRITE and READ.
fn is_granted(acl: &str, guest: &Identity) -> bool {
    let grants: Vec<&str> =
        between(acl, "<Grant>", "</Grant>").filter(|grant| grant.contains(&guest.canonical_id)).collect();
    ["WRITE", "READ"]
        .iter()
        .all(|permission| grants.iter().any(|grant| grant.contains(&format!("<Permission>{permission}</Permission>"))))
}

/// That ACL and two grants by e-mail address, as Cyberduck and s3cmd add them.
fn with_grants(acl: &str, email: &str) -> String {
    let grants: String = ["WRITE", "READ"]
        .iter()
        .map(|permission| {
            format!(
                "<Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
                 xsi:type=\"AmazonCustomerByEmail\"><EmailAddress>{email}</EmailAddress></Grantee>\
                 <Permission>{permission}</Permission></Grant>"
            )
        })
        .collect();
    acl.replacen("</AccessControlList>", &format!("{grants}</AccessControlList>"), 1)
}

fn between<'a>(text: &'a str, begin: &'a str, end: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(begin).skip(1).filter_map(move |rest| rest.split(end).next())
}

fn contains(answer: &Answer, text: &str) -> Result<(), String> {
    that(answer.text.contains(text), format!("the answer does not name {text}"))
}

fn same(answer: &Answer, text: &str) -> Result<(), String> {
    done(answer)?;
    that(answer.text == text, "the bytes differ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_added_to_what_is_there() {
        let acl =
            "<AccessControlPolicy><AccessControlList><Grant>mine</Grant></AccessControlList></AccessControlPolicy>";
        let more = with_grants(acl, "a@b.c");
        assert!(more.contains("<Grant>mine</Grant>") && more.ends_with("</AccessControlList></AccessControlPolicy>"));
        assert_eq!(between(&more, "<EmailAddress>", "</EmailAddress>").collect::<Vec<_>>(), ["a@b.c", "a@b.c"]);
        assert_eq!(between(&more, "<Permission>", "</Permission>").collect::<Vec<_>>(), ["WRITE", "READ"]);
    }
}
