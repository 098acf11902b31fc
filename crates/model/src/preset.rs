//! What a share allows, by one word.

use crate::Action;

/// What a share allows, by name. Each is what one kind of program needs to do its work, its probes included, and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// List the bucket and read its objects.
    Read,
    /// Create, overwrite and delete objects, and see nothing: 2010's WRITE alone.
    Write,
    /// Both: 2010's WRITE and READ.
    ReadWrite,
    /// Create new objects, and see nothing.
    DropBox,
    /// Create and read; never overwrite or delete.
    Backup,
    /// As backup, but what lies under `locks/` may be deleted: restic takes and drops a lock around each run.
    Restic,
    /// What duplicity needs to back up, verify, restore and tell its collections: as backup. Its volumes, signatures and
    /// manifests are new each time; only `remove-…` and `cleanup`, which are the owner's to run, would delete.
    Duplicity,
    /// What `rclone sync` needs: read, write, overwrite and delete.
    RcloneSync,
}

/// What every client may ask to find out whether it is where it thinks it is.
const PROBES: [Action; 3] = [Action::HeadBucket, Action::GetBucketLocation, Action::GetBucketVersioning];

/// Seeing and reading.
const READS: [Action; 5] = [
    Action::ListBucket,
    Action::ListBucketVersions,
    Action::GetObject,
    Action::GetObjectAttributes,
    Action::ListBucketMultipartUploads,
];

/// Writing, in one request or by parts.
const PUTS: [Action; 3] = [Action::PutObject, Action::AbortMultipartUpload, Action::ListMultipartUploadParts];

/// Where restic keeps its locks, under the root of its repository.
const RESTIC_LOCKS: &str = "locks/";

impl Preset {
    /// All of them.
    pub const ALL: [Preset; 8] = [
        Preset::Read,
        Preset::Write,
        Preset::ReadWrite,
        Preset::DropBox,
        Preset::Backup,
        Preset::Restic,
        Preset::Duplicity,
        Preset::RcloneSync,
    ];

