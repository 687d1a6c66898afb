//! Whether an API key is of the WorkOS environment that a tenant has been reconciled with. WorkOS has no call that
//! tells which environment a key is of; what it sees does.

use std::collections::BTreeSet;

use crate::{connection::WorkosSnapshot, id::ConnectionId};

/// Whether what a key sees looks like another environment: it shows none of the connections that providers were made
/// for. One whose record can't be read is there all the same.
pub fn is_another(claimed: &BTreeSet<ConnectionId>, seen: &WorkosSnapshot) -> bool {
    let is_seen = |id: &ConnectionId| {
        seen.connections.iter().any(|connection| connection.id == *id)
            || seen.unreadable.iter().any(|record| record.id == id.as_str())
    };
    !claimed.is_empty() && !claimed.iter().any(is_seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        connection::{Connection, ConnectionState, UnreadableRecord},
        timestamp::Timestamp,
    };

    #[test]
    fn a_key_that_sees_none_of_the_claimed_connections_is_of_another_environment() {
        let id = |letter: &str| -> ConnectionId { format!("conn_{}", letter.repeat(26)).parse().unwrap() };
        let readable = Connection {
            id: id("A"),
            organization_id: None,
            name: None,
            connection_type: None,
            state: ConnectionState::Active,
            created_at: Some(Timestamp::from_seconds(1)),
        };
        let unreadable = UnreadableRecord { id: id("B").to_string(), problem: "odd".to_owned() };
        let seen =
            WorkosSnapshot { connections: vec![readable], unreadable: vec![unreadable], ..WorkosSnapshot::default() };
        for (claimed, another) in [
            (vec![], false),
            (vec![id("A")], false),
            (vec![id("B")], false),
            (vec![id("C"), id("A")], false),
            (vec![id("C"), id("D")], true),
        ] {
            assert_eq!(is_another(&claimed.iter().cloned().collect(), &seen), another, "{claimed:?}");
        }
    }
}
