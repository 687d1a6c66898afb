//! Everything that has to be there before the second part can begin.

use std::io::{Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use causeway_machine::group::Group;
use causeway_machine::options::{self, ACCEPT_USAGE, FUNCTIONS, USAGE};
use causeway_machine::progress::{self, Step};
use causeway_machine::tools::{STOPPED, Tool, last_lines, log_files};
use causeway_machine::{browser, prerequisites, workspace};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Tells the second part how many milliseconds passed before it began: `in all,compiler,tools`.
const PREPARED: &str = "CAUSEWAY_PREPARED";
const LOOK: Duration = Duration::from_millis(50);

pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let command = match options::parse(arguments.iter().cloned()) {
        Ok(options::Command::Help) => {
            progress::say(USAGE);
            return ExitCode::SUCCESS;
        }
        Ok(options::Command::HelpAccept) => {
            progress::say(ACCEPT_USAGE);
            return ExitCode::SUCCESS;
        }
        Ok(command) => command,
        Err(problem) => {
            eprintln!("{problem}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let problem = match prepared(&command) {
        // This process becomes the second part, so that a signal has one to go to.
        Ok(mut second) => {
            let error = second.args(&arguments).exec();
            format!("cannot start {}: {error}", second.get_program().display())
        }
        Err(problem) => problem,
    };
    eprintln!("error: {problem}");
    ExitCode::FAILURE
}

/// The second part, ready to be started.
fn prepared(command: &options::Command) -> Result<Command, String> {
    let begin = Instant::now();
    let stop = interrupts()?;
    if !command.tools().is_empty() {
        prerequisites::check(command.needs_browser())?;
    }
    let (compiled, installed) = std::thread::scope(|scope| {
        let installing = scope.spawn(|| within(&stop, || install(command, &stop)));
        let compiled = within(&stop, || compile(command, &stop));
        (compiled, installing.join().unwrap_or_else(|_| Err("the installation broke off".to_owned())))
    });
    if stop.is_interrupted() {
        return Err("interrupted".to_owned());
    }
    let ((program, building), ((), installing)) = match (compiled, installed) {
        (Ok(compiled), Ok(installed)) => (compiled, installed),
        // What failed, not what was stopped for it.
        (Err(problem), Ok(_)) | (Ok(_), Err(problem)) => return Err(problem),
        (Err(one), Err(other)) => return Err(if one == STOPPED { other } else { one }),
    };
    let all = [begin.elapsed(), building, installing].map(|took| took.as_millis().to_string());
    let mut second = Command::new(program);
    forget_cargo(&mut second);
    second.env(PREPARED, all.join(","));
    Ok(second)
}

/// Why to stop.
#[derive(Clone, Debug, Default)]
struct Stop {
    /// Somebody said so.
    interrupted: Arc<AtomicBool>,
    /// That, or something failed, so that the rest is of no use.
    any: Arc<AtomicBool>,
}

impl Stop {
    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::SeqCst)
    }
}

/// What Ctrl-C, SIGTERM and a closed terminal do, until this process becomes another.
fn interrupts() -> Result<Stop, String> {
    let stop = Stop::default();
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        for flag in [&stop.interrupted, &stop.any] {
            signal_hook::flag::register(signal, flag.clone()).map_err(|error| error.to_string())?;
        }
    }
    Ok(stop)
}

/// Does a piece of the work, and stops the other piece where this one fails.
fn within<T>(stop: &Stop, work: impl FnOnce() -> Result<T, String>) -> Result<(T, Duration), String> {
    let begin = Instant::now();
    let outcome = work();
    if outcome.is_err() {
        stop.any.store(true, Ordering::SeqCst);
    }
    Ok((outcome?, begin.elapsed()))
}

