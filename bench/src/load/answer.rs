//! Reading an answer from a connection: where its head ends, how its body ends, and nothing that is not needed for it.
//!
//! Bodies are counted and thrown away, or kept for whoever asks. Of HTTP/1.1 this knows what servers send that were asked
//! for one object or a page of a listing: a length, chunks, or no body at all.

use crate::Outcome;

/// The longest head that is taken.
const HEAD_BYTES: usize = 64 << 10;

/// An answer, whole.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    /// Status line and headers, to the empty line.
    pub head: Vec<u8>,
    /// The body, without what framed it.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        value(&self.head, name)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The text of the first element of that name in a body of XML.
    pub fn element(&self, name: &str) -> Option<String> {
        let text = self.text();
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
    }
}

/// What is awaited next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The rest of the head.
    Head,
    /// So many bytes of the body.
    Bytes(u64),
    /// The line before a chunk.
    ChunkLine,
    /// So many bytes of a chunk and the end of its line.
    Chunk(u64),
    /// The lines after the last chunk.
    Trailer,
    /// Nothing.
    Done,
}

/// An answer as far as it was read.
#[derive(Debug)]
pub(super) struct Reader {
    state: State,
    /// Whether it answers a HEAD.
    bodiless: bool,
    /// A head, or a line between chunks, as far as it was read.
    line: Vec<u8>,
    /// The answer, if it is kept.
    kept: Option<Answer>,
}

impl Reader {
    /// For the answer to a request; `keep` it, or only see it to its end.
    pub fn new(request: &[u8], keep: bool) -> Reader {
        let mut reader = Reader { state: State::Head, bodiless: false, line: Vec::with_capacity(1024), kept: None };
        reader.begin(request);
        reader.kept = keep.then(Answer::default);
        reader
    }

    /// For the answer to the next request.
    pub fn begin(&mut self, request: &[u8]) {
        (self.state, self.bodiless) = (State::Head, request.starts_with(b"HEAD "));
        self.line.clear();
    }

    /// Takes bytes as they came; whether that was the end of the answer. A status that is no success is an error.
    pub fn take(&mut self, mut bytes: &[u8]) -> Outcome<bool> {
        while !bytes.is_empty() {
            bytes = match self.state {
                State::Done => return Err("the server says more than it announced".into()),
                State::Head => self.take_head(bytes)?,
                State::Bytes(left) => {
                    let part = &bytes[..bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX))];
                    self.keep(part);
                    let left = left - part.len() as u64;
                    self.state = if left == 0 { State::Done } else { State::Bytes(left) };
                    &bytes[part.len()..]
                }
                State::Chunk(left) => {
                    let part = &bytes[..bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX))];
                    // The last two are the end of the line.
                    let data = usize::try_from(left.saturating_sub(2)).unwrap_or(usize::MAX).min(part.len());
                    self.keep(&part[..data]);
                    let left = left - part.len() as u64;
                    self.state = if left == 0 { State::ChunkLine } else { State::Chunk(left) };
                    &bytes[part.len()..]
                }
                State::ChunkLine | State::Trailer => self.take_line(bytes)?,
            };
        }
        Ok(self.state == State::Done)
    }

    /// What was kept.
    pub fn into_answer(self) -> Answer {
        self.kept.unwrap_or_default()
    }

    fn keep(&mut self, bytes: &[u8]) {
        if let Some(kept) = &mut self.kept {
            kept.body.extend_from_slice(bytes);
        }
    }

    fn take_head<'a>(&mut self, bytes: &'a [u8]) -> Outcome<&'a [u8]> {
        let had = self.line.len();
        self.line.extend_from_slice(bytes);
        let from = had.saturating_sub(3);
        let Some(end) = self.line[from..].windows(4).position(|four| four == b"\r\n\r\n") else {
            if self.line.len() > HEAD_BYTES {
                return Err("an answer has no end of its head".into());
            }
            return Ok(&[]);
        };
        let end = from + end + 4;
        let status = self.line.get(9..12).unwrap_or_default();
        if !self.line.starts_with(b"HTTP/1.1 ") || !matches!(status, b"200" | b"204" | b"206") {
            return Err(format!("an answer is no success:\n{}", String::from_utf8_lossy(&self.line)).into());
        }
        let bodiless = self.bodiless || status == b"204";
        let head = &self.line[..end];
        self.state = match (bodiless, value(head, "content-length"), value(head, "transfer-encoding")) {
            (true, ..) | (false, Some("0"), _) => State::Done,
            (false, Some(length), _) => State::Bytes(length.parse()?),
            (false, None, Some(coding)) if coding.eq_ignore_ascii_case("chunked") => State::ChunkLine,
            (false, None, _) => return Err("an answer has no content-length".into()),
        };
        if let Some(kept) = &mut self.kept {
            kept.head.extend_from_slice(head);
        }
        self.line.clear();
        Ok(&bytes[end - had..])
    }

    fn take_line<'a>(&mut self, bytes: &'a [u8]) -> Outcome<&'a [u8]> {
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
            self.line.extend_from_slice(bytes);
            return if self.line.len() > HEAD_BYTES { Err("a line is too long".into()) } else { Ok(&[]) };
        };
        self.line.extend_from_slice(&bytes[..end]);
        let line = std::str::from_utf8(&self.line)?.trim_end();
        self.state = if self.state == State::Trailer {
            if line.is_empty() { State::Done } else { State::Trailer }
        } else {
            let digits = line.split(';').next().unwrap_or_default();
            match u64::from_str_radix(digits.trim(), 16)? {
                0 => State::Trailer,
                length => State::Chunk(length.checked_add(2).ok_or("a chunk is too long")?),
            }
        };
        self.line.clear();
        Ok(&bytes[end + 1..])
    }
}