    /// As `share --preset` spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Preset::Read => "read",
            Preset::Write => "write",
            Preset::ReadWrite => "read-write",
            Preset::DropBox => "drop-box",
            Preset::Backup => "backup",
            Preset::Restic => "restic",
            Preset::Duplicity => "duplicity",
            Preset::RcloneSync => "rclone-sync",
        }
    }

    /// In a few words, for people.
    pub const fn summary(self) -> &'static str {
        match self {
            Preset::Read => "list and read",
            Preset::Write => "create, overwrite and delete; see nothing",
            Preset::ReadWrite => "list, read, create, overwrite and delete",
            Preset::DropBox => "create new objects; see nothing",
            Preset::Backup => "create and read; never overwrite or delete",
            Preset::Restic => "as backup, and delete restic's locks",
            Preset::Duplicity => "as backup, for duplicity",
            Preset::RcloneSync => "list, read, create, overwrite and delete, for rclone sync",
        }
    }

    /// From that spelling; nothing else is one.
    pub fn parse(text: &str) -> Option<Self> {
        Preset::ALL.into_iter().find(|p| p.as_str() == text)
    }

    /// Whether the preset allows `action` on the share's bucket or an object in it, as far as the action alone can tell
    /// ([`Preset::create_only`], [`Preset::may_delete`]). It answers what the clients that it is meant for ask first
    /// (HeadBucket, GetBucketLocation, GetBucketVersioning), beside the work itself; CreateBucket on the existing bucket is
    /// answered elsewhere and changes nothing.
    pub fn allows(self, action: Action) -> bool {
        let (reads, puts, deletes) = match self {
            Preset::Read => (true, false, false),
            Preset::Write => (false, true, true),
            Preset::ReadWrite | Preset::RcloneSync => (true, true, true),
            Preset::DropBox => (false, true, false),
            Preset::Backup | Preset::Duplicity => (true, true, false),
            Preset::Restic => (true, true, true),
        };
        PROBES.contains(&action)
            || (reads && READS.contains(&action))
            || (puts && PUTS.contains(&action))
            || (deletes && action == Action::DeleteObject)
    }

    /// Whether PutObject must find nothing under its key, whatever the client sends.
    pub const fn create_only(self) -> bool {
        match self {
            Preset::DropBox | Preset::Backup | Preset::Restic | Preset::Duplicity => true,
            Preset::Read | Preset::Write | Preset::ReadWrite | Preset::RcloneSync => false,
        }
    }

    /// Whether DeleteObject may remove the object under `key`, in a share of what begins with `share_prefix`.
    pub fn may_delete(self, key: &str, share_prefix: &str) -> bool {
        match (self, key.strip_prefix(share_prefix)) {
            (_, None) => false,
            (Preset::Write | Preset::ReadWrite | Preset::RcloneSync, Some(_)) => true,
            (Preset::Restic, Some(rest)) => rest.starts_with(RESTIC_LOCKS),
            (Preset::Read | Preset::DropBox | Preset::Backup | Preset::Duplicity, Some(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What somebody with the preset can do to an object: list and read it; write it where there is none, where there is
    /// one; delete it, elsewhere, under `locks/`.
    const TABLE: [(Preset, [bool; 6]); 8] = [
        // preset               list   read   new    over   delete locks/
        (Preset::Read, [true, true, false, false, false, false]),
        (Preset::Write, [false, false, true, true, true, true]),
        (Preset::ReadWrite, [true, true, true, true, true, true]),
        (Preset::DropBox, [false, false, true, false, false, false]),
        (Preset::Backup, [true, true, true, false, false, false]),
        (Preset::Restic, [true, true, true, false, false, true]),
        (Preset::Duplicity, [true, true, true, false, false, false]),
        (Preset::RcloneSync, [true, true, true, true, true, true]),
    ];

    #[test]
    fn each_preset_is_what_it_says() {
        for prefix in ["", "backups/"] {
            for (preset, expected) in TABLE {
                let deletes = |key: &str| {
                    preset.allows(Action::DeleteObject) && preset.may_delete(&format!("{prefix}{key}"), prefix)
                };
                let actual = [
                    preset.allows(Action::ListBucket),
                    preset.allows(Action::GetObject) && preset.allows(Action::GetObjectAttributes),
                    preset.allows(Action::PutObject),
                    preset.allows(Action::PutObject) && !preset.create_only(),
                    deletes("data/00"),
                    deletes("locks/00"),
                ];
                assert_eq!(actual, expected, "{} under {prefix:?}", preset.as_str());
                assert_eq!(Preset::parse(preset.as_str()), Some(preset));
            }
        }
        assert_eq!(Preset::ALL.map(|preset| preset.as_str()), TABLE.map(|(preset, _)| preset.as_str()));
        assert_eq!(Preset::parse("all"), None);
    }

    #[test]
    fn locks_are_those_of_the_repository_and_of_nobody_elses() {
        for key in ["locks", "locks-old/a", "data/locks/a", "LOCKS/a", "other/locks/a"] {
            assert!(!Preset::Restic.may_delete(key, ""), "{key}");
        }
        assert!(!Preset::Restic.may_delete("locks/a", "backups/"), "outside the share");
        assert!(!Preset::ReadWrite.may_delete("elsewhere/a", "backups/"), "outside the share");
    }

    #[test]
    fn every_preset_answers_its_clients_probes_and_changes_no_setting() {
        for preset in Preset::ALL {
            for action in Action::ALL {
                let asks = PROBES.contains(action);
                let works = READS.contains(action) || PUTS.contains(action) || *action == Action::DeleteObject;
                assert!(!asks || preset.allows(*action), "{} answers {action:?}", preset.as_str());
                assert!(asks || works || !preset.allows(*action), "{} allows {action:?}", preset.as_str());
                assert!(!preset.allows(*action) || crate::Share::can_give(*action));
            }
        }
    }

    #[test]
    fn no_share_gives_what_changes_who_may_do_what() {
        for action in [
            Action::PutBucketAcl,
            Action::PutObjectAcl,
            Action::PutBucketPolicy,
            Action::DeleteBucketPolicy,
            Action::PutBucketOwnershipControls,
            Action::PutBucketPublicAccessBlock,
            Action::DeleteBucket,
            Action::CreateBucket,
            Action::TagResource,
            Action::ListAllMyBuckets,
            Action::PutBucketVersioning,
            Action::PutLifecycleConfiguration,
            Action::PutReplicationConfiguration,
        ] {
            assert!(!crate::Share::can_give(action), "{action:?}");
        }
        assert!(crate::Share::can_give(Action::PutObjectTagging) && crate::Share::can_give(Action::GetBucketAcl));
    }
}
