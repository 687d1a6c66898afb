//! WorkOS's records by its own published specification: each member is used or dropped for a reason, and whatever is
//! wrong with one makes nothing else unknown. `tests/specification.json` says where it is from and when it was taken.

use std::collections::BTreeSet;

use causeway_core::{connection::Connection, webhook::Event};
use serde_json::Value;

use crate::{
    client, key,
    scripted_server::{Answer, Server},
};

/// What becomes of a member.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// It is read.
    Used,
    /// It is not, for this reason.
    Dropped(&'static str),
}

use Use::{Dropped, Used};

const KIND: Use = Dropped("which record it is, the call or the event says");
const DATES: Use = Dropped("nothing depends on when");
const OF_THE_DOMAIN: Use = Dropped("only which domain it is, and whether it is verified, matters");
const NO_DIRECTORY: Use = Dropped("Causeway reads no directory: who is in it is the application's affair");

type Members = &'static [(&'static str, Use)];

const CONNECTION: Members = &[
    ("object", KIND),
    ("id", Used),
    ("organization_id", Used),
    ("connection_type", Used),
    ("name", Used),
    ("state", Used),
    ("status", Dropped("deprecated: `state` says more")),
    ("domains", Dropped("they carry no state of verification: those of the organization do")),
    ("options", Dropped("the certificate of the customer's identity provider is WorkOS's affair")),
    ("created_at", Used),
    ("updated_at", DATES),
];

const ORGANIZATION: Members = &[
    ("object", KIND),
    ("id", Used),
    ("name", Used),
    ("domains", Used),
    ("metadata", Dropped("the application's own")),
    ("external_id", Dropped("the application's own")),
    ("stripe_customer_id", Dropped("the application's own")),
    ("created_at", DATES),
    ("updated_at", DATES),
    ("allow_profiles_outside_organization", Dropped("deprecated: it verifies no domain")),
];

const DOMAIN: Members = &[
    ("object", KIND),
    ("id", OF_THE_DOMAIN),
    ("organization_id", Dropped("it stands in its organization")),
    ("domain", Used),
    ("state", Used),
    ("verification_prefix", OF_THE_DOMAIN),
    ("verification_token", OF_THE_DOMAIN),
    ("verification_strategy", OF_THE_DOMAIN),
    ("created_at", DATES),
    ("updated_at", DATES),
];

const PROFILE: Members = &[
    ("object", KIND),
    ("id", Used),
    ("organization_id", Used),
    ("connection_id", Used),
    ("connection_type", Used),
    ("idp_id", Used),
    ("email", Used),
    ("first_name", Used),
    ("last_name", Used),
    ("name", Used),
    ("role", Used),
    ("roles", Used),
    ("groups", Used),
    ("custom_attributes", Used),
    ("raw_attributes", Used),
];

const EVENT: Members = &[
    ("object", KIND),
    ("id", Used),
    ("event", Used),
    ("data", Dropped("an event says that something changed: what, the next look sees")),
    ("created_at", DATES),
    ("context", Dropped("who changed it does not matter")),
];

const DIRECTORY: Members = &[
    ("object", NO_DIRECTORY),
    ("id", NO_DIRECTORY),
    ("organization_id", NO_DIRECTORY),
    ("external_key", NO_DIRECTORY),
    ("type", NO_DIRECTORY),
    ("state", NO_DIRECTORY),
    ("name", NO_DIRECTORY),
    ("domain", NO_DIRECTORY),
    ("metadata", NO_DIRECTORY),
    ("created_at", NO_DIRECTORY),
    ("updated_at", NO_DIRECTORY),
];

const DIRECTORY_USER: Members = &[
    ("object", NO_DIRECTORY),
    ("id", NO_DIRECTORY),
    ("directory_id", NO_DIRECTORY),
    ("organization_id", NO_DIRECTORY),
    ("idp_id", NO_DIRECTORY),
    ("email", NO_DIRECTORY),
    ("first_name", NO_DIRECTORY),
    ("last_name", NO_DIRECTORY),
    ("name", NO_DIRECTORY),
    ("emails", NO_DIRECTORY),
    ("job_title", NO_DIRECTORY),
    ("username", NO_DIRECTORY),
    ("state", NO_DIRECTORY),
    ("raw_attributes", NO_DIRECTORY),
    ("custom_attributes", NO_DIRECTORY),
    ("role", NO_DIRECTORY),
    ("roles", NO_DIRECTORY),
    ("created_at", NO_DIRECTORY),
    ("updated_at", NO_DIRECTORY),
];

