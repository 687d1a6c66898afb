//! What can be given on the command line. `cargo xtask` refuses the rest before anything is built.

use crate::tools::Tool;

/// How to call this.
pub const USAGE: &str = "\
cargo xtask demo [--keep]   runs the main job on a local cloud and prints what happens;
                            --keep leaves the cloud running
cargo xtask test [--long]   runs every check that CI runs; --long plays larger scenarios, for
                            an hour or more
cargo xtask bench [NAME...] measures cold, ingest, signin, steady, import, burst, flood and fleet,
                            or the parts that are named
cargo xtask up [--aws-port N] [--functions-aws-endpoint URL] [--strict]
                            starts a local cloud and leaves it running; the options pin the port
                            of the emulated AWS, send the functions' AWS calls elsewhere, or
                            send them, browsers and tenants through the strict front
cargo xtask redeploy        builds what has changed of the functions and puts it into the cloud that
                            `up` or `demo --keep` left running
cargo xtask described       holds the API of the cloud that `up` started to docs/openapi.json, as `test`
                            does at its end
cargo xtask record          runs the demo and draws docs/images/demo.svg from it
cargo xtask down            stops what `up` or `demo --keep` started";

/// The functions, by their names here.
pub const FUNCTIONS: [&str; 6] = ["ingest", "schedule", "reconcile", "tenants", "onboarding", "signin"];

/// What to do.
#[derive(Clone, Debug)]
pub enum Command {
    /// Print the usage.
    Help,
    /// Start a local cloud.
    Up(Up),
    /// Stop it.
    Down,
    /// Put the functions into it again.
    Redeploy,
    /// Hold its API to the document.
    Described,
    /// Run the demo.
    Demo {
        /// Leave the cloud running.
        keep: bool,
    },
    /// Draw the demo.
    Record,
    /// Measure.
    Bench(Vec<Part>),
    /// Run every check.
    Test {
        /// Play larger scenarios.
        long: bool,
    },
}

/// How a local cloud is started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Up {
    /// The port of the emulated AWS, if not any free one.
    pub aws_port: Option<u16>,
    /// Where functions send their AWS calls.
    pub functions_aws_endpoint: Option<String>,
    /// Whether functions, browsers and tenants go through the strict front.
    pub strict: bool,
}

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The first event of each function, and its size.
    Cold,
    /// Webhooks.
    Ingest,
    /// A pool where nothing is to be done.
    Steady,
    /// A pool that gets 300 providers.
    Import,
    /// Sign-ins.
    Signin,
    /// Very many webhooks at once.
    Burst,
    /// One tenant's webhooks without a pause, beside other tenants' changes.
    Flood,
    /// Very many pools that are due.
    Fleet,
}

impl Part {
    /// All of them, in the order in which they are run.
    pub const ALL: [Self; 8] =
        [Self::Cold, Self::Ingest, Self::Signin, Self::Steady, Self::Import, Self::Burst, Self::Flood, Self::Fleet];

    /// Its name on the command line and in file names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Ingest => "ingest",
            Self::Steady => "steady",
            Self::Import => "import",
            Self::Signin => "signin",
            Self::Burst => "burst",
            Self::Flood => "flood",
            Self::Fleet => "fleet",
        }
    }

    /// The part of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }
}

impl Command {
    /// The tools that it needs, those first that are needed first.
    #[must_use]
    pub fn tools(&self) -> &'static [Tool] {
        match self {
            Self::Help | Self::Down => &[],
            Self::Demo { .. } | Self::Record => &[Tool::Sam, Tool::Ministack, Tool::Workos, Tool::Browser],
            Self::Bench(_) | Self::Redeploy => &[Tool::Sam, Tool::Ministack, Tool::Workos],
            Self::Up(_) | Self::Test { .. } | Self::Described => {
                &[Tool::Sam, Tool::Ministack, Tool::Checks, Tool::Workos, Tool::Browser]
            }
        }
    }

    /// Whether it drives a browser itself. What runs on the cloud of `up` later may, and then says what is missing.
    #[must_use]
    pub fn needs_browser(&self) -> bool {
        matches!(self, Self::Demo { .. } | Self::Record | Self::Test { .. })
    }

    /// Whether it runs the functions as they are built while one works on the code.
    #[must_use]
    pub fn runs_functions(&self) -> bool {
        matches!(self, Self::Demo { .. } | Self::Record | Self::Up(_) | Self::Redeploy | Self::Test { .. })
    }

    /// Whether it offers the operator's command.
    #[must_use]
    pub fn offers_command_line(&self) -> bool {
        matches!(self, Self::Demo { keep: true })
    }
}

