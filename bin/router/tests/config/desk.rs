//! A connector for tests: a help desk with one role a person and any number of groups.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use usher_core::{
    Action, Arity, Asked, Call, Capabilities, ConfigError, Connector, Facet, Fault, Goal, Health, Known,
    Plan, Planner, Ports, Provisioner, Receipt, SecretRef, Slots, Snapshot, Subject,
};

#[derive(Debug)]
pub(crate) struct DeskConnector {
    pub(crate) kind: &'static str,
}

impl Connector for DeskConnector {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn schema(&self) -> Value {
        json!({ "properties": {
            "subdomain": { "type": "string" },
            "login": { "type": "object", "properties": { "client_id": {}, "client_secret": {} } },
            "definition": { "type": "string" },
        } })
    }

    fn entitlement_schema(&self) -> Value {
        json!({})
    }

    /// Stops at the first mistake, as a connector may whose settings serde reads.
    fn build(&self, settings: Value, ports: Ports) -> Result<Arc<dyn Provisioner>, Vec<ConfigError>> {
        let known = ["subdomain", "login", "definition"];
        if let Some(unknown) = settings.as_object().unwrap().keys().find(|key| !known.contains(&key.as_str()))
        {
            let error = ConfigError::at([unknown.as_str()], "the desk knows no such key");
            return Err(vec![error.hint("the keys are subdomain and login")]);
        }
        let subdomain = settings.get("subdomain").and_then(Value::as_str).ok_or_else(|| {
            vec![
                ConfigError::at(["subdomain"], "the subdomain is missing").hint("write subdomain = \"acme\""),
            ]
        })?;
        if let Some(definition) = settings.get("definition").and_then(Value::as_str) {
            let file = ports.folder.join(definition);
            let text = std::fs::read_to_string(&file).unwrap();
            let wrong: Vec<ConfigError> = text
                .match_indices("wrong")
                .map(|(start, word)| ConfigError {
                    path: vec!["state".to_owned()],
                    file: Some(file.clone()),
                    span: Some(start..start + word.len()),
                    message: "is wrong".to_owned(),
                    hint: Some("mend it".to_owned()),
                })
                .collect();
            if !wrong.is_empty() {
                return Err(wrong);
            }
        }
        if let Some(secret) = settings.get("login").and_then(|login| login.get("client_secret")) {
            let name = secret.get("env").and_then(Value::as_str).ok_or_else(|| {
                // As careless as serde: whoever calls has to see to it that no secret comes here.
                vec![ConfigError::at(["login", "client_secret"], format!("invalid type: {secret}"))]
            })?;
            ports.secrets.read(&SecretRef::Env(name.to_owned())).map_err(|mut error| {
                error.path = vec!["login".to_owned(), "client_secret".to_owned()];
                vec![error]
            })?;
        }
        let one = Arity::One { baseline: Some("end-user".to_owned()) };
        let slots = Slots::from([("role".to_owned(), one), ("group".to_owned(), Arity::Many)]);
        Ok(Arc::new(Desk { subdomain: subdomain.to_owned(), slots }))
    }
}

#[derive(Debug)]
struct Desk {
    subdomain: String,
    slots: Slots,
}

impl Planner for Desk {
    fn slots(&self) -> &Slots {
        &self.slots
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn tenant(&self) -> String {
        format!("{}.desk.example", self.subdomain)
    }

    fn compile(&self, _permission: &str, entry: &Value) -> Result<BTreeSet<Facet>, Vec<ConfigError>> {
        let mut facets = BTreeSet::new();
        let mut errors = Vec::new();
        for (key, value) in entry.as_object().unwrap() {
            match (key.as_str(), value) {
                ("role", Value::String(role)) => {
                    facets.insert(Facet::new("role", role));
                }
                ("roles", Value::Array(roles)) => {
                    facets.extend(roles.iter().map(|role| Facet::new("role", role.as_str().unwrap())));
                }
                ("groups", Value::Array(groups)) => {
                    for (index, group) in groups.iter().enumerate() {
                        match group.as_str() {
                            Some(group) => {
                                facets.insert(Facet::new("group", group));
                            }
                            None => errors.push(
                                ConfigError::at(["groups", &index.to_string()], "a group's name is a text")
                                    .hint("write it in quotes"),
                            ),
                        }
                    }
                }
                _ => errors.push(
                    ConfigError::at([key.as_str()], "the desk knows no such key")
                        .hint("the keys are role and groups"),
                ),
            }
        }
        if facets.is_empty() && errors.is_empty() {
            errors.push(ConfigError::at(["role"], "the role is missing").hint("write role = \"agent\""));
        }
        if errors.is_empty() { Ok(facets) } else { Err(errors) }
    }

    fn plan(&self, _: &Subject, _: &Asked, _: &Snapshot, _: &Goal) -> Plan {
        Plan::default()
    }
}

#[async_trait]
impl Provisioner for Desk {
    async fn observe(
        &self,
        _: &Call,
        _: &Subject,
        _: &Known,
        _: &BTreeSet<Facet>,
    ) -> Result<Snapshot, Fault> {
        panic!("loading a configuration observes nothing")
    }

    async fn apply(
        &self,
        _: &Call,
        _: &Subject,
        _: &Asked,
        _: &Snapshot,
        _: &Action,
    ) -> Result<Receipt, Fault> {
        panic!("loading a configuration changes nothing")
    }

    async fn check(&self, _: &Call, _: &BTreeSet<Facet>) -> Result<Health, Fault> {
        panic!("loading a configuration asks no vendor")
    }
}
