//! The one place that knows how the store and its S3 front are opened, asked and closed.

#[path = "../../operations/src/admin/api.rs"]
pub(crate) mod admin;

use bytes::Bytes;
use http_body_util::Full;

use crate::cli::{Common, ServeFlags};
use crate::complaint::Complaint;
use crate::listen::{Arrival, Handler};
use crate::socket::Execute;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MasterKeySource {
    File(std::path::PathBuf),
    Env(String),
    Command(String),
}

#[derive(Clone)]
pub(crate) struct Engine;

impl Engine {
    pub(crate) async fn open(common: &Common, flags: &ServeFlags) -> Result<(Engine, bool), Complaint> {
        let _ = (common.master_key()?, &flags.region);
        Ok((Engine, true))
    }

    pub(crate) fn front(&self, _flags: &ServeFlags) -> Front {
        Front
    }

    pub(crate) async fn drain(self) {}
}

impl Execute for Engine {
    async fn execute(&self, _uid: u32, _command: admin::Command) -> Result<admin::Outcome, admin::Failure> {
        Err(admin::Failure {
            kind: admin::FailureKind::Unavailable,
            message: "no store yet".into(),
            remedy: "Wait.".into(),
        })
    }
}

#[derive(Clone)]
pub(crate) struct Front;

impl Handler for Front {
    type Body = Full<Bytes>;

    async fn handle(
        &self,
        _arrival: Arrival,
        _request: http::Request<hyper::body::Incoming>,
    ) -> http::Response<Full<Bytes>> {
        http::Response::new(Full::default())
    }
}
