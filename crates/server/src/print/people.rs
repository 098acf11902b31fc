//! Each outcome as a person wants to see it.

use super::table::{list, pairs};
use crate::admin::{
    AccountDetail, AccountView, BucketDetail, BucketView, KeyView, NewAccount, NewKey, NewShare, Outcome, ReachRow,
    ShareView, StatusView, UsageRow,
};

const SHOWN_ONCE: &str = "\nThe secret is shown this once and cannot be asked for again.\n";

pub(super) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::AccountCreated(account) => new_account(account),
        Outcome::Accounts(accounts) => self::accounts(accounts),
        Outcome::Account(account) => account_detail(account),
        Outcome::KeyCreated(key) => new_key(key),
        Outcome::Keys(keys) => self::keys(keys),
        Outcome::Key(key) => pairs(key_pairs(key)),
        Outcome::KeyDeleted(key) => format!("deleted the key {} of {}\n", key.access_key_id, key.email),
        Outcome::BucketCreated(bucket) => format!("made the bucket {}, owned by {}\n", bucket.bucket, bucket.owner),
        Outcome::BucketDeleted(bucket) => format!("deleted the bucket {}\n", bucket.bucket),
        Outcome::Buckets(buckets) => self::buckets(buckets),
        Outcome::Bucket(bucket) => bucket_detail(bucket),
        Outcome::Shared(share) => new_share(share),
        Outcome::Shares(shares) => self::shares(shares),
        Outcome::Share(share) => pairs(share_pairs(share)),
        Outcome::Reach(rows) => reach(rows),
        Outcome::Usage(rows) => usage(rows),
        Outcome::Status(status) => self::status(status),
    }
}

fn new_account(account: &NewAccount) -> String {
    let lines = pairs([
        ("account", account.email.clone()),
        ("display name", account.display_name.clone()),
        ("kind", kind(account.guest).to_owned()),
        ("account id", account.account_id.clone()),
        ("canonical id", account.canonical_id.clone()),
        ("access key id", account.access_key_id.clone()),
        ("secret access key", account.secret_access_key.clone()),
    ]);
    lines + SHOWN_ONCE
}

fn accounts(accounts: &[AccountView]) -> String {
    let rows = accounts.iter().map(|account| {
        vec![
            account.email.clone(),
            kind(account.guest).to_owned(),
            state(!account.suspended, "suspended").to_owned(),
            account.account_id.clone(),
            account.created.clone(),
            account.display_name.clone(),
        ]
    });
    list(&["ACCOUNT", "KIND", "STATE", "ACCOUNT ID", "CREATED", "DISPLAY NAME"], &[], rows, "no accounts")
}

fn account_detail(detail: &AccountDetail) -> String {
    let account = &detail.account;
    let lines = pairs([
        ("account", account.email.clone()),
        ("display name", account.display_name.clone()),
        ("kind", kind(account.guest).to_owned()),
        ("state", state(!account.suspended, "suspended").to_owned()),
        ("account id", account.account_id.clone()),
        ("canonical id", account.canonical_id.clone()),
        ("created", account.created.clone()),
        ("buckets", or_none(&detail.buckets.join(", "))),
    ]);
    format!("{lines}\n{}", keys(&detail.keys))
}

fn new_key(key: &NewKey) -> String {
    let lines = pairs([
        ("account", key.email.clone()),
        ("access key id", key.access_key_id.clone()),
        ("secret access key", key.secret_access_key.clone()),
        ("signs by", signatures(key.allow_sigv2).to_owned()),
    ]);
    lines + SHOWN_ONCE
}

fn keys(keys: &[KeyView]) -> String {
    let rows = keys.iter().map(|key| {
        vec![
            key.access_key_id.clone(),
            key.email.clone(),
            state(key.enabled, "disabled").to_owned(),
            or_none(key.share_id.as_deref().unwrap_or_default()),
            key.created.clone(),
            key.last_used.clone().unwrap_or_else(|| "never".to_owned()),
        ]
    });
    list(&["ACCESS KEY ID", "ACCOUNT", "STATE", "SHARE", "CREATED", "LAST USED"], &[], rows, "no keys")
}

