//! Applications that are described in a file: look-ups, slots and steps over HTTP.

pub mod definition;
pub mod expression;
