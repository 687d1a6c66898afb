//! What can be asked for on the command line.

use clap::{Args, Parser, Subcommand};

use crate::{
    commands::{
        adopt::Adopt,
        approve::Approve,
        audit::Audit,
        choose::Use,
        completions::Completions,
        console::Console,
        export::Export,
        health::{DeadLetters, Health},
        links::Links,
        man_pages::ManPages,
        onboard::Onboard,
        plan::Plan,
        pools::Pools,
        providers::Providers,
        reconcile::Reconcile,
        refusals::{LetGo, Refusals, Refuse},
        role::Role,
        runs::Runs,
        sign_ins::SignIns,
        status::Status,
        tenants::Tenants,
        verify::Verify,
    },
    place::{Access, Place},
};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  something went wrong that is none of the others
  2  the arguments, or what was given, break a rule; nothing was done
  3  there is no such tenant, user pool or run
  4  refused: no AWS credentials, not granted by IAM, or Causeway is refused by WorkOS or the tenant's account
  5  it does not fit the present state, or somebody else changed it
  6  it waits for somebody: a check fails, steps are held back, a run left something undone, or you said no
  7  not available, or not done in time: try again";

/// The operator's command line of Causeway.
///
/// It calls the HTTP API of a deployment with the AWS credentials that the AWS CLI would use: environment,
/// profile, single sign-on, credential process. What a call may do is IAM's to say.
#[derive(Debug, Parser)]
#[command(name = "causeway", version, after_long_help = EXIT_CODES, max_term_width = 100)]
pub struct Arguments {
    #[command(flatten)]
    pub connection: Connection,
    /// Prints the API's own JSON instead of text for people; an error too, to standard error
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

/// Which deployment is called, and as whom.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which deployment, and as whom")]
pub struct Connection {
    /// The API's base URL: the stack's output ApiUrl, or your own domain
    #[arg(long, env = "CAUSEWAY_API_URL", value_name = "URL", global = true)]
    pub api_url: Option<String>,
    /// The Region of the signature; else that of an execute-api URL, of AWS_REGION, of the profile
    #[arg(long, global = true)]
    pub region: Option<String>,
    /// The profile of the AWS configuration; else AWS_PROFILE
    #[arg(long, global = true)]
    pub profile: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Chooses the tenant and the user pool of all commands that name none, or shows them
    Use(Use),
    /// Tenants: WorkOS environments
    Tenants(Tenants),
    /// The user pools of a tenant
    Pools(Pools),
    /// Prints the role that the tenant creates in its account
    Role(Role),
    /// Runs the checks of a user pool and says what to do about each that fails
    Verify(Verify),
    /// Shows what a run would do now, and what the guard would hold back
    Plan(Plan),
    /// Asks for a run
    Reconcile(Reconcile),
    /// Lets the steps through that the guard holds back
    Approve(Approve),
    /// Refuses to have anything taken from connections: the guard keeps them as they are
    Refuse(Refuse),
    /// Lists the connections of which nothing is to be taken
    Refusals(Refusals),
    /// Ends the refusal of a connection: what would be taken from it is held back again
    LetGo(LetGo),
    /// Lists the identity providers that Causeway made
    Providers(Providers),
    /// Lists the reports of runs, or shows one
    Runs(Runs),
    /// Lists what sign-ins came to, and why those that failed did
    SignIns(SignIns),
    /// Takes a tenant from nothing to a link that its platform engineer goes on with
    Onboard(Onboard),
    /// The onboarding links of a tenant
    Links(Links),
    /// Writes what another deployment needs to take a user pool over, with its users
    Export(Export),
    /// Takes over an identity provider that somebody else made, or all of a user pool that moves here
    Adopt(Adopt),
    /// Lists who changed what of a tenant over the API
    Audit(Audit),
    /// Shows how many user pools are how, and those that need somebody, the worst first
    Status(Status),
    /// Shows the fleet, tenants and user pools in a browser of this machine, until you end it. Changes nothing
    Console(Console),
    /// Shows whether messages were given up, and how many wait
    Health(Health),
    /// Lists the messages that were given up, and sends them back
    DeadLetters(DeadLetters),
    /// Prints a completion script for a shell
    Completions(Completions),
    /// Writes the pages for `man`
    #[command(hide = true)]
    ManPages(ManPages),
}

impl Command {
    /// What it is about, and whether it changes that; `None` of one that is about no tenant, or about one that it makes.
    pub fn place(&mut self) -> Option<(Place<'_>, Access)> {
        let (pool, access) = match self {
            Self::Tenants(tenants) => return tenants.place(),
            Self::Pools(pools) => return Some(pools.place()),
            Self::Links(links) => return Some(links.place()),
            Self::Audit(audit) => return Some((Place::Tenant(&mut audit.tenant), Access::Look)),
            Self::Role(role) => (&mut role.pool, Access::Look),
            Self::Plan(plan) => (&mut plan.pool, Access::Look),
            Self::Export(export) => (&mut export.pool, Access::Look),
            Self::Refusals(refusals) => (&mut refusals.pool, Access::Look),
            Self::Providers(providers) => (&mut providers.pool, Access::Look),
            Self::Runs(runs) => (runs.pool(), Access::Look),
            Self::SignIns(sign_ins) => (&mut sign_ins.pool, Access::Look),
            Self::Verify(verify) => (&mut verify.pool, Access::Change),
            Self::Reconcile(reconcile) => (&mut reconcile.pool, Access::Change),
            Self::Approve(approve) => (&mut approve.pool, Access::Change),
            Self::Refuse(refuse) => (&mut refuse.pool, Access::Change),
            Self::LetGo(let_go) => (&mut let_go.pool, Access::Change),
            Self::Adopt(adopt) => (adopt.pool(), Access::Change),
            Self::Use(_)
            | Self::Onboard(_)
            | Self::Status(_)
            | Self::Console(_)
            | Self::Health(_)
            | Self::DeadLetters(_)
            | Self::Completions(_)
            | Self::ManPages(_) => return None,
        };
        Some((Place::Pool(pool), access))
    }
}

/// Which tenant.
#[derive(Debug, Default, Args)]
pub struct TenantArgument {
    /// The tenant: its ID, such as tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N, or its name, of which the beginning is enough to look.
    /// Without it the one that `causeway use` has chosen
    #[arg(value_name = "TENANT")]
    pub named: Option<String>,
    /// Its ID, once it is known.
    #[arg(skip)]
    pub tenant: String,
}

impl TenantArgument {
    /// The tenant in the API.
    pub fn path(&self) -> String {
        format!("/v1/tenants/{}", self.tenant)
    }
}

/// Which user pool.
#[derive(Debug, Default, Args)]
pub struct PoolArguments {
    /// The tenant and its user pool, each by its ID, such as eu-west-1_AbCdEf123, or its name, of which the beginning is
    /// enough to look. A user pool alone is one of the tenant that `causeway use` has chosen; without both it is the chosen
    /// one
    #[arg(value_names = ["TENANT", "USER_POOL"], num_args = 0..=2)]
    pub named: Vec<String>,
    /// The tenant's ID, once it is known.
    #[arg(skip)]
    pub tenant: String,
    /// The user pool's ID, once it is known.
    #[arg(skip)]
    pub user_pool: String,
}

impl PoolArguments {
    /// The user pool in the API.
    pub fn path(&self) -> String {
        format!("/v1/tenants/{}/user-pools/{}", self.tenant, self.user_pool)
    }
}

/// How much of a list.
#[derive(Debug, Clone, Copy, Args)]
pub struct ListArguments {
    /// Ends the list after so many, the newest; else it is complete
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
}

/// A key that makes a repeated creation safe.
#[derive(Debug, Args)]
pub struct IdempotencyArgument {
    /// The same key and input within a day: the same answer, nothing is made twice. One is made up without it
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    const TENANT: &str = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N";
    const POOL: &str = "eu-west-1_AbCdEf123";

