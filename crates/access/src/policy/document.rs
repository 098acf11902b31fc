//! From the document to the policy: every element is known, of its type, and given once.

use model::limits;

use super::condition::Condition;
use super::json::{Json, join};
use super::{Actions, ConditionKey, Effect, Policy, PolicyError, Principals, Resources, Statement, Version};

/// What a policy is attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Bucket,
    Key,
}

pub(super) fn policy(text: &str, of: Of) -> Result<Policy, PolicyError> {
    if text.len() > limits::POLICY_BYTES {
        let message = format!("is {} bytes long: a policy has at most {} bytes", text.len(), limits::POLICY_BYTES);
        return Err(PolicyError::new("", message));
    }
    let json = Json::parse(text)?;
    let (mut version, mut id, mut statements) = (Version::V2008, None, None);
    for (name, value) in json.object("")? {
        match name.as_str() {
            "Version" => {
                version = match value.text(name)? {
                    "2012-10-17" => Version::V2012,
                    "2008-10-17" => Version::V2008,
                    other => {
                        let message = format!("is {other:?}: the versions are 2012-10-17 and 2008-10-17");
                        return Err(PolicyError::new(name, message));
                    }
                }
            }
            "Id" => id = Some(value.text(name)?.into()),
            "Statement" => statements = Some(value),
            _ => return Err(unknown("", name, "Version, Id and Statement")),
        }
    }
    let Some(statements) = statements else {
        return Err(PolicyError::new("", "Missing required field Statement"));
    };
    let statements = statements.one_or_more("Statement")?;
    let statements = statements.into_iter().map(|(path, json)| statement(json, path, version, of));
    let mut statements = statements.collect::<Result<Box<[Statement]>, _>>()?;
    let mut keys = Vec::new();
    for condition in statements.iter_mut().flat_map(|statement| &mut statement.conditions) {
        condition.settle(&mut keys);
    }
    Ok(Policy { version, id, statements })
}

fn unknown(path: &str, name: &str, known: &str) -> PolicyError {
    PolicyError::new(join(path, name), format!("Unknown field: the elements here are {known}"))
}

fn statement(json: &Json, path: String, version: Version, of: Of) -> Result<Statement, PolicyError> {
    let members = json.object(&path)?;
    let member = |name: &str| members.iter().find(|(given, _)| given == name).map(|(_, value)| value);
    for (name, _) in members {
        let principal = matches!(name.as_str(), "Principal" | "NotPrincipal");
        if principal && of == Of::Key {
            let message = "Unsupported Principal: a key's restriction is about the key; leave it out";
            return Err(PolicyError::new(join(&path, name), message));
        }
        let known = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];
        if !principal && !known.contains(&name.as_str()) {
            return Err(unknown(&path, name, "Sid, Effect, (Not)Principal, (Not)Action, (Not)Resource and Condition"));
        }
    }
    // One of two elements; whether it is the second.
    let either = |plain: &str, not: &str| match (member(plain), member(not)) {
        (Some(value), None) => Ok((value, false, join(&path, plain))),
        (None, Some(value)) => Ok((value, true, join(&path, not))),
        (None, None) => Err(PolicyError::new(&*path, format!("Missing required field {plain}"))),
        (Some(_), Some(_)) => Err(PolicyError::new(join(&path, not), format!("stands beside {plain}: write one"))),
    };
    let sid = member("Sid").map(|sid| sid.text(&join(&path, "Sid"))).transpose()?.map(Box::from);
    let effect = effect(member("Effect"), &path)?;
    let principals = match of {
        Of::Key => None,
        Of::Bucket => {
            let (value, negated, path) = either("Principal", "NotPrincipal")?;
            Some(Principals::parse(value, negated, effect, &path)?)
        }
    };
    let (value, negated, at) = either("Action", "NotAction")?;
    let actions = Actions::parse(value, negated, &at)?;
    let variables = version == Version::V2012;
    let (value, negated, at) = either("Resource", "NotResource")?;
    let resources = Resources::parse(value, negated, variables, &at)?;
    let conditions = match member("Condition") {
        None => Box::default(),
        Some(json) => conditions(json, &join(&path, "Condition"), variables)?,
    };
    Ok(Statement { sid, effect, principals, actions, resources, conditions, path: path.into() })
}

fn effect(json: Option<&Json>, path: &str) -> Result<Effect, PolicyError> {
    let Some(json) = json else {
        return Err(PolicyError::new(path, "Missing required field Effect"));
    };
    let path = join(path, "Effect");
    match json.text(&path)? {
        "Allow" => Ok(Effect::Allow),
        "Deny" => Ok(Effect::Deny),
        other => Err(PolicyError::new(path, format!("Invalid effect: {other:?} is neither Allow nor Deny"))),
    }
}

fn conditions(json: &Json, path: &str, variables: bool) -> Result<Box<[Condition]>, PolicyError> {
    let mut list = Vec::new();
    for (operator, keys) in json.object(path)? {
        let path = join(path, operator);
        let members = keys.object(&path)?;
        if members.is_empty() {
            return Err(PolicyError::new(path, "names no condition key: name one, or leave the operator out"));
        }
        let mut seen: Vec<ConditionKey> = Vec::new();
        for (name, values) in members {
            let path = join(&path, name);
            let condition = Condition::parse(operator, name, values, &path, variables)?;
            if seen.contains(condition.key()) {
                return Err(PolicyError::new(path, "is given twice, as case does not matter: write it once"));
            }
            seen.push(condition.key().clone());
            list.push(condition);
        }
    }
    // All must hold, so that their order means nothing: what is quickly told goes first.
    list.sort_by_key(Condition::is_pattern);
    Ok(list.into())
}
