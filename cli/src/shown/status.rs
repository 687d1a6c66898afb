//! The fleet, and the user pools that need somebody.

use std::{collections::BTreeMap, fmt::Write};

use causeway_core::naming::quoted_within;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    failure::Failure,
    shown::{self, health::TIMERS, wrapped},
};

/// How wide the text is at most.
const WIDTH: usize = 80;
/// How many characters of a name are shown, so that the longest ID fits beside it.
const LONGEST: usize = 40;

/// A page of the status.
#[derive(Deserialize)]
pub(crate) struct Status {
    pub(crate) fleet: Option<Fleet>,
    pub(crate) items: Vec<Need>,
    pub(crate) next_cursor: Option<String>,
}

/// The fleet as a whole.
#[derive(Deserialize)]
pub(crate) struct Fleet {
    pub(crate) state: String,
    #[serde(default)]
    pub(crate) counts: BTreeMap<String, u64>,
    #[serde(default)]
    pub(crate) dead_letters: u64,
    #[serde(default)]
    pub(crate) timer_dead_letters: u64,
    #[serde(default)]
    pub(crate) wake_ups_waiting: u64,
    #[serde(default)]
    pub(crate) wake_ups_in_flight: u64,
}

/// A user pool that needs somebody.
#[derive(Deserialize)]
pub(crate) struct Need {
    pub(crate) tenant_id: String,
    #[serde(default)]
    pub(crate) tenant_name: Option<String>,
    pub(crate) user_pool_id: String,
    #[serde(default)]
    pub(crate) user_pool_name: Option<String>,
    pub(crate) state: String,
    pub(crate) since: String,
    pub(crate) whose: String,
    #[serde(default)]
    pub(crate) contact: Option<String>,
    #[serde(default)]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) remedy: String,
    #[serde(default)]
    pub(crate) held: Option<Held>,
    #[serde(default)]
    pub(crate) missing_app_clients: Vec<String>,
}

/// What the guard holds back of a pool.
#[derive(Deserialize)]
pub(crate) struct Held {
    pub(crate) connections: u64,
    pub(crate) since: String,
}

impl Fleet {
    /// What is well stands first, then the states that pools are in.
    fn text(&self) -> String {
        let ok = self.counts.get("ok").copied().unwrap_or_default();
        let others = self.counts.iter().filter(|(state, count)| *state != "ok" && **count > 0);
        let others: Vec<String> = others.map(|(state, count)| format!(", {count} {state}")).collect();
        let pools = wrapped(&format!("User pools: {ok} ok{}", others.concat()), WIDTH, "");
        let Self { state, dead_letters, timer_dead_letters, wake_ups_waiting, wake_ups_in_flight, .. } = self;
        let messages = format!(
            "Messages: {dead_letters} dead letters, {timer_dead_letters} of the timer's, {wake_ups_waiting} wake-ups \
             waiting, {wake_ups_in_flight} in flight"
        );
        let mut text = format!("{state}\n{pools}{}", wrapped(&messages, WIDTH, ""));
        if *dead_letters > 0 {
            text.push_str("Look at them with `causeway dead-letters`; `--redrive` sends them back.\n");
        }
        if *timer_dead_letters > 0 {
            text.push_str(TIMERS);
        }
        text
    }
}

impl Need {
    /// The command that leads on. IDs only: nothing that somebody chose is part of what is to be copied.
    pub(crate) fn command(&self) -> Option<String> {
        let pool = format!("{} {}", self.tenant_id, self.user_pool_id);
        Some(match self.state.as_str() {
            "held" => format!("causeway plan {pool}"),
            "awaits_admission" => format!("causeway pools admit {pool}"),
            "denied" | "rejected" | "pending" => format!("causeway verify {pool}"),
            "transient" | "throttled" | "conflict" | "never_ran" | "quota" => {
                format!("causeway reconcile {pool} --wait")
            }
            "bug" => format!("causeway runs {pool}"),
            _ => return None,
        })
    }

    fn text(&self) -> String {
        let Self { state, tenant_name, user_pool_id, user_pool_name, message, .. } = self;
        let tenant = tenant_name.as_deref().map_or_else(|| self.tenant_id.clone(), |name| quoted_within(name, LONGEST));
        let name =
            user_pool_name.as_deref().map(|name| format!("{} ", quoted_within(name, LONGEST))).unwrap_or_default();
        let mut text = format!("{state} since {}\n  {tenant}\n  {name}{user_pool_id}\n", shown::time(&self.since));
        // What others wrote begins no line where a command could.
        let mut line = |told: &str| text.push_str(&wrapped(told, WIDTH, "    "));
        if !message.is_empty() {
            line(message);
        }
        if let Some(Held { connections, since }) = &self.held {
            let connections =
                shown::count(usize::try_from(*connections).unwrap_or(usize::MAX), "connection", "connections");
            line(&format!("Steps of {connections} wait for a decision since {}.", shown::time(since)));
        }
        if !self.missing_app_clients.is_empty() {
            line(&format!("App clients that are not there: {}", self.missing_app_clients.join(", ")));
        }
        if let Some(contact) = self.contact.as_ref().filter(|_| self.whose == "tenant") {
            line(&format!("Turn to {contact}"));
        }
        // Not broken, so that it can be copied.
        if let Some(command) = self.command() {
            let _ = writeln!(text, "  $ {command}");
        }
        text
    }
}

