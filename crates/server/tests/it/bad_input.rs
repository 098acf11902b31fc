//! What a person can get wrong: each is one line that names the thing and the remedy, an exit status that is not 0, and
//! nothing damaged.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::program::{Server, bailiwick, contents, finish, is_root, place, run};

#[test]
fn a_port_in_use_is_named_with_the_flag_and_leaves_no_traces() {
    let place = place();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let port = address.split(':').nth(1).unwrap();
    run(&place.data, &["serve", "--s3", &address]).complains(1, &[port, "--s3"]);
    run(&place.data, &["try", "--exit", "--s3", &address]).complains(1, &[port, "--s3"]);
    assert!(!place.data.exists());
}

#[test]
fn a_second_server_on_the_same_directory_is_refused_and_the_first_goes_on() {
    let place = place();
    let mut first = Server::start(&place.data, &[]);
    let dir = place.data.to_str().unwrap();
    let pid = first.pid().to_string();
    run(&place.data, &["serve", "--s3", "127.0.0.1:0"]).complains(1, &[dir, &pid, "--data"]);
    // Also where the port is what they meet at first.
    let same_port = run(&place.data, &["serve", "--s3", &first.address.clone()]);
    same_port.complains(1, &[dir, &pid, "--data"]);
    assert!(first.is_running());
    assert_eq!(run(&place.data, &["status"]).status, 0);
}

#[test]
fn a_data_directory_of_another_version_is_refused_and_stays_as_it_is() {
    let place = place();
    Server::start(&place.data, &[]).stop();
    make_of_another_version(&place.data);
    let before = contents(&place.data);
    let dir = place.data.to_str().unwrap();
    run(&place.data, &["serve", "--s3", "127.0.0.1:0"]).complains(1, &[dir, "version"]);
    run(&place.data, &["account", "list"]).complains(1, &[dir, "version"]);
    assert_eq!(before, contents(&place.data));
}

#[test]
fn a_data_directory_of_another_user_is_refused_and_stays_as_it_is() {
    if !is_root() {
        eprintln!("skipped: only root can give a directory to another user");
        return;
    }
    let place = place();
    Server::start(&place.data, &[]).stop();
    let dir = place.data.to_str().unwrap();
    assert!(Command::new("chown").args(["-R", "12345", dir]).status().unwrap().success());
    let before = contents(&place.data);
    run(&place.data, &["serve", "--s3", "127.0.0.1:0"]).complains(1, &[dir, "12345"]);
    assert_eq!(before, contents(&place.data));
}

#[test]
fn a_wrong_master_key_is_refused_and_the_right_one_still_works() {
    let place = place();
    Server::start(&place.data, &[]).stop();
    let other = place.dir.path().join("other.key");
    std::fs::write(&other, "0123456789abcdeffedcba98765432100f1e2d3c4b5a69788796a5b4c3d2e1f0\n").unwrap();
    std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o600)).unwrap();
    let other = other.to_str().unwrap();
    run(&place.data, &["serve", "--s3", "127.0.0.1:0", "--master-key-file", other]).complains(1, &["master key"]);
    run(&place.data, &["account", "list", "--master-key-file", other]).complains(1, &["master key"]);
    let missing = run(&place.data, &["account", "list", "--master-key-env", "NO_SUCH_VARIABLE"]);
    missing.complains(1, &["NO_SUCH_VARIABLE"]);
    assert_eq!(run(&place.data, &["account", "list"]).status, 0);
}

#[test]
fn a_master_key_file_that_is_gone_is_not_replaced_by_a_new_one() {
    let place = place();
    Server::start(&place.data, &[]).stop();
    let key = place.data.join("master.key");
    let aside = place.dir.path().join("aside");
    std::fs::rename(&key, &aside).unwrap();
    run(&place.data, &["serve", "--s3", "127.0.0.1:0"]).complains(1, &["master.key"]);
    assert!(!key.exists());
    std::fs::rename(&aside, &key).unwrap();
    assert_eq!(run(&place.data, &["account", "list"]).status, 0);
}

