//! The events that API Gateway makes of a request, in payload format 2.0.

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::attacks::Hostile;
use crate::routes::{Route, api_routes, open_routes, route_of};
use crate::writing::Kind;

/// What an event can have where a body or a header should be.
const ODD_TEXTS: [&str; 5] = ["%%%", "\u{0}\n\r", "====", "\u{ff}\u{202e}", "a b"];

impl Hostile {
    /// The event of the request as it was sent.
    #[must_use]
    pub fn event(&self) -> Value {
        self.events().into_iter().next().unwrap_or_else(|| {
            let (path, query) = self.sent();
            self.event_of("$default", false, &path, &query)
        })
    }

    /// Every event that may come of it: with the route that the path matches as it was sent, or decoded; with the path
    /// as it was sent, or with its escapes decoded but those of the percent sign, as has been seen. For a route that
    /// IAM guards, also one without a caller. None where no route matches: API Gateway answers that itself.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        let (_, query) = self.sent();
        let mut events = Vec::new();
        for (route, path) in self.matches() {
            let callers: &[bool] = if self.is_signed && route.guarded { &[true, false] } else { &[false] };
            for has_caller in callers {
                let event = self.event_of(&route.key(), *has_caller, &path, &query);
                if !events.contains(&event) {
                    events.push(event);
                }
            }
        }
        let odd = events.first().map(|event| self.made_odder(event)).unwrap_or_default();
        events.into_iter().chain(odd).collect()
    }

    /// Whether API Gateway may give it to a function: most are for no route at all.
    #[must_use]
    pub fn is_routed(&self) -> bool {
        !self.matches().is_empty()
    }

    /// The routes that may be matched, each with the path that the function may see.
    fn matches(&self) -> Vec<(&'static Route, String)> {
        static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| api_routes().into_iter().chain(open_routes()).collect());
        let (sent, _) = self.sent();
        let decoded = decoded_in_part(&sent);
        let found = [(&sent, &sent), (&sent, &decoded), (&decoded, &decoded)].map(|(matched, path)| {
            let route = route_of(&ROUTES, &self.method, matched)?;
            Some((route, path.clone()))
        });
        found.into_iter().flatten().collect()
    }

    /// Path and query as text, as they were sent.
    fn sent(&self) -> (String, String) {
        let text = String::from_utf8_lossy(&self.target).into_owned();
        let (path, query) = text.split_once('?').unwrap_or((&text, ""));
        (path.to_owned(), query.to_owned())
    }

    fn event_of(&self, route_key: &str, has_caller: bool, path: &str, query: &str) -> Value {
        let mut event = json!({
            "version": "2.0",
            "routeKey": route_key,
            "rawPath": path,
            "rawQueryString": query,
            "headers": self.text_headers(),
            "requestContext": {
                "accountId": "111111111111",
                "apiId": "a1b2c3d4e5",
                "domainName": "login.example.com",
                "domainPrefix": "login",
                "http": {
                    "method": self.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1",
                    "userAgent": "attacker"
                },
                "requestId": "JKJaXmPLvHcESHA=",
                "routeKey": route_key,
                "stage": "$default",
                "time": "12/Mar/2026:19:03:58 +0000",
                "timeEpoch": 1_773_342_238_000_u64
            },
            "isBase64Encoded": false
        });
        let cookies = self.headers.iter().filter(|(name, _)| *name == "cookie");
        let cookies: Vec<String> = cookies.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect();
        if !cookies.is_empty() {
            event["cookies"] = json!(cookies);
        }
        if !self.body.is_empty() {
            event["body"] = json!(STANDARD.encode(&self.body));
            event["isBase64Encoded"] = json!(true);
        }
        if has_caller {
            event["requestContext"]["authorizer"] = json!({"iam": {
                "accessKey": "AKIAIOSFODNN7EXAMPLE",
                "accountId": "111111111111",
                "callerId": "AIDACKCEVSQ6C2EXAMPLE",
                "cognitoIdentity": null,
                "principalOrgId": null,
                "userArn": "arn:aws:iam::111111111111:user/attacker",
                "userId": "AIDACKCEVSQ6C2EXAMPLE"
            }});
        }
        event
    }

    fn text_headers(&self) -> Map<String, Value> {
        let own = self.headers.iter().filter(|(name, _)| *name != "cookie");
        let own = own.map(|(name, value)| ((*name).to_owned(), json!(String::from_utf8_lossy(value))));
        own.chain([("host".to_owned(), json!("login.example.com"))]).collect()
    }

    /// What can stand in an event and can't be sent.
    fn made_odder(&self, event: &Value) -> Vec<Value> {
        let with = |change: &dyn Fn(&mut Value, &str)| {
            let made = |text: &&str| {
                let mut event = event.clone();
                change(&mut event, text);
                event
            };
            ODD_TEXTS.iter().map(made).collect::<Vec<_>>()
        };
        match self.kinds[..] {
            [Kind::OddQuery] => with(&|event, text| event["rawQueryString"] = json!(text)),
            [Kind::OddCookie] => with(&|event, text| event["cookies"] = json!([text, ""])),
            [Kind::OddHeader] => {
                let mut events = with(&|event, text| event["headers"]["x-odd"] = json!(text));
                events.extend(with(&|event, text| event["headers"][text] = json!("odd")));
                events
            }
            [Kind::OddBody] => with(&|event, text| {
                event["body"] = json!(text);
                event["isBase64Encoded"] = json!(true);
            }),
            _ => Vec::new(),
        }
    }
}

/// Every escape decoded, but that of the percent sign.
fn decoded_in_part(path: &str) -> String {
    let bytes = path.as_bytes();
    let (mut decoded, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let escape = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let digits = escape.and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if byte != b'%' => {
                decoded.push(byte);
                at += 3;
            }
            _ => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::decoded_in_part;

    #[test]
    fn every_escape_but_that_of_the_percent_sign_is_decoded() {
        for (sent, arrives) in [
            ("/a/..%5C..%5Cb", "/a/..\\..\\b"),
            ("/%2e%2E/%2f", "/..//"),
            ("/%252e", "/%252e"),
            ("/%25%32%65", "/%252e"),
            ("/%zz%+1%2", "/%zz%+1%2"),
            ("/%c0%ae", "/\u{fffd}\u{fffd}"),
            ("/%ef%bc%8e", "/\u{ff0e}"),
        ] {
            assert_eq!(decoded_in_part(sent), arrives);
        }
    }
}
