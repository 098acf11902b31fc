//! What a request may choose: for each thing that conditions ask about, one value of every kind that they tell apart.
//!
//! A condition asks about one key and one value of it, so whether each condition holds is settled by the kinds chosen, key
//! by key; trying every combination of kinds tries every request. Addresses and moments are intervals, and one value from
//! each will do; texts are taken apart by the patterns that conditions compare them with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::{Network, Timestamp, VersionId};

use super::keys::Vocabulary;
use super::pattern::Pattern;
use super::request::Request;
use super::statements::{self, Fixed};
use crate::policy::{Asked, Condition, Facts, Operands, Value, Values};

/// Most combinations that are tried for one action on one kind of key.
const COMBINATIONS: usize = 512;

/// A thing that a request chooses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    /// When it comes.
    Time,
    /// From where.
    Source,
    /// Which version it names.
    Version,
    /// The value of a tag of the object that it finds.
    Tag(Box<str>),
    /// The value of a condition key.
    Key(Box<str>),
}

impl Thing {
    fn of(key: &str) -> Self {
        match key {
            "aws:currenttime" | "aws:epochtime" => Thing::Time,
            "aws:sourceip" => Thing::Source,
            "s3:versionid" => Thing::Version,
            key => match key.strip_prefix("s3:existingobjecttag/") {
                Some(tag) => Thing::Tag(tag.into()),
                None => Thing::Key(key.into()),
            },
        }
    }
}

/// What it chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Choice {
    At(Timestamp),
    From(Option<IpAddr>),
    Text(Option<Box<str>>),
}

fn choose(thing: &Thing, choice: &Choice, request: &mut Request) {
    match (thing, choice) {
        (Thing::Time, Choice::At(at)) => request.at = *at,
        (Thing::Source, Choice::From(source)) => request.source = *source,
        (Thing::Version, Choice::Text(text)) => {
            request.version = text.as_deref().and_then(|text| VersionId::new(text).ok());
        }
        (Thing::Tag(name), Choice::Text(value)) => {
            request.tags.retain(|(tag, _)| tag != &**name);
            request.tags.extend(value.as_deref().map(|value| (name.to_string(), value.to_owned())));
        }
        (Thing::Key(name), Choice::Text(value)) => {
            request.values.retain(|(key, _)| key != name);
            request.values.extend(value.clone().map(|value| (name.clone(), value)));
        }
        _ => {}
    }
}

/// What is fixed of all requests that are tried, and what the records beside the policies tell apart.
pub(super) struct Ground<'a> {
    pub(super) fixed: Fixed<'a>,
    /// From when on requests are thought of.
    pub(super) at: Timestamp,
    /// Until when (and not any more then).
    pub(super) until: Option<Timestamp>,
    /// Networks that the key or the share is confined to, all of them in one list.
    pub(super) networks: Vec<Network>,
    /// What a listing must begin with, by the key or the share.
    pub(super) prefixes: Vec<Box<str>>,
}

/// The requests that tell everything apart that some conditions tell apart.
#[derive(Debug, Clone)]
pub(super) struct Requests {
    pub(super) all: Vec<Request>,
    /// Whether these are all there are to try.
    pub(super) complete: bool,
}

/// The requests to try for a decision on which `conditions` bear; `listing`: that looks at what is listed.
pub(super) fn requests(conditions: &[&Condition], listing: bool, ground: &Ground<'_>) -> Requests {
    let mut things: Vec<(Thing, Vec<&Condition>)> = vec![];
    let add = |things: &mut Vec<(Thing, Vec<_>)>, thing: Thing| -> usize {
        match things.iter().position(|(known, _)| *known == thing) {
            Some(at) => at,
            None => {
                things.push((thing, vec![]));
                things.len() - 1
            }
        }
    };
    if !ground.networks.is_empty() {
        add(&mut things, Thing::Source);
    }
    if listing && !ground.prefixes.is_empty() {
        add(&mut things, Thing::Key("s3:prefix".into()));
    }
    for condition in conditions {
        if ground.fixed.value(condition.key().as_str()).is_none() {
            let at = add(&mut things, Thing::of(condition.key().as_str()));
            things[at].1.push(condition);
        }
    }
    let plain = Request::plain(ground.at, Some(IpAddr::V4(ORDINARY)));
    let mut all = vec![plain.clone()];
    let mut complete = true;
    for (thing, conditions) in &things {
        let kinds = kinds(thing, conditions, &plain, ground, &mut complete);
        let mut more = Vec::with_capacity(all.len() * kinds.len());
        for request in &all {
            for kind in &kinds {
                if more.len() >= COMBINATIONS {
                    complete = false;
                    break;
                }
                let mut request = request.clone();
                choose(thing, kind, &mut request);
                more.push(request);
            }
        }
        all = more;
    }
    Requests { all, complete }
}

