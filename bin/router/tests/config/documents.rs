//! The examples of the documents: every fenced block of TOML in every Markdown file of the project, and every TOML file of the
//! recipes, is read by the real loaders. New pages are found by themselves, and a block that cannot be checked fails.
//!
//! - A block with `[server]` is a whole configuration, one with `schema` a whole definition: both must load as they stand.
//! - Any other block is completed with what its page, or else `usher.example.toml` and the directory's recipe, say beside it, and must
//!   load then.
//! - A block that is too small a piece for that stands below a line `<!-- toml: fragment -->`, or is opened with
//!   `toml fragment` as its language: it must be TOML.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use toml::{Table, Value};
use usher_generic_rest::definition::Definition;
use usher_router::config::load_with;

use crate::markdown::{Block, blocks};
use crate::stand_in::{ROOT, surroundings_with_stand_ins};
use crate::support::File;

const CONFIGURATION: [&str; 9] =
    ["server", "admin", "journal", "test", "lumos", "alerts", "connections", "apps", "hooks"];
const DEFINITION: [&str; 15] = [
    "schema",
    "base_url",
    "auth",
    "vars",
    "tables",
    "entitlement",
    "lookup",
    "state",
    "slots",
    "refuse",
    "provision",
    "deprovision",
    "update",
    "remove",
    "test",
];

/// One document.
struct Page {
    name: String,
    blocks: Vec<Block>,
}

/// All documents below a folder, and the TOML files of recipes as documents of one block.
fn pages(folder: &Path, into: &mut Vec<Page>) {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = path.strip_prefix(ROOT).unwrap().display().to_string();
        let file = path.file_name().unwrap().to_str().unwrap();
        let is_recipe = name.starts_with("recipes/") || name.starts_with("docs/");
        if file.starts_with('.') || matches!(file, "target" | "node_modules") {
            continue;
        } else if path.is_dir() {
            pages(&path, into);
        } else if file.ends_with(".md") {
            let blocks = blocks(&std::fs::read_to_string(&path).unwrap())
                .unwrap_or_else(|why| panic!("{name}: {why}"));
            into.push(Page { name, blocks });
        } else if file.ends_with(".toml") && is_recipe {
            let text = std::fs::read_to_string(&path).unwrap();
            into.push(Page { name, blocks: vec![Block { line: 1, text, is_fragment: false }] });
        }
    }
}

fn all_pages() -> Vec<Page> {
    let mut found = Vec::new();
    pages(Path::new(ROOT), &mut found);
    found
}

fn example() -> Table {
    std::fs::read_to_string(Path::new(ROOT).join("usher.example.toml")).unwrap().parse().unwrap()
}

fn recipe() -> String {
    std::fs::read_to_string(Path::new(ROOT).join("recipes/directory/definition.toml")).unwrap()
}

fn is_definition(table: &Table) -> bool {
    // `[test]` is a section of the configuration, `[[test]]` one of a definition.
    table.iter().all(|(key, value)| DEFINITION.contains(&key.as_str()) && (key != "test" || value.is_array()))
}

fn is_configuration(table: &Table) -> bool {
    table
        .iter()
        .all(|(key, value)| CONFIGURATION.contains(&key.as_str()) && (key != "test" || value.is_table()))
}

fn check(page: &Page, block: &Block) -> Result<(), String> {
    let table: Table = block.text.parse().map_err(|error| format!("is not TOML: {error}"))?;
    let found = if table.is_empty() {
        Err("says nothing".to_owned())
    } else if is_definition(&table) {
        definition(&table, &block.text)
    } else if is_configuration(&table) {
        configuration(page, table, &block.text)
    } else {
        let keys: Vec<&str> = table.keys().map(String::as_str).collect();
        Err(format!(
            "is neither a piece of a configuration nor one of a definition: it has {}",
            keys.join(", ")
        ))
    };
    match found {
        Err(why) if !block.is_fragment => {
            Err(format!("{why}\n(a piece that cannot be completed stands below <!-- toml: fragment -->)"))
        }
        _ => Ok(()),
    }
}

fn definition(table: &Table, text: &str) -> Result<(), String> {
    let completed = if table.contains_key("schema") {
        text.to_owned()
    } else {
        let mut completed = table.clone();
        let whole: Table = recipe().parse().unwrap();
        for (key, value) in whole {
            completed.entry(key).or_insert(value);
        }
        toml::to_string(&completed).unwrap()
    };
    Definition::load(Path::new("definition.toml"), &completed).map(|_| ()).map_err(|mistakes| {
        mistakes.iter().map(|mistake| format!("{mistake}\n")).collect::<String>() + &completed
    })
}

fn configuration(page: &Page, table: Table, text: &str) -> Result<(), String> {
    let text = if table.contains_key("server") {
        text.to_owned()
    } else {
        toml::to_string(&complete(page, table)).unwrap()
    };
    let file = File::with_recipes(&text);
    lay_definitions(page, &file, &text.parse().unwrap());
    load_with(&file.path, surroundings_with_stand_ins()).map(|_| ()).map_err(|report| report.to_string())
}

/// Puts a definition wherever the configuration names one that is not among the recipes: the page's own, else the directory's.
fn lay_definitions(page: &Page, file: &File, table: &Table) {
    let whole = |block: &&Block| {
        block.text.parse::<Table>().is_ok_and(|table| is_definition(&table) && table.contains_key("schema"))
    };
    let own = page.blocks.iter().find(whole).map_or_else(recipe, |block| block.text.clone());
    for connection in members(table, "connections") {
        let Some(named) = connection.1.get("definition").and_then(Value::as_str) else { continue };
        let path = file.folder.path().join(named);
        if !path.exists() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, &own).unwrap();
        }
    }
}

