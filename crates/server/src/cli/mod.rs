//! The command line, declared once: flags, environment variables, configuration keys, help and completions all come from
//! here.

mod config;
mod flags;
mod mistakes;
mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use config::{Ended, Invocation, read};
pub(crate) use flags::{Common, Durability, ServeFlags, Switch};

use crate::card::Client;

/// An S3-compatible object store in which an access key never reaches further than you meant.
#[derive(Debug, Parser)]
#[command(name = "bailiwick", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(crate) struct Bailiwick {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub verb: Verb,
}

const EXIT_CODES: &str = "\
Exit status:
  0  done, or the answer is yes
  1  it could not be done, or the answer is no; the reason is on stderr
  2  the command line or the configuration is not valid; nothing was tried

Each flag of `serve` can also be set by an environment variable (BAILIWICK_ and its name, as in BAILIWICK_OWNER_EMAIL)
or by a key of that name in the TOML file that --config names. A flag outweighs the variable, the variable the file.";

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Verb {
    /// Run the server.
    Serve(ServeFlags),
    /// Run the server on a bucket of its own, prove what a guest's key can and cannot do, and hand out a key.
    Try(TryFlags),
    /// Accounts: who owns buckets, and who is granted something in another's.
    #[command(subcommand)]
    Account(AccountVerb),
    /// Access keys.
    #[command(subcommand)]
    Key(KeyVerb),
    /// Buckets.
    #[command(subcommand)]
    Bucket(BucketVerb),
    /// Hand out one bucket or a folder of it: an account if there is none yet, and a key that reaches this only.
    Share(ShareFlags),
    /// What was handed out.
    #[command(subcommand)]
    Shares(SharesVerb),
    /// What a key can do, on which buckets, and why; or what everyone can.
    Reach(ReachFlags),
    /// Why a request was refused: which rule settled it, and what would allow it.
    Why {
        /// As the refused caller was told it (x-amz-request-id).
        request_id: String,
    },
    /// Whether somebody could do something, and why; exits with 1 if not.
    Can(CanFlags),
    /// Ask an S3 endpoint, ours or anybody's, what a pair of keys can see and do there, by requests that change nothing.
    Probe(ProbeFlags),
    /// Who pays for what, and which key caused it.
    Usage {
        /// Of this bucket only.
        #[arg(long, value_name = "BUCKET")]
        bucket: Option<String>,
    },
    /// Whether the store is well, and which process serves it.
    Status,
    /// Whether all that is stored is as it was written: all records, what belongs together, the counters, the ledger, and
    /// that each body is there. Names what is damaged, and exits with 1. Changes nothing.
    Verify {
        /// Read every byte of every body too.
        #[arg(long)]
        deep: bool,
    },
    /// Give back the room of what is there no more. The server does so of itself when it has become much.
    Compact,
    /// Make a backup of the store, while it runs: what is at the place already is not sent again.
    #[command(after_help = BACKUP)]
    Backup {
        /// A directory; or s3://BUCKET or s3://BUCKET/PREFIX, at any S3 endpoint.
        #[arg(value_name = "DEST")]
        to: String,
        #[command(flatten)]
        shelf: ShelfFlags,
    },
    /// Make the store of a backup again, in a data directory that holds nothing but, perhaps, the master key.
    #[command(after_help = RESTORE)]
    Restore {
        /// Where the backups are, as `backup` was given it.
        #[arg(value_name = "SRC")]
        from: String,
        /// Which backup; the latest unless given.
        #[arg(long, value_name = "ID")]
        snapshot: Option<String>,
        /// Only tell which backups there are, the latest last.
        #[arg(long, conflicts_with = "snapshot")]
        list: bool,
        #[command(flatten)]
        shelf: ShelfFlags,
    },
    /// Completions for a shell, to be sourced by it.
    Completions { shell: Shell },
}

const BACKUP: &str = "\
The master key is not in a backup: without it, nobody can use one. Keep a copy of it apart.
A backup may be interrupted at any time: it is then not there, and the next one uses what it had sent.
For a bucket, the pair of keys comes from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or from
--credentials.

