//! Random changes of random worlds: what is gained and lost is what `decide` allows by one state and not by the other.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::tests::{NOW, Try, World, block, grants, holds, only_by, policy, tells, tries, world};
use super::*;
use model::{AccessKey, BucketPolicy, Grant, Grantee, Group, ObjectOwnership, Permission, PublicAccessBlock};

/// A world, and the same after its bucket's ACL, public access block, ownership or policy was changed.
fn changed() -> impl Strategy<Value = (World, World)> {
    let ownership = option::of(select(ObjectOwnership::ALL.to_vec()));
    let change = (0..5u8, grants(), option::weighted(0.8, policy(true)), option::of(block()), ownership);
    (world(), change).prop_map(|(before, (what, acl, policy, block, ownership))| {
        let mut after = before.clone();
        match what {
            0 => after.bucket.acl = acl,
            1 => after.bucket.public_access_block = block,
            2 => after.bucket.ownership = ownership,
            _ => after.bucket.policy = policy.map(|text| BucketPolicy { text, names: vec![] }),
        }
        (before, after)
    })
}

/// Uses both states as evidence, where their policies are ones.
fn both<T>(
    (before, after): &(World, World),
    use_it: impl FnOnce(&Scope<'_>, &KnownBucket<'_>, &KnownBucket<'_>) -> T,
) -> Option<T> {
    before.with(|scope, old| after.with(|_, new| use_it(scope, old, new))).flatten()
}

fn lets_in(scope: &Scope<'_>, witness: &Witness, known: &KnownBucket<'_>) -> bool {
    let verdict = scope.ask(witness, Some(known));
    verdict.is_allowed() && !verdict.reasons().contains(&Reason::ObjectAbsent)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn what_is_allowed_by_one_state_only_is_in_the_difference(worlds in changed(), tries in tries()) {
        let checked = both(&worlds, |scope, old, new| {
            let Difference { gained, lost } = scope.difference(old, new);
            for one in tries.iter().filter(|one| !one.action.of_new_bucket()) {
                let asked = Try::witness(one, old);
                let key = asked.key.as_ref().map(ObjectKey::as_str);
                let (before, after) = (lets_in(scope, &asked, old), lets_in(scope, &asked, new));
                let told = |rows: &[Row], by| tells(rows, one.action, key, &scope.ask(&asked, Some(by)));
                prop_assert!(!after || before || told(&gained, new), "gained, not told: {asked:?} {gained:#?}");
                prop_assert!(!before || after || told(&lost, old), "lost, not told: {asked:?} {lost:#?}");
            }
            Ok(())
        });
        checked.unwrap_or(Ok(()))?;
    }

    #[test]
    fn every_row_shows_requests_that_one_state_allows_and_the_other_refuses(worlds in changed(), tries in tries()) {
        let checked = both(&worlds, |scope, old, new| {
            let Difference { gained, lost } = scope.difference(old, new);
            for (rows, by, not_by) in [(&gained, new, old), (&lost, old, new)] {
                // Requests that showed something, on any key of the row.
                let shown: Vec<&Request> = rows.iter().flat_map(|row| &row.witnesses).map(|witness| &witness.request).collect();
                for row in rows {
                    prop_assert_eq!(row.witnesses.len(), if row.reason.is_some() { row.actions.len() } else { 0 });
                    for (witness, action) in row.witnesses.iter().zip(&row.actions) {
                        prop_assert_eq!(witness.action, *action);
                        prop_assert!(lets_in(scope, witness, by) && !lets_in(scope, witness, not_by), "{:?}", witness);
                        prop_assert!(holds(std::slice::from_ref(row), *action, witness.key.as_ref().map(ObjectKey::as_str)));
                        let Some(keys) = &row.keys else { continue };
                        if row.when.contains(&When::SomeKeys) {
                            continue;
                        }
                        for one in tries.iter().take(20).filter(|one| keys.contains(&one.key)) {
                            let asked = |request: &Request| Witness {
                                key: Some(ObjectKey::new(&*one.key).unwrap()),
                                request: request.clone(),
                                ..witness.clone()
                            };
                            let some = shown.iter().map(|request| asked(request));
                            let differs = some.into_iter().any(|asked| lets_in(scope, &asked, by) && !lets_in(scope, &asked, not_by));
                            prop_assert!(differs, "no request shows {:?} of {} in {row:?}", action, one.key);
                        }
                    }
                }
            }
            Ok(())
        });
        checked.unwrap_or(Ok(()))?;
    }

    #[test]
    fn no_change_is_no_difference(world in world()) {
        let checked = both(&(world.clone(), world), |scope, old, new| {
            let Difference { gained, lost } = scope.difference(old, new);
            prop_assert!(gained.is_empty() && lost.is_empty(), "{gained:?} {lost:?}");
            Ok(())
        });
        checked.unwrap_or(Ok(()))?;
    }
}

fn statement(effect: &str, key: &str, conditions: &str) -> String {
    format!(
        r#"{{"Effect":"{effect}","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::myproject/{key}",
            "Condition":{{{conditions}}}}}"#
    )
}

