//! What can be given on the command line.

use causeway_tests::cloud::Settings;
use causeway_tests::front;

use crate::bench::Part;
use crate::checks;

/// How to call this.
pub const USAGE: &str = "\
cargo xtask demo [--keep]   runs the main job on a local cloud and prints what happens;
                            --keep leaves the cloud running
cargo xtask test [--long]   runs every check that CI runs; --long plays larger scenarios, for
                            an hour or more
cargo xtask bench [NAME...] measures cold, ingest, signin, steady, import, burst and fleet, or the
                            parts that are named
cargo xtask up [--aws-port N] [--functions-aws-endpoint URL] [--strict]
                            starts a local cloud and leaves it running; the options pin the port
                            of the emulated AWS, send the functions' AWS calls elsewhere, or
                            send them, browsers and tenants through the strict front
cargo xtask described       holds the API of the cloud that `up` started to docs/openapi.json, as `test`
                            does at its end
cargo xtask down            stops what `up` or `demo --keep` started";

/// What to do.
#[derive(Debug)]
pub enum Command {
    /// Print the usage.
    Help,
    /// Start a local cloud.
    Up(Settings),
    /// Stop it.
    Down,
    /// Hold its API to the document.
    Described,
    /// Run the demo.
    Demo {
        /// Leave the cloud running.
        keep: bool,
    },
    /// Measure.
    Bench(Vec<Part>),
    /// Run every check.
    Test(checks::Size),
    /// Be the strict front of a local cloud, which the other commands start by this.
    Front(front::program::Settings),
}

/// Reads the command line, or says what is wrong with it.
pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let name = arguments.next().unwrap_or_else(|| "help".to_owned());
    let command = match name.as_str() {
        "help" | "--help" | "-h" => Command::Help,
        "up" => return up(arguments),
        "down" => Command::Down,
        "bench" => return bench(arguments),
        "described" => Command::Described,
        "test" => {
            let option = arguments.next();
            match option.as_deref() {
                None => Command::Test(checks::Size::Usual),
                Some("--long") => Command::Test(checks::Size::Long),
                Some(other) => return Err(format!("unknown option {other}")),
            }
        }
        "front" => {
            let settings = arguments.next().unwrap_or_default();
            Command::Front(serde_json::from_str(&settings).map_err(|error| error.to_string())?)
        }
        "demo" => {
            let option = arguments.next();
            match option.as_deref() {
                None => Command::Demo { keep: false },
                Some("--keep") => Command::Demo { keep: true },
                Some(other) => return Err(format!("unknown option {other}")),
            }
        }
        other => return Err(format!("unknown command {other}")),
    };
    match arguments.next() {
        None => Ok(command),
        Some(other) => Err(format!("unexpected argument {other}")),
    }
}

fn bench(names: impl Iterator<Item = String>) -> Result<Command, String> {
    let parts: Result<Vec<Part>, String> =
        names.map(|name| Part::named(&name).ok_or(format!("there is no benchmark {name}"))).collect();
    let parts = parts?;
    Ok(Command::Bench(if parts.is_empty() { Part::ALL.to_vec() } else { parts }))
}

fn up(mut arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut settings = Settings::default();
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
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
