//! What a principal reaches of one bucket.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use model::{Acl, Action, Bucket, CanonicalId, ObjectKey, ObjectOwnership, Principal};

use super::choices::{Ground, Requests, has, requests};
use super::keys::{KeySet, Vocabulary};
use super::pattern::Pattern;
use super::statements::{Relevant, all_words, named, relevant, who};
use super::{ESCALATIONS, Found, KnownBucket, KnownObject, Request, Row, Scope, When, Witness};
use crate::policy::Condition;
use crate::{ObjectFacts, PolicyEvidence, Reason, Resource, Verdict};

/// A bucket in question, with what its policy and the key's say read for this principal.
pub(super) struct InBucket<'a> {
    pub(super) scope: &'a Scope<'a>,
    pub(super) known: &'a KnownBucket<'a>,
    pub(super) ground: Ground<'a>,
    /// The statements of the bucket's policy, and of the key's, that are about this principal.
    pub(super) policy: Vec<Relevant<'a>>,
    key_policy: Vec<Relevant<'a>>,
    pub(super) always: Vec<When>,
    private: Acl,
    /// Owner and ACL of an object that somebody else owns and the bucket's owner may do everything to.
    others: (CanonicalId, Acl),
    tried: RefCell<HashMap<TriedFor, Rc<Requests>>>,
}

/// One reason for which an action is allowed on some key.
pub(super) struct Said {
    /// `None`: policies may, which could not be settled.
    pub(super) reason: Option<Reason>,
    pub(super) when: Vec<When>,
    /// A request that showed it.
    pub(super) witness: Option<Witness>,
}

/// What requests are tried for: the statements whose conditions bear on them, by place, and whether they list.
type TriedFor = (Vec<usize>, bool);

/// What an action may be asked of, for one row.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) key: Option<&'a ObjectKey>,
    pub(super) found: Found,
    pub(super) itself: Option<&'a KnownObject<'a>>,
}

/// Rows being put together: the same cells for the same reason under the same conditions are one row.
pub(super) struct Draft {
    pub(super) cells: Vec<usize>,
    pub(super) row: Row,
}