fn with_policy(statements: &[String]) -> World {
    only_by(format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(",")))
}

fn difference(before: &[String], after: &[String]) -> Difference {
    both(&(with_policy(before), with_policy(after)), |scope, old, new| scope.difference(old, new)).unwrap()
}

#[test]
fn the_difference_is_told_in_the_words_of_both_policies() {
    let logs = statement("Allow", "logs/*", "");
    let all = statement("Allow", "*", "");
    let Difference { gained, lost } = difference(std::slice::from_ref(&logs), std::slice::from_ref(&all));
    assert!(lost.is_empty() && gained.len() == 1, "{gained:?} {lost:?}");
    assert_eq!(gained[0].keys.as_ref().unwrap().to_string(), "* except logs/*");
    // The other way round, it is what is lost.
    let Difference { gained, lost } = difference(std::slice::from_ref(&all), &[logs]);
    assert!(gained.is_empty() && lost[0].keys.as_ref().unwrap().to_string() == "* except logs/*");
    // A deny takes away what it covers and nothing else.
    let deny = statement("Deny", "secret/*", "");
    let Difference { gained, lost } = difference(std::slice::from_ref(&all), &[all.clone(), deny]);
    assert!(gained.is_empty() && lost.len() == 1 && lost[0].keys.as_ref().unwrap().to_string() == "secret/*");
    // The same said in two statements instead of one is the same.
    let halves = [statement("Allow", "a*", ""), statement("Allow", "*", "")];
    let Difference { gained, lost } = difference(&[all], &halves);
    assert!(gained.is_empty() && lost.is_empty(), "{gained:?} {lost:?}");
}

