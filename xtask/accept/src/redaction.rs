//! What may not stand in a report, which is fit to be shown to anybody.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;

/// What a secret looks like, whosever it is, and what stands in its place.
const PATTERNS: [(&str, &str); 6] = [
    (r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}", "(key ID)"),
    (r"\bsk_[A-Za-z0-9_]+", "(WorkOS key)"),
    (r"\bwhsec_[A-Za-z0-9_+/=-]+", "(webhook secret)"),
    (r"\beyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]+){1,2}", "(token)"),
    (r"/link/[A-Za-z0-9_-]{20,}", "/link/(secret)"),
    // Whatever is as long as an account's number: other numbers of this length are not worth the risk.
    (r"(?:^|\b|[^0-9])([0-9]{12})(?:$|\b|[^0-9])", "(account)"),
];

/// Takes out of texts what may not stand there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redaction {
    known: Vec<(String, &'static str)>,
}

impl Redaction {
    /// Keeps a text out from now on, in each form that it takes in requests and answers. `instead` stands in its place.
    pub(crate) fn hides(&mut self, text: &str, instead: &'static str) {
        if text.len() < 4 || self.known.iter().any(|(known, _)| known == text) {
            return;
        }
        let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        for form in [text.to_owned(), encoded, STANDARD.encode(text)] {
            self.known.push((form, instead));
        }
        // What contains another goes first.
        self.known.sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
    }

    /// The text without what may not stand in it.
    pub(crate) fn of(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (form, instead) in &self.known {
            text = text.replace(form.as_str(), instead);
        }
        for (pattern, instead) in PATTERNS {
            let Ok(pattern) = Regex::new(pattern) else { continue };
            // What stands around a number stays.
            while let Some(found) = pattern.captures(&text) {
                let range = found.get(found.len() - 1).map(|group| group.range());
                let Some(range) = range else { break };
                text.replace_range(range, instead);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Something that may not be shown, of each kind.
    fn canary() -> impl Strategy<Value = (String, bool)> {
        prop_oneof![
            ("[0-9]{12}", any::<bool>()),
            ("sk_test_[A-Za-z0-9]{8,40}", Just(false)),
            ("A(KIA|SIA)[A-Z0-9]{16}", Just(false)),
            ("whsec_[A-Za-z0-9+/]{20,40}", Just(false)),
            ("eyJ[A-Za-z0-9_-]{10,40}\\.[A-Za-z0-9_-]{10,40}\\.[A-Za-z0-9_-]{10,40}", Just(false)),
            // No pattern knows a secret access key, a session's token or a client secret: the run does.
            ("[A-Za-z0-9+/&=% ]{20,60}", Just(true)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn nothing_that_may_not_be_shown_gets_through_wherever_it_stands(
            (canary, is_known) in canary(),
            before in "[a-z :/._\"-]{0,12}",
            after in "[ :/.,\"'?&]{0,12}",
            form in 0..3_usize,
        ) {
            let mut redaction = Redaction::default();
            if is_known {
                redaction.hides(&canary, "(secret)");
            }
            let encoded: String = url::form_urlencoded::byte_serialize(canary.as_bytes()).collect();
            // Only what is known is looked for in other forms.
            let written = [canary.clone(), encoded, STANDARD.encode(&canary)][if is_known { form } else { 0 }].clone();
            let separated = if before.ends_with(|last: char| last.is_ascii_lowercase() || last == '_') && !is_known {
                format!("{before} ")
            } else {
                before
            };
            let shown = redaction.of(&format!("{separated}{written}{after}"));
            prop_assert!(!shown.contains(&canary) && !shown.contains(&written), "{shown}");
        }
    }

    #[test]
    fn what_is_not_secret_stays() {
        let mut redaction = Redaction::default();
        redaction.hides("222222222222", "(tenant's account)");
        let text = "arn:aws:iam::222222222222:role/x of 111111111111 at 1764500000000 took 1234567890123 ns";
        let shown = "arn:aws:iam::(tenant's account):role/x of (account) at 1764500000000 took 1234567890123 ns";
        assert_eq!(redaction.of(text), shown);
        assert_eq!(
            redaction.of("conn_01ABC and org_test_idp in eu-west-1_AbC"),
            "conn_01ABC and org_test_idp in eu-west-1_AbC"
        );
    }
}
