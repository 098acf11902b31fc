//! What a change of a bucket's records gives and takes: the requests that are allowed by one state and not by the other,
//! for all requests at once.
//!
//! It is not the difference of two reports. Both states are asked together: keys are taken apart by the patterns of both,
//! requests by the conditions of both, and each kind of request is put to `decide` twice. So a policy that is written anew
//! and says the same is no difference, and a grant that is taken away while a statement still allows it is none.
//!
//! Invariants, as those of the reach itself:
//! - what some request is allowed by one state and not by the other is in a row, whatever the records; where that could
//!   not be settled, a row claims too much and says so;
//! - every other row has, for each of its actions, a request that the one state allows and the other refuses.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use model::{AccessKey, Action, Bucket, ObjectKey, ObjectOwnership, Principal, Restriction};

use super::choices::{Requests, requests};
use super::in_bucket::{Draft, InBucket, Said, Shown, Target, is_of_others, lists, on_bucket, reads, show};
use super::keys::{KeySet, Vocabulary};
use super::statements::{Relevant, all_words};
use super::{Found, KnownBucket, KnownObject, Row, Scope, When};
use crate::policy::Condition;
use crate::{PolicyEvidence, Reason, Verdict};

/// What a change gives and what it takes.
#[derive(Debug, Clone)]
pub struct Difference {
    /// Allowed after it and not before; what allows it is of the state after.
    pub gained: Vec<Row>,
    /// Allowed before it and not after; what allows it is of the state before.
    pub lost: Vec<Row>,
}

impl Scope<'_> {
    /// What the principal gains and loses when a bucket's record or policy changes. Both states are of one bucket: of the
    /// same name and owner, with the same objects.
    pub fn difference(&self, before: &KnownBucket<'_>, after: &KnownBucket<'_>) -> Difference {
        let principal = without_policy(self.principal);
        let scope = Scope { principal: &principal, key_policy: PolicyEvidence::None, ..*self };
        let records = [before, after].map(|known| Bucket { policy: None, ..known.bucket.clone() });
        let bare = |bucket, objects| KnownBucket { bucket, policy: PolicyEvidence::None, objects };
        let bare = [bare(&records[0], before.objects), bare(&records[1], after.objects)];
        let rules = bare.each_ref().map(|known| InBucket::new(&scope, known));
        let states = [before, after].map(|known| InBucket::new(self, known));
        let more = |of: usize, over: usize| {
            let rules = [&rules[of], &rules[over]];
            Pair { of: &states[of], over: &states[over], rules, tried: RefCell::default() }.rows()
        };
        Difference { gained: more(1, 0), lost: more(0, 1) }
    }
}

/// One state, and the other that is taken off it.
struct Pair<'a, 'b> {
    of: &'b InBucket<'a>,
    over: &'b InBucket<'a>,
    /// The two without any policy, the key's too: what all other records say.
    rules: [&'b InBucket<'b>; 2],
    tried: RefCell<HashMap<Action, Rc<Requests>>>,
}

impl Pair<'_, '_> {
    fn rows(&self) -> Vec<Row> {
        let mut drafts = vec![];
        for action in on_bucket() {
            let solved = self.solve(action, Target { key: None, found: Found::Nothing, itself: None });
            self.of.draft(&mut drafts, action, solved.into_iter().map(|said| (vec![], said)).collect());
        }
        let mut rows: Vec<Row> = drafts.into_iter().map(|draft| draft.row).collect();
        let general = self.on_objects();
        let of_themselves: Vec<Row> =
            self.of.known.objects.iter().flat_map(|object| self.on_object(object, &general)).collect();
        rows.extend(general);
        rows.extend(of_themselves);
        rows
    }

    /// All objects that are of the bucket's owner and have no ACL of their own, and all keys without an object.
    fn on_objects(&self) -> Vec<Row> {
        let patterns = self.of.patterns().into_iter().chain(self.over.patterns());
        let Ok(words) = Vocabulary::new(patterns) else { return self.too_complex() };
        let samples: Vec<(usize, ObjectKey)> =
            words.samples().filter_map(|(cell, key)| Some((cell, ObjectKey::new(key).ok()?))).collect();
        let mut drafts: Vec<Draft> = vec![];
        for action in Action::ALL.iter().copied().filter(|action| action.on_object()) {
            let mut all: Vec<(Vec<usize>, Said)> = vec![];
            for (cell, key) in &samples {
                for said in self.solve_object(action, key) {
                    match all.iter_mut().find(|(_, known)| known.reason == said.reason && known.when == said.when) {
                        Some((cells, _)) => cells.push(*cell),
                        None => all.push((vec![*cell], said)),
                    }
                }
            }
            self.of.draft(&mut drafts, action, all);
        }
        let everything = samples.len();
        let shown = |cells: Vec<usize>| if cells.len() == everything { KeySet::all() } else { words.keys(cells) };
        drafts.into_iter().map(|Draft { cells, row }| Row { keys: Some(shown(cells)), ..row }).collect()
    }

