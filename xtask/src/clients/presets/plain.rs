//! The presets that are for no program in particular, and `rclone-sync`, which is one of them by another name.

use super::{Owner, aws_elsewhere, elsewhere, every_request, pasted, rclone_elsewhere, refused, s3cmd_elsewhere};
use crate::clients::desk::Desk;
use crate::clients::files::{MIB, noise, same, same_tree, write as write_file};
use crate::clients::sheet::Sheet;
use crate::clients::tools::Tool;

/// `read`: list and download, with whatever.
pub(crate) fn read(desk: &Desk, sheet: &mut Sheet) {
    let (owner, at) = (Owner { desk }, &desk.bucket);
    pasted(desk, Tool::S3cmd, "read", sheet, |card, sheet| {
        sheet.check("owner: `s3cmd put` of a tree", || {
            owner.puts(&card.path("FILE"), "FILE")?;
            owner.puts(&card.path("DIRECTORY/"), "tree/")
        });
        sheet.check("`s3cmd ls`, `get` and `sync` down bring the same files", || {
            card.run(&format!("ls s3://{at}/tree/"))?.done()?.says("dump.tar")?;
            card.run(&format!("get s3://{at}/FILE got"))?.done()?;
            same(&card.path("FILE"), &card.path("got"))?;
            card.run(&format!("sync s3://{at}/tree/ synced/"))?.done()?;
            same_tree(&card.path("DIRECTORY"), &card.path("synced"))
        });
        let (put, del) = (format!("put FILE s3://{at}/new"), format!("del s3://{at}/FILE"));
        refused(card, sheet, &[("`s3cmd put`", put), ("`s3cmd del`", del)]);
        elsewhere(card, "s3cmd", sheet, &s3cmd_elsewhere());
    });
    pasted(desk, Tool::Aws2, "read", sheet, |card, sheet| {
        sheet.check("`aws s3 ls`, `cp` and `sync` down bring the same files", || {
            card.run(&format!("s3 ls s3://{at}/tree/"))?.done()?.says("dump.tar")?;
            card.run(&format!("s3 cp s3://{at}/FILE got"))?.done()?;
            same(&card.path("FILE"), &card.path("got"))?;
            card.run(&format!("s3 sync s3://{at}/tree synced"))?.done()?;
            same_tree(&card.path("DIRECTORY"), &card.path("synced"))
        });
        let (cp, rm) = (format!("s3 cp FILE s3://{at}/new"), format!("s3 rm s3://{at}/FILE"));
        let sync = format!("s3 sync --delete DIRECTORY s3://{at}");
        refused(card, sheet, &[("`aws s3 cp` up", cp), ("`aws s3 rm`", rm), ("`aws s3 sync --delete` up", sync)]);
        elsewhere(card, "aws", sheet, &aws_elsewhere());
    });
    pasted(desk, Tool::Rclone, "read", sheet, |card, sheet| {
        sheet.check("`rclone copy` down and `check` find the same files", || {
            card.run(&format!("copy bailiwick:{at}/tree copied"))?.done()?;
            same_tree(&card.path("DIRECTORY"), &card.path("copied"))?;
            card.run(&format!("check copied bailiwick:{at}/tree"))?.done()?.says("0 differences found").map(drop)
        });
        let (copy, delete) = (format!("copyto FILE bailiwick:{at}/new"), format!("deletefile bailiwick:{at}/FILE"));
        refused(card, sheet, &[("`rclone copyto` up", copy), ("`rclone deletefile`", delete)]);
        elsewhere(card, "rclone", sheet, &rclone_elsewhere());
    });
    every_request(desk, "read", sheet);
}

