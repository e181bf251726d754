//! What is said of a refusal, and what mends it.

use usher_core::App;
use usher_router::routes::{PermissionsAt, Routed, Routes};

use crate::support::{PROVISION, now, payload, refused, table};

#[test]
fn an_app_that_is_not_there_is_refused_with_the_lines_to_paste() {
    let refuse = refused(PROVISION, &payload("github", &["engineering", "a b"]));
    assert_eq!((refuse.app_key.as_str(), refuse.connection.as_str()), ("", ""));
    assert_eq!(refuse.reason, "no app takes app_id \"github\": add it to the configuration");
    insta::assert_snapshot!(refuse.paste.unwrap());
}

#[test]
fn an_instance_that_is_not_there_is_refused_with_lines_that_name_it() {
    let mut table = table();
    table.apps.remove("desk");
    let routes = Routes::new(table);
    let mut payload = payload("desk", &[]);
    payload.app.instance = Some("us".to_owned());
    let Routed::Refuse(refuse) = routes.route(&routes.hook(PROVISION).unwrap(), &payload, now()) else {
        panic!()
    };
    assert!(refuse.reason.contains("instance_id \"us\""), "{}", refuse.reason);
    insta::assert_snapshot!(refuse.paste.unwrap());
}

#[test]
fn what_is_pasted_is_toml_whatever_the_payload_brings() {
    let hostile = [
        "plain",
        "two words",
        "\"] \n[server]\nlisten = \"0.0.0.0:1\" #",
        "'''",
        "\"\"\"",
        "\\",
        "\\\"",
        "a\r\nb",
        "\u{0}\u{7f}\u{9b}",
        "\u{202e}gnirts\u{2066}",
        "# comment",
        "a = {}",
        "ü.ß/..",
        "{{ template }}",
        "\u{e0041}\u{feff}",
    ];
    for value in hostile {
        let mut payload = payload("desk", &[value]);
        payload.permissions[0].label = Some(value.to_owned());
        let pasted = refused(PROVISION, &payload).paste.unwrap();
        let table: toml::Table = toml::from_str(&pasted).unwrap_or_else(|error| panic!("{pasted}\n{error}"));
        assert_eq!(table.keys().collect::<Vec<_>>(), [value]);
        assert!(!pasted.chars().any(|c| c != '\n' && c.is_control() || c == '\u{202e}'), "{pasted:?}");

        payload.app =
            App { id: value.to_owned(), instance: Some(value.to_owned()), label: Some(value.to_owned()) };
        let pasted = refused(PROVISION, &payload).paste.unwrap();
        let table: toml::Table = toml::from_str(&pasted).unwrap_or_else(|error| panic!("{pasted}\n{error}"));
        assert_eq!(table.keys().collect::<Vec<_>>(), ["apps"], "{pasted}");
        let app = table["apps"][value].as_table().unwrap();
        assert_eq!(app["permissions"].as_table().unwrap().keys().collect::<Vec<_>>(), [value]);
    }
}

#[test]
fn what_is_pasted_fits_how_the_file_is_written() {
    let paste = |at: PermissionsAt| {
        let mut table = table();
        table.apps.get_mut("desk").unwrap().permissions_at = at;
        let routes = Routes::new(table);
        match routes.route(&routes.hook(PROVISION).unwrap(), &payload("desk", &["new one"]), now()) {
            Routed::Refuse(refuse) => refuse.paste.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert!(paste(PermissionsAt::Table).starts_with("# below [apps.desk.permissions]:\n\"new one\" = {}"));
    assert!(paste(PermissionsAt::Dotted).starts_with("# below [apps.desk]:\npermissions.\"new one\" = {}"));
    assert!(paste(PermissionsAt::Inline).contains("braces"));
    assert!(paste(PermissionsAt::Nowhere).starts_with("[apps.desk.permissions]\n\"new one\" = {}"));
}

#[test]
fn a_permission_without_a_value_is_pasted_by_its_label() {
    let mut payload = payload("desk", &[" "]);
    payload.permissions[0].label = Some("Auditor".to_owned());
    let refuse = refused(PROVISION, &payload);
    assert!(refuse.paste.unwrap().contains("Auditor = { label = \"Auditor\" }"));
    assert_eq!(refuse.permissions[0].name, "label \"Auditor\"");
}

#[test]
fn a_reason_stays_one_short_line_whatever_the_payload_brings() {
    let long = "x\n".repeat(400);
    let values: Vec<String> = (0..150).map(|number| format!("{number}{long}")).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let reason = refused(PROVISION, &payload("desk", &values)).reason;
    assert!(reason.len() < 1500 && !reason.contains('\n'), "{}", reason.len());
    assert!(reason.contains("and 145 more"), "{reason}");
}
