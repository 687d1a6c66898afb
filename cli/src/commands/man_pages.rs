//! `causeway man-pages`.

use std::path::PathBuf;

use clap::{Args, CommandFactory};

use crate::{
    arguments::Arguments,
    failure::{Ending, Failure},
};

/// `causeway man-pages`.
#[derive(Debug, Args)]
pub struct ManPages {
    /// The folder that they are written to, which has to be there
    folder: PathBuf,
}

impl ManPages {
    /// Writes a page for the command and for each command of it. Needs no deployment and no credentials.
    pub fn run(&self) -> Result<Ending, Failure> {
        let written = clap_mangen::generate_to(Arguments::command().disable_help_subcommand(true), &self.folder);
        written.map_err(|error| Failure::Usage(format!("cannot write to {}: {error}", self.folder.display())))?;
        Ok(Ending::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_that_is_named_after_it() {
        let folder = std::env::temp_dir().join(format!("causeway-man-pages-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        ManPages { folder: folder.clone() }.run().unwrap();
        for command in std::iter::once("causeway".to_owned()).chain(
            Arguments::command()
                .get_subcommands()
                .filter(|command| !command.is_hide_set())
                .map(|command| format!("causeway-{}", command.get_name())),
        ) {
            let page = std::fs::read_to_string(folder.join(format!("{command}.1"))).unwrap_or_default();
            assert!(page.contains(".SH SYNOPSIS"), "{command}: {page}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
