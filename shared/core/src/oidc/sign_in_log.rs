//! What is kept of a sign-in, so that "my login doesn't work" has an answer. Nothing in it tells who signed in.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::{ConnectionId, ulid_text},
    keeps_unknown,
    oidc::attributes::Claims,
    timestamp::Timestamp,
    unknown::Unknown,
};

/// How far a sign-in came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignInOutcome {
    /// The user came back from WorkOS with a profile that was accepted. Cognito has not fetched the tokens yet;
    /// where it stays so, Cognito did not ask, or was refused.
    Returned,
    /// Cognito has the tokens.
    SignedIn,
    /// The sign-in is over, by somebody's decision.
    Refused,
    /// The sign-in is over, by a failure.
    Failed,
    /// It came to something that a later version knows.
    #[serde(other)]
    Unknown,
}

/// Why a sign-in is over. Each is one sentence for who is asked for help, and never a word of WorkOS or of the
/// identity provider, which can hold the user's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SignInErrorCode)]
#[serde(rename_all = "snake_case")]
pub enum SignInError {
    /// WorkOS sent the browser back with `access_denied`, or with an error of its own.
    DeniedByWorkos,
    /// WorkOS sent the browser back with an error that says that it could not.
    FailedAtWorkos,
    /// The profile is of another connection or organization.
    AnotherConnection,
    /// WorkOS's identity provider for tests vouched for the user, and the pool does not let its users in.
    TestProvider,
    /// The provider was adopted with another ID as its `sub`, which the identity provider did not send.
    NoSubject,
    /// The application asked that the user show anew who they are, and nothing says that they did.
    LoginRequired,
    /// WorkOS does not take its own code back.
    CodeOfWorkosNotGood,
    /// WorkOS does not take the tenant's API key, or the tenant has none.
    ApiKeyNotGood,
    /// WorkOS or AWS did not answer, or asked to slow down.
    NotAvailable,
    /// Cognito showed a code of ours that was used, or is not for this redirect URI.
    CodeNotGood,
    /// Causeway's own mistake.
    Bug,
    /// One that a later version knows.
    #[serde(other)]
    Unknown,
}

impl SignInError {
    /// What happened and what to do about it.
    pub fn message(self) -> &'static str {
        match self {
            Self::DeniedByWorkos => {
                "WorkOS or the customer's identity provider refused the user: look at the connection's sessions in \
                 the WorkOS dashboard, and whether the user is assigned to the application"
            }
            Self::FailedAtWorkos => {
                "WorkOS could not complete the sign-in: look at the connection's sessions in the WorkOS dashboard"
            }
            Self::AnotherConnection => {
                "the user came back from another connection or organization than the one that was asked for"
            }
            Self::TestProvider => {
                "WorkOS's identity provider for tests vouched for the user, which it does for anybody: name `org_test_idp` in \
                 the pool's `organizations` for as long as you test"
            }
            Self::NoSubject => {
                "the identity provider sent no ID of the user that fits (`idp_id`), which is the `sub` of this adopted \
                 provider: have it sent"
            }
            Self::LoginRequired => {
                "the application asked for a login that is new (`prompt` or `max_age`), and WorkOS refused it or does \
                 not say when the user logged in: have the application ask for `prompt=login` without `max_age`"
            }
            Self::CodeOfWorkosNotGood => {
                "the sign-in took longer than WorkOS allows, or the browser repeated it; the user begins again"
            }
            Self::ApiKeyNotGood => "WorkOS does not accept the API key of this tenant: run `verify` on the user pool",
            Self::NotAvailable => "WorkOS or AWS did not answer in time; the user tries again",
            Self::CodeNotGood => {
                "Cognito showed a code that was used before, or with another redirect URI than the one that it was for; \
                 the user begins again"
            }
            Self::Bug => "a mistake of Causeway's: find the sign-in in the logs of `signin`, and report it",
            Self::Unknown => "a later version of Causeway recorded it: ask again once that version is deployed",
        }
    }
}

