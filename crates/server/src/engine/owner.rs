//! The owner's account and `owner.credentials`, made at the first start.
//!
//! The account and the file cannot be made at one moment. So the file is written under a draft's name first, with the key
//! that the account is about to have; then the account is committed; then the file gets its name. A start that was cut off
//! in between is finished by the next one, which finds the draft of a key that exists.

use operations::{Store, admin};

use super::datadir::{self, DataDir};
use crate::cli::ServeFlags;
use crate::complaint::Complaint;
use crate::place;

/// The file, in the format of AWS's shared credentials; the one secret in the clear.
const CREDENTIALS: &str = "owner.credentials";
const DRAFT: &str = "owner.credentials.new";

/// Makes the owner's account if the store has no account, and says whether it did. When it returns, the credentials are on
/// disk, whole.
pub(super) async fn make_first(store: &Store, dir: &DataDir, flags: &ServeFlags) -> Result<bool, Complaint> {
    let uid = rustix::process::geteuid().as_raw();
    let unwritable = |error: std::io::Error| dir.unusable(&format!("{CREDENTIALS}: {error}"));
    let (draft, path) = (dir.join(DRAFT), dir.join(CREDENTIALS));
    let planned = store.plan_first_owner(uid, "first-start".to_owned(), &flags.owner_email).await;
    let Some(planned) = planned.map_err(place::complaint)? else {
        return finish(store, &draft, &path).await.map_err(unwritable);
    };
    datadir::write_draft(&draft, &text(planned.account()), 0o600).map_err(unwritable)?;
    store.make_first_owner(planned).await.map_err(place::complaint)?;
    datadir::publish(&draft, &path).map_err(unwritable)?;
    Ok(true)
}

/// Finishes a first start that was cut off between the commit and the naming of the file.
async fn finish(store: &Store, draft: &std::path::Path, path: &std::path::Path) -> std::io::Result<bool> {
    let Ok(text) = std::fs::read_to_string(draft) else { return Ok(false) };
    let id = text.lines().find_map(|line| line.strip_prefix("aws_access_key_id = "));
    if store.has_key(id.unwrap_or_default()).await {
        datadir::publish(draft, path)?;
        return Ok(true);
    }
    std::fs::remove_file(draft)?;
    Ok(false)
}

fn text(owner: &admin::NewAccount) -> String {
    let admin::NewAccount { access_key_id, secret_access_key, expires, .. } = owner;
    let ends = expires.as_ref().map(|expires| format!("# This key works until {expires}.\n")).unwrap_or_default();
    format!("{ends}[default]\naws_access_key_id = {access_key_id}\naws_secret_access_key = {secret_access_key}\n")
}
