//! Usher: turns approved access requests into access.
fn main() {}