/// `write`: 2010's WRITE alone.
pub(crate) fn write(desk: &Desk, sheet: &mut Sheet) {
    let (owner, at) = (Owner { desk }, &desk.bucket);
    pasted(desk, Tool::S3cmd, "write", sheet, |card, sheet| {
        sheet.check(
            "`s3cmd put` of a new file, over it, and in parts of 5 MiB; the owner finds the last bytes",
            || {
                let large = write_file(&card.path("large.bin"), &noise(81, 12 * MIB + 1))?;
                card.run(&format!("put FILE s3://{at}/a"))?.done()?;
                card.run(&format!("put DIRECTORY/dump.tar s3://{at}/a"))?.done()?;
                card.run(&format!("put --multipart-chunk-size-mb=5 large.bin s3://{at}/large.bin"))?.done()?;
                owner.finds("a", &card.path("DIRECTORY/dump.tar"))?;
                owner.finds("large.bin", &large)
            },
        );
        sheet.check("`s3cmd del`", || {
            card.run(&format!("del s3://{at}/large.bin"))?.done()?;
            if owner.lists("")? == ["a"] { Ok(()) } else { Err("it is still there".to_owned()) }
        });
        let (ls, get) = (format!("ls s3://{at}"), format!("get --force s3://{at}/a got"));
        refused(card, sheet, &[("`s3cmd ls`", ls), ("`s3cmd get`", get)]);
        elsewhere(card, "s3cmd", sheet, &s3cmd_elsewhere());
    });
    pasted(desk, Tool::Aws2, "write", sheet, |card, sheet| {
        sheet.check("`aws s3 cp` of a new file, over it, and of 20 MiB in parts; `rm`", || {
            let large = write_file(&card.path("large.bin"), &noise(82, 20 * MIB))?;
            card.run(&format!("s3 cp FILE s3://{at}/b"))?.done()?;
            card.run(&format!("s3 cp DIRECTORY/dump.tar s3://{at}/b"))?.done()?;
            card.run(&format!("s3 cp large.bin s3://{at}/large.bin"))?.done()?;
            owner.finds("b", &card.path("DIRECTORY/dump.tar"))?;
            owner.finds("large.bin", &large)?;
            card.run(&format!("s3 rm s3://{at}/large.bin"))?.done().map(drop)
        });
        let (ls, cp) = (format!("s3 ls s3://{at}"), format!("s3 cp s3://{at}/b got"));
        refused(card, sheet, &[("`aws s3 ls`", ls), ("`aws s3 cp` down", cp)]);
        elsewhere(card, "aws", sheet, &aws_elsewhere());
    });
    every_request(desk, "write", sheet);
}

/// `read-write`: 2010's WRITE and READ.
pub(crate) fn read_write(desk: &Desk, sheet: &mut Sheet) {
    let at = &desk.bucket;
    pasted(desk, Tool::S3cmd, "read-write", sheet, |card, sheet| {
        sheet.check(
            "`s3cmd put`, `ls`, `get`, `put` over it, `del`; `ls` without a bucket names its bucket alone",
            || {
                card.run(&format!("put FILE s3://{at}/a"))?.done()?;
                card.run(&format!("put DIRECTORY/dump.tar s3://{at}/a"))?.done()?;
                card.run(&format!("get s3://{at}/a got"))?.done()?;
                same(&card.path("DIRECTORY/dump.tar"), &card.path("got"))?;
                card.run(&format!("del s3://{at}/a"))?.done()?;
                card.run(&format!("ls s3://{at}"))?.done()?.says_nothing_of("s3://")?;
                desk.only_its_bucket(card.run("ls")?)
            },
        );
        elsewhere(card, "s3cmd", sheet, &s3cmd_elsewhere());
    });
    pasted(desk, Tool::Aws2, "read-write", sheet, |card, sheet| {
        sheet.check("`aws s3 sync` up, with `--delete` after a change, and down", || {
            card.run(&format!("s3 sync DIRECTORY s3://{at}/tree"))?.done()?;
            std::fs::remove_file(card.path("DIRECTORY/readme.txt")).map_err(|error| error.to_string())?;
            card.run(&format!("s3 sync --delete DIRECTORY s3://{at}/tree"))?.done()?.says("delete:")?;
            card.run(&format!("s3 sync s3://{at}/tree synced"))?.done()?;
            same_tree(&card.path("DIRECTORY"), &card.path("synced"))
        });
        elsewhere(card, "aws", sheet, &aws_elsewhere());
    });
    every_request(desk, "read-write", sheet);
}