const RECORDS: [(&str, Members); 8] = [
    ("Connection", CONNECTION),
    ("Organization", ORGANIZATION),
    ("Organization.domains", DOMAIN),
    ("OrganizationDomainStandAlone", DOMAIN),
    ("Profile", PROFILE),
    ("EventSchema", EVENT),
    ("Directory", DIRECTORY),
    ("DirectoryUser", DIRECTORY_USER),
];

/// What can stand where a member is, in JSON: none of it is what the specification says.
fn garbled() -> Vec<String> {
    let nested = format!("{}{}", "[".repeat(130), "]".repeat(130));
    let odd =
        [r#""\ud83d""#, "1e400", "-7.5", "true", "{}", "[]", r#"["a"]"#, r#""a word of the future""#, r#""""#, "null"];
    odd.into_iter().map(str::to_owned).chain([nested]).collect()
}

fn specification() -> Value {
    serde_json::from_str(include_str!("../specification.json")).unwrap()
}

/// The examples of a record's members, in JSON.
fn example(record: &str) -> Vec<(String, String)> {
    let specification = specification();
    let members = specification["schemas"][record].as_object().unwrap();
    members.iter().map(|(name, member)| (name.clone(), member["example"].to_string())).collect()
}

fn json(members: &[(String, String)]) -> String {
    let members: Vec<String> =
        members.iter().map(|(name, value)| format!("{}:{value}", Value::from(name.as_str()))).collect();
    format!("{{{}}}", members.join(","))
}

/// The record with a member in each state that nobody expects, beside which member that is.
fn variants(whole: &[(String, String)]) -> Vec<(String, Vec<(String, String)>)> {
    let mut variants = Vec::new();
    for (name, _) in whole {
        let without: Vec<_> = whole.iter().filter(|(other, _)| other != name).cloned().collect();
        variants.push((name.clone(), without.clone()));
        variants.extend(
            garbled()
                .into_iter()
                .map(|odd| (name.clone(), without.iter().cloned().chain([(name.clone(), odd)]).collect())),
        );
    }
    variants
}

#[test]
fn every_member_of_the_specification_is_used_or_dropped_for_a_reason() {
    let specification = specification();
    for (record, members) in RECORDS {
        let published: BTreeSet<&str> =
            specification["schemas"][record].as_object().unwrap().keys().map(String::as_str).collect();
        let known: BTreeSet<&str> = members.iter().map(|(name, _)| *name).collect();
        assert_eq!(known, published, "{record}");
        assert!(members.iter().all(|(_, of)| *of != Dropped("")), "{record}");
    }
    let published: BTreeSet<&str> = specification["schemas"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(RECORDS.map(|(record, _)| record).into_iter().collect::<BTreeSet<_>>(), published);
}

#[tokio::test]
async fn an_odd_member_of_a_connection_makes_that_member_unknown_and_no_other_connection() {
    let whole = example("Connection");
    let variants = variants(&whole);
    let numbered = |number: usize, members: &[(String, String)]| {
        let of_number = |(name, value): &(String, String)| match (name.as_str(), value.contains("conn_01E4")) {
            ("id", true) => (name.clone(), format!("\"conn_{number}\"")),
            _ => (name.clone(), value.clone()),
        };
        json(&members.iter().map(of_number).collect::<Vec<_>>())
    };
    let records: Vec<String> =
        variants.iter().enumerate().map(|(number, (_, record))| numbered(number, record)).collect();
    let body = format!(r#"{{"data":[{}],"list_metadata":{{"after":null}}}}"#, records.join(","));
    let server = Server::start(vec![Answer::raw("GET /connections?", 200, "", body.as_bytes())]).await;
    let snapshot = client(&server).snapshot(&key(), false).await.unwrap();

    let is_word = |record: &str| record.contains("a word of the future");
    for (number, (member, _)) in variants.iter().enumerate() {
        let id = format!("conn_{number}");
        let found = snapshot.connections.iter().find(|connection| connection.id.as_str() == id);
        let Some(found) = found else {
            assert_eq!(member, "id", "a connection is not there for its {member}: {}", records[number]);
            continue;
        };
        let mut expected = Connection {
            id: id.parse().unwrap(),
            organization_id: Some("org_01EHWNCE74X7JSDV0X3SZ3KJNY".parse().unwrap()),
            name: Some("Foo Corp".to_owned()),
            connection_type: Some("OktaSAML".to_owned()),
            state: "active".to_owned().into(),
            created_at: causeway_core::timestamp::Timestamp::parse("2026-01-15T12:00:00.000Z"),
        };
        let word = is_word(&records[number]).then(|| "a word of the future".to_owned());
        match member.as_str() {
            "organization_id" => expected.organization_id = None,
            "created_at" => expected.created_at = None,
            "name" => expected.name = word,
            "connection_type" if records[number].contains(r#""connection_type":"""#) => {
                expected.connection_type = Some(String::new());
            }
            "connection_type" => expected.connection_type = word,
            "state" => expected.state = word.unwrap_or_default().into(),
            _ => {}
        }
        assert_eq!(*found, expected, "{}", records[number]);
    }
    let without_id = variants.iter().filter(|(member, _)| member == "id").count();
    assert_eq!(snapshot.connections.len(), variants.len() - without_id);
    assert!(!snapshot.unreadable.is_empty(), "one without an ID may be any: it is told");
}

#[tokio::test]
async fn an_odd_member_of_a_domain_or_an_organization_takes_no_other_domain_away() {
    let domain = |domain: &str| format!(r#"{{"domain":"{domain}","state":"verified"}}"#);
    let mut organizations = Vec::new();
    for (number, (_, members)) in variants(&example("Organization.domains")).into_iter().enumerate() {
        let domains = [domain("first.test"), json(&members), domain("last.test")].join(",");
        organizations.push(format!(r#"{{"id":"org_{number}","domains":[{domains}]}}"#));
    }
    let (with_domains, whole) = (organizations.len(), example("Organization"));
    for (number, (member, members)) in variants(&whole).into_iter().enumerate() {
        let own = |(name, value): (String, String)| match name.as_str() {
            "id" if member != "id" => (name, format!("\"org_own_{number}\"")),
            "domains" if member != "domains" => (name, format!("[{}]", domain("first.test"))),
            _ => (name, value),
        };
        organizations.push(json(&members.into_iter().map(own).collect::<Vec<_>>()));
    }
    let page = |records: &[String]| format!(r#"{{"data":[{}],"list_metadata":{{"after":null}}}}"#, records.join(","));
    let server = Server::start(vec![
        Answer::raw("GET /connections?", 200, "", page(&[]).as_bytes()),
        Answer::raw("GET /organizations?", 200, "", page(&organizations).as_bytes()),
    ])
    .await;
    let snapshot = client(&server).snapshot(&key(), true).await.unwrap();
    for (number, record) in organizations.iter().enumerate().take(with_domains) {
        let id = format!("org_{number}");
        let found = snapshot.organizations.iter().find(|organization| organization.id.as_str() == id);
        let domains: Vec<&str> = found.unwrap().domains.iter().map(|domain| domain.domain.as_str()).collect();
        assert!(domains.starts_with(&["first.test"]) && domains.ends_with(&["last.test"]), "{record}");
    }
    for (number, (member, _)) in variants(&whole).into_iter().enumerate().filter(|(_, (member, _))| member != "id") {
        let id = format!("org_own_{number}");
        let found = snapshot.organizations.iter().find(|organization| organization.id.as_str() == id).unwrap();
        let is_told = snapshot.unreadable_organizations.iter().any(|unreadable| unreadable.id == id);
        // An empty list is one, and says that there are none.
        let is_unknown = member == "domains" && !organizations[with_domains + number].contains(r#""domains":[]"#);
        assert_eq!((found.domains.len(), is_told), (usize::from(member != "domains"), is_unknown), "{member}");
    }
}

#[test]
fn an_odd_member_of_an_event_keeps_it_from_waking_nobody() {
    let mut whole = example("EventSchema");
    whole.retain(|(name, _)| name != "event");
    whole.push(("event".to_owned(), r#""connection.activated""#.to_owned()));
    for (member, members) in variants(&whole) {
        let text = json(&members);
        let event = Event::read(text.as_bytes()).expect(&text);
        let is_unknown = member == "event" && event.event.contains("a word of the future");
        assert_eq!(event.is_of_interest(), !is_unknown, "{text}");
        assert!(!event.id.is_empty(), "{text}");
        assert_eq!(event, Event::read(text.as_bytes()).unwrap(), "each delivery has the same ID");
    }
}
