//! The load generator: kept-alive connections, requests that are ready to be sent, and as little reading of answers as a
//! count of them needs.
//!
//! A thread serves its connections in turn: it reads the answer of one, sends the next request on it and goes to the next,
//! while the others' requests are under way. With as many threads as connections each of them is a client that waits for
//! its answer, and [`Tally::latencies`] mean something.
//!
//! A load with cores of its own never sleeps: it asks its connections again and again. A client that sleeps must be woken
//! by the server with each answer, which costs more than all the rest of a small one; and it sleeps the more, the slower
//! the server is. Two servers would not be measured by the same load.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::{Outcome, process};

/// Longer than any answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest answer that is taken.
const ANSWER_BYTES: usize = 16 << 20;

/// A request as bytes.
#[derive(Debug, Clone)]
pub(crate) struct Shot {
    /// Request line and headers, to the empty line.
    pub head: Vec<u8>,
    /// What follows.
    pub body: Bytes,
}

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// After that time; the shots are sent again and again.
    Elapsed(Duration),
    /// When each shot was sent once.
    Spent,
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
        let sleeps = self.cores.is_empty();
        let mut lines = connections.map(|first| Line::open(self.to, first, sleeps)).collect::<Outcome<Vec<_>>>()?;
        let mut latencies = Vec::with_capacity(1 << 16);
        for line in &mut lines {
            line.send(self)?;
        }
        let time_is_up = |since: Instant| match self.until {
            Until::Elapsed(limit) => since.duration_since(begun) >= limit,
            Until::Spent => false,
        };
        while !lines.is_empty() {
            let mut at = 0;
            while at < lines.len() {
                let line = &mut lines[at];
                if !line.receive()? {
                    at += 1;
                    continue;
                }
                let now = Instant::now();
                latencies.push(now - line.sent);
                let goes_on = !time_is_up(now) && line.send(self)?;
                if goes_on {
                    at += 1;
                } else {
                    lines.swap_remove(at);
                }
            }
        }
        Ok(latencies)
    }
}

/// A connection with a request under way.
struct Line {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    /// How long the answer is, once its head is there.
    whole: Option<usize>,
    next: usize,
    sent: Instant,
}

impl Line {
    fn open(to: SocketAddr, first: usize, sleeps: bool) -> Outcome<Line> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nonblocking(!sleeps)?;
        let buffer = vec![0; 16 * 1024];
        Ok(Line { stream, buffer, filled: 0, whole: None, next: first, sent: Instant::now() })
    }

    /// Sends the next request; false if there is none.
    fn send(&mut self, load: &Load<'_>) -> Outcome<bool> {
        let at = match load.until {
            Until::Elapsed(_) => self.next % load.shots.len(),
            Until::Spent => self.next,
        };
        let Some(shot) = load.shots.get(at) else { return Ok(false) };
        self.next += load.connections;
        (self.filled, self.whole) = (0, None);
        self.sent = Instant::now();
        for mut bytes in [&shot.head[..], &shot.body[..]] {
            while !bytes.is_empty() {
                match self.stream.write(bytes) {
                    Ok(written) => bytes = &bytes[written..],
                    Err(error) => self.may_wait(error)?,
                }
            }
        }
        Ok(true)
    }

    /// Reads what is there of an answer with a length; whether that is all of it. Anything but 200 is an error.
    fn receive(&mut self) -> Outcome<bool> {
        loop {
            match self.stream.read(&mut self.buffer[self.filled..]) {
                Ok(0) => return Err("the server closed the connection in the middle of an answer".into()),
                Ok(read) => self.filled += read,
                Err(error) => {
                    self.may_wait(error)?;
                    return Ok(false);
                }
            }
            if self.whole.is_none() {
                self.whole = length(&self.buffer[..self.filled])?;
            }
            let size = self.buffer.len();
            match self.whole {
                Some(whole) if self.filled == whole => return Ok(true),
                Some(whole) if self.filled > whole => return Err("the server says more than it announced".into()),
                Some(whole) if whole > ANSWER_BYTES => return Err("an answer is too long".into()),
                Some(whole) if whole > size => self.buffer.resize(whole, 0),
                None if self.filled == size => self.buffer.resize(2 * size, 0),
                _ => {}
            }
        }
    }

    /// Whether an error only says that nothing can be read or written yet, of a connection that never sleeps.
    fn may_wait(&self, error: std::io::Error) -> Outcome<()> {
        if error.kind() == ErrorKind::WouldBlock && self.sent.elapsed() < PATIENCE {
            return Ok(());
        }
        Err(error.into())
    }
}

/// Sends one request on a connection of its own, and returns the whole answer.
pub(crate) fn once(to: SocketAddr, shot: &Shot) -> Outcome<Vec<u8>> {
    let load =
        Load { to, shots: std::slice::from_ref(shot), connections: 1, threads: 1, cores: &[], until: Until::Spent };
    let mut line = Line::open(to, 0, true)?;
    line.send(&load)?;
    while !line.receive()? {}
    line.buffer.truncate(line.filled);
    Ok(line.buffer)
}

/// How long an answer is, head and body, once its head is there.
fn length(answer: &[u8]) -> Outcome<Option<usize>> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = &answer[..end + 2];
    if !head.starts_with(b"HTTP/1.1 200 ") {
        return Err(format!("an answer is not 200:\n{}", String::from_utf8_lossy(answer)).into());
    }
    const NAME: &[u8] = b"content-length:";
    for line in head.split(|byte| *byte == b'\n') {
        if line.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME)) {
            let digits = std::str::from_utf8(&line[NAME.len()..])?.trim();
            return Ok(Some(end + 4 + digits.parse::<usize>()?));
        }
    }
    Err("an answer has no content-length".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_length_says_and_anything_but_200_is_an_error() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nx: y\r\n\r\nabc";
        assert_eq!(length(answer).unwrap(), Some(answer.len()));
        assert_eq!(length(&answer[..30]).unwrap(), None);
        assert!(length(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(length(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").is_err());
    }
}
