//! A stream that ends when nothing moves on it for too long.
//!
//! hyper bounds the wait for a head; the waits after it (a client that stops in the middle of its body, or takes none of
//! the answer) end here. Bytes that move in either direction count as life for both: a download of hours has a read that
//! waits for hours, and a client that is busy sending need not take our bytes at once.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::alarm::Alarm;

pub(crate) struct Stalling<S> {
    io: S,
    read: Patience,
    write: Patience,
}

impl<S> Stalling<S> {
    pub(crate) fn new(io: S, read: Duration, write: Duration) -> Self {
        Stalling { io, read: Patience::new(read), write: Patience::new(write) }
    }

    fn moved(&mut self) {
        self.read.waiting_since = None;
        self.write.waiting_since = None;
    }
}

/// One direction's wait. The clock is read when a wait begins.
struct Patience {
    limit: Duration,
    waiting_since: Option<Instant>,
    alarm: Alarm,
}

impl Patience {
    fn new(limit: Duration) -> Self {
        Patience { limit, waiting_since: None, alarm: Alarm::default() }
    }

    /// Goes on with a wait; ready when it has lasted too long.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        ready!(self.alarm.poll(since + self.limit, cx));
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the peer neither sends nor takes bytes"))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stalling<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_read(cx, buffer) {
            Poll::Ready(done) => {
                this.moved();
                Poll::Ready(done)
            }
            Poll::Pending => this.read.poll(cx).map(Err),
        }
    }
}

impl<S: AsyncWrite + Unpin> Stalling<S> {
    fn watch<T>(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match done {
            Poll::Ready(done) => {
                self.moved();
                Poll::Ready(done)
            }
            Poll::Pending => self.write.poll(cx).map(Err),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stalling<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let done = Pin::new(&mut this.io).poll_write(cx, bytes);
        this.watch(cx, done)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let done = Pin::new(&mut this.io).poll_write_vectored(cx, bytes);
        this.watch(cx, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    /// A flush that is done moves nothing (hyper flushes where there is nothing to flush), so it is no sign of life.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_flush(cx) {
            Poll::Pending => this.write.poll(cx).map(Err),
            done => done,
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let done = Pin::new(&mut this.io).poll_shutdown(cx);
        this.watch(cx, done)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_sends_nothing_for_too_long_is_given_up() {
        let (ours, _theirs) = duplex(16);
        let mut ours = Stalling::new(ours, LIMIT, LIMIT);
        let begun = Instant::now();
        let error = ours.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_for_too_long_is_given_up() {
        let (ours, _theirs) = duplex(16);
        let mut ours = Stalling::new(ours, LIMIT, LIMIT);
        let error = ours.write_all(&[0; 17]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_peer_is_waited_for_as_long_as_something_moves() {
        let (ours, mut theirs) = duplex(16);
        let mut ours = Stalling::new(ours, LIMIT, LIMIT);
        tokio::spawn(async move {
            for _ in 0..10 {
                tokio::time::sleep(LIMIT - Duration::from_secs(1)).await;
                theirs.write_u8(1).await.unwrap();
            }
            std::future::pending::<()>().await;
        });
        for _ in 0..10 {
            assert_eq!(ours.read_u8().await.unwrap(), 1);
        }
        assert!(ours.read_u8().await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_waits_on_while_the_answer_goes_out() {
        let (ours, mut theirs) = duplex(1);
        let (mut reader, mut writer) = tokio::io::split(Stalling::new(ours, LIMIT, LIMIT));
        let reading = tokio::spawn(async move { reader.read_u8().await });
        let writing = tokio::spawn(async move {
            for _ in 0..10 {
                writer.write_u8(1).await.unwrap();
                tokio::time::sleep(LIMIT / 2).await;
            }
        });
        for _ in 0..10 {
            theirs.read_u8().await.unwrap();
        }
        writing.await.unwrap();
        assert!(!reading.is_finished());
        theirs.write_u8(7).await.unwrap();
        assert_eq!(reading.await.unwrap().unwrap(), 7);
    }
}
