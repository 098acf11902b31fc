//! `bailiwick try`: the whole promise on a running server, proven step by step over HTTP, and a key to go on with.
//!
//! It is run again and again on the same data directory, so it makes only what is missing: buckets, account and grants
//! stay. The guest's key of the proof is deleted at its end; the key on the card is a share's and ends by itself.

mod cast;
mod steps;
mod story;
mod wire;

use crate::admin::{Command, NewShare, Outcome, ShareOrder};
use crate::cli::{Common, TryFlags};
use crate::complaint::{Complaint, Exit};
use crate::serve::{Server, StopSignals};
use crate::{command, print};

use self::cast::{Cast, surprise};
use self::steps::Proof;
use self::wire::{Key, S3};

const BUCKET: &str = "myproject.example.com";
const OTHER_BUCKET: &str = "private-other";
const GUEST: &str = "aws-myproject@example.com";
const HELLO: &str = "hello.txt";
const HELLO_TEXT: &str = "Written with a key that opens one bucket.\n";
const SECRET: &str = "secret.txt";
const SECRET_TEXT: &str = "Nobody else's business.\n";
/// How long the key on the card works.
const CARD_DAYS: u64 = 7;

/// Serves, proves, and goes on serving until a signal says to stop, unless told to end with the proof.
pub(crate) async fn run(common: &Common, flags: &TryFlags) -> Result<Exit, Complaint> {
    if flags.serve.tls_cert.is_some() {
        return Err(Complaint::usage("`try` proves its claims over plain HTTP", "Leave --tls-cert and --tls-key out."));
    }
    let server = Server::start(common, &flags.serve).await?;
    let mut signals = StopSignals::catch()?;
    let told = tokio::select! {
        told = tell(&server, flags) => told,
        () = signals.next() => Ok(false),
    };
    if told.is_ok() && !flags.exit {
        print::text(&format!("\nServing S3 at {} until Ctrl-C.\n", server.about.endpoint))?;
        signals.next().await;
    }
    signals.end_at_next();
    server.stop().await?;
    Ok(if told? { Exit::Done } else { Exit::Failed })
}

/// The proof, the card and the reach; whether all of it holds.
async fn tell(server: &Server, flags: &TryFlags) -> Result<bool, Complaint> {
    print::text(&server.describe())?;
    let cast = Cast::gather(server, flags.serve.strict_signup).await?;
    let mut proof = Proof::default();
    story::tell(&mut proof, &cast).await?;

    proof.heading("The same in one step: a share, with a key of its own")?;
    let share = share(&cast).await?;
    let key = Key { access_key_id: share.access_key_id.clone(), secret_access_key: share.secret_access_key.clone() };
    story::share(&mut proof, &S3::new(server, key)?).await?;
    let reach = [reach(&cast, &cast.guest.access_key_id).await?, reach(&cast, &share.access_key_id).await?];
    for (rows, whose) in reach.iter().zip(["guest's", "share's"]) {
        let Outcome::Reach(rows) = rows else { return Err(surprise(rows)) };
        let more = rows.iter().find(|row| command::reaches_more(row, BUCKET));
        let nothing_else = more.map_or(Ok(()), |row| Err(format!("{} on {}", row.actions.join(" "), row.bucket)));
        proof.claim(&format!("the computed reach of the {whose} key is {BUCKET} and nothing else"), nothing_else)?;
    }
    story::farewell(&mut proof, &cast).await?;
    cast.dismiss_owner().await?;
    print::text(&proof.summary())?;

    print::text(&format!("\nWhat the guest's key {} reached\n", cast.guest.access_key_id))?;
    print::outcome(&reach[0], false)?;
    print::text(&format!("\nWhat the key on the card, {}, reaches\n", share.access_key_id))?;
    print::outcome(&reach[1], false)?;
    print::text(&format!("\nThe card, to hand over. Its key works until {}.\n\n", share.expires))?;
    print::text(&command::card(&share, &server.about, None))?;
    Ok(proof.holds())
}

async fn share(cast: &Cast<'_>) -> Result<NewShare, Complaint> {
    let order = ShareOrder {
        bucket: BUCKET.to_owned(),
        with: GUEST.to_owned(),
        preset: Some("read-write".to_owned()),
        days: Some(CARD_DAYS),
        ..ShareOrder::default()
    };
    match cast.operate(Command::Share(order)).await? {
        Outcome::Shared(share) => Ok(share),
        other => Err(surprise(&other)),
    }
}

async fn reach(cast: &Cast<'_>, key: &str) -> Result<Outcome, Complaint> {
    cast.operate(Command::Reach { access_key_id: key.to_owned() }).await
}
