//! S3 by HTTP, as the proof speaks it: through the client that shares no code with the server.

use client::Credentials;

use crate::complaint::Complaint;
use crate::serve::Server;

/// An access key with its secret.
pub(super) struct Key {
    pub access_key_id: String,
    pub secret_access_key: String,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    /// S3's error code, where the body has one.
    pub code: Option<String>,
    pub text: String,
}

/// A server and the key to sign with, if any. Paths are `bucket/key?query`; keys are plain text.
pub(super) struct S3(client::S3);

impl S3 {
    pub(super) fn new(server: &Server, key: Key) -> Result<S3, Complaint> {
        let endpoint = format!("http://{}", server.address);
        let credentials = Credentials::new(key.access_key_id, key.secret_access_key);
        client::S3::new(&endpoint, &server.about.region, Some(credentials)).map(S3).map_err(complaint)
    }

    pub(super) async fn head(&self, path: &str) -> Result<Answer, Complaint> {
        told(self.0.head(path).await)
    }

    pub(super) async fn get(&self, path: &str) -> Result<Answer, Complaint> {
        told(self.0.get(path).await)
    }

    pub(super) async fn put(&self, path: &str, body: &str) -> Result<Answer, Complaint> {
        told(self.0.put(path, body.to_owned()).await)
    }

    pub(super) async fn delete(&self, path: &str) -> Result<Answer, Complaint> {
        told(self.0.delete(path).await)
    }

    pub(super) async fn copy(&self, from: &str, to: &str) -> Result<Answer, Complaint> {
        told(self.0.copy(from, to).await)
    }

    pub(super) fn with_wrong_secret(&self) -> S3 {
        S3(self.0.with_wrong_secret())
    }

    pub(super) fn without_key(&self) -> S3 {
        S3(self.0.without_key())
    }
}

fn told(answer: Result<client::Answer, client::Error>) -> Result<Answer, Complaint> {
    let answer = answer.map_err(complaint)?;
    Ok(Answer { status: answer.status, code: answer.code(), text: answer.text() })
}

fn complaint(error: client::Error) -> Complaint {
    Complaint::failed(error.to_string(), "See the server's log.")
}