impl<'a> InBucket<'a> {
    pub(super) fn new(scope: &'a Scope<'a>, known: &'a KnownBucket<'a>) -> Self {
        let ground = scope.ground(Some(known.bucket));
        let of = |evidence: PolicyEvidence<'a>| match evidence {
            PolicyEvidence::Read(policy) => {
                relevant(policy, who(scope.principal), Some(&known.bucket.name), &ground.fixed)
            }
            PolicyEvidence::None | PolicyEvidence::Unreadable => vec![],
        };
        let (policy, key_policy) = (of(known.policy), of(scope.key_policy));
        let private = Acl::private(known.bucket.owner_canonical.clone());
        let others = of_others(known.bucket);
        let tried = RefCell::new(HashMap::new());
        InBucket { scope, known, ground, policy, key_policy, always: scope.always(), private, others, tried }
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        let mut drafts = vec![];
        for action in on_bucket() {
            let solved = self.solve(action, Target { key: None, found: Found::Nothing, itself: None });
            self.draft(&mut drafts, action, solved.into_iter().map(|said| (vec![], said)).collect());
        }
        let mut rows: Vec<Row> = drafts.into_iter().map(|draft| draft.row).collect();
        rows.extend(self.on_objects());
        rows.extend(self.known.objects.iter().flat_map(|object| self.on_object(object)));
        rows
    }

    /// Every pattern that a record names of this bucket's keys.
    pub(super) fn patterns(&self) -> Vec<Pattern> {
        let mut all: Vec<Pattern> = self.ground.prefixes.iter().map(|prefix| Pattern::prefix(prefix)).collect();
        if let Principal::Key { share: Some(share), .. } = self.scope.principal {
            // The one part of a share in which a preset has a rule of its own (restic).
            all.push(Pattern::prefix(&format!("{}locks/", share.prefix)));
        }
        all.extend(self.policy.iter().chain(&self.key_policy).flat_map(|statement| statement.keys.iter().cloned()));
        all
    }

    /// All objects that are of the bucket's owner and have no ACL of their own, and all keys without an object.
    fn on_objects(&self) -> Vec<Row> {
        let Ok(words) = Vocabulary::new(self.patterns()) else { return self.too_complex() };
        let mut drafts: Vec<Draft> = vec![];
        let samples: Vec<(usize, ObjectKey)> =
            words.samples().filter_map(|(cell, key)| Some((cell, ObjectKey::new(key).ok()?))).collect();
        for action in Action::ALL.iter().copied().filter(|action| action.on_object()) {
            let mut all: Vec<(Vec<usize>, Said)> = vec![];
            for (cell, key) in &samples {
                let mut solved = self.solve_object(action, key);
                if self.owners_differ() && reads(action) {
                    let others = self.solve(action, Target { key: Some(key), found: Found::Others, itself: None });
                    let new = others.into_iter().filter(|said| is_of_others(said.reason.as_ref()));
                    solved.extend(new);
                }
                for said in solved {
                    match all.iter_mut().find(|(_, known)| known.reason == said.reason && known.when == said.when) {
                        Some((cells, _)) => cells.push(*cell),
                        None => all.push((vec![*cell], said)),
                    }
                }
            }
            self.draft(&mut drafts, action, all);
        }
        let everything = samples.len();
        drafts
            .into_iter()
            .map(|Draft { cells, mut row }| {
                row.keys =
                    Some(if cells.len() == everything { KeySet::all() } else { words.keys(cells.iter().copied()) });
                row
            })
            .collect()
    }

    /// An action on a key: of an object that is there, but for PutObject, which may also find none.
    fn solve_object(&self, action: Action, key: &ObjectKey) -> Vec<Said> {
        let there = self.solve(action, Target { key: Some(key), found: Found::Owners, itself: None });
        if action != Action::PutObject {
            return there;
        }
        let mut new = self.solve(action, Target { key: Some(key), found: Found::Nothing, itself: None });
        // What may be overwritten may be created for the same reason; what cannot is only to be created.
        let mut all = there;
        new.retain(|said| !all.iter().any(|same| same.reason == said.reason));
        new.iter_mut().for_each(|said| said.when.push(When::New));
        all.append(&mut new);
        all
    }

    /// An object with an owner or an ACL of its own: what these allow. The rest is said of all objects.
    fn on_object(&self, object: &KnownObject<'_>) -> Vec<Row> {
        let mut drafts = vec![];
        for action in Action::ALL.iter().copied().filter(|action| action.on_object()) {
            let target = Target { key: Some(object.key), found: Found::Itself, itself: Some(object) };
            let solved = self.solve(action, target);
            let own = solved.into_iter().filter(|said| {
                // What could not be settled of this object is told too: the others may have been settled.
                let of_itself = matches!(
                    said.reason,
                    None | Some(
                        Reason::ObjectOwner | Reason::ObjectGrant(_) | Reason::SharePreset(_) | Reason::ShareActions
                    )
                );
                of_itself && !self.is_as_others(object, &said.reason)
            });
            self.draft(&mut drafts, action, own.map(|said| (vec![], said)).collect());
        }
        let keys = KeySet::one(object.key.as_str()).unwrap_or_else(|_| KeySet::all());
        drafts.into_iter().map(|draft| Row { keys: Some(keys.clone()), ..draft.row }).collect()
    }

    /// Whether what allows it allows it of every object of the bucket's owner.
    fn is_as_others(&self, object: &KnownObject<'_>, reason: &Option<Reason>) -> bool {
        let owners = *object.facts.owner == self.known.bucket.owner_canonical;
        let is_owner = self.scope.canonical() == Some(&self.known.bucket.owner_canonical);
        match reason {
            Some(Reason::ObjectOwner) => owners && is_owner,
            Some(Reason::SharePreset(_) | Reason::ShareActions) => owners,
            _ => false,
        }
    }

    pub(super) fn draft(&self, drafts: &mut Vec<Draft>, action: Action, all: Vec<(Vec<usize>, Said)>) {
        let escalation = ESCALATIONS.contains(&action);
        for (cells, Said { reason, when, witness }) in all {
            let same = |draft: &&mut Draft| {
                let Draft { cells: known, row } = draft;
                *known == cells && row.reason == reason && row.when == when && row.escalation == escalation
            };
            match drafts.iter_mut().find(same) {
                Some(Draft { row, .. }) => {
                    row.actions.push(action);
                    row.witnesses.extend(witness);
                }
                None => {
                    let (bucket, witnesses) = (Some(self.known.bucket.name.clone()), witness.into_iter().collect());
                    let row = Row { bucket, keys: None, actions: vec![action], when, reason, escalation, witnesses };
                    drafts.push(Draft { cells, row });
                }
            }
        }
    }

    /// Puts one request of each kind to `decide`.
    fn solve(&self, action: Action, target: Target<'_>) -> Vec<Said> {
        let tried = self.tried(action);
        let mut allowed: Vec<(Reason, Shown)> = vec![];
        let mut denied: Vec<Reason> = vec![];
        for (at, request) in tried.all.iter().enumerate() {
            let verdict = self.verdict(self.known, action, target, request);
            let Some(&reason) = verdict.reasons().first() else { continue };
            if !verdict.is_allowed() {
                if !denied.contains(&reason) {
                    denied.push(reason);
                }
            } else if !verdict.reasons().contains(&Reason::ObjectAbsent) {
                show(&mut allowed, reason, at, || self.is_alone(action, target, request));
            }
        }
        let mut solved = vec![];
        for (reason, shown) in &allowed {
            let witness = self.witness(action, target, &tried.all[shown.at]);
            let mut when = self.when(action, target, reason, &denied);
            when.extend(shown.alone.then_some(When::SomeKeys));
            solved.push(Said { reason: Some(*reason), when, witness: Some(witness) });
        }
        let exact = tried.complete && self.statements(action).all(|(_, statement)| statement.exact);
        let all_told = || self.all_told(action, target, allowed.iter().map(|(reason, _)| reason));
        if !exact && !all_told() && self.could(action, target, &denied) {
            let mut when = self.always.clone();
            when.push(When::Unproven);
            solved.push(Said { reason: None, when, witness: None });
        }
        solved
    }

    /// Whether nothing is allowed beyond what these reasons are, each under its own conditions, where not everything can
    /// be tried: one of them has no conditions, or every statement that may allow it is among them.
    pub(super) fn all_told<'r>(
        &self,
        action: Action,
        target: Target<'_>,
        shown: impl Iterator<Item = &'r Reason> + Clone,
    ) -> bool {
        let statement = |at: usize| self.policy.iter().find(|statement| statement.index == at);
        let unconditional = |reason: &Reason| match reason {
            Reason::PolicyAllows(at) => statement(at.index).is_some_and(|s| s.statement.conditions().is_empty()),
            _ => true,
        };
        let told =
            |index: usize| shown.clone().any(|reason| matches!(reason, Reason::PolicyAllows(at) if at.index == index));
        let key = target.key.map(ObjectKey::as_str);
        let may_allow = |s: &&Relevant<'_>| s.is_allow() && s.is_about(action) && s.may_cover(key);
        let each_told = || self.policy.iter().filter(may_allow).all(|statement| told(statement.index));
        shown.clone().any(unconditional) || shown.clone().next().is_some() && each_told()
    }

    /// Whether what is said of the target's key in such a request may not hold of all keys that the patterns do not tell
    /// from it.
    pub(super) fn is_alone(&self, action: Action, target: Target<'_>, request: &Request) -> bool {
        let has = |key: &str| has(request, key, &self.ground);
        let Some(key) = target.key.filter(|_| target.found != Found::Itself) else { return false };
        self.statements(action).any(|(_, statement)| statement.tells_more(key.as_str(), has))
    }

    /// What `decide` says to a request, by the records of `known`.
    pub(super) fn verdict(
        &self,
        known: &KnownBucket<'_>,
        action: Action,
        target: Target<'_>,
        request: &Request,
    ) -> Verdict {
        let bucket = &known.bucket.name;
        let resource = match target.key {
            None => Resource::Bucket(bucket),
            Some(key) => Resource::Object { bucket, key, version: request.version.as_ref() },
        };
        let object = match target.found {
            Found::Nothing => None,
            Found::Owners => {
                Some(ObjectFacts { owner: &known.bucket.owner_canonical, acl: &self.private, tags: &request.tags })
            }
            Found::Others => Some(ObjectFacts { owner: &self.others.0, acl: &self.others.1, tags: &request.tags }),
            Found::Itself => target.itself.map(|object| object.facts),
        };
        self.scope.decide(action, resource, Some(known), object, request)
    }

    pub(super) fn witness(&self, action: Action, target: Target<'_>, request: &Request) -> Witness {
        Witness {
            action,
            bucket: Some(self.known.bucket.name.clone()),
            key: target.key.cloned(),
            found: target.found,
            request: request.clone(),
        }
    }

    /// The statements of both policies that are about an action, the bucket's first; numbered through.
    pub(super) fn statements(&self, action: Action) -> impl Iterator<Item = (usize, &Relevant<'a>)> {
        let all = self.policy.iter().chain(&self.key_policy).enumerate();
        all.filter(move |(_, statement)| statement.is_about(action))
    }

    /// The requests that tell apart what is told apart of an action.
    pub(super) fn tried(&self, action: Action) -> Rc<Requests> {
        let of: Vec<usize> = self.statements(action).map(|(at, _)| at).collect();
        let listing = lists(action);
        if let Some(known) = self.tried.borrow().get(&(of.clone(), listing)) {
            return known.clone();
        }
        let conditions: Vec<&Condition> =
            self.statements(action).flat_map(|(_, relevant)| relevant.statement.conditions()).collect();
        let all = Rc::new(requests(&conditions, listing, &self.ground));
        self.tried.borrow_mut().insert((of, listing), all.clone());
        all
    }

    /// Whether it may be allowed for all that can be told, where not everything can be tried.
    pub(super) fn could(&self, action: Action, target: Target<'_>, denied: &[Reason]) -> bool {
        let key = target.key.map(ObjectKey::as_str);
        let whatever = self.policy.iter().chain(&self.key_policy).any(|statement| statement.surely_denies(action, key));
        let allows = |statements: &[Relevant<'_>]| {
            let mut about = statements.iter().filter(|statement| statement.is_allow() && statement.is_about(action));
            about.any(|statement| statement.may_cover(key))
        };
        let restricted = matches!(self.scope.key_policy, PolicyEvidence::Read(_));
        // What was refused only because no rule allows it, whatever was tried, is allowed by no rule but a policy's.
        let by_rule = !denied.iter().all(|reason| {
            matches!(
                reason,
                Reason::NoRule | Reason::OwnerOnly | Reason::BucketGrantIgnored(_) | Reason::NotInPreset(_)
            )
        });
        let never = |reason: &Reason| {
            matches!(
                reason,
                Reason::BucketNotOfKey
                    | Reason::ShareElsewhere
                    | Reason::ShareGiverNotOwner
                    | Reason::ShareMissing
                    | Reason::ShareOfAnother
                    | Reason::ShareRevoked
                    | Reason::ShareExpired
                    | Reason::KeyDisabled
                    | Reason::KeyOfAnother
                    | Reason::AccountSuspended
                    | Reason::PolicyUnreadable
                    | Reason::KeyPolicyUnreadable
                    | Reason::WrongResource
            )
        };
        !whatever
            && !denied.iter().all(never)
            && (!restricted || allows(&self.key_policy))
            && (by_rule || allows(&self.policy))
    }

    /// Under which conditions `reason` allows it, where these were the refusals.
    pub(super) fn when(&self, action: Action, target: Target<'_>, reason: &Reason, denied: &[Reason]) -> Vec<When> {
        let mut when = self.always.clone();
        let of_policy = |index: usize| self.policy.iter().find(|statement| statement.index == index);
        if let Reason::PolicyAllows(at) = reason
            && let Some(allow) = of_policy(at.index)
            && !allow.statement.conditions().is_empty()
        {
            when.push(When::If(all_words(allow.statement)));
        }
        let mut add = |condition: When| {
            if !when.contains(&condition) {
                when.push(condition);
            }
        };
        for refusal in denied {
            match refusal {
                Reason::PolicyDenies(at) => {
                    if let Some(deny) = of_policy(at.index) {
                        add(When::Unless(format!(
                            "{}: {}",
                            named(at.index, deny.statement),
                            all_words(deny.statement)
                        )));
                    }
                }
                Reason::KeyPolicyDenies(at) => {
                    if let Some(deny) = self.key_policy.iter().find(|statement| statement.index == at.index) {
                        let what = named(at.index, deny.statement);
                        add(When::Unless(format!("{what} of the key's policy: {}", all_words(deny.statement))));
                    }
                }
                Reason::NotInKeyPolicy => {
                    let key = target.key.map(ObjectKey::as_str);
                    let allows = self.key_policy.iter().filter(|statement| {
                        statement.is_allow() && statement.is_about(action) && statement.may_cover(key)
                    });
                    let each: Vec<String> = allows.map(|statement| all_words(statement.statement)).collect();
                    add(When::If(format!("{} (the key's policy)", each.join(" or "))));
                }
                Reason::PrefixNotOfShare | Reason::PrefixNotOfKey if target.key.is_none() => {
                    add(When::Listing(self.scope.listings()));
                }
                _ => {}
            }
        }
        match target.found {
            Found::Owners if self.owners_differ() && reads(action) => add(When::OfBucketsOwner),
            Found::Others => add(When::OfOthers),
            _ => {}
        }
        when
    }

    /// Whether objects of the bucket may belong to others than its owner.
    pub(super) fn owners_differ(&self) -> bool {
        let ownership = self.scope.settings.ownership(self.known.bucket.ownership);
        matches!(ownership, ObjectOwnership::ObjectWriter | ObjectOwnership::BucketOwnerPreferred)
    }

    /// The keys cannot be told apart: whatever is allowed on some key is said of all.
    pub(super) fn too_complex(&self) -> Vec<Row> {
        let mut drafts = vec![];
        for action in Action::ALL.iter().copied().filter(|action| action.on_object()) {
            let whatever = |statement: &Relevant<'_>| {
                let all = statement.keys.iter().any(Pattern::is_all) && !statement.statement.resources().negated();
                all && statement.surely_denies(action, Some("a"))
            };
            if self.policy.iter().chain(&self.key_policy).any(whatever) {
                continue;
            }
            let mut when = self.always.clone();
            when.push(When::TooComplex);
            self.draft(&mut drafts, action, vec![(vec![], Said { reason: None, when, witness: None })]);
        }
        drafts.into_iter().map(|draft| Row { keys: Some(KeySet::all()), ..draft.row }).collect()
    }
}

