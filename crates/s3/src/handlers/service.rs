//! What is asked of the service: the caller's buckets.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::limits;
use operations::{Context, ListBuckets};

use super::{Asked, Failure};
use crate::error::S3Error;
use crate::reply::{self, Reply};
use crate::xml::listings;

/// What tokens begin with, so that a later form can be told from this one.
const TOKEN_FORM: u8 = b'1';

/// The token for the page after `last`.
pub(super) fn token(last: &str) -> String {
    URL_SAFE_NO_PAD.encode([&[TOKEN_FORM], last.as_bytes()].concat())
}

/// Where the page that a token stands for begins.
pub(super) fn read_token(token: &str) -> Result<String, S3Error> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes.strip_prefix(&[TOKEN_FORM])?.to_vec()).ok());
    text.ok_or_else(|| S3Error::argument("continuation-token", token, "The continuation token provided is incorrect"))
}

pub(super) async fn list_buckets(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    let max = match asked.number("max-buckets", 1)? {
        Some(max) if max as usize > limits::PAGE_BUCKETS => {
            let message = "Argument max-buckets must be an integer between 1 and 10000";
            return Err(S3Error::argument("max-buckets", &max.to_string(), message).into());
        }
        max => max.map(|max| max as usize),
    };
    let prefix = asked.query("prefix").filter(|prefix| !prefix.is_empty());
    let after = asked.query("continuation-token").filter(|token| !token.is_empty()).map(read_token).transpose()?;
    let wanted = ListBuckets {
        prefix: prefix.unwrap_or_default().to_owned(),
        after: after.unwrap_or_default(),
        limit: max.unwrap_or(limits::PAGE_BUCKETS),
    };
    let mut page = asked.store.list_buckets(ctx, &wanted).await?;
    let region = asked.query("bucket-region").filter(|region| !region.is_empty());
    if region.is_some_and(|region| region != asked.config.region) {
        // All buckets are in the server's region; the page is read all the same, so that who may not ask is told so.
        page.buckets.clear();
        page.more = false;
    }
    let next = page.buckets.last().filter(|_| page.more).map(|bucket| token(bucket.name.as_str()));
    // S3 tells the region where it answers by pages or was asked for one.
    let shown = (max.is_some() || region.is_some()).then_some(asked.config.region.as_str());
    Ok(reply::xml(listings::buckets(&page, prefix, shown, next.as_deref())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stands_for_where_a_page_begins_and_nothing_else_is_one() {
        for text in ["", "a", "ключ\0/", &"k".repeat(1024)] {
            assert_eq!(read_token(&token(text)).unwrap(), text);
        }
        for bad in ["", "a", "1", "MQ==", "Mg", "Mf8", "МQ", "....", &URL_SAFE_NO_PAD.encode([TOKEN_FORM, 0xff])] {
            assert!(read_token(bad).is_err(), "{bad}");
        }
    }
}
