//! Tables as Xinference prints them, which is Python's `tabulate` in its `simple` style.

/// Formats rows under headers; scripts read these tables by column, so the widths are exact.
pub(crate) fn simple(headers: &[&str], rows: &[Vec<String>]) -> String {
    let cell = |row: &Vec<String>, column: usize| row.get(column).cloned().unwrap_or_default();
    let columns: Vec<Column> = headers
        .iter()
        .enumerate()
        .map(|(at, header)| Column::new(header, rows.iter().map(|row| cell(row, at))))
        .collect();
    let mut text = line(columns.iter().zip(headers).map(|(column, header)| column.pad(header)));
    text.push_str(&line(columns.iter().map(|column| "-".repeat(column.width))));
    for row in rows {
        let cells = columns.iter().enumerate().map(|(at, column)| column.pad(&cell(row, at)));
        text.push_str(&line(cells));
    }
    text
}

struct Column {
    width: usize,
    numeric: bool,
}

impl Column {
    fn new(header: &str, cells: impl Iterator<Item = String>) -> Self {
        // `tabulate` gives each header two columns of room more than it needs.
        let mut width = width(header) + 2;
        let mut numeric = true;
        let mut empty = true;
        for cell in cells {
            width = width.max(self::width(&cell));
            numeric &= cell.is_empty() || is_number(&cell);
            empty &= cell.is_empty();
        }
        Self { width, numeric: numeric && !empty }
    }

    fn pad(&self, text: &str) -> String {
        let room = " ".repeat(self.width.saturating_sub(width(text)));
        if self.numeric { format!("{room}{text}") } else { format!("{text}{room}") }
    }
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.collect();
    format!("{}\n", cells.join("  ").trim_end())
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// Whether Python's `int` reads the text, underscores between digits included.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty()
        && digits.split('_').all(|run| !run.is_empty() && run.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[&str], rows: &[&[&str]], expect: &str) {
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|&cell| cell.to_owned()).collect()).collect();
        assert_eq!(simple(headers, &rows), expect);
    }

    #[test]
    fn tables() {
        check(
            &["UID", "Type", "Name", "Format", "Size (in billions)", "Quantization"],
            &[
                &["vicuna", "LLM", "vicuna-v1.3", "ggufv2", "7", "Q4_K_M"],
                &["tiny", "LLM", "a-rather-long-name", "ggufv2", "0_5", "F32"],
            ],
            "\
UID     Type    Name                Format      Size (in billions)  Quantization
------  ------  ------------------  --------  --------------------  --------------
vicuna  LLM     vicuna-v1.3         ggufv2                       7  Q4_K_M
tiny    LLM     a-rather-long-name  ggufv2                     0_5  F32
",
        );
        check(&["A", "B"], &[&["x", ""]], "A    B\n---  ---\nx\n");
        check(&["UID"], &[&["7"], &["x"]], "UID\n-----\n7\nx\n");
    }
}
