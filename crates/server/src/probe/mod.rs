//! What a pair of keys can see and do at an S3 endpoint, told from outside: by requests, to ours or anybody's.
//!
//! The key decision: what is sent **changes nothing, whatever the endpoint makes of it**. Reading is asked by reading.
//! Writing is asked by completing a multipart upload that was never begun: S3 decides on access and then finds no upload,
//! and an endpoint that passes over the query has no POST to a key to do instead. What can be asked only by a request that
//! some endpoint might carry out (deleting, changing an ACL or a policy) is not asked, and told as not known, unless
//! somebody says that the endpoint can be trusted.
//!
//! Invariants:
//! - no object, bucket or setting is created, overwritten or removed;
//! - what was not settled is told as not known and never guessed; an answer that the endpoint gives to nobody as well
//!   settles nothing;
//! - a secret is in no argument, no output and no error; what is signed goes to the endpoint and nowhere else;
//! - memory and time are bounded whatever the endpoint answers, and nothing of its answers but their status, S3's code, the
//!   request's id and names of buckets is shown.
//!
//! Absent on purpose: anything that is known of our own store. `reach` computes for all requests what this only samples.

mod asker;
mod only;
pub(crate) mod pair;
mod places;
mod questions;
mod report;
mod survey;
#[cfg(test)]
mod tests;

use client::{Roots, S3};

use self::asker::Asker;
use self::pair::Pair;
use self::places::Places;
use crate::cli::{Common, ProbeFlags};
use crate::complaint::{Complaint, Exit};
use crate::{print, progress};

/// Asks, prints what was told, and ends with status 1 if the pair can do more than `--only` says.
pub(crate) async fn run(common: &Common, flags: &ProbeFlags) -> Result<Exit, Complaint> {
    let pair = Pair::find(flags, |name| std::env::var(name).ok())?;
    let places = Places::read(flags)?;
    let asker = Asker::new(connect(flags)?, pair, flags);
    let what = format!("asking {}", flags.endpoint);
    let report = progress::during(&what, survey::survey(&asker, flags, &places)).await?;
    if common.json {
        print::json(&report)?;
    } else {
        print::text(&report.for_people())?;
    }
    match &flags.only {
        None => Ok(Exit::Done),
        Some(only) => only::judge(&report, only),
    }
}

fn connect(flags: &ProbeFlags) -> Result<S3, Complaint> {
    let file = flags.ca_file.as_ref().map(|path| {
        std::fs::read(path).map_err(|error| {
            let message = format!("the authorities {} cannot be read: {error}", path.display());
            Complaint::usage(message, "Name a PEM file with --ca-file.")
        })
    });
    let pem = file.transpose()?;
    let roots = pem.as_deref().map_or(Roots::System, Roots::Pem);
    S3::trusting(&flags.endpoint, &flags.region, None, roots).map_err(|error| {
        Complaint::usage(error.to_string(), "A certificate authority of your own is named by --ca-file.")
    })
}
