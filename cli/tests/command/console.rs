//! The console as the program that it is: what its file is, who is let in, what the API is asked, and what is left of it.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    POOL, TENANT, causeway, pool_path,
    scripted_server::{Answer, Server},
};

/// How long the program may take for what it does at once.
const SOON: Duration = Duration::from_secs(20);

fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < SOON, "never: {what}");
        thread::yield_now();
    }
}

/// What is asked before anything is served.
const MAY_READ: &str = "GET /v1/status?limit=1";

fn server(answers: Vec<Answer>) -> Server {
    let may_read = Answer::json(MAY_READ, 200, &json!({ "fleet": null, "items": [] }));
    Server::start(std::iter::once(may_read).chain(answers).collect())
}

/// A console that runs, and the file that lets in.
struct Console {
    program: Child,
    temporary: PathBuf,
    file: PathBuf,
    address: String,
    token: String,
}

impl Console {
    /// Starts one. The server is asked once first, whether it may be read at all.
    fn start(server: &Server, name: &str) -> Self {
        let temporary = std::env::temp_dir().join(format!("causeway-console-test-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&temporary);
        fs::create_dir(&temporary).unwrap();
        let mut command = causeway(server, &["console", "--no-open"]);
        command.env("TMPDIR", &temporary).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut program = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let file = PathBuf::from(line.trim_end());
        let page = fs::read_to_string(&file).unwrap();
        let between = |begin: &str| page.split(begin).nth(1).unwrap().split('"').next().unwrap().to_owned();
        let address = between("action=\"http://").trim_end_matches("/enter").to_owned();
        Self { token: between("name=\"token\" value=\""), program, temporary, file, address }
    }

    /// Sends a request of these lines, and gives the answer whole.
    fn sends(&self, first: &str, headers: &[&str], body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let lines = headers.join("\r\n");
        let length = body.len();
        write!(stream, "{first} HTTP/1.1\r\n{lines}\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn host(&self) -> String {
        format!("Host: {}", self.address)
    }

    /// Posts a token as the file does.
    fn posts(&self, token: &str) -> String {
        self.sends("POST /enter", &[&self.host(), "Origin: null"], &format!("token={token}"))
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").arg(name).arg(self.program.id().to_string()).status().unwrap().success());
    }

    fn ends(&mut self) -> i32 {
        eventually("it ends", || self.program.try_wait().unwrap()).code().unwrap()
    }

    /// What is left in its temporary folder.
    fn left(&self) -> Vec<PathBuf> {
        fs::read_dir(&self.temporary).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
        let _ = fs::remove_dir_all(&self.temporary);
    }
}

/// A browser that was let in: the cookie, and what every path begins with.
struct Browser {
    cookie: String,
    root: String,
}

impl Browser {
    fn of(entered: &str) -> Self {
        assert!(entered.starts_with("HTTP/1.1 200 "), "{entered}");
        let header = |name: &str| entered.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
        let cookie = header("set-cookie: ");
        let root = cookie.split("; Path=").nth(1).unwrap().split(';').next().unwrap().to_owned();
        assert!(entered.contains(&format!("content=\"0; url={root}/\"")), "{entered}");
        Self { cookie: format!("Cookie: {}", cookie.split(';').next().unwrap()), root }
    }

    fn gets(&self, console: &Console, path: &str) -> String {
        console.sends(&format!("GET {}/{path}", self.root), &[&console.host(), &self.cookie], "")
    }
}

fn mode(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions()) & 0o777
}

fn status() -> Value {
    let need = json!({ "tenant_id": TENANT, "tenant_name": "<b>Acme</b>", "user_pool_id": POOL, "state": "held",
        "whose": "operator", "since": "2026-11-22T12:00:00.000Z", "message": "m", "remedy": "Run `verify` on it." });
    json!({ "fleet": { "state": "user_pools", "counts": { "ok": 7, "held": 1 } }, "items": [need], "next_cursor": "YQ" })
}

#[test]
fn a_browser_is_let_in_by_the_file_once_and_what_it_asks_for_is_read_from_the_api() {
    let server = server(vec![
        Answer::json("GET /v1/status?limit=100", 200, &status()),
        Answer::json("GET /v1/status?limit=100&cursor=YQ", 503, &json!({ "detail": "not now" })),
        Answer::json("GET /v1/status?limit=100&cursor=YQ", 503, &json!({ "detail": "not now" })),
        Answer::json("GET /v1/status?limit=100&cursor=YQ", 503, &json!({ "detail": "not now" })),
        Answer::json("GET /v1/status?limit=100&cursor=YQ", 503, &json!({ "detail": "not now" })),
    ]);
    let console = Console::start(&server, "in");
    assert_eq!((mode(&console.file), mode(console.file.parent().unwrap())), (0o600, 0o700));
    assert!(console.file.starts_with(&console.temporary), "{}", console.file.display());

    let wrong = "A".repeat(43);
    assert!(console.posts(&wrong).starts_with("HTTP/1.1 403 "));
    let browser = Browser::of(&console.posts(&console.token));
    eventually("the file is taken away", || console.left().is_empty().then_some(()));
    let again = console.posts(&console.token);
    assert!(again.starts_with("HTTP/1.1 403 ") && again.contains("opened before"), "{again}");

    let fleet = browser.gets(&console, "");
    assert!(fleet.starts_with("HTTP/1.1 200 ") && fleet.contains("<strong>7</strong> ok"), "{fleet}");
    assert!(fleet.contains("&lt;b&gt;Acme&lt;/b&gt;") && fleet.contains("Run `causeway verify` on it."), "{fleet}");
    assert!(fleet.contains(&format!("causeway plan {TENANT} {POOL}")), "{fleet}");
    assert!(fleet.contains(&format!("href=\"{}/?cursor=YQ\"", browser.root)), "{fleet}");
    let failed = browser.gets(&console, "?cursor=YQ");
    assert!(failed.starts_with("HTTP/1.1 502 ") && failed.contains("Not now"), "{failed}");
    for call in server.requests() {
        assert!(call.header("authorization").is_some_and(|value| value.contains("AKIDEXAMPLE")), "{call:?}");
        assert_eq!(call.header("cookie"), None, "nothing of the browser's goes on");
    }
    server.assert_all_given();
}

#[test]
fn nobody_is_let_in_by_another_name_from_another_site_or_without_the_cookie_and_nothing_is_read() {
    let server = server(Vec::new());
    let console = Console::start(&server, "out");
    let (host, body) = (console.host(), format!("token={}", console.token));
    for headers in [
        vec!["Host: localhost", "Origin: null"],
        vec!["Host: attacker.example", "Origin: null"],
        vec![host.as_str(), "Host: attacker.example", "Origin: null"],
        vec![host.as_str(), "Origin: http://attacker.example"],
        vec![host.as_str()],
    ] {
        let refused = console.sends("POST /enter", &headers, &body);
        let is_refused = ["400", "403", "421"].iter().any(|status| refused.starts_with(&format!("HTTP/1.1 {status} ")));
        assert!(is_refused && !refused.contains("set-cookie"), "{headers:?}: {refused}");
    }
    let browser = Browser::of(&console.posts(&console.token));
    let (cookie, page) = (browser.cookie.as_str(), format!("GET {}/", browser.root));
    for (first, headers) in [
        (page.as_str(), vec![host.as_str()]),
        (page.as_str(), vec!["Host: attacker.example", cookie]),
        (page.as_str(), vec![host.as_str(), cookie, "Origin: http://attacker.example"]),
        (page.as_str(), vec![host.as_str(), cookie, "Sec-Fetch-Site: cross-site"]),
        (page.as_str(), vec![host.as_str(), "Cookie: causeway-console=AAAA"]),
        ("GET /", vec![host.as_str(), cookie]),
        ("GET /v1/status", vec![host.as_str(), cookie]),
        (&page.replace("GET", "POST"), vec![host.as_str(), cookie]),
        (&page.replace("GET", "DELETE"), vec![host.as_str(), cookie]),
        (&format!("{page}tenants/../status"), vec![host.as_str(), cookie]),
        (&page.replace(" /", " http://attacker.example/"), vec![host.as_str(), cookie]),
    ] {
        let refused = console.sends(first, &headers, "");
        assert!(refused.starts_with("HTTP/1.1 4") && !refused.contains(POOL), "{first} {headers:?}: {refused}");
        assert!(refused.contains("default-src 'none'") || refused.starts_with("HTTP/1.1 400 "), "{refused}");
    }
    assert_eq!(server.calls(), [MAY_READ]);
}

#[test]
fn the_page_of_a_user_pool_is_there_though_parts_of_it_are_not() {
    let pool = json!({ "tenant_id": TENANT, "user_pool_id": POOL, "name": "customers", "account_id": "1", "role_arn": "r",
        "status": "active", "mode": "sync", "organizations": null, "counts": { "connections": 1, "providers": 1 },
        "last_run": null, "next_due_at": null,
        "health": { "state": "held", "message": "m", "remedy": "", "since": "2026-11-22T12:00:00.000Z" } });
    let list = |items: Value| json!({ "items": items, "next_cursor": null });
    let refused = json!({ "message": "Forbidden" });
    let server = server(vec![
        Answer::json(&format!("GET /v1/tenants/{TENANT}"), 403, &refused),
        Answer::json(&format!("GET {}", pool_path("")), 200, &pool),
        Answer::json(&format!("GET {}", pool_path("/providers?limit=25")), 200, &list(json!([]))),
        Answer::json(&format!("GET {}", pool_path("/runs?limit=50")), 200, &list(json!([{ "id": 7 }]))),
        Answer::json(&format!("GET {}", pool_path("/sign-ins?limit=100")), 403, &refused),
        Answer::json(&format!("GET /v1/tenants/{TENANT}/audit?limit=100"), 200, &list(json!([]))),
        Answer::json(&format!("POST {}", pool_path("/reconcile")), 403, &refused),
    ]);
    let console = Console::start(&server, "parts");
    let browser = Browser::of(&console.posts(&console.token));
    let page = browser.gets(&console, &format!("tenants/{TENANT}/pools/{POOL}"));
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("&quot;customers&quot;"), "{page}");
    assert_eq!(page.matches("This could not be read").count(), 3, "the plan, the runs and the sign-ins: {page}");
    let look = server.requests().into_iter().find(|request| request.call().starts_with("POST ")).unwrap();
    assert_eq!(look.body(), json!({ "dry_run": true }));
    server.assert_all_given();
}

#[test]
fn it_ends_when_it_is_told_to_and_leaves_no_file() {
    for (signal, enters) in [("-INT", false), ("-INT", true), ("-TERM", false), ("-HUP", true)] {
        let server = server(Vec::new());
        let mut console = Console::start(&server, &format!("end{signal}{enters}"));
        if enters {
            Browser::of(&console.posts(&console.token));
        }
        console.signal(signal);
        assert_eq!(console.ends(), 0, "{signal}");
        assert!(console.left().is_empty(), "{signal}: {:?}", console.left());
        assert!(TcpStream::connect(&console.address).is_err(), "{signal}");
    }
}

#[test]
fn who_may_not_read_gets_no_console() {
    let forbidden = Answer::json(MAY_READ, 403, &json!({ "message": "Forbidden" }));
    let ended = crate::run(&Server::start(vec![forbidden]), &["console", "--no-open"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (4, ""), "{}", ended.stderr);
}
