//! Who pays for what, for the operator.

use std::collections::HashMap;

use model::AccountId;

use super::{Failure, UsageRow};
use crate::{Error, Store};

impl Store {
    pub(super) async fn usage_report(&self, bucket: Option<&str>) -> Result<Vec<UsageRow>, Failure> {
        let bucket = bucket.map(|name| self.bucket_name(name)).transpose()?;
        // What reads caused since the last batch is to be seen too.
        self.flush().await?;
        let mut emails: HashMap<AccountId, String> = HashMap::new();
        let mut rows = vec![];
        for (of, usage) in self.ledger.usage(None).await.map_err(Error::from)? {
            if bucket.as_ref().is_some_and(|bucket| *bucket != of.bucket) {
                continue;
            }
            let owner = match emails.get(&of.owner) {
                Some(email) => email.clone(),
                None => {
                    let email = self.email_of(&of.owner).await?;
                    emails.insert(of.owner.clone(), email.clone());
                    email
                }
            };
            let counted = |count: i64| u64::try_from(count).unwrap_or(0);
            rows.push(UsageRow {
                owner,
                bucket: of.bucket.to_string(),
                access_key_id: of.cause,
                bytes_stored: counted(usage.bytes_stored),
                objects: counted(usage.objects),
                requests: counted(usage.requests),
                bytes_in: counted(usage.bytes_in),
                bytes_out: counted(usage.bytes_out),
            });
        }
        Ok(rows)
    }
}
