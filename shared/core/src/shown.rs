//! What of a text from outside may be shown, to people and in logs: names of WorkOS's, reasons, what is wrong with a
//! request. Whoever writes such a text must not decide how what stands beside it looks.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, GeneralCategory},
};

/// The most characters of a name that are kept.
const LONGEST_NAME: usize = 128;
/// The most combining marks in a row: more than any language writes above and below one letter.
const MOST_MARKS: usize = 4;

/// Whether a character shows as itself: none that controls a terminal, the form or the direction of a text, or where a
/// line ends (Unicode: general categories Cc, Cf, Zl and Zp), and none that shows as nothing
/// (`Default_Ignorable_Code_Point`, and the blank of Braille).
pub fn is_shown(c: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator};
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    !matches!(category, Control | Format | LineSeparator | ParagraphSeparator)
        && !CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        && c != '\u{2800}'
}

fn is_mark(c: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark, SpacingMark};
    matches!(CodePointMapData::<GeneralCategory>::new().get(c), EnclosingMark | NonspacingMark | SpacingMark)
}

/// The characters of `text` as they may be shown, with `instead` in the place of each that may not. Of many combining
/// marks in a row the first ones stay, and at the beginning none: they would be written on what stands before it.
pub fn shown(text: &str, instead: Option<char>) -> impl Iterator<Item = char> {
    let mut marks = MOST_MARKS;
    text.chars().filter_map(move |c| if is_shown(c) { Some(c) } else { instead }).filter(move |c| {
        marks = if is_mark(*c) { marks + 1 } else { 0 };
        marks <= MOST_MARKS
    })
}

/// A name as people read it: 128 characters at most, and nothing but what shows. `None` where nothing is left.
pub fn name(text: &str) -> Option<String> {
    let shown: String = shown(text, None).take(LONGEST_NAME).collect();
    // A mark on a space that goes would be written on what stands before the name.
    let name = shown.trim_end().trim_start_matches(|c: char| c.is_whitespace() || is_mark(c));
    Some(name.to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(text: &str) -> String {
        shown(text, Some(' ')).collect()
    }

    #[test]
    fn what_controls_a_text_is_not_shown_and_what_people_write_is() {
        for hidden in [
            '\0',
            '\t',
            '\n',
            '\r',
            '\u{1b}',
            '\u{7f}',
            '\u{9b}',
            '\u{ad}',
            '\u{61c}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{feff}',
            '\u{fe0f}',
            '\u{115f}',
            '\u{3164}',
            '\u{e0041}',
            '\u{2800}',
        ] {
            assert!(!is_shown(hidden), "{hidden:?}");
        }
        for text in [
            "Acme, Inc. <b>",
            "Zoë",
            "Müller & Söhne",
            "شركة",
            "חברה",
            "株式会社",
            "कंपनी",
            "\u{1f600}",
            "Ye\u{302}\u{323}n",
        ] {
            assert_eq!((line(text).as_str(), name(text).as_deref()), (text, Some(text)));
        }
    }

    #[test]
    fn a_name_is_short_and_has_no_pile_of_marks_and_is_none_where_nothing_of_it_shows() {
        assert_eq!(name("  Acme\u{202e}gro.elpmaxe\r\n "), Some("Acmegro.elpmaxe".to_owned()));
        assert_eq!(name(&"ä".repeat(1000)).unwrap().chars().count(), 128);
        let piled = format!("a{}b{}", "\u{301}".repeat(100), "\u{301}\u{200b}".repeat(100));
        assert_eq!(name(&piled).unwrap(), format!("a{0}b{0}", "\u{301}".repeat(4)));
        for marked in ["\u{301}\u{301}Acme", " \u{301} \u{119da}Acme"] {
            assert_eq!(name(marked), Some("Acme".to_owned()), "no mark is written on what stands before it");
        }
        for nothing in ["", "  ", "\u{200b}\u{202e}\n", "\u{301}\u{301}"] {
            assert_eq!(name(nothing), None, "{nothing:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_what_is_shown_of_it_is_one_line_without_control(text in "\\PC{0,40}|\\p{C}{0,40}|\\p{M}{0,40}|.{0,200}") {
            for shown in [line(&text), name(&text).unwrap_or_default()] {
                prop_assert!(shown.chars().all(is_shown), "{shown:?}");
                let piles = shown.split(|c| !is_mark(c)).map(|marks| marks.chars().count());
                prop_assert!(piles.max() <= Some(MOST_MARKS), "{shown:?}");
                prop_assert!(!shown.starts_with(is_mark), "{shown:?}");
            }
            // Shown again it stays as it is.
            prop_assert_eq!(line(&line(&text)), line(&text));
        }
    }
}