/// Where an ordinary request comes from (RFC 5737: an address that is nobody's).
const ORDINARY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// One choice of each kind.
fn kinds(
    thing: &Thing,
    conditions: &[&Condition],
    plain: &Request,
    ground: &Ground<'_>,
    complete: &mut bool,
) -> Vec<Choice> {
    let candidates = match thing {
        Thing::Time => moments(conditions, ground),
        Thing::Source => addresses(conditions, ground),
        Thing::Version | Thing::Tag(_) | Thing::Key(_) => {
            let listed: &[Box<str>] =
                if matches!(thing, Thing::Key(key) if &**key == "s3:prefix") { &ground.prefixes } else { &[] };
            texts(conditions, listed, &ground.fixed, complete)
        }
    };
    let mut seen: Vec<(Vec<Option<bool>>, Vec<bool>)> = vec![];
    let mut kinds = vec![];
    for candidate in candidates {
        let mut request = plain.clone();
        choose(thing, &candidate, &mut request);
        let asked = Trial { request: &request, fixed: &ground.fixed };
        let told = conditions.iter().map(|condition| asked.told(condition)).collect();
        let mark = (told, marks(&candidate, ground));
        if !seen.contains(&mark) {
            seen.push(mark);
            kinds.push(candidate);
        }
    }
    kinds
}

/// What the records beside the policies tell of a choice.
fn marks(choice: &Choice, ground: &Ground<'_>) -> Vec<bool> {
    match choice {
        Choice::At(_) => vec![],
        Choice::From(None) => vec![],
        Choice::From(Some(address)) => ground.networks.iter().map(|network| network.contains(*address)).collect(),
        Choice::Text(text) => {
            let text = text.as_deref().unwrap_or_default();
            ground.prefixes.iter().map(|prefix| text.starts_with(&**prefix)).collect()
        }
    }
}

/// A request whose conditions are tried before anything is decided.
struct Trial<'a> {
    request: &'a Request,
    fixed: &'a Fixed<'a>,
}

impl Trial<'_> {
    fn told(&self, condition: &Condition) -> Option<bool> {
        let who = match self.fixed.account {
            Some((id, canonical, _)) => crate::policy::Who::Account { id, canonical },
            None => crate::policy::Who::Anonymous,
        };
        condition.told(&Asked { who, action: model::Action::GetObject, bucket: None, key: None, facts: self })
    }
}

impl Facts for Trial<'_> {
    fn values(&self, key: &str) -> Values<'_> {
        match Thing::of(key) {
            Thing::Time => Values::One(Value::Moment(self.request.at)),
            Thing::Source => self.request.source.map_or(Values::Absent, |address| Values::One(Value::Address(address))),
            Thing::Version => Values::text(self.request.version.as_ref().map(|version| version.as_str())),
            Thing::Tag(tag) => {
                Values::text(self.request.tags.iter().find(|(name, _)| **name == *tag).map(|(_, value)| value.as_str()))
            }
            Thing::Key(key) => self.request.values(&key),
        }
    }
}

/// Whether a request of a decision on `ground` has a value of this condition key.
pub(super) fn has(request: &Request, key: &str, ground: &Ground<'_>) -> bool {
    !matches!(Trial { request, fixed: &ground.fixed }.values(key), Values::Absent)
}

/// The beginnings of all intervals of time that conditions tell apart, from now on.
fn moments(conditions: &[&Condition], ground: &Ground<'_>) -> Vec<Choice> {
    let mut all = vec![ground.at];
    for condition in conditions {
        let nanoseconds: Vec<i128> = match condition.operands() {
            Operands::Instants(instants) => instants.iter().map(|instant| instant.nanoseconds()).collect(),
            Operands::Numbers(numbers) => numbers.iter().map(|seconds| seconds.billionths()).collect(),
            _ => vec![],
        };
        for at in nanoseconds {
            let millis = at.div_euclid(1_000_000);
            // A number of seconds is compared with whole seconds.
            for near in [millis - 1000, millis - 1, millis, millis + 1, millis + 1000] {
                if let Ok(near) = u64::try_from(near) {
                    all.push(Timestamp::from_millis(near));
                }
            }
        }
    }
    all.retain(|at| *at >= ground.at && ground.until.is_none_or(|until| *at < until));
    if let [_now, later @ ..] = &mut all[..] {
        later.sort_unstable();
    }
    all.into_iter().map(Choice::At).collect()
}