/// Reads the command line, or says what is wrong with it.
pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let name = arguments.next().unwrap_or_else(|| "help".to_owned());
    let command = match name.as_str() {
        "help" | "--help" | "-h" => Command::Help,
        "up" => return up(arguments),
        "down" => Command::Down,
        "bench" => return bench(arguments),
        "redeploy" => Command::Redeploy,
        "described" => Command::Described,
        "record" => Command::Record,
        "test" => Command::Test { long: option(&mut arguments, "--long")? },
        "demo" => Command::Demo { keep: option(&mut arguments, "--keep")? },
        other => return Err(format!("unknown command {other}")),
    };
    match arguments.next() {
        None => Ok(command),
        Some(other) => Err(format!("unexpected argument {other}")),
    }
}

/// Whether the only option that there is was given.
fn option(arguments: &mut impl Iterator<Item = String>, known: &str) -> Result<bool, String> {
    match arguments.next() {
        None => Ok(false),
        Some(option) if option == known => Ok(true),
        Some(other) => Err(format!("unknown option {other}")),
    }
}

fn bench(names: impl Iterator<Item = String>) -> Result<Command, String> {
    let parts: Result<Vec<Part>, String> =
        names.map(|name| Part::named(&name).ok_or(format!("there is no benchmark {name}"))).collect();
    let parts = parts?;
    Ok(Command::Bench(if parts.is_empty() { Part::ALL.to_vec() } else { parts }))
}

fn up(mut arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut settings = Up::default();
    while let Some(option) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{option} needs a value"));
        match option.as_str() {
            "--aws-port" => {
                let port = value()?;
                let parsed = port.parse().ok().filter(|port| *port > 0);
                settings.aws_port = Some(parsed.ok_or(format!("{port} is no port"))?);
            }
            "--functions-aws-endpoint" => {
                let url = value()?;
                if !url.starts_with("http://") && !url.starts_with("https://") {
                    return Err(format!("{url} is no http or https URL"));
                }
                settings.functions_aws_endpoint = Some(url.trim_end_matches('/').to_owned());
            }
            "--strict" => settings.strict = true,
            other => return Err(format!("unknown option {other}")),
        }
    }
    Ok(Command::Up(settings))
}

#[cfg(test)]
mod tests {
    use super::{Command, Part, parse};

    fn parsed(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_of_up_are_read() {
        let line = "up --aws-port 4599 --functions-aws-endpoint http://127.0.0.1:4600/";
        let Ok(Command::Up(settings)) = parsed(line) else {
            panic!("not understood: {line}");
        };
        assert_eq!(settings.aws_port, Some(4599));
        let endpoint = settings.functions_aws_endpoint.as_deref();
        assert_eq!(endpoint, Some("http://127.0.0.1:4600"));
    }

    #[test]
    fn a_benchmark_without_names_is_all_of_them() {
        let parts = |line: &str| match parsed(line) {
            Ok(Command::Bench(parts)) => parts,
            other => panic!("not understood: {other:?}"),
        };
        assert_eq!(parts("bench"), Part::ALL);
        assert_eq!(parts("bench steady cold"), [Part::Steady, Part::Cold]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in [
            "upp",
            "up --aws-port",
            "up --aws-port x",
            "up --aws-port 0",
            "down now",
            "demo --all",
            "test --all",
            "bench all",
            "redeploy ingest",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
