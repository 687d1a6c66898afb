//! The fleet, and the user pools that need somebody, the worst first.

use causeway_page::{copyable, sentence};
use maud::{Markup, html};
use serde_json::Value;

use super::frame::{Frame, moment, name, said, text};
use crate::{
    console::place::{Place, PoolId},
    failure::Failure,
    shown::{
        self, count, in_commands,
        status::{Fleet, Need, Status},
    },
};

/// The page of the fleet.
pub fn fleet(frame: &Frame<'_>, answer: &Value) -> Result<Markup, Failure> {
    let Status { fleet, items, .. } = shown::read(answer, "the status")?;
    let of = |whose: &str| items.iter().filter(|need| need.whose == whose).collect::<Vec<&Need>>();
    Ok(html! {
        @if let Some(fleet) = fleet { (counts(&fleet)) }
        @for (whose, heading) in [("operator", "For you"), ("tenant", "For their tenants, who have to mend them")] {
            @let needs = of(whose);
            @if !needs.is_empty() {
                section {
                    h2 id=(whose) { (heading) }
                    @for (number, need) in needs.into_iter().enumerate() {
                        (of_pool(frame, need, &format!("{whose}-{number}")))
                    }
                }
            }
        }
        @if items.is_empty() { p { "No user pool needs anybody." } }
    })
}

fn counts(fleet: &Fleet) -> Markup {
    let ok = fleet.counts.get("ok").copied().unwrap_or_default();
    let others = fleet.counts.iter().filter(|(state, count)| *state != "ok" && **count > 0);
    html! {
        ul.counts aria-label="User pools by how they are" {
            li.good { strong { (ok) } " ok" }
            @for (state, count) in others { li { strong { (count) } " " (text(state)) } }
        }
        p { "Messages: " (fleet.dead_letters) " dead letters, " (fleet.timer_dead_letters) " of the timer's, "
            (fleet.wake_ups_waiting) " wake-ups waiting, " (fleet.wake_ups_in_flight) " in flight." }
        @if fleet.dead_letters > 0 {
            p { "Look at the dead letters with " code { "causeway dead-letters" } "; " code { "--redrive" }
                " sends them back." }
        }
        @if fleet.timer_dead_letters > 0 { p { (shown::health::TIMERS) } }
    }
}

/// What one user pool needs.
fn of_pool(frame: &Frame<'_>, need: &Need, id: &str) -> Markup {
    let tenant = name(need.tenant_name.as_deref(), &need.tenant_id);
    let pool = name(need.user_pool_name.as_deref(), &need.user_pool_id);
    // An ID that is none leads nowhere.
    let place = need.tenant_id.parse().ok().zip(need.user_pool_id.parse().ok());
    let place = place.map(|(tenant, user_pool)| Place::Pool(PoolId { tenant, user_pool }));
    html! {
        article.card aria-labelledby=(id) {
            h3 id=(id) {
                @match place {
                    Some(place) => (frame.link(&place, &format!("{tenant}, {pool}"))),
                    None => bdi { (tenant) ", " (pool) },
                }
            }
            p { strong.state { (text(&need.state)) } " since " (moment(&need.since)) " "
                code { (text(&need.tenant_id)) } " " code { (text(&need.user_pool_id)) } }
            @if !need.message.is_empty() { p { (said(&sentence(&need.message))) } }
            @if !need.remedy.is_empty() { p { strong { "To do: " } (said(&in_commands(&need.remedy))) } }
            @if let Some(held) = &need.held {
                p { "Steps of "
                    (count(usize::try_from(held.connections).unwrap_or(usize::MAX), "connection", "connections"))
                    " wait for a decision since " (moment(&held.since)) "." }
            }
            @if !need.missing_app_clients.is_empty() {
                p { "App clients that are not there: " (text(&need.missing_app_clients.join(", "))) }
            }
            @if let Some(contact) = need.contact.as_ref().filter(|_| need.whose == "tenant") {
                p { "Turn to " (said(contact)) "." }
            }
            @if let Some(command) = need.command() {
                (copyable(&format!("{id}-command"), &format!("the command that leads on, for {pool}"), &command))
            }
        }
    }
}

/// How a user pool is: what is wrong, since when and what to do about it.
pub fn health(health: &shown::pool::Health) -> Markup {
    let is_ok = health.state == "ok";
    html! {
        div.notice.good[is_ok].bad[!is_ok] {
            p { strong { (text(&health.state)) } " since " (moment(&health.since)) "." }
            @if !health.message.is_empty() { p { (said(&sentence(&health.message))) } }
            @if !health.remedy.is_empty() { p { strong { "To do: " } (said(&in_commands(&health.remedy))) } }
        }
    }
}