/// The value of a header in a head; `name` in lower case.
fn value<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let line = head.split(|byte| *byte == b'\n').skip(1).find(|line| {
        line.len() > name.len() && line[name.len()] == b':' && line[..name.len()].eq_ignore_ascii_case(name.as_bytes())
    })?;
    Some(std::str::from_utf8(&line[name.len() + 1..]).ok()?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer that these bytes are, if they come in pieces of that size.
    fn read(request: &str, bytes: &[u8], piece: usize) -> Outcome<Option<Answer>> {
        let mut reader = Reader::new(request.as_bytes(), true);
        let mut ended = false;
        for piece in bytes.chunks(piece) {
            ended = reader.take(piece)?;
        }
        Ok(ended.then(|| reader.into_answer()))
    }

    #[test]
    fn an_answer_ends_where_its_length_or_its_last_chunk_says_however_it_comes() {
        let with_length = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nx: y\r\n\r\nabc".as_slice();
        let in_chunks =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\nt: u\r\n\r\n"
                .as_slice();
        for bytes in [with_length, in_chunks] {
            for piece in 1..bytes.len() + 1 {
                let answer = read("GET / HTTP/1.1", bytes, piece).unwrap().expect("it is whole");
                assert_eq!((answer.body.as_slice(), answer.head.ends_with(b"\r\n\r\n")), (b"abc".as_slice(), true));
            }
            assert!(read("GET / HTTP/1.1", &bytes[..bytes.len() - 1], 5).unwrap().is_none());
            assert!(read("GET / HTTP/1.1", &[bytes, b"z"].concat(), 7).is_err(), "more than was announced");
        }
        assert_eq!(read("GET /", with_length, 9).unwrap().unwrap().header("x"), Some("y"));
    }

    #[test]
    fn what_answers_head_or_deletes_has_no_body() {
        let of_head = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n";
        assert!(read("HEAD / HTTP/1.1", of_head, 4).unwrap().is_some());
        assert!(read("DELETE / HTTP/1.1", b"HTTP/1.1 204 No Content\r\nx: y\r\n\r\n", 4).unwrap().is_some());
    }

    #[test]
    fn anything_but_success_is_an_error_that_shows_the_answer() {
        let refused = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 3\r\n\r\nwhy";
        assert!(read("GET /", refused, 100).unwrap_err().to_string().contains("why"));
        assert!(read("GET /", b"HTTP/1.1 200 OK\r\n\r\n", 100).is_err(), "no length");
    }
}