/// What showed something.
pub(super) struct Shown {
    /// Which of the requests that are tried.
    pub(super) at: usize,
    /// Whether it may be the only key on which it does, of those that patterns do not tell from it.
    pub(super) alone: bool,
}

/// Notes that the request tried `at` shows `reason`: the first that does, or the first that does so for all keys.
pub(super) fn show(all: &mut Vec<(Reason, Shown)>, reason: Reason, at: usize, alone: impl Fn() -> bool) {
    match all.iter_mut().find(|(known, _)| *known == reason) {
        Some((_, shown)) if shown.alone && !alone() => *shown = Shown { at, alone: false },
        Some(_) => {}
        None => all.push((reason, Shown { at, alone: alone() })),
    }
}

/// The actions on a bucket itself that change or tell something of one that is there.
pub(super) fn on_bucket() -> impl Iterator<Item = Action> {
    let on_bucket = |action: &Action| !action.on_object() && !action.of_service() && !action.of_new_bucket();
    Action::ALL.iter().copied().filter(on_bucket)
}

/// Whether the decision looks at what is listed.
pub(super) fn lists(action: Action) -> bool {
    matches!(action, Action::ListBucket | Action::ListBucketVersions | Action::ListBucketMultipartUploads)
}

/// Owner and ACL of an object of a stranger, which grants everything to the bucket's owner.
pub(super) fn of_others(bucket: &Bucket) -> (CanonicalId, Acl) {
    let stranger = CanonicalId::new(&"f".repeat(64)).unwrap_or_else(|_| bucket.owner_canonical.clone());
    (stranger, Acl::private(bucket.owner_canonical.clone()))
}

/// Whether it is allowed by what an object's ACL gives to the bucket's owner.
pub(super) fn is_of_others(reason: Option<&Reason>) -> bool {
    matches!(reason, Some(Reason::ObjectGrant(_) | Reason::SharePreset(_) | Reason::ShareActions))
}

/// Whether the action is done to an object that is there, and is its owner's to allow.
pub(super) fn reads(action: Action) -> bool {
    let of_bucket =
        [Action::PutObject, Action::DeleteObject, Action::AbortMultipartUpload, Action::ListMultipartUploadParts];
    !of_bucket.contains(&action)
}
