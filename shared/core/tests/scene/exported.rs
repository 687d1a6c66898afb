//! A pool as the deployment exported it that it comes from.

use causeway_core::{
    app_clients::AppClients,
    export::{ExportedPool, ExportedProvider, FORMAT_VERSION, PoolExport},
    id::{ProviderName, TenantId},
    provider::{BaseUrl, Issuer},
    subject::Subject,
    user_pool::{Mode, PoolOptions},
};

use super::{conn, org, then};

pub const LETTERS: [char; 3] = ['A', 'B', 'C'];

pub fn old_tenant() -> TenantId {
    "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2A".parse().unwrap()
}

pub fn old_issuer(letter: char) -> Issuer {
    Issuer::new(&BaseUrl::parse("https://old.example.com/prod").unwrap(), &old_tenant(), &conn(letter))
}

pub fn options() -> PoolOptions {
    PoolOptions {
        mode: Mode::Observe,
        app_clients: AppClients::Named(vec!["1a".parse().unwrap(), "2b".parse().unwrap()]),
        domain_identifiers: true,
        ..PoolOptions::default()
    }
}

pub fn exported_pool() -> ExportedPool {
    ExportedPool {
        tenant_id: old_tenant(),
        user_pool_id: "eu-west-1_AbCdEf123".parse().unwrap(),
        mode: Mode::Paused,
        // In another order, which says nothing.
        app_clients: AppClients::Named(vec!["2b".parse().unwrap(), "1a".parse().unwrap()]),
        domain_identifiers: true,
        attribute_mapping: options().mapping(),
        clear_missing_attributes: false,
    }
}

pub fn exported(letter: char) -> ExportedProvider {
    ExportedProvider {
        connection_id: conn(letter),
        organization_id: Some(org(letter)),
        provider_name: ProviderName::for_connection(&conn(letter)),
        issuer: old_issuer(letter),
        subject: if letter == 'C' { Subject::IdpId } else { Subject::ProfileId },
    }
}

pub fn export() -> PoolExport {
    PoolExport {
        format_version: FORMAT_VERSION,
        exported_at: then(),
        pool: exported_pool(),
        providers: LETTERS.map(exported).into(),
    }
}
