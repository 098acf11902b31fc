//! The sections on Bailiwick and its peers.

use std::collections::BTreeMap;

use super::sections::size;
use super::{Bound, Document, MIB, Target};
use crate::measures::peers::cells::{self, Cell, What};
use crate::measures::peers::{Disk, Peers, Spell};
use crate::median::median;
use crate::plot::{Plot, number};
use crate::stores::Kind;

/// Least rates, as multiples of that of the best peer: what is asked, by how many, how much.
const LEAST: [(What, usize, f64); 9] = [
    (What::Put(4 * cells::KIB), 1, 2.0),
    (What::Put(4 * cells::KIB), 16, 3.0),
    (What::Put(4 * cells::KIB), 64, 3.0),
    (What::Put(64 * cells::KIB), 16, 2.0),
    (What::Get(4 * cells::KIB), 16, 4.0),
    (What::Get(cells::MIB), 8, 2.0),
    (What::Head, 16, 1.5),
    (What::Delete, 16, 2.0),
    (What::List, 4, 2.0),
];
/// PUT of 1 MiB by 8: this multiple of the best peer's rate, or this part of what fio writes sequentially.
const LARGE_PUT: [f64; 2] = [1.5, 0.8];
/// GET of 1 MiB by 8: least part of nginx's rate.
const OF_NGINX: f64 = 0.7;
/// Most resident memory while 64 clients ask for anything, in MiB.
const LOADED_MIB: f64 = 300.0;

/// What a cell is, in words.
fn name(cell: Cell) -> String {
    let what = match cell.what {
        What::Put(bytes) => format!("PUT {}", size(bytes)),
        What::Get(bytes) => format!("GET {}", size(bytes)),
        What::Head => "HEAD".to_owned(),
        What::Delete => "DELETE".to_owned(),
        What::List => "LIST 1000 keys".to_owned(),
        What::Prefixes => "LIST 1000 common prefixes".to_owned(),
        What::Multipart => format!("multipart, {} × {}", cells::PARTS, size(cells::PART)),
        What::Mixed => format!("mixed, {}", size(cells::MIXED)),
        What::GetGranted => format!("GET {}, 100 grants", size(cells::SMALL)),
    };
    format!("{what} × {}", cell.clients)
}

pub(super) fn targets(peers: &Peers) -> Vec<Target> {
    let has = |cell: Cell| peers.cells.iter().any(|(of, _)| *of == cell);
    let target = |what: String, figure, unit, bound| Target { what, figure, unit, bound };
    let mut targets = Vec::new();
    for (what, clients, least) in LEAST {
        let cell = Cell { what, clients };
        if has(cell) {
            let ratio = peers.ratio_to_best(cell);
            targets.push(target(format!("{}, to the best peer", name(cell)), ratio, "×", Bound::Least(least)));
        }
    }
    let large = |what: fn(u64) -> What| Cell { what: what(cells::MIB), clients: 8 };
    let put = large(What::Put);
    if has(put) {
        let [best, disk] = LARGE_PUT;
        let (ratio, part) = (peers.ratio_to_best(put), part_of_disk(peers, put));
        // One of the two is enough: told is the one that is met, or nearer to it.
        let (what, figure, least) = match part / disk > ratio / best || ratio.is_nan() {
            true => ("of what fio writes sequentially", part, disk),
            false => ("to the best peer", ratio, best),
        };
        targets.push(target(format!("{}, {what}", name(put)), figure, "×", Bound::Least(least)));
    }
    let get = large(What::Get);
    if has(get) {
        let ratio = peers.ratio(get, Kind::Ours, Kind::Nginx);
        targets.push(target(format!("{}, to nginx", name(get)), ratio, "×", Bound::Least(OF_NGINX)));
    }
    let of_64 = peers.cells.iter().filter(|(cell, _)| cell.clients == 64);
    let resident = of_64.map(|(cell, _)| most(peers, *cell, Kind::Ours)).fold(0.0, f64::max);
    if resident > 0.0 {
        let what = "resident memory under 64 clients, the most of all".to_owned();
        targets.push(target(what, resident / MIB, "MiB", Bound::Most(LOADED_MIB)));
    }
    targets
}

