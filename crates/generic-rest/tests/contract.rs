//! The suite that every connector passes, for two definitions. What stands in these files is two applications' behaviour; nothing
//! is asserted.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "contract/directory.rs"]
mod directory;
#[path = "contract/workspace.rs"]
mod workspace;

mod the_directory {
    usher_contract::suite!(crate::directory::DirectoryUnderTest::new);
}

mod an_application_that_invites {
    usher_contract::suite!(crate::workspace::WorkspaceUnderTest::new);
}
