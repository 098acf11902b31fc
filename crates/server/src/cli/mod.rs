//! The command line, declared once: flags, environment variables, configuration keys, help and completions all come from
//! here.

mod config;
mod flags;
mod mistakes;
mod values;

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
    /// Hand out one bucket: an account if there is none yet, and a key that reaches this bucket only.
    Share(ShareFlags),
    /// What was handed out.
    #[command(subcommand)]
    Shares(SharesVerb),
    /// What a key can do, on which buckets, and why.
    Reach(ReachFlags),
    /// Who pays for what, and which key caused it.
    Usage {
        /// Of this bucket only.
        #[arg(long, value_name = "BUCKET")]
        bucket: Option<String>,
    },
    /// Whether the store is well, and which process serves it.
    Status,
    /// Completions for a shell, to be sourced by it.
    Completions { shell: Shell },
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
    /// Make one more key, whose secret is shown this once.
    Create {
        /// E-mail address, account id or canonical id.
        account: String,
        /// Let it sign by SigV2, for clients that know nothing newer.
        #[arg(long)]
        allow_sigv2: bool,
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
pub(crate) struct ShareFlags {
    /// The bucket to hand out.
    pub bucket: String,
    /// To whom: an e-mail address.
    #[arg(long, value_name = "EMAIL")]
    pub with: String,
    /// What it allows.
    #[arg(long, value_name = "PRESET", value_parser = values::preset())]
    pub preset: String,
    /// Days until it ends; 90 unless given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=36_500))]
    pub days: Option<u64>,
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
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ReachFlags {
    #[arg(value_name = "ACCESS_KEY_ID")]
    pub key: String,
    /// Exit with status 1 if the key reaches anything but this bucket.
    #[arg(long, value_name = "BUCKET")]
    pub only: Option<String>,
}
