use proptest::prelude::*;

use super::*;
use crate::{
    connection::ConnectionState,
    naming::{FormerName, quoted},
    provider::{BaseUrl, Issuer},
};

const ID: &str = "conn_01E4ZCR3C56J083X43JQ1A2B3C";

/// 24 November 2026, and hours later.
fn at(hours: i64) -> Timestamp {
    Timestamp::from_seconds(1_795_521_600 + hours * 3600)
}

fn naming(name: Option<&str>, organization: Option<&str>, connection_type: Option<&str>) -> Naming {
    let text = |text: Option<&str>| text.map(str::to_owned);
    Naming {
        name: text(name),
        organization_name: text(organization),
        connection_type: text(connection_type),
        ..Naming::default()
    }
}

fn claim(organization: Option<&str>) -> Claim {
    let (tenant, connection) = ("tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap(), ID.parse().unwrap());
    let issuer = Issuer::new(&BaseUrl::parse("https://login.example.com").unwrap(), &tenant, &connection);
    Claim::intended(tenant, connection, organization.map(|id| id.parse().unwrap()), issuer)
}

fn connection(name: Option<&str>) -> Connection {
    Connection {
        id: ID.parse().unwrap(),
        organization_id: None,
        name: name.map(str::to_owned),
        connection_type: Some("OktaSAML".to_owned()),
        state: ConnectionState::Active,
        created_at: None,
    }
}

fn organization(id: &str, name: Option<&str>) -> Organization {
    Organization { id: id.parse().unwrap(), name: name.map(str::to_owned), domains: Vec::new() }
}

/// How a claim is called after its connection was seen under each of these names, at these hours.
fn called_after(names: &[(Option<&str>, i64)], now: i64) -> String {
    let mut claim = claim(None);
    for (name, hours) in names {
        claim.note_names(Some(&connection(*name)), None, at(*hours));
    }
    Naming::of(&claim, at(now)).called(ID).to_string()
}

#[test]
fn a_connection_is_called_by_its_organization_else_by_itself_else_by_its_id() {
    for (naming, called) in [
        (naming(Some("Acme SSO"), Some("Acme"), Some("OktaSAML")), "\"Acme\" (Okta …1A2B3C)"),
        (naming(Some("Acme SSO"), None, Some("AzureSAML")), "\"Acme SSO\" (Entra ID …1A2B3C)"),
        (naming(None, Some("Acme"), Some("NewSAML")), "\"Acme\" (connection …1A2B3C)"),
        (naming(None, None, Some("GoogleSAML")), "conn_01E4ZCR3C56J083X43JQ1A2B3C (Google)"),
        (naming(None, None, None), ID),
    ] {
        assert_eq!(naming.called(ID).to_string(), called);
    }
    let acme = naming(None, Some("Acme"), None);
    assert_eq!(acme.called("conn_1").to_string(), "\"Acme\" (connection conn_1)", "an ID of six characters is whole");
    assert_eq!(format!("{:#}", acme.called(ID)), format!("\"Acme\" (connection {ID})"));
}

#[test]
fn a_name_that_changed_shows_the_one_before_for_seven_days() {
    let names = [(Some("Evil"), -48), (Some("Acme"), 0)];
    assert_eq!(called_after(&names, 167), "\"Acme\" (until 24 November \"Evil\") (Okta …1A2B3C)");
    assert_eq!(called_after(&names, 168), "\"Acme\" (Okta …1A2B3C)");
    assert_eq!(called_after(&[(Some("Acme"), 0), (Some("Acme"), 1)], 2), "\"Acme\" (Okta …1A2B3C)");
    assert_eq!(called_after(&[(None, 0), (Some("Acme"), 1)], 2), "\"Acme\" (Okta …1A2B3C)", "it had none before");
}

#[test]
fn no_further_change_hides_the_name_that_a_connection_had_before_the_first_of_the_week() {
    let quick = [(Some("Evil"), -48), (Some("A"), 0), (Some("B"), 24), (Some("C"), 48), (Some("Acme"), 72)];
    let both = "\"Acme\" (until 24 November \"Evil\", until 27 November \"C\") (Okta …1A2B3C)";
    assert_eq!(called_after(&quick, 72), both);
    assert_eq!(called_after(&quick, 168), "\"Acme\" (until 27 November \"C\") (Okta …1A2B3C)");
    // To and fro, and by way of no name at all.
    let names = [(Some("Evil"), -48), (Some("A"), 0), (Some("Evil"), 1), (None, 2), (Some("Acme"), 24)];
    assert_eq!(called_after(&names, 24), "\"Acme\" (until 24 November \"Evil\") (Okta …1A2B3C)");
    let back = [(Some("Acme"), -48), (Some("Evil"), 0), (Some("Acme"), 24)];
    assert_eq!(called_after(&back, 24), "\"Acme\" (until 25 November \"Evil\") (Okta …1A2B3C)");
}

#[test]
fn an_organization_that_is_gone_keeps_its_name_and_one_that_is_another_shows_the_one_before() {
    let mut claim = claim(Some("org_1"));
    let seen = connection(Some("Acme SSO"));
    let note = |claim: &mut Claim, all: &[Organization], hours| {
        claim.note_names(Some(&seen), Some(all), at(hours));
        Naming::of(claim, at(hours)).called(ID).to_string()
    };
    assert_eq!(note(&mut claim, &[organization("org_1", Some("Acme"))], 0), "\"Acme\" (Okta …1A2B3C)");
    assert_eq!(note(&mut claim, &[], 1), "\"Acme\" (Okta …1A2B3C)", "its name is what people know it by");
    let renamed = note(&mut claim, &[organization("org_1", Some("Contoso"))], 2);
    assert_eq!(renamed, "\"Contoso\" (until 24 November \"Acme\") (Okta …1A2B3C)");
    claim.organization_id = Some("org_2".parse().unwrap());
    let moved = note(&mut claim, &[organization("org_2", Some("Initech"))], 24);
    assert_eq!(moved, "\"Initech\" (until 24 November \"Acme\", until 25 November \"Contoso\") (Okta …1A2B3C)");
    let unnamed = note(&mut claim, &[organization("org_2", None)], 25);
    assert_eq!(unnamed, "\"Acme SSO\" (until 24 November \"Acme\", until 25 November \"Initech\") (Okta …1A2B3C)");
    claim.organization_id = Some("org_3".parse().unwrap());
    assert_eq!(Naming::of(&claim, at(25)).organization_name, None, "nor of one that no run has read");
    claim.note_names(None, Some(&[]), at(26));
    assert_eq!(claim.organization.unwrap().name, None, "of another organization nothing is known");
}

#[test]
fn a_connection_without_a_claim_is_called_by_what_is_known_of_its_organization() {
    let mut known = claim(Some("org_1"));
    known.note_names(None, Some(&[organization("org_1", Some("Acme"))]), at(0));
    let seen = |id: &str, organization: &str| {
        let organization_id = Some(organization.parse().unwrap());
        let connection = Connection { id: id.parse().unwrap(), organization_id, ..connection(Some("SSO")) };
        (connection.id.clone(), connection)
    };
    let seen: BTreeMap<_, _> = [seen("conn_new", "org_1"), seen("conn_other", "org_2")].into();
    let claims: BTreeMap<_, _> = [(known.connection_id.clone(), known)].into();
    let called = |organizations: Option<&[Organization]>| {
        let names = names(&claims, &seen, organizations, at(1));
        let called: Vec<String> = names.iter().map(|(id, naming)| naming.called(id.as_str()).to_string()).collect();
        called.join(", ")
    };
    assert_eq!(called(None), "\"Acme\" (connection …1A2B3C), \"Acme\" (Okta …nn_new), \"SSO\" (Okta …_other)");
    let read = [organization("org_1", Some("Acme")), organization("org_2", Some("Contoso"))];
    assert!(called(Some(&read)).ends_with("\"Contoso\" (Okta …_other)"));
}

#[test]
fn a_quoted_name_ends_where_its_quotation_mark_stands_and_is_one_short_line() {
    for (name, shown) in [
        ("Acme\" (Okta …000000), \"Evil", "\"Acme' (Okta …000000), 'Evil\""),
        ("\u{201d}Acme\u{ff02}", "\"'Acme'\""),
        ("Acme'' (Okta …000000)", "\"Acme' (Okta …000000)\""),
        ("Acme'\u{200b}\u{2019}\"\u{2e42}\u{2057} x", "\"Acme' x\""),
        ("Acme\u{2800}\u{2800}", "\"Acme\""),
        ("Acme\n\u{202e}  \u{3000} Inc", "\"Acme Inc\""),
        ("שלום", "\"שלום\""),
        ("", "\"\""),
    ] {
        assert_eq!(quoted(name), shown);
    }
    assert_eq!(quoted(&"ä".repeat(40)), format!("\"{}\"", "ä".repeat(40)));
    assert_eq!(quoted(&"ä".repeat(41)), format!("\"{}…\"", "ä".repeat(39)));
}

#[test]
fn names_that_can_not_be_read_are_none_and_what_stands_beside_them_is_read() {
    let stored = serde_json::json!({
        "name": 7, "former_names": [{"name": "Evil"}], "organization_name": "Acme",
        "former_organization_names": {}, "connection_type": ["OktaSAML"], "organization_id": "a b",
    });
    assert_eq!(serde_json::from_value::<Naming>(stored).unwrap(), naming(None, Some("Acme"), None));
    assert_eq!(serde_json::to_value(Naming::default()).unwrap(), serde_json::json!({}));
}

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,300}",
        "\\PC{0,60}",
        "\\p{C}{0,40}",
        "(\\p{M}|[a-z\"\u{201d}]){0,80}",
        "[\u{5d0}-\u{5ea} \"…()]{0,60}"
    ]
}

