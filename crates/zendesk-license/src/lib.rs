//! Zendesk licences: agents, light agents, groups.
