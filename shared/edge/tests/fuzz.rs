//! Fuzz targets of the door. As tests they run for a second each, in `cargo xtask test --long` for minutes;
//! `BOLERO_RANDOM_SEED` plays a failure again.
#![allow(clippy::unwrap_used, reason = "a test that can not go on fails")]

mod door;

use bolero::check;
use causeway_edge::Door;
use door::{Entrance, routes};
use serde_json::json;

#[test]
fn bytes_in_place_of_an_event_are_a_bad_request() {
    let entrance = Entrance::new(Door::Open);
    check!().for_each(|bytes: &[u8]| {
        assert_eq!(entrance.answer(&String::from_utf8_lossy(bytes)).status_code, 400);
    });
}

type Odd = (u8, String, String, (String, String), Vec<String>, Option<String>, (bool, bool));

#[test]
fn an_event_with_anything_in_its_members_is_refused_or_gets_to_its_own_route() {
    let (doors, routes) = ([Entrance::new(Door::Open), Entrance::new(Door::Signed)], routes());
    check!().with_type::<Odd>().for_each(|(number, path, query, header, cookies, body, (is_base64, is_on_route))| {
        let route = &routes[usize::from(*number) % routes.len()];
        // Half of them with a path that the route has, so that the rest of the event is looked at.
        let path = if *is_on_route { route.path.replace(['{', '}', '+'], "") } else { path.clone() };
        let event = json!({
            "version": "2.0", "routeKey": route.key(), "rawPath": path, "rawQueryString": query,
            "headers": {header.0.as_str(): header.1.as_str(), "host": "a"}, "cookies": cookies, "body": body,
            "isBase64Encoded": is_base64,
            "requestContext": {
                "stage": "$default", "http": {"method": route.method, "path": path, "sourceIp": query},
                "authorizer": {"iam": {"userArn": "arn:aws:iam::111111111111:user/a"}},
            },
        });
        for door in &doors {
            assert_eq!(door.fault(&event), None);
        }
    });
}
