use std::io::Cursor;

use clap::Parser;
use tempfile::TempDir;

use super::*;
use crate::cli::{Cli, Command};

fn args(folder: &TempDir, more: &[&str]) -> InitArgs {
    let file = folder.path().join("usher.toml");
    let mut line = vec!["usher", "init", "--output", file.to_str().unwrap()];
    line.extend(more);
    match Cli::try_parse_from(line).unwrap().command {
        Command::Init(args) => args,
        other => panic!("{other:?}"),
    }
}

/// What is written, for people and in the file, without the folder that differs from run to run.
fn ran(folder: &TempDir, more: &[&str]) -> Result<String, Failure> {
    let args = args(folder, more);
    let file = folder.path().join("said");
    let mut output = Output::to(std::fs::File::create(&file).unwrap(), false, false);
    run(&args, &mut output)?;
    let said = std::fs::read_to_string(file).unwrap();
    Ok(said.replace(&format!("{}/", folder.path().display()), ""))
}

fn configuration(folder: &TempDir) -> String {
    std::fs::read_to_string(folder.path().join("usher.toml")).unwrap()
}

const ZENDESK: [&str; 6] = ["--connector", "zendesk-license", "--account", "acme", "--domain", "acme.com"];

#[test]
fn a_configuration_is_written_that_loads_and_the_next_commands_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let said = ran(&folder, &ZENDESK).unwrap();
    insta::assert_snapshot!(configuration(&folder));
    insta::assert_snapshot!(said);
}

#[test]
fn the_example_payload_is_one_that_the_configuration_takes() {
    use usher_lumos::{Options, Parsed, parse};

    let folder = tempfile::tempdir().unwrap();
    ran(&folder, &ZENDESK).unwrap();
    let with = Surroundings {
        connectors: crate::connectors::all(),
        clock: Arc::new(SystemClock),
        secrets: Arc::new(Unset),
        transport: Arc::new(ReqwestTransport::new(TransportSettings::default()).unwrap()),
    };
    let loaded = load_with(&folder.path().join("usher.toml"), with).unwrap();
    assert!(loaded.summary.apps[0].dry_run);
    let payload = std::fs::read(folder.path().join(PAYLOAD)).unwrap();
    let hook = loaded.routes.hook("/webhooks/provision").unwrap();
    let Parsed::Webhook(payload) = parse(&payload, hook.direction, &Options::default()).unwrap() else {
        panic!("it is empty")
    };
    let routed = loaded.routes.route(&hook, &payload, jiff::Timestamp::UNIX_EPOCH);
    assert!(matches!(routed, crate::routes::Routed::Accept(_)), "{routed:?}");
}

#[cfg(feature = "github-org")]
#[test]
fn a_github_organisation_is_written_too() {
    let folder = tempfile::tempdir().unwrap();
    ran(&folder, &["--connector", "github-org", "--account", "acme", "--domain", "*"]).unwrap();
    let text = configuration(&folder);
    assert!(text.contains("org = \"acme\"\n") && text.contains("email_domains = [\"*\"]\n"), "{text}");
}

#[cfg(feature = "generic-rest")]
#[test]
fn every_recipe_is_written_with_its_definition_and_loads() {
    for recipe in crate::init::RECIPES {
        let folder = tempfile::tempdir().unwrap();
        let said = ran(&folder, &["--recipe", recipe.name, "--domain", "acme.com"]);
        let said = said.unwrap_or_else(|failure| panic!("{}: {failure:?}", recipe.name));
        let definition = std::fs::read_to_string(folder.path().join(format!("{}.toml", recipe.name)));
        assert_eq!(definition.unwrap(), recipe.definition);
        insta::with_settings!({ snapshot_suffix => recipe.name }, {
            insta::assert_snapshot!(configuration(&folder).split_once("# The vendor's").unwrap().1);
        });
        assert!(said.contains(&format!("Wrote {}.toml\n", recipe.name)), "{said}");
    }
}

#[cfg(feature = "generic-rest")]
#[test]
fn a_definition_that_is_there_already_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let definition = crate::init::RECIPES[0].definition;
    std::fs::write(folder.path().join("mine.toml"), definition).unwrap();
    ran(&folder, &["--definition", "mine.toml", "--app-id", "my app", "--domain", "acme.com"]).unwrap();
    assert!(configuration(&folder).contains("definition = \"mine.toml\"\n"));
    assert!(configuration(&folder).contains("[apps.\"my app\".permissions]\n"));
}

#[test]
fn nothing_is_overwritten_without_being_told_to() {
    for there in ["usher.toml", PAYLOAD] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(there), "mine").unwrap();
        let Err(Failure::Failed(sentence)) = ran(&folder, &ZENDESK) else { panic!("{there}") };
        assert!(sentence.contains("--force"), "{sentence}");
        assert_eq!(std::fs::read_to_string(folder.path().join(there)).unwrap(), "mine");
        // None of the others was written either.
        let others = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(others, 2, "what was there, and what was said");
        let mut forced = ZENDESK.to_vec();
        forced.push("--force");
        ran(&folder, &forced).unwrap();
        assert_ne!(std::fs::read_to_string(folder.path().join(there)).unwrap(), "mine");
    }
}

