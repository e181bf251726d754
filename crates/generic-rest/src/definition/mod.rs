//! Definitions: what they say, and how they are read.

mod model;

pub use model::{
    Answer, Auth, AuthPart, AuthText, Block, Class, Definition, EntitlementKey, EntitlementType, Lookup,
    Pages, Paginate, Poll, Refuse, RepeatRule, Request, Slot, State, Step, Target, Test, TestExchange,
    TestFault, TestOutcome,
};
