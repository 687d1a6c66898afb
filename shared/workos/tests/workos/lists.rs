//! Lists and single records.

use causeway_core::{
    connection::{ConnectionState, DomainState},
    health::ErrorClass,
    id::ConnectionId,
};
use serde_json::{Value, json};

use crate::{
    client, connection, connection_id, key, page,
    scripted_server::{Answer, Server},
};

const CONNECTIONS: &str = "GET /connections?";
const ORGANIZATIONS: &str = "GET /organizations?";

#[tokio::test]
async fn pages_are_followed_to_the_end_and_records_that_come_twice_are_one() {
    let mut newer = connection(2);
    newer["state"] = json!("inactive");
    let server = Server::start(vec![
        Answer::json(CONNECTIONS, 200, &page(&[connection(1), connection(2)], Some("cursor/ 1"))),
        Answer::json(CONNECTIONS, 200, &page(&[], Some("cursor2"))),
        Answer::json(CONNECTIONS, 200, &page(&[newer, connection(3)], None)),
    ])
    .await;
    let snapshot = client(&server).snapshot(&key(), false).await.unwrap();
    let ids: Vec<_> = snapshot.connections.iter().map(|connection| connection.id.to_string()).collect();
    assert_eq!(ids, [1, 2, 3].map(connection_id));
    assert_eq!(snapshot.connections[1].state, ConnectionState::Inactive);
    assert!(snapshot.unreadable.is_empty() && snapshot.organizations.is_empty());
    assert_eq!(
        server.calls(),
        [
            "GET /connections?limit=100",
            "GET /connections?limit=100&after=cursor%2F+1",
            "GET /connections?limit=100&after=cursor2"
        ]
    );
    let request = server.requests()[0].to_lowercase();
    assert!(request.contains(concat!("user-agent: causeway/", env!("CARGO_PKG_VERSION"))), "{request}");
    assert!(request.contains(&format!("authorization: bearer {}", crate::KEY)), "{request}");
}

#[tokio::test]
async fn organizations_are_listed_with_their_domains_where_they_are_asked_for() {
    let organization = json!({ "id": "org_1", "domains": [
        { "domain": "a.example", "state": "verified" }, { "domain": "b.example", "state": "legacy_verified" },
        { "domain": "c.example", "state": "pending" }, { "domain": "d.example", "state": "a new word" },
    ]});
    let server = Server::start(vec![
        Answer::json(CONNECTIONS, 200, &page(&[connection(1)], None)),
        Answer::json(ORGANIZATIONS, 200, &page(&[organization], Some("next"))),
        Answer::json(ORGANIZATIONS, 200, &page(&[json!({ "id": "org_2", "domains": [] })], None)),
    ])
    .await;
    let snapshot = client(&server).snapshot(&key(), true).await.unwrap();
    server.assert_all_given();
    assert_eq!(snapshot.organizations.len(), 2);
    let states: Vec<_> = snapshot.organizations[0].domains.iter().map(|domain| domain.state).collect();
    assert_eq!(states, [DomainState::Verified, DomainState::LegacyVerified, DomainState::Other, DomainState::Other]);
}

#[tokio::test]
async fn no_half_of_a_snapshot_is_given_where_the_other_half_fails() {
    let server = Server::start(vec![
        Answer::json(CONNECTIONS, 200, &page(&[connection(1)], None)),
        Answer::json(ORGANIZATIONS, 403, &json!({ "message": "no" })),
    ])
    .await;
    let error = client(&server).snapshot(&key(), true).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Denied);
}

#[tokio::test]
async fn a_repeated_cursor_is_an_error_and_not_a_partial_list() {
    let server = Server::start(vec![
        Answer::json(CONNECTIONS, 200, &page(&[connection(1)], Some("a"))),
        Answer::json(CONNECTIONS, 200, &page(&[connection(2)], Some("b"))),
        Answer::json(CONNECTIONS, 200, &page(&[connection(1)], Some("a"))),
    ])
    .await;
    let error = client(&server).snapshot(&key(), false).await.unwrap_err();
    assert!(error.to_string().contains("a cursor came twice"), "{error}");
    assert_eq!(error.class(), ErrorClass::Rejected);
    assert_eq!(server.calls().len(), 3);
}

