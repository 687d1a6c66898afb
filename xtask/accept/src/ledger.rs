//! The list on disk of what a run makes. A thing is on it before it is made, so that nothing is made that is not on it,
//! and leaves it when it has been seen to be gone.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// Whose account a thing is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Whose {
    /// Causeway's.
    Integration,
    /// The tenant's.
    Tenant,
}

/// Something that a run makes. Each is found again by what stands here, which the run has chosen itself where the
/// service lets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Thing {
    /// A stack of CloudFormation, and what its template keeps when it is deleted.
    Stack { whose: Whose, name: String },
    /// A role of IAM, with its inline policies.
    Role { whose: Whose, name: String },
    /// A user pool of the tenant's, with all that is in it, by its name.
    UserPool { name: String },
    /// A tenant of Causeway's, with its user pools there, by its name.
    Tenant { name: String },
    /// An organization of WorkOS, by its name.
    Organization { name: String },
    /// A redirect URI of WorkOS, by what it contains.
    RedirectUri { containing: String },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Made(Thing),
    Gone(Thing),
}

/// The list of one run.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// The run's name, which is the value of its tag.
    pub(crate) run: String,
    file: PathBuf,
    things: Vec<Thing>,
}

impl Ledger {
    /// The list of a run in that folder, as far as it was written. A line that was cut off says nothing: what it would
    /// have said had not begun.
    pub(crate) fn open(folder: &Path, run: &str) -> Result<Self> {
        let file = folder.join(format!("{run}.jsonl"));
        let text = std::fs::read(&file).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let mut things = Vec::new();
        for line in text.lines().filter_map(|line| serde_json::from_str(line).ok()) {
            match line {
                Line::Made(thing) if !things.contains(&thing) => things.push(thing),
                Line::Made(_) => {}
                Line::Gone(thing) => things.retain(|other| *other != thing),
            }
        }
        let mut ledger = Self { run: run.to_owned(), file, things };
        if !text.is_empty() && !text.ends_with('\n') {
            ledger.write(b"\n")?;
        }
        Ok(ledger)
    }

    /// The runs in that folder of which something is left.
    pub(crate) fn unfinished(folder: &Path) -> Result<Vec<String>> {
        let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
        let files = entries.flatten().map(|entry| entry.path());
        let runs = files.filter(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
        let runs = runs.filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned()));
        let mut left = Vec::new();
        for run in runs {
            if !Self::open(folder, &run)?.things.is_empty() {
                left.push(run);
            }
        }
        left.sort();
        Ok(left)
    }

    /// Says that something is about to be made.
    pub(crate) fn makes(&mut self, thing: Thing) -> Result<()> {
        if !self.things.contains(&thing) {
            self.append(&Line::Made(thing.clone()))?;
            self.things.push(thing);
        }
        Ok(())
    }

    /// Says that something is not there any more.
    pub(crate) fn is_gone(&mut self, thing: &Thing) -> Result<()> {
        self.append(&Line::Gone(thing.clone()))?;
        self.things.retain(|other| other != thing);
        Ok(())
    }

    /// What is left, the newest first: what was made of something goes before it.
    pub(crate) fn left(&self) -> Vec<Thing> {
        self.things.iter().rev().cloned().collect()
    }

    fn append(&mut self, line: &Line) -> Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.write(&text)
    }

    /// On the disk before anything is made.
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let open = || -> std::io::Result<File> {
            if let Some(folder) = self.file.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let mut file = OpenOptions::new().create(true).append(true).open(&self.file)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            Ok(file)
        };
        open().map(drop).with_context(|| format!("cannot write {}", self.file.display()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("causeway-accept-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        folder
    }

    fn pool(number: u8) -> Thing {
        Thing::UserPool { name: format!("pool-{number}") }
    }

    proptest! {
        #[test]
        fn wherever_a_run_is_cut_off_nothing_is_missing_from_its_list(
            steps in prop::collection::vec((any::<bool>(), 0..6_u8), 1..20), cut in any::<prop::sample::Index>(),
        ) {
            let folder = folder("cut");
            let mut ledger = Ledger::open(&folder, "run").unwrap();
            // What there is after each step, by how long the file is then.
            let mut states = vec![(0, Vec::new())];
            for (makes, number) in steps {
                let thing = pool(number);
                if makes { ledger.makes(thing).unwrap() } else { ledger.is_gone(&thing).unwrap() }
                let length = std::fs::metadata(&ledger.file).map_or(0, |file| usize::try_from(file.len()).unwrap());
                states.push((length, ledger.left()));
            }
            let bytes = std::fs::read(&ledger.file).unwrap_or_default();
            let cut = cut.index(bytes.len() + 1);
            std::fs::write(&ledger.file, &bytes[..cut]).unwrap();
            let mut again = Ledger::open(&folder, "run").unwrap();
            // A line without its end says all the same what it says.
            let known = states.iter().rfind(|(length, _)| *length <= cut + 1).unwrap();
            prop_assert_eq!(again.left(), known.1.clone());
            // And what comes then is no part of a line that was cut off.
            again.makes(pool(9)).unwrap();
            prop_assert!(Ledger::open(&folder, "run").unwrap().left().contains(&pool(9)));
        }
    }

    #[test]
    fn a_run_of_which_nothing_is_left_is_finished() {
        let folder = folder("unfinished");
        let (mut one, mut other) = (Ledger::open(&folder, "one").unwrap(), Ledger::open(&folder, "other").unwrap());
        one.makes(pool(1)).unwrap();
        other.makes(pool(2)).unwrap();
        assert_eq!(Ledger::unfinished(&folder).unwrap(), ["one", "other"]);
        one.is_gone(&pool(1)).unwrap();
        assert_eq!(Ledger::unfinished(&folder).unwrap(), ["other"]);
    }
}
