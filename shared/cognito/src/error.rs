//! What can go wrong with a call to STS or Cognito.

use aws_sdk_cognitoidentityprovider::error::{ProvideErrorMetadata, SdkError};
use causeway_core::{
    health::ErrorClass,
    port::{PoolError, Problem},
};
use secrecy::{ExposeSecret, SecretString};

/// The longest message of a service that is passed on.
const LONGEST_MESSAGE: usize = 300;

/// Maps the SDK's error; `secret`, if the request carried one, is taken out of the message, since a
/// service may quote what it refuses.
pub(crate) fn from_sdk<E>(operation: &'static str, error: &SdkError<E>, secret: Option<&SecretString>) -> PoolError
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
    PoolError { operation, code, message, problem, outcome_is_unclear }
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
