//! The connections and organizations of an environment.

use std::collections::BTreeMap;

use causeway_core::{
    connection::{Organization, UnreadableRecord, WorkosSnapshot},
    id::{ConnectionId, OrganizationId},
};
use secrecy::SecretString;
use serde_json::value::RawValue;

use crate::{
    call::Request,
    client::Workos,
    error::WorkosError,
    record::{self, ReadOrganization},
};

impl Workos {
    /// All connections (WorkOS API: `GET /connections`), and all organizations where they are asked for
    /// (`GET /organizations`), both side by side, complete or an error.
    ///
    /// A connection without a usable ID becomes one of `unreadable`, with what is left of the ID: it may be any. An
    /// organization without one, or whose domains can't all be read, is one of `unreadable_organizations`.
    pub async fn snapshot(&self, key: &SecretString, with_organizations: bool) -> Result<WorkosSnapshot, WorkosError> {
        let organizations = async {
            if with_organizations {
                self.whole_list("/organizations", key, record::organization).await
            } else {
                Ok(Vec::new())
            }
        };
        let connections = self.whole_list("/connections", key, record::connection);
        let (connections, organizations) = tokio::try_join!(connections, organizations)?;
        let (mut unreadable, mut unreadable_organizations) = (Vec::new(), Vec::new());
        let connections = merged(connections, |connection| connection.id.clone(), &mut unreadable);
        let read = merged(organizations, |read| read.organization.id.clone(), &mut unreadable_organizations);
        let mut organizations = Vec::new();
        for ReadOrganization { organization, problem } in read {
            let id = organization.id.to_string();
            let problem = problem.map(|problem| format!("organization: {problem}"));
            unreadable_organizations.extend(problem.map(|problem| UnreadableRecord { id, problem }));
            organizations.push(organization);
        }
        Ok(WorkosSnapshot { connections, organizations, unreadable, unreadable_organizations })
    }

    /// Whether WorkOS says that there is no such connection (WorkOS API: `GET /connections/{id}`): true for
    /// the status 404 alone.
    pub async fn connection_is_gone(&self, key: &SecretString, id: &ConnectionId) -> Result<bool, WorkosError> {
        match self.send(&Request::get(format!("/connections/{id}"), key)).await {
            Ok(_) => Ok(false),
            Err(error) if error.has_status(404) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// An organization with its domains (WorkOS API: `GET /organizations/{id}`); `None` if there is none.
    pub async fn organization(
        &self,
        key: &SecretString,
        id: &OrganizationId,
    ) -> Result<Option<Organization>, WorkosError> {
        let answer = match self.send(&Request::get(format!("/organizations/{id}"), key)).await {
            Ok(answer) => answer,
            Err(error) if error.has_status(404) => return Ok(None),
            Err(error) => return Err(error),
        };
        match record::organization(&answer.read::<Box<RawValue>>()?) {
            // Domains that can't be read verify nothing, and keep nobody out.
            Ok(read) if read.organization.id == *id => Ok(Some(read.organization)),
            Ok(_) => Err(answer.unreadable("it is of another organization")),
            Err(record) => Err(answer.unreadable(record.problem)),
        }
    }
}

/// The readable records, each once: a record that moves from page to page while the pages are read comes
/// twice, and the later one is newer. The others go to `unreadable`.
fn merged<Id: Ord, Record>(
    records: Vec<Result<Record, UnreadableRecord>>,
    id: fn(&Record) -> Id,
    unreadable: &mut Vec<UnreadableRecord>,
) -> Vec<Record> {
    let mut by_id = BTreeMap::new();
    for record in records {
        match record {
            Ok(record) => {
                by_id.insert(id(&record), record);
            }
            Err(record) if unreadable.contains(&record) => {}
            Err(record) => unreadable.push(record),
        }
    }
    by_id.into_values().collect()
}
