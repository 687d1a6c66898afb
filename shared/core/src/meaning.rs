//! What steps mean for those who sign in, as a sentence: what somebody reads before the steps themselves.

use std::collections::BTreeSet;

use crate::{
    id::ConnectionId,
    loss::losing,
    naming::Naming,
    step::{ActionKind, RecordedStep},
};

/// How many connections a sentence names.
const MOST_NAMED: usize = 10;

/// What `steps` mean: `3 customers lose sign-in: "Acme" (Okta …1A2B3C), ... 1 gains it.` Counts come first, since customers
/// choose the names. Who loses a way to sign in is what the guard counts ([`losing`]); an app client that is to offer a
/// provider is a gain for who loses nothing.
pub fn meaning(steps: &[RecordedStep]) -> String {
    if steps.is_empty() {
        return "Nobody loses or gains sign-in: there is nothing to do.".to_owned();
    }
    let losing = losing(steps);
    let gaining: BTreeSet<&ConnectionId> =
        steps.iter().filter(|step| step.action == ActionKind::Wire).map(|step| &step.connection_id).collect();
    let gains = of(steps, |id| gaining.contains(id) && !losing.contains(id));
    let others = of(steps, |id| !gaining.contains(id) && !losing.contains(id)).len();
    let gained = match gains.len() {
        0 => String::new(),
        _ if losing.is_empty() => {
            format!(" {}: {}.", counted(&gains, "gains sign-in", "gain sign-in"), listed(&gains))
        }
        1 => " 1 gains it.".to_owned(),
        many => format!(" {many} gain it."),
    };
    let written = match others {
        0 => String::new(),
        1 => " There are steps for 1 other.".to_owned(),
        many => format!(" There are steps for {many} others."),
    };
    format!("{}{gained}{written}", lost(&of(steps, |id| losing.contains(id))))
}

/// A connection, and by what it is known.
type Known<'a> = (&'a ConnectionId, &'a Naming);

/// Of the connections of `steps` those that are `chosen`, each once, in the order of the steps.
fn of(steps: &[RecordedStep], chosen: impl Fn(&ConnectionId) -> bool) -> Vec<Known<'_>> {
    let mut seen = BTreeSet::new();
    let of_chosen = steps.iter().filter(|step| chosen(&step.connection_id));
    of_chosen.map(|step| (&step.connection_id, &step.naming)).filter(|(id, _)| seen.insert(*id)).collect()
}

