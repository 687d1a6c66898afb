//! Tables without lines, which copy and sort well.

use comfy_table::{ContentArrangement, Table, presets::NOTHING};

/// A table with a header. No cell is broken, so that each line is one row.
pub fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    text(&plain(header, rows))
}

/// A table that is `width` columns wide at most: long cells are broken.
pub fn wrapped_table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>, width: u16) -> String {
    let mut table = plain(header, rows);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    text(&table)
}

/// Names and values under each other.
pub fn details(rows: &[(&str, String)]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    for (name, value) in rows {
        table.add_row([*name, value.as_str()]);
    }
    text(&table)
}

fn plain(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    table
}

fn text(table: &Table) -> String {
    let lines = table.lines().map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(&line).trim_end()));
    lines.collect()
}