#[tokio::test]
async fn a_list_whose_cursor_is_refused_is_read_once_more_and_then_left_for_another_time() {
    let refused = |status| Answer::json(CONNECTIONS, status, &json!({ "message": "Could not find the object." }));
    let first = || Answer::json(CONNECTIONS, 200, &page(&[connection(1)], Some("gone")));
    for status in [400, 404, 422] {
        let second = Answer::json(CONNECTIONS, 200, &page(&[connection(2)], None));
        let server = Server::start(vec![first(), refused(status), second]).await;
        let snapshot = client(&server).snapshot(&key(), false).await.unwrap();
        let ids: Vec<_> = snapshot.connections.iter().map(|connection| connection.id.to_string()).collect();
        assert_eq!(ids, [connection_id(2)], "what was read before the refusal is not part of the list");
        let server = Server::start(vec![first(), refused(status), first(), refused(status)]).await;
        let error = client(&server).snapshot(&key(), false).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Transient, "{error}");
        server.assert_all_given();
    }
    for (status, class) in [(401, ErrorClass::Denied), (403, ErrorClass::Denied)] {
        let server = Server::start(vec![first(), refused(status)]).await;
        assert_eq!(client(&server).snapshot(&key(), false).await.unwrap_err().class(), class);
    }
    let server = Server::start(vec![refused(400)]).await;
    let error = client(&server).snapshot(&key(), false).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Rejected, "the first page has no cursor that could be refused");
}

#[tokio::test]
async fn a_list_that_does_not_end_within_a_thousand_pages_is_an_error() {
    let endless = |number: usize| Answer::json(CONNECTIONS, 200, &page(&[], Some(&number.to_string())));
    let server = Server::start((0..1_001).map(endless).collect()).await;
    let error = client(&server).snapshot(&key(), false).await.unwrap_err();
    assert!(error.to_string().contains("more than 1000 pages"), "{error}");
    assert_eq!(server.calls().len(), 1_000);
}

#[tokio::test]
async fn a_page_that_is_not_of_the_shape_is_an_error_and_not_the_last_page() {
    let shapes = [
        json!({ "data": [connection(1)] }),
        json!({ "data": [connection(1)], "list_metadata": {} }),
        json!({ "data": [connection(1)], "list_metadata": { "after": 1 } }),
        json!({ "data": [connection(1)], "list_metadata": { "after": "" } }),
        json!({ "data": {}, "list_metadata": { "after": null } }),
        json!({ "list_metadata": { "after": null } }),
        json!([]),
        json!(null),
    ];
    for shape in shapes {
        let server = Server::start(vec![Answer::json(CONNECTIONS, 200, &shape)]).await;
        let error = client(&server).snapshot(&key(), false).await.expect_err(&shape.to_string());
        assert_eq!(error.class(), ErrorClass::Rejected, "{shape}");
    }
}

#[tokio::test]
async fn a_record_without_a_usable_id_does_not_fail_the_page_and_is_reported() {
    let with = |number, name: &str, value: Value| {
        let mut record = connection(number);
        record[name] = value;
        record
    };
    let cases = [
        (
            with(7, "id", json!("conn_short\u{7}\u{e9}")),
            "conn_short??".to_owned(),
            "connection: id: a connection ID is",
        ),
        (with(8, "id", json!("x".repeat(100))), "x".repeat(80), "connection: id: a connection ID is"),
        (with(9, "id", json!(null)), String::new(), "connection: id: missing"),
        (with(10, "id", json!({})), String::new(), "connection: id: not text"),
        (json!("no object"), String::new(), "connection: id: missing"),
    ];
    for (record, id, problem) in cases {
        let records = [connection(90), record, connection(91)];
        let server = Server::start(vec![Answer::json(CONNECTIONS, 200, &page(&records, None))]).await;
        let snapshot = client(&server).snapshot(&key(), false).await.unwrap();
        assert_eq!(snapshot.connections.len(), 2, "{problem}");
        assert_eq!(snapshot.unreadable.len(), 1, "{problem}");
        assert_eq!(snapshot.unreadable[0].id, id);
        assert!(snapshot.unreadable[0].problem.starts_with(problem), "{:?}", snapshot.unreadable);
        let taken_for_another: Result<ConnectionId, _> = snapshot.unreadable[0].id.parse();
        assert!(taken_for_another.is_err(), "{:?}", snapshot.unreadable);
    }
}