#[cfg(feature = "generic-rest")]
#[test]
fn a_half_of_it_is_never_left_behind() {
    // Something is in the way of the definition, which is written last.
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("directory.toml")).unwrap();
    let wanted = ["--recipe", "directory", "--domain", "acme.com", "--force"];
    let Err(Failure::Failed(sentence)) = ran(&folder, &wanted) else { panic!("a folder was overwritten") };
    assert!(sentence.contains("directory.toml"), "{sentence}");
    assert!(!folder.path().join("usher.toml").exists() && !folder.path().join(PAYLOAD).exists());
    // With the folder out of the way, the same line goes through.
    std::fs::remove_dir(folder.path().join("directory.toml")).unwrap();
    ran(&folder, &wanted[..4]).unwrap();
}

#[cfg(feature = "generic-rest")]
#[test]
fn a_definition_that_the_configuration_cannot_name_is_told_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let definition = crate::init::RECIPES[0].definition;
    let outside = tempfile::tempdir().unwrap();
    let absolute = outside.path().join("mine.toml");
    std::fs::write(&absolute, definition).unwrap();
    std::fs::write(folder.path().join("usher.toml"), definition).unwrap();
    for (named, said) in [
        (absolute.to_str().unwrap(), "leads out of the configuration's folder"),
        ("../mine.toml", "leads out of the configuration's folder"),
        ("nobody.toml", "there is no nobody.toml"),
        ("usher.toml", "the configuration's own name"),
    ] {
        let failure = ran(&folder, &["--definition", named, "--domain", "acme.com", "--force"]).unwrap_err();
        let Failure::Usage(sentence) = failure else { panic!("{named}: {failure:?}") };
        assert!(sentence.contains(said), "{named}: {sentence}");
        assert_eq!(configuration(&folder), definition, "{named}: it is as it was");
        assert!(!folder.path().join(PAYLOAD).exists(), "{named}");
    }
}

#[test]
fn what_is_missing_or_wrong_is_told_with_its_flag() {
    let folder = tempfile::tempdir().unwrap();
    for (more, said) in [
        (&[][..], "--connector"),
        (&["--connector", "zendesk-license"], "--account"),
        (&["--connector", "zendesk-license", "--account", "acme"], "--domain"),
        (&["--connector", "zendesk-license", "--account", "https://acme.zendesk.com"], "--account"),
        (&["--connector", "zendesk-license", "--account", "acme", "--domain", "@acme"], "--domain"),
        (&["--connector", "zendesk-license", "--recipe", "calendly"], "--recipe"),
        (&["--connector", "zendesk-license", "--account", "a", "--app-id", ".."], "--app-id"),
    ] {
        let failure = ran(&folder, more).unwrap_err();
        let Failure::Usage(sentence) = failure else { panic!("{more:?}: {failure:?}") };
        assert!(sentence.contains(said), "{more:?}: {sentence}");
    }
    assert!(!folder.path().join("usher.toml").exists());
}

#[test]
fn the_configuration_is_not_called_as_the_payload_beside_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut args = args(&folder, &ZENDESK);
    args.output = folder.path().join(PAYLOAD);
    args.force = true;
    let mut output = Output::to(std::fs::File::create(folder.path().join("said")).unwrap(), false, false);
    let failure = run(&args, &mut output).unwrap_err();
    assert!(matches!(&failure, Failure::Usage(sentence) if sentence.contains("--output")), "{failure:?}");
    assert!(!args.output.exists());
}

#[test]
fn on_a_terminal_what_is_missing_is_asked_until_it_fits() {
    let folder = tempfile::tempdir().unwrap();
    let args = args(&folder, &[]);
    let answers = "jira\nzendesk-license\nacme.zendesk.com\nacme\n\nacme.com, acme.de\n";
    let mut questions = Vec::new();
    let wanted = wanted(&args, folder.path(), &mut Asker::new(Cursor::new(answers), &mut questions)).unwrap();
    assert_eq!(
        (wanted.app_id.as_str(), wanted.domains),
        ("zendesk", vec!["acme.com".to_owned(), "acme.de".to_owned()])
    );
    let questions = String::from_utf8(questions).unwrap();
    assert!(questions.contains("it is one of zendesk-license, github-org, generic-rest"), "{questions}");
    assert!(!questions.to_lowercase().contains("secret"), "no secret is asked for: {questions}");
    let Err(Failure::Usage(sentence)) =
        super::wanted(&args, folder.path(), &mut Asker::new(Cursor::new(""), &mut Vec::new()))
    else {
        panic!("nobody answered")
    };
    assert!(sentence.ends_with("--connector"), "{sentence}");
}

#[test]
fn a_path_is_told_as_a_shell_takes_it() {
    assert_eq!(shell(Path::new("conf/usher.toml")), "conf/usher.toml");
    assert_eq!(shell(Path::new("my conf/it's.toml")), r"'my conf/it'\''s.toml'");
}
