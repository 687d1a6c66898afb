//! Secrets come from where no other process sees them: never from the arguments, which everybody on the
//! machine can list.

use std::{
    io::{self, IsTerminal, Read},
    path::PathBuf,
};

use secrecy::SecretString;

use crate::failure::Failure;

/// The longest secret that is read, in bytes; a key of WorkOS's is far shorter.
const LONGEST: u64 = 4096;

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// Standard input; typed without being shown, where that is a terminal.
    Stdin,
    /// A file.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// What was given is no source but the secret itself, which nothing keeps or shows.
    Itself,
}

/// What keys of WorkOS's and secrets of webhooks begin with.
const SECRETS: [&str; 2] = ["sk_", "whsec_"];

/// Reads `-`, `env:NAME`, or the path of a file. A secret in its place is taken, and refused by [`SecretSource::read`]: what
/// is refused here is shown.
pub fn secret_source(text: &str) -> Result<SecretSource, String> {
    let is_secret = |text: &str| SECRETS.iter().any(|beginning| text.trim_start().starts_with(beginning));
    match text.strip_prefix("env:") {
        _ if text.is_empty() => Err("it is empty".to_owned()),
        name if is_secret(name.unwrap_or(text)) => Ok(SecretSource::Itself),
        Some("") => Err("`env:` needs the name of a variable".to_owned()),
        Some(name) => Ok(SecretSource::Variable(name.to_owned())),
        None if text == "-" => Ok(SecretSource::Stdin),
        None => Ok(SecretSource::File(PathBuf::from(text))),
    }
}

impl SecretSource {
    /// The secret, without the line break at its end.
    pub fn read(&self, what: &str) -> Result<SecretString, Failure> {
        let failed =
            |source: io::Error| Failure::Local { what: format!("{what} can't be read"), source: source.into() };
        let text = match self {
            Self::Itself => return Err(Failure::Usage(itself(what))),
            Self::Stdin if io::stdin().is_terminal() => {
                rpassword::prompt_password(format!("{what} (not shown): ")).map_err(failed)?
            }
            Self::Stdin => limited(io::stdin().lock()).map_err(failed)?,
            Self::File(path) => std::fs::File::open(path).and_then(limited).map_err(failed)?,
            Self::Variable(name) => {
                let value = std::env::var_os(name);
                let value =
                    value.ok_or_else(|| Failure::Usage(format!("the environment variable {name} is not set")))?;
                // Without the value, which the error of the standard library repeats.
                value
                    .into_string()
                    .map_err(|_| Failure::Usage(format!("the environment variable {name} is no text")))?
            }
        };
        match text.trim_end_matches(['\r', '\n']) {
            "" => Err(Failure::Usage(format!("{what} is empty"))),
            text => Ok(SecretString::from(text)),
        }
    }
}

/// What to do where a secret was given in the place of a source.
fn itself(what: &str) -> String {
    format!(
        "{what} itself was given, and not where it is: a file, env:NAME, or - for standard input. Whoever may list the \
         processes of this machine could see it, and your shell may have kept it in its history: replace it"
    )
}

fn limited(source: impl Read) -> io::Result<String> {
    let mut text = String::new();
    source.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_source_is_standard_input_a_variable_or_a_file() {
        assert_eq!(secret_source("-"), Ok(SecretSource::Stdin));
        assert_eq!(secret_source("env:KEY"), Ok(SecretSource::Variable("KEY".to_owned())));
        assert_eq!(secret_source("key.txt"), Ok(SecretSource::File(PathBuf::from("key.txt"))));
        assert_eq!(secret_source("./sk_example"), Ok(SecretSource::File(PathBuf::from("./sk_example"))));
        assert!(secret_source("").is_err() && secret_source("env:").is_err());
    }

    #[test]
    fn a_secret_in_the_place_of_its_source_is_recognised_and_kept_nowhere() {
        for given in ["sk_test_123", " sk_live_a/b.c", "env:sk_test_123", "whsec_123", "sk_"] {
            let source = secret_source(given).unwrap();
            let told = format!("{source:?} {}", source.read("the key").unwrap_err().text());
            assert!(source == SecretSource::Itself && !told.contains("123") && !told.contains("sk_"), "{told}");
        }
    }

    #[test]
    fn a_file_gives_its_text_without_the_line_break_and_an_empty_one_nothing() {
        let folder = std::env::temp_dir().join(format!("causeway-secret-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (key, empty) = (folder.join("key"), folder.join("empty"));
        std::fs::write(&key, "sk_example\r\n").unwrap();
        std::fs::write(&empty, "\n").unwrap();
        assert_eq!(SecretSource::File(key).read("the key").unwrap().expose_secret(), "sk_example");
        assert_eq!(SecretSource::File(empty).read("the key").unwrap_err().code(), 2);
        assert_eq!(SecretSource::File(folder.join("none")).read("the key").unwrap_err().code(), 1);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
