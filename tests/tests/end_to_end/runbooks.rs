//! `docs/operations.md`: each of its runbooks, run as it is written, in a situation for which it is there.
//!
//! The situation is made here. What the operator does comes from the page alone, and so does what they see.

mod alone;
mod book;
mod changes;
mod healing;
mod logins;

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use causeway_local_cloud::page::blocks;

use self::book::{BEFORE_YOU_BEGIN, Book, page};

/// Makes a test of each runbook, and the list of them.
macro_rules! runbooks {
    ($($(#[$attribute:meta])* $title:literal $scenario:path, $name:ident;)+) => {
        /// The titles of all runbooks that are run.
        const TITLES: &[&str] = &[$($title),+];
        $(
            $(#[$attribute])*
            #[tokio::test]
            async fn $name() -> Result<()> {
                $scenario(Book::open($title)?).await
            }
        )+
    };
}

runbooks! {
    "Is it fine?"
        healing::fine, what_is_an_operators_and_what_a_tenants_is_told_as_the_page_says;
    "A pool is denied"
        healing::denied, a_pool_that_is_denied_heals_as_its_runbook_says;
    "A pool is throttled"
        healing::throttled, a_pool_that_is_throttled_heals_as_its_runbook_says;
    "A run was killed"
        healing::killed, what_a_killed_run_left_is_completed_as_its_runbook_says;
    "An item can't be read"
        healing::unreadable, an_item_that_can_not_be_read_is_found_and_mended_as_its_runbook_says;
    "Steps are held back"
        changes::held, what_is_held_back_is_refused_and_approved_as_its_runbook_says;
    "Replace an external ID"
        changes::external_id, an_external_id_is_replaced_as_its_runbook_says;
    "Replace a WorkOS API key"
        changes::api_key, an_api_key_that_was_revoked_is_replaced_as_its_runbook_says;
    "Replace a webhook secret"
        changes::webhook_secret, a_webhook_secret_is_replaced_and_a_leaked_one_ended_as_its_runbook_says;
    "A tenant leaves, and its providers with it"
        changes::leaves_with_providers, a_tenant_leaves_with_its_providers_as_its_runbook_says;
    "A tenant leaves, and its providers stay"
        changes::leaves_without_providers, a_tenant_leaves_without_its_providers_as_its_runbook_says;
    "An app client is no longer to have the providers"
        changes::unnamed_client, an_app_client_that_is_no_longer_named_is_cleared_as_its_runbook_says;
    "Login option is not available: the app client"
        logins::app_client, a_provider_that_the_app_client_does_not_offer_is_found_as_its_runbook_says;
    "Login option is not available: the organization"
        logins::organization, a_connection_without_a_provider_is_found_as_its_runbook_says;
    "This sign-in does not exist or is switched off"
        logins::switched_off, a_pool_whose_sign_ins_are_switched_off_is_found_as_its_runbook_says;
    "WorkOS does not accept the API key"
        logins::revoked_key, a_sign_in_that_fails_by_a_revoked_key_is_found_as_its_runbook_says;
    "An error of Cognito, after signing in at the customer's"
        logins::client_secret, a_client_secret_that_somebody_changed_is_found_as_its_runbook_says;
    #[ignore = "takes every message from the dead-letter queue, for which other tests wait"]
    "Messages were given up"
        alone::dead_letters, messages_that_were_given_up_are_sent_back_as_their_runbook_says;
    #[ignore = "stops the runs of all tests"]
    "Stop and start again"
        alone::stop_and_start, writes_stop_and_start_again_as_their_runbook_says;
    #[ignore = "stops the runs of all tests"]
    "Restore lost items"
        alone::restore, lost_claims_come_back_as_their_runbook_says;
    #[ignore = "deploys the stack again"]
    "Replace the signing key"
        alone::signing_key, a_signing_key_is_replaced_as_its_runbook_says_and_no_sign_in_fails;
    #[ignore = "deploys the stack again"]
    "Go back to the release before"
        alone::roll_back, a_release_that_signs_nobody_in_is_taken_back_as_its_runbook_says;
}

#[test]
fn every_section_of_the_operators_page_with_commands_is_a_runbook_that_is_run() -> Result<()> {
    let page = page()?;
    let written: BTreeSet<String> = blocks(&page).into_iter().map(|block| block.section).collect();
    let run: BTreeSet<String> = TITLES.iter().copied().chain([BEFORE_YOU_BEGIN]).map(str::to_owned).collect();
    let (unrun, unwritten): (Vec<_>, Vec<_>) = (written.difference(&run).collect(), run.difference(&written).collect());
    ensure!(unrun.is_empty() && unwritten.is_empty(), "nobody runs {unrun:?}; the page does not have {unwritten:?}");
    Ok(())
}
