//! What an editor has to know of the settings.

use serde_json::{Value, json};

use super::Settings;

impl Settings {
    /// JSON Schema of the settings.
    #[must_use]
    pub fn schema() -> Value {
        let places = json!([
            {"type": "object", "properties": {"env": {"type": "string", "minLength": 1}}, "required": ["env"], "additionalProperties": false},
            {"type": "object", "properties": {"file": {"type": "string", "minLength": 1}}, "required": ["file"], "additionalProperties": false}
        ]);
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "github-org",
            "description": "A GitHub organisation. A permission's entitlement is { org_role = \"member\" | \"admin\", teams = [\"engineering\"] }.",
            "type": "object",
            "additionalProperties": false,
            "required": ["org"],
            "oneOf": [{"required": ["app"]}, {"required": ["token"]}],
            "properties": {
                "org": {"description": "acme of github.com/acme.", "type": "string", "pattern": "^[A-Za-z0-9]([A-Za-z0-9_-]{0,37}[A-Za-z0-9_])?$"},
                "app": {
                    "description": "A GitHub App that is installed on the organisation, with the permission Members: read and write.",
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["id", "installation_id", "private_key"],
                    "properties": {
                        "id": {
                            "description": "The App ID, or the Client ID.",
                            "oneOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": "^[A-Za-z0-9.]{1,64}$"}]
                        },
                        "installation_id": {"description": "The number at the end of the address of the installation's page.", "type": "integer", "minimum": 1},
                        "private_key": {"description": "Where the private key (PEM) stands; never the key itself.", "oneOf": places}
                    }
                },
                "token": {"description": "Where a personal access token of an owner stands, instead of the App.", "oneOf": places},
                "identify_by": {
                    "description": "How a person's account is found, in this order.",
                    "type": "array", "minItems": 1, "uniqueItems": true,
                    "items": {"type": "string", "pattern": "^(saml|invite-by-email|custom_fields\\..{1,200})$"},
                    "default": ["invite-by-email"]
                },
                "managed_users": {"description": "The organisation's accounts are an enterprise's managed users: known ones are added, nobody is invited.", "type": "boolean", "default": false},
                "reinstate": {"description": "Let a returning member have their former settings and teams back.", "type": "boolean", "default": false}
            }
        })
    }
}
