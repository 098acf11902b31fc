//! A connection with a request under way.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_tcp_quickack;

use super::answer::{Answer, Reader};
use super::{Shot, Waits};
use crate::Outcome;

/// Longer than any answer takes on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// How much is read at once: what is read from a loopback is copied, and no larger piece is copied faster.
const PIECE_BYTES: usize = 128 << 10;

/// A connection.
pub(super) struct Line {
    pub stream: TcpStream,
    waits: Waits,
    buffer: Vec<u8>,
    reader: Reader,
    /// Which shot comes next.
    pub next: usize,
    /// When the last was begun.
    pub sent: Instant,
}

impl Line {
    /// Connects; `first` is the shot to begin with.
    pub fn open(to: SocketAddr, first: usize, waits: Waits) -> Outcome<Line> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nonblocking(waits != Waits::InCalls)?;
        let (buffer, reader) = (vec![0; PIECE_BYTES], Reader::new(b"", false));
        Ok(Line { stream, waits, buffer, reader, next: first, sent: Instant::now() })
    }

    /// Sends a request.
    pub fn send(&mut self, shot: &Shot) -> Outcome<()> {
        self.reader.begin(&shot.head);
        self.sent = Instant::now();
        for mut bytes in shot.pieces() {
            while !bytes.is_empty() {
                match self.stream.write(bytes) {
                    Ok(written) => bytes = &bytes[written..],
                    Err(error) => self.may_wait(error, PollFlags::OUT)?,
                }
            }
        }
        Ok(())
    }

    /// Reads what is there of an answer; whether that is all of it. Anything but success is an error.
    pub fn receive(&mut self) -> Outcome<bool> {
        loop {
            match self.stream.read(&mut self.buffer) {
                Ok(0) => return Err("the server closed the connection in the middle of an answer".into()),
                Ok(read) if self.reader.take(&self.buffer[..read])? => return Ok(true),
                Ok(read) if read == self.buffer.len() => {}
                Ok(_) => {
                    set_tcp_quickack(&self.stream, true)?;
                    if self.waits != Waits::InCalls {
                        // What was there is read: asking again would only be told so.
                        return Ok(false);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock && self.waits == Waits::ForAll => return Ok(false),
                Err(error) => {
                    self.may_wait(error, PollFlags::IN)?;
                    return Ok(false);
                }
            }
        }
    }

    /// Sends a request and reads the answer to it, whole.
    pub fn ask(mut self, shot: &Shot) -> Outcome<Answer> {
        self.send(shot)?;
        self.reader = Reader::new(&shot.head, true);
        while !self.receive()? {}
        Ok(self.reader.into_answer())
    }

    /// Whether an error only says that nothing can be read or written yet. A thread that sleeps for all its connections
    /// sleeps for this one here.
    fn may_wait(&self, error: std::io::Error, until: PollFlags) -> Outcome<()> {
        if error.kind() != ErrorKind::WouldBlock || self.sent.elapsed() >= PATIENCE {
            return Err(error.into());
        }
        if self.waits == Waits::ForAll {
            let patience = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
            poll(&mut [PollFd::from_borrowed_fd(self.stream.as_fd(), until)], Some(&patience))?;
        }
        Ok(())
    }
}
