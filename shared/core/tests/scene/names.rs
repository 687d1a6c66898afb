//! Names in few letters: connections and organizations are called by one, which is also a connection's age: `A` is the
//! oldest.

use causeway_core::id::{AppClientId, ConnectionId, Identifier, OrganizationId, ProviderName};

pub fn conn(letter: char) -> ConnectionId {
    format!("conn_{}", letter.to_string().repeat(26)).parse().unwrap()
}

pub fn org(letter: char) -> OrganizationId {
    format!("org_{letter}").parse().unwrap()
}

pub fn name(letter: char) -> ProviderName {
    ProviderName::for_connection(&conn(letter))
}

pub fn letter(id: &ConnectionId) -> char {
    id.as_str().chars().last().unwrap()
}

pub fn identifier(text: &str) -> Identifier {
    text.parse().unwrap()
}

pub fn client(text: &str) -> AppClientId {
    text.parse().unwrap()
}
