//! Which app clients offer which of Causeway's providers, as a look saw it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    id::{AppClientId, ProviderName},
    step::{Action, Step},
};

/// How many app clients, and how many providers that are missing in them, are kept with a pool at most: they are written
/// with each run.
const MOST: usize = 20;

/// An app client that the pool names, with what it lacks, which mostly is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferingClient {
    /// Its ID.
    pub id: AppClientId,
    /// The providers of Causeway's that it does not offer.
    #[serde(default)]
    pub lacks: BTreeSet<ProviderName>,
}

/// What app clients offer once these steps are done.
pub fn offered_after(
    before: &BTreeMap<AppClientId, BTreeSet<String>>,
    done: &[Step],
) -> BTreeMap<AppClientId, BTreeSet<String>> {
    let mut offers = before.clone();
    for step in done {
        let Some(offered) = step.app_client_id.as_ref().and_then(|client| offers.get_mut(client)) else { continue };
        match step.action {
            Action::Wire => drop(offered.insert(step.provider_name.to_string())),
            Action::Unwire => drop(offered.remove(step.provider_name.as_str())),
            _ => {}
        }
    }
    offers
}

/// What is kept of it, `providers` being Causeway's; nothing where it is too much.
pub fn kept(
    offers: &BTreeMap<AppClientId, BTreeSet<String>>,
    providers: &BTreeSet<ProviderName>,
) -> Option<Vec<OfferingClient>> {
    let lacks = |offered: &BTreeSet<String>| -> BTreeSet<ProviderName> {
        providers.iter().filter(|name| !offered.contains(name.as_str())).cloned().collect()
    };
    let clients: Vec<OfferingClient> =
        offers.iter().map(|(id, offered)| OfferingClient { id: id.clone(), lacks: lacks(offered) }).collect();
    let missing: usize = clients.iter().map(|client| client.lacks.len()).sum();
    (clients.len() <= MOST && missing <= MOST).then_some(clients)
}

/// The app clients that offer a provider of Causeway's.
pub fn offering<'a>(clients: &'a [OfferingClient], name: &'a ProviderName) -> impl Iterator<Item = &'a AppClientId> {
    clients.iter().filter(|client| !client.lacks.contains(name)).map(|client| &client.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<ProviderName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn offers(clients: &[(&str, &[&str])]) -> BTreeMap<AppClientId, BTreeSet<String>> {
        let offered = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        clients.iter().map(|(id, names)| (id.parse().unwrap(), offered(names))).collect()
    }

    #[test]
    fn a_provider_is_offered_by_the_app_clients_that_had_it_and_by_no_other() {
        let ours = names(&["conn-1", "conn-2"]);
        let kept = kept(&offers(&[("both", &["COGNITO", "conn-1", "conn-2"]), ("one", &["conn-2"])]), &ours).unwrap();
        let of =
            |name: &str| -> Vec<String> { offering(&kept, &name.parse().unwrap()).map(ToString::to_string).collect() };
        assert_eq!((of("conn-1"), of("conn-2")), (vec!["both".to_owned()], vec!["both".to_owned(), "one".to_owned()]));
    }

    #[test]
    fn more_than_an_item_should_carry_is_not_kept() {
        let ids: Vec<String> = (0..=MOST).map(|number| format!("client{number}")).collect();
        let clients =
            |many: usize| -> Vec<(&str, &[&str])> { ids[..many].iter().map(|id| (id.as_str(), &[][..])).collect() };
        assert!(kept(&offers(&clients(MOST)), &names(&[])).is_some());
        assert!(kept(&offers(&clients(MOST + 1)), &names(&[])).is_none());
        assert!(kept(&offers(&clients(MOST)), &names(&["conn-1"])).is_some());
        assert!(kept(&offers(&clients(MOST)), &names(&["conn-1", "conn-2"])).is_none());
    }
}
