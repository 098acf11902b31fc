//! Tables as plain text: columns set apart by blanks, no frames, so that `awk` and `cut` read them too.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// A table with a header. Columns named in `right` hold numbers.
pub(super) fn list(
    header: &[&str],
    right: &[usize],
    rows: impl IntoIterator<Item = Vec<String>>,
    none: &str,
) -> String {
    let mut table = plain();
    table.set_header(header.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    if table.is_empty() {
        return format!("{none}\n");
    }
    for column in right {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    finish(&table)
}

/// Names and values, one a line.
pub(super) fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut table = plain();
    for (name, value) in pairs {
        table.add_row([name.to_owned(), value]);
    }
    finish(&table)
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    // A key id broken over two lines cannot be copied.
    table.set_content_arrangement(ContentArrangement::Disabled);
    table
}

fn finish(table: &Table) -> String {
    let mut text = String::new();
    for line in table.lines() {
        let line = line.trim_end();
        text.push_str(line.strip_prefix(' ').unwrap_or(line));
        text.push('\n');
    }
    text
}
