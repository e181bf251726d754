//! The router's own sections. Each key here is one that `config` reads; a test compares the two.

use serde_json::{Value, json};
use usher_core::Connector;

use super::connections::{connections, entitlements};
use super::sorted;

/// The schema of `usher.toml`, for a build with these connectors.
#[must_use]
pub fn configuration(connectors: &[Box<dyn Connector>]) -> Value {
    let mut defs = json!({
        "secret": secret(),
        "duration": {
            "description": "A number and its unit: \"500ms\", \"12s\", \"5m\", \"24h\", \"400 days\".",
            "type": "string",
            "pattern": "^[0-9]+ *(ms|milliseconds?|s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)$"
        },
        "size": {
            "description": "A number and its unit: \"256 KiB\", \"1 MiB\".",
            "type": "string",
            "pattern": "^[0-9]+ *(B|bytes|kB|KB|KiB|MB|MiB|GB|GiB)$"
        },
        "address": {
            "description": "An IP address and a port: \"127.0.0.1:8080\".",
            "type": "string",
            "pattern": "^.+:[0-9]{1,5}$"
        },
        "name": { "type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9_-]+$" },
        "text": { "type": "string", "pattern": "\\S" },
        "webhookSecrets": {
            "description": "Each of them opens: name two while you change from one to the other.",
            "type": "array",
            "minItems": 1,
            "items": { "$ref": "#/$defs/secret" }
        },
        "app": app(),
        "permission": permission(connectors)
    });
    let (connection, own) = connections(connectors);
    if let Some(defs) = defs.as_object_mut() {
        defs.extend(own);
        defs.insert("connection".to_owned(), connection);
    }
    sorted(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "usher.toml",
        "description": "The configuration of Usher. `usher check` says more than a schema can.",
        "type": "object",
        "additionalProperties": false,
        "required": ["server"],
        "properties": {
            "server": server(),
            "admin": admin(),
            "journal": journal(),
            "test": test(),
            "lumos": lumos(),
            "alerts": alerts(),
            "connections": {
                "description": "Vendor accounts, by a name of your own.",
                "type": "object",
                "propertyNames": { "$ref": "#/$defs/name" },
                "additionalProperties": { "$ref": "#/$defs/connection" }
            },
            "apps": {
                "description": "Which payloads are whose, and what each permission gives. The key is Lumos's application.app_id, unless `app_id` says another.",
                "type": "object",
                "additionalProperties": { "$ref": "#/$defs/app" }
            },
            "hooks": hooks()
        },
        "$defs": defs
    }))
}

fn secret() -> Value {
    json!({
        "description": "Where a secret stands; never the secret itself.",
        "oneOf": [
            {
                "type": "object",
                "properties": { "env": {
                    "description": "The environment variable that holds it.",
                    "type": "string",
                    "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"
                } },
                "required": ["env"],
                "additionalProperties": false
            },
            {
                "type": "object",
                "properties": { "file": {
                    "description": "The file that holds it and nothing else. A relative path begins in this file's folder.",
                    "type": "string",
                    "minLength": 1
                } },
                "required": ["file"],
                "additionalProperties": false
            }
        ]
    })
}

fn server() -> Value {
    let duration = |what: &str, default: &str| json!({ "$ref": "#/$defs/duration", "description": what, "default": default });
    json!({
        "description": "The public listener: Lumos's webhooks come here.",
        "type": "object",
        "additionalProperties": false,
        "required": ["auth"],
        "properties": {
            "listen": { "$ref": "#/$defs/address", "description": "Where to listen. Anything but loopback wants behind_proxy = true.", "default": "127.0.0.1:8080" },
            "behind_proxy": { "description": "A proxy in front of both listeners ends TLS.", "type": "boolean", "default": false },
            "answer_within": duration("From a request's first byte to its answer. Lumos gives up at 15 s, so 14 s at the most.", "12s"),
            "min_change_budget": duration("No change at a vendor starts with less left.", "4s"),
            "give_up_after": duration("Then background work is handed to a person.", "24h"),
            "access_length_unit": { "description": "What Lumos's access_length counts.", "enum": ["seconds", "minutes", "hours"], "default": "seconds" },
            "max_body": { "$ref": "#/$defs/size", "description": "Larger requests are refused.", "default": "256 KiB" },
            "request_timeout": duration("To have received a whole request.", "5s"),
            "max_connections": { "description": "Open at once.", "type": "integer", "minimum": 1, "maximum": 100_000, "default": 4096 },
            "task_url_hosts": {
                "description": "Only addresses of these hosts become links.",
                "type": "array",
                "items": { "$ref": "#/$defs/text" },
                "default": ["lumosidentity.com", "*.lumosidentity.com", "*.lumos.com"]
            },
            "auth": {
                "description": "The custom header that you set in Lumos.",
                "type": "object",
                "additionalProperties": false,
                "required": ["secrets"],
                "properties": {
                    "header": { "description": "Its name. With \"Authorization\" the secret stands after \"Bearer \".", "type": "string", "minLength": 1, "default": "X-Usher-Key" },
                    "secrets": { "$ref": "#/$defs/webhookSecrets" }
                }
            }
        }
    })
}

fn admin() -> Value {
    json!({
        "description": "The listener for operators: health, the requests, replay and close.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "listen": { "$ref": "#/$defs/address", "description": "Where to listen.", "default": "127.0.0.1:9470" },
            "operators": {
                "description": "Who may use it, by name: who did it stands in the history.",
                "type": "object",
                "propertyNames": { "$ref": "#/$defs/name" },
                "additionalProperties": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["token", "role"],
                    "properties": {
                        "token": { "$ref": "#/$defs/secret", "description": "A token of their own." },
                        "role": { "description": "operator may act, viewer may only look.", "enum": ["operator", "viewer"] }
                    }
                }
            }
        }
    })
}