fn lost(losses: &[Known<'_>]) -> String {
    if losses.is_empty() {
        return "Nobody loses sign-in.".to_owned();
    }
    format!("{}: {}.", counted(losses, "loses sign-in", "lose sign-in"), listed(losses))
}

/// How many they are: `1 customer loses sign-in`, or `3 connections of 2 customers lose sign-in`. A customer is an
/// organization, and a connection that shows none is one by itself.
fn counted(connections: &[Known<'_>], one: &str, many: &str) -> String {
    let customer = |(id, naming): &Known<'_>| match &naming.organization_id {
        Some(organization) => (true, organization.as_str().to_owned()),
        None => (false, id.as_str().to_owned()),
    };
    let customers = connections.iter().map(customer).collect::<BTreeSet<_>>().len();
    let customers_are = if customers == 1 { "1 customer".to_owned() } else { format!("{customers} customers") };
    match connections.len() {
        1 => format!("1 customer {one}"),
        all if all == customers => format!("{customers_are} {many}"),
        all => format!("{all} connections of {customers_are} {many}"),
    }
}

fn listed(connections: &[Known<'_>]) -> String {
    let named = connections.iter().take(MOST_NAMED);
    let named: Vec<String> = named.map(|(id, naming)| naming.called(id.as_str()).to_string()).collect();
    let more = connections.len().saturating_sub(MOST_NAMED);
    if more == 0 { named.join(", ") } else { format!("{}, and {more} more", named.join(", ")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn step(action: &str, number: usize, takes_away: bool, naming: Naming) -> RecordedStep {
        let step = serde_json::json!({
            "action": action, "connection_id": format!("conn_{number:026}"), "reason": "", "changes": [], "held": false,
            "provider_name": format!("conn-{number:026}"),
        });
        RecordedStep { naming, takes_away, ..serde_json::from_value(step).unwrap() }
    }

    fn of_customer(name: &str, organization: &str, connection_type: &str) -> Naming {
        Naming {
            organization_name: Some(name.to_owned()),
            organization_id: Some(organization.parse().unwrap()),
            connection_type: Some(connection_type.to_owned()),
            ..Naming::default()
        }
    }

    #[test]
    fn a_plan_says_who_loses_sign_in_and_how_many_gain_it() {
        let steps = [
            step("create", 4, false, of_customer("New", "org_4", "OktaSAML")),
            step("update", 5, false, of_customer("Same", "org_5", "OktaSAML")),
            step("wire", 4, false, of_customer("New", "org_4", "OktaSAML")),
            step("unwire", 1, true, of_customer("Acme", "org_1", "OktaSAML")),
            step("unwire", 2, true, of_customer("Contoso", "org_2", "AzureSAML")),
            step("wire", 2, false, of_customer("Contoso", "org_2", "AzureSAML")),
            step("delete", 1, true, of_customer("Acme", "org_1", "OktaSAML")),
            step("delete", 3, true, of_customer("Initech", "org_3", "GoogleSAML")),
        ];
        assert_eq!(
            meaning(&steps),
            "3 customers lose sign-in: \"Acme\" (Okta …000001), \"Contoso\" (Entra ID …000002), \"Initech\" (Google \
             …000003). 1 gains it. There are steps for 1 other."
        );
        assert_eq!(meaning(&steps[3..4]), "1 customer loses sign-in: \"Acme\" (Okta …000001).");
        assert_eq!(meaning(&steps[..1]), "Nobody loses sign-in. There are steps for 1 other.");
        assert_eq!(
            meaning(&steps[..3]),
            "Nobody loses sign-in. 1 customer gains sign-in: \"New\" (Okta …000004). There are steps for 1 other."
        );
        assert_eq!(meaning(&[]), "Nobody loses or gains sign-in: there is nothing to do.");
    }

    #[test]
    fn two_connections_of_a_customer_are_two_and_two_customers_of_one_name_are_two() {
        let of =
            |organization: &str, number| step("delete", number, true, of_customer("Acme", organization, "OktaSAML"));
        assert_eq!(
            meaning(&[of("org_1", 1), of("org_1", 2)]),
            "2 connections of 1 customer lose sign-in: \"Acme\" (Okta …000001), \"Acme\" (Okta …000002)."
        );
        assert!(meaning(&[of("org_1", 1), of("org_2", 2)]).starts_with("2 customers lose sign-in: "));
        let unknown = |number| step("delete", number, true, Naming::default());
        assert!(meaning(&[unknown(1), unknown(2)]).starts_with("2 customers lose sign-in: conn_0000"));
    }

    #[test]
    fn what_a_report_keeps_of_a_held_step_is_a_loss_still() {
        let held =
            RecordedStep { held: true, takes_away: true, ..step("delete", 1, true, of_customer("Acme", "org_1", "x")) };
        let mut stored = serde_json::to_value(&held).unwrap();
        let of = |stored: &serde_json::Value| meaning(&[serde_json::from_value(stored.clone()).unwrap()]);
        let lost = "1 customer loses sign-in: \"Acme\" (connection …000001).";
        assert_eq!(of(&stored), lost);
        stored.as_object_mut().unwrap().remove("takes_away");
        assert_eq!(of(&stored), lost, "as an earlier version recorded it");
    }

    #[test]
    fn of_ten_thousand_ten_are_named_and_the_rest_counted() {
        let steps: Vec<RecordedStep> = (0..10_000)
            .map(|number| step("delete", number, true, of_customer(&"W".repeat(128), &format!("org_{number}"), "x")))
            .collect();
        let meaning = meaning(&steps);
        assert!(meaning.starts_with("10000 customers lose sign-in: \"WWW"), "{meaning}");
        assert!(meaning.ends_with("and 9990 more.") && meaning.chars().count() < 1_000, "{meaning}");
    }

    proptest! {
        #[test]
        fn whatever_the_names_are_the_counts_come_first_and_are_those_of_the_guard(
            steps in proptest::collection::vec((0_usize..30, any::<bool>(), 0_usize..4, ".{0,60}"), 1..40),
        ) {
            let action = |number| ["create", "wire", "unwire", "delete"][number];
            let steps: Vec<RecordedStep> = steps
                .into_iter()
                .map(|(number, takes_away, kind, name)| {
                    let naming = of_customer(&name, &format!("org_{number}"), "OktaSAML");
                    step(action(kind), number, takes_away, naming)
                })
                .collect();
            let (meaning, lost) = (meaning(&steps), losing(&steps).len());
            let begins = match lost {
                0 => "Nobody loses sign-in.".to_owned(),
                1 => "1 customer loses sign-in: \"".to_owned(),
                many => format!("{many} customers lose sign-in: \""),
            };
            prop_assert!(meaning.starts_with(&begins), "{meaning}");
            prop_assert!(meaning.chars().all(crate::shown::is_shown), "{meaning:?}");
            let named = lost.min(MOST_NAMED);
            prop_assert!(meaning.matches(" (Okta …").count() >= named, "{meaning}");
        }
    }
}
