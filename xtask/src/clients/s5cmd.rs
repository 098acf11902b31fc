//! s5cmd: many requests at once.

use crate::process::{Failure, Ran};

use super::desk::Desk;
use super::files::{MIB, noise, same, same_tree, tree, write};
use super::http;
use super::sheet::Sheet;
use super::tools::Tool;
use super::world::{PRIVATE, SECRET};

pub(super) fn work(desk: &Desk, sheet: &mut Sheet) {
    desk.granted(sheet);
    let bucket = format!("s3://{}", desk.bucket);
    let at = |key: &str| format!("{bucket}/{key}");
    let run = |words: &[&str]| -> Result<Ran, Failure> {
        let program =
            desk.with_key(Tool::S5cmd, &desk.guest)?.args(["--endpoint-url", desk.endpoint(), "--retry-count", "0"]);
        program.args(words).run()
    };

    sheet.check("`s5cmd ls`: its bucket and no other", || desk.only_its_bucket(run(&["ls"])?));
    sheet.check("`s5cmd cp` up, `ls`, `cat`, and `cp` down: the same bytes", || {
        let hello = write(&desk.path("hello.txt"), b"hello\n")?;
        run(&["cp", "hello.txt", &at("")])?.done()?;
        run(&["ls", &at("")])?.done()?.says("hello.txt")?;
        run(&["cat", &at("hello.txt")])?.done()?.says("hello")?;
        run(&["cp", &at("hello.txt"), "hello.back"])?.done()?;
        same(&hello, &desk.path("hello.back"))
    });
    sheet.check("`s5cmd cp` in parts of 5 MiB, eight at once, up and down", || {
        let large = write(&desk.path("large.bin"), &noise(51, 30 * MIB + 3))?;
        let parts = ["cp", "--part-size", "5", "--concurrency", "8"];
        run(&[&parts[..], &["large.bin", &at("large.bin")]].concat())?.done()?;
        run(&[&parts[..], &[&at("large.bin"), "large.back"]].concat())?.done()?;
        same(&large, &desk.path("large.back"))
    });
    sheet.check("`s5cmd sync` up, again with nothing to do, and down: the same files", || {
        tree(&desk.path("tree"))?;
        run(&["sync", "tree/", &at("tree/")])?.done()?;
        run(&["sync", "tree/", &at("tree/")])?.done()?.says_nothing_of("cp ")?;
        run(&["sync", &at("tree/*"), "synced/"])?.done()?;
        same_tree(&desk.path("tree"), &desk.path("synced"))
    });
    sheet.check("`s5cmd cp` and `mv` on the server", || {
        run(&["cp", &at("hello.txt"), &at("copy.txt")])?.done()?;
        run(&["mv", &at("copy.txt"), &at("moved.txt")])?.done()?;
        run(&["cat", &at("moved.txt")])?.done()?.says("hello").map(drop)
    });
    sheet.check("`s5cmd presign` (SigV4)", || {
        let link = run(&["presign", "--expire", "10m", &at("hello.txt")])?.done()?;
        http::get(link.stdout.trim())?.is(b"hello\n")
    });
    sheet.check("`s5cmd rm` of many at once", || {
        run(&["rm", &at("tree/*")])?.done()?;
        run(&["ls", &at("*")])?.done()?.says("hello.txt")?.says_nothing_of("tree/").map(drop)
    });

    let (private, secret) = (format!("s3://{PRIVATE}"), format!("s3://{PRIVATE}/{SECRET}"));
    for (check, words) in [
        ("refused: `s5cmd mb` of a new bucket", &["mb", "s3://a-new-one.example.com"][..]),
        ("refused: `s5cmd rb` of the bucket", &["rb", &bucket]),
        ("refused: `s5cmd ls` of another bucket", &["ls", &private]),
        ("refused: `s5cmd cp` into another bucket", &["cp", "hello.txt", &format!("{private}/planted")]),
        ("refused: `s5cmd cat` from another bucket", &["cat", &secret]),
        ("refused: `s5cmd cp` out of another bucket into its own", &["cp", &secret, &at("stolen")]),
        ("refused: `s5cmd rm` in another bucket", &["rm", &secret]),
    ] {
        sheet.check(check, || run(words)?.refused());
    }
}
