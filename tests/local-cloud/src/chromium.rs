//! One window of a headless browser, steered command by command: `tests/tools/browser/driver.mjs`.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Error, Result, bail};
use causeway_machine::browser;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::node_script;

/// The width and height of a phone's window, in CSS pixels.
pub const PHONE: (u32, u32) = (390, 844);
/// Those of a computer's.
pub const DESK: (u32, u32) = (1024, 900);

/// The address of an application that a window serves.
#[must_use]
pub fn application(port: u16) -> String {
    format!("http://localhost:{port}")
}

/// A window. It closes when this is dropped.
#[derive(Debug)]
pub struct Window {
    driver: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Window {
    /// Opens a window of a browser of its own, with nothing remembered.
    pub fn open() -> Result<Self> {
        Self::started(false)
    }

    /// The same where a person sees it, and does by hand what no command does.
    pub fn open_for_a_person() -> Result<Self> {
        Self::started(true)
    }

    fn started(is_seen: bool) -> Result<Self> {
        let mut command = Command::new("node");
        node_script::forget_keys(&mut command);
        command.env("SEEN", if is_seen { "yes" } else { "" });
        let browser = browser::find().map_err(Error::msg)?;
        command.arg("driver.mjs").arg(browser.program).args(browser.libraries).current_dir(node_script::folder()?);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut driver = command.spawn().context("cannot start node")?;
        let commands = driver.stdin.take().context("no standard input")?;
        let answers = BufReader::new(driver.stdout.take().context("no standard output")?).lines();
        Ok(Self { driver, commands, answers })
    }

    /// Any command of the driver's.
    pub async fn does(&mut self, command: &str, options: &Value) -> Result<Value> {
        let mut line = options.clone();
        line["command"] = json!(command);
        self.commands.write_all(format!("{line}\n").as_bytes()).await?;
        let answer = self.answers.next_line().await?;
        let answer = answer.with_context(|| format!("the driver has ended: {:?}", self.driver.try_wait()))?;
        let answer: Value = serde_json::from_str(&answer)?;
        match answer["error"].as_str() {
            None => Ok(answer["answer"].clone()),
            Some(error) => bail!("{command} {options}: {error}"),
        }
    }

    /// Opens an address, and gives the status.
    pub async fn goes_to(&mut self, url: &str) -> Result<Value> {
        Ok(self.does("open", &json!({"url": url})).await?["status"].clone())
    }

    /// Clicks on a link or a button.
    pub async fn clicks(&mut self, role: &str, name: &str) -> Result<()> {
        self.does("click", &json!({"role": role, "name": name})).await.map(drop)
    }

    /// Fills a field in, by its label.
    pub async fn fills(&mut self, name: &str, value: &str) -> Result<()> {
        self.does("fill", &json!({"name": name, "value": value})).await.map(drop)
    }

    /// Waits until a text is to be seen.
    pub async fn sees(&mut self, text: &str) -> Result<()> {
        self.does("sees", &json!({"text": text})).await.map(drop)
    }

    /// Waits until the address has this path at its end.
    pub async fn arrives(&mut self, end: &str) -> Result<()> {
        self.does("arrives", &json!({"end": end})).await.map(drop)
    }

    /// The text of the first element of a selector.
    pub async fn text(&mut self, selector: &str) -> Result<String> {
        let text = self.does("text", &json!({"selector": selector})).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// An attribute of each element of a selector.
    pub async fn attributes(&mut self, selector: &str, name: &str) -> Result<Vec<String>> {
        let found = self.does("attributes", &json!({"selector": selector, "name": name})).await?;
        Ok(serde_json::from_value(found)?)
    }

    /// Goes on by the keyboard alone until something of this name has the focus; `what` is its element.
    pub async fn tabs_to(&mut self, what: &str, name: &str) -> Result<()> {
        const MOST: usize = 40;
        for _ in 0..MOST {
            self.presses("Tab").await?;
            let focused = self.does("focused", &json!({})).await?;
            if focused["tag"] == what && focused["name"] == name {
                return Ok(());
            }
        }
        bail!("{what} {name} can't be reached by {MOST} times Tab")
    }

    /// Presses a key.
    pub async fn presses(&mut self, key: &str) -> Result<()> {
        self.does("press", &json!({"key": key})).await.map(drop)
    }

    /// Takes the size of a window and a colour scheme.
    pub async fn looks(&mut self, scheme: &str, (width, height): (u32, u32)) -> Result<()> {
        self.does("looks", &json!({"scheme": scheme, "width": width, "height": height})).await.map(drop)
    }

    /// Serves an application, for as long as this window is open, whose users sign in at `cognito` in the app
    /// client, and gives its address. It has to be the app client's callback, with `/callback` at its end.
    pub async fn serves_application(&mut self, port: u16, cognito: &str, client_id: &str) -> Result<String> {
        let options = json!({"port": port, "cognito": cognito, "client_id": client_id});
        self.does("serve", &options).await?;
        Ok(application(port))
    }

    /// What the application shows of a sign-in: the `claims` of the ID token, or why it was `refused`.
    pub async fn signed_in(&mut self) -> Result<Value> {
        Ok(serde_json::from_str(&self.text("#shown").await?)?)
    }

    /// What an accessibility checker has against the page.
    pub async fn audit(&mut self) -> Result<Vec<String>> {
        Ok(serde_json::from_value(self.does("audit", &json!({})).await?)?)
    }

    /// What went wrong since the last time: violations of a page's policy, errors of its scripts.
    pub async fn faults(&mut self) -> Result<Vec<String>> {
        Ok(serde_json::from_value(self.does("faults", &json!({})).await?)?)
    }

    /// Every address that was asked for since the last time.
    pub async fn requests(&mut self) -> Result<Vec<String>> {
        Ok(serde_json::from_value(self.does("requests", &json!({})).await?)?)
    }

    /// Takes a picture of the whole page.
    pub async fn pictures(&mut self, file: &Path) -> Result<()> {
        self.does("screenshot", &json!({"file": file})).await.map(drop)
    }
}
