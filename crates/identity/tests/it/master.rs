use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use identity::{MasterKey, MasterKeyError, MasterKeySource};

const DIGITS: &str = "3e8b1f60a4c97d25f01882b6d9437ea5c05d6e19b7f2384ca19d70e5268bf34c";

fn place() -> (tempfile::TempDir, PathBuf, MasterKeySource) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("master.key");
    (dir, path.clone(), MasterKeySource::File(path))
}

fn command(text: &str) -> MasterKeySource {
    MasterKeySource::Command(text.to_owned())
}

/// Two keys are the same if they derive the same.
fn same(a: &MasterKey, b: &MasterKey) -> bool {
    a.derive("test") == b.derive("test")
}

#[test]
fn the_first_start_makes_a_key_file_for_its_owner_alone_and_later_ones_read_it() {
    let (dir, path, source) = place();
    let made = MasterKey::load(&source, true).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.len() == 65 && text.ends_with('\n') && text[..64].bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    );
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no draft is left");
    assert!(same(&made, &MasterKey::load(&source, false).unwrap()));
    assert!(same(&made, &MasterKey::load(&source, true).unwrap()), "a file that is there is never replaced");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn no_two_made_keys_are_the_same() {
    let (_first, _, a) = place();
    let (_second, _, b) = place();
    assert!(!same(&MasterKey::load(&a, true).unwrap(), &MasterKey::load(&b, true).unwrap()));
}

#[test]
fn first_starts_at_once_end_with_one_key() {
    let (_dir, _, source) = place();
    let keys: Vec<MasterKey> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..16).map(|_| scope.spawn(|| MasterKey::load(&source, true).unwrap())).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| same(key, &keys[0])));
    assert!(same(&keys[0], &MasterKey::load(&source, false).unwrap()));
}

#[test]
fn a_store_that_is_not_new_gets_no_new_key() {
    let (_dir, path, source) = place();
    let error = MasterKey::load(&source, false).unwrap_err();
    assert!(matches!(&error, MasterKeyError::Missing(p) if *p == path));
    assert!(error.to_string().contains(path.to_str().unwrap()));
    assert!(!path.exists());
}

#[test]
fn a_key_file_that_others_may_read_or_write_is_refused() {
    let (_dir, path, source) = place();
    fs::write(&path, DIGITS).unwrap();
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        for create in [false, true] {
            let error = MasterKey::load(&source, create).unwrap_err();
            assert!(matches!(error, MasterKeyError::Exposed { mode: m, .. } if m == mode), "{error}");
            assert!(error.to_string().contains("chmod 600"));
        }
    }
    for mode in [0o600, 0o400] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        MasterKey::load(&source, false).unwrap();
    }
}

#[test]
fn what_is_not_64_hexadecimal_digits_is_refused_without_being_repeated() {
    let (_dir, path, source) = place();
    let long = "a1".repeat(1000);
    for text in ["", "\n", &DIGITS[1..], &format!("{DIGITS}0"), &format!("x{}", &DIGITS[1..]), "not a key", &long] {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        for create in [false, true] {
            let error = MasterKey::load(&source, create).unwrap_err();
            assert!(matches!(error, MasterKeyError::Malformed(_)), "{text}: {error}");
            let shown = format!("{error} {error:?}");
            assert!(text.len() < 9 || !shown.contains(&text[..9]), "{shown}");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "it is left as it is");
    }
}

#[test]
fn a_key_that_somebody_typed_is_refused() {
    for typed in ["0".repeat(64), "f".repeat(64), "0123456789abcdef".repeat(4), "deadbeef".repeat(8)] {
        let error = MasterKey::load(&command(&format!("echo {typed}")), false).unwrap_err();
        assert!(matches!(error, MasterKeyError::Weak(_)), "{error}");
    }
}

#[test]
fn a_directory_is_no_key_file() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let error = MasterKey::load(&MasterKeySource::File(dir.path().into()), true).unwrap_err();
    assert!(matches!(error, MasterKeyError::File { .. }), "{error}");
}

#[test]
fn a_key_file_that_cannot_be_made_is_an_error_that_names_it() {
    let (dir, _, _) = place();
    let path = dir.path().join("missing").join("master.key");
    let error = MasterKey::load(&MasterKeySource::File(path.clone()), true).unwrap_err();
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
}

#[test]
fn a_file_a_variable_and_a_command_with_the_same_digits_are_the_same_key() {
    let (_dir, path, source) = place();
    fs::write(&path, format!("{DIGITS}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let from_file = MasterKey::load(&source, false).unwrap();
    let by_command = MasterKey::load(&command(&format!("cat '{}'; echo", path.display())), false).unwrap();
    assert!(same(&from_file, &by_command));
    let upper = MasterKey::load(&command(&format!("echo '  {}'", DIGITS.to_uppercase())), false).unwrap();
    assert!(same(&from_file, &upper));
    let mut bytes = [0; 32];
    hex::decode_to_slice(DIGITS, &mut bytes).unwrap();
    assert!(same(&from_file, &MasterKey::from_bytes(bytes)));
}

#[test]
fn a_command_that_fails_hangs_on_or_says_nonsense_gives_no_key() {
    for (text, failed) in [
        (format!("echo {DIGITS}; exit 3"), true),
        ("no-such-command-anywhere 2>&-".to_owned(), true),
        ("true".to_owned(), false),
        (format!("echo {DIGITS}; echo {DIGITS}"), false),
    ] {
        let error = MasterKey::load(&command(&text), true).unwrap_err();
        assert_eq!(matches!(error, MasterKeyError::CommandFailed(_)), failed, "{text}: {error}");
        assert_eq!(matches!(error, MasterKeyError::Malformed(_)), !failed, "{text}: {error}");
        assert!(!format!("{error} {error:?}").contains(DIGITS));
    }
    // It is cut off, and does not fill the memory.
    MasterKey::load(&command("yes 1234567890abcdef"), false).unwrap_err();
}

#[test]
fn a_variable_that_is_not_set_is_an_error_that_names_it() {
    let source = MasterKeySource::Env("BAILIWICK_TEST_NO_SUCH_VARIABLE".to_owned());
    let error = MasterKey::load(&source, true).unwrap_err();
    assert!(error.to_string().contains("BAILIWICK_TEST_NO_SUCH_VARIABLE"), "{error}");
}

#[test]
fn keys_derived_for_different_uses_differ_and_show_nothing() {
    let key = MasterKey::load(&command(&format!("echo {DIGITS}")), false).unwrap();
    let ledger = key.derive("ledger log");
    assert_eq!(ledger, key.derive("ledger log"));
    assert_ne!(ledger, key.derive("ledger logs"));
    assert!(!hex::encode(ledger).contains(&DIGITS[..8]));
    let shown = format!("{key:?}");
    assert!(!shown.contains(&DIGITS[..8]) && shown.contains("redacted"));
}

#[test]
fn a_variable_holds_the_same_key_as_a_command() {
    const NAME: &str = "BAILIWICK_TEST_MASTER_KEY";
    // A process cannot safely set its own environment: the test runs itself once more, with the variable set.
    if std::env::var_os(NAME).is_none() {
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", "master::a_variable_holds_the_same_key_as_a_command"]).env(NAME, DIGITS);
        let output = again.output().unwrap();
        assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
        return;
    }
    let by_variable = MasterKey::load(&MasterKeySource::Env(NAME.to_owned()), false).unwrap();
    assert!(same(&by_variable, &MasterKey::load(&command(&format!("echo {DIGITS}")), false).unwrap()));
}
