//! The commands of a page of the documents, as somebody would type them who follows it from top to bottom.

/// What stands before commands that can't run on the local cloud. The reason follows, up to the end of the line.
pub const LEFT_OUT: &str = "*Not on the local cloud:* ";
/// What the reason has where the commands do run there, with something at their end: what that is follows, in backticks.
const RUN_WITH: &str = "It is run with `";
/// What stands for anything in what a page says that commands print.
const ANYTHING: &str = "...";

/// One block of commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// The section that it is in.
    pub section: String,
    /// The commands, without the indentation that lists have.
    pub commands: String,
    /// Why they can't run on the local cloud, where the page says that they can't.
    pub left_out: Option<String>,
    /// What they have at their end on the local cloud, where the page says that they can't run there as they stand.
    pub run_with: Option<String>,
    /// What the page says that they answer.
    pub answer: Option<String>,
    /// Lines that the page says that they print, in this order and among others.
    pub prints: Vec<String>,
    /// The exit code of the last command.
    pub exit_code: i32,
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
    let mut says_what_is_printed = false;
    while let Some(line) = lines.next() {
        let text = line.trim();
        let indentation = line.len() - line.trim_start().len();
        let mut body = || -> Vec<&str> {
            let lines = lines.by_ref().take_while(|line| line.trim() != "```");
            lines.map(|line| line.get(indentation..).unwrap_or_default()).collect()
        };
        if let Some(name) = heading(text) {
            name.clone_into(&mut section);
        } else if let Some(reason) = text.strip_prefix(LEFT_OUT) {
            left_out = Some(reason.to_owned());
        } else if text == fence {
            let mut commands = body().join("\n");
            let run_with = left_out.as_deref().and_then(run_with).map(str::to_owned);
            if let Some(more) = &run_with {
                commands = format!("{commands} {more}");
                left_out = None;
            }
            let (section, left_out) = (section.clone(), left_out.take());
            blocks.push(Block { section, commands, left_out, run_with, ..Block::default() });
        } else if text.starts_with("```") {
            let body = body();
            if let Some(last) = blocks.last_mut().filter(|_| says_what_is_printed) {
                last.prints = body.into_iter().map(str::to_owned).collect();
            }
        } else if let Some(last) = blocks.last_mut() {
            if let Some(answer) = text.strip_prefix("answers `").and_then(|rest| rest.split('`').next()) {
                last.answer = Some(answer.to_owned());
            }
            if text.starts_with("prints") || text.starts_with("ends with") {
                last.exit_code = exit_code(text);
            }
        }
        if !text.is_empty() {
            says_what_is_printed = text.starts_with("prints");
        }
    }
    blocks
}

/// What commands have at their end on the local cloud, where the reason says so.
fn run_with(reason: &str) -> Option<&str> {
    reason.split_once(RUN_WITH)?.1.split('`').next()
}

/// The name of a section, or of one in it.
fn heading(line: &str) -> Option<&str> {
    line.strip_prefix("## ").or_else(|| line.strip_prefix("### "))
}

fn exit_code(line: &str) -> i32 {
    let after = line.split("exit code ").nth(1).unwrap_or_default();
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_default()
}

/// The first of the lines that was not printed, where one was not. Lines are looked for in their order, among others;
/// `...` stands for anything, and the width of columns is of no interest.
#[must_use]
pub fn missing<'a>(expected: &'a [String], printed: &str) -> Option<&'a str> {
    let mut lines = printed.lines().map(plain);
    expected.iter().map(String::as_str).filter(|line| !line.trim().is_empty()).find(|wanted| {
        // At its end it stands for nothing too.
        let wanted = plain(wanted).replace(" ...", "...");
        !lines.any(|line| fits(&wanted, &line))
    })
}

fn plain(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn fits(wanted: &str, line: &str) -> bool {
    let Some((first, rest)) = wanted.split_once(ANYTHING) else { return wanted == line };
    let Some(mut left) = line.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split(ANYTHING).collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some((_, after)) = left.split_once(part) else { return false };
        left = after;
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_with_what_the_page_says_of_them() {
        let page = "# A\n\n## B\n\n1. c\n\n   ```sh\n   d \\\n     e\n   ```\n\n   answers `f`. g\n\n```json\n```sh\n```\n\
                    *Not on the local cloud:* h.\n\n```sh\ni\n```\n\n*Not on the local cloud:* l. It is run with `--m 1` at \
                    its end.\n\n```sh\nn\n```\n\n### C\n\n```sh\nj\n```\n\nprints, with exit code 6,\n\n\
                    ```text\nk ... l\n```\n\n```text\nm\n```\n";
        let block = |section: &str, commands: &str| Block {
            section: section.to_owned(),
            commands: commands.to_owned(),
            ..Block::default()
        };
        let expected = [
            Block { answer: Some("f".to_owned()), ..block("B", "d \\\n  e") },
            Block { left_out: Some("h.".to_owned()), ..block("B", "i") },
            Block { run_with: Some("--m 1".to_owned()), ..block("B", "n --m 1") },
            Block { prints: vec!["k ... l".to_owned()], exit_code: 6, ..block("C", "j") },
        ];
        assert_eq!(blocks(page), expected);
    }

    #[test]
    fn what_is_printed_is_looked_for_line_by_line_and_in_order() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let printed = "a\nhealth    ok, since 12:00\n  b  c\n";
        for there in
            ["a", "health ok, since ...", "a\n\nb c", "... since ...\n b c", "h...k, ...0", "b c ...", "...", ""]
        {
            assert_eq!(missing(&lines(there), printed), None, "{there}");
        }
        for (absent, first) in [
            ("b c\na", "a"),
            ("health ok", "health ok"),
            ("health denied, ...", "health denied, ..."),
            ("a\na", "a"),
            ("... d ...", "... d ..."),
            ("aa...a", "aa...a"),
            ("h...k, ...1", "h...k, ...1"),
        ] {
            assert_eq!(missing(&lines(absent), printed), Some(first), "{absent}");
        }
    }
}
