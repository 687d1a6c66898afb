//! Domains and addresses, as far as it matters whether two are the same.

use std::collections::BTreeSet;

use idna::{
    AsciiDenyList,
    uts46::{DnsLength, Hyphens, Uts46},
};
use serde::{Deserialize, Serialize};

use crate::connection::OrganizationDomain;

/// A domain in its ASCII form (UTS 46, non-transitional, with the ASCII rules of STD 3), in which two domains are
/// the same or not; `None` where it is no domain.
///
/// UTS 46 takes some characters beyond ASCII for ASCII ones, such as the Kelvin sign for `k` and `。` for a dot, and
/// passes over others. Who writes such a domain means to be taken for another, so that it counts as none.
pub fn ascii(domain: &str) -> Option<String> {
    if domain.chars().any(stands_for_ascii) {
        return None;
    }
    let ascii =
        Uts46::new().to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify);
    ascii.ok().map(Into::into)
}

/// Whether UTS 46 makes characters of ASCII, or nothing, out of one that is beyond ASCII.
fn stands_for_ascii(character: char) -> bool {
    if character.is_ascii() {
        return false;
    }
    let mut bytes = [0; 4];
    let text = character.encode_utf8(&mut bytes).as_bytes();
    let mapped = Uts46::new().to_ascii(text, AsciiDenyList::EMPTY, Hyphens::Allow, DnsLength::Ignore);
    mapped.is_ok_and(|mapped| !mapped.starts_with("xn--"))
}

/// The domains that WorkOS verified for an organization, each once and in its ASCII form. What has none vouches for
/// nothing and is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VerifiedDomains(BTreeSet<String>);

impl VerifiedDomains {
    /// Those of `domains` that are verified.
    pub fn of(domains: &[OrganizationDomain]) -> Self {
        let verified = domains.iter().filter(|domain| domain.is_verified());
        Self(verified.filter_map(|domain| ascii(&domain.domain)).collect())
    }

    /// Whether `email` is an address at one of them: one `@`, a dot-atom before it (RFC 5322, 3.2.3), and after it a
    /// domain that is the same. Anything else can be read as an address at another domain by somebody.
    pub fn vouch_for(&self, email: &str) -> bool {
        let Some((local, domain)) = email.split_once('@') else { return false };
        is_dot_atom(local) && ascii(domain).is_some_and(|domain| self.0.contains(&domain))
    }

    /// The domains, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn is_dot_atom(text: &str) -> bool {
    let is_atom_text = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::connection::DomainState;

    fn is_verified(email: &str, domain: &str) -> bool {
        let domain = OrganizationDomain { domain: domain.to_owned(), state: DomainState::Verified };
        VerifiedDomains::of(&[domain]).vouch_for(email)
    }

    #[test]
    fn an_address_is_verified_where_its_domain_is_the_same_by_idna() {
        for (email, domain) in [
            ("ann@example.com", "example.com"),
            ("ann@EXAMPLE.com", "Example.COM"),
            ("ann@müller.test", "xn--mller-kva.test"),
            ("ann@xn--mller-kva.test", "müller.test"),
            ("ann@MÜLLER.test", "müller.test"),
            ("ann@mu\u{308}ller.test", "müller.test"),
            ("ann@straße.test", "xn--strae-oqa.test"),
            ("o'neil+a.b@example.com", "example.com"),
        ] {
            assert!(is_verified(email, domain), "{email} at {domain}");
        }
    }

    #[test]
    fn what_somebody_can_read_as_an_address_elsewhere_is_not_verified() {
        for email in [
            "ceo@victim.test@acme.test",
            "ceo@victim.test,x@acme.test",
            "\"ceo@victim.test\"@acme.test",
            "\"ceo\"@acme.test",
            "a b@acme.test",
            "ann<x@acme.test",
            "ann@acme.test>",
            "ann@acme.test.",
            "ann@acme.test ",
            " ann@acme.test",
            "ann@sub.acme.test",
            "ann@acme.test\u{0}",
            "ann@[acme.test]",
            "ann@",
            "@acme.test",
            ".ann@acme.test",
            "ann.@acme.test",
            "a..b@acme.test",
            "jürgen@acme.test",
            "acme.test",
            "ann@ac\u{ad}me.test",
            "ann@ａｃｍｅ.test",
            "ann@acme。test",
            "ann@acme\u{2024}test",
            "",
        ] {
            assert!(!is_verified(email, "acme.test"), "{email}");
        }
        assert!(!is_verified("ann@\u{212a}elvin.test", "kelvin.test"), "a Kelvin sign");
        assert!(!is_verified("ann@strasse.test", "straße.test"), "two domains");
        assert!(!is_verified("ann@", ""), "no domain");
    }

    #[test]
    fn only_a_domain_that_workos_verified_vouches_for_anything() {
        let vouches = |state| {
            let domain = OrganizationDomain { domain: "acme.test".to_owned(), state };
            VerifiedDomains::of(&[domain]).vouch_for("ann@acme.test")
        };
        assert!(vouches(DomainState::Verified) && vouches(DomainState::LegacyVerified));
        assert!(!vouches(DomainState::Other));
        assert!(!VerifiedDomains::default().vouch_for("ann@acme.test"));
    }

    proptest! {
        #[test]
        fn a_verified_address_has_one_at_sign_and_a_domain_of_the_same_ascii_form(
            email in "[a.@\" ,ü\\u{212a}]{0,6}@?(acme|ＡCME|\\u{212a}elvin)\\.test", domain in "(acme|kelvin)\\.test",
        ) {
            if is_verified(&email, &domain) {
                prop_assert_eq!(email.matches('@').count(), 1);
                prop_assert!(email.is_ascii() && email.to_lowercase().ends_with(&format!("@{domain}")), "{}", email);
            }
        }

        #[test]
        fn an_ascii_form_is_its_own(domain in "\\PC{0,12}(\\.\\PC{1,6})?") {
            if let Some(form) = ascii(&domain) {
                prop_assert!(form.is_ascii() && !form.is_empty());
                prop_assert_eq!(ascii(&form), Some(form));
            }
        }
    }
}