/// Most memory of a store in a cell, in bytes.
fn most(peers: &Peers, cell: Cell, kind: Kind) -> f64 {
    let found = peers.cells.iter().find(|(of, _)| *of == cell).and_then(|(_, stores)| stores.get(&kind));
    let spells = found.and_then(|spells| spells.as_ref().ok()).into_iter().flatten();
    spells.map(|spell| spell.resident as f64).fold(0.0, f64::max)
}

/// What Bailiwick stores a second in a cell, as a part of what fio wrote in the same round: the median.
fn part_of_disk(peers: &Peers, cell: Cell) -> f64 {
    let bytes = cell.what.bytes().unwrap_or(0) as f64;
    let found = peers.cells.iter().find(|(of, _)| *of == cell).and_then(|(_, stores)| stores.get(&Kind::Ours));
    let spells = found.and_then(|spells| spells.as_ref().ok()).into_iter().flatten();
    let part = |spell: &Spell| Some(spell.rate * bytes / peers.rounds.get(spell.round)?.0.sequential);
    let parts: Vec<f64> = spells.filter_map(part).collect();
    if parts.iter().all(|part| part.is_finite()) { median(parts) } else { f64::NAN }
}

impl Document {
    pub(super) fn peers(&mut self, peers: &Peers) {
        self.say(
            "\n## Beside other stores\n\nOne load asks all of them, in turns within each round, signed by their owner's key with \
             the body unsigned; bodies are\nrandom and no two alike. Servers and load share the same cores. A peer answers as it \
             does by default, before anything is on\nthe disk, and Bailiwick after it is; where a column says `relaxed` or \
             `fsync`, it is the other way round. What is left\nunwritten is written before the next is asked, outside of the \
             time that is taken. The load acknowledges what it receives at once:\na server that sends head and body apart \
             and leaves Nagle's algorithm on makes a client that does not wait 40 ms for each body\n(Garage 2.5.0 does so).\n\n\
             | store | version | setting | idle resident memory |\n| --- | --- | --- | ---: |\n",
        );
        for store in &peers.stores {
            let idle = number(store.resident as f64 / MIB);
            self.say(&format!("| {} | {} | {} | {idle} MiB |\n", store.kind.name(), store.version, store.setting));
        }
        for (name, why) in &peers.missing {
            let why = why.lines().next().unwrap_or_default();
            self.say(&format!("\n**{name} was not measured**: {}\n", clipped(why)));
        }
        self.disk(peers);
        self.rates(peers);
        self.latencies(peers);
        self.loaded(peers);
        self.say(&format!("\nThis part took {} minutes.\n", number(peers.took.as_secs_f64() / 60.0)));
    }

    fn disk(&mut self, peers: &Peers) {
        self.say(
            "\n### The disk in each round\n\nBy fio, before anything else in the round: an fdatasync after 4 KiB; and a file \
             written in pieces of 1 MiB, with one sync at its end.\n\n\
             | round | fdatasync, median | 99 of 100 | sequential | load average |\n| ---: | ---: | ---: | ---: | ---: |\n",
        );
        for (round, (Disk { sync_ms: [median, slow], sequential }, load)) in peers.rounds.iter().enumerate() {
            self.say(&format!(
                "| {} | {} ms | {} ms | {} MB/s | {load:.2} |\n",
                round + 1,
                number(*median),
                number(*slow),
                number(sequential / 1e6)
            ));
        }
    }

