//! A table for the screen and for the documentation.

/// Rows of cells. The first column is text, the others are numbers.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<const N: usize>(head: [&str; N]) -> Self {
        Self {
            head: head.map(str::to_owned).to_vec(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn push<const N: usize>(&mut self, row: [String; N]) {
        self.rows.push(row.to_vec());
    }

    /// In columns.
    pub(crate) fn text(&self) -> String {
        let lines = self.lines();
        let line = |cells: &[String]| cells.join("  ").trim_end().to_owned() + "\n";
        lines.iter().map(|cells| line(cells)).collect()
    }

    /// In Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut lines = self.lines();
        let width = |cells: &[String], column: usize| cells[column].chars().count();
        let rule = (0..self.head.len()).map(|column| match column {
            0 => "-".repeat(width(&lines[0], column)),
            _ => "-".repeat(width(&lines[0], column) - 1) + ":",
        });
        lines.insert(1, rule.collect());
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        lines.iter().map(|cells| line(cells)).collect()
    }

    /// Head and rows, every cell as wide as its column.
    fn lines(&self) -> Vec<Vec<String>> {
        let all = || std::iter::once(&self.head).chain(&self.rows);
        let width = |column: usize| all().map(|row| row[column].chars().count()).max();
        let pad = |(column, cell): (usize, &String)| {
            let width = width(column).unwrap_or(0);
            match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            }
        };
        all()
            .map(|row| row.iter().enumerate().map(pad).collect())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["what", "µs"]);
        table.push(["no filter".to_owned(), "12.34".to_owned()]);
        assert_eq!(table.text(), "what          µs\nno filter  12.34\n");
        assert_eq!(
            table.markdown(),
            "| what      |    µs |\n| --------- | ----: |\n| no filter | 12.34 |\n"
        );
    }
}
