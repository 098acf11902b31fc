//! Laws of `decide` in worlds where ACLs, policies, shares and restrictions meet; and that what is outside of a reach is
//! refused, a hundred thousand times.

use std::cell::Cell;

use proptest::test_runner::TestRunner;

use super::*;
use crate::lists_bucket;

/// Worlds in which requests outside of the reach are tried.
const WORLDS: u32 = 520;
/// How many such requests there are at the least.
const OUTSIDE: usize = 100_000;

impl World {
    /// What `decide` says to each of the requests; `None` where a policy is none.
    fn verdicts(&self, tries: &[Try]) -> Option<Vec<bool>> {
        self.with(|scope, known| {
            tries.iter().map(|one| scope.ask(&one.witness(known), Some(known)).is_allowed()).collect()
        })
    }

    fn by(&self, principal: Principal) -> World {
        World { principal, ..self.clone() }
    }

    fn policy_text(&self) -> Option<&str> {
        self.bucket.policy.as_ref().map(|policy| &*policy.text)
    }

    fn under(&self, policy: Option<String>) -> World {
        let policy = policy.map(|text| BucketPolicy { text: text.into(), names: vec![] });
        World { bucket: Bucket { policy, ..self.bucket.clone() }, ..self.clone() }
    }
}

/// A policy with one statement more, in front.
fn with_statement(policy: Option<&str>, statement: &str) -> String {
    const OPEN: &str = "\"Statement\":[";
    match policy {
        Some(text) => text.replacen(OPEN, &format!("{OPEN}{statement},"), 1),
        None => format!("{{\"Version\":\"2012-10-17\",{OPEN}{statement}]}}"),
    }
}

fn deny(of_bucket: bool) -> impl Strategy<Value = String> {
    statement(of_bucket).prop_map(|text| text.replace("\"Effect\":\"Allow\"", "\"Effect\":\"Deny\""))
}

/// That whoever is allowed by `less` is allowed by `more`.
fn no_more(less: &World, more: &World, tries: &[Try]) -> Result<(), TestCaseError> {
    if let (Some(less), Some(more)) = (less.verdicts(tries), more.verdicts(tries)) {
        for (one, (less, more)) in tries.iter().zip(less.into_iter().zip(more)) {
            prop_assert!(more || !less, "{one:?}");
        }
    }
    Ok(())
}

#[test]
fn whatever_decide_allows_is_in_the_reach_and_a_hundred_thousand_requests_outside_are_refused() {
    let (outside, inside) = (Cell::new(0), Cell::new(0));
    let mut runner =
        TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(WORLDS) });
    let held = runner.run(&(world(), tries()), |(world, tries)| {
        let checked = world.with(|scope, known| {
            let rows = scope.bucket(known);
            // Two actions are asked of a bucket that is being made.
            for one in tries.iter().filter(|one| !one.action.of_new_bucket()) {
                let asked = one.witness(known);
                let key = asked.key.as_ref().map(ObjectKey::as_str);
                let verdict = scope.ask(&asked, Some(known));
                if holds(&rows, one.action, key) {
                    inside.set(inside.get() + 1);
                    let told = !verdict.is_allowed() || tells(&rows, one.action, key, &verdict);
                    prop_assert!(told, "{asked:?} is allowed by {:?} beyond what {rows:?} say", verdict.reasons());
                    continue;
                }
                // That there is nothing tells no more than the listing does.
                let absent = verdict.reasons().contains(&Reason::ObjectAbsent);
                prop_assert!(
                    !verdict.is_allowed() || absent,
                    "{asked:?} is allowed by {:?} and in no row",
                    verdict.reasons()
                );
                outside.set(outside.get() + 1);
            }
            Ok(())
        });
        checked.unwrap_or(Ok(()))
    });
    held.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(outside.get() >= OUTSIDE, "{} outside, {} inside", outside.get(), inside.get());
    assert!(inside.get() >= OUTSIDE / 10, "{} inside: the worlds are too poor", inside.get());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn one_deny_more_allows_nothing_whoever_is_asked(
        world in world(), tries in tries(), of_bucket in deny(true), of_key in deny(false),
    ) {
        no_more(&world.under(Some(with_statement(world.policy_text(), &of_bucket))), &world, &tries)?;
        let mut held_back = world.clone();
        if let Principal::Key { key, .. } = &mut held_back.principal {
            let text = with_statement(key.restriction.policy.as_deref(), &of_key);
            key.restriction.policy = Some(text.into());
            no_more(&held_back, &world, &tries)?;
        }
    }

    #[test]
    fn a_restriction_gives_nothing(world in world(), tries in tries()) {
        let Principal::Key { account, key, share } = world.principal.clone() else { return Ok(()) };
        let key = AccessKey { restriction: Restriction::NONE, ..key };
        no_more(&world, &world.by(Principal::Key { account, key, share }), &tries)?;
    }

    #[test]
    fn a_share_gives_no_more_than_its_giver_has_beside_what_a_policy_keeps_from_the_giver(
        world in world(), tries in tries(),
    ) {
        let Principal::Key { key, share: Some(_), .. } = &world.principal else { return Ok(()) };
        let giver = Principal::Key {
            account: account(OWNER),
            key: AccessKey { account: account_id(OWNER), share: None, restriction: Restriction::NONE, ..key.clone() },
            share: None,
        };
        // A policy's Deny may name the giver's account alone; it is no right of anybody's, and so it is left out.
        let world = world.under(None);
        no_more(&world, &world.by(giver), &tries)?;
    }

    #[test]
    fn a_bucket_is_listed_where_it_is_owned_or_a_grant_a_policy_or_a_share_names_the_account_and_nowhere_else(
        world in world(), named in subsequence(vec![0u8, 1, 2], 0..3), by_number in any::<bool>(),
    ) {
        let name = |n: &u8| if by_number { account_id(*n).to_string() } else { canonical(*n).to_string() };
        let names: Vec<Box<str>> = named.iter().map(|n| name(n).into()).collect();
        let mut world = world;
        world.bucket.policy = Some(BucketPolicy { text: "{}".into(), names });
        let Principal::Key { account, key, share } = &world.principal else {
            prop_assert!(!lists_bucket(&world.principal, &world.bucket, &world.settings, NOW));
            return Ok(());
        };
        let expected = match share {
            // Of the one world's bucket, and in force.
            Some(_) => true,
            None => {
                let grantee = Grantee::Account(account.canonical_id.clone());
                let enforced = world.settings.ownership(world.bucket.ownership) == ObjectOwnership::BucketOwnerEnforced;
                let granted = !enforced && world.bucket.acl.grants().iter().any(|grant| grant.grantee == grantee);
                let by_policy = named.iter().any(|n| account_id(*n) == account.id);
                let of_key = key.restriction.buckets.is_empty() || key.restriction.buckets.contains(&world.bucket.name);
                of_key && (account.id == world.bucket.owner || granted || by_policy)
            }
        };
        prop_assert_eq!(lists_bucket(&world.principal, &world.bucket, &world.settings, NOW), expected);
    }
}