    fn rates(&mut self, peers: &Peers) {
        let kinds: Vec<Kind> = peers.stores.iter().map(|store| store.kind).collect();
        self.say("\n### Answers a second\n\n`×` is the number of clients. The ratio is Bailiwick's rate to that of the best peer, in the same round.\n\n| asked |");
        self.columns(&kinds, " ratio | MB a second |");
        let mut failures = BTreeMap::new();
        for (cell, stores) in &peers.cells {
            self.say(&format!("| {} |", name(*cell)));
            for kind in &kinds {
                let text = match stores.get(kind) {
                    None => String::new(),
                    Some(Err(why)) => {
                        failures.entry((kind.name(), why.clone())).or_insert_with(Vec::new).push(name(*cell));
                        "failed".to_owned()
                    }
                    Some(Ok(_)) => number(peers.median(*cell, *kind, |spell| spell.rate)),
                };
                self.say(&format!(" {text} |"));
            }
            let ratio = peers.ratio_to_best(*cell);
            let ratio = if ratio.is_finite() { number(ratio) } else { String::new() };
            let rate = peers.median(*cell, Kind::Ours, |spell| spell.rate);
            let moved = cell.what.bytes().map(|bytes| number(bytes as f64 * rate / 1e6)).unwrap_or_default();
            self.say(&format!(" {ratio} | {moved} |\n"));
        }
        for ((store, why), cells) in failures {
            let why: String = why.split_whitespace().collect::<Vec<_>>().join(" ");
            self.say(&format!("\n{store} failed in {}: {}\n", cells.join(", "), clipped(&why)));
        }
        for (plot, title, of) in [
            ("peers-writes", "Writes: times the rate of the best peer", true),
            ("peers-reads", "Reads: times the rate of the best peer", false),
        ] {
            let cells = peers.cells.iter().map(|(cell, _)| *cell).filter(|cell| cell.what.writes() == of);
            let bars: Vec<(String, f64)> = cells
                .map(|cell| (name(cell), peers.ratio_to_best(cell)))
                .filter(|(_, ratio)| ratio.is_finite())
                .collect();
            if !bars.is_empty() {
                let mark = Some(("the best peer".to_owned(), 1.0));
                self.plot(plot, Plot { title: title.to_owned(), bars, mark });
            }
        }
    }

    fn latencies(&mut self, peers: &Peers) {
        let kinds: Vec<Kind> = peers.stores.iter().map(|store| store.kind).collect();
        self.say("\n### Latency\n\nMilliseconds: the median, and within which 99 of 100 are. The last column is Bailiwick's median in fdatasyncs of the same round.\n\n| asked |");
        self.columns(&kinds, " in syncs |");
        for (cell, _) in &peers.cells {
            self.say(&format!("| {} |", name(*cell)));
            for kind in &kinds {
                let [median, slow] = [0, 1].map(|which| peers.median(*cell, *kind, |spell| spell.latency_ms[which]));
                let text =
                    if median.is_finite() { format!("{} / {}", number(median), number(slow)) } else { String::new() };
                self.say(&format!(" {text} |"));
            }
            let in_syncs = |spell: &Spell| {
                spell.latency_ms[0] / peers.rounds.get(spell.round).map_or(f64::NAN, |(disk, _)| disk.sync_ms[0])
            };
            let syncs =
                if cell.what.writes() { number(peers.median(*cell, Kind::Ours, in_syncs)) } else { String::new() };
            self.say(&format!(" {syncs} |\n"));
        }
    }

    fn loaded(&mut self, peers: &Peers) {
        let kinds: Vec<Kind> = peers.stores.iter().map(|store| store.kind).collect();
        self.say("\n### Memory and processor time\n\nThe most that was resident during a cell, in MiB; and processor time of the server for an answer, in microseconds.\n\n| asked |");
        self.columns(&kinds, "");
        for (cell, _) in &peers.cells {
            self.say(&format!("| {} |", name(*cell)));
            for kind in &kinds {
                let cost = peers.median(*cell, *kind, |spell| spell.cost);
                let text = match cost.is_finite() {
                    true => format!("{} / {}", number(most(peers, *cell, *kind) / MIB), number(cost)),
                    false => String::new(),
                };
                self.say(&format!(" {text} |"));
            }
            self.say("\n");
        }
    }

