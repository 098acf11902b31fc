//! The sections of the document, one for each measurement.

use std::fmt::Write as _;

use super::{Document, MIB};
use crate::measures::Findings;
use crate::measures::allocations::Allocations;
use crate::measures::operations::{Kind, LISTED, Operations};
use crate::measures::reads::{self, Reads};
use crate::measures::start::{self, Start};
use crate::measures::upload::Upload;
use crate::plot::{Plot, number};

/// A number of bytes in the largest unit that divides it.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        bytes if bytes >= 1 << 30 && bytes.is_multiple_of(1 << 30) => format!("{} GiB", bytes >> 30),
        bytes if bytes >= 1 << 20 && bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        bytes if bytes >= 1 << 10 && bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} B"),
    }
}

fn mib(bytes: u64) -> String {
    number(bytes as f64 / MIB)
}

impl Document {
    pub(super) fn conditions(&mut self, found: &Findings) {
        self.say("\n## Measured on\n\n");
        if let Some(machine) = &found.machine {
            let memory = number(machine.memory as f64 / MIB / 1024.0);
            let mut text = format!(
                "- {}, {memory} GiB of memory, {}, data on {}\n",
                machine.processor, machine.kernel, machine.file_system
            );
            if let Some(revision) = &machine.revision {
                let _ = writeln!(text, "- revision {revision}");
            }
            self.say(&text);
        }
        self.say(&format!(
            "- load average of the machine before the run {:.2}, after it {:.2} (the run is a load itself)\n\
             - medians of {} rounds; where two servers are compared, they take turns within each round\n\
             - every server is a process of its own and the program's own entry point; durability is `full`\n",
            found.load[0], found.load[1], found.rounds
        ));
    }

    pub(super) fn reads(&mut self, reads: &Reads) {
        let places = match reads.cores {
            Some(1) => "The server has one core to itself, the load another.".to_owned(),
            Some(cores) => format!("The server has {cores} cores to itself, the load the others."),
            None => "Server and load share the only core.".to_owned(),
        };
        self.say(&format!(
            "\n## Presigned GET of 4 KiB\n\n{} connections are kept alive; {} objects are read in turn. Plain hyper repeats \
             an answer of Bailiwick's,\n{} bytes with {} header fields, whatever it is asked. {places}\n\n\
             | server | answers a second | processor time an answer | busy |\n| --- | ---: | ---: | ---: |\n",
            reads::CONNECTIONS,
            reads::OBJECTS,
            number(reads.answer_bytes as f64),
            reads.headers,
        ));
        let sides = ["Bailiwick", "plain hyper", "Bailiwick, each URL for the first time"];
        let rates = [0, 1, 2].map(|side| reads.median(side, |spell| spell.rate));
        for (side, name) in sides.into_iter().enumerate() {
            let (cost, busy) = (reads.median(side, |spell| spell.cost), reads.median(side, |spell| spell.busy));
            self.say(&format!("| {name} | {} | {} µs | {:.0} % |\n", number(rates[side]), number(cost), busy * 100.0));
        }
        for (side, name) in [(0, "ratio"), (2, "ratio, each URL for the first time")] {
            self.say(&format!(
                "| {name} | {} | {} | |\n",
                number(reads.ratio(side, |spell| spell.rate)),
                number(reads.ratio(side, |spell| spell.cost))
            ));
        }
        let each: Vec<String> = reads.rounds.iter().map(|[ours, plain, _]| number(ours.rate / plain.rate)).collect();
        self.say(&format!("\nThe ratio of rates, round by round: {}.\n", each.join(", ")));
        let bars = vec![("plain hyper".to_owned(), rates[1]), ("Bailiwick".to_owned(), rates[0])];
        let mark = Some((format!("{} × plain hyper", super::READ_RATIO), super::READ_RATIO * rates[1]));
        self.plot("reads", Plot { title: "Presigned GET of 4 KiB, answers a second".to_owned(), bars, mark });
    }

    pub(super) fn allocations(&mut self, allocations: &Allocations) {
        self.say(&format!(
            "\n## Allocations of a presigned GET of 4 KiB\n\nIn the whole server process, less those of an idle one in the \
             same time: **{}** a request (alloc and realloc),\n{} bytes. By the innermost line of the product's own that led to them:\n\n\
             | allocations | file | line: allocations |\n| ---: | --- | --- |\n",
            number(allocations.per_request),
            number(allocations.bytes_per_request),
        ));
        for (file, lines) in allocations.files() {
            let all: f64 = lines.iter().map(|(_, count)| count).sum();
            let lines: Vec<String> = lines.iter().map(|(line, count)| format!("{line}: {}", number(*count))).collect();
            self.say(&format!("| {} | `{file}` | {} |\n", number(all), lines.join(", ")));
        }
    }

