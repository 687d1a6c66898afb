//! Requests whose path is plain, and whose query, headers, cookies or body are odd.

use crate::attacks::Hostile;
use crate::routes::{Named, PAGES, open_routes};
use crate::writing::Kind;

const QUERIES: [&[u8]; 18] = [
    b"a=\"",
    b"a=<b>",
    b"a=`{|}^",
    b"a=[b]&a[]=c",
    b"\"",
    b"%",
    b"a=%zz&%2",
    b"a=%00%ff%c0%ae",
    b"=&&==",
    b"a\\b=\\..\\..",
    b"a=\tb",
    b"state=%22%3C&code=\"<>",
    b"client_id=<&redirect_uri=\"&scope=\\",
    "a=\u{ff0e}\u{2028}".as_bytes(),
    b"domain=\xff&domain=%2e%2e%2f",
    b"domain=%23OWNER%00",
    b"domain=a%E3%80%82b&domain=",
    "domain=\u{212a}elvin.test".as_bytes(),
];

const HEADERS: [(&str, &[u8]); 8] = [
    ("x-odd", b"\xff\xfe"),
    ("x-odd", "\u{fffd}\u{202e}".as_bytes()),
    ("origin", b"\xff"),
    ("authorization", b"Bearer \xc0\xae"),
    ("authorization", b"Bearer"),
    ("content-type", b"\"\\;=/"),
    ("workos-signature", b"t=\xff, v1=\"<"),
    ("if-match", b"\"\\\""),
];

const COOKIES: [&[u8]; 8] =
    [b"a", b"=", b";;;", b"onboarding", b"onboarding=", b"=onboarding=;onboarding", b"onboarding=\xff", b"a=b,c=d;\"<"];

const BODIES: [&[u8]; 4] = [b"\xff\xfe\x00", b"{\"a\":", b"=%zz&client_id=%ff", b"[[[[[[[["];

/// All of them.
pub(crate) fn requests(named: &Named) -> Vec<Hostile> {
    let routes = open_routes().into_iter().filter(|route| !route.path.ends_with("{proxy+}"));
    let mut places: Vec<(String, String)> =
        routes.map(|route| (route.method.clone(), named.put_into(&route.path))).collect();
    for page in PAGES {
        places.extend(["GET", "POST"].map(|method| (method.to_owned(), named.put_into(page))));
    }
    places.push(("GET".to_owned(), "/onboarding/x".to_owned()));
    let mut requests = Vec::new();
    for (method, path) in &places {
        let plain = |kind| Hostile {
            method: method.clone(),
            target: path.clone().into_bytes(),
            headers: Vec::new(),
            body: Vec::new(),
            aim: path.clone(),
            kinds: vec![kind],
            is_signed: false,
        };
        requests.extend(QUERIES.map(|query| {
            let target = [path.as_bytes(), b"?", query].concat();
            Hostile { target, ..plain(Kind::OddQuery) }
        }));
        let with = |kind, name, value: &[u8]| Hostile { headers: vec![(name, value.to_vec())], ..plain(kind) };
        requests.extend(HEADERS.map(|(name, value)| with(Kind::OddHeader, name, value)));
        requests.extend(COOKIES.map(|value| with(Kind::OddCookie, "cookie", value)));
        if method == "POST" {
            requests.extend(BODIES.map(|body| Hostile { body: body.to_vec(), ..plain(Kind::OddBody) }));
        }
    }
    requests
}
