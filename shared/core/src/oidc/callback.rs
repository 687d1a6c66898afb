//! `/callback`: what WorkOS's answer says.

use crate::oidc::authorize::{Refused, parameters};

/// What WorkOS sends the browser back with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackRequest {
    /// The state that `/authorize` sealed, still closed.
    pub state: String,
    /// How it went.
    pub answer: WorkosAnswer,
}

/// How a sign-in at WorkOS went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkosAnswer {
    /// The user is known; the code fetches the profile.
    Code(String),
    /// It failed.
    Error {
        /// WorkOS's word for it.
        error: String,
        /// WorkOS's sentence for it.
        description: Option<String>,
    },
}

impl CallbackRequest {
    /// Reads a query. Where it has both a code and an error, the code counts for nothing.
    pub fn parse(query: &str) -> Result<Self, Refused> {
        let mut parameters = parameters(query)?;
        let state = parameters.remove("state").ok_or(Refused::Missing("state"))?;
        let answer = match (parameters.remove("error"), parameters.remove("code")) {
            (Some(error), _) => WorkosAnswer::Error { error, description: parameters.remove("error_description") },
            // Any other was not made by WorkOS, and what WorkOS would make of it nobody knows.
            (None, Some(code)) if !is_a_code(&code) => return Err(Refused::NotAllowed("code")),
            (None, Some(code)) => WorkosAnswer::Code(code),
            (None, None) => return Err(Refused::Missing("code")),
        };
        Ok(Self { state, answer })
    }
}

/// Whether a text can be a code (RFC 6749, A.11).
fn is_a_code(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_code_or_an_error_and_always_has_a_state() {
        let answer = |query: &str| CallbackRequest::parse(query).map(|request| request.answer);
        assert_eq!(answer("state=s&code=c"), Ok(WorkosAnswer::Code("c".into())));
        let error = |description: Option<&str>| {
            Ok(WorkosAnswer::Error { error: "access_denied".into(), description: description.map(str::to_owned) })
        };
        assert_eq!(answer("state=s&error=access_denied&error_description=no"), error(Some("no")));
        assert_eq!(answer("state=s&error=access_denied&code=c"), error(None));
        for odd in ["%00", "a%0A", "%C3%A9", "%7F", "%FF"] {
            assert_eq!(answer(&format!("state=s&code={odd}")), Err(Refused::NotAllowed("code")), "{odd}");
        }
        assert_eq!(answer("state=s"), Err(Refused::Missing("code")));
        assert_eq!(answer("code=c"), Err(Refused::Missing("state")));
        assert_eq!(answer("state=s&code=c&code=d"), Err(Refused::Doubled("code".into())));
    }
}
