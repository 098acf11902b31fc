//! A document of some parts, put into the one that is there: what was not measured again stays as it was found, and each
//! part that was says of which revision it is.

/// The headings that are not of a part.
const TARGETS: &str = "Targets";
const CONDITIONS: &str = "Measured on";

/// `whole`, with what `parts` says anew. Its conditions stay those of the run that measured all of it.
pub(super) fn put(whole: &str, parts: &str) -> String {
    let (preface, mut sections) = split(whole);
    let (_, new) = split(parts);
    let conditions = new.iter().find(|(title, _)| title == CONDITIONS).map_or("", |(_, text)| text);
    let revision = conditions.lines().find_map(|line| line.strip_prefix("- revision ")).unwrap_or("unknown");
    let rounds = conditions.lines().find_map(|line| line.strip_prefix("- medians of ")?.split(' ').next());
    let note = format!("\nMeasured again at revision {revision}, {} rounds.\n", rounds.unwrap_or("some"));
    for (title, text) in &new {
        let place = sections.iter_mut().find(|(known, _)| known == title);
        match (title.as_str(), place) {
            (CONDITIONS, _) => {}
            (TARGETS, Some((_, known))) => *known = rows(known, text),
            (_, Some((_, known))) => *known = format!("{}{note}", text.trim_end_matches('\n').to_owned() + "\n"),
            (_, None) => sections.push((title.clone(), format!("{text}{note}"))),
        }
    }
    let sections: String =
        sections.iter().map(|(title, text)| format!("\n## {title}\n{}\n", text.trim_end())).collect();
    format!("{}\n{sections}", preface.trim_end())
}

/// What comes before the first heading, and what under each.
fn split(document: &str) -> (String, Vec<(String, String)>) {
    let mut pieces = document.split("\n## ");
    let preface = pieces.next().unwrap_or("").to_owned();
    let sections = pieces.map(|piece| {
        let (title, text) = piece.split_once('\n').unwrap_or((piece, ""));
        (title.to_owned(), text.to_owned())
    });
    (preface, sections.collect())
}

/// The rows of `known`, those that `new` has too as they are there, and the rest of `new` at the end.
fn rows(known: &str, new: &str) -> String {
    let figure = |row: &str| row.split('|').nth(1).map(|cell| cell.trim().to_owned());
    let mut left: Vec<&str> = new.lines().filter(|line| line.starts_with('|')).collect();
    let mut out = String::new();
    for line in known.lines() {
        let at = left.iter().position(|row| line.starts_with('|') && figure(row) == figure(line));
        out += at.map_or(line, |at| left.remove(at));
        out.push('\n');
    }
    left.iter().for_each(|row| out += &format!("{row}\n"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "# P\n\nWritten.\n\n## Targets\n\n| figure | measured |\n| --- | ---: |\n| a | 1 |\n| b | 2 |\n\n## \
                         Measured on\n\n- revision old\n- medians of 5 rounds\n\n## A\n\nold a\n\n## B\n\nold b\n";

    #[test]
    fn what_was_measured_again_is_replaced_and_dated_and_the_rest_stays() {
        let parts = "# P\n\nWritten.\n\n## Targets\n\n| figure | measured |\n| --- | ---: |\n| b | 3 |\n| c | 4 |\n\n## \
                     Measured on\n\n- revision new\n- medians of 7 rounds; more\n\n## B\n\nnew b\n\n## C\n\nnew c\n";
        let merged = put(WHOLE, parts);
        assert_eq!(
            merged,
            "# P\n\nWritten.\n\n## Targets\n\n| figure | measured |\n| --- | ---: |\n| a | 1 |\n| b | 3 |\n| c | 4 |\n\n## \
             Measured on\n\n- revision old\n- medians of 5 rounds\n\n## A\n\nold a\n\n## B\n\nnew b\n\nMeasured again at \
             revision new, 7 rounds.\n\n## C\n\nnew c\n\nMeasured again at revision new, 7 rounds.\n"
        );
        // Once more: what was added once is not added twice.
        assert_eq!(put(&merged, parts), merged);
    }
}