/// Installs what is missing: the packages of `PyPI` and those of npm side by side, since they mostly wait for others.
fn install(command: &options::Command, stop: &Stop) -> Result<(), String> {
    let mut npm = vec![Tool::Workos, Tool::Browser];
    npm.retain(|tool| command.tools().contains(tool));
    let drives = command.tools().contains(&Tool::Browser);
    if drives && browser::can_be_installed() && browser::of_machine()?.is_none() {
        npm.push(Tool::Chromium);
    }
    let python: Vec<Tool> = command.tools().iter().copied().filter(|tool| !npm.contains(tool)).collect();
    let each = |tools: &[Tool]| tools.iter().try_for_each(|tool| tool.install(&stop.any));
    std::thread::scope(|scope| {
        let second = scope.spawn(|| within(stop, || each(&npm)));
        within(stop, || each(&python)).and(second.join().unwrap_or_else(|_| Err("npm broke off".to_owned()))).map(drop)
    })
}

/// Builds the second part, and with it the functions that it is going to run, and gives its program.
fn compile(command: &options::Command, stop: &Stop) -> Result<PathBuf, String> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // The whole workspace, though little of it is built: dependencies then have the same features in everything that
    // is built here, the tests too, and are built once.
    cargo.args(["build", "--workspace", "--locked", "--bin", "driver"]).current_dir(workspace::root());
    if command.runs_functions() {
        // As SAM builds them, which then finds them built. It builds one after another, cargo all at once.
        cargo.args(FUNCTIONS.iter().flat_map(|function| ["--bin", function]));
    }
    if command.offers_command_line() {
        cargo.args(["--bin", "causeway"]);
    }
    forget_cargo(&mut cargo);
    // Its progress is read here, and shown beside that of the installation.
    cargo.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "80");
    let log = workspace::local().join("logs/compile.log");
    let _ = std::fs::remove_file(&log);
    let (out, _) = log_files(&log).map_err(|error| format!("cannot write {}: {error}", log.display()))?;
    cargo.stdin(Stdio::null()).stdout(out).stderr(Stdio::piped());
    let shown = progress::step("compiling");
    let mut group = Group::start(&mut cargo).map_err(|error| format!("cannot start cargo: {error}"))?;
    let said = group.leader().stderr.take();
    std::thread::scope(|scope| {
        scope.spawn(|| said.map(|said| follow(said, &shown, &log)));
        loop {
            if stop.any.load(Ordering::SeqCst) {
                drop(group);
                return Err(STOPPED.to_owned());
            }
            if let Some(status) = group.ended() {
                return if status.success() { Ok(()) } else { Err("the compiler failed".to_owned()) };
            }
            std::thread::sleep(LOOK);
        }
    })
    .map_err(|problem| {
        if problem == STOPPED { problem } else { format!("{problem}, see {}:\n{}", log.display(), last_lines(&log)) }
    })?;
    shown.done();
    // Beside this program, which cargo built for the same target.
    let program = std::env::current_exe().map_err(|error| format!("cannot tell where this program is: {error}"))?;
    Ok(program.with_file_name("driver"))
}

/// Takes away what `cargo run` says of this program. Build scripts look at it, and everything that depends on them would
/// be built anew whenever cargo is called by this and by hand in turn.
fn forget_cargo(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_") {
            command.env_remove(&*name);
        }
    }
}

/// Keeps what cargo says, and shows how far it is: it draws `Building [==> ] 12/345: ...` again and again.
fn follow(mut said: impl Read, shown: &Step, log: &Path) {
    let Ok((mut kept, _)) = log_files(log) else { return };
    let mut line = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = said.read(&mut piece) {
        for byte in &piece[..read] {
            if !matches!(byte, b'\r' | b'\n') {
                line.push(*byte);
                continue;
            }
            let text = String::from_utf8_lossy(&line);
            match text.rsplit_once("] ").and_then(|(_, counted)| counted.split_once(':')) {
                Some((counted, _)) if text.contains("Building [") => shown.is_at(counted.to_owned()),
                _ if text.trim().is_empty() => {}
                _ => {
                    let _ = writeln!(kept, "{text}");
                }
            }
            line.clear();
        }
    }
}
