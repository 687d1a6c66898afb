//! Tables without lines, which copy and sort well.

use comfy_table::{ContentArrangement, Table, presets::NOTHING};

/// A table with a header. No cell is broken, so that each line is one row.
pub fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    text(&plain(header, rows))
}

/// How many columns of a terminal a table takes that fits.
const WIDTH: usize = 80;
/// How short a column may become.
const SHORTEST: usize = 8;

/// A table that fits 80 columns, unless the IDs alone are longer: the widest columns become shorter, and the last `ids` stay
/// whole.
pub fn fitting(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>, ids: usize) -> String {
    let mut rows: Vec<Vec<String>> = rows.into_iter().collect();
    let length = |text: &str| text.chars().count();
    let longest = |column: usize| rows.iter().map(|row| length(&row[column])).chain([length(header[column])]).max();
    let mut widths: Vec<usize> = (0..header.len()).filter_map(longest).collect();
    let between = 2 * header.len().saturating_sub(1);
    let shortened = header.len().saturating_sub(ids);
    while widths.iter().sum::<usize>() + between > WIDTH {
        let Some(widest) = widths[..shortened].iter_mut().filter(|width| **width > SHORTEST).max() else { break };
        *widest -= 1;
    }
    for cell in rows.iter_mut().flat_map(|row| row.iter_mut().zip(&widths)) {
        let (text, width) = cell;
        if length(text) > *width {
            *text = text.chars().take(width - 1).chain(['\u{2026}']).collect();
        }
    }
    table(header, rows)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_columns_become_shorter_until_the_table_fits_and_ids_stay_whole() {
        for (name, state) in [(3, 3), (30, 9), (200, 9), (200, 200), (40, 60)] {
            let id = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N";
            let rows = vec![vec!["n".repeat(name), "s".repeat(state), id.to_owned()]; 2];
            let shown = fitting(&["NAME", "STATE", "TENANT"], rows, 1);
            assert!(shown.lines().all(|line| line.chars().count() <= WIDTH), "{shown}");
            assert_eq!(shown.matches(id).count(), 2, "{shown}");
            let fits = name + state + id.len() + 4 <= WIDTH;
            assert_eq!(shown.contains('\u{2026}'), !fits, "{shown}");
            assert!(state > 9 || shown.contains(&"s".repeat(state)), "a short column gives nothing away: {shown}");
        }
        let long = fitting(&["NAME", "ID"], [vec!["n".repeat(90), "i".repeat(90)]], 1);
        assert!(long.contains(&"i".repeat(90)) && !long.contains(&"n".repeat(9)), "{long}");
    }
}
