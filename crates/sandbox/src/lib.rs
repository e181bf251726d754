//! Stateful stand-ins of vendors, of a home-grown directory and of Lumos's tasks, on real sockets, with a fault switch and a ledger of effects.
//!
//! A [`Sandbox`] plays the world outside: it keeps state as the vendor does, and writes down what *really happened* at it
//! (its [`Effect`]s) apart from what was sent (its [`Call`]s). What goes wrong with a request, and when, is set with
//! [`Rule`]s. All of it can be reached in process, and over HTTP below `/control` for processes of their own; the binary
//! `usher-sandbox` serves the same alone.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use usher_sandbox::{Fault, Matcher, Operation, Options, Rule, Sandbox, UserSeed};
//!
//! let sandbox = Sandbox::start(Options::default()).await?;
//! sandbox.seed_user(UserSeed::end_user("ann@example.com"))?;
//! // The next update of Ann happens, and its answer is lost.
//! let update = Matcher::operation(Operation::UpdateUser).about("ann@example.com");
//! sandbox.fault(Rule::once(update, Fault::ResetAfter))?;
//! // ... something calls sandbox.zendesk_url() ...
//! assert_eq!(sandbox.effects_on("ann@example.com").len(), 1);
//! sandbox.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod acts;
mod clock;
mod control;
pub mod directory;
mod exchange;
mod fault;
pub mod github;
mod history;
pub mod lumos;
mod operation;
mod perform;
mod records;
mod sandbox;
mod server;
mod stand_in;
mod switch;
mod vendors;
mod waiting;
mod world;
pub mod zendesk;

pub use clock::Clock;
pub use directory::{DirectorySeed, DirectorySettings, OperationState, PersonSeed, PersonState};
pub use fault::{Fault, Matcher, RetryAfter, Rule};
pub use github::{
    AccountSeed, AccountState, AppKey, GithubSeed, GithubSettings, InvitationState, InvitationStatus,
    OrgRole, TeamRole, TeamSeed,
};
pub use operation::{Operation, Vendor};
pub use records::{Call, CallEnd, Effect};
pub use sandbox::{NotInTime, Options, Refused, Sandbox, Seed, StartError};
pub use switch::RuleState;
pub use zendesk::{Role, UserSeed, UserState, ZendeskSeed, ZendeskSettings};
