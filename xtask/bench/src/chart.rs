//! The tables of docs/performance.md as pictures: one bar for each row.

use std::fs;

use anyhow::{Context as _, anyhow, bail};
use plotters::prelude::{
    Color as _, IntoDrawingArea as _, IntoFont as _, RGBColor, Rectangle, SVGBackend, Text, WHITE,
};

use crate::{filters, flood, passwords, scale};
use xtask::repository_root;

const PAGE: &str = "docs/performance.md";

/// The command of a table, the column that is drawn, what it says, and the file.
const CHARTS: [(&str, &str, &str, &str); 4] = [
    (
        filters::COMMAND,
        "median",
        "CPU time of a request without a filter, and what each filter adds; median, µs",
        "performance-request.svg",
    ),
    (
        scale::COMMAND,
        "median, µs",
        "CPU time of a request by the size of the configuration, median, µs",
        "performance-scale.svg",
    ),
    (
        passwords::COMMAND,
        "in the VM",
        "CPU time of one verification in the VM",
        "performance-passwords.svg",
    ),
    // The first of that name is that of who needs no password.
    (
        flood::COMMAND,
        "p99",
        "Requests that need no password, while others log in: 99th percentile, ms",
        "performance-flood.svg",
    ),
];

const WIDTH: u32 = 860;
const ROW: u32 = 26;
/// Where the bars begin, and how long the longest is.
const LABELS: i32 = 420;
const BARS: f64 = 360.0;
const BAR: RGBColor = RGBColor(0x2f, 0x6f, 0xb4);
const INK: RGBColor = RGBColor(0x1a, 0x1c, 0x1e);

/// Draws every table of the page.
pub(crate) fn draw_all() -> anyhow::Result<()> {
    let page = repository_root().join(PAGE);
    let text = fs::read_to_string(&page).with_context(|| format!("{PAGE} cannot be read"))?;
    for (command, column, title, file) in CHARTS {
        let bars = bars(&text, command, column)?;
        let picture = draw(title, &bars).map_err(|error| anyhow!("{file}: {error}"))?;
        fs::write(page.with_file_name(file), picture)?;
        xtask::say!("docs/{file}");
    }
    Ok(())
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq)]
struct Bar {
    name: String,
    /// As the table has it.
    label: String,
    length: f64,
}

impl Bar {
    /// `None` for a cell without a number.
    fn of(name: &str, cell: &str) -> Option<Self> {
        let (number, unit) = cell.split_once(' ').unwrap_or((cell, ""));
        let number: f64 = number.replace(',', "").parse().ok()?;
        Some(Self {
            name: name.to_owned(),
            label: cell.to_owned(),
            length: if unit == "ms" {
                number * 1000.0
            } else {
                number
            },
        })
    }
}

/// The rows of a command's table that have a number in a column.
fn bars(page: &str, command: &str, column: &str) -> anyhow::Result<Vec<Bar>> {
    let begin = format!("<!-- {command}: begin");
    let (_, section) = page
        .split_once(&begin)
        .with_context(|| format!("{PAGE} has no table of `{command}`"))?;
    let rows = section.lines().skip_while(|line| !line.starts_with('|'));
    let mut rows = rows.take_while(|line| line.starts_with('|')).map(cells);
    let head = rows.next().unwrap_or_default();
    let Some(at) = head.iter().position(|name| *name == column) else {
        bail!(
            "the table of `{command}` has no column `{column}`, but {}",
            head.join(" | ")
        );
    };
    // Behind the rule.
    let rows = rows.skip(1);
    Ok(rows
        .filter_map(|row| Bar::of(row.first()?, row.get(at)?))
        .collect())
}

fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split('|').map(str::trim).collect()
}

fn draw(title: &str, bars: &[Bar]) -> Result<String, Box<dyn std::error::Error>> {
    let mut picture = String::new();
    let rows = u32::try_from(bars.len())?;
    let area = SVGBackend::with_string(&mut picture, (WIDTH, (rows + 2) * ROW)).into_drawing_area();
    area.fill(&WHITE)?;
    let font = |size: i32| ("sans-serif", size).into_font().color(&INK);
    area.draw(&Text::new(title.to_owned(), (10, 8), font(17)))?;
    let longest = bars
        .iter()
        .map(|bar| bar.length)
        .fold(f64::MIN_POSITIVE, f64::max);
    let row_height = i32::try_from(ROW)?;
    let mut top = row_height + row_height / 2;
    for Bar {
        name,
        label,
        length,
    } in bars
    {
        #[expect(clippy::cast_possible_truncation, reason = "within the picture")]
        let end = LABELS + (length / longest * BARS).round() as i32;
        area.draw(&Text::new(name.clone(), (10, top + 4), font(13)))?;
        let corners = [(LABELS, top + 3), (end, top + row_height - 4)];
        area.draw(&Rectangle::new(corners, BAR.filled()))?;
        area.draw(&Text::new(label.clone(), (end + 6, top + 4), font(13)))?;
        top += row_height;
    }
    area.present()?;
    drop(area);
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<!-- x: begin, written -->\n\ntext\n\n| what | µs | time |\n| --- | --: | --: |\n| a | 1,000.5 | |\n| b | 2 | 3 ms |\n";

    #[test]
    fn rows_with_a_number_are_bars() {
        let found = |column| bars(PAGE, "x", column).unwrap();
        let bar = |name: &str, cell: &str| Bar::of(name, cell).unwrap();
        assert_eq!(found("µs"), [bar("a", "1,000.5"), bar("b", "2")]);
        assert_eq!(found("time"), [bar("b", "3 ms")]);
        assert_eq!(
            (found("µs")[0].length, found("time")[0].length),
            (1000.5, 3000.0)
        );
        let error = bars(PAGE, "x", "s").unwrap_err().to_string();
        assert_eq!(
            error,
            "the table of `x` has no column `s`, but what | µs | time"
        );
    }

    #[test]
    fn the_longest_bar_is_that_of_the_highest_number() {
        let bars = [("a", "1"), ("<b>", "4")].map(|(name, cell)| Bar::of(name, cell).unwrap());
        let picture = draw("title", &bars).unwrap();
        let widths = picture
            .split("width=\"")
            .skip(3)
            .filter_map(|rest| rest.split('"').next());
        assert_eq!(widths.collect::<Vec<_>>(), ["90", "360"]);
        assert!(picture.contains("&lt;b&gt;"), "{picture}");
    }

    /// Whoever writes a table draws it, too.
    #[test]
    fn the_pictures_are_those_of_the_page() {
        let folder = repository_root().join("docs");
        let page = fs::read_to_string(folder.join("performance.md")).unwrap();
        for (command, column, title, file) in CHARTS {
            let picture = draw(title, &bars(&page, command, column).unwrap()).unwrap();
            let kept = fs::read_to_string(folder.join(file)).unwrap();
            assert!(kept == picture, "{file}: run `cargo xtask bench draw`");
            assert!(page.contains(&format!("]({file})")), "{file} is not shown");
        }
    }
}
