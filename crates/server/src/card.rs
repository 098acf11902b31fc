//! The hand-off card: what a receiver pastes to use a key, for the clients that people use.
//!
//! A card has nothing to fill in and nothing to look up. Where a client would sign by SigV2, guess a region, put the
//! bucket into the host name, or want to make the bucket first, the card says otherwise. It has no command that the key
//! is refused ([`Can`]). A secret is on it only at the moment when it is made; later cards have [`SECRET_PLACEHOLDER`] in
//! its place.

mod can;

use clap::ValueEnum;

pub(crate) use can::Can;

/// Stands for a secret that was shown before and cannot be asked for again.
pub(crate) const SECRET_PLACEHOLDER: &str = "YOUR-SECRET";

/// A client with a card of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    S3cmd,
    #[value(name = "aws", alias = "aws-cli")]
    Aws,
    Rclone,
    Restic,
    Duplicity,
    Boto3,
    /// Environment variables.
    Env,
    /// A bookmark file.
    Cyberduck,
}

impl Client {
    /// The cards that are shown where nobody named one, by what the share allows: that of the program that the preset is
    /// for, or those of the programs that most people use, as far as they work with it.
    pub(crate) fn usual(allowed: &str) -> &'static [Client] {
        match allowed {
            "restic" => &[Client::Restic],
            "duplicity" => &[Client::Duplicity],
            "rclone-sync" => &[Client::Rclone],
            _ if Can::of(allowed).restic() => &[Client::S3cmd, Client::Aws, Client::Rclone, Client::Restic],
            _ => &[Client::S3cmd, Client::Aws, Client::Rclone],
        }
    }
}

/// What goes onto a card.
#[derive(Debug, Clone)]
pub(crate) struct Card<'a> {
    /// Scheme, host, and port where it is not the scheme's own.
    pub endpoint: &'a str,
    pub region: &'a str,
    pub bucket: &'a str,
    /// Empty, or ends with a slash.
    pub prefix: &'a str,
    pub access_key_id: &'a str,
    pub secret_access_key: &'a str,
    pub can: Can,
}

