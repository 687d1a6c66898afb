//! What the pages for people have in common, those of the onboarding page and those of the console: how they look, how
//! something on them is copied, and how they write what others chose.

use causeway_core::{naming::Naming, timestamp::Timestamp};
use maud::{DOCTYPE, Markup, html};

/// The style.
pub const STYLE: &str = include_str!("page.css");
/// The script of [`copyable`].
pub const COPYING: &str = include_str!("copy.js");

/// A page as a whole. `own` are its style and its script.
pub fn document(title: &str, own: &Markup, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " – Causeway" }
                (own)
            }
            body { (body) }
        }
    }
}

/// A moment, for people.
pub fn moment(at: Timestamp) -> Markup {
    let text = at.to_string();
    html! { time datetime=(text) { (text[..10]) " " (text[11..16]) " UTC" } }
}

/// Something to be copied, with a button where there is a script.
pub fn copyable(id: &str, what: &str, text: &str) -> Markup {
    html! {
        div.copyable {
            // In the order of the keys, and so that what scrolls can be reached by them.
            pre id=(id) tabindex="0" role="region" aria-label=(what) { code { (text) } }
            button.quiet type="button" hidden data-copies=(id) { "Copy " span.visually-hidden { (what) } }
        }
    }
}

/// A connection as people know it. A name that reads from the right does so by itself, and turns nothing beside it.
pub fn called(naming: &Naming, id: &str) -> Markup {
    html! { bdi dir="ltr" { (naming.called(id)) } }
}

/// A rule or message as a sentence: with a capital, unless it begins with a name such as an ARN, and a full stop.
pub fn sentence(text: &str) -> String {
    let first_word = text.split_whitespace().next().unwrap_or_default();
    let is_word = first_word.chars().all(|c| c.is_ascii_lowercase() || c == ',' || c == '\'');
    let mut characters = text.chars();
    let first = characters.next().map(|first| if is_word { first.to_ascii_uppercase() } else { first });
    let stop = if text.ends_with(['.', '!', '?', '}', ':']) { "" } else { "." };
    format!("{}{}{stop}", first.map(String::from).unwrap_or_default(), characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn a_message_becomes_a_sentence_and_an_arn_stays_one() {
        assert_eq!(sentence("the pool has no domain"), "The pool has no domain.");
        assert_eq!(sentence("arn:aws:iam::1:role/A can't be assumed"), "arn:aws:iam::1:role/A can't be assumed.");
        assert_eq!(sentence("Try again."), "Try again.");
        assert_eq!(sentence(""), ".");
    }
}
