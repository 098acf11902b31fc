//! What a share's key can do, as far as a card must know it: no card tells its reader to do what the server refuses.

use model::{Action, Preset};

/// What a key can do with its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Can {
    /// List the objects.
    pub list: bool,
    /// Read them.
    pub read: bool,
    /// Write new ones.
    pub write: bool,
    /// Delete some, at least.
    pub delete: bool,
}

impl Can {
    /// Of what a share allows, as its views say it: the name of a preset, or actions with commas between.
    pub(crate) fn of(allowed: &str) -> Can {
        let preset = Preset::parse(allowed);
        let allows = |action: Action| match preset {
            Some(preset) => preset.allows(action),
            None => allowed.split(',').any(|name| name == action.as_str()),
        };
        Can {
            list: allows(Action::ListBucket),
            read: allows(Action::GetObject),
            write: allows(Action::PutObject),
            delete: allows(Action::DeleteObject),
        }
    }

    /// Whether restic can use it: it reads what it wrote, and deletes the lock that each run leaves. A repository that it
    /// only reads it can leave unlocked.
    pub(crate) fn restic(self) -> bool {
        self.list && self.read && (self.delete || !self.write)
    }

    /// Whether duplicity can use it: it lists what it wrote, and reads its manifests and signatures.
    pub(crate) fn duplicity(self) -> bool {
        self.list && self.read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_can_what_its_preset_or_its_actions_say() {
        let can = |list, read, write, delete| Can { list, read, write, delete };
        assert_eq!(Can::of("read-write"), can(true, true, true, true));
        assert_eq!(Can::of("read"), can(true, true, false, false));
        assert_eq!(Can::of("drop-box"), can(false, false, true, false));
        assert_eq!(Can::of("s3:GetObject,s3:ListBucket"), can(true, true, false, false));
        assert_eq!(Can::of("s3:GetObjectTagging"), can(false, false, false, false));
    }

    #[test]
    fn a_program_is_offered_only_to_those_with_whose_key_it_works() {
        let who = |works: fn(Can) -> bool| {
            Preset::ALL.map(Preset::as_str).into_iter().filter(move |name| works(Can::of(name))).collect::<Vec<_>>()
        };
        assert_eq!(who(Can::restic), ["read", "read-write", "restic", "rclone-sync"]);
        assert_eq!(who(Can::duplicity), ["read", "read-write", "backup", "restic", "duplicity", "rclone-sync"]);
    }
}