    /// An action on a key: of an object that is there, but for PutObject, which may also find none.
    fn solve_object(&self, action: Action, key: &ObjectKey) -> Vec<Said> {
        let target = |found| Target { key: Some(key), found, itself: None };
        let mut all = self.solve(action, target(Found::Owners));
        if self.of.owners_differ() && reads(action) {
            let others = self.solve(action, target(Found::Others));
            // What an object's owner does not matter to was told already.
            let told = |said: &Said| all.iter().any(|known| known.reason == said.reason);
            let new: Vec<Said> =
                others.into_iter().filter(|said| is_of_others(said.reason.as_ref()) || !told(said)).collect();
            all.extend(new);
        }
        if action != Action::PutObject {
            return all;
        }
        let new = self.solve(action, target(Found::Nothing));
        let same = |said: &Said, among: &[Said]| among.iter().any(|other| other.reason == said.reason);
        // For the same reason on both, it is one thing; else each says what it is about.
        for said in all.iter_mut().filter(|said| !same(said, &new)) {
            said.when.push(When::Existing);
        }
        let only_new: Vec<Said> = new.into_iter().filter(|said| !same(said, &all)).collect();
        all.extend(only_new.into_iter().map(|mut said| {
            said.when.push(When::New);
            said
        }));
        all
    }

    /// An object with an owner or an ACL of its own, as far as `general` does not say the same of it.
    fn on_object(&self, object: &KnownObject<'_>, general: &[Row]) -> Vec<Row> {
        let mut drafts = vec![];
        let told = |action: Action, said: &Said| {
            general.iter().any(|row| {
                let here = row.keys.as_ref().is_some_and(|keys| keys.contains(object.key.as_str()));
                here && row.reason == said.reason && row.when == said.when && row.actions.contains(&action)
            })
        };
        for action in Action::ALL.iter().copied().filter(|action| action.on_object()) {
            let solved =
                self.solve(action, Target { key: Some(object.key), found: Found::Itself, itself: Some(object) });
            let own = solved.into_iter().filter(|said| !told(action, said));
            self.of.draft(&mut drafts, action, own.map(|said| (vec![], said)).collect());
        }
        let keys = KeySet::one(object.key.as_str()).unwrap_or_else(|_| KeySet::all());
        drafts.into_iter().map(|draft| Row { keys: Some(keys.clone()), ..draft.row }).collect()
    }

    /// Puts one request of each kind to `decide`, by both states.
    fn solve(&self, action: Action, target: Target<'_>) -> Vec<Said> {
        let tried = self.tried(action);
        let mut more: Vec<(Reason, Shown)> = vec![];
        let (mut denied, mut stays): (Vec<Reason>, Vec<Reason>) = (vec![], vec![]);
        let mut allowed = false;
        for (at, request) in tried.all.iter().enumerate() {
            let this = self.of.verdict(self.of.known, action, target, request);
            let Some(&reason) = this.reasons().first() else { continue };
            if !this.is_allowed() {
                denied.extend((!denied.contains(&reason)).then_some(reason));
            } else if lets_in(&this) {
                allowed = true;
                let other = self.over.verdict(self.over.known, action, target, request);
                match other.reasons().first() {
                    Some(reason) if lets_in(&other) => stays.extend((!stays.contains(reason)).then_some(*reason)),
                    _ => show(&mut more, reason, at, || {
                        [self.of, self.over].iter().any(|state| state.is_alone(action, target, request))
                    }),
                }
            }
        }
        let mut solved = vec![];
        for (reason, shown) in &more {
            let mut when = self.of.when(action, target, reason, &denied);
            if !stays.is_empty() {
                when.push(When::Beyond(stays.iter().map(|reason| self.over.in_words(reason)).collect()));
            }
            when.extend(shown.alone.then_some(When::SomeKeys));
            let witness = Some(self.of.witness(action, target, &tried.all[shown.at]));
            solved.push(Said { reason: Some(*reason), when, witness });
        }
        let exact = tried.complete && [self.of, self.over].iter().all(|state| state.settles(action));
        let may = || allowed || self.of.could(action, target, &denied);
        let all_told = || self.of.all_told(action, target, more.iter().map(|(reason, _)| reason));
        if !exact && !all_told() && !self.is_within(action, target) && may() {
            let when = self.of.always.iter().cloned().chain([When::Unproven]).collect();
            solved.push(Said { reason: None, when, witness: None });
        }
        solved
    }