fn journal() -> Value {
    json!({
        "description": "Where every request is kept before anything happens.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "url": {
                "description": "A file on a disk of this machine.",
                "type": "string",
                "pattern": "^sqlite:[^?#%]+$",
                "default": "sqlite:usher.db"
            },
            "keep": { "$ref": "#/$defs/duration", "description": "How long requests that have ended are kept. Never pruned: the approval behind a holding, and who holds what.", "default": "400 days" },
            "keep_payload": { "$ref": "#/$defs/duration", "description": "How long what they say of the person beyond the address: body, comment, custom fields, names. A grant cannot be run again after that.", "default": "90 days" }
        }
    })
}

fn test() -> Value {
    json!({
        "description": "What Lumos's test button is taken to send, where no app claims it.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "app_ids": { "type": "array", "items": { "$ref": "#/$defs/text" }, "default": ["demo_app"] }
        }
    })
}

fn lumos() -> Value {
    json!({
        "description": "Lumos's own API, which hears of grants that came too late for it. Before each later attempt the access request's status is read there.",
        "type": "object",
        "additionalProperties": false,
        "required": ["api_token"],
        "properties": {
            "api_token": { "$ref": "#/$defs/secret", "description": "An API token of Lumos's: of whoever its provisioning tasks are assigned to, or of a domain admin." },
            "on_late_success": { "description": "comment says so at the manual task; complete also completes it, where everything that was asked for is proven and no manual steps are left.", "enum": ["comment", "complete"], "default": "comment" },
            "base_url": { "description": "Instead of https://api.lumos.com.", "type": "string", "pattern": "^https?://" },
            "allow_private": { "description": "Whether that may stand on a private or loopback address.", "type": "boolean", "default": false }
        }
    })
}

fn alerts() -> Value {
    json!({
        "description": "Who hears of what needs a person, besides the log.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "slack": { "$ref": "#/$defs/secret", "description": "The address of a Slack incoming webhook, which is a secret." },
            "webhook": {
                "description": "A webhook of your own, signed as Standard Webhooks describes.",
                "type": "object",
                "additionalProperties": false,
                "required": ["url", "secret"],
                "properties": {
                    "url": { "description": "Where to post. http:// is taken for this machine, and with allow_private.", "type": "string", "pattern": "^https?://" },
                    "secret": { "$ref": "#/$defs/secret", "description": "whsec_ and then 24 to 64 bytes in base64." }
                }
            },
            "subjects": { "description": "Whether alerts name the person by their e-mail address.", "type": "boolean", "default": false },
            "few_seats": { "description": "So many paid seats of a connection are few, where the vendor tells; 0 for no such alert.", "type": "integer", "minimum": 0, "maximum": 1_000_000, "default": 5 },
            "allow_private": { "description": "Whether alerts may go to private addresses.", "type": "boolean", "default": false }
        }
    })
}

fn app() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["connection", "email_domains", "after_deadline"],
        "properties": {
            "app_id": { "$ref": "#/$defs/text", "description": "Lumos's application.app_id, where the section's key is not it." },
            "instance_id": { "$ref": "#/$defs/text", "description": "Lumos's application.instance_id. The app without one takes the instances that no other names." },
            "connection": { "$ref": "#/$defs/text", "description": "The name of a [connections.NAME]." },
            "email_domains": {
                "description": "Whoever has another address is given nothing; [\"*\"] for anybody.",
                "type": "array",
                "minItems": 1,
                "items": { "$ref": "#/$defs/text" }
            },
            "after_deadline": { "description": "A grant that comes too late for Lumos: continue finishes it, stop leaves it to a person.", "enum": ["continue", "stop"] },
            "mode": { "description": "dry-run plans and journals, sends nothing and answers no.", "enum": ["enforce", "dry-run"], "default": "enforce" },
            "success": { "description": "How Lumos is told that access was given.", "enum": ["json", "no-content"], "default": "json" },
            "deprovision_success": { "description": "How Lumos is told that access was taken.", "enum": ["json", "no-content"], "default": "no-content" },
            "counts_as_provisioned": { "description": "Whether an invitation is enough, where the connector invites.", "enum": ["invited", "active"] },
            "remove_account": { "description": "Whether losing everything removes the account itself.", "type": "boolean", "default": false },
            "ignore_sources": { "description": "Permissions from these sources are somebody else's affair, such as \"OKTA\".", "type": "array", "items": { "$ref": "#/$defs/text" } },
            "default": { "description": "What a request gives that names no permission; without it such a request is refused.", "type": "object" },
            "permissions": {
                "description": "Lumos's permission value → what it gives. A request with a permission that is not here is refused whole.",
                "type": "object",
                "additionalProperties": { "$ref": "#/$defs/permission" }
            }
        }
    })
}

/// Which connector an entry is for stands elsewhere in the file, where a schema cannot look: any one's will do.
fn permission(connectors: &[Box<dyn Connector>]) -> Value {
    let mut any = vec![json!({ "description": "Somebody else provisions it.", "const": "ignore" })];
    any.extend(entitlements(connectors));
    json!({ "description": "What a permission gives, or \"ignore\".", "anyOf": any })
}

fn hooks() -> Value {
    json!({
        "description": "Permission-level webhooks with a name or a secret of their own: /webhooks/NAME/provision.",
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "additionalProperties": false,
            "required": ["app", "permission"],
            "properties": {
                "app": { "$ref": "#/$defs/text", "description": "The KEY of an [apps.KEY]." },
                "permission": { "$ref": "#/$defs/text", "description": "A key of the app's permissions." },
                "secrets": { "$ref": "#/$defs/webhookSecrets", "description": "Then the shared ones do not open it." }
            }
        }
    })
}
