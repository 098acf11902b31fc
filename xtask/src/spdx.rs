//! Licence expressions, as packages declare them: `MIT OR Apache-2.0`, `(MIT OR Apache-2.0) AND Unicode-3.0`, and the
//! older `MIT/Apache-2.0`. Syntax: the SPDX specification, annex "SPDX license expressions".

use crate::process::Failure;

/// Whether somebody who accepts only `allowed` may use what is under `expression`. A licence with an exception counts
/// as the licence, since an exception only adds permissions.
pub(crate) fn permits(expression: &str, allowed: &[&str]) -> Result<bool, Failure> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    let permitted = any(&mut words, allowed);
    match (permitted, words.next()) {
        (Some(permitted), None) => Ok(permitted),
        _ => Err(format!("`{expression}` is no licence expression")),
    }
}

type Words<'a, I> = std::iter::Peekable<I>;

fn any<'a>(words: &mut Words<'a, impl Iterator<Item = &'a str>>, allowed: &[&str]) -> Option<bool> {
    let mut permitted = all(words, allowed)?;
    while words.next_if_eq(&"OR").is_some() {
        permitted |= all(words, allowed)?;
    }
    Some(permitted)
}

fn all<'a>(words: &mut Words<'a, impl Iterator<Item = &'a str>>, allowed: &[&str]) -> Option<bool> {
    let mut permitted = one(words, allowed)?;
    while words.next_if_eq(&"AND").is_some() {
        permitted &= one(words, allowed)?;
    }
    Some(permitted)
}

fn one<'a>(words: &mut Words<'a, impl Iterator<Item = &'a str>>, allowed: &[&str]) -> Option<bool> {
    match words.next()? {
        "(" => {
            // As many levels as there are brackets; expressions come from manifests, which cargo has read before.
            let mut inner = Vec::new();
            let mut depth = 1_usize;
            for word in words.by_ref() {
                depth = if word == "(" { depth + 1 } else { depth - usize::from(word == ")") };
                if depth == 0 {
                    break;
                }
                inner.push(word);
            }
            let inner = inner.join(" ");
            (depth == 0).then(|| permits(&inner, allowed).ok()).flatten()
        }
        ")" | "OR" | "AND" | "WITH" => None,
        licence => {
            if words.next_if_eq(&"WITH").is_some() {
                words.next()?;
            }
            Some(allowed.contains(&licence))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_the_alternatives_is_enough_and_each_of_the_parts_is_needed() {
        let allowed = ["MIT", "ISC"];
        for yes in
            ["MIT", "GPL-3.0 OR MIT", "GPL-3.0/MIT", "MIT AND ISC", "(GPL-3.0 OR MIT) AND ISC", "MIT WITH X-exception"]
        {
            assert_eq!(permits(yes, &allowed), Ok(true), "{yes}");
        }
        for no in [
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT OR ISC) AND GPL-3.0",
            "GPL-3.0 OR MIT AND GPL-2.0",
            "mit",
            "((MIT) AND (GPL-3.0))",
        ] {
            assert_eq!(permits(no, &allowed), Ok(false), "{no}");
        }
        for broken in ["", "MIT OR", "(MIT", "MIT)", "MIT ISC", "OR MIT", "MIT WITH", "()"] {
            assert!(permits(broken, &allowed).is_err(), "{broken}");
        }
    }
}
