//! Where is asked: buckets, and beginnings of keys in them.

use crate::cli::ProbeFlags;
use crate::complaint::Complaint;

/// Most buckets that are asked about.
pub(super) const BUCKETS: usize = 1000;

/// A bucket, and what the keys begin with that are asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) bucket: String,
    pub(super) prefix: String,
    /// What they must not begin with, where that is asked about apart.
    pub(super) except: Option<String>,
}

/// The places that the flags name, and how others become places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Places {
    /// Named by `--bucket`; empty: those that the endpoint lists.
    named: Vec<String>,
    prefix: String,
    /// `--only`: a bucket, and perhaps what keys begin with.
    only: Option<(String, String)>,
}

impl Places {
    pub(super) fn read(flags: &ProbeFlags) -> Result<Places, Complaint> {
        let only = flags.only.as_deref().map(|only| only.split_once('/').unwrap_or((only, "")));
        for name in flags.buckets.iter().map(String::as_str).chain(only.map(|(bucket, _)| bucket)) {
            if !is_bucket(name) {
                let message = format!("{name:?} is no name of a bucket");
                return Err(Complaint::usage(message, "Give a bucket's name: letters, digits, '.', '-' and '_'."));
            }
        }
        if flags.buckets.len() > BUCKETS {
            return Err(Complaint::usage(
                format!("more than {BUCKETS} buckets are named"),
                "Ask about fewer at a time.",
            ));
        }
        let only = only.map(|(bucket, prefix)| (bucket.to_owned(), prefix.to_owned()));
        Ok(Places { named: flags.buckets.clone(), prefix: flags.prefix.clone().unwrap_or_default(), only })
    }

    /// All of them, with those that the endpoint lists where none is named; and how many of these are left out.
    pub(super) fn all(&self, listed: &[String]) -> (Vec<Place>, usize) {
        let from: &[String] = if self.named.is_empty() { listed } else { &self.named };
        let mut buckets: Vec<&str> = vec![];
        for name in self.only.iter().map(|(bucket, _)| bucket).chain(from) {
            if is_bucket(name) && !buckets.contains(&name.as_str()) && buckets.len() < BUCKETS {
                buckets.push(name);
            }
        }
        let left_out = from.iter().filter(|name| !buckets.contains(&name.as_str())).count();
        (buckets.into_iter().flat_map(|bucket| self.of(bucket)).collect(), left_out)
    }

    /// The places of one bucket: two, where `--only` is a part of it.
    fn of(&self, bucket: &str) -> Vec<Place> {
        let place = |prefix: &str, except| Place { bucket: bucket.to_owned(), prefix: prefix.to_owned(), except };
        match &self.only {
            Some((only, within)) if only == bucket && !within.is_empty() => {
                vec![place(within, None), place("", Some(within.clone()))]
            }
            _ => vec![place(&self.prefix, None)],
        }
    }
}

impl Place {
    /// Whether `key` is one that is asked about here.
    pub(super) fn has(&self, key: &str) -> bool {
        key.starts_with(&self.prefix) && !self.except.as_ref().is_some_and(|except| key.starts_with(except))
    }

    /// As people write it.
    pub(super) fn shown(&self) -> String {
        match (&self.except, self.prefix.is_empty()) {
            (Some(except), _) => format!("{} beyond {except}", self.bucket),
            (None, true) => self.bucket.clone(),
            (None, false) => format!("{}/{}", self.bucket, self.prefix),
        }
    }
}

/// Whether it can be a path's first segment and nothing else: also an endpoint's list of buckets is looked at so.
fn is_bucket(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
    (3..=255).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::tests::flags;

    fn all(words: &[&str], listed: &[&str]) -> (Vec<String>, usize) {
        let listed: Vec<String> = listed.iter().map(|name| (*name).to_owned()).collect();
        let (places, left_out) = Places::read(&flags(words)).unwrap().all(&listed);
        (places.iter().map(Place::shown).collect(), left_out)
    }

    #[test]
    fn buckets_are_those_named_or_else_those_listed_and_each_is_asked_about_once() {
        assert_eq!(all(&[], &["aaa", "bbb", "aaa"]), (vec!["aaa".into(), "bbb".into()], 0));
        assert_eq!(all(&["--bucket", "ccc", "--prefix", "p/"], &["aaa"]), (vec!["ccc/p/".into()], 0));
        assert_eq!(all(&["--only", "bbb"], &["aaa"]), (vec!["bbb".into(), "aaa".into()], 0));
        let folder = all(&["--only", "bbb/p/"], &["bbb"]);
        assert_eq!(folder, (vec!["bbb/p/".into(), "bbb beyond p/".into()], 0));
    }

    #[test]
    fn what_an_endpoint_lists_is_asked_about_only_if_it_can_be_a_bucket() {
        assert_eq!(all(&[], &["..", "a/b", "x?acl", "../../etc", "good"]), (vec!["good".into()], 4));
        let many: Vec<String> = (0..BUCKETS + 7).map(|n| format!("bucket-{n}")).collect();
        assert_eq!(all(&[], &many.iter().map(String::as_str).collect::<Vec<_>>()).1, 7);
        for bad in ["a/b", "..", "x?y"] {
            assert!(Places::read(&flags(&["--bucket", bad])).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_is_asked_about_where_it_lies() {
        let place = Place { bucket: "b".into(), prefix: String::new(), except: Some("p/".into()) };
        assert!(place.has("k") && !place.has("p/k"));
        assert!(Place { prefix: "p/".into(), except: None, ..place }.has("p/k"));
    }
}
