//! What can go wrong with a call to STS or Cognito.

use aws_sdk_cognitoidentityprovider::error::{ProvideErrorMetadata, SdkError};
use causeway_core::health::ErrorClass;
use secrecy::{ExposeSecret, SecretString};

/// The longest message of a service that is passed on.
const LONGEST_MESSAGE: usize = 300;

/// What a call was answered, as far as it makes a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// The name or an identifier is taken.
    Duplicate,
    /// What was named is not there.
    NotFound,
    /// Anything else, by its class.
    Other(ErrorClass),
}

/// A call that failed. The service's message is kept and the SDK's error is not, since that one carries
/// the request, and so secrets.
#[derive(Debug, thiserror::Error)]
#[error("{operation} was answered {code}: {message}")]
pub struct CognitoError {
    /// The operation.
    pub operation: &'static str,
    /// The service's error code, or what happened to the request.
    pub code: String,
    /// The service's message.
    pub message: String,
    /// What it means.
    pub problem: Problem,
    /// Whether the request may have been carried out although it failed: one attempt had no clear answer.
    pub outcome_is_unclear: bool,
}

impl CognitoError {
    /// The class of the failure.
    pub fn class(&self) -> ErrorClass {
        match self.problem {
            Problem::Duplicate | Problem::NotFound => ErrorClass::Rejected,
            Problem::Other(class) => class,
        }
    }

    pub(crate) fn new(operation: &'static str, class: ErrorClass, message: String) -> Self {
        let outcome_is_unclear = class == ErrorClass::Transient;
        let code = "no answer".to_owned();
        Self { operation, code, message, problem: Problem::Other(class), outcome_is_unclear }
    }

    /// Maps the SDK's error; `secret`, if the request carried one, is taken out of the message, since a
    /// service may quote what it refuses.
    pub(crate) fn from_sdk<E>(operation: &'static str, error: &SdkError<E>, secret: Option<&SecretString>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let code = match (error.code(), error) {
            (Some(code), _) => code.to_owned(),
            (None, SdkError::TimeoutError(_)) => "a timeout".to_owned(),
            (None, SdkError::DispatchFailure(_)) => "no connection".to_owned(),
            (None, SdkError::ConstructionFailure(_)) => "a request that can't be built".to_owned(),
            (None, _) => "an answer that can't be read".to_owned(),
        };
        let mut message = error.message().unwrap_or("no message").to_owned();
        if let Some(secret) = secret {
            message = message.replace(secret.expose_secret(), "(secret)");
        }
        let message = message.chars().take(LONGEST_MESSAGE).collect();
        let problem = match (code.as_str(), error) {
            ("DuplicateProviderException", _) => Problem::Duplicate,
            ("ResourceNotFoundException", _) => Problem::NotFound,
            (_, SdkError::ConstructionFailure(_)) => Problem::Other(ErrorClass::Bug),
            (code, _) => Problem::Other(class_of(code)),
        };
        let outcome_is_unclear = problem == Problem::Other(ErrorClass::Transient);
        Self { operation, code, message, problem, outcome_is_unclear }
    }
}

