//! `causeway console`.

use std::{
    convert::Infallible,
    io,
    process::{Command, Stdio},
    sync::Arc,
    time::Instant,
};

use causeway_core::onboarding::Token;
use clap::Args;
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    api::random,
    commands::Session,
    console::{
        door::{Door, GOOD_FOR},
        entrance::Entrance,
        place::List,
        reads::Read,
        server::{Console as Served, serve},
    },
    failure::{Ending, Failure},
};

/// `causeway console`.
#[derive(Debug, Args)]
pub struct Console {
    /// Prints the path of the file that lets a browser in, instead of opening it. It is good once, and for a minute
    #[arg(long)]
    no_open: bool,
}

impl Console {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        // Who may not read gets to know it here, and not in a browser.
        Read::List(&List::Fleet, None, 1).made(&session.api).await?;
        let told_to_end = told_to_end().map_err(|source| failed("listen to signals", source))?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|source| failed("listen", source))?;
        let port = listener.local_addr().map_err(|source| failed("listen", source))?.port();
        let token = Token::new(random()?);
        let door = Door::new(port, &token, Token::new(random()?), Instant::now());
        let name = hex::encode(random::<16>()?);
        let entrance =
            Entrance::write(&door.origin(), &token, &name).map_err(|source| failed("write its file", source))?;
        let console = Arc::new(Served::new(session.api.clone(), door));
        let served = tokio::spawn(serve(Arc::clone(&console), listener));
        self.tell(session, &entrance)?;
        let ended = tokio::select! {
            ending = lets_in(&console, entrance) => ending,
            () = told_to_end => Ok(Ending::Done),
            broken = served => Err(broken_off(broken)),
        };
        session.output.remark("The console has ended.");
        ended
    }

    /// Opens the file, or says where it is.
    fn tell(&self, session: &Session, entrance: &Entrance) -> Result<(), Failure> {
        let file = entrance.path().display().to_string();
        if self.no_open {
            session.output.show(&json!({ "file": file }), || Ok(format!("{file}\n")))?;
            session.output.remark("Open this file in a browser, within a minute. Ctrl-C ends the console.");
            return Ok(());
        }
        let program = if cfg!(target_os = "macos") {
            "open"
        } else if cfg!(windows) {
            "explorer"
        } else {
            "xdg-open"
        };
        let mut command = Command::new(program);
        command.arg(entrance.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let opens = command.spawn().is_ok();
        let how = if opens { "opens in your browser. If it does not, open" } else { "is there. Open" };
        session.output.remark(&format!("The console {how} this file, within a minute:\n  {file}\nCtrl-C ends it."));
        Ok(())
    }
}

/// Takes the file away as soon as it was used, and goes on; ends where nobody used it in time.
async fn lets_in(console: &Served, entrance: Entrance) -> Result<Ending, Failure> {
    let came = tokio::time::timeout(GOOD_FOR, console.entered()).await;
    drop(entrance);
    match came {
        Ok(()) => std::future::pending().await,
        Err(_) => Err(Failure::TimedOut("nobody opened the file within a minute: run it again".to_owned())),
    }
}

/// Comes once the operator or the system ends the command. It listens from this call on, so that no file is left behind.
#[cfg(unix)]
fn told_to_end() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
            _ = hung_up.recv() => {}
        }
    })
}

/// Comes once the operator ends the command.
#[cfg(not(unix))]
fn told_to_end() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

fn failed(what: &str, source: io::Error) -> Failure {
    Failure::Local { what: format!("the console can't {what}"), source: source.into() }
}

fn broken_off(served: Result<io::Result<Infallible>, tokio::task::JoinError>) -> Failure {
    match served {
        Ok(Err(source)) => failed("be served any more", source),
        Ok(Ok(never)) => match never {},
        Err(source) => failed("be served any more", io::Error::other(source)),
    }
}
