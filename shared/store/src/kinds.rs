//! The kinds of items that the table holds. What is read from it or written to it is of one of these, and of each a test
//! has an item that earlier versions wrote: a type without a kind can't be stored, a kind without an item fails the test.

use causeway_core::{
    audit::AuditRecord,
    claim::Claim,
    errand::{Errand, SeenAppClients},
    foreign::ForeignProviders,
    idempotency::StoredRequest,
    lookup::KnownDomain,
    oidc::sign_in_log::SignInEntry,
    onboarding::OnboardingLink,
    run::RunReport,
    serving::{ListeningTenant, ServingClaim, ServingPool, ServingTenant, WakingPool},
    tenant::Tenant,
    user_pool::UserPool,
    waiting::Mark,
};

use crate::{
    RecordedChecks, Session, StoredAccess, StoredCode, StoredState, bearer_key::StoredKey, due::DueItem,
    errands::Ended, lease::StandingItem, onboarding::Pointer, pools::Owner, registration::Registration,
    unwell::UnwellItem,
};

/// What an item of the table holds, or a part of it that is read alone.
pub(crate) trait Stored {}

/// Each kind with the type of the whole item, and those of the parts that are read alone.
macro_rules! kinds {
    ($($kind:ident: $item:ty $(, $part:ty)*;)+) => {
        $(impl Stored for $item {})+
        $($(impl Stored for $part {})*)+

        #[cfg(test)]
        pub(crate) mod kind {
            use super::*;
            use crate::{Item, StoreError, read};

            /// A kind of item.
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub enum Kind {
                $($kind),+
            }

            impl Kind {
                pub const ALL: &[Self] = &[$(Self::$kind),+];

                /// Reads an item of this kind and gives it as it would be written.
                pub fn rewritten(self, item: Item) -> Result<Item, StoreError> {
                    match self {
                        $(Self::$kind => {
                            let key = crate::Key::of(&item);
                            crate::write(&read::<$item>(item)?, &key)
                        })+
                    }
                }

                /// What comes of reading each of its parts that are read alone, with the part's name.
                pub fn parts(self, item: &Item) -> Vec<(&'static str, Result<(), StoreError>)> {
                    match self {
                        $(Self::$kind => vec![$((
                            stringify!($part),
                            read::<$part>(item.clone()).map(drop),
                        )),*],)+
                    }
                }
            }
        }
    };
}

kinds! {
    Tenant: Tenant, ServingTenant, ListeningTenant;
    Pool: UserPool, ServingPool, WakingPool, DueItem, UnwellItem, StandingItem;
    Owner: Owner;
    Registration: Registration;
    Mark: Mark;
    Claim: Claim, ServingClaim;
    Domain: KnownDomain;
    Run: RunReport;
    Foreign: ForeignProviders;
    OnboardingLink: OnboardingLink;
    OnboardingSecret: Pointer;
    Session: Session;
    Errand: Errand;
    EndedErrand: Ended;
    Checks: RecordedChecks;
    AppClients: SeenAppClients;
    Code: StoredCode;
    Access: StoredAccess;
    State: StoredState;
    SignIn: SignInEntry;
    Audit: AuditRecord;
    BearerKey: StoredKey;
    Request: StoredRequest;
}
