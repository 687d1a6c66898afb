//! `causeway completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::{
    arguments::Arguments,
    failure::{Ending, Failure},
    output::print,
};

/// `causeway completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    /// Prints the script. Needs no deployment and no credentials.
    pub fn run(&self) -> Result<Ending, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "causeway", &mut script);
        print(&String::from_utf8_lossy(&script))?;
        Ok(Ending::Done)
    }
}
