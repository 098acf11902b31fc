//! An address that is taken, but not yet listened at.
//!
//! A port in use is found out before anything is made on disk, and no client can connect before the store is open and
//! the owner's credentials are written.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

use crate::complaint::{Cause, Complaint};

/// Connections that may wait in the kernel's queue.
const BACKLOG: u32 = 1024;

/// A socket that has its address; nobody can connect to it yet.
pub(crate) struct Bound {
    socket: TcpSocket,
    flag: &'static str,
    address: SocketAddr,
}

impl Bound {
    /// Takes `address`; `flag` is what the operator sets it by.
    pub(crate) fn new(address: SocketAddr, flag: &'static str) -> Result<Self, Complaint> {
        let bind = || {
            let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            // A server that was just stopped leaves connections behind that would keep the port from us for a minute.
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            let address = socket.local_addr()?;
            Ok(Bound { socket, flag, address })
        };
        bind().map_err(|error| complaint(&error, address, flag))
    }

    /// Where it is: with the port that the system chose, where port 0 was asked for.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets clients connect.
    pub(crate) fn listen(self) -> Result<TcpListener, Complaint> {
        self.socket.listen(BACKLOG).map_err(|error| complaint(&error, self.address, self.flag))
    }
}

fn complaint(error: &io::Error, address: SocketAddr, flag: &str) -> Complaint {
    match error.kind() {
        io::ErrorKind::AddrInUse => Complaint::failed(
            format!("port {} of {} is in use", address.port(), address.ip()),
            format!("Stop what listens there, or choose another address with {flag} {}:PORT.", address.ip()),
        )
        .because(Cause::PortInUse),
        io::ErrorKind::AddrNotAvailable => Complaint::failed(
            format!("{} is not an address of this machine", address.ip()),
            format!("Choose one that is with {flag} ADDRESS:PORT."),
        ),
        io::ErrorKind::PermissionDenied => Complaint::failed(
            format!("port {} needs more rights than this user has", address.port()),
            format!("Choose a port above 1023 with {flag}, or grant the right to bind it."),
        ),
        _ => Complaint::failed(
            format!("cannot listen at {address}: {error}"),
            format!("Choose another address with {flag} ADDRESS:PORT."),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_connects_before_it_listens() {
        let bound = Bound::new("127.0.0.1:0".parse().unwrap(), "--s3").unwrap();
        let address = bound.address();
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
        let _listener = bound.listen().unwrap();
        assert!(tokio::net::TcpStream::connect(address).await.is_ok());
    }

    #[tokio::test]
    async fn a_port_in_use_is_named_with_the_flag_that_chooses_another() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let complaint = Bound::new(address, "--s3").and_then(|bound| bound.listen().map(|_| ())).unwrap_err();
        let text = complaint.to_string();
        assert!(text.contains(&address.port().to_string()) && text.contains("--s3"), "{text}");
    }
}
