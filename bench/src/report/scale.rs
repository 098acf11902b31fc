//! The sections on how things grow with the number of objects.

use super::sections::size;
use super::{Bound, Document, MIB, Target};
use crate::measures::scale::{Footprint, Level, Operation, Scale};
use crate::plot::{Plot, number};

/// How many times slower an operation may be with the most objects than with the fewest.
const SLOWER: f64 = 1.5;
/// Longest page of common prefixes, in milliseconds.
const PREFIXES_MS: f64 = 10.0;
/// Most resident memory, idle and under 64 clients, in MiB.
const RESIDENT_MIB: [f64; 2] = [40.0, 300.0];
/// Longest start after a clean stop, and after a kill, in milliseconds.
const START_MS: [f64; 2] = [200.0, 3000.0];
/// Most disk for what is stored in objects of 64 KiB, as a multiple of it.
const DISK_RATIO: f64 = 1.15;

pub(super) fn targets(scale: &Scale) -> Vec<Target> {
    let mut targets = Vec::new();
    let mut target = |what: String, figure, unit, bound| targets.push(Target { what, figure, unit, bound });
    if let [first, .., last] = scale.levels.as_slice() {
        let (few, many) = (number(first.objects as f64), number(last.objects as f64));
        for operation in Operation::ALL {
            let slower = rate(first, operation) / rate(last, operation);
            let what = format!("{}, slower with {many} objects than with {few}", operation.name());
            target(what, slower, "×", Bound::Most(SLOWER));
        }
        let with = format!("with {many} objects");
        target(format!("a page of 1000 common prefixes, {with}"), last.prefixes_ms, "ms", Bound::Most(PREFIXES_MS));
        let [idle, loaded] = last.resident.map(|bytes| bytes as f64 / MIB);
        target(format!("idle resident memory, {with}"), idle, "MiB", Bound::Most(RESIDENT_MIB[0]));
        target(format!("resident memory under 64 clients, {with}"), loaded, "MiB", Bound::Most(RESIDENT_MIB[1]));
        target(format!("start after a clean stop, {with}"), last.start_ms[0], "ms", Bound::Most(START_MS[0]));
        let what = format!("start after a kill in a burst of writes, {with}");
        target(what, last.start_ms[1], "ms", Bound::Most(START_MS[1]));
    }
    if let Some(Footprint { stored, occupied, .. }) = scale.footprint {
        let ratio = occupied as f64 / stored as f64;
        target("disk for objects of 64 KiB, to the bytes stored".to_owned(), ratio, "×", Bound::Most(DISK_RATIO));
    }
    targets
}

fn rate(level: &Level, operation: Operation) -> f64 {
    level.rates.get(&operation).copied().unwrap_or(f64::NAN)
}

impl Document {
    pub(super) fn scale(&mut self, scale: &Scale) {
        self.say(
            "\n## From ten thousand to ten million objects\n\nObjects of 100 bytes, five in a folder. Bailiwick's are loaded \
             through its engine, as the server would have stored\nthem, event by event; stores of all sizes run at once and are \
             asked in turns. `×` is the number of clients; what is asked\nfor lies anywhere among all objects.\n\n| asked |",
        );
        let levels = &scale.levels;
        let counts: Vec<String> = levels.iter().map(|level| number(level.objects as f64)).collect();
        self.say(&format!(" {} |\n", counts.join(" | ")));
        self.say(&format!("| --- |{}\n", " ---: |".repeat(levels.len())));
        let mut line = |name: &str, figure: &dyn Fn(&Level) -> String| {
            let cells: Vec<String> = levels.iter().map(figure).collect();
            self.say(&format!("| {name} | {} |\n", cells.join(" | ")));
        };
        for operation in Operation::ALL {
            line(&format!("{}, a second", operation.name()), &|level| number(rate(level, operation)));
        }
        line("a page of 1000 common prefixes", &|level| format!("{} ms", number(level.prefixes_ms)));
        line("start after a clean stop", &|level| format!("{} ms", number(level.start_ms[0])));
        line("start after a kill", &|level| format!("{} ms", number(level.start_ms[1])));
        line("idle resident memory", &|level| format!("{} MiB", number(level.resident[0] as f64 / MIB)));
        line("under 64 clients", &|level| format!("{} MiB", number(level.resident[1] as f64 / MIB)));
        line("disk for an object", &|level| format!("{} B", number(level.disk)));
        line("loaded in", &|level| format!("{} s", number(level.load_seconds)));
        for missing in &scale.missing {
            let missing: String = missing.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(250).collect();
            self.say(&format!("\n**Not measured**: {missing}\n"));
        }
        if let [first, .., last] = levels.as_slice() {
            let bars = Operation::ALL.into_iter().map(|of| (of.name().to_owned(), rate(last, of) / rate(first, of)));
            let title = format!(
                "Rates with {} objects, as parts of those with {}",
                number(last.objects as f64),
                number(first.objects as f64)
            );
            let mark = Some(("1 / 1.5".to_owned(), 1.0 / SLOWER));
            self.plot("scale", Plot { title, bars: bars.collect(), mark });
        }
        self.peers_scale(scale);
        if let Some(Footprint { stored, occupied, after_deleting }) = scale.footprint {
            self.say(&format!(
                "\n### Disk\n\n{} in objects of 64 KiB occupy {} MiB, once the store has tidied up: {} times what was stored. \
                 Without every\nother of them, {} MiB: {} times what is left.\n",
                size(stored),
                number(occupied as f64 / MIB),
                number(occupied as f64 / stored as f64),
                number(after_deleting as f64 / MIB),
                number(after_deleting as f64 / (stored / 2) as f64),
            ));
        }
    }

