//! `bailiwick restore`; and where backups lie, as the command line says it.

use std::sync::Mutex;

use serde::Serialize;

use crate::admin::{Command, Outcome, Progress, ShelfOrder, VerifyView};
use crate::cli::{Invocation, ShelfFlags};
use crate::complaint::{Complaint, Exit};
use crate::engine::remake::Remake;
use crate::place;
use crate::probe::pair::Pair;
use crate::progress::Bar;
use crate::{command, print};

/// What the words `place` and the flags mean.
pub(crate) fn order(place: &str, flags: &ShelfFlags) -> Result<ShelfOrder, Complaint> {
    let absolute = |path: &std::path::Path| {
        std::path::absolute(path).map_err(|error| {
            Complaint::usage(
                format!("{} is no path: {error}", path.display()),
                "Name a directory, or s3://BUCKET/PREFIX.",
            )
        })
    };
    let Some(bucket) = place.strip_prefix("s3://") else {
        if let Some((scheme, _)) = place.split_once("://") {
            return Err(Complaint::usage(
                format!("{scheme} is no kind of place for backups"),
                "Name a directory, or s3://BUCKET/PREFIX.",
            ));
        }
        let path = absolute(place.as_ref())?;
        let place = path.into_os_string().into_string().map_err(|path| {
            Complaint::usage(format!("{} is not UTF-8", path.display()), "Name a directory whose path is.")
        })?;
        return Ok(ShelfOrder { place, ..ShelfOrder::default() });
    };
    if bucket.is_empty() || bucket.starts_with('/') {
        return Err(Complaint::usage(format!("{place} names no bucket"), "Name it as in s3://BUCKET/PREFIX."));
    }
    let pair = Pair::given(flags.credentials.as_deref(), |name| std::env::var(name).ok())?;
    let (access_key_id, secret_access_key) =
        pair.credentials.map(|pair| (pair.access_key_id, pair.secret_access_key)).unwrap_or_default();
    let endpoint = flags.endpoint.clone().unwrap_or_else(|| format!("https://s3.{}.amazonaws.com", flags.region));
    Ok(ShelfOrder {
        place: place.to_owned(),
        endpoint,
        region: flags.region.clone(),
        access_key_id,
        secret_access_key,
        session_token: pair.token,
        authorities: flags.ca_file.as_deref().map(absolute).transpose()?,
    })
}

/// What was restored, and what a look at it found.
#[derive(Serialize)]
struct Restored {
    id: String,
    made: String,
    rows: u64,
    bodies: u64,
    bytes: u64,
    verified: VerifyView,
}

/// Restores; or tells which backups there are.
pub(crate) async fn run(
    invocation: &Invocation,
    order: &ShelfOrder,
    id: Option<&str>,
    list: bool,
) -> Result<Exit, Complaint> {
    let common = &invocation.cli.common;
    let shelf = operations::open_shelf(order).map_err(place::complaint)?;
    if list {
        let all = backup::backups(shelf.as_ref()).await.map_err(|error| place::complaint(error.into()))?;
        if common.json {
            print::json(&all)?;
        } else {
            print::text(&all.iter().map(|id| format!("{id}\n")).collect::<String>())?;
        }
        return Ok(Exit::Done);
    }
    let remake = Remake::find(common, shelf.as_ref(), id).await?;
    let of = Some(remake.manifest().bytes_of_files());
    let progress = Progress { doing: "restoring".into(), done: 0, of, unit: "bytes".into() };
    let shown = Mutex::new((Bar::new(), progress));
    let tell = |bytes| {
        if let Ok(mut shown) = shown.lock() {
            let (bar, progress) = &mut *shown;
            progress.done += bytes;
            bar.show(progress);
        }
    };
    let manifest = remake.make(shelf.as_ref(), &tell).await?;
    drop(shown);
    let place = place::open(common, &invocation.serve_flags()?).await?;
    let mut bar = Bar::new();
    let found = place.ask(Command::Verify { deep: false }, |progress| bar.show(progress)).await?;
    bar.end();
    let Outcome::Verified(verified) = found else {
        return Err(Complaint::failed("what was restored could not be verified", "Ask `bailiwick verify`."));
    };
    let restored = Restored {
        id: manifest.id(),
        made: manifest.made,
        rows: manifest.rows,
        bodies: manifest.bodies,
        bytes: manifest.bytes,
        verified,
    };
    if common.json {
        print::json(&restored)?;
    } else {
        print::text(&format!(
            "restored {} ({}) into {}\n\n{}",
            restored.id,
            restored.made,
            common.data.display(),
            print::upkeep::verified(&restored.verified)
        ))?;
    }
    command::all_well(&restored.verified)
}