    /// The requests that tell apart what either state tells apart.
    fn tried(&self, action: Action) -> Rc<Requests> {
        let make = || {
            let states = [self.of, self.over];
            let statements =
                states.iter().flat_map(|state| state.statements(action).map(|(_, relevant)| relevant.statement));
            let conditions: Vec<&Condition> = statements.flat_map(|statement| statement.conditions()).collect();
            Rc::new(requests(&conditions, lists(action), &self.of.ground))
        };
        Rc::clone(self.tried.borrow_mut().entry(action).or_insert_with(make))
    }

    /// Whether this state surely allows nothing that the other does not: their policies say the same of the action, and
    /// all other records no more. What the policies say need not be settled for that.
    fn is_within(&self, action: Action, target: Target<'_>) -> bool {
        self.policy_within(action) && self.counts_within(action, target) && self.rules_within(action, target)
    }

    /// Whether the statements about the action are the same, and what they allow is not shut out of the other state.
    fn policy_within(&self, action: Action) -> bool {
        let said = |state: &InBucket<'_>| -> Vec<_> {
            let about = |statement: &&Relevant<'_>| statement.is_about(action);
            state.policy.iter().filter(about).map(|relevant| relevant.statement.clone()).collect()
        };
        // A bucket may be closed to others as soon as any statement opens it to the public. `None`: it cannot be read.
        let closed = |InBucket { scope, known, .. }: &InBucket<'_>| match known.policy {
            PolicyEvidence::None => known.bucket.policy.is_none().then_some(false),
            PolicyEvidence::Read(policy) => {
                let block = scope.settings.block(known.bucket.public_access_block);
                Some(block.restrict_public_buckets && policy.is_public())
            }
            PolicyEvidence::Unreadable => None,
        };
        let opens = match (closed(self.of), closed(self.over)) {
            (Some(of), Some(over)) => of || !over,
            (of, _) => of.is_none(),
        };
        opens && said(self.of) == said(self.over)
    }

    /// Whether what a policy allows counts in the other state if in this: on an object that somebody else owns, it does
    /// only where every object is taken for the bucket owner's.
    fn counts_within(&self, action: Action, target: Target<'_>) -> bool {
        let allows = self.of.policy.iter().any(|statement| statement.is_allow() && statement.is_about(action));
        let by_object = matches!(target.found, Found::Others | Found::Itself);
        let enforced = |InBucket { scope, known, .. }: &InBucket<'_>| {
            scope.settings.ownership(known.bucket.ownership) == ObjectOwnership::BucketOwnerEnforced
        };
        !allows || !by_object || !enforced(self.of) || enforced(self.over)
    }

    /// Whether all records beside the policies allow nothing that the other state's do not. They are asked without the
    /// policies: else they would not be heard where no request that is tried gets past these.
    fn rules_within(&self, action: Action, target: Target<'_>) -> bool {
        let [of, over] = self.rules;
        let tried = of.tried(action);
        let lets_in = |state: &InBucket<'_>, request| lets_in(&state.verdict(state.known, action, target, request));
        tried.complete && tried.all.iter().all(|request| !lets_in(of, request) || lets_in(over, request))
    }

    /// The keys cannot be told apart: whatever this state may allow is said of all.
    fn too_complex(&self) -> Vec<Row> {
        let (this, other) = (self.of.known.bucket, self.over.known.bucket);
        let records_alike = this.acl == other.acl
            && this.ownership == other.ownership
            && this.public_access_block == other.public_access_block;
        let mut rows = self.of.too_complex();
        if records_alike {
            rows.iter_mut().for_each(|row| row.actions.retain(|action| !self.policy_within(*action)));
            rows.retain(|row| !row.actions.is_empty());
        }
        rows
    }
}

impl InBucket<'_> {
    /// Whether trying requests settles what the policies say of an action.
    fn settles(&self, action: Action) -> bool {
        self.statements(action).all(|(_, statement)| statement.exact)
    }

    /// A reason, with the conditions of the statement that it is.
    fn in_words(&self, reason: &Reason) -> String {
        let statement = match reason {
            Reason::PolicyAllows(at) => self.policy.iter().find(|statement| statement.index == at.index),
            _ => None,
        };
        match statement.filter(|relevant| !relevant.statement.conditions().is_empty()) {
            Some(relevant) => format!("{reason}, if {}", all_words(relevant.statement)),
            None => reason.to_string(),
        }
    }
}

/// Whether it is allowed to more than learn that nothing is there.
fn lets_in(verdict: &Verdict) -> bool {
    verdict.is_allowed() && !verdict.reasons().contains(&Reason::ObjectAbsent)
}

/// The same principal, whose key no policy restricts.
fn without_policy(principal: &Principal) -> Principal {
    match principal {
        Principal::Anonymous => Principal::Anonymous,
        Principal::Key { account, key, share } => {
            let restriction = Restriction { policy: None, ..key.restriction.clone() };
            let key = AccessKey { restriction, ..key.clone() };
            Principal::Key { account: account.clone(), key, share: share.clone() }
        }
    }
}
