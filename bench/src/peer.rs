//! The plain peer: hyper, tokio, and one answer to everything. It is what an HTTP server of this kind costs before it does
//! anything.
//!
//! The answer is one that Bailiwick gave, so that both send the same bytes with the same headers.

use std::convert::Infallible;

use bytes::Bytes;
use http::header::DATE;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::Outcome;

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    /// From the bytes of an answer of another server; its `date` is left out, because hyper sets one.
    pub fn parse(answer: &[u8]) -> Outcome<Answer> {
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or("the answer has no end of its head")?;
        let head = std::str::from_utf8(&answer[..end])?;
        let mut headers = HeaderMap::new();
        for line in head.lines().skip(1) {
            let (name, value) = line.split_once(':').ok_or("a line of the answer's head is no header")?;
            let name: HeaderName = name.parse()?;
            if name != DATE {
                headers.append(name, HeaderValue::from_str(value.trim())?);
            }
        }
        Ok(Answer { headers, body: Bytes::copy_from_slice(&answer[end + 4..]) })
    }
}

/// Answers whoever connects, for ever.
pub(crate) async fn serve(listener: TcpListener, answer: Answer) -> Outcome<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answer = answer.clone();
        tokio::spawn(async move {
            let service = service_fn(|_request| {
                let mut response = Response::new(Full::new(answer.body.clone()));
                response.headers_mut().clone_from(&answer.headers);
                std::future::ready(Ok::<_, Infallible>(response))
            });
            // A client that goes away ends its connection and nothing else.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::load::{Load, Shot, Until, once};

    #[test]
    fn the_peer_repeats_the_answer_that_it_was_given_to_every_request_of_a_load() {
        let given = b"HTTP/1.1 200 OK\r\netag: \"x\"\r\ndate: never\r\nserver: s\r\ncontent-length: 5\r\n\r\nhello";
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let to = listener.local_addr().unwrap();
        runtime.spawn(serve(listener, Answer::parse(given).unwrap()));

        let shot = Shot { head: b"GET /any?thing HTTP/1.1\r\nhost: h\r\n\r\n".to_vec(), ..Shot::default() };
        let answer = once(to, &shot).unwrap();
        let text = String::from_utf8(answer).unwrap();
        assert!(
            text.ends_with("\r\n\r\nhello") && text.contains("etag: \"x\"\r\n") && !text.contains("never"),
            "{text}"
        );
        assert_eq!(text.lines().count(), given.split(|byte| *byte == b'\n').count(), "as many headers, {text}");

        let shots = vec![shot; 100];
        let load = Load { to, shots: &shots, connections: 7, threads: 2, cores: &[], until: Until::Spent };
        assert_eq!(load.run().unwrap().requests, 100);
        let until = Until::Elapsed(Duration::from_millis(50));
        let tally = Load { until, ..load }.run().unwrap();
        assert!(tally.requests >= 7 && tally.rate() > 0.0 && tally.latency_ms(0.5) > 0.0);
    }
}
