//! The commands of a page of the documents, as somebody would type them who follows it from top to bottom.

/// What stands before commands that can't run on the local cloud. The reason follows, up to the end of the line.
pub const LEFT_OUT: &str = "*Not on the local cloud:* ";

/// One block of commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// The section that it is in.
    pub section: String,
    /// The commands, without the indentation that lists have.
    pub commands: String,
    /// Why they can't run on the local cloud, where the page says that they can't.
    pub left_out: Option<String>,
    /// What the page says that they answer.
    pub answer: Option<String>,
}

/// The blocks of shell commands of a page, in order.
#[must_use]
pub fn blocks(page: &str) -> Vec<Block> {
    fenced(page, "sh")
}

/// The blocks of a language.
#[must_use]
pub fn fenced(page: &str, language: &str) -> Vec<Block> {
    let fence = format!("```{language}");
    let (mut blocks, mut section, mut left_out): (Vec<Block>, _, _) = (Vec::new(), String::new(), None);
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let text = line.trim();
        if let Some(name) = text.strip_prefix("## ") {
            name.clone_into(&mut section);
        } else if let Some(reason) = text.strip_prefix(LEFT_OUT) {
            left_out = Some(reason.to_owned());
        } else if text == fence {
            let indentation = line.len() - line.trim_start().len();
            let body = lines.by_ref().take_while(|line| line.trim() != "```");
            let commands = body.map(|line| line.get(indentation..).unwrap_or_default()).collect::<Vec<_>>().join("\n");
            blocks.push(Block { section: section.clone(), commands, left_out: left_out.take(), answer: None });
        } else if text.starts_with("```") {
            lines.by_ref().find(|line| line.trim() == "```");
        } else if let Some(answer) = text.strip_prefix("answers `").and_then(|rest| rest.split('`').next())
            && let Some(last) = blocks.last_mut()
        {
            last.answer = Some(answer.to_owned());
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_with_what_the_page_says_of_them() {
        let page = "# A\n\n## B\n\n1. c\n\n   ```sh\n   d \\\n     e\n   ```\n\n   answers `f`. g\n\n```json\n```sh\n```\n\
                    *Not on the local cloud:* h.\n\n```sh\ni\n```\n\n```sh\nj\n```\n";
        let block = |commands: &str, left_out: Option<&str>, answer: Option<&str>| Block {
            section: "B".to_owned(),
            commands: commands.to_owned(),
            left_out: left_out.map(str::to_owned),
            answer: answer.map(str::to_owned),
        };
        let expected = [block("d \\\n  e", None, Some("f")), block("i", Some("h."), None), block("j", None, None)];
        assert_eq!(blocks(page), expected);
    }
}
