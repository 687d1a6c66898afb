//! The connections of a pool, as the page shows them: by their names, which customers choose.

use causeway_core::{
    claim::Claim, connection::ConnectionState, naming::Naming, timestamp::Timestamp, user_pool::UserPool,
};
use causeway_page::called;
use maud::{Markup, html};

/// How many connections a list shows: as many as a pool may have identity providers (Service Quotas, L-1B44D826).
const MOST_SHOWN: usize = 1_000;

/// A connection as people know it.
fn known(claim: &Claim, now: Timestamp) -> Markup {
    called(&Naming::of(claim, now), claim.connection_id.as_str())
}

/// What is said of the connections that a list leaves out.
fn left_out(all: usize) -> Markup {
    let more = all.saturating_sub(MOST_SHOWN);
    html! { @if more > 0 { p { "And " (more) " more: the operator has the whole list." } } }
}

/// The identity providers that Causeway made in a pool.
pub fn providers(pool: &UserPool, claims: &[Claim], now: Timestamp) -> Markup {
    listed(pool.run.last_run.is_none(), claims, now)
}

fn listed(is_new: bool, claims: &[Claim], now: Timestamp) -> Markup {
    html! {
        @if claims.is_empty() && is_new {
            p { "The first run has begun. Each usable connection in WorkOS gets an identity provider here, within "
                "seconds as a rule." }
        } @else if claims.is_empty() {
            p { "There is no usable connection in WorkOS yet. Each that becomes active appears here by itself." }
        } @else {
            div.scrolls tabindex="0" role="region" aria-label="The identity providers" {
                table {
                    thead { tr {
                        th scope="col" { "Connection" } th scope="col" { "In WorkOS" } th scope="col" { "In Cognito" }
                        th scope="col" { "Provider" }
                    } }
                    tbody {
                        @for claim in claims.iter().take(MOST_SHOWN) {
                            tr {
                                th scope="row" { (known(claim, now)) }
                                td { (state(claim.connection_state.as_ref())) }
                                td { (if claim.in_sync { "ready" } else { "being set up" }) }
                                td { code { (claim.provider_name) } }
                            }
                        }
                    }
                }
            }
            (left_out(claims.len()))
        }
    }
}

fn state(state: Option<&ConnectionState>) -> String {
    state.map_or_else(|| "–".to_owned(), |state| state.as_str().to_owned())
}

/// A link for each connection, to try a sign-in with it.
pub fn to_try(links: &[(&Claim, String)], now: Timestamp) -> Markup {
    html! {
        ul.plain {
            @for (claim, link) in links.iter().take(MOST_SHOWN) {
                li {
                    a href=(link) target="_blank" rel="noopener noreferrer" {
                        "Sign in with " (known(claim, now)) span.visually-hidden { " (opens in a new tab)" }
                    }
                    " " code { (claim.provider_name) }
                }
            }
        }
        (left_out(links.len()))
    }
}

#[cfg(test)]
mod tests {
    use causeway_core::{
        id::{ConnectionId, TenantId},
        provider::{BaseUrl, Issuer},
    };
    use proptest::prelude::*;

    use super::*;

    fn at() -> Timestamp {
        Timestamp::from_seconds(1_800_000_000)
    }

    fn claim(number: usize, name: Option<&str>) -> Claim {
        let tenant: TenantId = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap();
        let connection: ConnectionId = format!("conn_{number:026}").parse().unwrap();
        let issuer = Issuer::new(&BaseUrl::parse("https://login.example.com").unwrap(), &tenant, &connection);
        let mut claim = Claim::intended(tenant, connection, None, issuer);
        claim.connection_name = name.map(str::to_owned);
        claim.connection_type = Some("OktaSAML".to_owned());
        claim
    }

    fn pages(claims: &[Claim]) -> [String; 2] {
        let links: Vec<(&Claim, String)> =
            claims.iter().map(|claim| (claim, "https://a.example/".to_owned())).collect();
        [listed(false, claims, at()), to_try(&links, at())].map(Markup::into_string)
    }

    #[test]
    fn a_connection_stands_in_the_lists_by_its_name_and_one_without_by_its_id() {
        for page in pages(&[claim(1, Some("Acme")), claim(2, None)]) {
            assert!(page.contains("<bdi dir=\"ltr\">&quot;Acme&quot; (Okta …000001)</bdi>"), "{page}");
            assert!(page.contains(&format!("<bdi dir=\"ltr\">conn_{:026} (Okta)</bdi>", 2)), "{page}");
            assert!(page.contains(&format!("<code>conn-{:026}</code>", 1)), "the provider's name is there too: {page}");
        }
    }

    #[test]
    fn of_ten_thousand_connections_a_thousand_are_shown_and_the_others_counted() {
        let claims: Vec<Claim> = (0..10_000).map(|number| claim(number, Some(&"\u{1f600}".repeat(128)))).collect();
        for page in pages(&claims) {
            assert!(page.contains("And 9000 more") && page.len() < 1_500_000, "{}", page.len());
        }
    }

    proptest! {
        #[test]
        fn whatever_a_name_is_it_is_text_of_one_line_and_no_markup(
            name in prop_oneof![".{0,200}", "[<>&\"'/=a-z \u{202e}\u{5d0}]{0,60}"],
        ) {
            let plain = pages(&[claim(1, Some("Acme"))]).map(|page| page.matches('<').count());
            for (page, tags) in pages(&[claim(1, Some(&name))]).into_iter().zip(plain) {
                prop_assert_eq!(page.matches('<').count(), tags, "{}", page);
                prop_assert!(page.chars().all(causeway_core::shown::is_shown), "{page:?}");
            }
        }
    }
}
