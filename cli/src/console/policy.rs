//! What a page of the console may do in a browser: nothing but look like itself and copy.

use base64::{Engine, engine::general_purpose::STANDARD};
use causeway_page::{COPYING, STYLE};
use http::{HeaderName, HeaderValue, header};
use maud::{Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

/// The style of what only the console has.
const OWN_STYLE: &str = include_str!("console.css");

/// The source of a policy that lets in this text and no other.
pub fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

fn style() -> String {
    format!("{STYLE}\n{OWN_STYLE}")
}

/// The style and the script, in the page itself: nothing is loaded.
pub fn own() -> Markup {
    html! {
        style { (PreEscaped(style())) }
        script type="module" { (PreEscaped(COPYING)) }
    }
}

/// What every answer carries.
pub fn headers() -> Vec<(HeaderName, HeaderValue)> {
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
        hash(&style()),
        hash(COPYING)
    );
    let constant = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    let constant = constant.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value)));
    // Letters, digits and quotes: what can't be a header is not there.
    let policy = HeaderValue::from_str(&policy).ok().map(|policy| (header::CONTENT_SECURITY_POLICY, policy));
    constant.chain(policy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_may_run_and_wear_what_it_was_given_and_nothing_else() {
        let headers = headers();
        let policy = headers.iter().find(|(name, _)| name == header::CONTENT_SECURITY_POLICY).unwrap();
        let policy = policy.1.to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("'self'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"), "{policy}");
        // What ends an element would end what the hash is of.
        assert!(!style().contains("</") && !COPYING.contains("</"));
    }
}
