//! `bailiwick try`.

use std::collections::BTreeSet;

use crate::program::{Server, bailiwick, place, run};

const TRY: [&str; 4] = ["try", "--exit", "--s3", "127.0.0.1:0"];

#[test]
fn every_claim_holds_and_again_on_what_is_there() {
    let place = place();
    for _ in 0..2 {
        let ran = run(&place.data, &TRY);
        assert_eq!(ran.status, 0, "{}\n{}", ran.stdout, ran.stderr);
        assert!(!ran.stdout.contains('✗') && ran.stdout.matches('✓').count() > 25, "{}", ran.stdout);
        for part in ["use_https", "aws configure", "RCLONE_CONFIG", "RESTIC_REPOSITORY", "ACTIONS"] {
            assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
        }
    }
    let buckets = run(&place.data, &["bucket", "list", "--json"]).json();
    assert_eq!(buckets.as_array().unwrap().len(), 2, "{buckets}");
    let shown = run(&place.data, &["bucket", "show", "myproject.example.com", "--json"]).json();
    let grants: Vec<String> = shown["grants"].as_array().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(grants.iter().collect::<BTreeSet<_>>().len(), grants.len(), "a grant is there twice: {grants:?}");
}

#[test]
fn no_key_of_the_proof_stays_but_those_on_cards() {
    let place = place();
    assert_eq!(run(&place.data, &TRY).status, 0);
    let keys = run(&place.data, &["key", "list", "aws-myproject@example.com", "--json"]).json();
    assert!(keys.as_array().unwrap().iter().all(|key| key["share_id"].is_string()), "{keys}");
}

#[test]
fn it_works_after_the_owners_credentials_were_moved_away() {
    let place = place();
    Server::start(&place.data, &[]).stop();
    std::fs::remove_file(place.data.join("owner.credentials")).unwrap();
    let before = run(&place.data, &["key", "list", "owner@localhost", "--json"]).json();
    assert_eq!(run(&place.data, &TRY).status, 0);
    assert_eq!(
        run(&place.data, &["key", "list", "owner@localhost", "--json"]).json().as_array().unwrap().len(),
        before.as_array().unwrap().len()
    );
}

#[test]
fn a_guest_who_has_not_signed_up_is_proven_too() {
    let place = place();
    let mut words = TRY.to_vec();
    words.push("--strict-signup");
    let ran = run(&place.data, &words);
    assert_eq!(ran.status, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("not signed up"));
}

#[test]
fn without_exit_it_goes_on_serving() {
    let place = place();
    let mut command = bailiwick();
    let mut server = Server::spawn(command.args(["try", "--s3", "127.0.0.1:0", "--data"]).arg(&place.data));
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert!(server.is_running());
    assert!(std::net::TcpStream::connect(&server.address).is_ok());
    assert_eq!(server.stop().0, 0);
}
