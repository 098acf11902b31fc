//! Each outcome as a person wants to see it.

use super::table::{list, pairs};
use super::upkeep;
use crate::admin::{
    AccountDetail, AccountView, BucketDetail, BucketView, CanView, DiffRow, HolderDiff, HolderReach, KeyView,
    NewAccount, NewKey, NewShare, Outcome, ReachRow, RefusalView, RestrictionView, RotatedKey, ShareView, UsageRow,
};

const FOR_EVER: &str = "no end";
const NEVER: &str = "never";
const SHOWN_ONCE: &str = "\nThe secret is shown this once and cannot be asked for again.\n";

pub(super) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::AccountCreated(account) => new_account(account),
        Outcome::Accounts(accounts) => self::accounts(accounts),
        Outcome::Account(account) => account_detail(account),
        Outcome::KeyCreated(key) => new_key(key) + SHOWN_ONCE,
        Outcome::KeyRotated(key) => rotated_key(key),
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
        Outcome::ReachOnly(found) => reach(&found.rows),
        Outcome::ReachAll(all) => reach_all(all),
        Outcome::ReachDiff(all) => reach_diff(all),
        Outcome::Why(refusals) => why(refusals),
        Outcome::Can(answer) => can(answer),
        Outcome::Usage(rows) => usage(rows),
        Outcome::Status(status) => upkeep::status(status),
        Outcome::Verified(found) => upkeep::verified(found),
        Outcome::BackedUp(backup) => upkeep::backed_up(backup),
        Outcome::Compacted(done) => upkeep::compacted(done),
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
        ("until", account.expires.clone().unwrap_or_else(|| FOR_EVER.to_owned())),
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
    let lines = [
        ("account", key.email.clone()),
        ("access key id", key.access_key_id.clone()),
        ("secret access key", key.secret_access_key.clone()),
        ("signs by", signatures(key.allow_sigv2).to_owned()),
        ("until", key.expires.clone().unwrap_or_else(|| FOR_EVER.to_owned())),
    ];
    pairs(lines.into_iter().chain(held_back(&key.restriction)))
}

fn rotated_key(key: &RotatedKey) -> String {
    let old = pairs([("in place of", key.replaces.clone()), ("which works until", key.replaced_until.clone())]);
    format!("{}\n{old}{SHOWN_ONCE}", new_key(&key.new))
}

/// What holds a key back, a line for each that does.
fn held_back(restriction: &RestrictionView) -> impl Iterator<Item = (&'static str, String)> {
    let RestrictionView { buckets, prefixes, networks, policy } = restriction;
    let lines = [
        ("only buckets", buckets.join(" ")),
        ("only prefixes", prefixes.join(" ")),
        ("only from", networks.join(" ")),
        ("only by the policy", policy.as_deref().map(one_line).unwrap_or_default()),
    ];
    lines.into_iter().filter(|(_, value)| !value.is_empty())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn keys(keys: &[KeyView]) -> String {
    let rows = keys.iter().map(|key| {
        vec![
            key.access_key_id.clone(),
            key.email.clone(),
            key_state(key).to_owned(),
            or_none(key.share_id.as_deref().unwrap_or_default()),
            key.created.clone(),
            until(key),
            key.last_used.clone().unwrap_or_else(|| NEVER.to_owned()),
            or_none(key.last_used_from.as_deref().unwrap_or_default()),
        ]
    });
    let header = ["ACCESS KEY ID", "ACCOUNT", "STATE", "SHARE", "CREATED", "UNTIL", "LAST USED", "FROM"];
    list(&header, &[], rows, "no keys")
}

/// A share's key ends with its share, which is shown there.
fn until(key: &KeyView) -> String {
    let otherwise = if key.share_id.is_some() { "the share's end" } else { FOR_EVER };
    key.expires.clone().unwrap_or_else(|| otherwise.to_owned())
}

fn key_state(key: &KeyView) -> &'static str {
    if key.enabled && key.expired { "expired" } else { state(key.enabled, "disabled") }
}

fn key_pairs(key: &KeyView) -> impl Iterator<Item = (&'static str, String)> {
    let used = |at: &Option<String>, from: &Option<String>, by: &Option<String>| {
        let at = at.clone().unwrap_or_else(|| NEVER.to_owned());
        let from = from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
        let by = by.as_ref().map(|by| format!(" by {}", one_line(by))).unwrap_or_default();
        format!("{at}{from}{by}")
    };
    let lines = [
        ("access key id", key.access_key_id.clone()),
        ("account", key.email.clone()),
        ("state", key_state(key).to_owned()),
        ("signs by", signatures(key.allow_sigv2).to_owned()),
        ("share", or_none(key.share_id.as_deref().unwrap_or_default())),
        ("created", key.created.clone()),
        ("until", until(key)),
        ("first used", used(&key.first_used, &key.first_used_from, &key.first_used_by)),
        ("last used", used(&key.last_used, &key.last_used_from, &key.last_used_by)),
    ];
    lines.into_iter().chain(held_back(&key.restriction))
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
        ("bucket", place(&share.bucket, share.prefix.as_deref().unwrap_or_default())),
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
            place(&share.bucket, &share.prefix),
            share.email.clone(),
            share.preset.clone(),
            share.state.clone(),
            share.expires.clone(),
            share.access_key_id.clone(),
        ]
    });
    list(&["SHARE", "BUCKET", "WITH", "ALLOWS", "STATE", "UNTIL", "ACCESS KEY ID"], &[], rows, "no shares")
}