#[test]
fn what_is_typed_wrongly_is_named_and_nothing_is_made() {
    let place = place();
    for (words, named) in [
        (&["serve", "--regoin", "x"][..], "--regoin"),
        (&["serve", "--s3", "somewhere"], "somewhere"),
        (&["serve", "--durability", "none"], "full, relaxed"),
        (&["fly"], "fly"),
        (&["share", "b", "--with", "a@example.com", "--preset", "create-only"], "read, write, read-write"),
        (&["serve", "--owner-email", "nobody"], "nobody"),
    ] {
        run(&place.data, words).complains(2, &[named]);
    }
    assert!(!place.data.exists());
}

#[test]
fn an_unknown_configuration_key_is_named_with_its_file() {
    let place = place();
    let config = place.dir.path().join("bailiwick.toml");
    std::fs::write(&config, "regoin = \"eu-west-1\"\n").unwrap();
    let file = config.to_str().unwrap();
    run(&place.data, &["serve", "--config", file]).complains(2, &["`regoin`", file, "region"]);
    run(&place.data, &["status", "--config", file]).complains(2, &["`regoin`", file]);
    std::fs::write(&config, "s3 = \"somewhere\"\n").unwrap();
    run(&place.data, &["serve", "--config", file]).complains(2, &["somewhere", file]);
    assert!(!place.data.exists());
}

#[test]
fn a_wrong_environment_variable_is_named() {
    let place = place();
    let ran = finish(bailiwick().env("BAILIWICK_REGION", "EU WEST").args(["serve", "--data"]).arg(&place.data));
    ran.complains(2, &["EU WEST", "--region"]);
    assert!(!place.data.exists());
}

#[test]
fn beyond_this_machine_nothing_listens_without_tls() {
    let place = place();
    run(&place.data, &["serve", "--s3", "0.0.0.0:0"]).complains(2, &["0.0.0.0", "--tls-cert", "--insecure-http"]);
    assert!(!place.data.exists());
    let server = Server::start(&place.data, &["--s3", "0.0.0.0:0", "--insecure-http"]);
    let (status, stderr) = server.stop();
    assert_eq!(status, 0);
    assert!(stderr.contains("--insecure-http"), "{stderr}");
}

#[test]
fn a_command_never_makes_a_store_in_a_directory_that_was_typed_wrongly() {
    let place = place();
    run(&place.data, &["account", "list"]).complains(1, &[place.data.to_str().unwrap(), "--data"]);
    assert!(!place.data.exists());
}

#[test]
fn a_certificate_that_cannot_be_read_stops_the_start() {
    let place = place();
    let ran = run(&place.data, &["serve", "--s3", "127.0.0.1:0", "--tls-cert", "/no.pem", "--tls-key", "/no.pem"]);
    ran.complains(1, &["/no.pem", "--tls-cert"]);
    run(&place.data, &["serve", "--tls-cert", "/no.pem"]).complains(2, &["--tls-key"]);
    assert!(!place.data.exists());
}

#[test]
fn a_full_disk_stops_the_start_with_one_line() {
    let place = place();
    std::fs::create_dir(&place.data).unwrap();
    let dir = place.data.to_str().unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs", dir]).output();
    if !mount.is_ok_and(|mount| mount.status.success()) {
        eprintln!("skipped: a small file system cannot be mounted here");
        return;
    }
    let ran = std::panic::catch_unwind(|| {
        run(&place.data, &["serve", "--s3", "127.0.0.1:0"]).complains(1, &[dir]);
    });
    assert!(Command::new("umount").arg(dir).status().unwrap().success());
    if let Err(panic) = ran {
        std::panic::resume_unwind(panic);
    }
}

fn make_of_another_version(data: &std::path::Path) {
    let format = data.join("format");
    let text = std::fs::read_to_string(&format).unwrap();
    std::fs::write(&format, text.replace("version 2", "version 3")).unwrap();
}
