//! Tables without lines, which copy and sort well.

use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use unicode_width::UnicodeWidthStr;

/// A table with a header. No cell is broken, so that each line is one row.
pub fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    text(&plain(header, rows))
}

/// How many columns of a terminal a table takes that fits.
pub const WIDTH: usize = 80;
/// How short a column may become.
const SHORTEST: usize = 8;

/// A table that fits 80 columns, unless what has to stay whole is longer: the widest columns become shorter, but for those
/// that `whole` names, IDs among them.
pub fn fitting(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>, whole: &[&str]) -> String {
    let mut rows: Vec<Vec<String>> = rows.into_iter().collect();
    let longest = |column: usize| rows.iter().map(|row| row[column].width()).chain([header[column].width()]).max();
    let mut widths: Vec<usize> = (0..header.len()).filter_map(longest).collect();
    let between = 2 * header.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + between > WIDTH {
        let shortened =
            widths.iter_mut().zip(header).filter(|(width, name)| !whole.contains(name) && **width > SHORTEST);
        let Some((widest, _)) = shortened.max_by_key(|(width, _)| **width) else { break };
        *widest -= 1;
    }
    for cell in rows.iter_mut().flat_map(|row| row.iter_mut().zip(&widths)) {
        let (text, width) = cell;
        if text.width() > *width {
            *text = shortened_to(text, *width);
        }
    }
    table(header, rows)
}

/// The beginning of a text, in so many columns of a terminal with the sign that it goes on.
fn shortened_to(text: &str, width: usize) -> String {
    let mut short = String::new();
    for c in text.chars() {
        short.push(c);
        if short.width() >= width {
            short.pop();
            break;
        }
    }
    format!("{short}\u{2026}")
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
            let shown = fitting(&["NAME", "STATE", "TENANT"], rows, &["TENANT"]);
            assert!(shown.lines().all(|line| line.chars().count() <= WIDTH), "{shown}");
            assert_eq!(shown.matches(id).count(), 2, "{shown}");
            let fits = name + state + id.len() + 4 <= WIDTH;
            assert_eq!(shown.contains('\u{2026}'), !fits, "{shown}");
            assert!(state > 9 || shown.contains(&"s".repeat(state)), "a short column gives nothing away: {shown}");
        }
        let wide = fitting(&["NAME", "ID"], [vec!["\u{682a}".repeat(60), "i".repeat(30)]], &["ID"]);
        assert!(wide.lines().all(|line| line.width() <= WIDTH) && wide.contains(&"\u{682a}".repeat(20)), "{wide}");
        let long = fitting(&["NAME", "ID"], [vec!["n".repeat(90), "i".repeat(90)]], &["ID"]);
        assert!(long.contains(&"i".repeat(90)) && !long.contains(&"n".repeat(9)), "{long}");
    }
}