proptest! {
    #[test]
    fn whatever_the_names_are_a_connection_is_one_short_line_that_ends_with_our_words(
        name in proptest::option::of(hostile()),
        organization in proptest::option::of(hostile()),
        former in proptest::collection::vec(hostile(), 0..4),
        connection_type in proptest::option::of(hostile()),
    ) {
        let former: Vec<FormerName> = former.into_iter().map(|name| FormerName { name, until: at(0) }).collect();
        let naming = Naming {
            former_names: former.clone(),
            former_organization_names: former,
            ..naming(name.as_deref(), organization.as_deref(), connection_type.as_deref())
        };
        let called = naming.called(ID).to_string();
        prop_assert!(called.chars().all(shown::is_shown), "{called:?}");
        prop_assert!(called.chars().count() <= 350, "{called:?}");
        if name.is_some() || organization.is_some() {
            prop_assert!(called.ends_with(" …1A2B3C)"), "{called:?}");
            // The quotation marks are ours alone: two around the name, and two around each one before.
            let others = called.matches(" \"").count();
            prop_assert_eq!(called.matches('"').count(), 2 + 2 * others, "{}", called);
        } else {
            prop_assert!(called.starts_with(ID), "{called:?}");
        }
    }

    #[test]
    fn whichever_of_the_two_names_it_is_called_by_what_it_was_called_before_is_shown_for_a_week(
        seen in proptest::collection::vec(
            (proptest::option::of("[A-D]"), proptest::option::of("[C-F]"), 0_i64..80), 1..12,
        ),
    ) {
        let (mut claim, mut now, mut called, mut changed) = (claim(Some("org_1")), 0, None, None);
        for (own, of_organization, hours) in seen {
            now += hours;
            let organizations = [organization("org_1", of_organization.as_deref())];
            claim.note_names(Some(&connection(own.as_deref())), Some(&organizations), at(now));
            let before = std::mem::replace(&mut called, of_organization.or(own));
            changed = if before != called && before.is_some() { before.map(|name| (name, now)) } else { changed };
        }
        let shown = Naming::of(&claim, at(now)).called(ID).to_string();
        if let Some((before, _)) = changed.filter(|(name, when)| now - when < 168 && called.as_ref().is_some_and(|it| it != name)) {
            prop_assert!(shown.contains(&format!(" \"{before}\"")), "{before} is not in {shown}");
        }
    }

    #[test]
    fn what_changes_within_a_week_shows_a_name_of_before_and_at_most_two_are_kept(
        names in proptest::collection::vec((proptest::option::of("[A-D]"), 0_i64..80), 1..12),
    ) {
        let (mut claim, mut now, mut changed) = (claim(None), 0, None);
        for (name, hours) in names {
            now += hours;
            let before = claim.connection_name.clone();
            claim.note_names(Some(&connection(name.as_deref())), None, at(now));
            changed = if before != name && before.is_some() { Some((before, now)) } else { changed };
            prop_assert!(claim.former_names.len() <= 2);
        }
        let shown = Naming::of(&claim, at(now)).former_names;
        if let Some((Some(before), when)) = changed.filter(|(_, when)| now - when < 168) {
            prop_assert!(shown.contains(&FormerName { name: before, until: at(when) }), "{shown:?}");
        }
    }
}
