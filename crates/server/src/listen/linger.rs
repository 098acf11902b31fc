//! A stream that closes without cutting off its own last words.
//!
//! A request that is refused before its body was read is answered, and the connection closed, while the client still
//! sends. A system that closes a socket with bytes unread resets the connection, and the reset may overtake the answer. So
//! the write side is closed first, and what still comes is read and thrown away for a moment.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long the client may go on sending before it has seen the answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// Most that is thrown away, in bytes: more than a socket's buffers hold.
const DISCARD: usize = 16 << 20;

pub(crate) struct Lingering<S> {
    io: S,
    /// Set once the write side is closed.
    farewell: Option<Farewell>,
}

struct Farewell {
    end: Pin<Box<Sleep>>,
    left: usize,
}

impl<S> Lingering<S> {
    pub(crate) fn new(io: S) -> Self {
        Lingering { io, farewell: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.farewell.is_none() {
            ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
        }
        let farewell = this.farewell.get_or_insert_with(|| Farewell { end: Box::pin(sleep(PATIENCE)), left: DISCARD });
        loop {
            if farewell.end.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let mut room = [0; 16 * 1024];
            let mut buffer = ReadBuf::new(&mut room);
            // What goes wrong from here on concerns nobody any more.
            let read = ready!(Pin::new(&mut this.io).poll_read(cx, &mut buffer));
            let count = buffer.filled().len();
            if read.is_err() || count == 0 || count > farewell.left {
                return Poll::Ready(Ok(()));
            }
            farewell.left -= count;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// A client that sends four megabytes and only then reads; a server that answers after the first byte and closes.
    async fn last_words(linger: bool) -> io::Result<Vec<u8>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut one = [0];
            stream.read_exact(&mut one).await.unwrap();
            stream.write_all(b"refused").await.unwrap();
            if linger {
                Lingering::new(stream).shutdown().await.unwrap();
            }
        });
        let mut client = TcpStream::connect(address).await?;
        client.write_all(&vec![0; 4 << 20]).await?;
        let mut answer = vec![];
        client.read_to_end(&mut answer).await?;
        server.await.unwrap();
        Ok(answer)
    }

    #[tokio::test]
    async fn a_client_that_still_sends_hears_the_answer() {
        assert_eq!(last_words(true).await.unwrap(), b"refused");
        // Without it, it does not: otherwise this file is not needed.
        assert!(last_words(false).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_never_ends_is_not_waited_for() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let endless = tokio::spawn(async move { while theirs.write_all(&[0; 100]).await.is_ok() {} });
        Lingering::new(ours).shutdown().await.unwrap();
        let (ours, _silent) = tokio::io::duplex(1024);
        let begun = tokio::time::Instant::now();
        Lingering::new(ours).shutdown().await.unwrap();
        assert_eq!(begun.elapsed(), PATIENCE);
        endless.abort();
    }
}