    fn peers_scale(&mut self, scale: &Scale) {
        if scale.peers.is_empty() {
            return;
        }
        let names: String = Operation::ALL.iter().map(|operation| format!(" {} |", operation.name())).collect();
        self.say(&format!(
            "\n### Peers as they grow\n\nThe same objects and requests; loaded by requests, and not in turns: answers a second.\n\n\
             | store | objects |{names} resident | disk for an object |\n| --- | ---: |{}\n",
            " ---: |".repeat(Operation::ALL.len() + 2)
        ));
        for level in &scale.peers {
            let rates: String = Operation::ALL
                .iter()
                .map(|operation| format!(" {} |", number(level.rates.get(operation).copied().unwrap_or(f64::NAN))))
                .collect();
            self.say(&format!(
                "| {} | {} |{rates} {} MiB | {} B |\n",
                level.kind.name(),
                number(level.objects as f64),
                number(level.resident as f64 / MIB),
                number(level.disk)
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn level(objects: u64, rate: f64) -> Level {
        let rates = BTreeMap::from_iter(Operation::ALL.map(|operation| (operation, rate)));
        let resident = [30 << 20, 90 << 20];
        Level { objects, rates, prefixes_ms: 4.0, start_ms: [50.0, 4000.0], resident, disk: 1500.0, load_seconds: 9.0 }
    }

    #[test]
    fn what_has_a_target_is_the_most_objects_beside_the_fewest() {
        let levels = vec![level(10_000, 2000.0), level(100_000, 1900.0), level(10_000_000, 1000.0)];
        let footprint = Some(Footprint { stored: 64 << 20, occupied: 70 << 20, after_deleting: 40 << 20 });
        let missing = vec!["Garage: there is none".to_owned()];
        let scale = Scale { levels, missing, footprint, ..Scale::default() };
        let rows: Vec<String> = targets(&scale).iter().map(Target::row).collect();
        for row in [
            "| GET × 16, slower with 10,000,000 objects than with 10,000 | 2.00 × | ≤ 1.5 × | **no** |\n",
            "| start after a kill in a burst of writes, with 10,000,000 objects | 4,000 ms | ≤ 3000 ms | **no** |\n",
            "| disk for objects of 64 KiB, to the bytes stored | 1.09 × | ≤ 1.15 × | yes |\n",
        ] {
            assert!(rows.contains(&row.to_owned()), "{row}: {rows:?}");
        }
        let mut document = Document { text: String::new(), plots: Vec::new(), all_met: true };
        document.scale(&scale);
        for part in [
            "| asked | 10,000 | 100,000 | 10,000,000 |",
            "| idle resident memory | 30.0 MiB |",
            "Garage: there is none",
        ] {
            assert!(document.text.contains(part), "{part}: {}", document.text);
        }
        assert_eq!(document.plots.len(), 1);
    }
}
