mod ask;
mod target;

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;
use serde_json::json;
use usher_core::{ConfigError, SecretRef, Secrets, SystemClock};
use usher_vendor_client::{ReqwestTransport, TransportSettings};

use self::ask::{Asked, Asker};
use self::target::wanted;
use super::Failure;
use crate::cli::InitArgs;
use crate::config::{Surroundings, load_with};
use crate::init::{PAYLOAD, Start};
use crate::output::{Output, Style, safe};

/// `usher init`
pub(crate) fn run(args: &InitArgs, output: &mut Output) -> Result<(), Failure> {
    if args.output.file_name() == Some(PAYLOAD.as_ref()) {
        return Err(Failure::usage("--output: the example payload has that name: choose another"));
    }
    let folder = folder(&args.output);
    let is_asked = io::stdin().is_terminal() && io::stderr().is_terminal() && !output.is_json();
    let wanted = if is_asked {
        wanted(args, &folder, &mut Asker::new(io::stdin().lock(), io::stderr()))?
    } else {
        wanted(args, &folder, &mut Asked::Nobody)?
    };
    let start = wanted.start();
    let mut written = Files::default();
    write(args, &folder, &start, &mut written)?;
    check(&args.output)?;
    say(args, &start, &written.keep(), output)
}

/// The configuration's folder.
fn folder(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// A file in the configuration's folder, as people would write it.
fn beside(folder: &Path, file: &Path) -> PathBuf {
    if folder == Path::new(".") { file.to_owned() } else { folder.join(file) }
}

/// What was written so far. Unless it is kept, what was not there before is taken away again: a half of it would only be in the
/// way of the next attempt.
#[derive(Debug, Default)]
struct Files {
    all: Vec<PathBuf>,
    new: Vec<PathBuf>,
}

impl Files {
    fn keep(mut self) -> Vec<PathBuf> {
        self.new.clear();
        std::mem::take(&mut self.all)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        for path in &self.new {
            // The error on its way to the person matters more than a file that stays.
            let _stays = std::fs::remove_file(path);
        }
    }
}

/// Writes all files, or none where one of them is there already.
fn write(args: &InitArgs, folder: &Path, start: &Start, written: &mut Files) -> Result<(), Failure> {
    let mut files = vec![(args.output.clone(), start.configuration.as_str())];
    files.extend(start.beside.iter().map(|file| (beside(folder, &file.path), file.text.as_str())));
    if !args.force
        && let Some((path, _)) = files.iter().find(|(path, _)| path.symlink_metadata().is_ok())
    {
        return Err(exists(path));
    }
    for (path, text) in files {
        let is_new = path.symlink_metadata().is_err();
        let done = write_one(&path, text, args.force);
        // One that breaks off in the middle is there as well; one that somebody else made meanwhile is theirs.
        let is_theirs = done.as_ref().is_err_and(|error| error.kind() == ErrorKind::AlreadyExists);
        if is_new && !is_theirs {
            written.new.push(path.clone());
        }
        done.map_err(|error| not_written(&path, &error))?;
        written.all.push(path);
    }
    Ok(())
}

fn write_one(path: &Path, text: &str, force: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    options.open(path)?.write_all(text.as_bytes())
}

fn not_written(path: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::AlreadyExists => exists(path),
        ErrorKind::NotFound => {
            Failure::failed(format!("{} cannot be written: make its folder first", path.display()))
        }
        kind => Failure::failed(format!(
            "{} cannot be written ({kind}): name another with --output",
            path.display()
        )),
    }
}

fn exists(path: &Path) -> Failure {
    Failure::failed(format!(
        "{} is there already: name another with --output, or overwrite it with --force",
        path.display()
    ))
}

/// What was written is a configuration, once its secrets are set.
fn check(file: &Path) -> Result<(), Failure> {
    let transport = ReqwestTransport::new(TransportSettings::default())
        .map_err(|error| Failure::failed(format!("the configuration cannot be looked at: {error}")))?;
    let with = Surroundings {
        connectors: crate::connectors::all(),
        clock: Arc::new(SystemClock),
        secrets: Arc::new(Unset),
        transport: Arc::new(transport),
    };
    load_with(file, with)?;
    Ok(())
}

/// In place of secrets that are not set yet: every one is there, and each is another.
#[derive(Debug)]
struct Unset;

impl Secrets for Unset {
    fn read(&self, from: &SecretRef) -> Result<SecretString, ConfigError> {
        Ok(SecretString::from(format!("not-set-yet-{from:?}")))
    }
}

fn say(args: &InitArgs, start: &Start, written: &[PathBuf], output: &mut Output) -> Result<(), Failure> {
    let next = next(args);
    if output.is_json() {
        let variables: Vec<_> = start
            .variables
            .iter()
            .map(|variable| json!({ "name": variable.name, "what": variable.what }))
            .collect();
        return Ok(output.value(&json!({ "written": written, "set": variables, "next": next }))?);
    }
    for path in written {
        output.line(format!("Wrote {}", safe(&path.display().to_string())))?;
    }
    output.line("")?;
    output
        .line(output.paint(Style::Bold, "Set these in Usher's environment (it never asks for a secret):"))?;
    let width = start.variables.iter().map(|variable| variable.name.len()).max().unwrap_or_default();
    for variable in &start.variables {
        output.line(format!("  {:width$}  {}", variable.name, safe(&variable.what)))?;
    }
    output.line("")?;
    output.line(output.paint(Style::Bold, "Then:"))?;
    for command in next {
        output.line(format!("  {}", safe(&command)))?;
    }
    Ok(())
}

fn next(args: &InitArgs) -> [String; 3] {
    let is_usual = args.output == Path::new("usher.toml");
    let config = if is_usual { String::new() } else { format!(" --config {}", shell(&args.output)) };
    let payload = shell(&beside(&folder(&args.output), Path::new(PAYLOAD)));
    [format!("usher check{config}"), format!("usher serve{config}"), format!("usher send {payload}{config}")]
}

/// A path as a shell takes it.
fn shell(path: &Path) -> String {
    let text = path.display().to_string();
    if text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c)) {
        return text;
    }
    let mut quoted = "'".to_owned();
    for c in text.chars() {
        let _infallible = if c == '\'' { quoted.write_str("'\\''") } else { quoted.write_char(c) };
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
#[cfg(feature = "zendesk-license")]
mod tests;
