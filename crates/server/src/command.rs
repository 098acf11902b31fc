//! The commands that ask the store something: from the command line to a question, and from the outcome to stdout.

use clap::CommandFactory;
use serde::Serialize;

use crate::admin::{Command, NewShare, Outcome, ReachRow, StatusView};
use crate::card::{Card, Client};
use crate::cli::{AccountVerb, Bailiwick, BucketVerb, Invocation, KeyVerb, SharesVerb, Verb};
use crate::complaint::{Complaint, Exit};
use crate::place::{self, Place};
use crate::socket::About;
use crate::{print, progress, serve};

/// Does what was asked for.
pub(crate) async fn run(invocation: &Invocation) -> Result<Exit, Complaint> {
    let common = &invocation.cli.common;
    match &invocation.cli.verb {
        Verb::Serve(flags) => serve::serve(common, flags).await,
        Verb::Try(flags) => crate::trial::run(common, flags).await,
        Verb::Completions { shell } => completions(*shell),
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
    let Some(command) = question(verb) else { return Ok(Exit::Done) };
    let common = &invocation.cli.common;
    let (about, outcome) = progress::during("asking the store", async {
        let place = place::find(common, || invocation.serve_flags()).await?;
        let about = match &place {
            Place::Server(server) => Some(server.about().clone()),
            Place::Store(..) => None,
        };
        Ok::<_, Complaint>((about, place.ask(command).await?))
    })
    .await?;
    match (verb, &outcome) {
        (Verb::Share(flags), Outcome::Shared(share)) if !common.json => {
            print::outcome(&outcome, false)?;
            let about = about.map_or_else(|| own_endpoint(invocation), Ok)?;
            print::text(&format!("\n{}", card(share, &about, flags.client)))?;
            Ok(Exit::Done)
        }
        (Verb::Reach(flags), Outcome::Reach(rows)) => {
            print::outcome(&outcome, common.json)?;
            flags.only.as_deref().map_or(Ok(Exit::Done), |bucket| only(rows, &flags.key, bucket))
        }
        (Verb::Status, Outcome::Status(status)) => self::status(status, about, common.json),
        _ => print::outcome(&outcome, common.json).map(|()| Exit::Done),
    }
}

/// The question that a command line is; `None` for those that ask nothing.
fn question(verb: &Verb) -> Option<Command> {
    Some(match verb {
        Verb::Serve(_) | Verb::Try(_) | Verb::Completions { .. } => return None,
        Verb::Account(verb) => match verb.clone() {
            AccountVerb::Create { email, guest, display_name } => Command::AccountCreate { email, display_name, guest },
            AccountVerb::List => Command::AccountList,
            AccountVerb::Show { account } => Command::AccountShow { account },
            AccountVerb::Suspend { account, resume } => Command::AccountSuspend { account, resume },
        },
        Verb::Key(verb) => match verb.clone() {
            KeyVerb::Create { account, allow_sigv2 } => Command::KeyCreate { account, allow_sigv2 },
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
        Verb::Share(flags) => Command::Share {
            bucket: flags.bucket.clone(),
            with: flags.with.clone(),
            preset: flags.preset.clone(),
            days: flags.days,
        },
        Verb::Shares(verb) => match verb.clone() {
            SharesVerb::List => Command::SharesList,
            SharesVerb::Show { share_id } => Command::SharesShow { share_id },
            SharesVerb::Revoke { share_id } => Command::SharesRevoke { share_id },
        },
        Verb::Reach(flags) => Command::Reach { access_key_id: flags.key.clone() },
        Verb::Usage { bucket } => Command::Usage { bucket: bucket.clone() },
        Verb::Status => Command::Status,
    })
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
        access_key_id: &share.access_key_id,
        secret_access_key: &share.secret_access_key,
    };
    card.render(client)
}

/// Whether a key that reaches `rows` reaches nothing but `bucket`.
fn only(rows: &[ReachRow], key: &str, bucket: &str) -> Result<Exit, Complaint> {
    match rows.iter().find(|row| reaches_more(row, bucket)) {
        None => Ok(Exit::Done),
        Some(row) => Err(Complaint::failed(
            format!(
                "{key} reaches more than {bucket}: {} on bucket {}, keys {} ({})",
                row.actions.join(" "),
                row.bucket,
                row.keys,
                row.why
            ),
            "Take that away from it, or hand out a key of a share instead.",
        )),
    }
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
    let exit = if store.trouble.is_none() { Exit::Done } else { Exit::Failed };
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
        let rows = [row("*", &["s3:ListAllMyBuckets"]), row("b", &["s3:GetObject"])];
        assert_eq!(only(&rows, "K", "b"), Ok(Exit::Done));
        assert_eq!(only(&[], "K", "b"), Ok(Exit::Done));
    }

    #[test]
    fn a_key_that_reaches_more_is_answered_with_a_counterexample() {
        for more in [row("c", &["s3:GetObject"]), row("*", &["s3:ListAllMyBuckets", "s3:CreateBucket"])] {
            let complaint = only(&[row("b", &["s3:GetObject"]), more.clone()], "K", "b").unwrap_err();
            assert_eq!(complaint.exit, Exit::Failed);
            let said = complaint.to_string();
            assert!(said.contains(&more.actions.join(" ")) && said.contains(&more.bucket), "{said}");
        }
    }
}
