//! What the system tells the process: to stop, or to read its certificate again.

use std::io;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::complaint::Complaint;
use crate::listen::Tls;

/// SIGTERM and SIGINT, caught from the moment it is made.
pub(crate) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    pub(crate) fn catch() -> Result<Self, Complaint> {
        let caught = || {
            Ok(StopSignals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
        };
        caught().map_err(cannot_catch)
    }

    /// Waits for the next of either.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// From now on the next signal ends the process where it stands, for who does not want to wait for a drain.
    /// Nothing acknowledged is lost by that.
    pub(crate) fn end_at_next(mut self) {
        tokio::spawn(async move {
            self.next().await;
            eprintln!("bailiwick: ended before everything was drained");
            std::process::exit(1);
        });
    }
}

/// Reads the certificate again at each SIGHUP; without TLS, a SIGHUP does nothing.
pub(super) fn reload_on_hangup(tls: Option<Arc<Tls>>) -> Result<(), Complaint> {
    let mut hangups = signal(SignalKind::hangup()).map_err(cannot_catch)?;
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            let Some(tls) = &tls else { continue };
            match tls.reload() {
                Ok(()) => tracing::info!("the TLS certificate was read again"),
                Err(complaint) => tracing::error!("the TLS certificate stays as it was: {complaint}"),
            }
        }
    });
    Ok(())
}

fn cannot_catch(error: io::Error) -> Complaint {
    Complaint::failed(format!("signals cannot be caught: {error}"), "")
}
