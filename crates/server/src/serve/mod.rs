//! The life of a server: check, bind, open, listen, drain.
//!
//! The order is the point. Addresses are taken before anything is made on disk, so that a port in use leaves no traces;
//! the store is open, and on a first start the owner's credentials are written whole, before a client can connect; and
//! on the way down nothing is drained that something else may still write to.

mod network;
mod signals;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) use network::endpoint;
pub(crate) use signals::StopSignals;

use crate::cli::{Common, ServeFlags};
use crate::complaint::{Cause, Complaint, Exit};
use crate::engine::Engine;
use crate::listen::{self, Bound, Drained, Limits, Port, Tls, TrustedProxies};
use crate::place::{self, Place};
use crate::socket::{self, About, Connection, SocketFile};
use crate::{print, progress};

/// File descriptors to ask for: one for each connection, and as many for the files behind them.
const OPEN_FILES: u64 = 16_384;

/// A server that runs.
pub(crate) struct Server {
    /// To be asked directly, without the socket.
    pub engine: Engine,
    /// What S3 is called, and where it really is.
    pub about: About,
    pub address: SocketAddr,
    /// This start made the store.
    pub fresh: bool,
    /// The data directory, from the root.
    pub dir: PathBuf,
    stop: watch::Sender<bool>,
    s3: JoinHandle<Result<Drained, getrandom::Error>>,
    operators: JoinHandle<()>,
}

/// `bailiwick serve`: until a signal says to stop.
pub(crate) async fn serve(common: &Common, flags: &ServeFlags) -> Result<Exit, Complaint> {
    let server = Server::start(common, flags).await?;
    let mut signals = StopSignals::catch()?;
    print::text(&server.describe())?;
    signals.next().await;
    signals.end_at_next();
    server.stop().await?;
    Ok(Exit::Done)
}

impl Server {
    /// Starts on the data directory of `common`.
    pub(crate) async fn start(common: &Common, flags: &ServeFlags) -> Result<Server, Complaint> {
        network::check(flags)?;
        let tls = match (&flags.tls_cert, &flags.tls_key) {
            (Some(certificate), Some(key)) => Some(Arc::new(Tls::load(certificate, key)?)),
            _ => None,
        };
        raise_open_files();
        let bound = match Bound::new(flags.s3, "--s3") {
            Err(complaint) if complaint.cause == Cause::PortInUse => {
                return Err(match socket::connect(&common.data).await {
                    Ok(Some(server)) => already_served(common, &server),
                    _ => complaint,
                });
            }
            bound => bound?,
        };
        let address = bound.address();
        let (engine, fresh) = match progress::during("opening the store", place::open(common, flags)).await? {
            Place::Server(server) => return Err(already_served(common, &server)),
            Place::Store(engine, fresh) => (engine, fresh),
        };
        let about = About::this(network::endpoint(flags, address), flags.region.clone());
        let (stop, stopped) = watch::channel(false);
        let running = || -> Result<_, Complaint> {
            signals::reload_on_hangup(tls.clone())?;
            let socket = SocketFile::bind(&common.data).map_err(|error| no_socket(common, &error))?;
            let operators = tokio::spawn(socket::run(socket, about.clone(), engine.clone(), told(stopped.clone())));
            let proxies = TrustedProxies::new(flags.trusted_proxy.clone());
            let port = Port { handler: engine.front(flags), tls, proxies, limits: Limits::default() };
            let s3 = tokio::spawn(listen::run(bound.listen()?, port, told(stopped)));
            Ok((s3, operators))
        };
        match running() {
            Ok((s3, operators)) => {
                engine.scrub(flags).await;
                for note in network::notes(flags) {
                    eprintln!("note: {note}");
                }
                let dir = std::path::absolute(&common.data).unwrap_or_else(|_| common.data.clone());
                Ok(Server { engine, about, address, fresh, dir, stop, s3, operators })
            }
            Err(complaint) => {
                let _ = stop.send(true);
                engine.drain().await;
                Err(complaint)
            }
        }
    }

    /// Where things are, for the person who started it.
    pub(crate) fn describe(&self) -> String {
        let scheme = self.about.endpoint.split("://").next().unwrap_or("http");
        let mut text = format!("bailiwick {}\n", self.about.version);
        text.push_str(&format!("S3       {scheme}://{} (region {})\n", self.address, self.about.region));
        if !self.about.endpoint.ends_with(&self.address.to_string()) {
            text.push_str(&format!("         known to clients as {}\n", self.about.endpoint));
        }
        text.push_str("console  none yet\n");
        text.push_str(&format!("data     {}\n", self.dir.display()));
        if self.fresh {
            let path = self.dir.join("owner.credentials");
            text.push_str(&format!("owner    credentials in {}; move them to a safe place\n", path.display()));
        }
        text
    }

    /// Takes no more requests, answers those in flight, and closes the store.
    pub(crate) async fn stop(self) -> Result<(), Complaint> {
        let _ = self.stop.send(true);
        progress::during("finishing requests in flight", async {
            match self.s3.await {
                Ok(Ok(Drained::Completely)) => {}
                Ok(Ok(Drained::Cut(connections))) => {
                    tracing::warn!(connections, "requests took too long to finish and were cut off");
                }
                Ok(Err(error)) => tracing::error!(%error, "the S3 port could not be served"),
                Err(error) => tracing::error!(%error, "the S3 port's task failed"),
            }
            if let Err(error) = self.operators.await {
                tracing::error!(%error, "the operator's socket's task failed");
            }
        })
        .await;
        self.engine.drain().await;
        Ok(())
    }
}

async fn told(mut stopped: watch::Receiver<bool>) {
    // An error means that nobody can say it any more, which is the same.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

fn already_served(common: &Common, server: &Connection) -> Complaint {
    Complaint::failed(
        format!("process {} already serves the data directory {}", server.about().pid, common.data.display()),
        "Use that server, stop it first, or name another directory with --data.",
    )
    .because(Cause::StoreInUse)
}

fn no_socket(common: &Common, error: &std::io::Error) -> Complaint {
    Complaint::failed(
        format!("the operator's socket cannot be made in {}: {error}", common.data.display()),
        "Put the data directory onto a local file system that this user may write to.",
    )
}

/// Servers need more open files than shells allow by default; the hard limit says how many they may have.
fn raise_open_files() {
    let now = getrlimit(Resource::Nofile);
    let wanted = now.maximum.map_or(OPEN_FILES, |most| most.min(OPEN_FILES));
    if now.current.is_some_and(|current| current < wanted)
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: now.maximum })
    {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}