/// The class of an error code of Cognito or STS: of each that AWS's service models name for the operations that are
/// used, and of those that all services share, `AccessDeniedException`, throttles and what is wrong with credentials.
/// What is not known here may pass by itself, as `InternalErrorException` may.
fn class_of(code: &str) -> ErrorClass {
    match code {
        "AccessDeniedException"
        | "AccessDenied"
        | "NotAuthorizedException"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "ExpiredTokenException"
        | "ExpiredToken"
        | "SignatureDoesNotMatch"
        | "RegionDisabledException" => ErrorClass::Denied,
        "TooManyRequestsException" | "ThrottlingException" | "Throttling" => ErrorClass::Throttled,
        "LimitExceededException" => ErrorClass::Quota,
        "ConcurrentModificationException" => ErrorClass::Conflict,
        "InvalidParameterException"
        | "ValidationException"
        | "ValidationError"
        | "InvalidOAuthFlowException"
        | "ScopeDoesNotExistException"
        | "UnsupportedIdentityProviderException"
        | "FeatureUnavailableInTierException"
        | "OperationNotEnabledException"
        | "UserPoolTaggingException"
        | "MalformedPolicyDocument"
        | "PackedPolicyTooLarge" => ErrorClass::Rejected,
        _ => ErrorClass::Transient,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The errors of each operation that is used, as botocore 1.43.106's models of `cognito-idp` and `sts` name them;
    /// those of STS by their codes.
    const MODELLED: [(&str, &[&str]); 10] = [
        (
            "CreateIdentityProvider",
            &[
                "InvalidParameterException",
                "DuplicateProviderException",
                "ResourceNotFoundException",
                "NotAuthorizedException",
                "TooManyRequestsException",
                "LimitExceededException",
                "InternalErrorException",
            ],
        ),
        (
            "UpdateIdentityProvider",
            &[
                "InvalidParameterException",
                "UnsupportedIdentityProviderException",
                "ResourceNotFoundException",
                "ConcurrentModificationException",
                "NotAuthorizedException",
                "TooManyRequestsException",
                "InternalErrorException",
            ],
        ),
        (
            "DeleteIdentityProvider",
            &[
                "InvalidParameterException",
                "UnsupportedIdentityProviderException",
                "ConcurrentModificationException",
                "ResourceNotFoundException",
                "NotAuthorizedException",
                "TooManyRequestsException",
                "InternalErrorException",
            ],
        ),
        (
            "DescribeIdentityProvider",
            &[
                "InvalidParameterException",
                "ResourceNotFoundException",
                "NotAuthorizedException",
                "TooManyRequestsException",
                "InternalErrorException",
            ],
        ),
        (
            "ListIdentityProviders",
            &[
                "InvalidParameterException",
                "ResourceNotFoundException",
                "NotAuthorizedException",
                "TooManyRequestsException",
                "InternalErrorException",
            ],
        ),
        (
            "DescribeUserPool",
            &[
                "ResourceNotFoundException",
                "InvalidParameterException",
                "TooManyRequestsException",
                "NotAuthorizedException",
                "UserPoolTaggingException",
                "OperationNotEnabledException",
                "InternalErrorException",
            ],
        ),
        (
            "ListUserPoolClients",
            &[
                "InvalidParameterException",
                "ResourceNotFoundException",
                "TooManyRequestsException",
                "NotAuthorizedException",
                "OperationNotEnabledException",
                "InternalErrorException",
            ],
        ),
        (
            "DescribeUserPoolClient",
            &[
                "ResourceNotFoundException",
                "InvalidParameterException",
                "TooManyRequestsException",
                "OperationNotEnabledException",
                "NotAuthorizedException",
                "InternalErrorException",
            ],
        ),
        (
            "UpdateUserPoolClient",
            &[
                "ResourceNotFoundException",
                "InvalidParameterException",
                "ConcurrentModificationException",
                "TooManyRequestsException",
                "NotAuthorizedException",
                "ScopeDoesNotExistException",
                "InvalidOAuthFlowException",
                "OperationNotEnabledException",
                "InternalErrorException",
                "FeatureUnavailableInTierException",
            ],
        ),
        (
            "sts:AssumeRole",
            &["MalformedPolicyDocument", "PackedPolicyTooLarge", "RegionDisabledException", "ExpiredTokenException"],
        ),
    ];

    #[test]
    fn of_the_errors_that_the_service_models_name_only_those_that_pass_by_themselves_are_waited_out() {
        let passing = ["InternalErrorException", "TooManyRequestsException", "ConcurrentModificationException"];
        // These two are told apart by what they say, whatever their class would be.
        let told_apart = ["DuplicateProviderException", "ResourceNotFoundException"];
        for (operation, codes) in MODELLED {
            for code in codes.iter().filter(|code| !told_apart.contains(code)) {
                assert_eq!(class_of(code).passes_by_itself(), passing.contains(code), "{code} of {operation}");
            }
        }
    }
}