fn key_pairs(key: &KeyView) -> [(&'static str, String); 7] {
    [
        ("access key id", key.access_key_id.clone()),
        ("account", key.email.clone()),
        ("state", state(key.enabled, "disabled").to_owned()),
        ("signs by", signatures(key.allow_sigv2).to_owned()),
        ("share", or_none(key.share_id.as_deref().unwrap_or_default())),
        ("created", key.created.clone()),
        ("last used", key.last_used.clone().unwrap_or_else(|| "never".to_owned())),
    ]
}

fn buckets(buckets: &[BucketView]) -> String {
    let rows = buckets.iter().map(|bucket| vec![bucket.bucket.clone(), bucket.owner.clone(), bucket.created.clone()]);
    list(&["BUCKET", "OWNER", "CREATED"], &[], rows, "no buckets")
}

fn bucket_detail(detail: &BucketDetail) -> String {
    let bucket = &detail.bucket;
    let lines = pairs([
        ("bucket", bucket.bucket.clone()),
        ("owner", bucket.owner.clone()),
        ("created", bucket.created.clone()),
        ("objects", detail.objects.to_string()),
        ("bytes stored", detail.bytes_stored.to_string()),
        ("object ownership", detail.object_ownership.clone()),
        ("public access", if detail.public_access_blocked { "blocked" } else { "not blocked" }.to_owned()),
    ]);
    let grants = detail.grants.iter().map(|grant| vec![grant.grantee.clone(), grant.permission.clone()]);
    let grants = list(&["GRANTED TO", "PERMISSION"], &[], grants, "no grants");
    format!("{lines}\n{grants}\n{}", shares(&detail.shares))
}

fn new_share(share: &NewShare) -> String {
    let lines = pairs([
        ("share", share.share_id.clone()),
        ("bucket", share.bucket.clone()),
        ("with", share.email.clone()),
        ("allows", share.preset.clone()),
        ("until", share.expires.clone()),
        ("access key id", share.access_key_id.clone()),
        ("secret access key", share.secret_access_key.clone()),
    ]);
    lines + SHOWN_ONCE
}

fn shares(shares: &[ShareView]) -> String {
    let rows = shares.iter().map(|share| {
        vec![
            share.share_id.clone(),
            share.bucket.clone(),
            share.email.clone(),
            share.preset.clone(),
            share.state.clone(),
            share.expires.clone(),
            share.access_key_id.clone(),
        ]
    });
    list(&["SHARE", "BUCKET", "WITH", "ALLOWS", "STATE", "UNTIL", "ACCESS KEY ID"], &[], rows, "no shares")
}

fn share_pairs(share: &ShareView) -> [(&'static str, String); 9] {
    [
        ("share", share.share_id.clone()),
        ("bucket", share.bucket.clone()),
        ("given by", share.giver.clone()),
        ("with", share.email.clone()),
        ("allows", share.preset.clone()),
        ("state", share.state.clone()),
        ("created", share.created.clone()),
        ("until", share.expires.clone()),
        ("access key id", share.access_key_id.clone()),
    ]
}

fn reach(rows: &[ReachRow]) -> String {
    let rows = rows.iter().map(|row| {
        let actions = row.actions.iter().map(|action| action.strip_prefix("s3:").unwrap_or(action));
        vec![
            row.bucket.clone(),
            row.keys.clone(),
            actions.collect::<Vec<_>>().join(" "),
            if row.conditions.is_empty() { "always".to_owned() } else { row.conditions.join("; ") },
            row.why.clone(),
        ]
    });
    list(&["BUCKET", "KEYS", "ACTIONS", "WHEN", "WHY"], &[], rows, "this key reaches nothing")
}

fn usage(rows: &[UsageRow]) -> String {
    let rows = rows.iter().map(|row| {
        let by = if row.access_key_id.is_empty() { "anonymous" } else { &row.access_key_id };
        let numbers = [row.bytes_stored, row.objects, row.requests, row.bytes_in, row.bytes_out];
        let names = [row.owner.clone(), row.bucket.clone(), by.to_owned()];
        names.into_iter().chain(numbers.map(|number| number.to_string())).collect()
    });
    let header = ["PAID BY", "BUCKET", "CAUSED BY", "BYTES STORED", "OBJECTS", "REQUESTS", "BYTES IN", "BYTES OUT"];
    list(&header, &[3, 4, 5, 6, 7], rows, "no usage yet")
}

fn status(status: &StatusView) -> String {
    pairs([
        ("state", status.trouble.clone().unwrap_or_else(|| "well".to_owned())),
        ("version", status.version.clone()),
        ("accounts", status.accounts.to_string()),
        ("buckets", status.buckets.to_string()),
    ])
}

fn kind(guest: bool) -> &'static str {
    if guest { "guest" } else { "owner" }
}

fn state(works: bool, otherwise: &'static str) -> &'static str {
    if works { "active" } else { otherwise }
}

fn signatures(allow_sigv2: bool) -> &'static str {
    if allow_sigv2 { "SigV4, SigV2" } else { "SigV4" }
}

fn or_none(text: &str) -> String {
    if text.is_empty() { "none".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_a_header_no_frames_and_no_trailing_blanks() {
        let bucket = |name: &str| BucketView {
            bucket: name.into(),
            owner: "o@example.com".into(),
            owner_id: "012345678901".into(),
            created: "2026-11-24T00:00:00Z".into(),
        };
        let text = outcome(&Outcome::Buckets(vec![bucket("a-bucket"), bucket("another-bucket")]));
        assert_eq!(
            text,
            "BUCKET          OWNER          CREATED\n\
             a-bucket        o@example.com  2026-11-24T00:00:00Z\n\
             another-bucket  o@example.com  2026-11-24T00:00:00Z\n"
        );
        assert_eq!(outcome(&Outcome::Buckets(Vec::new())), "no buckets\n");
    }

    #[test]
    fn long_values_stay_on_one_line() {
        let row = ReachRow {
            bucket: "b".repeat(63),
            keys: "*".into(),
            actions: vec!["s3:GetObject".into(); 20],
            conditions: Vec::new(),
            why: "w".repeat(100),
        };
        assert_eq!(outcome(&Outcome::Reach(vec![row])).lines().count(), 2);
    }
}
