//! From WorkOS's records to Causeway's types: the one place where connections, organizations and domains are read.
//! A member that can't be read makes itself unknown and nothing else. Only a record without a usable ID is none, and
//! that is reported and never left out: what is left out would be taken for gone.

use causeway_core::{
    connection::{Connection, ConnectionState, DomainState, Organization, OrganizationDomain, UnreadableRecord},
    id::OrganizationId,
    lenient::{Members, Said},
    shown,
    timestamp::Timestamp,
};
use serde_json::value::RawValue;

/// The most characters of an ID that are reported: more than an ID has, so that the beginning of one that is too long
/// is not taken for another one.
const LONGEST_ID: usize = 80;

/// An organization as far as it could be read.
#[derive(Debug)]
pub(crate) struct ReadOrganization {
    /// The organization, with the domains that could be read.
    pub organization: Organization,
    /// Why these may not be all.
    pub problem: Option<&'static str>,
}

/// Reads a connection (WorkOS API: `Connection`). One whose state can't be read is in none that is known, so that
/// nothing is concluded from it.
pub(crate) fn connection(record: &RawValue) -> Result<Connection, UnreadableRecord> {
    let members = members(record);
    let id = id(&members, "connection")?;
    let text = |name: &str| members.text(name).value().cloned();
    Ok(Connection {
        id,
        organization_id: text("organization_id").and_then(|id| id.parse().ok()),
        name: name(&members),
        connection_type: text("connection_type"),
        state: ConnectionState::from(text("state").unwrap_or_default()),
        created_at: text("created_at").and_then(|date| Timestamp::parse(&date)),
    })
}

/// Reads an organization (WorkOS API: `Organization`). The Test Organization has no domains, whatever is said of it:
/// its users have whatever address they like.
pub(crate) fn organization(record: &RawValue) -> Result<ReadOrganization, UnreadableRecord> {
    let members = members(record);
    let id: OrganizationId = id(&members, "organization")?;
    let (domains, problem) = if id.is_test() { (Vec::new(), None) } else { domains(&members) };
    Ok(ReadOrganization { organization: Organization { id, name: name(&members), domains }, problem })
}

/// The domains of an organization that can be read, and why these may not be all.
fn domains(members: &Members) -> (Vec<OrganizationDomain>, Option<&'static str>) {
    let Some(items) = members.raw("domains").and_then(|list| serde_json::from_str::<Vec<Box<RawValue>>>(list).ok())
    else {
        return (Vec::new(), Some("domains: missing, or not a list"));
    };
    let domains: Vec<OrganizationDomain> = items.iter().filter_map(|item| domain(item)).collect();
    let problem = (domains.len() < items.len()).then_some("domains: one of them can't be read");
    (domains, problem)
}

/// Reads a domain of an organization (WorkOS API: `OrganizationDomain`, whose `state` is optional); `None` where it
/// can't be read what it is or whether it is verified.
fn domain(record: &RawValue) -> Option<OrganizationDomain> {
    let members = members(record);
    let domain = members.text("domain").value().filter(|domain| !domain.is_empty()).cloned()?;
    let state = match members.text("state") {
        Said::Garbled => return None,
        Said::Value(state) if state == "verified" => DomainState::Verified,
        Said::Value(state) if state == "legacy_verified" => DomainState::LegacyVerified,
        Said::Value(_) | Said::Nothing => DomainState::Other,
    };
    Some(OrganizationDomain { domain, state })
}

/// The name of a record, as people read it.
fn name(members: &Members) -> Option<String> {
    shown::name(members.text("name").value()?)
}

/// The members of a record; none of what is no object.
fn members(record: &RawValue) -> Members {
    serde_json::from_str(record.get()).unwrap_or_default()
}

fn id<Id: std::str::FromStr<Err: std::fmt::Display>>(members: &Members, of: &str) -> Result<Id, UnreadableRecord> {
    let said = members.text("id");
    let problem = match &said {
        Said::Nothing => "missing".to_owned(),
        Said::Garbled => "not text".to_owned(),
        Said::Value(text) => match text.parse() {
            Ok(id) => return Ok(id),
            Err(error) => format!("{error}"),
        },
    };
    let shown = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    let id = said.value().map(|text| text.chars().map(shown).take(LONGEST_ID).collect()).unwrap_or_default();
    Err(UnreadableRecord { id, problem: format!("{of}: id: {problem}") })
}

#[cfg(test)]
mod tests {
    use serde_json::{json, value::to_raw_value};

    use super::*;

    #[test]
    fn a_name_of_workos_is_kept_as_it_may_be_shown() {
        let piled = format!("a{}", "\u{301}".repeat(50));
        for (said, kept) in [
            (json!("Acme \u{202e}gro.elpmaxe\u{2028}\u{1b}[2J"), Some("Acme gro.elpmaxe[2J")),
            (json!(piled), Some("a\u{301}\u{301}\u{301}\u{301}")),
            (json!("\u{200b}\u{202e}"), None),
            (json!(7), None),
        ] {
            let record = to_raw_value(&json!({ "id": "conn_1", "name": said })).unwrap();
            assert_eq!(connection(&record).unwrap().name.as_deref(), kept, "{said}");
            let record = to_raw_value(&json!({ "id": "org_1", "name": said, "domains": [] })).unwrap();
            assert_eq!(organization(&record).unwrap().organization.name.as_deref(), kept, "{said}");
        }
    }
}