    pub(super) fn start(&mut self, start: &Start) {
        self.say(&format!(
            "\n## Start and idle memory\n\nTimes are from the start of the process, with the program in the page cache. A start \
             on an empty store makes the master key,\nthe store and the owner's account, durably. The existing store has {} \
             objects of 4 KiB; its server was killed before.\n\n\
             | store | first connection accepted | first answer | idle resident memory |\n| --- | ---: | ---: | ---: |\n",
            number(start::OBJECTS as f64),
        ));
        for (name, times, idle) in
            [("empty", start.empty, start.idle_empty), ("existing", start.existing, start.idle_existing)]
        {
            let (accepted, answered) = (number(times.accepted), number(times.answered));
            self.say(&format!("| {name} | {accepted} ms | {answered} ms | {} MiB |\n", mib(idle)));
        }
        self.say(&format!(
            "\nSix seconds after writes of all objects and a load of reads: {} MiB. Memory is the most of all rounds.\n",
            mib(start.idle_after_load)
        ));
    }

    pub(super) fn uploads(&mut self, uploads: &[Upload]) {
        self.say(
            "\n## Memory during a long upload\n\nOne PUT; the peak is the kernel's (VmHWM, reset before), the growth is over \
             what was resident just before.\n\n\
             | body | length | before | peak | growth | MB a second |\n| --- | ---: | ---: | ---: | ---: | ---: |\n",
        );
        for upload in uploads {
            self.say(&format!(
                "| {} | {} | {} MiB | {} MiB | {} MiB | {} |\n",
                upload.form,
                size(upload.length),
                mib(upload.before),
                mib(upload.peak),
                mib(upload.growth()),
                number(upload.length as f64 / 1e6 / upload.elapsed.as_secs_f64()),
            ));
        }
        let bars = uploads.iter().flat_map(|upload| {
            let form = upload.form.split(',').next().unwrap_or(upload.form);
            [
                (format!("{form}: before"), upload.before as f64 / MIB),
                (format!("{form}: peak"), upload.peak as f64 / MIB),
            ]
        });
        let length = uploads.first().map_or(0, |upload| upload.length);
        let title = format!("Resident memory during a PUT of {}, MiB", size(length));
        self.plot("upload", Plot { title, bars: bars.collect(), mark: None });
    }

    pub(super) fn operations(&mut self, operations: &Operations) {
        let [median, slow] = operations.sync_ms;
        self.say(&format!(
            "\n## PUT, GET and LIST\n\nWithout targets. A write of 4 KiB in place with its fdatasync, in the same directory \
             at the start of each round: median\n{} ms, 99 of 100 within {} ms; the last column is a median latency in those. \
             PUT is signed, body included, and durable;\neach goes to a new key. LIST begins anywhere among {} keys. \
             Clients run on the same cores as the server.\n\n\
             | operation | clients | a second | MB a second | median | 99 of 100 | in syncs |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
            number(median),
            number(slow),
            number(LISTED as f64),
        ));
        let name = |kind: Kind| match kind {
            Kind::Put(bytes) => format!("PUT {}", size(bytes as u64)),
            Kind::Get => "GET 1 MiB".to_owned(),
            Kind::List => "LIST 1000".to_owned(),
        };
        for line in &operations.lines {
            let bytes = match line.kind {
                Kind::Put(bytes) => bytes,
                Kind::Get => 1 << 20,
                Kind::List => 0,
            };
            let megabytes = if bytes == 0 { String::new() } else { number(bytes as f64 * line.rate / 1e6) };
            self.say(&format!(
                "| {} | {} | {} | {megabytes} | {} ms | {} ms | {} |\n",
                name(line.kind),
                line.clients,
                number(line.rate),
                number(line.latency_ms[0]),
                number(line.latency_ms[1]),
                number(line.syncs),
            ));
        }
        let bars = operations.lines.iter().map(|line| {
            let clients = if line.clients == 1 { "1 client".to_owned() } else { format!("{} clients", line.clients) };
            (format!("{}, {clients}", name(line.kind)), line.rate)
        });
        let bars = bars.collect();
        self.plot("operations", Plot { title: "Operations a second".to_owned(), bars, mark: None });
    }
}