/// One sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct SignInEntry {
    /// A ULID, which sorts by time.
    pub id: String,
    /// When it came to this.
    pub at: Timestamp,
    /// The connection.
    pub connection_id: ConnectionId,
    /// What it came to.
    pub outcome: SignInOutcome,
    /// Why it is over, where it is.
    pub error: Option<SignInError>,
    /// The claims that were too long for Cognito and were cut or left out.
    #[serde(default)]
    pub cut: Vec<String>,
    /// The claims that the pool asks for and that this sign-in had nothing for: the pool keeps their old values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<String>,
    /// What a later version wrote into it: the browser's way back and Cognito's request for tokens may meet two.
    #[serde(skip)]
    pub unknown: Unknown,
}

keeps_unknown!(SignInEntry);

impl SignInEntry {
    /// A sign-in that came back from WorkOS at `now`. `random` are 80 bits that no other one of that
    /// millisecond has.
    pub fn returned(connection_id: ConnectionId, now: Timestamp, random: u128) -> Self {
        let (id, outcome) = (ulid_text(now, random), SignInOutcome::Returned);
        let (cut, kept, unknown) = (Vec::new(), Vec::new(), Unknown::default());
        Self { id, at: now, connection_id, outcome, error: None, cut, kept, unknown }
    }

    /// This sign-in, with what the claims say and don't.
    #[must_use]
    pub fn with_claims(self, claims: &Claims) -> Self {
        let names = |names: &BTreeSet<String>| names.iter().cloned().collect();
        Self { cut: names(&claims.cut), kept: names(&claims.kept), ..self }
    }

    /// This sign-in, once Cognito has its tokens.
    #[must_use]
    pub fn signed_in(self, now: Timestamp) -> Self {
        Self { at: now, outcome: SignInOutcome::SignedIn, ..self }
    }

    /// This sign-in, over for `error`.
    #[must_use]
    pub fn over(self, error: SignInError, now: Timestamp) -> Self {
        let outcome = match error {
            SignInError::NotAvailable
            | SignInError::ApiKeyNotGood
            | SignInError::Bug
            | SignInError::FailedAtWorkos
            | SignInError::Unknown => SignInOutcome::Failed,
            SignInError::DeniedByWorkos
            | SignInError::AnotherConnection
            | SignInError::TestProvider
            | SignInError::NoSubject
            | SignInError::LoginRequired
            | SignInError::CodeOfWorkosNotGood
            | SignInError::CodeNotGood => SignInOutcome::Refused,
        };
        Self { at: now, outcome, error: Some(error), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_keeps_its_id_from_the_way_back_to_the_end() {
        let (then, now) = (Timestamp::from_seconds(1000), Timestamp::from_seconds(1001));
        let connection: ConnectionId = "conn_01E4ZCR3C56J083X43JQXF3JK5".parse().unwrap();
        let cut = BTreeSet::from(["groups".to_owned()]);
        let mut claims = Claims::default();
        (claims.kept, claims.cut) = (cut.clone(), cut);
        let returned = SignInEntry::returned(connection, then, 7).with_claims(&claims);
        let signed_in = returned.clone().signed_in(now);
        assert_eq!((&signed_in.id, signed_in.at, &signed_in.cut), (&returned.id, now, &vec!["groups".to_owned()]));
        assert_eq!(signed_in.kept, ["groups"]);
        assert_eq!((signed_in.outcome, signed_in.error), (SignInOutcome::SignedIn, None));
        let over = returned.clone().over(SignInError::AnotherConnection, now);
        assert_eq!((&over.id, over.at, over.outcome), (&returned.id, now, SignInOutcome::Refused));
        assert_eq!(over.error, Some(SignInError::AnotherConnection));
        assert_eq!(returned.over(SignInError::Bug, now).outcome, SignInOutcome::Failed);
    }
}
