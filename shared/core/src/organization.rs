//! What a claim keeps of its connection's organization, so that a sign-in need not ask WorkOS for it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    connection::Organization,
    domain::VerifiedDomains,
    health::named,
    id::{ConnectionId, OrganizationId},
    step::Note,
    timestamp::Timestamp,
    waiting::SKEW,
    wake_up::Cause,
};

/// How old what the claims keep may be before a run reads the organizations again.
pub const READ_AGAIN_WITHIN: Duration = Duration::from_hours(1);
/// How old it may be before a sign-in asks WorkOS instead. The runs of a pool that is paused, or fails, don't read.
pub const GOOD_FOR: Duration = Duration::from_hours(2);
/// The most domains that a claim has room for, and how many bytes they may have together: a run reads all claims of its
/// pool, and an instance of `signin` keeps thousands of them, of all tenants.
const MOST_DOMAINS: usize = 200;
const LARGEST_DOMAINS: usize = 4 * 1024;

/// An organization as a claim keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownOrganization {
    /// Which one it is: the connection may belong to another by now.
    pub id: OrganizationId,
    /// Its name, where it has one that can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The domains that WorkOS verified for it; none where there is no room for them, or where WorkOS's list lacked the
    /// organization, which may be behind. Then a sign-in asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domains: Option<VerifiedDomains>,
}

impl KnownOrganization {
    /// The organization `id`, as a complete list of them shows it.
    pub fn of(id: &OrganizationId, organizations: &[Organization]) -> Self {
        let found = organizations.iter().find(|organization| organization.id == *id);
        let domains = found.map(|organization| VerifiedDomains::of(&organization.domains));
        Self {
            id: id.clone(),
            name: found.and_then(|organization| organization.name.clone()),
            domains: domains.filter(has_room),
        }
    }

    /// The verified domains of `organization`, if it is this one, as they were at `read_at`, and that is not too long
    /// before `now`.
    pub fn domains_of(
        &self,
        organization: &OrganizationId,
        read_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<&VerifiedDomains> {
        let is_good = read_at.is_some_and(|read_at| now.since(read_at) < GOOD_FOR);
        self.domains.as_ref().filter(|_| is_good && self.id == *organization)
    }
}

fn has_room(domains: &VerifiedDomains) -> bool {
    domains.len() <= MOST_DOMAINS && domains.iter().map(str::len).sum::<usize>() <= LARGEST_DOMAINS
}

/// What to say of the claims' connections whose organization is known and keeps none of its domains; none where there
/// are none.
pub fn note_on_domains<'a>(known: impl IntoIterator<Item = (&'a ConnectionId, &'a KnownOrganization)>) -> Option<Note> {
    let keep_none = known.into_iter().filter(|(_, known)| known.domains.is_none());
    let ids: Vec<&str> = keep_none.map(|(id, _)| id.as_str()).collect();
    let message = format!(
        "no domains are kept with {} of the claims, since the organization has more verified ones than {MOST_DOMAINS}, \
         or than {LARGEST_DOMAINS} bytes of them, or WorkOS's list lacks it: each sign-in asks WorkOS for them, and the \
         lookup by domain does not know them: {}",
        ids.len(),
        named(ids.iter().copied())
    );
    (!ids.is_empty()).then(|| Note::general(message))
}

/// When the organizations of a pool's connections were last read, and are to be read again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationReads {
    /// When all of them were read and written to the claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    /// When a run reads them again; at once where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
}