Exit status:
  0  the backup is complete
  1  there is none; or there is, without bodies that could not be read
  2  the command line is not valid";

const RESTORE: &str = "\
The master key is not in the backup: put it into the data directory as master.key first, or name it by
--master-key-file, --master-key-env or --master-key-command. Every file of the backup is held to its digest, and what
was restored is verified. An interrupted restore is begun anew by asking for it again.

Exit status:
  0  it is restored, and verified
  1  it cannot be; or it is, and something in it is damaged
  2  the command line is not valid";

/// What a place for backups takes that is a bucket.
#[derive(Debug, Clone, Args)]
pub(crate) struct ShelfFlags {
    /// Where S3 is spoken, as in https://s3.example.com; AWS's own endpoint of the region unless given.
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL", value_parser = values::endpoint)]
    pub endpoint: Option<String>,
    /// The region to sign for.
    #[arg(long, value_name = "REGION", env = "AWS_REGION", default_value = "us-east-1", value_parser = values::region)]
    pub region: String,
    /// Take the pair of keys from this file, in AWS's shared-credentials format, and not from the environment.
    #[arg(long, value_name = "FILE")]
    pub credentials: Option<PathBuf>,
    /// Trust the certificate authorities in this PEM file, and not the system's.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct TryFlags {
    /// End after the proof: with status 0 if all of it holds, with 1 if not.
    #[arg(long)]
    pub exit: bool,
    #[command(flatten)]
    pub serve: ServeFlags,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum AccountVerb {
    /// Make an account and its first key, whose secret is shown this once.
    Create {
        /// Its e-mail address. Nothing is ever sent there; it is the name that grants use.
        email: String,
        /// It may own nothing, and only use what others grant it.
        #[arg(long)]
        guest: bool,
        /// Shown beside it; the e-mail address unless given.
        #[arg(long, value_name = "NAME")]
        display_name: Option<String>,
    },
    /// All accounts.
    List,
    /// One account with its keys and buckets.
    Show {
        /// E-mail address, account id or canonical id.
        account: String,
    },
    /// Stop all keys of an account, at once.
    Suspend {
        /// E-mail address, account id or canonical id.
        account: String,
        /// Let them work again.
        #[arg(long)]
        resume: bool,
    },
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum KeyVerb {
    /// Make one more key, whose secret is shown this once. What is said of it only ever holds it back.
    Create(KeyFlags),
    /// Make a key in place of another: the new one works at once, the old one for a while longer.
    Rotate {
        #[arg(value_name = "ACCESS_KEY_ID")]
        key: String,
        /// For how long both work, as in 1h or 7d.
        #[arg(long, value_name = "DURATION", default_value = "1d")]
        overlap: String,
    },
    /// The keys of one account, or of all.
    List {
        /// E-mail address, account id or canonical id.
        account: Option<String>,
    },
    /// Stop a key, at once.
    Disable {
        #[arg(value_name = "ACCESS_KEY_ID")]
        key: String,
    },
    /// Let a key work again.
    Enable {
        #[arg(value_name = "ACCESS_KEY_ID")]
        key: String,
    },
    /// Remove a key for good.
    Delete {
        #[arg(value_name = "ACCESS_KEY_ID")]
        key: String,
    },
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum BucketVerb {
    /// Make a bucket.
    Create {
        #[arg(value_name = "BUCKET")]
        bucket: String,
        /// Whose it is: e-mail address, account id or canonical id; the first owner's unless given.
        #[arg(long, value_name = "ACCOUNT")]
        owner: Option<String>,
    },
    /// All buckets.
    List,
    /// One bucket: its owner, grants, shares and size.
    Show {
        #[arg(value_name = "BUCKET")]
        bucket: String,
    },
    /// Remove an empty bucket.
    Delete {
        #[arg(value_name = "BUCKET")]
        bucket: String,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct KeyFlags {
    /// E-mail address, account id or canonical id.
    pub account: String,
    /// Let it sign by SigV2, for clients that know nothing newer.
    #[arg(long)]
    pub allow_sigv2: bool,
    /// Only this bucket. May be given more than once.
    #[arg(long = "bucket", value_name = "BUCKET")]
    pub buckets: Vec<String>,
    /// Only objects whose keys begin so. May be given more than once.
    #[arg(long = "prefix", value_name = "PREFIX")]
    pub prefixes: Vec<String>,
    /// Only from this network or address. May be given more than once.
    #[arg(long = "from", value_name = "CIDR")]
    pub networks: Vec<String>,
    /// Until a date (its beginning, UTC), a moment, or for a length of time: 2027-01-31, 2027-01-31T12:00:00Z, 30d.
    #[arg(long, value_name = "DATE|DURATION")]
    pub expires: Option<String>,
    /// Only what the policy in this file allows: AWS's language, without Principal.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ShareFlags {
    /// The bucket to hand out, or a folder of it: BUCKET/PREFIX.
    #[arg(value_name = "BUCKET[/PREFIX]")]
    pub bucket: String,
    /// To whom: an e-mail address.
    #[arg(long, value_name = "EMAIL")]
    pub with: String,
    /// What it allows.
    #[arg(long, value_name = "PRESET", value_parser = values::preset(), required_unless_present = "allow")]
    pub preset: Option<String>,
    /// What it allows, by S3's names of actions: s3:GetObject,s3:ListBucket.
    #[arg(long, value_name = "ACTION", value_delimiter = ',', conflicts_with = "preset")]
    pub allow: Vec<String>,
    /// Only from this network or address. May be given more than once.
    #[arg(long = "from", value_name = "CIDR")]
    pub networks: Vec<String>,
    /// Days until it ends; 90 unless given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=36_500), conflicts_with = "until")]
    pub days: Option<u64>,
    /// Until a date (its beginning, UTC) or a moment.
    #[arg(long, value_name = "DATE")]
    pub until: Option<String>,
    /// Most bytes that may lie there through it, as in 500000000, 500MB or 2GiB.
    #[arg(long, value_name = "N", value_parser = values::bytes)]
    pub max_bytes: Option<u64>,
    /// Most objects that may lie there through it.
    #[arg(long, value_name = "N")]
    pub max_objects: Option<u64>,
    /// Most requests a second.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub requests_per_second: Option<u32>,
    /// Most bytes a second, in and out together, as in 1MiB.
    #[arg(long, value_name = "N", value_parser = values::bytes)]
    pub bytes_per_second: Option<u64>,
    /// Learn for this many days where it is used from; then let it be used from nowhere else.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub pin: Option<u32>,
    /// What to call it.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Why it is given.
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Print the lines for this client only.
    #[arg(long = "for", value_name = "CLIENT")]
    pub client: Option<Client>,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum SharesVerb {
    /// All shares.
    List,
    /// One share.
    Show { share_id: String },
    /// End a share: its key stops working, at once and for good.
    Revoke { share_id: String },
    /// Give a share another key, whose secret is shown this once; the one it has stops working at once.
    Rotate {
        share_id: String,
        /// Print the lines for this client only.
        #[arg(long = "for", value_name = "CLIENT")]
        client: Option<Client>,
    },
    /// Let a share end at another time.
    Extend {
        share_id: String,
        /// Days from now; 90 unless given.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=36_500), conflicts_with = "until")]
        days: Option<u64>,
        /// Until a date (its beginning, UTC) or a moment.
        #[arg(long, value_name = "DATE")]
        until: Option<String>,
    },
    /// Print a share's card again, with YOUR-SECRET in the secret's place.
    Card {
        share_id: String,
        /// Print the lines for this client only.
        #[arg(long = "for", value_name = "CLIENT")]
        client: Option<Client>,
    },
}

#[derive(Debug, Clone, Args)]
#[command(after_help = REACH)]
pub(crate) struct ReachFlags {
    #[arg(value_name = "ACCESS_KEY_ID", required_unless_present_any = ["all", "public"])]
    pub key: Option<String>,
    /// Exit with status 1, and an example, if the key reaches anything but this bucket, or this folder of it.
    #[arg(long, value_name = "BUCKET[/PREFIX]", requires = "key")]
    pub only: Option<String>,
    /// Every key of the server, and everyone.
    #[arg(long, conflicts_with_all = ["key", "public"])]
    pub all: bool,
    /// Everyone, without a key.
    #[arg(long, conflicts_with = "key")]
    pub public: bool,
    /// Show what a proposal would give and take, and change nothing: a bucket's policy (JSON), a bucket's ACL (XML, as in
    /// PutBucketAcl) or a share (JSON, by the names of `share`'s flags); `-` reads it from stdin. Exit with status 1, and an
    /// example, if anything is gained.
    #[arg(long, value_name = "FILE", conflicts_with = "only")]
    pub diff: Option<PathBuf>,
    /// The bucket that a proposed policy or ACL is for.
    #[arg(long, value_name = "BUCKET", requires = "diff")]
    pub bucket: Option<String>,
}

const REACH: &str = "\
Exit status:
  0  told; with --only, nothing beyond it is reached; with --diff, nothing is gained
  1  something beyond --only is reached, or gained by --diff; or --diff is of something that would be refused
  2  the command line is not valid, or --diff is malformed; the place is on stderr";

#[derive(Debug, Clone, Args)]
pub(crate) struct CanFlags {
    /// An access key's id; an account, by e-mail address or id; or `anonymous`.
    pub who: String,
    /// S3's name of an action, as in s3:GetObject.
    pub action: String,
    /// A bucket, or a bucket and a key: BUCKET/KEY.
    pub what: String,
    /// Asked from this address.
    #[arg(long, value_name = "ADDRESS")]
    pub ip: Option<String>,
    /// Asked at this moment, as in 2027-01-31T12:00:00Z; now unless given.
    #[arg(long, value_name = "MOMENT")]
    pub at: Option<String>,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = PROBE)]
pub(crate) struct ProbeFlags {
    /// The endpoint, as in https://s3.eu-west-1.amazonaws.com or http://127.0.0.1:9000.
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL", value_parser = values::endpoint)]
    pub endpoint: String,
    /// Take the pair from this file, in AWS's shared-credentials format, and not from the environment.
    #[arg(long, value_name = "FILE", conflicts_with = "anonymous")]
    pub credentials: Option<PathBuf>,
    /// Ask without a key.
    #[arg(long)]
    pub anonymous: bool,
    /// Ask about this bucket; about those that the endpoint lists unless given. May be given more than once.
    #[arg(long = "bucket", value_name = "BUCKET")]
    pub buckets: Vec<String>,
    /// Ask about keys that begin so.
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Option<String>,
    /// An object that is there, for what can be asked only of one, where none can be listed.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// The region to sign for.
    #[arg(long, value_name = "REGION", env = "AWS_REGION", default_value = "us-east-1", value_parser = values::region)]
    pub region: String,
    /// Put the bucket into the host's name.
    #[arg(long)]
    pub virtual_host: bool,
    /// Trust the certificate authorities in this PEM file, and not the system's.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Exit with status 1, and an example, if the pair can do anything beyond this among what is asked about.
    #[arg(long, value_name = "BUCKET[/PREFIX]")]
    pub only: Option<String>,
    /// Take it that the endpoint decides on access before anything else and does nothing that is malformed or whose
    /// condition fails, as Bailiwick and AWS do; then deleting, and changing ACL and policy, are asked about too.
    #[arg(long)]
    pub trust_endpoint: bool,
}

const PROBE: &str = "\
The pair of keys comes from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or from --credentials.

Exit status:
  0  it was asked and told; with --only, nothing beyond it is allowed
  1  the endpoint cannot be spoken to; or something beyond --only is allowed, or could not be settled
  2  the command line, the pair or --ca-file is not valid; nothing was sent";
