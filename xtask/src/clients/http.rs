//! What a browser does with a link: GET, without credentials. For presigned URLs of the server on this machine.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::process::Failure;

const PATIENCE: Duration = Duration::from_secs(30);

/// An answer.
pub(crate) struct Answer {
    pub status: u16,
    /// Headers left out; as sent, which for a short text is readable whatever the framing.
    pub body: Vec<u8>,
    url: String,
}

/// Fetches a URL that begins with `http://`.
pub(crate) fn get(url: &str) -> Result<Answer, Failure> {
    let (host, path) = url
        .strip_prefix("http://")
        .and_then(|rest| rest.split_at_checked(rest.find('/')?))
        .ok_or_else(|| format!("no URL that begins with http://HOST/: {url}"))?;
    let answer = exchange(host, path).map_err(|error| format!("{url}: {error}"))?;
    let split =
        answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or_else(|| format!("{url}: no HTTP answer"))?;
    let head = String::from_utf8_lossy(&answer[..split]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| format!("{url}: no status in {head}"))?;
    Ok(Answer { status, body: answer[split + 4..].to_vec(), url: url.to_owned() })
}

fn exchange(host: &str, path: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

impl Answer {
    /// It must be these bytes.
    pub(crate) fn is(&self, bytes: &[u8]) -> Result<(), Failure> {
        if self.status == 200 && self.body == bytes { Ok(()) } else { Err(self.but("is not the file")) }
    }

    /// It must be a refusal to sign so that names how to sign.
    pub(crate) fn names_sigv4(&self) -> Result<(), Failure> {
        let body = String::from_utf8_lossy(&self.body);
        if self.status == 400 && body.contains("InvalidRequest") && body.contains("AWS4-HMAC-SHA256") {
            Ok(())
        } else {
            Err(self.but("is no refusal that names AWS4-HMAC-SHA256"))
        }
    }

    fn but(&self, what: &str) -> Failure {
        let body: String = String::from_utf8_lossy(&self.body).chars().take(600).collect();
        format!("the answer to {} {what}: status {}\n{body}", self.url, self.status)
    }
}
