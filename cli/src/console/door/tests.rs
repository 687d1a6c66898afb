//! The door, with what browsers, other programs and other sites send. Each part of a request is drawn with whether it may
//! pass, so that what is expected is known whatever is put together.

use http::{HeaderValue, Request};
use proptest::prelude::*;

use super::*;

const PORT: u16 = 4711;
const AUTHORITY: &str = "127.0.0.1:4711";

fn secret(number: u8) -> Token {
    Token::new([number; 32])
}

/// A door that was opened at `begun` by the token 1, with the root 2, and nobody in.
fn closed(begun: Instant) -> Door {
    Door::new(PORT, &secret(1), secret(2), begun)
}

fn form(token: &Token) -> Vec<u8> {
    format!("token={}", token.expose()).into_bytes()
}

/// The same with somebody in, whose cookie is the secret 3.
fn entered() -> Door {
    let begun = Instant::now();
    let mut door = closed(begun);
    door.enter(&form(&secret(1)), begun, &secret(3)).unwrap();
    door
}

/// A part of a request, and whether a request with it may pass.
type Part<T> = (T, bool);

fn of<T: Clone + std::fmt::Debug + 'static>(good: Vec<T>, bad: Vec<T>) -> impl Strategy<Value = Part<T>> {
    let good = prop::sample::select(good).prop_map(|one| (one, true));
    prop_oneof![4 => good, 1 => prop::sample::select(bad).prop_map(|one| (one, false))]
}

fn hosts() -> impl Strategy<Value = Part<Vec<String>>> {
    let one = |text: &str| vec![text.to_owned()];
    let mut bad: Vec<Vec<String>> = [
        "",
        "localhost:4711",
        "LOCALHOST:4711",
        "127.0.0.1",
        "127.0.0.1:4712",
        "127.0.0.1:80",
        "127.0.0.1.:4711",
        "127.1:4711",
        "0.0.0.0:4711",
        "[::1]:4711",
        "2130706433:4711",
        "0x7f.0.0.1:4711",
        "127.0.0.1:04711",
        "attacker.example",
        "attacker.example:4711",
        "127.0.0.1:4711.attacker.example",
        "127.0.0.1:4711@attacker.example",
        "127.0.0.1:4711, attacker.example",
        "attacker.example:4711/127.0.0.1:4711",
        "127.0.0.1.nip.io:4711",
    ]
    .map(one)
    .to_vec();
    bad.extend([vec![], vec![AUTHORITY.to_owned(); 2], vec!["attacker.example".to_owned(), AUTHORITY.to_owned()]]);
    of(vec![one(AUTHORITY)], bad)
}

fn origins() -> impl Strategy<Value = Part<Vec<String>>> {
    let own = format!("http://{AUTHORITY}");
    let mut bad: Vec<Vec<String>> = [
        "",
        "null",
        "https://127.0.0.1:4711",
        "http://127.0.0.1",
        "http://127.0.0.1:4712",
        "http://localhost:4711",
        "http://attacker.example",
        "http://127.0.0.1:4711.attacker.example",
        "file://",
        "http://127.0.0.1:4711/",
    ]
    .map(|text| vec![text.to_owned()])
    .to_vec();
    bad.extend([vec![own.clone(), own.clone()], vec![own.clone(), "http://attacker.example".to_owned()]]);
    of(vec![vec![], vec![own]], bad)
}

fn sites() -> impl Strategy<Value = Part<Vec<String>>> {
    let one = |text: &str| vec![text.to_owned()];
    let several = vec!["none".to_owned(), "cross-site".to_owned()];
    of(vec![vec![], one("same-origin"), one("none")], vec![one("cross-site"), one("same-site"), one(""), several])
}

fn cookies() -> impl Strategy<Value = Part<Vec<String>>> {
    let pair = |number: u8| format!("causeway-console={}", secret(number).expose());
    let others: Vec<String> = (10..200).map(pair).collect();
    let good = vec![
        vec![pair(3)],
        vec![format!("other=1; {}", pair(3))],
        vec![others.join("; "), format!("{}; {}", others.join(";"), pair(3))],
    ];
    let value = secret(3);
    let value = value.expose();
    let bad = vec![
        vec![],
        vec![pair(1)],
        vec![pair(2)],
        vec![pair(9), others.join("; ")],
        vec![format!("causeway-console=\"{value}\"")],
        vec![format!("causeway-console={}", &value[1..])],
        vec![format!("causeway-console={value}A")],
        vec![format!("Causeway-Console={value}")],
        vec![format!("causeway-console ={value}x")],
        vec![format!("console={value}")],
        vec![value.to_owned()],
        vec!["causeway-console=".to_owned()],
    ];
    of(good, bad)
}

const TENANT: &str = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N";

fn targets() -> impl Strategy<Value = Part<String>> {
    let root = secret(2).expose().to_owned();
    let good =
        ["", "tenants", "?cursor=YQ", &format!("tenants/{TENANT}"), &format!("tenants/{TENANT}/changes?cursor=a-_")];
    let good = good.iter().map(|place| format!("/{root}/{place}")).collect();
    let bad = vec![
        "/".to_owned(),
        "/favicon.ico".to_owned(),
        "/enter".to_owned(),
        "/v1/tenants".to_owned(),
        format!("/{root}"),
        format!("//{root}/"),
        format!("/{root}//"),
        format!("/{root}/../{root}/"),
        format!("/{root}/%74enants"),
        format!("/{root}/tenants/"),
        format!("/{root}/?cursor="),
        format!("/{root}/?cursor=a&limit=1"),
        format!("/{root}/?limit=1"),
        format!("/{root}/v1/tenants"),
        format!("/{root}/tenants/{TENANT}/role"),
        format!("/{root}/tenants/tnt_x"),
        format!("/{}/", secret(9).expose()),
        format!("/{}/", root.to_lowercase()),
        format!("/{}/", &root[1..]),
        format!("http://{AUTHORITY}/{root}/"),
        format!("http://attacker.example/{root}/"),
        "*".to_owned(),
    ];
    of(good, bad)
}

