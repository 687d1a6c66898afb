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
cargo xtask accept [OPTIONS]
                            proves a deployment on AWS, with WorkOS, and takes away what it made:
                            docs/accept.md; --help lists its options
cargo xtask down            stops what `up` or `demo --keep` started";

/// How to call `accept`.
pub const ACCEPT_USAGE: &str = "\
cargo xtask accept [OPTIONS]
  --integration-profile NAME  the profile of the account that Causeway is deployed to
  --tenant-profile NAME       the profile of the account of the tenant
  --region REGION, --tenant-region REGION
                              the Regions, if not the profiles'
  --workos-client-id ID       the client ID of a staging environment of WorkOS
  --workos-key-from FILE      the file with its API key; else CAUSEWAY_ACCEPT_WORKOS_API_KEY
  --domain URL                the custom domain that leads to the API
  --build FOLDER              the built functions with their template; else .aws-sam/build
  --report FOLDER             where the report goes; else .local/accept
  --minutes N                 how long it may take, without what takes everything away; else 120
  --cold                      waits for half an hour, to see a function start from the cold
  --yes                       does not ask
  --clean                     only takes away what interrupted runs have left
  --local                     on the local cloud that `up` started
What is missing is asked for.";

/// Names an API key of `WorkOS` for `accept`. No program that is started is given it.
pub const WORKOS_KEY_VARIABLE: &str = "CAUSEWAY_ACCEPT_WORKOS_API_KEY";

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
    /// Prove a deployment.
    Accept(Accept),
    /// Print how to call that.
    HelpAccept,
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

/// How a deployment is proven. Texts are as they were given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Accept {
    /// The profile of the account that Causeway is deployed to.
    pub integration_profile: Option<String>,
    /// The profile of the tenant's account.
    pub tenant_profile: Option<String>,
    /// The Region that Causeway is deployed to.
    pub region: Option<String>,
    /// The Region of the tenant's user pools.
    pub tenant_region: Option<String>,
    /// The client ID of an environment of `WorkOS`.
    pub workos_client_id: Option<String>,
    /// The file with its API key.
    pub workos_key_from: Option<String>,
    /// The custom domain, as a URL.
    pub domain: Option<String>,
    /// The folder of the built functions.
    pub build: Option<String>,
    /// The folder of the report.
    pub report: Option<String>,
    /// How many minutes it may take.
    pub minutes: u64,
    /// Whether to wait for half an hour.
    pub cold: bool,
    /// Whether not to ask.
    pub yes: bool,
    /// Whether only to take away what is left.
    pub clean: bool,
    /// Whether on the local cloud.
    pub local: bool,
}

impl Default for Accept {
    fn default() -> Self {
        Self {
            integration_profile: None,
            tenant_profile: None,
            region: None,
            tenant_region: None,
            workos_client_id: None,
            workos_key_from: None,
            domain: None,
            build: None,
            report: None,
            minutes: 120,
            cold: false,
            yes: false,
            clean: false,
            local: false,
        }
    }
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
            Self::Help | Self::HelpAccept | Self::Down => &[],
            Self::Accept(accept) if accept.local => &[Tool::Sam, Tool::Ministack, Tool::Workos, Tool::Browser],
            Self::Accept(_) => &[Tool::Sam, Tool::Browser],
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
        matches!(self, Self::Demo { .. } | Self::Record | Self::Test { .. } | Self::Accept(_))
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
        "accept" => return accept(arguments),
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

fn accept(mut arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut accept = Accept::default();
    while let Some(option) = arguments.next() {
        let mut value = || {
            let value = arguments.next().filter(|value| !value.is_empty() && !value.starts_with("--"));
            value.ok_or(format!("{option} needs a value"))
        };
        match option.as_str() {
            "--integration-profile" => accept.integration_profile = Some(value()?),
            "--tenant-profile" => accept.tenant_profile = Some(value()?),
            "--region" => accept.region = Some(value()?),
            "--tenant-region" => accept.tenant_region = Some(value()?),
            "--workos-client-id" => accept.workos_client_id = Some(value()?),
            "--workos-key-from" => accept.workos_key_from = Some(value()?),
            "--domain" => {
                let url = value()?;
                if !url.starts_with("https://") {
                    return Err(format!("{url} is no https URL"));
                }
                accept.domain = Some(url.trim_end_matches('/').to_owned());
            }
            "--build" => accept.build = Some(value()?),
            "--report" => accept.report = Some(value()?),
            "--minutes" => {
                let minutes = value()?;
                let parsed = minutes.parse().ok().filter(|minutes| (1..=720).contains(minutes));
                accept.minutes = parsed.ok_or(format!("{minutes} is no number of minutes from 1 to 720"))?;
            }
            "--cold" => accept.cold = true,
            "--yes" => accept.yes = true,
            "--clean" => accept.clean = true,
            "--local" => accept.local = true,
            "--help" | "-h" => return Ok(Command::HelpAccept),
            // Of an option that there is not nothing is shown: it may be a key.
            _ => return Err("accept has no such option: see --help".to_owned()),
        }
    }
    Ok(Command::Accept(accept))
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
    use super::{Accept, Command, Part, parse};

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
    fn what_accept_is_given_is_read_and_a_key_on_the_command_line_is_refused_unshown() {
        let Ok(Command::Accept(accept)) = parsed("accept --tenant-profile t --minutes 45 --local --cold") else {
            panic!("not understood");
        };
        let expected =
            Accept { tenant_profile: Some("t".to_owned()), minutes: 45, local: true, cold: true, ..Accept::default() };
        assert_eq!(accept, expected);
        let refused = parsed("accept sk_test_0123456789").unwrap_err();
        assert!(!refused.contains("0123456789"), "{refused}");
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
            "accept --minutes 0",
            "accept --minutes",
            "accept --tenant-profile --yes",
            "accept --domain http://login.example.com",
            "accept now",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
