//! What happens at a vendor without a request to it: invitees act, time passes, slow work ends.

use crate::directory::OperationState;
use crate::github::Changed;
use crate::operation::{Operation, Vendor};
use crate::world::{Shared, World};

impl Shared {
    /// Does this at GitHub's stand-in and writes its effect down.
    fn at_github(
        &self,
        operation: Operation,
        act: impl FnOnce(&mut World) -> Result<Option<Changed>, String>,
    ) -> Result<(), String> {
        self.pass_time();
        let now = self.clock.now();
        let mut world = self.world();
        if let Some(Changed { key, changes }) = act(&mut world)? {
            world.records.happened(now, Vendor::Github, operation, key, changes);
        }
        drop(world);
        self.tell();
        Ok(())
    }

    pub(crate) fn accept_invitation(&self, login: &str) -> Result<(), String> {
        let now = self.clock.now();
        self.at_github(Operation::AcceptInvitation, |world| world.github.accept(login, now))
    }

    pub(crate) fn let_invitation_lapse(&self, invitee: &str) -> Result<(), String> {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        self.at_github(Operation::LapseInvitation, |world| world.github.let_lapse(invitee, now, wall))
    }

    pub(crate) fn rename_account(&self, login: &str, to: &str) -> Result<(), String> {
        let now = self.clock.now();
        self.at_github(Operation::RenameAccount, |world| world.github.rename(login, to, now))
    }

    /// Ends the directory's running operations, well or badly; says how many there were.
    pub(crate) fn finish_operations(&self, state: OperationState) -> Result<usize, String> {
        let well = match state {
            OperationState::Done => true,
            OperationState::Failed => false,
            OperationState::Running => return Err("an operation ends as done or failed".to_owned()),
        };
        let now = self.clock.now();
        let mut world = self.world();
        let World { directory, records, .. } = &mut *world;
        let ended = directory.end_all(well, now, records);
        drop(world);
        self.tell();
        Ok(ended)
    }

    /// Lets happen what time alone brings: invitations lapse, slow removals end.
    pub(crate) fn pass_time(&self) {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let mut world = self.world();
        let World { github, directory, records, .. } = &mut *world;
        let before = records.effects().len();
        for Changed { key, changes } in github.pass_time(now, wall) {
            records.happened(now, Vendor::Github, Operation::LapseInvitation, key, changes);
        }
        directory.pass_time(now, records);
        let happened = records.effects().len() > before;
        drop(world);
        // Whoever waits is told of news alone: it is asked for by those who wait as well.
        if happened {
            self.tell();
        }
    }
}