/// The beginnings of all intervals of addresses that networks tell apart, and that no address is known.
fn addresses(conditions: &[&Condition], ground: &Ground<'_>) -> Vec<Choice> {
    let of_conditions = conditions.iter().flat_map(|condition| match condition.operands() {
        Operands::Networks(networks) => &networks[..],
        _ => &[],
    });
    let mut all = vec![IpAddr::V4(ORDINARY)];
    for network in of_conditions.chain(&ground.networks) {
        all.push(network.base());
        all.extend(behind(network));
    }
    // The lowest addresses; and, of IPv6, what follows the addresses that mean IPv4.
    all.extend([IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)]);
    all.push(IpAddr::V6(Ipv6Addr::from_bits(1 << 48)));
    let known = all.into_iter().map(|address| Choice::From(Some(address)));
    known.chain([Choice::From(None)]).collect()
}

/// The first address behind a network, if there is one.
fn behind(network: &Network) -> Option<IpAddr> {
    match network.base() {
        IpAddr::V4(base) => {
            let size = 1u64 << (32 - network.bits());
            u32::try_from(u64::from(base.to_bits()) + size).ok().map(|next| IpAddr::V4(Ipv4Addr::from_bits(next)))
        }
        IpAddr::V6(base) => {
            let size = 1u128.checked_shl(u32::from(128 - network.bits()))?;
            base.to_bits().checked_add(size).map(|next| IpAddr::V6(Ipv6Addr::from_bits(next)))
        }
    }
}

/// No text, and one of each kind.
fn texts(conditions: &[&Condition], prefixes: &[Box<str>], fixed: &Fixed<'_>, complete: &mut bool) -> Vec<Choice> {
    let mut patterns: Vec<Pattern> = prefixes.iter().map(|prefix| Pattern::prefix(prefix)).collect();
    let mut literal: Vec<String> = vec![];
    for condition in conditions {
        match condition.operands() {
            Operands::Text(texts) => {
                for text in texts {
                    let folds = text.ignores_case();
                    literal.extend(text.fixed().into_iter().flat_map(|text| {
                        [Some(text.to_owned()), folds.then(|| text.to_uppercase())].into_iter().flatten()
                    }));
                    patterns.push(statements::pattern(text, fixed).0);
                }
            }
            Operands::Numbers(numbers) => {
                const ONE: i128 = 1_000_000_000;
                for number in numbers {
                    let near = [0, ONE, -ONE, 1, -1].map(|by| statements::decimal(number.billionths() + by));
                    literal.extend(near);
                }
            }
            Operands::Instants(instants) => {
                for instant in instants {
                    literal.extend([0, 1, -1].map(|by| statements::moment(instant.nanoseconds() + by)));
                }
            }
            Operands::Bools(_) => literal.extend(["true".to_owned(), "false".to_owned()]),
            Operands::Bytes(bytes) => literal.extend(bytes.iter().filter_map(|b| String::from_utf8(b.to_vec()).ok())),
            Operands::Networks(networks) => literal.extend(networks.iter().map(|network| network.base().to_string())),
            Operands::Arns(arns) => {
                literal.push("arn:aws:none:::none".to_owned());
                let part = |template| {
                    let pattern = statements::pattern(template, fixed).0;
                    super::automaton::Regular::of(&pattern).ok().and_then(|set| set.shortest()).unwrap_or_default()
                };
                literal.extend(arns.iter().map(|arn| arn.parts().each_ref().map(part).join(":")));
            }
        }
    }
    let mut all: Vec<Choice> = vec![Choice::Text(None)];
    all.extend(literal.into_iter().map(|text| Choice::Text(Some(text.into()))));
    match Vocabulary::new(patterns) {
        Ok(words) => all.extend(words.samples().map(|(_, text)| Choice::Text(Some(text.into())))),
        Err(_) => *complete = false,
    }
    all.push(Choice::Text(Some("".into())));
    all
}
