//! GetObject and HeadObject.

use std::ops::Range;
use std::sync::Arc;

use catalog::Object;
use ledger::Line;
use model::{Action, BucketName, ObjectKey};

use crate::body::{Body, Replaced};
use crate::gate::only_version;
use crate::preconditions::ReadConditions;
use crate::{Context, Error, Store};

/// Which bytes of an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wanted {
    /// All.
    #[default]
    Whole,
    /// From the first number to the second, both included; the second may lie beyond the end.
    FromTo(u64, u64),
    /// From there to the end.
    From(u64),
    /// That many at the end.
    Last(u64),
    /// Those of the part of that number.
    Part(u16),
}

/// A GetObject or HeadObject.
#[derive(Debug, Clone)]
pub struct GetObject<'a> {
    /// Of which bucket.
    pub bucket: &'a BucketName,
    /// Which object.
    pub key: &'a ObjectKey,
    /// Which version.
    pub version: Option<&'a str>,
    /// Which bytes.
    pub wanted: Wanted,
    /// On which conditions.
    pub conditions: ReadConditions,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The object.
    pub object: Arc<Object>,
    /// Which bytes of it the answer is about.
    pub range: Range<u64>,
    /// Whether the caller asked for less than the whole.
    pub partial: bool,
    /// How many tags the caller may know that it has.
    pub tags: usize,
}

/// Most times that an object that is replaced while it is being opened is looked up again.
const REOPENS: usize = 32;

impl Store {
    /// Describes an object and opens its bytes.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn get_object(&self, ctx: &Context, get: &GetObject<'_>) -> Result<(Found, Body), Error> {
        for attempt in 0..REOPENS {
            let (found, booked_on) = self.find(ctx, get, attempt == 0).await?;
            match self.open_body(&found.object, found.range.clone(), booked_on).await? {
                Ok(body) => return Ok((found, body.at_pace(self.pace(&ctx.caller)))),
                Err(Replaced) => tokio::task::yield_now().await,
            }
        }
        // Not replaced again and again: its body is missing.
        Err(Error::Damaged(format!("the body of {}/{} cannot be opened", get.bucket, get.key)))
    }

    /// Describes an object.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn head_object(&self, ctx: &Context, get: &GetObject<'_>) -> Result<Found, Error> {
        Ok(self.find(ctx, get, true).await?.0)
    }

    /// What is asked for, and where its usage is booked. A request is counted with the first look for its object only.
    async fn find(&self, ctx: &Context, get: &GetObject<'_>, first: bool) -> Result<(Found, Arc<Line>), Error> {
        let gated = self.gate_object(ctx, Action::GetObject, get.bucket, get.key).await?;
        only_version(get.version)?;
        let booked_on = match first {
            true => self.count_request(ctx, &gated.bucket),
            false => self.line(ctx, &gated.bucket),
        };
        let object = gated.object.ok_or(Error::NoSuchKey)?;
        let tags = self.tags_to_tell(ctx, &gated.bucket, &object);
        let object = object.value;
        get.conditions.check(&object)?;
        let range = match get.wanted {
            Wanted::Part(number) => self.part_range(&object, number).await?,
            wanted => satisfy(wanted, object.len)?,
        };
        let partial = get.wanted != Wanted::Whole;
        Ok((Found { object, range, partial, tags }, booked_on))
    }

    async fn part_range(&self, object: &Object, number: u16) -> Result<Range<u64>, Error> {
        let Some((id, _)) = object.manifest else {
            return if number == 1 { Ok(0..object.len) } else { Err(Error::InvalidRange { len: object.len }) };
        };
        let manifest = self.catalog.manifest(&id).await?.ok_or(Error::Contention)?;
        let mut start = 0;
        for (place, part) in manifest.value.0.iter().enumerate() {
            let len = part.piece.map_or(0, |p| p.len);
            if place + 1 == usize::from(number) {
                return Ok(start..start + len);
            }
            start += len;
        }
        Err(Error::InvalidRange { len: object.len })
    }
}

/// The bytes of `0..len` that are wanted.
///
/// # Errors
/// [`Error::InvalidRange`] if there are none (RFC 9110, 14.1.2).
fn satisfy(wanted: Wanted, len: u64) -> Result<Range<u64>, Error> {
    match wanted {
        Wanted::Whole | Wanted::Part(_) => Ok(0..len),
        Wanted::FromTo(first, last) if first < len && first <= last => Ok(first..last.saturating_add(1).min(len)),
        Wanted::From(first) if first < len => Ok(first..len),
        Wanted::Last(count) if count > 0 && len > 0 => Ok(len.saturating_sub(count)..len),
        _ => Err(Error::InvalidRange { len }),
    }
}
