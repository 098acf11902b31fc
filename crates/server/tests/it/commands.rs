//! The commands, with a server and without one: the walkthrough's contract.

use std::path::Path;

use serde_json::Value;

use crate::program::{Place, Server, bailiwick, finish, place, run};

const BUCKET: &str = "myproject.example.com";
const GUEST: &str = "aws-myproject@example.com";

/// Runs `test` on a store that a server has open, and on one that nobody has.
fn with_and_without_a_server(test: impl Fn(&Path)) {
    let Place { dir: _with, data } = place();
    let server = Server::start(&data, &[]);
    test(&data);
    assert_eq!(server.stop().0, 0);
    let Place { dir: _without, data } = place();
    Server::start(&data, &[]).stop();
    test(&data);
}

fn has_exactly(value: &Value, keys: &[&str]) {
    let mut found: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    let mut wanted = keys.to_vec();
    found.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(found, wanted, "{value}");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn a_guest_account_is_made_with_its_first_key() {
    with_and_without_a_server(|data| {
        let made = run(data, &["account", "create", GUEST, "--guest", "--json"]).json();
        has_exactly(
            &made,
            &["email", "account_id", "canonical_id", "display_name", "guest", "access_key_id", "secret_access_key"],
        );
        assert_eq!((text(&made["email"]), made["guest"].as_bool()), (GUEST, Some(true)));
        assert_eq!((text(&made["account_id"]).len(), text(&made["canonical_id"]).len()), (12, 64));

        let listed = run(data, &["account", "list", "--json"]).json();
        let listed = listed.as_array().unwrap().iter().find(|account| account["email"] == GUEST).unwrap().clone();
        assert!(listed.get("secret_access_key").is_none() && listed.get("display_name").is_some());
        assert_eq!(listed["canonical_id"], made["canonical_id"]);

        let again = run(data, &["account", "create", "AWS-myproject@EXAMPLE.com", "--guest"]);
        again.complains(1, &[GUEST]);
        run(data, &["account", "create", "no-address"]).complains(2, &["e-mail"]);
        run(data, &["account", "show", "nobody@example.com"]).complains(1, &["nobody@example.com"]);
    });
}

#[test]
fn a_key_is_made_stopped_let_go_on_and_deleted() {
    with_and_without_a_server(|data| {
        run(data, &["account", "create", GUEST, "--guest", "--json"]).json();
        let key = run(data, &["key", "create", GUEST, "--allow-sigv2", "--json"]).json();
        let id = text(&key["access_key_id"]).to_owned();
        assert_eq!(key["allow_sigv2"], true);
        assert_eq!(run(data, &["key", "list", GUEST, "--json"]).json().as_array().unwrap().len(), 2);
        assert_eq!(run(data, &["key", "disable", &id, "--json"]).json()["enabled"], false);
        assert_eq!(run(data, &["key", "enable", &id, "--json"]).json()["enabled"], true);
        assert_eq!(run(data, &["key", "delete", &id]).status, 0);
        run(data, &["key", "disable", &id]).complains(1, &[&id]);
        let suspended = run(data, &["account", "suspend", GUEST, "--json"]).json();
        assert_eq!(suspended["suspended"], true, "{suspended}");
        let resumed = run(data, &["account", "suspend", GUEST, "--resume", "--json"]).json();
        assert_eq!(resumed["suspended"], false, "{resumed}");
    });
}

#[test]
fn a_share_is_one_command_and_its_key_reaches_that_bucket_only() {
    with_and_without_a_server(|data| {
        assert_eq!(run(data, &["bucket", "create", BUCKET]).status, 0);
        run(data, &["bucket", "create", BUCKET]).complains(1, &[BUCKET]);
        let words = ["share", BUCKET, "--with", GUEST, "--preset", "read-write", "--json"];
        let share = run(data, &words).json();
        has_exactly(
            &share,
            &["share_id", "bucket", "email", "account_id", "preset", "expires", "access_key_id", "secret_access_key"],
        );
        let (id, key) = (text(&share["share_id"]), text(&share["access_key_id"]));

        let reach = run(data, &["reach", key, "--json"]).json();
        for row in reach.as_array().unwrap() {
            has_exactly(row, &["bucket", "keys", "actions", "conditions", "why"]);
        }
        assert!(reach.as_array().unwrap().iter().any(|row| row["bucket"] == BUCKET), "{reach}");
        assert_eq!(run(data, &["reach", key, "--only", BUCKET]).status, 0);
        let more = run(data, &["reach", key, "--only", "another-bucket"]);
        assert_eq!(more.status, 1);
        assert!(more.stderr.starts_with("error: ") && more.stderr.contains(BUCKET), "{more:?}");

        let shares = run(data, &["shares", "list", "--json"]).json();
        assert_eq!(shares.as_array().unwrap().len(), 1);
        assert!(!shares.to_string().contains(text(&share["secret_access_key"])));
        assert_eq!(run(data, &["shares", "show", id, "--json"]).json()["state"], "active");
        assert_eq!(run(data, &["shares", "revoke", id, "--json"]).json()["state"], "revoked");
        assert_eq!(run(data, &["reach", key, "--json"]).json(), serde_json::json!([]));
    });
}

#[test]
fn for_people_a_share_comes_with_its_card() {
    let place = place();
    let server = Server::start(&place.data, &["--public-url", "https://s3.example.com", "--region", "eu-west-1"]);
    run(&place.data, &["bucket", "create", BUCKET]);
    let share = |more: &[&str]| {
        let mut words = vec!["share", BUCKET, "--with", GUEST, "--days", "7", "--preset"];
        words.extend(more);
        run(&place.data, &words)
    };
    let all = share(&["read-write"]);
    for line in ["signature_v2 = False", "s3.signature_version s3v4", "RCLONE_CONFIG_", "RESTIC_REPOSITORY=s3:https"] {
        assert!(all.stdout.contains(line), "{line}: {all:?}");
    }
    assert!(all.stdout.contains("host_base = s3.example.com") && all.stdout.contains("eu-west-1"), "{all:?}");
    let one = share(&["restic", "--for", "restic"]);
    assert!(one.stdout.contains("restic") && !one.stdout.contains("s3cmd"), "{one:?}");
    let blind = share(&["write"]);
    assert!(blind.stdout.contains("s3cmd put") && !blind.stdout.contains("s3cmd ls"), "{blind:?}");
    assert!(!blind.stdout.contains("RESTIC_REPOSITORY"), "restic could not read its repository: {blind:?}");
    share(&["write", "--for", "pigeon"]).complains(2, &["pigeon", "s3cmd"]);
    server.stop();
}

#[test]
fn a_share_of_a_folder_is_held_back_kept_and_renewed() {
    with_and_without_a_server(|data| {
        run(data, &["bucket", "create", BUCKET]);
        let folder = format!("{BUCKET}/backups");
        let words = ["share", &folder, "--with", GUEST, "--preset", "restic", "--json"];
        let more = [
            "--from",
            "192.0.2.0/24",
            "--max-bytes",
            "2GiB",
            "--pin",
            "7",
            "--name",
            "nightly",
            "--until",
            "2100-01-31",
        ];
        let share = run(data, &[&words[..], &more[..]].concat()).json();
        assert_eq!((text(&share["bucket"]), text(&share["prefix"])), (BUCKET, "backups/"));
        assert_eq!(text(&share["expires"]), "2100-01-31T00:00:00Z");
        let (id, secret) = (text(&share["share_id"]), text(&share["secret_access_key"]));

        let shown = run(data, &["shares", "show", id]);
        for line in [&*folder, "192.0.2.0/24", "2147483648", "7 days: none yet", "nightly", "2100-01-31T00:00:00Z"] {
            assert!(shown.stdout.contains(line), "{line}: {shown:?}");
        }
        let card = run(data, &["shares", "card", id]);
        assert!(card.stdout.starts_with("# restic") && card.stdout.contains("YOUR-SECRET"), "{card:?}");
        assert!(card.stdout.contains(&folder) && !card.stdout.contains(secret), "{card:?}");
        let bookmark = run(data, &["shares", "card", id, "--for", "cyberduck"]);
        assert!(bookmark.stdout.starts_with("<?xml ") && bookmark.stdout.ends_with("</plist>\n"), "{bookmark:?}");

        let rotated = run(data, &["shares", "rotate", id, "--json"]).json();
        assert_eq!(rotated["share_id"], share["share_id"]);
        assert_ne!(rotated["access_key_id"], share["access_key_id"]);
        let people = run(data, &["shares", "rotate", id]);
        assert!(people.stdout.contains("# restic") && !people.stdout.contains("YOUR-SECRET"), "{people:?}");
        let extended = run(data, &["shares", "extend", id, "--until", "2100-02-01", "--json"]).json();
        assert_eq!(text(&extended["expires"]), "2100-02-01T00:00:00Z");
        run(data, &["shares", "revoke", id]);
        run(data, &["shares", "extend", id]).complains(1, &[id, "revoked"]);
        run(data, &["shares", "rotate", id]).complains(1, &[id, "revoked"]);
    });
}

#[test]
fn what_holds_back_is_checked_whole_before_anything_is_made() {
    let place = place();
    let data = &place.data;
    Server::start(data, &[]).stop();
    run(data, &["bucket", "create", BUCKET]);
    let share = |more: &[&str]| run(data, &[&["share", BUCKET, "--with", GUEST], more].concat());
    share(&[]).complains(2, &["--preset"]);
    share(&["--preset", "read", "--allow", "s3:GetObject"]).complains(2, &["--allow"]);
    share(&["--allow", "s3:GetObject,s3:PutBucketPolicy"]).complains(2, &["s3:PutBucketPolicy"]);
    share(&["--preset", "read", "--from", "10.0.0.1/8"]).complains(2, &["10.0.0.0/8"]);
    share(&["--preset", "read", "--until", "soon"]).complains(2, &["soon"]);
    share(&["--preset", "read", "--until", "2001-01-01"]).complains(2, &["2001-01-01"]);
    share(&["--preset", "read", "--max-bytes", "many"]).complains(2, &["--max-bytes"]);
    assert_eq!(run(data, &["shares", "list", "--json"]).json(), serde_json::json!([]));
    let policy = place.data.join("policy.json");
    std::fs::write(&policy, r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Fly"}]}"#).unwrap();
    let create = |more: &[&str]| run(data, &[&["key", "create", "owner@localhost"], more].concat());
    create(&["--policy", policy.to_str().unwrap()]).complains(2, &["policy", "Statement"]);
    create(&["--policy", "/none.json"]).complains(2, &["/none.json"]);
    create(&["--bucket", "No"]).complains(2, &["No"]);
    assert_eq!(run(data, &["key", "list", "--json"]).json().as_array().unwrap().len(), 1);
}

#[test]
fn a_key_is_held_back_and_replaced_and_lives_no_longer_than_the_server_lets_it() {
    let place = place();
    let data = &place.data;
    let server = Server::start(data, &["--max-key-lifetime", "30d"]);
    let words =
        ["key", "create", "owner@localhost", "--bucket", BUCKET, "--prefix", "a/", "--from", "192.0.2.1", "--json"];
    let key = run(data, &words).json();
    let id = text(&key["access_key_id"]);
    assert!(key["expires"].is_string(), "{key}");
    assert_eq!(key["restriction"]["networks"], serde_json::json!(["192.0.2.1/32"]));
    run(data, &["key", "create", "owner@localhost", "--expires", "31d"]).complains(2, &["--max-key-lifetime"]);
    let rotated = run(data, &["key", "rotate", id, "--overlap", "1h", "--json"]).json();
    assert_eq!((text(&rotated["replaces"]), &rotated["restriction"]), (id, &key["restriction"]));
    let people = run(data, &["key", "rotate", text(&rotated["access_key_id"])]);
    for line in ["in place of", "which works until", "only buckets", "shown this once"] {
        assert!(people.stdout.contains(line), "{line}: {people:?}");
    }
    run(data, &["key", "rotate", id, "--overlap", "soon"]).complains(2, &["soon"]);
    let owner = std::fs::read_to_string(place.data.join("owner.credentials")).unwrap();
    assert!(owner.starts_with("# This key works until ") && owner.contains("[default]"), "{owner}");
    server.stop();
}

#[test]
fn reach_exits_1_and_names_what_more_a_key_reaches() {
    let place = place();
    Server::start(&place.data, &[]).stop();
    for bucket in ["bucket-one", "bucket-two"] {
        assert_eq!(run(&place.data, &["bucket", "create", bucket]).status, 0);
    }
    let keys = run(&place.data, &["key", "list", "--json"]).json();
    let key = text(&keys[0]["access_key_id"]);
    let more = run(&place.data, &["reach", key, "--only", "bucket-one"]);
    more.complains(1, &[key, "bucket-one"]);
    run(&place.data, &["reach", "AKIANOSUCHKEY0000000"]).complains(1, &["AKIANOSUCHKEY0000000"]);
}

#[test]
fn usage_is_a_list_of_integers_by_owner_bucket_and_key() {
    with_and_without_a_server(|data| {
        run(data, &["bucket", "create", BUCKET]);
        for row in run(data, &["usage", "--json"]).json().as_array().unwrap() {
            let numbers = ["bytes_stored", "objects", "requests", "bytes_in", "bytes_out"];
            assert!(numbers.iter().all(|number| row[number].is_u64()), "{row}");
            assert!(["owner", "bucket", "access_key_id"].iter().all(|name| row[name].is_string()), "{row}");
        }
        assert_eq!(run(data, &["usage", "--bucket", BUCKET]).status, 0);
    });
}

#[test]
fn buckets_are_listed_shown_and_deleted() {
    with_and_without_a_server(|data| {
        run(data, &["bucket", "create", BUCKET]);
        assert_eq!(run(data, &["bucket", "list", "--json"]).json()[0]["bucket"], BUCKET);
        let shown = run(data, &["bucket", "show", BUCKET, "--json"]).json();
        assert_eq!((shown["owner"].as_str(), shown["objects"].as_u64()), (Some("owner@localhost"), Some(0)));
        assert_eq!(run(data, &["bucket", "delete", BUCKET]).status, 0);
        run(data, &["bucket", "show", BUCKET]).complains(1, &[BUCKET]);
        run(data, &["bucket", "create", "No_Bucket"]).complains(2, &["bucket name"]);
        run(data, &["bucket", "create", "fine-name", "--owner", "nobody@example.com"]).complains(1, &["nobody@"]);
    });
}

#[test]
fn a_guest_owns_nothing() {
    let place = place();
    Server::start(&place.data, &[]).stop();
    run(&place.data, &["account", "create", GUEST, "--guest"]);
    let ran = run(&place.data, &["bucket", "create", BUCKET, "--owner", GUEST]);
    assert_ne!(ran.status, 0, "{ran:?}");
    assert!(ran.stderr.contains(GUEST) || ran.stderr.contains("guest"), "{ran:?}");
}

#[test]
fn status_says_who_serves() {
    let place = place();
    let server = Server::start(&place.data, &[]);
    let status = run(&place.data, &["status", "--json"]).json();
    assert_eq!((status["server"]["pid"].as_u64(), status["trouble"].is_null()), (Some(server.pid().into()), true));
    assert!(run(&place.data, &["status"]).stdout.contains(&server.address));
    server.stop();
    assert!(run(&place.data, &["status", "--json"]).json()["server"].is_null());
}

#[test]
fn completions_are_made_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = finish(bailiwick().args(["completions", shell]));
        assert_eq!(ran.status, 0);
        assert!(ran.stdout.contains("bailiwick") && ran.stdout.contains("read-write"), "{shell}");
    }
    finish(bailiwick().args(["completions", "csh"])).complains(2, &["csh"]);
}

#[test]
fn the_exit_status_is_documented() {
    let ran = finish(bailiwick().arg("--help"));
    assert_eq!(ran.status, 0);
    assert!(ran.stdout.contains("Exit status:"), "{ran:?}");
}
