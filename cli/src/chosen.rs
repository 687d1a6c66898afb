//! The tenant and the user pool that an operator has chosen for all commands, for each deployment: a file of the operator's
//! own, with IDs and nothing that is secret.

use std::{
    collections::BTreeMap,
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    failure::Failure,
    ids::{tenant_id, user_pool_id},
};

/// What is chosen for one deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// The tenant's ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The ID of a user pool of that tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_pool: Option<String>,
}

/// The file, by the base URL of each deployment.
#[derive(Debug, Clone)]
pub struct Choices {
    file: PathBuf,
}

impl Choices {
    /// The operator's file: in `XDG_CONFIG_HOME`, `APPDATA`, or `.config` of the home folder.
    pub fn of_operator() -> Result<Self, Failure> {
        let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = folder("XDG_CONFIG_HOME")
            .or_else(|| folder("APPDATA"))
            .or_else(|| folder("HOME").map(|home| home.join(".config")));
        let Some(folder) = folder else {
            return Err(Failure::Usage("there is no home folder to keep a choice in: set XDG_CONFIG_HOME".to_owned()));
        };
        Ok(Self::at(&folder.join("causeway")))
    }

    fn at(folder: &Path) -> Self {
        Self { file: folder.join("chosen.json") }
    }

    fn all(&self) -> Result<BTreeMap<String, Chosen>, Failure> {
        let text = match fs::read_to_string(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(self.failed("can't be read", error)),
        };
        serde_json::from_str(&text).map_err(|error| self.failed("can't be read: delete it, and choose again", error))
    }

    /// What is chosen for the deployment at this address. What is no ID there is as good as a broken file: it would become
    /// a part of a path.
    pub fn of(&self, base: &str) -> Result<Chosen, Failure> {
        let chosen = self.all()?.remove(base).unwrap_or_default();
        let ids = [chosen.tenant.as_deref().map(tenant_id), chosen.user_pool.as_deref().map(user_pool_id)];
        for id in ids.into_iter().flatten() {
            id.map_err(|rule| self.failed("has something else than an ID", rule))?;
        }
        Ok(chosen)
    }

    /// Chooses for the deployment at this address; nothing, where `chosen` has nothing.
    pub fn choose(&self, base: &str, chosen: Chosen) -> Result<(), Failure> {
        let mut all = self.all()?;
        if chosen == Chosen::default() {
            all.remove(base);
        } else {
            all.insert(base.to_owned(), chosen);
        }
        let text = serde_json::to_string_pretty(&all).map_err(|error| self.failed("can't be written", error))?;
        let folder = self.file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|error| self.failed("can't be written", error))?;
        // Whole or not at all.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{text}\n")).map_err(|error| self.failed("can't be written", error))?;
        fs::rename(&new, &self.file).map_err(|error| self.failed("can't be written", error))
    }

    fn failed(&self, what: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
        Failure::Local { what: format!("{} {what}", self.file.display()), source: source.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N";

    fn choices(name: &str) -> Choices {
        let folder = env::temp_dir().join(format!("causeway-chosen-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        Choices::at(&folder)
    }

    fn chosen(tenant: &str, user_pool: Option<&str>) -> Chosen {
        Chosen { tenant: Some(tenant.to_owned()), user_pool: user_pool.map(str::to_owned) }
    }

    #[test]
    fn what_is_chosen_is_for_one_deployment_until_something_else_is() {
        let choices = choices("deployments");
        assert_eq!(choices.of("https://a.example").unwrap(), Chosen::default());
        choices.choose("https://a.example", chosen(TENANT, Some("eu-west-1_a"))).unwrap();
        choices.choose("https://b.example", chosen(TENANT, None)).unwrap();
        assert_eq!(choices.of("https://a.example").unwrap(), chosen(TENANT, Some("eu-west-1_a")));
        assert_eq!(choices.of("https://b.example").unwrap(), chosen(TENANT, None));
        choices.choose("https://a.example", Chosen::default()).unwrap();
        assert_eq!(choices.of("https://a.example").unwrap(), Chosen::default());
        assert_eq!(choices.of("https://b.example").unwrap(), chosen(TENANT, None));
    }

    #[test]
    fn a_file_that_is_broken_or_has_what_is_no_id_is_told_and_not_taken() {
        let choices = choices("broken");
        for (tenant, user_pool) in [("tnt_../../health", None), ("x", None), (TENANT, Some("../x")), (TENANT, Some(""))]
        {
            choices.choose("https://a.example", chosen(tenant, user_pool)).unwrap();
            assert_eq!(choices.of("https://a.example").unwrap_err().code(), 1, "{tenant} {user_pool:?}");
        }
        for text in ["", "[]", "{\"https://a.example\": 7}", "\u{0}"] {
            fs::write(&choices.file, text).unwrap();
            assert_eq!(choices.of("https://a.example").unwrap_err().code(), 1, "{text:?}");
        }
    }
}
