//! The commands that ask the store something: from the command line to a question, and from the outcome to stdout.

use clap::CommandFactory;
use serde::Serialize;

use crate::admin::{
    BackupView, Command, HolderDiff, KeyOrder, NewShare, OnlyReach, Outcome, ReachRow, ShareOrder, ShareView,
    StatusView, VerifyView, Whose,
};
use crate::card::{Can, Card, Client, SECRET_PLACEHOLDER};
use crate::cli::{
    AccountVerb, Bailiwick, BucketVerb, CanFlags, Invocation, KeyFlags, KeyVerb, ReachFlags, ShareFlags, SharesVerb,
    Verb,
};
use crate::complaint::{Complaint, Exit};
use crate::place::{self, Place};
use crate::socket::About;
use crate::{print, progress, proposal, restore, serve};

/// Does what was asked for.
pub(crate) async fn run(invocation: &Invocation) -> Result<Exit, Complaint> {
    let common = &invocation.cli.common;
    match &invocation.cli.verb {
        Verb::Serve(flags) => serve::serve(common, flags).await,
        Verb::Try(flags) => crate::trial::run(common, flags).await,
        Verb::Probe(flags) => crate::probe::run(common, flags).await,
        Verb::Completions { shell } => completions(*shell),
        Verb::Restore { from, snapshot, list, shelf } => {
            restore::run(invocation, &restore::order(from, shelf)?, snapshot.as_deref(), *list).await
        }
        verb => ask(invocation, verb).await,
    }
}