fn head(method: &Method, target: &str, headers: &[(&HeaderName, &[String])]) -> Parts {
    let mut request = Request::builder().method(method).uri(target);
    for (name, values) in headers {
        for value in *values {
            request = request.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
    }
    request.body(()).unwrap().into_parts().0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_place_is_shown_to_who_asks_by_the_address_from_no_other_page_with_the_cookie_and_to_nobody_else(
        host in hosts(), origin in origins(), site in sites(), cookie in cookies(), target in targets(),
        method in of(vec![Method::GET], vec![Method::POST, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH, Method::CONNECT, Method::TRACE]),
    ) {
        let headers: [(&HeaderName, &[String]); 4] =
            [(&header::HOST, &host.0), (&header::ORIGIN, &origin.0), (&SEC_FETCH_SITE, &site.0), (&header::COOKIE, &cookie.0)];
        let head = head(&method.0, &target.0, &headers);
        let may = host.1 && origin.1 && site.1 && cookie.1 && target.1 && method.1;
        let asked = entered().asked(&head);
        prop_assert_eq!(matches!(asked, Ok(Asked::Place(_))), may, "{:?}", asked);
        prop_assert!(closed(Instant::now()).asked(&head).is_err(), "nobody is in yet");
        if host.1 && origin.1 && site.1 && method.1 && !target.0.contains("://") && (!cookie.1 || !target.1) {
            prop_assert_eq!(asked, Err(Refusal::NotFound), "who is not in learns nothing of what there is");
        }
    }

    #[test]
    fn the_entrance_is_for_a_file_that_asks_by_the_address(host in hosts(), target in of(vec![ENTRANCE], vec!["/", "/enter/", "/enter?x=1", "//enter", "/ENTER", "/%65nter", "http://127.0.0.1:4711/enter"]), origin in of(vec![vec!["null"]], vec![vec![], vec!["http://127.0.0.1:4711"], vec!["http://attacker.example"], vec!["null", "null"], vec!["Null"], vec!["file://"]])) {
        let from: Vec<String> = origin.0.iter().map(|from| (*from).to_owned()).collect();
        let head = head(&Method::POST, target.0, &[(&header::HOST, &host.0), (&header::ORIGIN, &from)]);
        prop_assert_eq!(closed(Instant::now()).asked(&head) == Ok(Asked::Entrance), host.1 && target.1 && origin.1);
    }

    #[test]
    fn whatever_is_brought_but_the_token_itself_lets_nobody_in(body in prop_oneof![
        any::<Vec<u8>>(),
        "(token=)?[A-Za-z0-9_-]{0,60}".prop_map(String::into_bytes),
        (0..50usize, any::<u8>()).prop_map(|(at, byte)| { let mut body = form(&secret(1)); if at < body.len() { body[at] = byte; } else { body.push(byte); } body }),
        Just([form(&secret(1)), b"&token=".to_vec()].concat()),
        Just(form(&secret(2))),
    ]) {
        let begun = Instant::now();
        let mut door = closed(begun);
        prop_assume!(body != form(&secret(1)));
        prop_assert_eq!(door.enter(&body, begun, &secret(3)).unwrap_err(), Refusal::WrongToken);
        // Nor does it keep out who has the token.
        prop_assert!(door.enter(&form(&secret(1)), begun, &secret(3)).is_ok());
    }
}

#[test]
fn a_token_is_good_once_and_for_a_minute() {
    let begun = Instant::now();
    for (after, lets_in) in [(0, true), (60_000, true), (60_001, false), (3_600_000, false)] {
        let mut door = closed(begun);
        let now = begun + Duration::from_millis(after);
        let entered = door.enter(&form(&secret(1)), now, &secret(3)).map(|let_in| let_in.begins);
        assert_eq!(entered, if lets_in { Ok(format!("{}/", door.root())) } else { Err(Refusal::OldToken) }, "{after}");
        if lets_in {
            for later in [now, now + Duration::from_hours(1)] {
                assert_eq!(door.enter(&form(&secret(1)), later, &secret(4)).unwrap_err(), Refusal::UsedToken);
            }
        }
    }
}

#[test]
fn the_cookie_goes_to_no_script_no_other_site_and_no_other_server_of_this_machine() {
    let begun = Instant::now();
    let let_in = closed(begun).enter(&form(&secret(1)), begun, &secret(3)).unwrap();
    let (cookie, root) = (secret(3), secret(2));
    let expected = format!("causeway-console={}; Path=/{}; HttpOnly; SameSite=Strict", cookie.expose(), root.expose());
    assert_eq!(let_in.cookie, expected);
}

#[test]
fn the_door_shows_none_of_its_secrets() {
    let shown = format!("{:?}", entered());
    for number in 1..4 {
        assert!(!shown.contains(secret(number).expose()), "{number}: {shown}");
    }
}
