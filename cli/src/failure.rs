//! How a command ends, for people and for scripts.

use std::{error::Error, io};

use serde_json::{Value, json};

use crate::api::problem::Problem;

/// How a command ended in which nothing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Done.
    Done,
    /// The answer is there, and somebody has to do something: a check fails, or steps are held back.
    NeedsSomebody,
}

impl Ending {
    /// [`Ending::Done`] unless somebody is needed.
    pub fn needs_somebody(is_needed: bool) -> Self {
        if is_needed { Self::NeedsSomebody } else { Self::Done }
    }

    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::NeedsSomebody => 6,
        }
    }
}

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What was given breaks a rule.
    #[error("{0}")]
    Usage(String),
    /// The API answered an error.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// The AWS configuration gives no credentials.
    #[error("there are no AWS credentials to sign with")]
    NoCredentials(#[source] aws_credential_types::provider::error::CredentialsError),
    /// The API did not answer.
    #[error("{call}: {what}")]
    NoAnswer {
        /// The method and the path.
        call: String,
        /// What is known of whether it was done.
        what: &'static str,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// It was not done in the time that was given.
    #[error("{0}")]
    TimedOut(String),
    /// It goes on only once somebody has done something.
    #[error("{0}")]
    NeedsSomebody(String),
    /// There is nothing of the kind.
    #[error("{0}")]
    NotFound(String),
    /// A later part of something failed, and an earlier one is done.
    #[error("{failure}")]
    Partly {
        /// What is done, and how to go on.
        done: String,
        /// What failed.
        failure: Box<Failure>,
    },
    /// The operator said no.
    #[error("not done: you said no")]
    Declined,
    /// The API answered something that this version can't read.
    #[error("{call} answered what this version of the command can't read")]
    Unreadable {
        /// The method and the path, or what was expected.
        call: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Something on this machine.
    #[error("{what}")]
    Local {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl Failure {
    /// Standard output can't be written.
    pub fn output(source: io::Error) -> Self {
        Self::Local { what: "standard output can't be written".to_owned(), source: source.into() }
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Partly { failure, .. } => failure.code(),
            Self::Problem(problem) => code_of_status(problem.status),
            Self::NotFound(_) => 3,
            Self::NoCredentials(_) => 4,
            Self::Declined | Self::NeedsSomebody(_) => 6,
            Self::NoAnswer { .. } | Self::TimedOut(_) => 7,
            Self::Unreadable { .. } | Self::Local { .. } => 1,
        }
    }

    /// Whether the API says that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        self.code() == 3
    }

    /// The whole story, for people: what, and every cause.
    pub fn text(&self) -> String {
        if let Self::Partly { done, failure } = self {
            return format!("{}\n  {done}", failure.text());
        }
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        if let Self::NoCredentials(_) = self {
            text.push_str("\n  Sign in (`aws sso login`), or choose a profile (`--profile`, AWS_PROFILE).");
        }
        text
    }

    /// The same for scripts: the API's own problem where there is one, else one of its form.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Problem(problem) => problem.to_json(),
            Self::Partly { done, failure } => {
                let mut problem = failure.to_json();
                problem["done"] = json!(done);
                problem
            }
            other => json!({ "type": "about:blank", "title": "Not done", "detail": other.text() }),
        }
    }
}

fn code_of_status(status: u16) -> u8 {
    match status {
        400 | 413 | 415 | 422 => 2,
        404 => 3,
        // 502: WorkOS or the tenant's account refuses Causeway.
        401 | 403 | 502 => 4,
        409 | 412 => 5,
        429 | 503 | 504 => 7,
        _ => 1,
    }
}
