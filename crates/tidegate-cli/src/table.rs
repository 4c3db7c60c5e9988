//! Columns as Go's text/tabwriter lays them out: each cell of a column padded to the widest one plus
//! two blanks, the last cell of a row as it is. Escape sequences take no room.

/// Cells separated by tabs, lines by line feeds; gives the aligned text.
pub fn align(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut widths = vec![0_usize; columns];
    for row in rows {
        // Only cells that a tab ends count towards their column.
        for (width, cell) in widths.iter_mut().zip(row.iter().take(row.len().max(1) - 1)) {
            *width = (*width).max(visible(cell));
        }
    }
    let mut text = String::new();
    for row in rows {
        let last = row.len().max(1) - 1;
        for (index, cell) in row.iter().enumerate() {
            text.push_str(cell);
            if index < last {
                let room = widths.get(index).copied().unwrap_or(0) + PADDING;
                text.push_str(&" ".repeat(room.saturating_sub(visible(cell))));
            }
        }
        text.push('\n');
    }
    text
}

/// Blanks between columns.
const PADDING: usize = 2;

/// How many columns of a terminal a text takes, escape sequences left out.
fn visible(text: &str) -> usize {
    let mut count = 0;
    let mut escaped = false;
    for character in text.chars() {
        match (escaped, character) {
            (false, '\u{1b}') => escaped = true,
            (true, 'm') => escaped = false,
            (true, _) => {}
            (false, _) => count += 1,
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_two_blanks() {
        let rows = [row(&["NAME", "KIND"]), row(&["├──a", "b"])];
        assert_eq!(align(&rows), "NAME  KIND\n├──a  b\n");
    }

    #[test]
    fn colours_take_no_room() {
        let rows = [row(&["\u{1b}[32mok\u{1b}[0m", "x"]), row(&["long", "y"])];
        assert_eq!(align(&rows), "\u{1b}[32mok\u{1b}[0m    x\nlong  y\n");
    }
}
