//! What the API answers where it refuses: RFC 9457, or API Gateway's own words.

use std::fmt;

use causeway_core::shown::shown;
use serde_json::{Value, json};

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The method and the path.
    pub call: String,
    /// The HTTP status.
    pub status: u16,
    /// Under which the logs have it.
    request_id: Option<String>,
    /// The members of the problem, as they came; a text where it was none.
    answered: Value,
    /// The Region that the signature named.
    region: String,
}

impl Problem {
    /// Reads an answer whose status is an error.
    pub fn read(call: String, status: u16, request_id: Option<String>, body: &[u8], region: &str) -> Self {
        let answered =
            serde_json::from_slice(body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()));
        Self { call, status, request_id, answered, region: region.to_owned() }
    }

    /// The field that breaks a rule.
    pub fn field(&self) -> Option<&str> {
        self.answered["field"].as_str()
    }

    /// As the API said it; what is not a problem of its own is brought into the form of one.
    pub fn to_json(&self) -> Value {
        if self.is_of_causeway() {
            return self.answered.clone();
        }
        json!({ "type": "about:blank", "title": "Refused", "status": self.status, "detail": self.detail() })
    }

    /// Whether Causeway answered, and not API Gateway before it.
    fn is_of_causeway(&self) -> bool {
        self.answered["detail"].is_string()
    }

    fn detail(&self) -> String {
        if let Some(detail) = self.answered["detail"].as_str() {
            return detail.to_owned();
        }
        let said = self.answered["message"].as_str().or_else(|| self.answered["Message"].as_str());
        let said = said.or_else(|| self.answered.as_str()).unwrap_or_default().trim();
        match self.status {
            403 if said == "Forbidden" || said.is_empty() => format!(
                "not allowed. IAM does not grant execute-api:Invoke on this route to the credentials that were used, \
                 or the signature does not fit: it names the Region {}",
                self.region
            ),
            404 => {
                "there is no such route: is the API's URL right, and the deployment as new as this command?".to_owned()
            }
            _ if said.is_empty() => "no explanation".to_owned(),
            _ => said.chars().take(300).collect(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = self.field() {
            write!(formatter, "{field}: ")?;
        }
        let detail: String = shown(&self.detail(), Some(' ')).collect();
        write!(formatter, "{detail}\n  {} answered {}", self.call, self.status)?;
        match &self.request_id {
            Some(id) if self.status >= 500 => write!(formatter, ", request {id}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(status: u16, body: &str) -> String {
        Problem::read("GET /v1/x".to_owned(), status, Some("r-1".to_owned()), body.as_bytes(), "eu-west-1").to_string()
    }

    #[test]
    fn a_problem_names_its_field_and_the_rule() {
        let body =
            r#"{"type":"about:blank","title":"Bad Request","status":400,"detail":"12 digits","field":"account_id"}"#;
        assert_eq!(text(400, body), "account_id: 12 digits\n  GET /v1/x answered 400");
    }

    #[test]
    fn what_api_gateway_says_by_itself_is_explained() {
        assert!(text(403, r#"{"message":"Forbidden"}"#).starts_with("not allowed."));
        assert!(text(403, r#"{"message":"Forbidden"}"#).contains("eu-west-1"));
        let expired = r#"{"message":"The security token included in the request is expired"}"#;
        assert!(text(403, expired).starts_with("The security token included in the request is expired\n"));
        assert!(text(404, r#"{"message":"Not Found"}"#).contains("no such route"));
        assert_eq!(text(503, ""), "no explanation\n  GET /v1/x answered 503, request r-1");
    }

    #[test]
    fn what_controls_a_terminal_is_not_repeated() {
        assert!(!text(409, "{\"detail\":\"a\\u001b[2Jb\"}").contains('\u{1b}'));
    }

    #[test]
    fn a_script_gets_the_problem_as_it_came() {
        let body = json!({"type": "about:blank", "title": "Conflict", "status": 409, "detail": "nothing is held back"});
        let problem = Problem::read("POST /x".to_owned(), 409, None, body.to_string().as_bytes(), "eu-west-1");
        assert_eq!(problem.to_json(), body);
        let gateway = Problem::read("POST /x".to_owned(), 403, None, br#"{"message":"Forbidden"}"#, "eu-west-1");
        assert_eq!(gateway.to_json()["status"], 403);
    }
}