fn completions(shell: clap_complete::Shell) -> Result<Exit, Complaint> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Bailiwick::command(), "bailiwick", &mut script);
    print::text(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

async fn ask(invocation: &Invocation, verb: &Verb) -> Result<Exit, Complaint> {
    let Some(command) = question(verb)? else { return Ok(Exit::Done) };
    let common = &invocation.cli.common;
    let long = command.is_long();
    let asked = async {
        let place = place::find(common, || invocation.serve_flags()).await?;
        let about = match &place {
            Place::Server(server) => Some(server.about().clone()),
            Place::Store(..) => None,
        };
        let mut bar = progress::Bar::new();
        Ok::<_, Complaint>((about, place.ask(command, |progress| bar.show(progress)).await?))
    };
    let (about, outcome) = if long { asked.await? } else { progress::during("asking the store", asked).await? };
    match (verb, &outcome) {
        (
            Verb::Share(ShareFlags { client, .. }) | Verb::Shares(SharesVerb::Rotate { client, .. }),
            Outcome::Shared(share),
        ) if !common.json => {
            print::outcome(&outcome, false)?;
            let about = about.map_or_else(|| own_endpoint(invocation), Ok)?;
            print::text(&format!("\n{}", card(share, &about, *client)))?;
            Ok(Exit::Done)
        }
        (Verb::Shares(SharesVerb::Card { client, .. }), Outcome::Share(share)) if !common.json => {
            let about = about.map_or_else(|| own_endpoint(invocation), Ok)?;
            print::text(&card_again(share, &about, *client))?;
            Ok(Exit::Done)
        }
        (Verb::Reach(flags), Outcome::ReachOnly(reach)) => {
            print::outcome(&outcome, common.json)?;
            let (key, place) = (flags.key.as_deref().unwrap_or_default(), flags.only.as_deref().unwrap_or_default());
            only(reach, key, place)
        }
        (Verb::Reach(_), Outcome::ReachDiff(all)) => {
            print::outcome(&outcome, common.json)?;
            nothing_gained(all)
        }
        (Verb::Can(_), Outcome::Can(answer)) => {
            print::outcome(&outcome, common.json)?;
            Ok(if answer.allowed { Exit::Done } else { Exit::Failed })
        }
        (Verb::Verify { .. }, Outcome::Verified(found)) => {
            print::outcome(&outcome, common.json)?;
            all_well(found)
        }
        (Verb::Backup { .. }, Outcome::BackedUp(backup)) => {
            print::outcome(&outcome, common.json)?;
            complete(backup)
        }
        (Verb::Status, Outcome::Status(status)) => self::status(status, about, common.json),
        _ => print::outcome(&outcome, common.json).map(|()| Exit::Done),
    }
}

/// The question that a command line is; `None` for those that ask nothing.
fn question(verb: &Verb) -> Result<Option<Command>, Complaint> {
    Ok(Some(match verb {
        Verb::Serve(_) | Verb::Try(_) | Verb::Probe(_) | Verb::Completions { .. } | Verb::Restore { .. } => {
            return Ok(None);
        }
        Verb::Account(verb) => match verb.clone() {
            AccountVerb::Create { email, guest, display_name } => Command::AccountCreate { email, display_name, guest },
            AccountVerb::List => Command::AccountList,
            AccountVerb::Show { account } => Command::AccountShow { account },
            AccountVerb::Suspend { account, resume } => Command::AccountSuspend { account, resume },
        },
        Verb::Key(verb) => match verb.clone() {
            KeyVerb::Create(flags) => Command::KeyCreate(key_order(flags)?),
            KeyVerb::Rotate { key, overlap } => Command::KeyRotate { access_key_id: key, overlap },
            KeyVerb::List { account } => Command::KeyList { account },
            KeyVerb::Disable { key } => Command::KeyDisable { access_key_id: key },
            KeyVerb::Enable { key } => Command::KeyEnable { access_key_id: key },
            KeyVerb::Delete { key } => Command::KeyDelete { access_key_id: key },
        },
        Verb::Bucket(verb) => match verb.clone() {
            BucketVerb::Create { bucket, owner } => Command::BucketCreate { bucket, owner },
            BucketVerb::List => Command::BucketList,
            BucketVerb::Show { bucket } => Command::BucketShow { bucket },
            BucketVerb::Delete { bucket } => Command::BucketDelete { bucket },
        },
        Verb::Share(flags) => Command::Share(share_order(flags.clone())),
        Verb::Shares(verb) => match verb.clone() {
            SharesVerb::List => Command::SharesList,
            SharesVerb::Show { share_id } => Command::SharesShow { share_id },
            SharesVerb::Card { share_id, .. } => Command::SharesShow { share_id },
            SharesVerb::Revoke { share_id } => Command::SharesRevoke { share_id },
            SharesVerb::Rotate { share_id, .. } => Command::SharesRotate { share_id },
            SharesVerb::Extend { share_id, days, until } => Command::SharesExtend { share_id, days, until },
        },
        Verb::Reach(ReachFlags { diff: Some(file), key, all, bucket, .. }) => {
            let whose = match key {
                Some(key) => Whose::Key(key.clone()),
                None if *all => Whose::All,
                None => Whose::Everyone,
            };
            Command::ReachDiff { whose, bucket: bucket.clone(), proposal: proposal::read(file)? }
        }
        Verb::Reach(flags) => match (flags.key.clone(), flags.only.clone()) {
            (Some(access_key_id), Some(only)) => Command::ReachOnly { access_key_id, only },
            (Some(access_key_id), None) => Command::Reach { access_key_id },
            (None, _) if flags.all => Command::ReachAll,
            (None, _) => Command::ReachPublic,
        },
        Verb::Why { request_id } => Command::Why { request_id: request_id.clone() },
        Verb::Can(flags) => {
            let CanFlags { who, action, what, ip, at } = flags.clone();
            Command::Can { who, action, what, source: ip, at }
        }
        Verb::Usage { bucket } => Command::Usage { bucket: bucket.clone() },
        Verb::Status => Command::Status,
        Verb::Verify { deep } => Command::Verify { deep: *deep },
        Verb::Compact => Command::Compact,
        Verb::Backup { to, shelf } => Command::Backup(restore::order(to, shelf)?),
    }))
}

fn key_order(flags: KeyFlags) -> Result<KeyOrder, Complaint> {
    let KeyFlags { account, allow_sigv2, buckets, prefixes, networks, expires, policy } = flags;
    let read = |path: std::path::PathBuf| {
        std::fs::read_to_string(&path).map_err(|error| {
            Complaint::usage(
                format!("the policy {} cannot be read: {error}", path.display()),
                "Name a file that exists with --policy.",
            )
        })
    };
    let policy = policy.map(read).transpose()?;
    Ok(KeyOrder { account, allow_sigv2, buckets, prefixes, networks, expires, policy })
}

fn share_order(flags: ShareFlags) -> ShareOrder {
    let ShareFlags { bucket, with, preset, allow, networks, days, until, pin, name, note, .. } = flags;
    let ShareFlags { max_bytes, max_objects, requests_per_second, bytes_per_second, .. } = flags;
    ShareOrder {
        bucket,
        with,
        preset,
        allow,
        networks,
        days,
        until,
        max_bytes,
        max_objects,
        requests_per_second,
        bytes_per_second,
        pin,
        name,
        note,
    }
}

/// What a server started now from the same configuration would be called.
fn own_endpoint(invocation: &Invocation) -> Result<About, Complaint> {
    let flags = invocation.serve_flags()?;
    Ok(About::this(serve::endpoint(&flags, flags.s3), flags.region))
}

/// The hand-off card of a new share.
pub(crate) fn card(share: &NewShare, about: &About, client: Option<Client>) -> String {
    let card = Card {
        endpoint: &about.endpoint,
        region: &about.region,
        bucket: &share.bucket,
        prefix: share.prefix.as_deref().unwrap_or_default(),
        access_key_id: &share.access_key_id,
        secret_access_key: &share.secret_access_key,
        can: Can::of(&share.preset),
    };
    render(&card, &share.preset, client)
}

/// The card of a share whose secret was shown before.
fn card_again(share: &ShareView, about: &About, client: Option<Client>) -> String {
    let card = Card {
        endpoint: &about.endpoint,
        region: &about.region,
        bucket: &share.bucket,
        prefix: &share.prefix,
        access_key_id: &share.access_key_id,
        secret_access_key: SECRET_PLACEHOLDER,
        can: Can::of(&share.preset),
    };
    render(&card, &share.preset, client)
}

fn render(card: &Card<'_>, preset: &str, client: Option<Client>) -> String {
    match client {
        Some(client) => card.render(&[client]),
        None => format!("{}\n{}", card.render(Client::usual(preset)), card.probe()),
    }
}

/// Whether a key reaches nothing but `place`.
fn only(reach: &OnlyReach, key: &str, place: &str) -> Result<Exit, Complaint> {
    match &reach.more {
        None => Ok(Exit::Done),
        Some(row) => Err(Complaint::failed(
            format!(
                "{key} reaches more than {place}: {}{} on bucket {}, keys {} ({})",
                reach.example.as_ref().map(|example| format!("{example}, by ")).unwrap_or_default(),
                row.actions.join(" "),
                row.bucket,
                row.keys,
                row.why
            ),
            "Take that away from it, or hand out a key of a share instead.",
        )),
    }
}

/// Whether a backup lacks nothing.
fn complete(backup: &BackupView) -> Result<Exit, Complaint> {
    match backup.without.len() {
        0 => Ok(Exit::Done),
        lacking => Err(Complaint::failed(
            format!(
                "the backup {} is made without {}, which cannot be read",
                backup.id,
                print::counted(lacking as u64, "body", "bodies")
            ),
            "`bailiwick verify --deep` names the objects; write them again, or take them from an earlier backup.",
        )),
    }
}

/// Whether all that is stored is as it was written.
pub(crate) fn all_well(found: &VerifyView) -> Result<Exit, Complaint> {
    match found.damage.first() {
        None => Ok(Exit::Done),
        Some(first) => Err(Complaint::failed(
            format!(
                "{} damaged: first, {}: {}",
                print::counted(found.damage.len() as u64 + found.more_damage, "thing is", "things are"),
                first.what,
                first.problem
            ),
            format!("For this one: {}.", first.remedy),
        )),
    }
}

/// Whether a proposal gives nobody anything.
fn nothing_gained(all: &[HolderDiff]) -> Result<Exit, Complaint> {
    let Some((holder, first)) = all.iter().find_map(|holder| Some((holder, holder.gained.first()?))) else {
        return Ok(Exit::Done);
    };
    let row = &first.row;
    let example = first.examples.first().map(|example| format!(", as in {example}")).unwrap_or_default();
    Err(Complaint::failed(
        format!(
            "{} would gain {} on bucket {}, keys {}{example}",
            holder.who,
            row.actions.join(" "),
            row.bucket,
            row.keys
        ),
        "Nothing was changed: propose less, or carry it out if it is meant.",
    ))
}

/// A list of one's own buckets is no further reach: it shows the buckets that the other rows name.
pub(crate) fn reaches_more(row: &ReachRow, bucket: &str) -> bool {
    let own_list = row.bucket == "*" && row.actions.iter().all(|action| action == "s3:ListAllMyBuckets");
    row.bucket != bucket && !own_list && !row.actions.is_empty()
}

/// The state of the store, with the process that serves it.
#[derive(Serialize)]
struct Status<'a> {
    #[serde(flatten)]
    store: &'a StatusView,
    server: Option<About>,
}

