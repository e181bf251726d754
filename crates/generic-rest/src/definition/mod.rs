//! Definitions: what they say, and how they are read.

mod answer;
mod auth;
mod blocks;
mod entitlement;
mod json;
mod limits;
mod load;
mod model;
mod reader;
mod request;
mod schema;
mod scope;
mod test_blocks;
#[cfg(test)]
mod tests;

pub(crate) use limits::FILE as MAX_FILE;
pub use model::{
    Answer, Auth, AuthPart, AuthText, Block, Class, Definition, EntitlementKey, EntitlementType, Lookup,
    Pages, Paginate, Poll, Refuse, RepeatRule, Request, Slot, State, Step, Target, Test, TestExchange,
    TestFault, TestOutcome,
};
pub use schema::definition_schema;
