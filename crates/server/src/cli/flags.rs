//! The flags: those of every command, and those of a server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use identity::MasterKeySource;
use ipnet::IpNet;
use model::{Email, ObjectOwnership};

use super::values;
use crate::complaint::Complaint;

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// The data directory.
    #[arg(long, global = true, value_name = "DIR", env = "BAILIWICK_DATA", default_value = "./bailiwick-data")]
    pub data: PathBuf,
    /// Answer in JSON, for programs.
    #[arg(long, global = true)]
    pub json: bool,
    /// A TOML file whose keys are the names of `serve`'s flags.
    #[arg(long, global = true, value_name = "FILE", env = "BAILIWICK_CONFIG")]
    pub config: Option<PathBuf>,
    /// Read the master key from this file, made at the first start [default: DIR/master.key].
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "BAILIWICK_MASTER_KEY_FILE",
        hide_env_values = true,
        hide_short_help = true
    )]
    pub master_key_file: Option<PathBuf>,
    /// Read the master key, 64 hexadecimal digits, from the environment variable of this name.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "BAILIWICK_MASTER_KEY_ENV",
        hide_env_values = true,
        hide_short_help = true
    )]
    pub master_key_env: Option<String>,
    /// Read the master key, 64 hexadecimal digits, from what this command prints.
    #[arg(
        long,
        global = true,
        value_name = "COMMAND",
        env = "BAILIWICK_MASTER_KEY_COMMAND",
        hide_env_values = true,
        hide_short_help = true
    )]
    pub master_key_command: Option<String>,
}

/// The flags of [`Common`] of which one at most may be given.
pub(super) const MASTER_KEY_IDS: [&str; 3] = ["master_key_file", "master_key_env", "master_key_command"];

impl Common {
    /// Where the master key comes from.
    pub(crate) fn master_key(&self) -> Result<MasterKeySource, Complaint> {
        match (&self.master_key_file, &self.master_key_env, &self.master_key_command) {
            (None, None, None) => Ok(MasterKeySource::File(self.data.join("master.key"))),
            (Some(file), None, None) => Ok(MasterKeySource::File(file.clone())),
            (None, Some(name), None) => Ok(MasterKeySource::Env(name.clone())),
            (None, None, Some(command)) => Ok(MasterKeySource::Command(command.clone())),
            _ => Err(Complaint::usage(
                "more than one source of the master key is given",
                "Keep one of --master-key-file, --master-key-env and --master-key-command.",
            )),
        }
    }
}

/// What a server takes. Each is also an environment variable and a key of the configuration file.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeFlags {
    /// Where S3 listens.
    #[arg(long, value_name = "ADDRESS", env = "BAILIWICK_S3", default_value = "127.0.0.1:9000", value_parser = values::address)]
    pub s3: SocketAddr,
    /// Where the console will listen; there is none yet.
    #[arg(long, value_name = "ADDRESS", env = "BAILIWICK_CONSOLE", value_parser = values::address)]
    pub console: Option<SocketAddr>,
    /// The e-mail address of the owner's account, made at the first start.
    #[arg(long, value_name = "EMAIL", env = "BAILIWICK_OWNER_EMAIL", default_value = "owner@localhost", value_parser = values::email)]
    pub owner_email: Email,
    /// The region that clients sign for.
    #[arg(long, value_name = "REGION", env = "BAILIWICK_REGION", default_value = "us-east-1", value_parser = values::region)]
    pub region: String,
    /// Serve virtual-host style requests to BUCKET.HOST. May be given more than once.
    #[arg(long, value_name = "HOST", env = "BAILIWICK_DOMAIN", value_delimiter = ',', value_parser = values::host)]
    pub domain: Vec<String>,
    /// What cards and links call the S3 endpoint.
    #[arg(long, value_name = "URL", env = "BAILIWICK_PUBLIC_URL", value_parser = values::endpoint)]
    pub public_url: Option<String>,
    /// A PEM file with the TLS certificate and its chain; read again on SIGHUP.
    #[arg(long, value_name = "FILE", env = "BAILIWICK_TLS_CERT")]
    pub tls_cert: Option<PathBuf>,
    /// A PEM file with the certificate's private key; read again on SIGHUP.
    #[arg(long, value_name = "FILE", env = "BAILIWICK_TLS_KEY")]
    pub tls_key: Option<PathBuf>,
    /// Listen beyond this machine without TLS.
    #[arg(long, value_name = "BOOL", env = "BAILIWICK_INSECURE_HTTP", default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = BoolishValueParser::new())]
    pub insecure_http: bool,
    /// Believe X-Forwarded-For from this network. May be given more than once.
    #[arg(long, value_name = "CIDR", env = "BAILIWICK_TRUSTED_PROXY", value_delimiter = ',', value_parser = values::network)]
    pub trusted_proxy: Vec<IpNet>,
    /// Answer a guest's ListBuckets and CreateBucket with NotSignedUp, as S3 did in 2010.
    #[arg(long, value_name = "BOOL", env = "BAILIWICK_STRICT_SIGNUP", default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = BoolishValueParser::new())]
    pub strict_signup: bool,
    /// Let every key sign by SigV2, which is weaker; a single key may by `key create --allow-sigv2`.
    #[arg(long, value_name = "BOOL", env = "BAILIWICK_ALLOW_SIGV2", default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = BoolishValueParser::new())]
    pub allow_sigv2: bool,
    /// Who owns what lands in a bucket that does not say.
    #[arg(long, value_name = "OWNERSHIP", env = "BAILIWICK_DEFAULT_OBJECT_OWNERSHIP", default_value = "OwnerOwns", value_parser = values::ownership())]
    pub default_object_ownership: ObjectOwnership,
    /// Whether grants to everybody count for nothing, on the whole server and in each new bucket.
    #[arg(long, value_name = "SWITCH", env = "BAILIWICK_DEFAULT_PUBLIC_ACCESS_BLOCK", default_value = "on")]
    pub default_public_access_block: Switch,
    /// Whether a write is on disk when it is acknowledged. `relaxed` may lose the last seconds in a power cut.
    #[arg(long, value_name = "DURABILITY", env = "BAILIWICK_DURABILITY", default_value = "full")]
    pub durability: Durability,
    /// How long a new key lives at most, and lives where nobody says, as in 90d. Keys that exist are left alone.
    #[arg(long, value_name = "DURATION", env = "BAILIWICK_MAX_KEY_LIFETIME", value_parser = values::lifetime)]
    pub max_key_lifetime: Option<Duration>,
    /// How many bytes a second are read in the background to find damage, as in 10MiB; 0: none are.
    #[arg(long, value_name = "N", env = "BAILIWICK_SCRUB_RATE", default_value = "10MiB", value_parser = values::bytes)]
    pub scrub_rate: u64,
    /// How often all is read in the background: from the beginning of one round to that of the next.
    #[arg(long, value_name = "DURATION", env = "BAILIWICK_SCRUB_EVERY", default_value = "7d", value_parser = values::lifetime)]
    pub scrub_every: Duration,
    /// How long a day of a lifecycle rule lasts, for tests; there are no lifecycle rules yet.
    #[arg(long, value_name = "DURATION", env = "BAILIWICK_LIFECYCLE_DAY", value_parser = values::duration)]
    pub lifecycle_day: Option<Duration>,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

/// What an acknowledged write has gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Durability {
    /// A sync to disk.
    Full,
    /// A write that the system may still hold in memory.
    Relaxed,
}