fn members<'t>(table: &'t Table, section: &str) -> impl Iterator<Item = (&'t String, &'t Table)> + use<'t> {
    let section = table.get(section).and_then(Value::as_table).into_iter().flatten();
    section.filter_map(|(key, value)| Some((key, value.as_table()?)))
}

/// A configuration around a piece of one.
fn complete(page: &Page, mut table: Table) -> Table {
    let beside: Vec<Table> = page
        .blocks
        .iter()
        .filter_map(|block| block.text.parse().ok())
        .filter(is_configuration)
        .chain([example()])
        .collect();
    // Everything of that name, the page's first.
    let find = |section: &str, name: &str| {
        beside.iter().find_map(|table| {
            members(table, section).find(|(key, _)| *key == name).map(|(_, found)| found.clone())
        })
    };
    let auth: Table = "server.auth.secrets = [{ env = \"USHER_WEBHOOK_KEY\" }]".parse().unwrap();
    table.extend(auth);
    let hooked: BTreeSet<String> = members(&table, "hooks")
        .filter_map(|(_, hook)| hook.get("app").and_then(Value::as_str).map(str::to_owned))
        .collect();
    for app in hooked {
        if let Some(found) = find("apps", &app) {
            section(&mut table, "apps").entry(app).or_insert(Value::Table(found));
        }
    }
    let first = members(&table, "connections").map(|(key, _)| key.clone()).next().or_else(|| {
        beside.iter().find_map(|table| members(table, "connections").map(|(key, _)| key.clone()).next())
    });
    let mut wanted = BTreeSet::new();
    for (name, app) in section(&mut table, "apps").iter_mut() {
        let app = app.as_table_mut().unwrap();
        let own = find("connections", name).map(|_| name.clone()).or_else(|| first.clone());
        let connection = app.entry("connection").or_insert_with(|| Value::from(own.unwrap_or_default()));
        wanted.extend(connection.as_str().map(str::to_owned));
        app.entry("email_domains").or_insert_with(|| Value::from(vec!["acme.com"]));
        app.entry("after_deadline").or_insert_with(|| Value::from("continue"));
    }
    for name in wanted {
        if let Some(found) = find("connections", &name) {
            section(&mut table, "connections").entry(name).or_insert(Value::Table(found));
        }
    }
    table
}

fn section<'t>(table: &'t mut Table, name: &str) -> &'t mut Table {
    table.entry(name).or_insert_with(|| Value::Table(Table::new())).as_table_mut().unwrap()
}

#[test]
fn every_example_of_the_documents_is_read() {
    let pages = all_pages();
    let mut wrong = Vec::new();
    let mut checked = BTreeSet::new();
    for page in &pages {
        for block in &page.blocks {
            checked.insert(page.name.as_str());
            if let Err(why) = check(page, block) {
                wrong.push(format!("{}:{}: {why}\n", page.name, block.line));
            }
        }
    }
    assert!(wrong.is_empty(), "{} examples are wrong\n\n{}", wrong.len(), wrong.join("\n"));
    for expected in ["README.md", "docs/connectors/zendesk-license.md", "recipes/directory/definition.toml"] {
        assert!(checked.contains(expected), "{expected} has no example any more: {checked:?}");
    }
}

#[test]
fn an_example_with_a_mistake_is_found() {
    let page = |text: &str, is_fragment| Page {
        name: "page.md".to_owned(),
        blocks: vec![Block { line: 1, text: text.to_owned(), is_fragment }],
    };
    for (text, expected) in [
        ("[server]\nlisten = \"127.0.0.1:1\"\n", "auth"),
        ("[connections.zendesk]\nconnector = \"zendesk-license\"\nsubdomian = \"acme\"\n", "subdomian"),
        ("[apps.zendesk.permissions]\nagent = { rolle = \"agent\" }\n", "rolle"),
        ("[hooks.h]\napp = \"zendesk\"\npermission = \"missing\"\n", "missing"),
        ("[state]\naccount = \"nobody.hit\"\n", "nobody"),
        ("schema = 1\n", "base_url"),
        ("colour = \"blue\"\n", "neither"),
        ("# nothing\n", "nothing"),
        ("a = = 1\n", "not TOML"),
    ] {
        let page = page(text, false);
        let why = check(&page, &page.blocks[0]).unwrap_err();
        assert!(why.contains(expected), "{text}\n{why}");
    }
    let fragment = page("colour = \"blue\"\n", true);
    assert!(check(&fragment, &fragment.blocks[0]).is_ok());
    let broken = page("colour = = 1\n", true);
    assert!(check(&broken, &broken.blocks[0]).is_err(), "a fragment is TOML, too");
    for right in [
        "[connections.zendesk]\nconnector = \"zendesk-license\"\nsubdomain = \"other\"\noauth = { client_id = \"a\", client_secret = { env = \"A\" } }\n",
        "[apps.zendesk.permissions]\nagent = { role = \"agent\" }\n",
        "[hooks.h]\napp = \"zendesk\"\npermission = \"support_agent\"\n",
        "[state]\naccount = \"person.hit\"\n",
    ] {
        let page = page(right, false);
        assert_eq!(check(&page, &page.blocks[0]), Ok(()), "{right}");
    }
}