/// `bucket` or `bucket/prefix`.
fn place(bucket: &str, prefix: &str) -> String {
    if prefix.is_empty() { bucket.to_owned() } else { format!("{bucket}/{prefix}") }
}

/// What holds it back comes after what it is, a line for each that does.
fn share_pairs(share: &ShareView) -> impl Iterator<Item = (&'static str, String)> {
    let lines = [
        ("share", share.share_id.clone()),
        ("bucket", place(&share.bucket, &share.prefix)),
        ("given by", share.giver.clone()),
        ("with", share.email.clone()),
        ("allows", share.preset.clone()),
        ("state", share.state.clone()),
        ("created", share.created.clone()),
        ("until", share.expires.clone()),
        ("access key id", share.access_key_id.clone()),
    ];
    let number = |number: Option<String>| number.unwrap_or_default();
    let pin = share.pin_days.map(|days| {
        let places = if share.pinned.is_empty() { "none yet".to_owned() } else { share.pinned.join(" ") };
        format!("where it is used from in its first {days} days: {places}")
    });
    let more = [
        ("name", share.name.clone()),
        ("note", share.note.clone()),
        ("only from", share.networks.join(" ")),
        ("pinned to", number(pin)),
        ("most bytes", number(share.max_bytes.map(|n| n.to_string()))),
        ("most objects", number(share.max_objects.map(|n| n.to_string()))),
        ("requests a second", number(share.requests_per_second.map(|n| n.to_string()))),
        ("bytes a second", number(share.bytes_per_second.map(|n| n.to_string()))),
    ];
    lines.into_iter().chain(more.into_iter().filter(|(_, value)| !value.is_empty()))
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

fn reach_all(all: &[HolderReach]) -> String {
    let one =
        |holder: &HolderReach| format!("{}\n{}", holder_of(&holder.who, &holder.access_key_ids), reach(&holder.rows));
    all.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn holder_of(who: &str, keys: &[String]) -> String {
    if keys.is_empty() { who.to_owned() } else { format!("{who}, by {}", keys.join(" ")) }
}

fn reach_diff(all: &[HolderDiff]) -> String {
    let part = |name: &str, rows: &[DiffRow]| {
        if rows.is_empty() {
            return format!("{name}: nothing\n");
        }
        let table = reach(&rows.iter().map(|row| row.row.clone()).collect::<Vec<_>>());
        let examples = rows.iter().flat_map(|row| &row.examples).map(|example| format!("  as in {example}\n"));
        format!("{name}:\n{table}{}", examples.collect::<String>())
    };
    let one = |holder: &HolderDiff| {
        let who = holder_of(&holder.who, &holder.access_key_ids);
        format!("{who}\n{}{}", part("gained", &holder.gained), part("lost", &holder.lost))
    };
    if all.is_empty() {
        return "nobody gains or loses anything\n".to_owned();
    }
    all.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn why(refusals: &[RefusalView]) -> String {
    let one = |refusal: &RefusalView| {
        let on = match (&refusal.bucket, &refusal.key) {
            (Some(bucket), Some(key)) => format!(" on {bucket}/{key}"),
            (Some(bucket), None) => format!(" on {bucket}"),
            (None, _) => String::new(),
        };
        pairs([
            ("refused", format!("{}{on}", refusal.action)),
            ("at", refusal.at.clone()),
            ("asked by", refusal.access_key_id.clone().unwrap_or_else(|| "nobody: it was not signed".to_owned())),
            ("from", refusal.source.clone().unwrap_or_else(|| "unknown".to_owned())),
            ("because", refusal.why.join("; ")),
            ("would be allowed by", or_none(refusal.remedy.as_deref().unwrap_or_default())),
        ])
    };
    refusals.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn can(answer: &CanView) -> String {
    let verdict = if answer.allowed { "yes" } else { "no" };
    let lines = [("answer", verdict.to_owned()), ("action", answer.action.clone()), ("because", answer.why.join("; "))];
    let remedy = answer.remedy.clone().map(|remedy| ("would be allowed by", remedy));
    pairs(lines.into_iter().chain(remedy))
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
