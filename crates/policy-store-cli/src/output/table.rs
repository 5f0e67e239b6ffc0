//! Aligned tables, without borders.

use anstyle::{AnsiColor, Color, Style};
use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, presets};

use super::{Page, plain};

/// A table under way.
pub struct Table(comfy_table::Table);

impl Table {
    /// A table with these headings. Without any, it has no heading.
    pub fn new(headings: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        // Whether colours are printed is decided where the page is printed.
        table.enforce_styling();
        table.style_text_only();
        if !headings.is_empty() {
            table.set_header(headings.iter().map(|heading| Cell::new(heading).add_attribute(Attribute::Dim)));
        }
        Self(table)
    }

    /// Adds a row of cells.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.0.add_row(cells);
    }

    /// Aligns a column to the right, for numbers.
    pub fn right(&mut self, column: usize) {
        if let Some(column) = self.0.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }

    /// Adds the table to a page, indented.
    pub fn print(mut self, indent: usize, page: &mut Page) {
        for column in self.0.column_iter_mut() {
            column.set_padding((0, 2));
        }
        for line in self.0.lines() {
            page.line(format!("{:indent$}{}", "", line.trim_end()));
        }
    }
}

/// A cell with text from the store.
pub fn cell(text: impl AsRef<str>) -> Cell {
    Cell::new(plain(text.as_ref()))
}

/// A cell in a style.
pub fn styled(style: Style, text: impl AsRef<str>) -> Cell {
    let mut cell = cell(text);
    if let Some(Color::Ansi(color)) = style.get_fg_color() {
        cell = cell.fg(match color {
            AnsiColor::Green => comfy_table::Color::DarkGreen,
            AnsiColor::Red => comfy_table::Color::DarkRed,
            _ => comfy_table::Color::DarkYellow,
        });
    }
    if style.get_effects().contains(anstyle::Effects::DIMMED) {
        cell = cell.add_attribute(Attribute::Dim);
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::super::Output;
    use super::super::color::ADDED;
    use super::*;

    #[test]
    fn columns_are_aligned_with_colours_too() {
        let output = Output::new(false, false);
        let mut page = output.page();
        let mut table = Table::new(&["name", "version"]);
        table.row([styled(ADDED, "a"), cell("1")]);
        table.row([cell("long name"), cell("20")]);
        table.right(1);
        table.print(2, &mut page);
        let stripped = anstream::adapter::strip_str(&page.text).to_string();
        assert_eq!(stripped, "  name       version\n  a                1\n  long name       20\n");
        assert!(page.text.contains("\u{1b}["), "{}", page.text);
    }
}
