//! The document: targets first, then how it was found, then the figures.

mod access;
mod parts;
mod peers;
mod scale;
mod sections;

use std::fmt::Write as _;

use crate::Outcome;
use crate::measures::Findings;
use crate::measures::decisions::{GRANTS, SHARES, STATEMENTS};
use crate::options::Options;
use crate::plot::{Plot, number};

/// The command that makes the document.
const COMMAND: &str = "cargo xtask bench";

const MIB: f64 = 1024.0 * 1024.0;

/// Least rate of presigned GETs, as a part of plain hyper's.
const READ_RATIO: f64 = 0.65;
/// Most allocations of a presigned GET.
const ALLOCATIONS: f64 = 30.0;
/// Most resident memory of an idle server, in MiB.
const IDLE_MIB: f64 = 40.0;
/// Longest start with an empty store, in milliseconds.
const START_MS: f64 = 100.0;
/// Most memory that an upload may add, in MiB.
const UPLOAD_MIB: f64 = 64.0;
/// Longest decision over an ACL, a policy, a share, in nanoseconds.
const DECISION_NS: [f64; 3] = [300.0, 3000.0, 5000.0];
/// Most processor time of a request on a bucket with many grants or shares, as a multiple of one on a bucket without.
const GRANTS_RATIO: f64 = 1.05;
/// Longest report on what every key reaches, and on what one does, in milliseconds.
const REACH_MS: [f64; 2] = [5000.0, 100.0];

/// A figure and what it has to be.
#[derive(Debug, Clone, PartialEq)]
struct Target {
    what: String,
    figure: f64,
    unit: &'static str,
    bound: Bound,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Bound {
    Least(f64),
    Most(f64),
}

impl Target {
    /// A figure that is no number was not measured, and is not met.
    fn is_met(&self) -> bool {
        match self.bound {
            Bound::Least(bound) => self.figure >= bound,
            Bound::Most(bound) => self.figure <= bound,
        }
    }

    fn row(&self) -> String {
        let (sign, bound) = match self.bound {
            Bound::Least(bound) => ("≥", bound),
            Bound::Most(bound) => ("≤", bound),
        };
        let unit = if self.unit.is_empty() { String::new() } else { format!(" {}", self.unit) };
        let met = if self.is_met() { "yes" } else { "**no**" };
        format!("| {} | {}{unit} | {sign} {bound}{unit} | {met} |\n", self.what, number(self.figure))
    }
}

/// The document and its plots, by name.
struct Document {
    text: String,
    plots: Vec<(&'static str, Plot)>,
    all_met: bool,
}

/// Writes the document, or prints it if it is not for the record; whether all targets are met.
pub(crate) fn publish(options: &Options, found: &Findings) -> Outcome<bool> {
    let document = Document::of(found);
    if options.for_the_record() {
        let plots = options.docs.join("performance");
        std::fs::create_dir_all(&plots)?;
        for (name, plot) in &document.plots {
            std::fs::write(plots.join(format!("{name}.svg")), plot.svg())?;
        }
        let path = options.docs.join("performance.md");
        // Of some parts only: the others stay.
        let text = match std::fs::read_to_string(&path) {
            Ok(whole) if !options.only.is_empty() => parts::put(&whole, &document.text),
            _ => document.text,
        };
        std::fs::write(&path, text)?;
        eprintln!("· written to {}", path.display());
    } else {
        print!("{}", document.text);
    }
    Ok(document.all_met)
}

impl Document {
    fn of(found: &Findings) -> Document {
        let targets = targets(found);
        let all_met = targets.iter().all(Target::is_met);
        let mut document = Document { text: String::new(), plots: Vec::new(), all_met };
        document.say(&format!(
            "# Performance\n\nWritten by `{COMMAND}`; not edited by hand. The run ends with status 1 if a target is \
             missed.\n\n## Targets\n\n| figure | measured | target | met |\n| --- | ---: | ---: | --- |\n"
        ));
        for target in &targets {
            document.say(&target.row());
        }
        document.conditions(found);
        if let Some(reads) = &found.reads {
            document.reads(reads);
        }
        if let Some(allocations) = &found.allocations {
            document.allocations(allocations);
        }
        if let Some(start) = &found.start {
            document.start(start);
        }
        if let Some(uploads) = &found.uploads {
            document.uploads(uploads);
        }
        if let Some(operations) = &found.operations {
            document.operations(operations);
        }
        if let Some(decisions) = &found.decisions {
            document.decisions(decisions);
        }
        if let Some(pairs) = &found.grants {
            document.grants(pairs);
        }
        if let Some(reach) = &found.reach {
            document.reach(reach);
        }
        if let Some(peers) = &found.peers {
            document.peers(peers);
        }
        if let Some(scale) = &found.scale {
            document.scale(scale);
        }
        document
    }