#[test]
fn a_wider_condition_is_a_gain_beyond_the_narrower_and_the_witness_comes_from_between() {
    let from = |network: &str| statement("Allow", "*", &format!(r#""IpAddress":{{"aws:SourceIp":"{network}"}}"#));
    let (narrow, wide) = ([from("10.0.0.0/16")], [from("10.0.0.0/8")]);
    let Difference { gained, lost } = difference(&narrow, &wide);
    assert!(lost.is_empty() && gained.len() == 1, "{gained:?} {lost:?}");
    let source = gained[0].witnesses[0].request.source.unwrap();
    let inside = |network: &str| Network::parse(network).unwrap().contains(source);
    assert!(inside("10.0.0.0/8") && !inside("10.0.0.0/16"), "{source}");
    let said = gained[0].when.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    assert!(
        said.contains("if IpAddress aws:SourceIp 10.0.0.0/8") && said.contains("beyond what stays allowed"),
        "{said}"
    );
    assert!(said.contains("10.0.0.0/16"), "{said}");
}

#[test]
fn what_could_not_be_settled_is_claimed_only_where_something_changed() {
    // A text that must be one of the request's own choice settles nothing about reading.
    let open = statement("Allow", "*", r#""StringLike":{"aws:Referer":"x${aws:UserAgent}x"}"#);
    let before = with_policy(std::slice::from_ref(&open));
    let mut after = before.clone();
    let group = Grant { grantee: Grantee::Group(Group::AllUsers), permission: Permission::Write };
    after.bucket.acl = Acl::new(vec![group]).unwrap();
    let Difference { gained, lost } = both(&(before, after), |scope, old, new| scope.difference(old, new)).unwrap();
    assert!(
        holds(&gained, Action::PutObject, Some("k")) && !holds(&gained, Action::GetObject, Some("k")),
        "{gained:?}"
    );
    assert!(lost.is_empty(), "{lost:?}");
    let Difference { gained, .. } = difference(&[statement("Deny", "*", "")], &[open]);
    assert!(gained.iter().any(|row| row.when.contains(&When::Unproven) && row.reason.is_none()), "{gained:?}");
}

/// A statement about whatever lies in a folder of the name that the request's own header gives.
fn of_the_referers_folder(effect: &str, said: &str) -> String {
    only(&format!(r#""Effect":"{effect}","Principal":"*",{said}"arn:aws:s3:::myproject/${{aws:Referer}}/*""#))
}

fn only(statement: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{{{statement}}}]}}"#)
}

/// That the change takes `action` on `key` from a request with this referer, and that this is told.
fn assert_lost(before: &World, after: &World, action: Action, key: &str, referer: &str) {
    both(&(before.clone(), after.clone()), |scope, old, new| {
        let mut request = Request::plain(NOW, None);
        request.values = vec![("aws:referer".into(), referer.into())];
        let itself = old.objects.iter().any(|object| object.key.as_str() == key);
        let found = if itself { Found::Itself } else { Found::Owners };
        let (bucket, key) = (Some(old.bucket.name.clone()), Some(ObjectKey::new(key).unwrap()));
        let asked = Witness { action, bucket, key: key.clone(), found, request };
        assert!(lets_in(scope, &asked, old) && !lets_in(scope, &asked, new), "nothing is lost");
        let key = key.as_ref().map(ObjectKey::as_str);
        let Difference { gained, lost } = scope.difference(old, new);
        assert!(holds(&lost, action, key), "not told: {lost:#?}");
        assert!(!holds(&gained, action, key), "{gained:#?}");
        // What was allowed is in the reach too.
        assert!(holds(&scope.bucket(old), action, key));
    })
    .unwrap();
}

fn grant(grantee: Grantee, permission: Permission) -> Acl {
    Acl::new(vec![Grant { grantee, permission }]).unwrap()
}

#[test]
fn a_grant_that_is_taken_away_under_a_deny_of_the_requests_own_choice_is_lost() {
    let mut before = only_by(of_the_referers_folder("Deny", r#""NotAction":["s3:PutObject"],"NotResource":"#));
    let mut after = before.clone();
    let account = before.principal.account().unwrap().canonical_id.clone();
    before.bucket.acl = grant(Grantee::Account(account), Permission::Write);
    after.bucket.acl = Acl::new(vec![]).unwrap();
    assert_lost(&before, &after, Action::DeleteObject, "/abb", "");
    assert_lost(&before, &after, Action::DeleteObject, "a/b", "a");
}

#[test]
fn an_objects_grant_that_is_blocked_under_a_deny_of_the_requests_own_choice_is_lost() {
    let mut before = only_by(of_the_referers_folder("Deny", r#""Action":"s3:*","Resource":"#));
    before.principal = Principal::Anonymous;
    let acl = grant(Grantee::Group(Group::AllUsers), Permission::WriteAcp);
    before.objects = vec![(ObjectKey::new("a/own").unwrap(), before.bucket.owner_canonical.clone(), acl)];
    let mut after = before.clone();
    after.bucket.public_access_block = Some(PublicAccessBlock::ALL);
    assert_lost(&before, &after, Action::PutObjectAcl, "a/own", "");
}

#[test]
fn a_grant_that_is_taken_away_is_lost_to_a_key_whose_policy_allows_what_the_request_chooses() {
    let mut before = only_by(String::new());
    before.bucket.policy = None;
    let Principal::Key { account, key: AccessKey { restriction, .. }, .. } = &mut before.principal else { return };
    let of_key = r#""Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::myproject/${aws:Referer}/*""#;
    restriction.policy = Some(only(of_key).into());
    let account = account.canonical_id.clone();
    let mut after = before.clone();
    before.bucket.acl = grant(Grantee::Account(account), Permission::Write);
    after.bucket.acl = Acl::new(vec![]).unwrap();
    assert_lost(&before, &after, Action::DeleteObject, "a/b", "a");
}

#[test]
fn what_a_statement_of_the_requests_own_choice_opens_is_lost_where_the_public_is_shut_out() {
    let before = only_by(of_the_referers_folder("Allow", r#""Action":"s3:*","Resource":"#));
    let mut after = before.clone();
    after.bucket.public_access_block = Some(PublicAccessBlock::ALL);
    assert_lost(&before, &after, Action::GetObject, "a/b", "a");
}

#[test]
fn what_a_statement_of_the_requests_own_choice_opens_is_lost_on_objects_of_others_that_are_the_owners_no_more() {
    let mut before = only_by(of_the_referers_folder("Allow", r#""Action":"s3:*","Resource":"#));
    let stranger = CanonicalId::new(&"e".repeat(64)).unwrap();
    before.objects = vec![(ObjectKey::new("a/own").unwrap(), stranger, Acl::new(vec![]).unwrap())];
    before.bucket.ownership = Some(ObjectOwnership::BucketOwnerEnforced);
    let mut after = before.clone();
    after.bucket.ownership = Some(ObjectOwnership::OwnerOwns);
    assert_lost(&before, &after, Action::GetObject, "a/own", "a");
}