    fn parse(line: &[&str]) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(std::iter::once("causeway").chain(line.iter().copied()))
    }

    #[test]
    fn the_declared_arguments_contradict_each_other_nowhere() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn global_options_are_taken_before_and_after_the_command() {
        for line in [
            ["--json", "--api-url", "https://a.example", "verify", TENANT, POOL],
            ["verify", TENANT, POOL, "--api-url", "https://a.example", "--json"],
        ] {
            let arguments = parse(&line).unwrap();
            assert!(arguments.json);
            assert_eq!(arguments.connection.api_url.as_deref(), Some("https://a.example"));
            let Command::Verify(verify) = arguments.command else { panic!("{line:?}") };
            assert_eq!(verify.pool.named, [TENANT, POOL]);
        }
    }

    #[test]
    fn what_comes_after_the_user_pool_is_found_with_and_without_one() {
        const CONNECTION: &str = "conn_01E4ZCR3C56J083X43JQXF3JK5";
        for named in [vec![], vec![POOL], vec![TENANT, POOL]] {
            let line: Vec<&str> = ["let-go"].into_iter().chain(named.iter().copied()).chain([CONNECTION]).collect();
            let mut command = parse(&line).unwrap().command;
            let Some((Place::Pool(pool), Access::Change)) = command.place() else { panic!("{line:?}") };
            assert_eq!(pool.named, named, "{line:?}");
        }
        let run = "01KAPJ7M7VYGJ5GM8WXT1C4D2N";
        for named in [vec![], vec!["customers"], vec![TENANT, POOL]] {
            for run in [None, Some(run)] {
                let line: Vec<&str> = ["runs"].into_iter().chain(named.iter().copied()).chain(run).collect();
                let mut command = parse(&line).unwrap().command;
                let Some((Place::Pool(pool), Access::Look)) = command.place() else { panic!("{line:?}") };
                assert_eq!(pool.named, named, "{line:?}");
                let Command::Runs(runs) = command else { panic!("{line:?}") };
                assert_eq!(runs.run.as_deref(), run, "{line:?}");
            }
        }
        for line in [vec!["verify", TENANT, POOL, "more"], vec!["tenants", "show", TENANT, "more"], vec!["let-go"]] {
            assert!(parse(&line).is_err(), "{line:?}");
        }
    }

    #[test]
    fn no_option_takes_a_secret_itself() {
        fn options(command: &clap::Command, found: &mut Vec<String>) {
            found.extend(command.get_arguments().map(|argument| argument.get_id().to_string()));
            command.get_subcommands().for_each(|command| options(command, found));
        }
        let mut found = Vec::new();
        options(&Arguments::command(), &mut found);
        let secrets = |id: &&String| id.contains("api_key") || id.contains("secret");
        let wrong: Vec<&String> = found.iter().filter(secrets).filter(|id| !id.ends_with("_from")).collect();
        assert!(wrong.is_empty(), "would show in the list of processes: {wrong:?}");
    }
}
