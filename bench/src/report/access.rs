//! The sections on what access costs.

use super::Document;
use crate::measures::decisions::{Decisions, GRANTS, SHARES, STATEMENTS};
use crate::measures::grants::{MANY, Pair};
use crate::measures::reach::Reach;
use crate::plot::number;

impl Document {
    pub(super) fn decisions(&mut self, decisions: &Decisions) {
        self.say(
            "\n## Decisions\n\n`access::decide` in a loop, its evidence at hand: processor time. What settles each stands last, so that \
             everything is looked at.\n\n| case | a decision |\n| --- | ---: |\n",
        );
        for (case, took) in [
            (format!("GetObject by a guest: the last of {GRANTS} grants of the object's ACL"), decisions.grants),
            (
                format!("GetObject by a policy: the last of {STATEMENTS} statements with four conditions"),
                decisions.policy,
            ),
            (
                format!("PutObject by a share of a folder, {SHARES} on the bucket, after as many rotations"),
                decisions.shares,
            ),
        ] {
            self.say(&format!("| {case} | {} ns |\n", number(took)));
        }
        self.say(&format!(
            "\nA policy is read once and kept: that takes {} µs for this one.\n",
            number(decisions.reading / 1e3)
        ));
    }

    pub(super) fn grants(&mut self, pairs: &[Pair]) {
        self.say(&format!(
            "\n## Requests on buckets with many grants\n\nPresigned, on two buckets in turn: processor time of the server and its \
             allocations for each answer. There are {MANY} grants, or\nshares, on the second bucket.\n\n\
             | request | processor time | with many | ratio | allocations | with many |\n\
             | --- | ---: | ---: | ---: | ---: | ---: |\n"
        ));
        for pair in pairs {
            let ([cost, cost_many], [allocations, allocations_many]) = (pair.cost, pair.allocations);
            self.say(&format!(
                "| {} | {} µs | {} µs | {} | {} | {} |\n",
                pair.what,
                number(cost),
                number(cost_many),
                number(pair.ratio()),
                number(allocations),
                number(allocations_many)
            ));
        }
    }

    pub(super) fn reach(&mut self, reach: &Reach) {
        self.say(&format!(
            "\n## Reach\n\n{} buckets, each granted to one guest, and {} keys: half of them guests', nearly all others of shares. \
             The command on a\nrunning server, from its start to its end; `--all` told {} rows.\n\n\
             | command | took |\n| --- | ---: |\n| `reach --all` | {} ms |\n| `reach` of a guest's key | {} ms |\n\
             | `reach` of a share's key | {} ms |\n",
            number(reach.buckets as f64),
            number(reach.keys as f64),
            number(reach.rows as f64),
            number(reach.all_ms),
            number(reach.guest_ms),
            number(reach.share_ms)
        ));
    }
}
