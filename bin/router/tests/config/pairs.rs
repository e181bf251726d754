//! No mistake hides another: of any two in one file, both are told.

use std::collections::BTreeSet;

use usher_router::config::load_with;

use crate::stand_in::surroundings_with_stand_ins;
use crate::support::File;

const RIGHT: &str = r#"
[server]
listen = "127.0.0.1:8080"
answer_within = "12s"

[server.auth]
header = "X-Usher-Key"
secrets = [{ env = "KEY" }]

[admin]
listen = "127.0.0.1:9470"
[admin.operators]
dana = { token = { env = "DANA" }, role = "operator" }

[journal]
url = "sqlite:usher.db"

[test]
app_ids = ["demo_app"]

[connections.github]
connector = "github-org"
org = "acme"
app = { id = 1, installation_id = 2, private_key = { file = "github.pem" } }
identify_by = ["saml"]

[connections.wiki]
connector = "generic-rest"
definition = "recipes/directory/definition.toml"
secrets.client_secret = { env = "WIKI" }
vars.page_size = 50

[connections.zendesk]
connector = "zendesk-license"
subdomain = "acme"
oauth = { client_id = "usher", client_secret = { env = "ZENDESK" } }
search_lag = "5m"

[apps.github]
connection = "github"
email_domains = ["acme.com"]
after_deadline = "continue"
permissions.engineering = { teams = ["engineering"] }

[apps.wiki]
connection = "wiki"
email_domains = ["acme.com"]
after_deadline = "stop"
permissions.editing = { role = "editor" }

[apps.zendesk]
connection = "zendesk"
email_domains = ["acme.com"]
after_deadline = "stop"
default = { role = "light-agent" }
permissions.agent = { role = "agent" }

[hooks.own]
app = "zendesk"
permission = "agent"
secrets = [{ env = "OWN" }]
"#;

/// One mistake, and below which keys nobody can know any more what is right.
struct Slip {
    old: &'static str,
    new: &'static str,
    hides: &'static [&'static str],
}

const fn slip(old: &'static str, new: &'static str) -> Slip {
    Slip { old, new, hides: &[] }
}

const SLIPS: &[Slip] = &[
    slip("listen = \"127.0.0.1:8080\"", "listen = \"0.0.0.0:8080\""),
    slip("answer_within = \"12s\"", "answer_within = 12"),
    slip("header = \"X-Usher-Key\"", "headr = \"X-Usher-Key\""),
    slip("secrets = [{ env = \"KEY\" }]", "secrets = [\"hunter2-written-out\"]"),
    slip("listen = \"127.0.0.1:9470\"", "listen = 9470"),
    slip("role = \"operator\" }", "role = \"boss\" }"),
    slip("token = { env = \"DANA\" }", "token = \"hunter2-of-dana\""),
    slip("url = \"sqlite:usher.db\"", "url = \"postgres://db/usher\""),
    slip("app_ids = [\"demo_app\"]", "app_ids = [1]"),
    Slip {
        old: "connector = \"github-org\"",
        new: "connector = \"github\"",
        hides: &["connections.github", "apps.github.permissions"],
    },
    slip("org = \"acme\"", "# org"),
    slip("org = \"acme\"", "org = 7"),
    slip("id = 1, ", "id = true, "),
    slip("{ file = \"github.pem\" }", "\"hunter2-as-a-key\""),
    slip("{ file = \"github.pem\" }", "{ env = \"NOT_SUCH_A_KEY\" }"),
    slip("identify_by = [\"saml\"]", "identify_by = [\"samml\"]"),
    slip("identify_by = [\"saml\"]", "colour = \"blue\""),
    Slip {
        old: "definition = \"recipes/directory/definition.toml\"",
        new: "definition = \"missing.toml\"",
        hides: &["connections.wiki", "apps.wiki.permissions"],
    },
    slip("secrets.client_secret = { env = \"WIKI\" }", "secrets.client = { env = \"WIKI\" }"),
    slip("secrets.client_secret = { env = \"WIKI\" }", "secrets.client_secret = \"hunter2-of-the-wiki\""),
    slip("vars.page_size = 50", "vars.size = 50"),
    slip("vars.page_size = 50", "vars.page_size = \"50\""),
    Slip {
        old: "connector = \"zendesk-license\"",
        new: "connector = \"zendesk\"",
        hides: &["connections.zendesk", "apps.zendesk.permissions", "apps.zendesk.default"],
    },
    slip("subdomain = \"acme\"", "# subdomain"),
    slip("client_id = \"usher\", ", "client_id = 7, "),
    Slip { old: "oauth = {", new: "oaut = {", hides: &["connections.zendesk.oauth.client_id"] },
    slip("search_lag = \"5m\"", "search_lag = \"5 fortnights\""),
    slip("search_lag = \"5m\"", "limits = { per_minute = \"many\" }"),
    slip("connection = \"github\"", "connection = \"github\"\nremove_acount = true"),
    slip("teams = [\"engineering\"]", "team = [\"engineering\"], org_role = \"member\""),
    slip("teams = [\"engineering\"]", "teams = [7]"),
    Slip { old: "connection = \"wiki\"", new: "connection = \"wikki\"", hides: &["apps.wiki.permissions"] },
    slip("role = \"editor\"", "role = \"editr\""),
    slip("connection = \"zendesk\"", "connection = \"zendesk\"\napp_id = \"github\""),
    slip("role = \"light-agent\"", "rolle = \"light-agent\", role = \"light-agent\""),
    slip("role = \"agent\"", "groups = [\"Tier 1\"]"),
    slip("app = \"zendesk\"", "app = \"zendsk\""),
    slip("secrets = [{ env = \"OWN\" }]", "secrets = []"),
];

