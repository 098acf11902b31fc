//! How values on the command line are read, where clap needs to be told.

use std::net::{IpAddr, SocketAddr};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use ipnet::IpNet;
use model::{Email, ObjectOwnership, Preset};

/// The presets that exist.
pub(super) fn preset() -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(Preset::ALL.map(Preset::as_str))
}

pub(super) fn ownership() -> impl TypedValueParser<Value = ObjectOwnership> {
    let names = PossibleValuesParser::new(ObjectOwnership::ALL.map(ObjectOwnership::as_str));
    names.map(|name| ObjectOwnership::parse(&name).expect("one of the names just offered"))
}

pub(super) fn email(text: &str) -> Result<Email, String> {
    Email::new(text).map_err(|invalid| invalid.to_string())
}

/// `127.0.0.1:9000`, `[::1]:9000`, `localhost:9000`. No other names: what is listened at is to be certain.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let numeric = numeric.as_deref().unwrap_or(text);
    numeric.parse().map_err(|_| "it must be an IP address and a port, as in 127.0.0.1:9000 or [::1]:9000".to_owned())
}

/// A network, or one address.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| "it must be a network, as in 10.0.0.0/8, or an IP address".to_owned())
}

/// A region's name, which takes part in every signature.
pub(super) fn region(text: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("it may hold only lower-case letters, digits and hyphens, 64 at most".to_owned())
    }
}

/// A host name under which buckets are host names too.
pub(super) fn host(text: &str) -> Result<String, String> {
    let text = text.to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if text.len() <= 253 && text.split('.').all(label) && text.parse::<IpAddr>().is_err() {
        Ok(text)
    } else {
        Err("it must be a host name, as in s3.example.com, without scheme and port".to_owned())
    }
}

/// `https://s3.example.com` or `http://10.0.0.7:9000`: scheme, host, perhaps a port; no path.
pub(super) fn endpoint(text: &str) -> Result<String, String> {
    let complaint = || "it must be a scheme and a host, as in https://s3.example.com, without a path".to_owned();
    let uri: http::Uri = text.parse().map_err(|_| complaint())?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    let bare = uri.path_and_query().is_none_or(|path| path.as_str() == "/");
    let authority = uri.authority().ok_or_else(complaint)?;
    if known && bare && !authority.as_str().contains('@') && !authority.host().is_empty() {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err(complaint())
    }
}

/// A number of bytes, as in `500000000`, `500MB` (millions) or `2GiB` (powers of 1024).
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim_start() {
        "" | "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => 0,
    };
    let bytes = number.parse::<u64>().ok().filter(|_| factor != 0).and_then(|number| number.checked_mul(factor));
    bytes.ok_or_else(|| "it must be a number of bytes, as in 500000000, 500MB or 2GiB".to_owned())
}

/// A length of time, as in `10s`, `5m` or `1d`.
pub(super) fn duration(text: &str) -> Result<std::time::Duration, String> {
    let complaint = |_| "it must be a length of time, as in 10s, 5m or 1d".to_owned();
    let span: jiff::Span = text.parse().map_err(complaint)?;
    let length = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(complaint)?;
    length.try_into().map_err(complaint)
}

/// A length of time in which something can be done: at least a second.
pub(super) fn lifetime(text: &str) -> Result<std::time::Duration, String> {
    let length = duration(text)?;
    if length.as_secs() == 0 { Err("it must be at least 1s".to_owned()) } else { Ok(length) }
}

/// Turns a configuration file's value into what could have been typed.
pub(super) fn typed(value: &toml::Value) -> Option<Vec<String>> {
    match value {
        toml::Value::String(text) => Some(vec![text.clone()]),
        toml::Value::Integer(number) => Some(vec![number.to_string()]),
        toml::Value::Boolean(truth) => Some(vec![truth.to_string()]),
        toml::Value::Array(values) => {
            let each = values.iter().map(|value| match value {
                toml::Value::Array(_) => None,
                value => typed(value).map(|mut one| one.remove(0)),
            });
            each.collect()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_numbers_or_localhost() {
        assert_eq!(address("localhost:9000").unwrap(), "127.0.0.1:9000".parse().unwrap());
        assert!(address("[::1]:9000").is_ok());
        for bad in ["9000", "127.0.0.1", "example.com:80", "localhost:x", "127.0.0.1:70000"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_endpoint_is_a_scheme_and_a_host() {
        assert_eq!(endpoint("https://s3.example.com/").unwrap(), "https://s3.example.com");
        assert_eq!(endpoint("http://10.0.0.7:9000").unwrap(), "http://10.0.0.7:9000");
        for bad in ["s3.example.com", "ftp://a", "https://a/b", "https://u:p@a", "https://", "https://a/?x"] {
            assert!(endpoint(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_network_may_be_one_address_and_a_day_has_24_hours() {
        assert_eq!(network("10.0.0.1").unwrap(), "10.0.0.1/32".parse().unwrap());
        assert!(network("10.0.0.0/8").is_ok() && network("x").is_err());
        assert_eq!(duration("1d").unwrap().as_secs(), 86_400);
        assert_eq!(duration("10s").unwrap().as_secs(), 10);
        assert!(duration("-5s").is_err() && duration("soon").is_err());
    }

    #[test]
    fn bytes_have_units_of_a_thousand_and_of_1024() {
        for (text, expected) in [("0", 0), ("512", 512), ("500MB", 500_000_000), ("2GiB", 2 << 30), ("1 TiB", 1 << 40)]
        {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for bad in ["", "MB", "-1", "1.5GB", "1gb", "20000000TiB", "1 G B"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn domains_and_regions_have_one_form() {
        assert_eq!(host("S3.Example.com").unwrap(), "s3.example.com");
        assert!(host("http://a").is_err() && host("10.0.0.1").is_err() && host("a:80").is_err());
        assert!(region("eu-west-1").is_ok() && region("EU").is_err() && region("").is_err());
    }
}
