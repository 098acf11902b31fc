//! Starting, serving, and ending.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::program::{Server, bailiwick, place, run};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn the_first_start_writes_the_owners_credentials_and_later_ones_change_nothing() {
    let place = place();
    let first = Server::start(&place.data, &["--owner-email", "Me@Example.com"]);
    let credentials = place.data.join("owner.credentials");
    let text = std::fs::read_to_string(&credentials).unwrap();
    assert!(text.starts_with("[default]\naws_access_key_id"), "{text}");
    assert!(text.contains("aws_secret_access_key"));
    assert_eq!((mode(&place.data), mode(&credentials)), (0o700, 0o600));
    assert_eq!(first.stop().0, 0);

    let second = Server::start(&place.data, &["--owner-email", "other@example.com"]);
    assert!(!second.said.contains("owner.credentials"), "{}", second.said);
    assert_eq!(std::fs::read_to_string(&credentials).unwrap(), text);
    let accounts = run(&place.data, &["account", "list", "--json"]).json();
    assert_eq!(accounts.as_array().unwrap().len(), 1);
    assert_eq!(accounts[0]["email"], "me@example.com");
}

#[test]
fn it_says_where_it_listens_and_what_is_not_there_yet() {
    let place = place();
    let server = Server::start(&place.data, &["--console", "127.0.0.1:9", "--lifecycle-day", "10s"]);
    assert!(server.said.contains(&format!("http://{}", server.address)), "{}", server.said);
    assert!(TcpStream::connect(&server.address).is_ok());
    assert!(TcpStream::connect("127.0.0.1:9").is_err());
    let (status, stderr) = server.stop();
    assert_eq!(status, 0);
    assert!(stderr.contains("127.0.0.1:9") && stderr.contains("--lifecycle-day"), "{stderr}");
}

#[test]
fn all_flags_of_the_first_release_are_accepted() {
    let place = place();
    let ownerships = ["OwnerOwns", "ObjectWriter", "BucketOwnerPreferred", "BucketOwnerEnforced"];
    for ownership in ownerships {
        let server = Server::start(
            &place.data,
            &[
                "--strict-signup",
                "--allow-sigv2",
                "--default-object-ownership",
                ownership,
                "--default-public-access-block",
                "off",
                "--durability",
                "relaxed",
                "--domain",
                "s3.localhost",
                "--domain",
                "s3.example.com",
                "--lifecycle-day",
                "1s",
                "--region",
                "eu-west-1",
                "--public-url",
                "https://s3.example.com",
                "--trusted-proxy",
                "10.0.0.0/8",
            ],
        );
        assert!(server.said.contains("eu-west-1") && server.said.contains("https://s3.example.com"));
        assert_eq!(server.stop().0, 0);
    }
}

#[test]
fn an_answer_on_the_s3_port_is_s3s() {
    let place = place();
    let server = Server::start(&place.data, &[]);
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.write_all(b"GET /no-such-bucket HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 40"), "{answer}");
    assert!(answer.contains("<Error>") && answer.to_ascii_lowercase().contains("x-amz-request-id: "), "{answer}");
}

#[test]
fn a_killed_server_leaves_a_socket_that_nobody_minds() {
    let place = place();
    let server = Server::start(&place.data, &[]);
    server.signal("KILL");
    server.ended();
    assert!(place.data.join("operator.sock").exists());
    assert_eq!(run(&place.data, &["account", "list"]).status, 0);
    let again = Server::start(&place.data, &[]);
    let status = run(&place.data, &["status", "--json"]).json();
    assert_eq!(status["server"]["pid"], again.pid());
    assert_eq!(again.stop().0, 0);
    assert!(!place.data.join("operator.sock").exists());
}

#[test]
fn a_deep_data_directory_works() {
    let place = place();
    let deep = place.dir.path().join("d".repeat(100)).join("e".repeat(100));
    std::fs::create_dir_all(deep.parent().unwrap()).unwrap();
    let server = Server::start(&deep, &[]);
    assert_eq!(run(&deep, &["status", "--json"]).json()["server"]["pid"], server.pid());
}

#[test]
fn sigterm_and_sigint_end_it_and_both_are_quick_when_nothing_is_in_flight() {
    for signal in ["TERM", "INT"] {
        let place = place();
        let server = Server::start(&place.data, &[]);
        // A client that rests on its connection holds nobody up.
        let _resting = TcpStream::connect(&server.address).unwrap();
        let begun = Instant::now();
        server.signal(signal);
        assert_eq!(server.ended().0, 0);
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn flags_come_from_the_environment_too() {
    let place = place();
    let mut command = bailiwick();
    command.env("BAILIWICK_DATA", &place.data).env("BAILIWICK_S3", "127.0.0.1:0").env("BAILIWICK_REGION", "eu-west-3");
    let server = Server::spawn(command.arg("serve"));
    assert!(server.said.contains("eu-west-3"), "{}", server.said);
}
