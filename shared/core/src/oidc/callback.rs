//! `/callback`: what WorkOS's answer says.

use crate::oidc::authorize::{LONGEST_SEALED_STATE, Refused, parameters};

/// What an answer of WorkOS's that is an error has besides the state, which is ours.
const ERROR: &str = "error";

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
        if let Some(error) = Self::of_error(query) {
            return error;
        }
        let mut parameters = parameters(query)?;
        let state = parameters.remove("state").ok_or(Refused::Missing("state"))?;
        let answer = match parameters.remove("code") {
            // Any other was not made by WorkOS, and what WorkOS would make of it nobody knows.
            Some(code) if !is_a_code(&code) => return Err(Refused::NotAllowed("code")),
            Some(code) => WorkosAnswer::Code(code),
            None => return Err(Refused::Missing("code")),
        };
        Ok(Self { state, answer })
    }

    /// Reads a query that has an error. Its words are WorkOS's or the identity provider's, and nothing is done by
    /// them: however long or odd they are, Cognito is to hear of it, and so only the state must be right.
    fn of_error(query: &str) -> Option<Result<Self, Refused>> {
        let first = |wanted: &str| {
            let mut all = url::form_urlencoded::parse(query.as_bytes());
            all.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
        };
        let error = first(ERROR)?;
        let mut states = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "state");
        let state = states.next().map(|(_, state)| state.into_owned()).filter(|state| !state.is_empty());
        if states.next().is_some() {
            return Some(Err(Refused::Doubled("state".to_owned())));
        }
        if state.as_ref().is_some_and(|state| state.len() > LONGEST_SEALED_STATE) {
            return Some(Err(Refused::TooLong("state".to_owned())));
        }
        let description = first("error_description").filter(|description| !description.is_empty());
        let answer = WorkosAnswer::Error { error, description };
        Some(state.map(|state| Self { state, answer }).ok_or(Refused::Missing("state")))
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
        let long = "d".repeat(2049);
        let odd = format!("x=1&x=2&error=access_denied&error=other&state=s&error_description={long}&{long}=1&code=%00");
        assert_eq!(answer(&odd), error(Some(&long)), "an error is read whatever it holds");
        assert_eq!(answer("state=s&error="), Ok(WorkosAnswer::Error { error: String::new(), description: None }));
        assert_eq!(answer("state=s&state=s&error=e"), Err(Refused::Doubled("state".into())));
        assert_eq!(answer("error=e"), Err(Refused::Missing("state")));
        assert_eq!(answer("x=1&x=2&state=s&code=c"), Err(Refused::Doubled("x".into())));
        assert_eq!(answer("state=s"), Err(Refused::Missing("code")));
        assert_eq!(answer("code=c"), Err(Refused::Missing("state")));
        assert_eq!(answer("state=s&code=c&code=d"), Err(Refused::Doubled("code".into())));
    }
}
