//! Membership, invitations and teams of a GitHub organisation.
