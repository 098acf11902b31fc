//! Which addresses may be listened at, and what S3 is called from outside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::cli::ServeFlags;
use crate::complaint::Complaint;

/// Refuses to listen beyond this machine in the clear, unless the operator says that this is meant.
pub(super) fn check(flags: &ServeFlags) -> Result<(), Complaint> {
    if flags.tls_cert.is_some() != flags.tls_key.is_some() {
        return Err(Complaint::usage(
            "TLS needs a certificate and its key, and only one of them is given",
            "Give both --tls-cert and --tls-key.",
        ));
    }
    if flags.insecure_http || flags.tls_cert.is_some() {
        return Ok(());
    }
    let exposed = |address: &&SocketAddr| !address.ip().to_canonical().is_loopback();
    match [Some(&flags.s3), flags.console.as_ref()].into_iter().flatten().find(exposed) {
        None => Ok(()),
        Some(address) => Err(Complaint::usage(
            format!(
                "{address} can be reached from other machines and TLS is off: everybody on the way could read what is \
                 stored and use what is signed"
            ),
            "Give --tls-cert and --tls-key, or --insecure-http if something in front of it does TLS.",
        )),
    }
}

/// What cards and links call the S3 port at `address`.
pub(crate) fn endpoint(flags: &ServeFlags, address: SocketAddr) -> String {
    if let Some(url) = &flags.public_url {
        return url.clone();
    }
    let scheme = if flags.tls_cert.is_some() { "https" } else { "http" };
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("{scheme}://{}", SocketAddr::new(ip, address.port()))
}

/// What the operator should know about these flags, beside what was asked for.
pub(super) fn notes(flags: &ServeFlags) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(console) = flags.console {
        notes.push(format!("there is no console yet: nothing listens at {console}"));
    }
    if flags.lifecycle_day.is_some() {
        notes.push("there are no lifecycle rules yet: --lifecycle-day has no effect".to_owned());
    }
    if flags.durability == crate::cli::Durability::Relaxed {
        notes.push(
            "durability is relaxed: a power cut or a crash of the system may lose writes that were acknowledged"
                .to_owned(),
        );
    }
    if flags.insecure_http && flags.tls_cert.is_none() && !flags.s3.ip().to_canonical().is_loopback() {
        notes.push("S3 listens beyond this machine without TLS, as --insecure-http says".to_owned());
    }
    if flags.public_url.is_none() && flags.s3.ip().is_unspecified() {
        notes.push(
            "cards will name this machine's loopback address: say how clients reach it with --public-url".to_owned(),
        );
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(words: &[&str]) -> ServeFlags {
        let words: Vec<_> = ["bailiwick", "serve"].iter().chain(words).map(Into::into).collect();
        crate::cli::read(&words).ok().unwrap().serve_flags().unwrap()
    }

    #[test]
    fn beyond_this_machine_nothing_listens_without_tls_unless_that_is_meant() {
        for fine in [
            &[][..],
            &["--s3", "[::1]:9000"],
            &["--s3", "0.0.0.0:9000", "--insecure-http"],
            &["--s3", "0.0.0.0:9000", "--tls-cert", "c", "--tls-key", "k"],
        ] {
            assert_eq!(check(&flags(fine)), Ok(()), "{fine:?}");
        }
        for bad in [
            &["--s3", "0.0.0.0:9000"][..],
            &["--s3", "[::]:9000"],
            &["--s3", "192.0.2.1:1"],
            &["--console", "0.0.0.0:1"],
        ] {
            let said = check(&flags(bad)).unwrap_err().to_string();
            assert!(said.contains(bad[1]) && said.contains("--insecure-http"), "{said}");
        }
        assert!(check(&flags(&["--tls-cert", "c"])).unwrap_err().to_string().contains("--tls-key"));
    }

    #[test]
    fn the_endpoint_is_what_clients_can_use() {
        let of = |words: &[&str]| endpoint(&flags(words), "0.0.0.0:9000".parse().unwrap());
        assert_eq!(of(&[]), "http://127.0.0.1:9000");
        assert_eq!(of(&["--tls-cert", "c", "--tls-key", "k"]), "https://127.0.0.1:9000");
        assert_eq!(of(&["--public-url", "https://s3.example.com/"]), "https://s3.example.com");
        assert_eq!(endpoint(&flags(&[]), "[::1]:9000".parse().unwrap()), "http://[::1]:9000");
    }

    #[test]
    fn a_flag_without_its_feature_says_so() {
        assert_eq!(notes(&flags(&[])), Vec::<String>::new());
        let notes =
            notes(&flags(&["--console", "127.0.0.1:9001", "--lifecycle-day", "10s", "--durability", "relaxed"]));
        assert_eq!(notes.len(), 3);
        assert!(notes[0].contains("127.0.0.1:9001") && notes[1].contains("--lifecycle-day"));
    }
}
