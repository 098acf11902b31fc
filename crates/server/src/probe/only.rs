//! `--only`: whether the pair can do nothing beyond one place, of all that was asked.

use super::report::{Finding, NotKnown, PlaceReport, Report};
use crate::complaint::{Complaint, Exit};

/// What tells nothing of any key, and is part of using a folder of a bucket.
const FINE: [&str; 3] = ["s3:HeadBucket", "s3:GetBucketLocation", "s3:GetBucketVersioning"];

/// Status 0 if nothing is allowed beyond `only`.
///
/// # Errors
/// What is allowed beyond it; or, as nothing is proven then, what the endpoint gave no usable answer to.
pub(super) fn judge(report: &Report, only: &str) -> Result<Exit, Complaint> {
    let (bucket, prefix) = only.split_once('/').unwrap_or((only, ""));
    let who = report.who();
    let findings = || report.places.iter().flat_map(|place| place.findings.iter().map(move |finding| (place, finding)));
    let beyond = |(place, finding): &(&PlaceReport, &Finding)| match (place.bucket == bucket, &place.except) {
        (false, _) => true,
        (true, Some(_)) => !FINE.contains(&finding.action),
        (true, None) => !place.prefix.starts_with(prefix),
    };
    let describe = |place: &PlaceReport, finding: &Finding| {
        let status = finding.status.map(|status| format!(", answered {status}")).unwrap_or_default();
        format!(
            "{} in {} ({}{status})",
            finding.question,
            place.shown,
            finding.request.as_deref().unwrap_or("not sent")
        )
    };
    if let Some((place, finding)) = findings().filter(beyond).find(|(_, finding)| finding.is_allowed()) {
        return Err(Complaint::failed(
            format!("{who} can do more than {only}: {}", describe(place, finding)),
            "Take that away from it, or hand out a key that reaches less.",
        ));
    }
    let unanswered = |(_, finding): &(&PlaceReport, &Finding)| finding.kind == Some(NotKnown::Unanswered);
    if let Some((place, finding)) = findings().filter(beyond).find(unanswered) {
        return Err(Complaint::failed(
            format!("it is not certain that {who} can do no more than {only}: {}", describe(place, finding)),
            "Ask again, and see what the endpoint answers.",
        ));
    }
    if report.buckets_left_out > 0 {
        return Err(Complaint::failed(
            format!(
                "it is not certain that {who} can do no more than {only}: {} buckets were not asked about",
                report.buckets_left_out
            ),
            "Name them with --bucket.",
        ));
    }
    Ok(Exit::Done)
}
