//! restic: backups into the bucket, kept, checked, restored and forgotten with the guest's key.

use crate::process::{Failure, Ran};

use super::desk::Desk;
use super::files::{MIB, noise, same_tree, tree, write};
use super::sheet::Sheet;
use super::tools::Tool;
use super::world::PRIVATE;

pub(super) fn work(desk: &Desk, sheet: &mut Sheet) {
    desk.granted(sheet);
    let at = |bucket: &str, words: &[&str]| -> Result<Ran, Failure> {
        let program = desk.with_key(Tool::Restic, &desk.guest)?.env("RESTIC_PASSWORD", "of the backups");
        let program = program.env("RESTIC_REPOSITORY", format!("s3:{}/{bucket}", desk.endpoint()));
        program.env("RESTIC_CACHE_DIR", desk.path("cache")).args(words).run()
    };
    let run = |words: &[&str]| at(&desk.bucket, words);

    sheet.check("`restic init`", || run(&["init"])?.done()?.says("created restic repository").map(drop));
    sheet.check("`restic backup`, twice, and `snapshots`", || {
        tree(&desk.path("tree"))?;
        write(&desk.path("tree/large.bin"), &noise(31, 20 * MIB))?;
        run(&["backup", "tree"])?.done()?.says("snapshot")?;
        write(&desk.path("tree/later.txt"), b"written later\n")?;
        run(&["backup", "tree"])?.done()?.says("snapshot")?;
        run(&["snapshots"])?.done()?.says("2 snapshots").map(drop)
    });
    sheet.check("`restic check --read-data`", || {
        run(&["check", "--read-data"])?.done()?.says("no errors were found").map(drop)
    });
    sheet.check("`restic restore latest` brings the same files", || {
        run(&["restore", "latest", "--target", "restored"])?.done()?;
        let inner = desk.path("tree");
        let inner = inner.strip_prefix("/").unwrap_or(&inner);
        let restored = if desk.path("restored/tree").is_dir() {
            desk.path("restored/tree")
        } else {
            desk.path("restored").join(inner)
        };
        same_tree(&desk.path("tree"), &restored)
    });
    sheet.check("`restic forget --keep-last 1 --prune`, and `check` after it", || {
        run(&["forget", "--keep-last", "1", "--prune"])?.done()?;
        run(&["snapshots"])?.done()?.says("1 snapshots")?;
        run(&["check"])?.done()?.says("no errors were found").map(drop)
    });
    sheet.check("refused: `restic init` in another bucket", || at(PRIVATE, &["init"])?.refused());
    sheet.check("refused: `restic snapshots` of another bucket", || at(PRIVATE, &["snapshots"])?.refused());
    sheet.check("refused: `restic init` in a new bucket", || at("a-new-one.example.com", &["init"])?.refused());
}
