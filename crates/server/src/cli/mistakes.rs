//! What clap has to say, as one line.
//!
//! clap's own reports have a tip and a usage on lines of their own. The first says what is wrong and is kept; of the
//! rest, only a tip.

use clap::error::ErrorKind;

use crate::complaint::Complaint;

/// Help and version are answers, not mistakes: `Err` holds the text to print, styled for a terminal.
pub(super) fn complaint(error: clap::Error, from_file: Option<&str>) -> Result<Complaint, clap::Error> {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Err(error);
    }
    let text = error.render().to_string();
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Ok(Complaint::usage("a command is missing", "See what there is with --help."));
    }
    let mut paragraphs = text.split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    let message = paragraphs.next().unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    let message = match from_file {
        Some(file) => format!("{message} (set in {file})"),
        None => message.to_owned(),
    };
    let tip = paragraphs.find_map(|paragraph| paragraph.strip_prefix("tip: ").map(str::to_owned));
    Ok(Complaint::usage(message, tip.map_or("See what is possible with --help.".to_owned(), |tip| sentence(&tip))))
}

fn sentence(tip: &str) -> String {
    let mut letters = tip.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