    /// The rest of a table's first two lines: a column for each store, and those in `more`.
    fn columns(&mut self, kinds: &[Kind], more: &str) {
        let names: String = kinds.iter().map(|kind| format!(" {} |", kind.name())).collect();
        let count = kinds.len() + more.matches('|').count();
        self.say(&format!("{names}{more}\n| --- |{}\n", " ---: |".repeat(count)));
    }
}

/// As much of a text as a line should hold.
fn clipped(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measures::peers::About;

    const CELL: Cell = Cell { what: What::Put(4 * cells::KIB), clients: 16 };

    fn spells(rates: &[f64]) -> Vec<Spell> {
        let spell = |(round, rate): (usize, &f64)| Spell {
            round,
            rate: *rate,
            latency_ms: [1.0, 2.0],
            cost: 30.0,
            resident: 50 << 20,
        };
        rates.iter().enumerate().map(spell).collect()
    }

    pub(in crate::report) fn found() -> Peers {
        let about = |kind| About { kind, version: "1.2.3".into(), setting: "as it comes".into(), resident: 20 << 20 };
        let disk = Disk { sync_ms: [0.5, 1.0], sequential: 400e6 };
        let by_store = [
            (Kind::Ours, Ok(spells(&[300.0, 330.0, 600.0]))),
            (Kind::Seaweed, Ok(spells(&[100.0, 100.0, 150.0]))),
            (Kind::Garage, Err("an answer is no success:\nHTTP/1.1 500".to_owned())),
        ];
        let get = Cell { what: What::Get(cells::MIB), clients: 8 };
        let reads = [(Kind::Ours, Ok(spells(&[80.0]))), (Kind::Nginx, Ok(spells(&[100.0])))];
        Peers {
            stores: [Kind::Ours, Kind::Seaweed, Kind::Garage, Kind::Nginx].map(about).to_vec(),
            missing: vec![("fio".into(), "there is no program `fio`".into())],
            rounds: vec![(disk, 0.5); 3],
            cells: vec![(CELL, BTreeMap::from(by_store)), (get, BTreeMap::from(reads))],
            took: std::time::Duration::from_secs(120),
        }
    }

    #[test]
    fn a_ratio_is_taken_within_rounds_and_to_the_best_peer_that_did_not_fail() {
        let peers = found();
        assert_eq!(peers.ratio(CELL, Kind::Ours, Kind::Seaweed), 3.3);
        assert_eq!(peers.ratio_to_best(CELL), 3.3);
        let rows: Vec<String> = targets(&peers).iter().map(Target::row).collect();
        assert!(rows.contains(&"| PUT 4 KiB × 16, to the best peer | 3.30 × | ≥ 3 × | yes |\n".to_owned()), "{rows:?}");
        assert!(rows.contains(&"| GET 1 MiB × 8, to nginx | 0.80 × | ≥ 0.7 × | yes |\n".to_owned()), "{rows:?}");
        assert!(
            rows.iter().any(|row| row.contains("GET 1 MiB × 8, to the best peer | – × |")),
            "not measured: {rows:?}"
        );
    }

    #[test]
    fn who_was_left_out_and_who_failed_is_named() {
        let mut document = Document { text: String::new(), plots: Vec::new(), all_met: true };
        document.peers(&found());
        let text = &document.text;
        for part in [
            "| PUT 4 KiB × 16 | 330 | 100 | failed |  | 3.30 | 1.35 |",
            "**fio was not measured**: there is no program `fio`",
            "Garage failed in PUT 4 KiB × 16: an answer is no success: HTTP/1.1 500",
            "| 1 | 0.50 ms | 1.00 ms | 400 MB/s | 0.50 |",
            "| PUT 4 KiB × 16 | 1.00 / 2.00 | 1.00 / 2.00 |  |  | 2.00 |",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let widths = |start: &str| {
            let row = text.lines().find(|line| line.starts_with(start)).unwrap_or_default();
            row.matches('|').count()
        };
        assert_eq!(widths("| asked | Bailiwick"), widths("| PUT 4 KiB × 16 |"), "as many columns as names");
    }
}
