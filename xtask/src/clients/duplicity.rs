//! duplicity: encrypted backups in volumes, full and incremental, restored and compared with the guest's key.

use crate::process::{Failure, Ran};

use super::desk::Desk;
use super::files::{MIB, noise, same_tree, tree, write};
use super::sheet::Sheet;
use super::tools::Tool;
use super::world::{PRIVATE, REGION};

pub(super) fn work(desk: &Desk, sheet: &mut Sheet) {
    desk.granted(sheet);
    let run = |words: &[&str]| -> Result<Ran, Failure> {
        let program = desk.with_key(Tool::Duplicity, &desk.guest)?.env("PASSPHRASE", "of the backups");
        let store = ["--s3-endpoint-url", desk.endpoint(), "--s3-region-name", REGION, "--num-retries", "1"];
        program.args(words).args(store).run()
    };
    let url = format!("boto3+s3://{}/backups", desk.bucket);

    sheet.check("`duplicity full`, encrypted, in volumes of 5 MB", || {
        tree(&desk.path("tree"))?;
        write(&desk.path("tree/large.bin"), &noise(41, 12 * MIB))?;
        run(&["full", "--volsize", "5", "tree", &url])?.done()?.says("Errors 0").map(drop)
    });
    sheet.check("`duplicity incremental` after a change", || {
        write(&desk.path("tree/later.txt"), b"written later\n")?;
        run(&["incremental", "tree", &url])?.done()?.says("Errors 0").map(drop)
    });
    sheet.check("`duplicity collection-status`", || {
        run(&["collection-status", &url])?.done()?.says("Full")?.says("Incremental").map(drop)
    });
    sheet.check("`duplicity verify --compare-data`", || {
        run(&["verify", "--compare-data", &url, "tree"])?.done()?.says("0 difference(s) found").map(drop)
    });
    sheet.check("`duplicity restore` without a cache brings the same files", || {
        run(&["restore", "--archive-dir", "no-cache", &url, "restored"])?.done()?;
        same_tree(&desk.path("tree"), &desk.path("restored"))
    });
    sheet.check("`duplicity remove-all-but-n-full 1 --force` after another `full`", || {
        run(&["full", "--volsize", "5", "tree", &url])?.done()?;
        run(&["remove-all-but-n-full", "1", "--force", &url])?.done()?;
        run(&["collection-status", &url])?.done()?.says_nothing_of("Incremental").map(drop)
    });
    sheet.check("refused: `duplicity full` into another bucket", || {
        run(&["full", "tree", &format!("boto3+s3://{PRIVATE}/backups")])?.refused()
    });
}