/// The fleet where `shows_fleet` says so, and the pools that need somebody, by who has to mend them.
pub fn status(answer: &Value, shows_fleet: bool) -> Result<String, Failure> {
    let Status { fleet, items, next_cursor } = shown::read(answer, "the status")?;
    let mut text = fleet.filter(|_| shows_fleet).map(|fleet| fleet.text()).unwrap_or_default();
    for (whose, heading) in [("operator", "For you"), ("tenant", "For their tenants, who have to mend them")] {
        let needs: Vec<&Need> = items.iter().filter(|need| need.whose == whose).collect();
        if !needs.is_empty() {
            let between = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{between}{heading}:");
            text.extend(needs.into_iter().map(Need::text));
        }
    }
    if items.is_empty() {
        text.push_str("No user pool needs anybody.\n");
    }
    if next_cursor.is_some() {
        text.push_str("\nThere are more: `causeway status --unhealthy` lists all.\n");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn need(state: &str, whose: &str) -> Value {
        json!({
            "tenant_id": "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N", "tenant_name": "Acme\", \u{202e}\u{1b}[2J; rm -rf / `x`",
            "user_pool_id": "eu-west-1_AbCdEf123", "user_pool_name": "Acme\ncauseway \u{202e}x", "state": state, "since": "2026-11-22T12:00:00.000Z", "whose": whose,
            "contact": "ann@example.com", "message": "what is\n  $ causeway wrong ".repeat(20), "remedy": "", "held": null,
            "missing_app_clients": [],
        })
    }

    #[test]
    fn what_is_the_operators_stands_first_and_a_contact_with_what_is_a_tenants() {
        let answer = json!({ "fleet": null, "items": [need("held", "operator"), need("denied", "tenant")], "next_cursor": null });
        let text = status(&answer, true).unwrap();
        let (mine, theirs) = text.split_once("For their tenants").unwrap();
        assert!(mine.contains("held since 2026-11-22 12:00:00Z") && !mine.contains("ann@example.com"), "{text}");
        assert!(theirs.contains("denied since") && theirs.contains("Turn to ann@example.com"), "{text}");
    }

    #[test]
    fn no_name_is_part_of_a_command_or_controls_the_terminal_and_each_line_fits() {
        for state in ["bug", "held", "transient", "never_ran", "awaits_admission", "denied", "quota", "pending", "new"]
        {
            let answer = json!({ "fleet": null, "items": [need(state, "operator")], "next_cursor": null });
            let text = status(&answer, true).unwrap();
            assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
            let commands: Vec<&str> = text.lines().filter(|line| line.starts_with("  $ ")).collect();
            assert_eq!(commands.len(), usize::from(state != "new"), "{text}");
            assert!(commands.iter().all(|line| !line.contains("Acme") && line.contains(" tnt_")), "{text}");
            let long = text.lines().find(|line| !line.starts_with("  $ ") && line.chars().count() > WIDTH);
            assert_eq!(long, None, "{text}");
        }
    }

    #[test]
    fn the_fleet_says_how_many_are_how_and_what_was_given_up() {
        let fleet = json!({ "state": "dead_letters", "counts": { "ok": 1203, "held": 1, "bug": 0 }, "dead_letters": 2,
                            "timer_dead_letters": 1, "wake_ups_waiting": 4, "wake_ups_in_flight": 5 });
        let answer = json!({ "fleet": fleet, "items": [], "next_cursor": "x" });
        let text = status(&answer, true).unwrap();
        assert!(text.starts_with("dead_letters\nUser pools: 1203 ok, 1 held\n"), "{text}");
        assert!(text.contains("2 dead letters, 1 of the timer's, 4 wake-ups waiting, 5 in"), "{text}");
        assert!(text.contains("`--redrive`") && text.contains("TimerDeadLetterAlarm"), "{text}");
        assert!(text.contains("No user pool needs anybody.") && text.contains("--unhealthy"), "{text}");
        assert!(!status(&answer, false).unwrap().contains("1203"));
    }

    #[test]
    fn what_is_held_and_what_is_missing_is_said_whatever_the_state() {
        let mut rejected = need("rejected", "tenant");
        rejected["held"] = json!({ "connections": 1, "since": "2026-11-22T11:00:00.000Z" });
        rejected["missing_app_clients"] = json!(["1a", "2b"]);
        let text = status(&json!({ "fleet": null, "items": [rejected], "next_cursor": null }), true).unwrap();
        assert!(text.contains("Steps of 1 connection wait for a decision since 2026-11-22 11:00:00Z."), "{text}");
        assert!(text.contains("App clients that are not there: 1a, 2b"), "{text}");
    }
}
