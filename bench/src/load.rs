//! The load generator: kept-alive connections, requests that are ready to be sent, and as little reading of answers as a
//! count of them needs.
//!
//! A thread serves its connections as their answers come: it reads the answer of one, sends the next request on it and goes
//! to the next, while the others' requests are under way. With as many threads as connections each of them is a client that
//! waits for its answer; with fewer, one wake-up of a thread serves all whose answers are there, which is what a load costs
//! least that has no cores of its own.
//!
//! A load with cores of its own never sleeps: it asks its connections again and again. A client that sleeps must be woken
//! by the server with each answer, which costs more than all the rest of a small one; and it sleeps the more, the slower
//! the server is. Two servers would not be measured by the same load.
//!
//! What came of an answer that is not whole is acknowledged at once. A server that sends head and body apart and leaves
//! Nagle's algorithm on waits for that, and a client's kernel takes 40 ms for it: 23 answers a second by each client, of a
//! server that can do a thousand. Real clients wait so; here it would hide what the server can do, and flatter the others.

mod answer;
mod line;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::event::{Timespec, epoll};

pub(crate) use self::answer::Answer;
use self::line::{Line, PATIENCE};
use crate::{Outcome, process};

/// A request as bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shot {
    /// Request line and headers, to the empty line; what of the body is its own may follow.
    pub head: Vec<u8>,
    /// What follows.
    pub body: Bytes,
    /// And what follows that, of a long body.
    pub rest: Vec<Bytes>,
}

impl Shot {
    /// What is sent, in order.
    fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        [&self.head[..], &self.body[..]].into_iter().chain(self.rest.iter().map(|piece| &piece[..]))
    }
}

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// After that time; the shots are sent again and again.
    Elapsed(Duration),
    /// When each shot was sent once.
    Spent,
    /// When each shot was sent once, or after that time.
    SpentWithin(Duration),
}

/// How a thread waits for what its connections bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waits {
    /// It does not: it asks again.
    Never,
    /// In reading and writing: it has one connection.
    InCalls,
    /// For all of its connections at once.
    ForAll,
}

/// How to send what to whom.
#[derive(Debug, Clone)]
pub(crate) struct Load<'a> {
    /// To whom.
    pub to: SocketAddr,
    /// What: connection n of m begins with shot n and goes on in steps of m.
    pub shots: &'a [Shot],
    /// Over how many connections.
    pub connections: usize,
    /// By how many threads.
    pub threads: usize,
    /// On which cores, which are this load's own; any, if empty.
    pub cores: &'a [usize],
    /// How long.
    pub until: Until,
}

/// What came of it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    /// Answers.
    pub requests: usize,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// From each request to its answer.
    pub latencies: Vec<Duration>,
}

impl Tally {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }

    /// The latencies' quantile, in milliseconds.
    pub fn latency_ms(&self, part: f64) -> f64 {
        crate::median::quantile(self.latencies.iter().map(|latency| latency.as_secs_f64() * 1e3), part)
    }
}

impl Load<'_> {
    /// Sends it.
    pub fn run(&self) -> Outcome<Tally> {
        let threads = self.threads.clamp(1, self.connections.max(1));
        let begun = Instant::now();
        let mut tally = Tally::default();
        std::thread::scope(|scope| -> Outcome<()> {
            let works: Vec<_> = (0..threads)
                .map(|thread| scope.spawn(move || self.thread((thread..self.connections).step_by(threads), begun)))
                .collect();
            for work in works {
                let latencies = work.join().map_err(|_| "a thread of the load panicked")??;
                tally.latencies.extend(latencies);
            }
            Ok(())
        })?;
        (tally.requests, tally.elapsed) = (tally.latencies.len(), begun.elapsed());
        Ok(tally)
    }

    fn thread(&self, connections: impl Iterator<Item = usize>, begun: Instant) -> Outcome<Vec<Duration>> {
        if !self.cores.is_empty() {
            process::stay_on(self.cores)?;
        }
        let connections: Vec<usize> = connections.collect();
        let waits = match connections.len() {
            _ if !self.cores.is_empty() => Waits::Never,
            1 => Waits::InCalls,
            _ => Waits::ForAll,
        };
        let open = |first: &usize| Line::open(self.to, *first, waits);
        let mut lines = connections.iter().map(open).collect::<Outcome<Vec<_>>>()?;
        let mut latencies = Vec::with_capacity(1 << 16);
        let mut under_way = Vec::with_capacity(lines.len());
        for (at, line) in lines.iter_mut().enumerate() {
            if self.send_next(line)? {
                under_way.push(at);
            }
        }
        // Whether the line goes on after what it received.
        let mut serve = |line: &mut Line| -> Outcome<bool> {
            if !line.receive()? {
                return Ok(true);
            }
            let now = Instant::now();
            latencies.push(now - line.sent);
            Ok(!self.is_over(now - begun) && self.send_next(line)?)
        };
        if waits == Waits::ForAll {
            // Those that have a request come first.
            wait_for_all(&mut lines[..under_way.len()], serve)?;
        } else {
            while !under_way.is_empty() {
                let mut at = 0;
                while at < under_way.len() {
                    if serve(&mut lines[under_way[at]])? {
                        at += 1;
                    } else {
                        under_way.swap_remove(at);
                    }
                }
            }
        }
        Ok(latencies)
    }

    fn is_over(&self, elapsed: Duration) -> bool {
        match self.until {
            Until::Elapsed(limit) | Until::SpentWithin(limit) => elapsed >= limit,
            Until::Spent => false,
        }
    }

    /// Sends the next request of a connection; false if there is none.
    fn send_next(&self, line: &mut Line) -> Outcome<bool> {
        let at = match self.until {
            Until::Elapsed(_) => line.next % self.shots.len(),
            Until::Spent | Until::SpentWithin(_) => line.next,
        };
        let Some(shot) = self.shots.get(at) else { return Ok(false) };
        line.next += self.connections;
        line.send(shot)?;
        Ok(true)
    }
}

/// Serves lines, each with a request under way, as their answers come, until none goes on.
fn wait_for_all(lines: &mut [Line], mut serve: impl FnMut(&mut Line) -> Outcome<bool>) -> Outcome<()> {
    let mut count = lines.len();
    let queue = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    for (at, line) in lines.iter().enumerate() {
        epoll::add(&queue, &line.stream, epoll::EventData::new_u64(at as u64), epoll::EventFlags::IN)?;
    }
    let patience = Timespec { tv_sec: i64::try_from(PATIENCE.as_secs())?, tv_nsec: 0 };
    let mut events = Vec::with_capacity(lines.len());
    while count > 0 {
        events.clear();
        epoll::wait(&queue, rustix::buffer::spare_capacity(&mut events), Some(&patience))?;
        if events.is_empty() {
            return Err(format!("no answer within {} s", PATIENCE.as_secs()).into());
        }
        for event in &events {
            let line = &mut lines[usize::try_from(event.data.u64())?];
            if !serve(line)? {
                epoll::delete(&queue, &line.stream)?;
                count -= 1;
            }
        }
    }
    Ok(())
}

/// Sends one request on a connection of its own, and returns the answer.
pub(crate) fn ask(to: SocketAddr, shot: &Shot) -> Outcome<Answer> {
    Line::open(to, 0, Waits::InCalls)?.ask(shot)
}

/// Sends one request on a connection of its own, and returns the whole answer as bytes.
pub(crate) fn once(to: SocketAddr, shot: &Shot) -> Outcome<Vec<u8>> {
    let answer = ask(to, shot)?;
    Ok([answer.head, answer.body].concat())
}
