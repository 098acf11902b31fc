//! The hand-off card: what a receiver pastes to use a key, for the clients that people use.
//!
//! A card has nothing to fill in and nothing to look up. Where a client would sign by SigV2, guess a region, put the
//! bucket into the host name, or want to make the bucket first, the card says otherwise.

use clap::ValueEnum;

/// A client with a card of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    S3cmd,
    #[value(name = "aws", alias = "aws-cli")]
    Aws,
    Rclone,
    Restic,
}

/// What goes onto a card.
#[derive(Debug, Clone)]
pub(crate) struct Card<'a> {
    /// Scheme, host, and port where it is not the scheme's own.
    pub endpoint: &'a str,
    pub region: &'a str,
    pub bucket: &'a str,
    pub access_key_id: &'a str,
    pub secret_access_key: &'a str,
}

impl Card<'_> {
    /// The lines for one client, or for all.
    pub(crate) fn render(&self, only: Option<Client>) -> String {
        let clients = Client::value_variants().iter().filter(|client| only.is_none_or(|only| only == **client));
        clients.map(|client| self.lines(*client)).collect::<Vec<_>>().join("\n")
    }

    fn lines(&self, client: Client) -> String {
        match client {
            Client::S3cmd => self.s3cmd(),
            Client::Aws => self.aws(),
            Client::Rclone => self.rclone(),
            Client::Restic => self.restic(),
        }
    }

    fn s3cmd(&self) -> String {
        let (scheme, host) = self.endpoint.split_once("://").unwrap_or(("http", self.endpoint));
        let Card { region, bucket, access_key_id, secret_access_key, .. } = self;
        let https = if scheme == "https" { "True" } else { "False" };
        format!(
            "\
# s3cmd: save as ~/.s3cfg (or name it with -c)
[default]
access_key = {access_key_id}
secret_key = {secret_access_key}
host_base = {host}
host_bucket = {host}
bucket_location = {region}
use_https = {https}
signature_v2 = False
# then
#   s3cmd put FILE s3://{bucket}/
#   s3cmd ls s3://{bucket}
"
        )
    }

    fn aws(&self) -> String {
        let Card { endpoint, region, bucket, access_key_id, secret_access_key } = self;
        format!(
            "\
# aws-cli: paste into a shell
aws configure set profile.bailiwick.aws_access_key_id {access_key_id}
aws configure set profile.bailiwick.aws_secret_access_key {secret_access_key}
aws configure set profile.bailiwick.region {region}
aws configure set profile.bailiwick.s3.signature_version s3v4
aws configure set profile.bailiwick.s3.addressing_style path
aws --profile bailiwick --endpoint-url {endpoint} s3 cp FILE s3://{bucket}/
aws --profile bailiwick --endpoint-url {endpoint} s3 ls s3://{bucket}
"
        )
    }

    fn rclone(&self) -> String {
        let Card { endpoint, region, bucket, access_key_id, secret_access_key } = self;
        format!(
            "\
# rclone: paste into a shell
export RCLONE_CONFIG_BAILIWICK_TYPE=s3
export RCLONE_CONFIG_BAILIWICK_PROVIDER=Other
export RCLONE_CONFIG_BAILIWICK_ENDPOINT={endpoint}
export RCLONE_CONFIG_BAILIWICK_REGION={region}
export RCLONE_CONFIG_BAILIWICK_FORCE_PATH_STYLE=true
export RCLONE_CONFIG_BAILIWICK_V2_AUTH=false
export RCLONE_CONFIG_BAILIWICK_NO_CHECK_BUCKET=true
export RCLONE_CONFIG_BAILIWICK_ACCESS_KEY_ID={access_key_id}
export RCLONE_CONFIG_BAILIWICK_SECRET_ACCESS_KEY={secret_access_key}
rclone copy FILE bailiwick:{bucket}
rclone ls bailiwick:{bucket}
"
        )
    }

    fn restic(&self) -> String {
        let Card { endpoint, region, bucket, access_key_id, secret_access_key } = self;
        format!(
            "\
# restic: paste into a shell; it asks for a password of its own, which encrypts the backups
export AWS_ACCESS_KEY_ID={access_key_id}
export AWS_SECRET_ACCESS_KEY={secret_access_key}
export AWS_DEFAULT_REGION={region}
export RESTIC_REPOSITORY=s3:{endpoint}/{bucket}
restic -o s3.bucket-lookup=path init
restic -o s3.bucket-lookup=path backup DIRECTORY
"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(endpoint: &str) -> Card<'_> {
        Card {
            endpoint,
            region: "us-east-1",
            bucket: "myproject.example.com",
            access_key_id: "AKIAEXAMPLEEXAMPLE00",
            secret_access_key: "secret/Secret+Secret",
        }
    }

    #[test]
    fn a_card_is_what_it_was() {
        let golden = include_str!("../tests/golden/card.txt");
        let card = card("http://127.0.0.1:9000").render(None);
        assert_eq!(card, golden, "if this is meant, put it into tests/golden/card.txt:\n{card}");
    }

    #[test]
    fn one_clients_card_is_a_part_of_the_whole() {
        let card = card("https://s3.example.com");
        let whole = card.render(None);
        for client in Client::value_variants() {
            let part = card.render(Some(*client));
            assert!(whole.contains(&part) && part.len() < whole.len());
            for value in [card.bucket, card.access_key_id, card.secret_access_key, card.region, "s3.example.com"] {
                assert!(part.contains(value), "{client:?} lacks {value}");
            }
        }
        assert!(whole.contains("use_https = True"));
    }
}