fn keys(text: &str) -> BTreeSet<String> {
    let file = File::with_recipes(text);
    match load_with(&file.path, surroundings_with_stand_ins()) {
        Ok(_) => BTreeSet::new(),
        Err(report) => report.mistakes().iter().map(|mistake| mistake.key.clone()).collect(),
    }
}

/// A slip, and what is told of it alone.
type Told = (&'static Slip, BTreeSet<String>);

#[test]
fn of_any_two_mistakes_in_one_file_both_are_told() {
    assert_eq!(keys(RIGHT), BTreeSet::new());
    let told: Vec<Told> = SLIPS
        .iter()
        .map(|slip| {
            assert_eq!(RIGHT.matches(slip.old).count(), 1, "{}", slip.old);
            let told = keys(&RIGHT.replace(slip.old, slip.new));
            assert!(!told.is_empty(), "{} is not told", slip.new);
            (slip, told)
        })
        .collect();
    let pairs: Vec<(&Told, &Told)> = told
        .iter()
        .enumerate()
        .flat_map(|(at, one)| told.iter().skip(at + 1).map(move |other| (one, other)))
        .filter(|(one, other)| one.0.old != other.0.old)
        .collect();
    let hidden: Vec<String> = std::thread::scope(|scope| {
        let work: Vec<_> = pairs
            .chunks(pairs.len().div_ceil(4))
            .map(|part| {
                scope.spawn(|| part.iter().flat_map(|(one, other)| hidden(one, other)).collect::<Vec<_>>())
            })
            .collect();
        work.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    assert!(hidden.is_empty(), "{} are hidden\n{}", hidden.len(), hidden.join("\n"));
}

/// What is told of each of two slips alone, and not of both together.
fn hidden(one: &Told, other: &Told) -> Vec<String> {
    let both =
        keys(&[one, other].iter().fold(RIGHT.to_owned(), |text, (slip, _)| text.replace(slip.old, slip.new)));
    let is_moot = |key: &String| {
        [one, other].iter().flat_map(|(slip, _)| slip.hides).any(|below| key.starts_with(below))
    };
    let wanted = one.1.union(&other.1).filter(|key| !is_moot(key));
    let hidden = wanted.filter(|key| !both.contains(*key));
    hidden.map(|key| format!("{key} is not told with both {:?} and {:?}", one.0.new, other.0.new)).collect()
}
