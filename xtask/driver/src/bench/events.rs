//! Events as Lambda hands them to the functions.

use anyhow::{Context, Result};
use causeway_attackers::{Route, api_routes, open_routes, route_of};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;

/// A request as the HTTP API hands it over (API Gateway: payload format version 2.0).
pub fn request(method: &str, path: &str, query: &str, headers: &[(&str, &str)], body: &str) -> Value {
    let routes: Vec<Route> = api_routes().into_iter().chain(open_routes()).collect();
    let route = route_of(&routes, method, path).map(Route::key).unwrap_or_default();
    let mut all = Map::new();
    all.insert("host".to_owned(), json!("bench.execute-api.us-east-1.amazonaws.com"));
    for (name, value) in headers {
        all.insert((*name).to_owned(), json!(value));
    }
    json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": query,
        "headers": all,
        "requestContext": {
            "accountId": "111111111111",
            "apiId": "bench",
            "domainName": "bench.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "bench",
            "http": {
                "method": method, "path": path, "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1", "userAgent": "bench",
            },
            "requestId": "bench",
            "routeKey": route,
            "stage": "$default",
            "time": "26/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1_795_694_400_000_u64,
            "authorizer": {"iam": {
                "accessKey": "AKIAEXAMPLE", "accountId": "111111111111", "callerId": "AIDAEXAMPLE",
                "userArn": "arn:aws:iam::111111111111:user/operator", "userId": "AIDAEXAMPLE",
                "cognitoIdentity": null, "principalOrgId": null,
            }},
        },
        "isBase64Encoded": false,
        "body": body,
    })
}

/// Wake-ups as the queue hands them over, each a message's body.
pub fn wake_ups(bodies: &[String]) -> Value {
    let records = (0..).zip(bodies).map(|(number, body): (usize, _)| message(&number.to_string(), body));
    json!({"Records": records.collect::<Vec<_>>()})
}

/// One message of the queue.
fn message(id: &str, body: &str) -> Value {
    json!({
        "messageId": id, "receiptHandle": id, "body": body, "md5OfBody": "",
        "attributes": {}, "messageAttributes": {},
        "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:111111111111:wake-ups.fifo",
        "awsRegion": "us-east-1",
    })
}

/// A wake-up for a pool.
pub fn wake_up(tenant: &str, pool: &str, cause: &str) -> String {
    json!({"tenant_id": tenant, "user_pool_id": pool, "cause": cause}).to_string()
}

/// A webhook of `WorkOS` about a connection, signed with the endpoint's secret at a time in milliseconds since 1970.
pub fn webhook(tenant: &str, secret: &str, event: &str, at_millis: u64) -> Result<Value> {
    let body = json!({
        "id": event,
        "event": "connection.activated",
        "data": {"object": "connection", "id": "conn_01E4ZCR3C56J083X43JQXF3JK5", "state": "active"},
        "created_at": "2026-11-26T12:00:00.000Z",
    })
    .to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).context("any key fits")?;
    mac.update(format!("{at_millis}.{body}").as_bytes());
    let signature = format!("t={at_millis}, v1={}", hex::encode(mac.finalize().into_bytes()));
    let headers = [("content-type", "application/json"), ("workos-signature", signature.as_str())];
    Ok(request("POST", &format!("/webhooks/{tenant}"), "", &headers, &body))
}

/// The status of a function's answer to a request.
pub fn status(answer: &Value) -> u64 {
    answer["statusCode"].as_u64().unwrap_or_default()
}

/// A header of a function's answer to a request.
pub fn header<'a>(answer: &'a Value, name: &str) -> Option<&'a str> {
    let single = answer["headers"].as_object().into_iter().flatten();
    let found = single.filter(|(key, _)| key.eq_ignore_ascii_case(name)).find_map(|(_, value)| value.as_str());
    let several = answer["multiValueHeaders"].as_object().into_iter().flatten();
    found.or_else(|| several.filter(|(key, _)| key.eq_ignore_ascii_case(name)).find_map(|(_, value)| value[0].as_str()))
}
