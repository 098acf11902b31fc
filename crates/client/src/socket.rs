//! Bytes to the server and back, without an HTTP library in between: for requests that one would refuse to send, cut short,
//! or repair.

use std::convert::Infallible;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::error::Error;
use crate::s3::{ANSWER_BYTES, CONNECT, S3};

/// How bytes that were written by hand are called in errors.
const NAME: &str = "bytes written by hand";

impl S3 {
    /// Writes bytes on a connection of their own and returns all that comes back until the server closes it or says
    /// nothing for the time of [`with_stall`](S3::with_stall): empty if it closes without a word. If it says nothing at all, that is
    /// [`Error::Stalled`].
    pub async fn exchange(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        self.converse(bytes, false).await
    }

    /// The same, but closes the sending side after the last byte: an upload that is cut there.
    pub async fn exchange_and_hang_up(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        self.converse(bytes, true).await
    }

    async fn converse(&self, bytes: &[u8], hang_up: bool) -> Result<Vec<u8>, Error> {
        if self.scheme != http::uri::Scheme::HTTP {
            let why = "bytes written by hand go over plain http only".into();
            return Err(Error::Request { request: NAME.into(), why });
        }
        let refused = |why: String| Error::Connect { endpoint: self.authority.clone(), request: NAME.into(), why };
        let stalled = |step, limit| Error::Stalled { request: NAME.into(), step, limit };
        let connected = timeout(CONNECT, TcpStream::connect(with_port(&self.authority))).await;
        let mut stream = connected.map_err(|_| stalled("connecting", CONNECT))?.map_err(|e| refused(e.to_string()))?;
        let (mut from, mut to) = stream.split();
        // A server may answer before it has read everything and stop reading: then the answer is what matters, so
        // that writing and reading go on at the same time and only reading ends.
        let write = async {
            let written = to.write_all(bytes).await;
            if hang_up && written.is_ok() {
                let _ = to.shutdown().await;
            }
            std::future::pending::<Infallible>().await
        };
        let read = async {
            let mut answer = Vec::new();
            loop {
                match timeout(self.stall, from.read_buf(&mut answer)).await {
                    Err(_) if answer.is_empty() => return Err(stalled("waiting for the answer", self.stall)),
                    // A reset after an answer is how a server ends that does not read the rest.
                    Err(_) | Ok(Ok(0)) => return Ok(answer),
                    Ok(Err(_)) if !answer.is_empty() => return Ok(answer),
                    Ok(Err(e)) => return Err(Error::Exchange { request: NAME.into(), why: e.to_string() }),
                    Ok(Ok(_)) if answer.len() > ANSWER_BYTES => {
                        return Err(Error::TooLong { request: NAME.into(), limit: ANSWER_BYTES });
                    }
                    Ok(Ok(_)) => (),
                }
            }
        };
        tokio::select! {
            never = write => match never {},
            answer = read => answer,
        }
    }
}

/// The host and the port, which is HTTP's where none is given.
fn with_port(authority: &str) -> String {
    let parsed: Option<http::uri::Authority> = authority.parse().ok();
    match parsed.and_then(|authority| authority.port_u16()) {
        Some(_) => authority.to_owned(),
        None => format!("{authority}:80"),
    }
}
