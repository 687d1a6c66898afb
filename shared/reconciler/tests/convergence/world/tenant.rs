//! What the tenant does to the pool by hand, also while a run is under way.

use causeway_core::{claim::Claim, id::ProviderName};

use super::{
    State,
    names::{client, conn, identifier, name},
};

/// What a tenant does by hand.
#[derive(Debug, Clone)]
pub enum Edit {
    DeleteOurs(char),
    /// Changes one field of a provider of ours.
    Change(char, Field),
    /// Makes a provider, with a name and an identifier that Causeway may want too.
    AddTheirs(&'static str, &'static str, &'static str),
    /// Makes one under the very name that a connection's provider gets.
    AddCollision(char, &'static str),
    /// Deletes all providers of the tenant's own; an app client may go on naming them.
    DeleteTheirs,
    /// Sets an app client's list to those of these providers that there are: the connections' and others.
    SetClient(Vec<char>, Vec<&'static str>),
}

#[derive(Debug, Clone, Copy)]
pub enum Field {
    Secret,
    Issuer,
    TokenUrl,
    Mapping,
    Identifiers,
}

impl State {
    pub fn edit(&mut self, edit: &Edit) {
        match edit {
            Edit::DeleteOurs(letter) => {
                if self.made.remove(&name(*letter)) {
                    self.cognito.providers.remove(&name(*letter));
                }
            }
            Edit::Change(letter, field) => {
                // What tells an unconfirmed provider from a foreign one is left alone: once that is gone, it
                // is foreign.
                let tells = matches!(field, Field::Secret | Field::Issuer);
                let is_held = self.items.claim(&conn(*letter)).as_ref().is_some_and(Claim::is_held);
                if self.made.contains(&name(*letter)) && (is_held || !tells) {
                    self.tamper(&name(*letter), *field);
                }
            }
            Edit::AddTheirs(name, of, kind) => self.add_theirs(&name.parse().unwrap(), of, kind),
            // Under a held claim a provider of the same name and kind counts as ours, changed.
            Edit::AddCollision(letter, of) => {
                if !self.items.claim(&conn(*letter)).as_ref().is_some_and(Claim::is_held) {
                    self.add_theirs(&name(*letter), of, "OIDC");
                }
            }
            Edit::DeleteTheirs => {
                for name in std::mem::take(&mut self.theirs).keys() {
                    self.cognito.providers.remove(name);
                }
            }
            Edit::SetClient(letters, others) => {
                let named = letters.iter().map(|letter| name(*letter).to_string());
                let named = named.chain(others.iter().map(|other| (*other).to_owned()));
                let there = named.filter(|name| self.cognito.can_support(name)).collect();
                self.cognito.support(&client("web"), there).unwrap();
            }
        }
    }

    fn add_theirs(&mut self, name: &ProviderName, identifier_text: &str, kind: &'static str) {
        if self.cognito.add_theirs(name, [identifier(identifier_text)].into(), kind) {
            self.theirs.insert(name.clone(), self.cognito.providers[name].clone());
        }
    }

    fn tamper(&mut self, name: &ProviderName, field: Field) {
        self.cognito.edit(name, |provider| match field {
            Field::Secret => drop(provider.details.insert("client_secret".to_owned(), "theirs".to_owned())),
            Field::Issuer => drop(provider.details.insert("oidc_issuer".to_owned(), "https://elsewhere".to_owned())),
            Field::TokenUrl => drop(provider.details.remove("token_url")),
            Field::Mapping => provider.mapping.clear(),
            Field::Identifiers => provider.identifiers.clear(),
        });
        if matches!(field, Field::Secret) {
            self.tampered.insert(name.clone());
        }
    }
}