    fn say(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn plot(&mut self, name: &'static str, plot: Plot) {
        let _ = write!(self.text, "\n![{}](performance/{name}.svg)\n", plot.title);
        self.plots.push((name, plot));
    }
}

fn targets(found: &Findings) -> Vec<Target> {
    let mut targets = Vec::new();
    let mut target = |what: &str, figure: f64, unit, bound| {
        targets.push(Target { what: what.to_owned(), figure, unit, bound });
    };
    if let Some(reads) = &found.reads {
        let ratio = reads.ratio(0, |spell| spell.rate);
        target("rate of presigned GETs of 4 KiB, by that of plain hyper", ratio, "", Bound::Least(READ_RATIO));
    }
    if let Some(allocations) = &found.allocations {
        let bound = Bound::Most(ALLOCATIONS);
        target("allocations of a presigned GET of 4 KiB", allocations.per_request, "", bound);
    }
    if let Some(start) = &found.start {
        let idle = |bytes: u64| bytes as f64 / MIB;
        target("idle resident memory, empty store", idle(start.idle_empty), "MiB", Bound::Most(IDLE_MIB));
        target(
            "idle resident memory, after a load of reads",
            idle(start.idle_after_load),
            "MiB",
            Bound::Most(IDLE_MIB),
        );
        let started = start.empty.accepted.max(start.empty.answered);
        target("start with an empty store, to the first answer", started, "ms", Bound::Most(START_MS));
    }
    for upload in found.uploads.iter().flatten() {
        let what = format!("memory that a PUT of {} adds, {}", sections::size(upload.length), upload.form);
        target(&what, upload.growth() as f64 / MIB, "MiB", Bound::Most(UPLOAD_MIB));
    }
    if let Some(decisions) = &found.decisions {
        let cases = [
            (format!("a decision over an ACL of {GRANTS} grants"), decisions.grants),
            (format!("a decision over a policy of {STATEMENTS} statements with conditions"), decisions.policy),
            (format!("a decision over a share, of {SHARES} on the bucket"), decisions.shares),
        ];
        for ((what, figure), most) in cases.iter().zip(DECISION_NS) {
            target(what, *figure, "ns", Bound::Most(most));
        }
    }
    for pair in found.grants.iter().flatten() {
        target(&format!("processor time of a {}", pair.what), pair.ratio(), "×", Bound::Most(GRANTS_RATIO));
    }
    if let Some(reach) = &found.reach {
        let [all, one] = REACH_MS.map(Bound::Most);
        let of = format!("{} buckets and {} keys", number(reach.buckets as f64), number(reach.keys as f64));
        target(&format!("`reach --all` of {of}"), reach.all_ms, "ms", all);
        target("`reach` of one key among them", reach.guest_ms.max(reach.share_ms), "ms", one);
    }
    if let Some(peers) = &found.peers {
        targets.extend(peers::targets(peers));
    }
    if let Some(scale) = &found.scale {
        targets.extend(scale::targets(scale));
    }
    targets
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::measures::decisions::Decisions;
    use crate::measures::grants::Pair;
    use crate::measures::operations::{Kind, Line, Operations};
    use crate::measures::reach::Reach;
    use crate::measures::reads::{Reads, Spell};
    use crate::measures::upload::Upload;

    fn spell(rate: f64) -> Spell {
        Spell { rate, cost: 1e6 / rate, busy: 1.0 }
    }

    fn findings(ours: f64) -> Findings {
        let rounds = vec![[spell(ours), spell(100.0), spell(ours / 2.0)]; 3];
        let upload = Upload {
            form: "UNSIGNED-PAYLOAD",
            length: 5 << 30,
            before: 10 << 20,
            peak: 30 << 20,
            elapsed: Duration::from_secs(10),
        };
        let line = Line { kind: Kind::Put(4096), clients: 16, rate: 1500.0, latency_ms: [1.0, 2.0], syncs: 2.0 };
        Findings {
            rounds: 3,
            reads: Some(Reads { rounds, cores: Some(1), answer_bytes: 4500, headers: 9 }),
            uploads: Some(vec![upload]),
            operations: Some(Operations { sync_ms: [0.5, 1.0], lines: vec![line] }),
            decisions: Some(Decisions { grants: 250.0, policy: 2500.0, shares: 260.0, reading: 90_000.0 }),
            grants: Some(vec![Pair::of(
                "GET; none, 100 grants",
                &[[50.0, 51.0], [50.0, 60.0], [50.0, 50.0]],
                &[[40.0, 41.0]],
            )]),
            reach: Some(Reach {
                buckets: 10_000,
                keys: 1000,
                all_ms: 2000.0,
                guest_ms: 50.0,
                share_ms: 40.0,
                rows: 11_000,
            }),
            ..Findings::default()
        }
    }

    #[test]
    fn the_document_says_which_targets_are_met_and_shows_every_plot_that_it_names() {
        let met = Document::of(&findings(70.0));
        assert!(met.all_met);
        assert!(met.text.contains("by that of plain hyper | 0.70 | ≥ 0.65 | yes |"), "{}", met.text);
        assert!(met.text.contains("adds, UNSIGNED-PAYLOAD | 20.0 MiB | ≤ 64 MiB | yes |"), "{}", met.text);
        for row in [
            "| a decision over an ACL of 10 grants | 250 ns | ≤ 300 ns | yes |",
            "| a decision over a policy of 20 statements with conditions | 2,500 ns | ≤ 3000 ns | yes |",
            "| a decision over a share, of 100 on the bucket | 260 ns | ≤ 5000 ns | yes |",
            "| processor time of a GET; none, 100 grants | 1.02 × | ≤ 1.05 × | yes |",
            "| `reach --all` of 10,000 buckets and 1,000 keys | 2,000 ms | ≤ 5000 ms | yes |",
            "| `reach` of one key among them | 50.0 ms | ≤ 100 ms | yes |",
        ] {
            assert!(met.text.contains(row), "{row}: {}", met.text);
        }
        for (name, _) in &met.plots {
            assert!(met.text.contains(&format!("(performance/{name}.svg)")));
        }
        assert!(met.text.lines().all(|line| line.len() < 400), "no runaway line");

        let missed = Document::of(&findings(60.0));
        assert!(!missed.all_met && missed.text.contains("| 0.60 | ≥ 0.65 | **no** |"), "{}", missed.text);
        assert!(!Document::of(&findings(f64::NAN)).all_met, "what could not be measured is not met");
    }
}
