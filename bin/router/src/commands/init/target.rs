//! From flags and answers to what is wanted.

#[cfg(feature = "generic-rest")]
use std::path::Component;
use std::path::Path;

use super::ask::Ask;
use crate::cli::InitArgs;
use crate::commands::Failure;
use crate::connectors::features;
use crate::init::{Kind, Vendor, Wanted};
use crate::routes::EmailDomains;

/// Characters of a name.
const LONGEST: usize = 200;

pub(super) fn wanted(args: &InitArgs, folder: &Path, ask: &mut dyn Ask) -> Result<Wanted, Failure> {
    let kind = kind(args, ask)?;
    if !crate::connectors::all().iter().any(|connector| connector.kind() == kind.name()) {
        return Err(Failure::failed(format!(
            "{} is not in this build: build Usher with {}",
            kind.name(),
            features(&[kind.name()])
        )));
    }
    let vendor = match kind {
        Kind::Zendesk => Vendor::Zendesk { subdomain: account(args, kind, ask)? },
        Kind::GitHub => Vendor::GitHub { org: account(args, kind, ask)? },
        Kind::Generic => described(args, folder, ask)?,
    };
    let usual = args.recipe.as_deref().unwrap_or(kind.app_id());
    let app_id = given(
        args.app_id.as_deref(),
        "Lumos's application.app_id (a test request or Lumos's page of the app tells it)",
        Some(usual),
        "--app-id",
        ask,
        &is_key,
    )?;
    let domains = domains(args, ask)?;
    let permission = args.permission.clone().unwrap_or_else(|| kind.permission().to_owned());
    is_key(&permission).map_err(|why| Failure::usage(format!("--permission: {why}")))?;
    Ok(Wanted { vendor, app_id, permission, domains })
}

fn kind(args: &InitArgs, ask: &mut dyn Ask) -> Result<Kind, Failure> {
    if args.recipe.is_some() || args.definition.is_some() {
        return match args.connector {
            None | Some(crate::cli::InitConnector::GenericRest) => Ok(Kind::Generic),
            Some(_) => Err(Failure::usage("--recipe and --definition are for --connector generic-rest")),
        };
    }
    if let Some(connector) = args.connector {
        return Ok(connector.into());
    }
    let names = Kind::ALL.map(Kind::name);
    let fits = |name: &str| match names.contains(&name) {
        true => Ok(()),
        false => Err(format!("it is one of {}", names.join(", "))),
    };
    let question = format!("which connector ({})", names.join(", "));
    let name = ask.ask(&question, None, "--connector", &fits)?;
    Kind::ALL
        .into_iter()
        .find(|kind| kind.name() == name)
        .ok_or_else(|| Failure::usage("say which connector with --connector"))
}

fn account(args: &InitArgs, kind: Kind, ask: &mut dyn Ask) -> Result<String, Failure> {
    given(args.account.as_deref(), kind.account(), None, "--account", ask, &|text| {
        let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        match !text.is_empty() && text.len() <= 63 && is_plain {
            true => Ok(()),
            false => Err("write it alone, without https:// and without a dot".to_owned()),
        }
    })
}

fn domains(args: &InitArgs, ask: &mut dyn Ask) -> Result<Vec<String>, Failure> {
    let all = |text: &str| -> Vec<String> {
        text.split([',', ' ']).map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
    };
    let fits = |text: &str| {
        let domains = all(text);
        let is_one = |domain: &String| EmailDomains::domain(domain).is_some();
        match domains.as_slice() {
            [] => Err("write at least one, or * for anybody".to_owned()),
            [anybody] if anybody == "*" => Ok(()),
            domains if domains.iter().all(is_one) => Ok(()),
            _ => {
                Err("write domains such as acme.com, with commas between, or * alone for anybody".to_owned())
            }
        }
    };
    let flags = (!args.domain.is_empty()).then(|| args.domain.join(","));
    let question = "the mail domains of your people";
    let text = given(flags.as_deref(), question, None, "--domain", ask, &fits)?;
    Ok(all(&text))
}

/// What a flag says, if it fits; else what is answered.
fn given(
    said: Option<&str>,
    question: &str,
    usual: Option<&str>,
    flag: &str,
    ask: &mut dyn Ask,
    fits: &dyn Fn(&str) -> Result<(), String>,
) -> Result<String, Failure> {
    match said {
        Some(said) => {
            fits(said).map_err(|why| Failure::usage(format!("{flag}: {why}")))?;
            Ok(said.to_owned())
        }
        None => ask.ask(question, usual, flag, fits),
    }
}

/// What can be a key of an app or a permission.
fn is_key(text: &str) -> Result<(), String> {
    let is_one = !text.trim().is_empty()
        && text.chars().count() <= LONGEST
        && !text.contains(char::is_control)
        && !matches!(text, "." | "..");
    is_one.then_some(()).ok_or_else(|| format!("write 1 to {LONGEST} characters, as Lumos sends it"))
}

/// A path that the configuration may name: from its folder, and never out of it.
#[cfg(feature = "generic-rest")]
fn is_below(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

#[cfg(feature = "generic-rest")]
fn described(args: &InitArgs, folder: &Path, ask: &mut dyn Ask) -> Result<Vendor, Failure> {
    use std::path::PathBuf;

    use usher_core::ConfigError;
    use usher_generic_rest::definition::Definition;

    use crate::init::{RECIPES, Recipe};

    if let Some(name) = &args.recipe {
        let recipe = Recipe::named(name).ok_or_else(|| {
            let known: Vec<String> =
                RECIPES.iter().map(|recipe| format!("{} ({})", recipe.name, recipe.what)).collect();
            Failure::usage(format!("--recipe: there is no {name}; there are {}", known.join(", ")))
        })?;
        let file = PathBuf::from(format!("{name}.toml"));
        if args.output.file_name() == Some(file.as_os_str()) {
            return Err(Failure::usage("--output: the definition has that name: choose another"));
        }
        let definition = Definition::load(&file, recipe.definition).map_err(|mistakes| {
            let told: Vec<String> = mistakes.iter().map(ConfigError::to_string).collect();
            Failure::failed(format!("the recipe {name} cannot be read: {}", told.join("; ")))
        })?;
        return Ok(Vendor::described(file, Some(recipe.definition), &definition));
    }
    let said = args.definition.as_ref().map(|path| path.display().to_string());
    let exists = |text: &str| match folder.join(text).is_file() {
        _ if !is_below(Path::new(text)) => {
            Err("it leads out of the configuration's folder: put the file there or below".to_owned())
        }
        _ if args.output.file_name() == Some(text.as_ref()) => {
            Err("that is the configuration's own name: name another file with --output".to_owned())
        }
        true => Ok(()),
        false => Err(format!("there is no {text} in the configuration's folder")),
    };
    let question = Kind::Generic.account();
    let file =
        given(said.as_deref(), question, None, "--definition or a recipe with --recipe", ask, &exists)?;
    let file = PathBuf::from(file);
    let definition = Definition::read(&folder.join(&file)).map_err(|mistakes| {
        let first = mistakes.first().map(ConfigError::to_string).unwrap_or_default();
        Failure::failed(format!(
            "{} has {} mistakes, and the first is {first}: see usher test {0}",
            file.display(),
            mistakes.len()
        ))
    })?;
    Ok(Vendor::described(file, None, &definition))
}

#[cfg(not(feature = "generic-rest"))]
fn described(_: &InitArgs, _: &Path, _: &mut dyn Ask) -> Result<Vendor, Failure> {
    Err(Failure::failed(format!(
        "generic-rest is not in this build: build Usher with {}",
        features(&[Kind::Generic.name()])
    )))
}