#[tokio::test]
async fn an_organization_whose_domains_can_not_all_be_read_is_reported_with_those_that_can() {
    let readable = json!({ "domain": "b.example", "state": "verified" });
    for (domains, read) in [
        (json!("a.example"), 0),
        (json!(null), 0),
        (json!([{ "domain": "a.example", "state": 7 }, readable]), 1),
        (json!([{ "state": "verified" }, readable]), 1),
        (json!([7, readable]), 1),
    ] {
        let record = json!({ "id": "org_1", "domains": domains });
        let whole = json!({ "id": "org_2", "domains": [{ "domain": "a.example" }] });
        let server = Server::start(vec![
            Answer::json(CONNECTIONS, 200, &page(&[], None)),
            Answer::json(ORGANIZATIONS, 200, &page(&[whole, record.clone()], None)),
            Answer::json("GET /organizations/org_1", 200, &record),
        ])
        .await;
        let snapshot = client(&server).snapshot(&key(), true).await.unwrap();
        assert_eq!(snapshot.organizations.iter().map(|one| one.domains.len()).collect::<Vec<_>>(), [read, 1]);
        let unreadable = &snapshot.unreadable_organizations;
        assert_eq!((unreadable.len(), unreadable[0].id.as_str()), (1, "org_1"));
        assert!(unreadable[0].problem.starts_with("organization: domains:"), "{unreadable:?}");
        assert!(snapshot.unreadable.is_empty(), "an organization is no connection");
        let alone = client(&server).organization(&key(), &"org_1".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(alone.domains.len(), read);
    }
}

#[tokio::test]
async fn the_test_organization_has_no_domains_whatever_is_said_of_it() {
    let record = json!({ "id": "org_test_idp", "domains": [{ "domain": "example.com", "state": "verified" }] });
    let server = Server::start(vec![
        Answer::json(CONNECTIONS, 200, &page(&[], None)),
        Answer::json(ORGANIZATIONS, 200, &page(std::slice::from_ref(&record), None)),
        Answer::json("GET /organizations/org_test_idp", 200, &record),
    ])
    .await;
    let snapshot = client(&server).snapshot(&key(), true).await.unwrap();
    assert!(snapshot.organizations[0].domains.is_empty() && snapshot.unreadable_organizations.is_empty());
    let alone = client(&server).organization(&key(), &"org_test_idp".parse().unwrap()).await.unwrap();
    assert!(alone.unwrap().domains.is_empty());
}

#[tokio::test]
async fn unknown_states_and_types_come_through() {
    let mut record = connection(1);
    record["state"] = json!("hibernating");
    record["connection_type"] = json!("TelepathyOIDC");
    record["something_new"] = json!({ "a": [1] });
    record.as_object_mut().unwrap().remove("organization_id");
    let server = Server::start(vec![Answer::json(CONNECTIONS, 200, &page(&[record], None))]).await;
    let snapshot = client(&server).snapshot(&key(), false).await.unwrap();
    assert_eq!(snapshot.connections[0].state, ConnectionState::Unknown("hibernating".to_owned()));
    assert_eq!(snapshot.connections[0].organization_id, None);
    assert!(snapshot.unreadable.is_empty());
}

#[tokio::test]
async fn a_connection_is_gone_only_where_the_answer_is_404() {
    let id = connection_id(1).parse().unwrap();
    for status in [301, 400, 401, 403, 410, 422] {
        let server = Server::start(vec![Answer::json("GET /connections/conn_", status, &json!({}))]).await;
        assert!(client(&server).connection_is_gone(&key(), &id).await.is_err(), "{status}");
    }
    for (status, gone) in [(404, true), (200, false)] {
        let server = Server::start(vec![Answer::json("GET /connections/conn_", status, &connection(1))]).await;
        assert_eq!(client(&server).connection_is_gone(&key(), &id).await.unwrap(), gone);
        assert_eq!(server.calls(), [format!("GET /connections/{}", connection_id(1))]);
    }
}

#[tokio::test]
async fn a_500_on_asking_for_a_single_connection_is_not_gone() {
    let answers = (0..3).map(|_| Answer::json("GET /connections/conn_", 500, &json!({}))).collect();
    let server = Server::start(answers).await;
    let id = connection_id(1).parse().unwrap();
    let error = client(&server).connection_is_gone(&key(), &id).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Transient);
    assert_eq!(server.calls().len(), 3);
}

#[tokio::test]
async fn an_organization_is_none_only_where_the_answer_is_404() {
    let (path, id) = ("GET /organizations/org_1", "org_1".parse().unwrap());
    let found = json!({ "id": "org_1", "domains": [{ "domain": "a.example", "state": "verified" }] });
    let server = Server::start(vec![
        Answer::json(path, 200, &found),
        Answer::json(path, 404, &json!({ "message": "not found" })),
        Answer::json(path, 403, &json!({ "message": "no" })),
        Answer::json(path, 200, &json!({ "id": "org_2" })),
    ])
    .await;
    let workos = client(&server);
    assert!(workos.organization(&key(), &id).await.unwrap().unwrap().domains[0].is_verified());
    assert_eq!(workos.organization(&key(), &id).await.unwrap(), None);
    assert_eq!(workos.organization(&key(), &id).await.unwrap_err().class(), ErrorClass::Denied);
    assert_eq!(workos.organization(&key(), &id).await.unwrap_err().class(), ErrorClass::Rejected);
}

#[tokio::test]
async fn a_path_of_the_base_url_is_kept() {
    let server = Server::start(vec![Answer::json("GET /proxy/connections?", 200, &page(&[], None))]).await;
    for base in ["proxy", "proxy/"] {
        let workos = causeway_workos::Workos::new(server.base.join(base).unwrap()).unwrap();
        let _ = workos.snapshot(&key(), false).await;
    }
    assert_eq!(server.calls(), ["GET /proxy/connections?limit=100"; 2]);
}
