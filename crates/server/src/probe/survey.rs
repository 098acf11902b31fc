//! The order in which an endpoint is asked: the service, then each place, and what is left out there and why.

use client::Answer;

use super::asker::{Asked, Asker};
use super::places::{Place, Places};
use super::questions::{Question, fresh};
use super::report::{Finding, NotKnown, PlaceReport, Report, Told, sentence};
use crate::cli::ProbeFlags;
use crate::complaint::Complaint;

const A_CHANGE: &str = "it cannot be asked without a change";
const TRUST: &str = "an endpoint that is not strict might do it; --trust-endpoint asks";

/// Asks everything.
///
/// # Errors
/// Where the endpoint cannot be spoken to.
pub(super) async fn survey(asker: &Asker, flags: &ProbeFlags, places: &Places) -> Result<Report, Complaint> {
    let Asked { finding, answer } = asker.ask(&Question::list_buckets()).await?;
    let listed = answer.filter(|_| finding.is_allowed()).map(|answer| listed(&answer)).unwrap_or_default();
    let service = vec![finding, Finding::never_asked("create bucket", "s3:CreateBucket", A_CHANGE)];
    let (all, buckets_left_out) = places.all(&listed);
    let mut places = vec![];
    for place in all {
        places.push(OfPlace::new(asker, place, flags.key.as_deref())?.ask().await?);
    }
    let mut report = Report {
        endpoint: flags.endpoint.clone(),
        access_key_id: asker.who().map(str::to_owned),
        service,
        places,
        buckets_left_out,
        requests: asker.sent(),
        verdict: String::new(),
    };
    report.verdict = verdict(&report);
    Ok(report)
}

fn listed(answer: &Answer) -> Vec<String> {
    answer.elements(&["ListAllMyBucketsResult", "Buckets", "Bucket", "Name"])
}

/// The whole in one line.
fn verdict(report: &Report) -> String {
    let who = report.who();
    let (used, asked) =
        (report.places.iter().filter(|place| place.findings.iter().any(Finding::is_allowed)), &report.places);
    let used: Vec<&str> = used.map(|place| place.shown.as_str()).collect();
    let mut said = match (used.is_empty(), asked.is_empty()) {
        (_, true) => format!("No bucket was asked about: {who} is shown none, and none is named with --bucket."),
        (true, false) => format!("Nothing that was asked is allowed to {who} in {} places.", asked.len()),
        (false, false) => {
            format!("{who} can do something in {} of {} places: {}.", used.len(), asked.len(), used.join(", "))
        }
    };
    if report.buckets_left_out > 0 {
        said.push_str(&format!(" {} more buckets were not asked about.", report.buckets_left_out));
    }
    said
}

/// One place being asked about.
struct OfPlace<'a> {
    asker: &'a Asker,
    place: Place,
    /// A key that nothing has.
    marker: String,
    /// An upload and a version of content that nothing has.
    nothing: String,
    /// An object that is there.
    key: Option<String>,
    findings: Vec<Finding>,
}

impl<'a> OfPlace<'a> {
    fn new(asker: &'a Asker, place: Place, key: Option<&str>) -> Result<Self, Complaint> {
        let random = || {
            fresh().map_err(|error| {
                Complaint::failed(format!("the system gives out no random numbers: {error}"), "Try again.")
            })
        };
        let marker = format!("{}.bailiwick-probe-{}", place.prefix, random()?);
        let key = key.filter(|key| place.has(key)).map(str::to_owned);
        Ok(OfPlace { asker, marker, nothing: random()?, key, place, findings: vec![] })
    }

    async fn ask(mut self) -> Result<PlaceReport, Complaint> {
        let bucket = self.place.bucket.clone();
        self.one(Question::see(&bucket)).await?;
        let gone = self.findings.last().is_some_and(|seen| seen.kind == Some(NotKnown::NothingThere));
        if !gone {
            let listed = self.one(Question::list(&self.place)).await?;
            self.take_key(listed.as_ref());
            for question in Question::of_bucket(&self.place) {
                self.one(question).await?;
            }
            let versioning = self.one(Question::versioning(&bucket)).await?;
            self.objects().await?;
            self.changes(versioning.as_ref()).await?;
        }
        let Place { bucket, prefix, except } = self.place.clone();
        let (shown, verdict) = (self.place.shown(), sentence(&self.findings));
        Ok(PlaceReport { bucket, prefix, except, findings: self.findings, shown, verdict })
    }

    /// Asks, and gives the answer if it was let through.
    async fn one(&mut self, question: Question) -> Result<Option<Answer>, Complaint> {
        let Asked { finding, answer } = self.asker.ask(&question).await?;
        let allowed = finding.is_allowed();
        self.findings.push(finding);
        Ok(answer.filter(|_| allowed))
    }

    fn not_asked(&mut self, question: &Question, because: &str) {
        self.findings.push(Finding::not_known(question, NotKnown::NotAsked, because.to_owned()));
    }

    /// A key that is there, unless one is named: one that is no folder, if there is one.
    fn take_key(&mut self, listed: Option<&Answer>) {
        if self.key.is_some() {
            return;
        }
        let keys = listed.map(|answer| answer.elements(&["ListBucketResult", "Contents", "Key"])).unwrap_or_default();
        let mut keys: Vec<String> = keys.into_iter().filter(|key| !key.is_empty() && self.place.has(key)).collect();
        keys.sort_by_key(|key| key.ends_with('/'));
        self.key = keys.into_iter().next();
    }

    async fn objects(&mut self) -> Result<(), Complaint> {
        let bucket = self.place.bucket.clone();
        let key = self.key.clone();
        let create = Question::write("create", &bucket, &self.marker, &self.nothing);
        let over = Question::write("overwrite", &bucket, key.as_deref().unwrap_or_default(), &self.nothing);
        let reads = Question::of_object(&bucket, key.as_deref().unwrap_or_default());
        for question in reads.into_iter().chain([over]) {
            match key {
                Some(_) => drop(self.one(question).await?),
                None => self.not_asked(&question, "no object is known that is there; name one with --key"),
            }
        }
        drop(self.one(create).await?);
        Ok(())
    }

    /// What could change something, if the endpoint were not to be trusted.
    async fn changes(&mut self, versioning: Option<&Answer>) -> Result<(), Complaint> {
        let bucket = self.place.bucket.clone();
        let keeps_none =
            versioning.is_some_and(|answer| answer.elements(&["VersioningConfiguration", "Status"]).is_empty());
        let delete = Question::delete(&bucket, &self.marker, &self.nothing);
        match (self.asker.trusted, keeps_none) {
            (false, _) => self.not_asked(&delete, TRUST),
            (true, false) => self.not_asked(&delete, "the bucket may keep versions: a delete marker might be left"),
            (true, true) => drop(self.one(delete).await?),
        }
        let is_there = self.findings.iter().any(|finding| finding.told == Told::Allowed);
        for question in Question::change_settings(&bucket) {
            match (self.asker.trusted, is_there) {
                (false, _) => self.not_asked(&question, TRUST),
                (true, false) => self.not_asked(&question, "nothing showed that the bucket is there"),
                (true, true) => drop(self.one(question).await?),
            }
        }
        for (question, action) in [("change object ACL", "s3:PutObjectAcl"), ("delete bucket", "s3:DeleteBucket")] {
            self.findings.push(Finding::never_asked(question, action, A_CHANGE));
        }
        Ok(())
    }
}