impl Card<'_> {
    /// The lines for these clients.
    pub(crate) fn render(&self, clients: &[Client]) -> String {
        clients.iter().map(|client| self.lines(*client)).collect::<Vec<_>>().join("\n")
    }

    /// How whoever gets the key sees for themselves what it can do. It is no client's configuration, and no part of its lines.
    pub(crate) fn probe(&self) -> String {
        let Card { endpoint, region, .. } = self;
        let place = word(&self.place_held());
        format!(
            "\
# to see what this key can do, and that it is no more than this: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and run
#   bailiwick probe --endpoint {endpoint} --region {region} --only {place}
"
        )
    }

    /// The place as `--only` takes it.
    fn place_held(&self) -> String {
        if self.prefix.is_empty() { self.bucket.to_owned() } else { self.folder() }
    }

    fn lines(&self, client: Client) -> String {
        match client {
            Client::S3cmd => self.s3cmd(),
            Client::Aws => self.aws(),
            Client::Rclone => self.rclone(),
            Client::Restic => self.restic(),
            Client::Duplicity => self.duplicity(),
            Client::Boto3 => self.boto3(),
            Client::Env => self.env(),
            Client::Cyberduck => self.cyberduck(),
        }
    }

    /// `bucket/` or `bucket/prefix/`.
    fn folder(&self) -> String {
        format!("{}/{}", self.bucket, self.prefix)
    }

    /// `bucket` or `bucket/prefix`.
    fn place(&self) -> String {
        self.folder().trim_end_matches('/').to_owned()
    }

    /// The host, with its port where that is not the scheme's own.
    fn host(&self) -> (&str, &str) {
        self.endpoint.split_once("://").unwrap_or(("http", self.endpoint))
    }

    /// The words with which s3cmd and aws copy a file there, or from there where nothing can be written, and list what is
    /// there.
    fn copies(&self, up: &str, down: &str) -> impl Iterator<Item = String> {
        let folder = word(&format!("s3://{}", self.folder()));
        let file = word(&format!("s3://{}FILE", self.folder()));
        let listed = if self.prefix.is_empty() { word(&format!("s3://{}", self.bucket)) } else { folder.clone() };
        let Can { list, read, write, .. } = self.can;
        let put = write.then(|| format!("{up} FILE {folder}"));
        let get = (read && !write).then(|| format!("{down} {file} ."));
        [put, list.then(|| format!("ls {listed}")), get].into_iter().flatten()
    }

    fn s3cmd(&self) -> String {
        let (scheme, host) = self.host();
        let Card { region, access_key_id, secret_access_key, .. } = self;
        let https = if scheme == "https" { "True" } else { "False" };
        let commands: String = self.copies("put", "get").map(|words| format!("#   s3cmd {words}\n")).collect();
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
{commands}"
        )
    }

    fn aws(&self) -> String {
        let Card { endpoint, region, access_key_id, secret_access_key, .. } = self;
        let aws = format!("aws --profile bailiwick --endpoint-url {endpoint} s3");
        let commands: String = self.copies("cp", "cp").map(|words| format!("{aws} {words}\n")).collect();
        format!(
            "\
# aws-cli: paste into a shell
aws configure set profile.bailiwick.aws_access_key_id {access_key_id}
aws configure set profile.bailiwick.aws_secret_access_key {secret_access_key}
aws configure set profile.bailiwick.region {region}
aws configure set profile.bailiwick.s3.signature_version s3v4
aws configure set profile.bailiwick.s3.addressing_style path
{commands}"
        )
    }

    fn rclone(&self) -> String {
        let Card { endpoint, region, access_key_id, secret_access_key, .. } = self;
        let (place, file) = (format!("bailiwick:{}", self.place()), format!("bailiwick:{}FILE", self.folder()));
        let (place, file) = (word(&place), word(&file));
        let Can { list, read, write, .. } = self.can;
        let mut commands = String::new();
        match (write, read) {
            // It looks at nothing that is there, neither before it writes nor afterwards.
            (true, false) => {
                commands.push_str("export RCLONE_CONFIG_BAILIWICK_NO_HEAD=true\n");
                commands.push_str(&format!("rclone copyto --no-check-dest FILE {file}\n"));
            }
            (true, true) => commands.push_str(&format!("rclone copy FILE {place}\n")),
            (false, _) => {}
        }
        if list {
            commands.push_str(&format!("rclone ls {place}\n"));
        }
        if read && !write {
            commands.push_str(&format!("rclone copyto {file} FILE\n"));
        }
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
{commands}"
        )
    }

    fn restic(&self) -> String {
        let Card { endpoint, region, access_key_id, secret_access_key, .. } = self;
        if !self.can.restic() {
            return without("restic", "it lists, reads and writes its repository, and deletes its locks");
        }
        let repository = word(&format!("s3:{endpoint}/{}", self.place()));
        let restic = "restic -o s3.bucket-lookup=path";
        let commands = match self.can.write {
            true => format!("{restic} init\n{restic} backup DIRECTORY\n"),
            false => format!("{restic} --no-lock snapshots\n{restic} --no-lock restore latest --target DIRECTORY\n"),
        };
        format!(
            "\
# restic: paste into a shell; it asks for a password of its own, which encrypts the backups
export AWS_ACCESS_KEY_ID={access_key_id}
export AWS_SECRET_ACCESS_KEY={secret_access_key}
export AWS_DEFAULT_REGION={region}
export RESTIC_REPOSITORY={repository}
{commands}"
        )
    }

    fn duplicity(&self) -> String {
        let Card { endpoint, region, access_key_id, secret_access_key, .. } = self;
        if !self.can.duplicity() {
            return without("duplicity", "it lists and reads what it wrote");
        }
        let folder = if self.prefix.is_empty() { format!("{}/backups", self.bucket) } else { self.place() };
        let url = word(&format!("boto3+s3://{folder}"));
        let store = format!("--s3-endpoint-url {endpoint} --s3-region-name {region}");
        let status = format!("duplicity collection-status {store} {url}\n");
        let commands = match self.can.write {
            true => format!("duplicity backup {store} DIRECTORY {url}\n{status}"),
            false => format!("{status}duplicity restore {store} {url} DIRECTORY\n"),
        };
        format!(
            "\
# duplicity: paste into a shell; it asks for a passphrase of its own, which encrypts the backups
export AWS_ACCESS_KEY_ID={access_key_id}
export AWS_SECRET_ACCESS_KEY={secret_access_key}
{commands}"
        )
    }

    fn boto3(&self) -> String {
        let Card { endpoint, region, bucket, prefix, access_key_id, secret_access_key, .. } = self;
        let (bucket, key, prefix) = (text(bucket), text(&format!("{prefix}FILE")), text(prefix));
        let Can { list, read, write, .. } = self.can;
        let put = write.then(|| format!("s3.upload_file(\"FILE\", {bucket}, {key})\n"));
        let ls = list.then(|| {
            format!(
                "\
for page in s3.get_paginator(\"list_objects_v2\").paginate(Bucket={bucket}, Prefix={prefix}):
    for found in page.get(\"Contents\", []):
        print(found[\"Key\"])
"
            )
        });
        let get = (read && !write).then(|| format!("s3.download_file({bucket}, {key}, \"FILE\")\n"));
        let commands: String = [put, ls, get].into_iter().flatten().collect();
        format!(
            "\
# boto3: paste into a program
import boto3
from botocore.config import Config

s3 = boto3.client(
    \"s3\",
    endpoint_url=\"{endpoint}\",
    region_name=\"{region}\",
    aws_access_key_id=\"{access_key_id}\",
    aws_secret_access_key=\"{secret_access_key}\",
    config=Config(signature_version=\"s3v4\", s3={{\"addressing_style\": \"path\"}}),
)
{commands}"
        )
    }

    fn env(&self) -> String {
        let Card { endpoint, region, access_key_id, secret_access_key, .. } = self;
        let (bucket, prefix) = (word(self.bucket), word(self.prefix));
        format!(
            "\
# environment variables, as AWS's SDKs read them; the bucket is for the program itself
AWS_ACCESS_KEY_ID={access_key_id}
AWS_SECRET_ACCESS_KEY={secret_access_key}
AWS_REGION={region}
AWS_DEFAULT_REGION={region}
AWS_ENDPOINT_URL_S3={endpoint}
S3_BUCKET={bucket}
S3_PREFIX={prefix}
"
        )
    }

    /// A bookmark has no secret: Cyberduck asks for it and keeps it in the system's own store of passwords.
    fn cyberduck(&self) -> String {
        let Card { region, access_key_id, secret_access_key, .. } = self;
        let (scheme, host) = self.host();
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (name, port),
            _ => (host, if scheme == "https" { "443" } else { "80" }),
        };
        let name = xml(name.trim_matches(['[', ']']));
        let (path, nickname) = (xml(&format!("/{}", self.place())), xml(&self.place()));
        let plain = match scheme {
            "https" => "",
            _ => "<!-- This server has no TLS: Cyberduck needs its connection profile \"S3 (HTTP)\" for it. -->\n",
        };
        format!(
            "\
<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">
<!-- Cyberduck: save as bailiwick.duck and open it. It asks for the secret access key: {secret_access_key} -->
{plain}<plist version=\"1.0\">
<dict>
  <key>Protocol</key>
  <string>s3</string>
  <key>Nickname</key>
  <string>{nickname}</string>
  <key>Hostname</key>
  <string>{name}</string>
  <key>Port</key>
  <string>{port}</string>
  <key>Username</key>
  <string>{access_key_id}</string>
  <key>Path</key>
  <string>{path}</string>
  <key>Region</key>
  <string>{region}</string>
  <key>Custom</key>
  <dict>
    <key>s3.bucket.virtualhost.disable</key>
    <string>true</string>
  </dict>
</dict>
</plist>
"
        )
    }
}

/// The card of a program that cannot use the key: what it would need, and how to get that.
fn without(program: &str, needs: &str) -> String {
    format!("# {program} cannot use this key: {needs}.\n# Share the bucket with --preset {program} for it.\n")
}

/// A word of a shell: as it is, or quoted.
fn word(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/:._-+=,@%".contains(&b);
    if text.bytes().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// A text of a Python program: JSON's form is one of them.
fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(endpoint: &str) -> Card<'_> {
        Card {
            endpoint,
            region: "us-east-1",
            bucket: "myproject.example.com",
            prefix: "",
            access_key_id: "AKIAEXAMPLEEXAMPLE00",
            secret_access_key: "secret/Secret+Secret",
            can: Can::of("read-write"),
        }
    }

    #[test]
    fn a_card_is_what_it_was() {
        let golden = include_str!("../tests/golden/card.txt");
        let card = card("http://127.0.0.1:9000").render(Client::value_variants());
        assert_eq!(card, golden, "if this is meant, put it into tests/golden/card.txt:\n{card}");
    }

    #[test]
    fn one_clients_card_is_a_part_of_the_whole_and_has_all_that_it_takes() {
        let card = card("https://s3.example.com");
        let whole = card.render(Client::value_variants());
        for client in Client::value_variants() {
            let part = card.render(&[*client]);
            assert!(whole.contains(&part) && part.len() < whole.len());
            let region = if *client == Client::Duplicity { "--s3-region-name us-east-1" } else { card.region };
            for value in [card.bucket, card.access_key_id, card.secret_access_key, region, "s3.example.com"] {
                assert!(part.contains(value), "{client:?} lacks {value}");
            }
        }
        assert!(whole.contains("use_https = True") && whole.contains("<string>443</string>"));
    }

    #[test]
    fn a_folder_is_on_every_card_and_no_name_of_one_is_taken_for_something_else() {
        let evil = "a $(rm -rf) 'b' \"c\" <d>&/";
        let card = Card { prefix: evil, ..card("https://[2001:db8::1]:9443") };
        for (client, shown) in [
            (Client::S3cmd, r#"'s3://myproject.example.com/a $(rm -rf) '\''b'\'' "c" <d>&/'"#),
            (Client::Aws, r#"'s3://myproject.example.com/a $(rm -rf) '\''b'\'' "c" <d>&/'"#),
            (Client::Rclone, r#"'bailiwick:myproject.example.com/a $(rm -rf) '\''b'\'' "c" <d>&'"#),
            (Client::Restic, r#"/myproject.example.com/a $(rm -rf) '\''b'\'' "c" <d>&'"#),
            (Client::Duplicity, r#"'boto3+s3://myproject.example.com/a $(rm -rf) '\''b'\'' "c" <d>&'"#),
            (Client::Boto3, r#""a $(rm -rf) 'b' \"c\" <d>&/FILE""#),
            (Client::Env, r#"S3_PREFIX='a $(rm -rf) '\''b'\'' "c" <d>&/'"#),
            (Client::Cyberduck, r#"<string>/myproject.example.com/a $(rm -rf) 'b' "c" &lt;d&gt;&amp;</string>"#),
        ] {
            let lines = card.render(&[client]);
            assert!(lines.contains(shown), "{client:?}: {lines}");
        }
        let bookmark = card.render(&[Client::Cyberduck]);
        assert!(bookmark.contains("<string>2001:db8::1</string>") && bookmark.contains("<string>9443</string>"));
    }

    #[test]
    fn the_receiver_is_told_how_to_see_what_the_key_can_do() {
        let card = Card { prefix: "a b/", ..card("https://s3.example.com") };
        let told = card.probe();
        let command =
            "bailiwick probe --endpoint https://s3.example.com --region us-east-1 --only 'myproject.example.com/a b/'";
        assert!(told.contains(command), "{told}");
        assert!(told.lines().all(|line| line.starts_with('#')) && !told.contains(card.secret_access_key), "{told}");
    }

    #[test]
    fn the_cards_shown_are_those_of_the_presets_own_program() {
        assert_eq!(Client::usual("restic"), [Client::Restic]);
        assert_eq!(Client::usual("duplicity"), [Client::Duplicity]);
        assert_eq!(Client::usual("rclone-sync"), [Client::Rclone]);
        assert_eq!(Client::usual("read-write").len(), 4);
        assert!(!Client::usual("write").contains(&Client::Restic), "it could not read its repository");
        assert!(!Client::usual("backup").contains(&Client::Restic), "it could not drop its locks");
    }

    #[test]
    fn a_card_has_no_command_that_its_key_is_refused() {
        // How the programs write, list, and read.
        let verbs = [
            ("write", ["s3cmd put", "s3 cp FILE", "rclone copyto --no-check-dest FILE", "upload_file"]),
            ("list", ["s3cmd ls", "s3 ls", "rclone ls", "list_objects_v2"]),
            ("read", ["s3cmd get", "FILE .", "rclone copyto bailiwick", "download_file"]),
        ];
        for (allowed, has) in [("read", ["list", "read"].as_slice()), ("write", &["write"]), ("drop-box", &["write"])] {
            let card = Card { can: Can::of(allowed), ..card("http://127.0.0.1:9000") };
            let lines = card.render(&[Client::S3cmd, Client::Aws, Client::Rclone, Client::Boto3]);
            for (verb, commands) in verbs {
                for command in commands {
                    assert_eq!(lines.contains(command), has.contains(&verb), "{allowed}, {command}: {lines}");
                }
            }
            let restic = card.render(&[Client::Restic]);
            assert_eq!(restic.contains("cannot use this key") && restic.contains("--preset restic"), allowed != "read");
            assert!(!restic.contains("restic -o s3.bucket-lookup=path init"), "{restic}");
            let duplicity = card.render(&[Client::Duplicity]);
            assert_eq!(duplicity.contains("cannot use this key"), allowed != "read");
            assert!(!duplicity.contains("duplicity backup"), "{duplicity}");
        }
    }
}
