//! What a principal reaches that is no single bucket's: the list of its buckets, and making new ones.

use model::{Action, BucketName, Principal};

use super::choices::requests;
use super::pattern::Piece;
use super::statements::{self, all_words, relevant, who};
use super::{ESCALATIONS, Found, Row, Scope, When, Witness};
use crate::policy::Condition;
use crate::{PolicyEvidence, Reason, Resource};

/// Names that are nobody's, for a decision about a bucket that is not there; they begin and end differently.
const FREE: [&str; 2] = ["a-name-that-is-free", "zero-9-taken-by-nobody-z"];

pub(super) fn rows(scope: &Scope<'_>) -> Vec<Row> {
    let mut rows = vec![];
    rows.extend(solve(scope, Action::ListAllMyBuckets, None, None));
    let restricted = match scope.principal {
        Principal::Key { key, .. } => &key.restriction.buckets[..],
        Principal::Anonymous => &[],
    };
    if !restricted.is_empty() {
        // Which of them exist is not known here; making one that does changes nothing.
        rows.extend(restricted.iter().filter_map(|name| solve(scope, Action::CreateBucket, Some(name), Some(name))));
        return rows;
    }
    let names = FREE.iter().filter_map(|name| BucketName::new(name).ok()).chain(named_in_policy(scope));
    let mut each = names.filter_map(|name| solve(scope, Action::CreateBucket, Some(&name), None));
    rows.extend(each.next());
    rows
}

/// Names that the key's policy has in mind, as far as names can be made of its patterns.
fn named_in_policy(scope: &Scope<'_>) -> Vec<BucketName> {
    let PolicyEvidence::Read(policy) = scope.key_policy else { return vec![] };
    let ground = scope.ground(None);
    let resources = policy.statements().iter().flat_map(|statement| statement.resources().patterns());
    let made = resources.filter_map(|resource| {
        let (pattern, _) = statements::pattern(resource.template(), &ground.fixed);
        let pieces = pattern.pieces().iter();
        let name: String = pieces
            .map(|piece| match piece {
                Piece::Char(c) => c.to_string(),
                Piece::One => "x".to_owned(),
                Piece::Many => "xyz".to_owned(),
            })
            .collect();
        BucketName::new(name.split('/').next().unwrap_or_default()).ok()
    });
    made.collect()
}

/// An action of the service, or on a bucket `name` that is not there; told of `bucket`.
fn solve(scope: &Scope<'_>, action: Action, name: Option<&BucketName>, bucket: Option<&BucketName>) -> Option<Row> {
    let ground = scope.ground(None);
    let statements = match scope.key_policy {
        PolicyEvidence::Read(policy) => relevant(policy, who(scope.principal), name, &ground.fixed),
        PolicyEvidence::None | PolicyEvidence::Unreadable => vec![],
    };
    let about = || statements.iter().filter(|statement| statement.is_about(action));
    let conditions: Vec<&Condition> = about().flat_map(|relevant| relevant.statement.conditions()).collect();
    let tried = requests(&conditions, false, &ground);
    let mut denied: Vec<Reason> = vec![];
    let mut allowed = None;
    for request in &tried.all {
        let resource = name.map_or(Resource::Service, Resource::Bucket);
        let verdict = scope.decide(action, resource, None, None, request);
        match verdict.reasons().first() {
            Some(reason) if !verdict.is_allowed() => denied.push(*reason),
            Some(reason) if allowed.is_none() => allowed = Some((*reason, request)),
            _ => {}
        }
    }
    let mut when = scope.always();
    let of_policy = |reason: &Reason| matches!(reason, Reason::NotInKeyPolicy | Reason::KeyPolicyDenies(_));
    let (reason, witnesses) = match allowed {
        Some((reason, request)) => {
            if denied.iter().any(of_policy) {
                let each: Vec<String> = about().map(|relevant| all_words(relevant.statement)).collect();
                when.push(When::If(format!("the key's policy allows it: {}", each.join("; "))));
            }
            let (bucket, request) = (name.cloned(), request.clone());
            (Some(reason), vec![Witness { action, bucket, key: None, found: Found::Nothing, request }])
        }
        None => {
            // No name is as good as any other to a policy that names some.
            let settled = name.is_none() && tried.complete && about().all(|statement| statement.exact);
            let allows = about().any(|statement| statement.is_allow());
            let surely = about().any(|statement| statement.keys.is_empty() && statement.surely_denies(action, None));
            if settled || !allows || surely || !denied.iter().all(of_policy) || denied.is_empty() {
                return None;
            }
            when.push(When::Unproven);
            (None, vec![])
        }
    };
    let escalation = ESCALATIONS.contains(&action);
    let (bucket, actions) = (bucket.cloned(), vec![action]);
    Some(Row { bucket, keys: None, actions, when, reason, escalation, witnesses })
}
