//! The steps of a proof: each one claim, with a mark for whether it held.

use crate::complaint::Complaint;
use crate::print;

use super::wire::Answer;

/// What is claimed is printed as it is settled, so that a person sees where it stands.
#[derive(Debug, Default)]
pub(super) struct Proof {
    failed: usize,
    held: usize,
}

impl Proof {
    /// A line between groups of claims.
    pub(super) fn heading(&self, text: &str) -> Result<(), Complaint> {
        print::text(&format!("\n{text}\n"))
    }

    /// Settles one claim; `evidence` says what was seen instead, where it does not hold.
    pub(super) fn claim(&mut self, text: &str, evidence: Result<(), String>) -> Result<(), Complaint> {
        match evidence {
            Ok(()) => {
                self.held += 1;
                print::text(&format!("  ✓ {text}\n"))
            }
            Err(seen) => {
                self.failed += 1;
                print::text(&format!("  ✗ {text}: {seen}\n"))
            }
        }
    }

    pub(super) fn holds(&self) -> bool {
        self.failed == 0
    }

    pub(super) fn summary(&self) -> String {
        match (self.held, self.failed) {
            (held, 0) => format!("\nAll {held} claims hold.\n"),
            (held, failed) => format!("\n{failed} of {} claims do not hold.\n", held + failed),
        }
    }
}

/// A 2xx answer.
pub(super) fn done(answer: &Answer) -> Result<(), String> {
    if (200..300).contains(&answer.status) { Ok(()) } else { Err(seen(answer)) }
}

/// A refusal by the authoriser: 403 with a body that says AccessDenied, or no body at all for HEAD.
pub(super) fn denied(answer: &Answer) -> Result<(), String> {
    let because = matches!(answer.code.as_deref(), None | Some("AccessDenied"));
    if answer.status == 403 && because { Ok(()) } else { Err(seen(answer)) }
}

/// That status and error code.
pub(super) fn refused(answer: &Answer, status: u16, code: &str) -> Result<(), String> {
    if answer.status == status && answer.code.as_deref() == Some(code) { Ok(()) } else { Err(seen(answer)) }
}

/// A fact about an answer.
pub(super) fn that(fact: bool, otherwise: impl Into<String>) -> Result<(), String> {
    if fact { Ok(()) } else { Err(otherwise.into()) }
}

fn seen(answer: &Answer) -> String {
    match &answer.code {
        Some(code) => format!("the answer was {} {code}", answer.status),
        None => format!("the answer was {}", answer.status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, code: Option<&str>) -> Answer {
        Answer { status, code: code.map(Into::into), text: String::new() }
    }

    #[test]
    fn only_a_refusal_of_the_authoriser_counts_as_one() {
        assert!(denied(&answer(403, Some("AccessDenied"))).is_ok());
        assert!(denied(&answer(403, None)).is_ok());
        for other in [answer(200, None), answer(404, Some("NoSuchBucket")), answer(403, Some("SignatureDoesNotMatch"))]
        {
            assert!(denied(&other).is_err());
        }
        assert!(done(&answer(204, None)).is_ok() && done(&answer(403, None)).is_err());
    }

    #[test]
    fn one_claim_that_fails_is_enough() {
        let mut proof = Proof::default();
        proof.claim("a", Ok(())).unwrap();
        assert!(proof.holds());
        proof.claim("b", Err("not".into())).unwrap();
        assert!(!proof.holds());
        assert!(proof.summary().contains("1 of 2"));
    }
}