fn status(store: &StatusView, server: Option<About>, as_json: bool) -> Result<Exit, Complaint> {
    let damaged = store.scrub.as_ref().is_some_and(|scrub| !scrub.damage.is_empty() || scrub.failed.is_some());
    let exit = if store.trouble.is_none() && !damaged { Exit::Done } else { Exit::Failed };
    if as_json {
        print::json(&Status { store, server })?;
        return Ok(exit);
    }
    print::outcome(&Outcome::Status(store.clone()), false)?;
    print::text(&match server {
        Some(server) => format!("served by process {} at {}\n", server.pid, server.endpoint),
        None => "no server runs\n".to_owned(),
    })?;
    Ok(exit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(bucket: &str, actions: &[&str]) -> ReachRow {
        ReachRow {
            bucket: bucket.into(),
            keys: "*".into(),
            actions: actions.iter().map(|action| (*action).into()).collect(),
            conditions: Vec::new(),
            why: "a grant".into(),
        }
    }

    #[test]
    fn a_key_with_one_bucket_and_the_list_of_it_reaches_only_that() {
        assert!(!reaches_more(&row("*", &["s3:ListAllMyBuckets"]), "b"));
        assert!(!reaches_more(&row("b", &["s3:GetObject"]), "b"));
        let nothing_else = OnlyReach { rows: vec![row("b", &["s3:GetObject"])], more: None, example: None };
        assert_eq!(only(&nothing_else, "K", "b"), Ok(Exit::Done));
    }

    #[test]
    fn a_key_that_reaches_more_is_answered_with_a_counterexample() {
        for more in [row("c", &["s3:GetObject"]), row("*", &["s3:ListAllMyBuckets", "s3:CreateBucket"])] {
            assert!(reaches_more(&more, "b"));
            let example = Some("s3:GetObject on c/k".to_owned());
            let reach = OnlyReach { rows: vec![more.clone()], more: Some(more.clone()), example };
            let complaint = only(&reach, "K", "b").unwrap_err();
            assert_eq!(complaint.exit, Exit::Failed);
            let said = complaint.to_string();
            assert!(said.contains(&more.actions.join(" ")) && said.contains(&more.bucket), "{said}");
            assert!(said.contains("s3:GetObject on c/k"), "{said}");
        }
    }
}