impl OrganizationReads {
    /// Whether nothing was ever read.
    pub fn is_never(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a run reads the organizations: it is time, somebody gave cause to, or a claim lacks its own.
    pub fn is_due(self, cause: Cause, one_is_lacking: bool, now: Timestamp) -> bool {
        cause != Cause::Schedule
            || one_is_lacking
            || self.due_at.is_none_or(|due_at| due_at.has_come(now, READ_AGAIN_WITHIN + SKEW))
    }

    /// After a run for `cause` that read them at `now`, where runs come `interval` apart. WorkOS's list can be behind
    /// its own events: what an event gave cause to is read once more by the look that follows it.
    pub fn after(cause: Cause, interval: Duration, now: Timestamp) -> Self {
        let wait = if cause == Cause::Webhook { Duration::ZERO } else { READ_AGAIN_WITHIN.saturating_sub(interval) };
        Self { read_at: Some(now), due_at: Some(now.plus(wait)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::{DomainState, OrganizationDomain};

    fn organization(id: &str, domains: &[&str]) -> Organization {
        let domain = |domain: &&str| OrganizationDomain { domain: (*domain).to_owned(), state: DomainState::Verified };
        Organization {
            id: id.parse().unwrap(),
            name: Some(format!("The {id}")),
            domains: domains.iter().map(domain).collect(),
        }
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_seconds(1_763_000_000 + minutes * 60)
    }

    #[test]
    fn an_organization_is_vouched_for_by_its_own_domains_for_two_hours_after_they_were_read() {
        let (own, other) = ("org_1".parse().unwrap(), "org_2".parse().unwrap());
        let all = [organization("org_1", &["acme.test"]), organization("org_2", &["other.test"])];
        let known = KnownOrganization::of(&own, &all);
        let domains = |organization, read_at, now| known.domains_of(organization, read_at, now);
        assert!(domains(&own, Some(at(0)), at(119)).unwrap().vouch_for("ann@acme.test"));
        assert_eq!(domains(&own, Some(at(0)), at(120)), None);
        assert_eq!(domains(&own, None, at(0)), None, "nobody knows how old they are");
        assert_eq!(domains(&other, Some(at(0)), at(0)), None, "of another organization");
    }

    #[test]
    fn domains_that_are_too_many_or_of_an_organization_that_the_list_lacks_are_not_kept() {
        let id = "org_1".parse().unwrap();
        let names: Vec<String> = (0..=MOST_DOMAINS).map(|number| format!("d{number}.test")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let kept = |count: usize| KnownOrganization::of(&id, &[organization("org_1", &names[..count])]);
        assert_eq!(kept(MOST_DOMAINS).domains.unwrap().len(), MOST_DOMAINS);
        assert_eq!(kept(MOST_DOMAINS + 1).domains, None);
        assert_eq!(kept(1).name.as_deref(), Some("The org_1"));
        let lacking = KnownOrganization::of(&id, &[organization("org_2", &["acme.test"])]);
        assert_eq!((lacking.name, lacking.domains), (None, None));
    }

    #[test]
    fn a_few_huge_domains_are_too_many_and_a_run_says_of_which_connections_it_keeps_none() {
        let id: OrganizationId = "org_1".parse().unwrap();
        let label = "a".repeat(60);
        let huge: Vec<String> = (0..100).map(|number| format!("d{number:03}.{label}.{label}.{label}.test")).collect();
        let huge: Vec<&str> = huge.iter().map(String::as_str).collect();
        let fitting = LARGEST_DOMAINS / huge[0].len();
        let kept = |count: usize| KnownOrganization::of(&id, &[organization("org_1", &huge[..count])]);
        assert_eq!(kept(fitting).domains.unwrap().len(), fitting);
        assert_eq!(kept(fitting + 1).domains, None);
        let id_of = |letter: &str| -> ConnectionId { format!("conn_{}", letter.repeat(26)).parse().unwrap() };
        let known = [(id_of("A"), kept(fitting)), (id_of("B"), kept(fitting + 1))];
        let note = |known: &[(ConnectionId, KnownOrganization)]| note_on_domains(known.iter().map(|(id, it)| (id, it)));
        let told = note(&known).unwrap();
        assert!(told.message.contains(&"B".repeat(26)) && told.remedy.is_none(), "{told:?}");
        assert!(!told.message.contains(&"A".repeat(26)), "{told:?}");
        assert_eq!(note(&known[..1]), None);
    }

    #[test]
    fn organizations_are_read_hourly_for_a_cause_and_where_a_claim_lacks_its_own() {
        let minutes = |minutes| Duration::from_mins(minutes);
        let reads = OrganizationReads::after(Cause::Schedule, minutes(15), at(0));
        for (now, is_due) in [(0, false), (44, false), (45, true), (60, true)] {
            assert_eq!(reads.is_due(Cause::Schedule, false, at(now)), is_due, "{now}");
        }
        for (cause, one_is_lacking) in [(Cause::Webhook, false), (Cause::Api, false), (Cause::Schedule, true)] {
            assert!(reads.is_due(cause, one_is_lacking, at(1)), "{cause:?}");
        }
        assert!(OrganizationReads::default().is_due(Cause::Schedule, false, at(0)), "never read");
        let far = OrganizationReads { due_at: Some(at(62)), ..reads };
        assert!(far.is_due(Cause::Schedule, false, at(0)), "of a clock that was wrong");
        let of_event = OrganizationReads::after(Cause::Webhook, minutes(15), at(0));
        assert!(of_event.is_due(Cause::Schedule, false, at(0)), "the look that follows an event");
        let rare = OrganizationReads::after(Cause::Schedule, Duration::from_hours(3), at(0));
        assert!(rare.is_due(Cause::Schedule, false, at(0)), "each of runs that are rarer than that");
    }
}
