//! What is filled in: read field by field, so that each can be shown again with what is wrong with it.

use std::{fmt, str::FromStr};

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::header,
};
use causeway_core::id::InvalidValue;

use crate::failure::Failure;

/// The largest form that is read, in bytes.
const LARGEST: usize = 64 * 1024;

/// The fields of a form or a query, and what is wrong with them.
#[derive(Clone, Default)]
pub struct Form {
    fields: Vec<(String, String)>,
    errors: Vec<(String, String)>,
}

/// Without what was filled in, which may be a key.
impl fmt::Debug for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.fields.iter().map(|(name, _)| name.as_str()).collect();
        formatter.debug_struct("Form").field("fields", &names).field("errors", &self.errors).finish()
    }
}

impl Form {
    /// Reads fields as a query or a form has them.
    pub fn parse(text: &[u8]) -> Self {
        let fields = url::form_urlencoded::parse(text);
        let fields = fields.map(|(name, value)| (name.into_owned(), value.trim().to_owned())).collect();
        Self { fields, errors: Vec::new() }
    }

    /// A field as it was filled in; empty where it was not.
    pub fn text(&self, name: &str) -> &str {
        self.fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// What was chosen of a field that can be there several times.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Fills a field in that was left empty.
    pub fn suggest(&mut self, name: &str, value: impl Into<String>) {
        if self.text(name).is_empty() {
            self.fields.retain(|(key, _)| key != name);
            self.fields.push((name.to_owned(), value.into()));
        }
    }

    /// Reads a field by the rule of its type, and notes the rule if it is broken.
    pub fn read<T: FromStr<Err = InvalidValue>>(&mut self, name: &str) -> Option<T> {
        match self.text(name).parse() {
            Ok(value) => Some(value),
            Err(InvalidValue { rule }) => {
                self.refuse(name, rule);
                None
            }
        }
    }

    /// Notes what is wrong with a field.
    pub fn refuse(&mut self, name: &str, rule: impl Into<String>) {
        self.errors.push((name.to_owned(), rule.into()));
    }

    /// What is wrong with a field.
    pub fn error(&self, name: &str) -> Option<&str> {
        self.errors.iter().find(|(key, _)| key == name).map(|(_, rule)| rule.as_str())
    }

    /// Everything that is wrong.
    pub fn errors(&self) -> &[(String, String)] {
        &self.errors
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let kind =
            request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_form = kind.split(';').next().unwrap_or_default().trim() == "application/x-www-form-urlencoded";
        let body = Bytes::from_request(request, state).await.unwrap_or_default();
        if body.len() > LARGEST || (!is_form && !body.is_empty()) {
            return Err(Failure::NoForm(LARGEST));
        }
        Ok(Self::parse(&body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_core::id::AccountId;

    #[test]
    fn a_form_does_not_show_what_was_filled_in() {
        let form = Form::parse(b"api_key=sk_canary&api_key=sk_canary");
        let shown = format!("{form:?}");
        assert!(shown.contains("api_key") && !shown.contains("canary"), "{shown}");
        assert_eq!(form.all("api_key").count(), 2);
    }

    #[test]
    fn a_field_that_breaks_its_rule_keeps_what_was_filled_in_and_says_the_rule() {
        let mut form = Form::parse(b"account_id=+12+");
        assert_eq!(form.read::<AccountId>("account_id"), None);
        assert_eq!((form.text("account_id"), form.error("account_id")), ("12", Some(AccountId::RULE)));
        form.suggest("account_id", "222222222222");
        form.suggest("role_name", "Causeway");
        assert_eq!((form.text("account_id"), form.text("role_name")), ("12", "Causeway"));
    }
}
