//! The model card of a version.

use std::fmt::Write;

/// A table of a card.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// Heads of the columns.
    pub columns: Vec<String>,
    /// Rows, each with as many cells.
    pub rows: Vec<Vec<String>>,
}

/// What a model is for, what it was made from and what it reaches (Mitchell et al., *Model cards for model reporting*, 2019).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Card {
    /// Name, and what it is in a few words.
    pub title: String,
    /// What it is for.
    pub purpose: String,
    /// How it was made, with the sources of published methods.
    pub method: String,
    /// What goes in.
    pub input: String,
    /// What comes out.
    pub output: String,
    /// What it was trained on.
    pub data: String,
    /// The data, source by source.
    pub sources: Table,
    /// The command that makes it again.
    pub command: Option<String>,
    /// How the figures were found.
    pub measured: String,
    /// The figures.
    pub figures: Table,
    /// What the gate said, and other remarks.
    pub remarks: Vec<String>,
    /// What it cannot do.
    pub limits: Vec<String>,
}

/// Text that cannot leave its line or its cell: names of sources come from outside.
fn tame(text: &str) -> String {
    let mut tamed = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' => tamed.push_str("\\|"),
            '<' => tamed.push_str("&lt;"),
            c if c.is_control() => tamed.push(' '),
            c => tamed.push(c),
        }
    }
    tamed
}

impl Table {
    fn write(&self, text: &mut String) {
        if self.rows.is_empty() {
            return;
        }
        let line = |cells: &[String]| {
            format!("| {} |\n", cells.iter().map(|c| tame(c)).collect::<Vec<_>>().join(" | "))
        };
        text.push_str(&line(&self.columns));
        let _ = writeln!(text, "|{}", "---|".repeat(self.columns.len()));
        for row in &self.rows {
            text.push_str(&line(row));
        }
        text.push('\n');
    }
}

impl Card {
    /// The card as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!("# {}\n\n", tame(&self.title));
        let _ = writeln!(text, "**For:** {}\n**Method:** {}\n", tame(&self.purpose), tame(&self.method));
        let _ = writeln!(
            text,
            "## Input and output\n- In: {}\n- Out: {}\n",
            tame(&self.input),
            tame(&self.output)
        );
        let _ = writeln!(text, "## Training data\n{}\n", tame(&self.data));
        self.sources.write(&mut text);
        if let Some(command) = &self.command {
            let _ = writeln!(text, "Trained again by\n```sh\n{command}\n```\n");
        }
        let _ = writeln!(text, "## Figures\n{}\n", tame(&self.measured));
        self.figures.write(&mut text);
        for (head, lines) in [("Remarks", &self.remarks), ("Limits", &self.limits)] {
            if !lines.is_empty() {
                let _ = writeln!(text, "## {head}");
                for line in lines {
                    let _ = writeln!(text, "- {}", tame(line));
                }
                text.push('\n');
            }
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_with_a_hostile_name_cannot_break_the_card() {
        let sources = Table {
            columns: vec!["source".into(), "pictures".into()],
            rows: vec![vec!["a|b\n## Figures\n<script>".into(), "3".into()]],
        };
        let card = Card { title: "room-tags".into(), sources, ..Card::default() }.markdown();
        assert_eq!(card.matches("\n## Figures").count(), 1, "{card}");
        assert!(card.contains("| a\\|b ## Figures &lt;script> | 3 |"), "{card}");
    }
}
