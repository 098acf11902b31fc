//! What was told: values for programs, and the same for people.

use std::fmt::Write as _;

use client::Answer;
use serde::Serialize;

use super::questions::Question;
use crate::print;

/// Whether the pair may do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum Told {
    #[serde(rename = "allowed")]
    Allowed,
    #[serde(rename = "refused")]
    Refused,
    #[serde(rename = "not known")]
    NotKnown,
}

impl Told {
    fn as_str(self) -> &'static str {
        match self {
            Told::Allowed => "allowed",
            Told::Refused => "refused",
            Told::NotKnown => "not known",
        }
    }
}

/// Why it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotKnown {
    /// It was not asked, because it cannot be without a possible change, or without an object that is there.
    NotAsked,
    /// The endpoint does not do this, for anybody.
    NotOffered,
    /// What was asked about is not there.
    NothingThere,
    /// The endpoint answers the same to anybody.
    Ambiguous,
    /// There was no answer, or none that settles it.
    Unanswered,
}

/// One question and what was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) question: &'static str,
    pub(super) action: &'static str,
    pub(super) told: Told,
    /// Method, path with the bucket in it, and query; none where nothing was sent.
    pub(super) request: Option<String>,
    pub(super) status: Option<u16>,
    /// S3's code.
    pub(super) code: Option<String>,
    pub(super) request_id: Option<String>,
    /// Why it is not known.
    pub(super) because: Option<String>,
    #[serde(skip)]
    pub(super) kind: Option<NotKnown>,
}

impl Finding {
    /// Of an answer, not settled yet.
    pub(super) fn answered(question: &Question, answer: &Answer) -> Self {
        let id = ["x-amz-request-id", "x-request-id"].into_iter().find_map(|name| answer.header(name));
        Finding {
            question: question.what,
            action: question.action,
            told: Told::NotKnown,
            request: Some(question.shown()),
            status: Some(answer.status),
            code: answer.code().filter(|code| is_word(code)),
            request_id: id.filter(|id| is_word(id)).map(str::to_owned),
            because: None,
            kind: None,
        }
    }

    /// It was sent and not answered, or not sent at all.
    pub(super) fn not_known(question: &Question, kind: NotKnown, because: String) -> Self {
        let request = (kind != NotKnown::NotAsked).then(|| question.shown());
        let because = Some(because);
        let (question, action) = (question.what, question.action);
        let told = Told::NotKnown;
        Finding {
            question,
            action,
            told,
            request,
            status: None,
            code: None,
            request_id: None,
            because,
            kind: Some(kind),
        }
    }

    /// What is never asked.
    pub(super) fn never_asked(question: &'static str, action: &'static str, because: &str) -> Self {
        Finding {
            question,
            action,
            told: Told::NotKnown,
            request: None,
            status: None,
            code: None,
            request_id: None,
            because: Some(because.to_owned()),
            kind: Some(NotKnown::NotAsked),
        }
    }

    pub(super) fn is_allowed(&self) -> bool {
        self.told == Told::Allowed
    }
}

/// An endpoint's word that is shown as it is: short, and nothing that a terminal acts on.
fn is_word(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// What was told of one bucket, or of what begins so in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct PlaceReport {
    pub(super) bucket: String,
    /// What the keys begin with that were asked about; empty: any.
    pub(super) prefix: String,
    /// What they do not begin with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) except: Option<String>,
    pub(super) findings: Vec<Finding>,
    #[serde(skip)]
    pub(super) shown: String,
    pub(super) verdict: String,
}

/// All that was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Report {
    pub(super) endpoint: String,
    /// `None`: nobody.
    pub(super) access_key_id: Option<String>,
    pub(super) service: Vec<Finding>,
    pub(super) places: Vec<PlaceReport>,
    /// Buckets that the endpoint lists and that were not asked about.
    pub(super) buckets_left_out: usize,
    /// How many requests were sent.
    pub(super) requests: u64,
    pub(super) verdict: String,
}

/// What was allowed, refused and not settled, in a sentence.
pub(super) fn sentence(findings: &[Finding]) -> String {
    let listed = |told| {
        let all = findings.iter().filter(|finding| finding.told == told).map(|finding| finding.question);
        all.collect::<Vec<_>>().join(", ")
    };
    let parts = [("can", Told::Allowed), ("cannot", Told::Refused), ("not known:", Told::NotKnown)];
    let parts = parts.map(|(word, told)| (word, listed(told)));
    let said: Vec<String> =
        parts.into_iter().filter(|(_, all)| !all.is_empty()).map(|(word, all)| format!("{word} {all}")).collect();
    said.join("; ")
}

impl Report {
    /// Who asked, for people.
    pub(super) fn who(&self) -> &str {
        self.access_key_id.as_deref().unwrap_or("anybody")
    }

    /// A table for each place, and a verdict.
    pub(super) fn for_people(&self) -> String {
        let mut text = format!("{} at {}\n{}", self.who(), self.endpoint, table(&self.service));
        for place in &self.places {
            let _ = write!(text, "\n{}\n{}", place.shown, table(&place.findings));
        }
        text.push('\n');
        for place in &self.places {
            let _ = writeln!(text, "{}: {}", place.shown, place.verdict);
        }
        let _ = writeln!(text, "{}", self.verdict);
        text
    }
}

fn table(findings: &[Finding]) -> String {
    let rows = findings.iter().map(|finding| {
        let status = finding.status.map(|status| status.to_string()).unwrap_or_default();
        let answer = [status.as_str(), finding.code.as_deref().unwrap_or_default()].join(" ");
        let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        vec![
            finding.question.to_owned(),
            finding.told.as_str().to_owned(),
            or_dash(answer.trim()),
            or_dash(finding.request_id.as_deref().unwrap_or_default()),
            finding.because.clone().unwrap_or_default(),
        ]
    });
    print::list(&["QUESTION", "TOLD", "ANSWER", "REQUEST ID", ""], rows)
}