/// `drop-box`: create, and see nothing.
pub(crate) fn drop_box(desk: &Desk, sheet: &mut Sheet) {
    let (owner, at) = (Owner { desk }, &desk.bucket);
    pasted(desk, Tool::S3cmd, "drop-box", sheet, |card, sheet| {
        sheet.check("`s3cmd put` as its card says it, of another file, and in parts; the owner finds them", || {
            let large = write_file(&card.path("large.bin"), &noise(83, 12 * MIB + 1))?;
            card.as_it_stands()?.done()?;
            card.run(&format!("put DIRECTORY/dump.tar s3://{at}/in/"))?.done()?;
            card.run(&format!("put --multipart-chunk-size-mb=5 large.bin s3://{at}/large.bin"))?.done()?;
            owner.finds("FILE", &card.path("FILE"))?;
            owner.finds("in/dump.tar", &card.path("DIRECTORY/dump.tar"))?;
            owner.finds("large.bin", &large)
        });
        let again = format!("put DIRECTORY/dump.tar s3://{at}/FILE");
        let parts = format!("put --multipart-chunk-size-mb=5 large.bin s3://{at}/FILE");
        let (ls, get, del) =
            (format!("ls s3://{at}"), format!("get --force s3://{at}/FILE got"), format!("del s3://{at}/FILE"));
        let all = [
            ("`s3cmd put` over it", again),
            ("`s3cmd put` over it in parts", parts),
            ("`s3cmd ls`", ls),
            ("`s3cmd get`", get),
            ("`s3cmd del`", del),
        ];
        refused(card, sheet, &all);
        elsewhere(card, "s3cmd", sheet, &s3cmd_elsewhere());
        sheet.check("owner: what was dropped first is there as it was", || owner.finds("FILE", &card.path("FILE")));
    });
    pasted(desk, Tool::Aws2, "drop-box", sheet, |card, sheet| {
        sheet.check("`aws s3 cp` of a new file, and from standard input", || {
            card.run(&format!("s3 cp FILE s3://{at}/by-aws"))?.done()?;
            card.run(&format!("s3 cp - s3://{at}/typed < FILE"))?.done()?;
            owner.finds("typed", &card.path("FILE"))
        });
        let again = format!("s3 cp DIRECTORY/dump.tar s3://{at}/by-aws");
        let (ls, cp, rm) =
            (format!("s3 ls s3://{at}"), format!("s3 cp s3://{at}/by-aws got"), format!("s3 rm s3://{at}/by-aws"));
        refused(
            card,
            sheet,
            &[("`aws s3 cp` over it", again), ("`aws s3 ls`", ls), ("`aws s3 cp` down", cp), ("`aws s3 rm`", rm)],
        );
        elsewhere(card, "aws", sheet, &aws_elsewhere());
    });
    every_request(desk, "drop-box", sheet);
}

/// `rclone-sync`: the destination becomes what the source is.
pub(crate) fn rclone_sync(desk: &Desk, sheet: &mut Sheet) {
    let (owner, at) = (Owner { desk }, &desk.bucket);
    pasted(desk, Tool::Rclone, "rclone-sync", sheet, |card, sheet| {
        sheet.check("the card, pasted: `rclone copy` and `ls`", || card.as_it_stands()?.done()?.says("FILE").map(drop));
        sheet.check("`rclone sync` up, and again with nothing to do", || {
            let large = write_file(&card.path("DIRECTORY/large.bin"), &noise(84, 12 * MIB + 1))?;
            let parts = "--s3-upload-cutoff 5M --s3-chunk-size 5M";
            card.run(&format!("sync {parts} DIRECTORY bailiwick:{at}/tree"))?.done()?;
            owner.finds("tree/large.bin", &large)?;
            card.run(&format!("sync --verbose DIRECTORY bailiwick:{at}/tree"))?
                .done()?
                .says_nothing_of("Copied")
                .map(drop)
        });
        sheet.check(
            "`rclone sync` up replaces what changed, removes what is gone, and renames with `--track-renames`",
            || {
                std::fs::remove_file(card.path("DIRECTORY/readme.txt")).map_err(|error| error.to_string())?;
                write_file(&card.path("DIRECTORY/dump.tar"), &noise(85, 100_000))?;
                let moved = std::fs::rename(card.path("DIRECTORY/large.bin"), card.path("DIRECTORY/renamed.bin"));
                moved.map_err(|error| error.to_string())?;
                card.run(&format!("sync --track-renames DIRECTORY bailiwick:{at}/tree"))?.done()?;
                card.run(&format!("check DIRECTORY bailiwick:{at}/tree"))?.done()?.says("0 differences found").map(drop)
            },
        );
        sheet.check("`rclone sync` down brings the same files", || {
            card.run(&format!("sync bailiwick:{at}/tree synced"))?.done()?;
            same_tree(&card.path("DIRECTORY"), &card.path("synced"))
        });
        refused(
            card,
            sheet,
            &[("`rclone purge` of the bucket, which removes it at last", format!("purge bailiwick:{at}"))],
        );
        let mut all = rclone_elsewhere();
        all.push(format!("sync DIRECTORY bailiwick:{}", crate::clients::world::PRIVATE));
        elsewhere(card, "rclone", sheet, &all);
    });
    every_request(desk, "rclone-sync", sheet);
}
