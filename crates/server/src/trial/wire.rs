//! S3 by HTTP, as the proof speaks it (stub until the client exists).
use crate::complaint::Complaint;
use crate::serve::Server;

pub(super) struct Key {
    pub access_key_id: String,
    pub secret_access_key: String,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub code: Option<String>,
    pub text: String,
}

pub(super) struct S3 {
    key: Key,
}

impl S3 {
    pub(super) fn new(server: &Server, key: Key) -> S3 {
        let _ = server.address;
        S3 { key }
    }
    async fn answer(&self) -> Result<Answer, Complaint> {
        let _ = &self.key.secret_access_key;
        Ok(Answer { status: 200, code: None, text: String::new() })
    }
    pub(super) async fn head(&self, _path: &str) -> Result<Answer, Complaint> {
        self.answer().await
    }
    pub(super) async fn get(&self, _path: &str) -> Result<Answer, Complaint> {
        self.answer().await
    }
    pub(super) async fn put(&self, _path: &str, _body: &str) -> Result<Answer, Complaint> {
        self.answer().await
    }
    pub(super) async fn delete(&self, _path: &str) -> Result<Answer, Complaint> {
        self.answer().await
    }
    pub(super) async fn copy(&self, _from: &str, _to: &str) -> Result<Answer, Complaint> {
        self.answer().await
    }
    pub(super) fn with_wrong_secret(&self) -> S3 {
        S3 { key: Key { access_key_id: self.key.access_key_id.clone(), secret_access_key: "x".repeat(40) } }
    }
    pub(super) fn without_key(&self) -> S3 {
        self.with_wrong_secret()
    }
}
