//! Keeps the SDK from trying again what can't succeed.

use aws_smithy_runtime_api::client::{
    interceptors::context::InterceptorContext,
    retries::classifiers::{ClassifyRetry, RetryAction, RetryClassifierPriority},
};

/// AWS's SDKs take `LimitExceededException` for a throttle; Cognito answers it for a pool that is full.
#[derive(Debug)]
pub(crate) struct FullPoolIsFinal;

impl ClassifyRetry for FullPoolIsFinal {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        use aws_sdk_cognitoidentityprovider::{
            error::ProvideErrorMetadata, operation::create_identity_provider::CreateIdentityProviderError,
        };
        let is_full = context
            .output_or_error()
            .and_then(Result::err)
            .and_then(|error| error.as_operation_error())
            .and_then(|error| error.downcast_ref::<CreateIdentityProviderError>())
            .is_some_and(|error| error.code() == Some("LimitExceededException"));
        if is_full { RetryAction::RetryForbidden } else { RetryAction::NoActionIndicated }
    }

    fn name(&self) -> &'static str {
        "a full pool is final"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::modeled_as_retryable_classifier())
    }
}
