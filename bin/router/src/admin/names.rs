//! Filters by names: a misspelt one must not look like "nothing found".

use usher_journal::Filter;
use usher_toml_reader::did_you_mean;

use super::{AdminParts, ApiError};

/// Refuses a filter by an app or a connection that neither the configuration nor the journal knows. Asked where nothing was found.
pub(crate) async fn check(
    parts: &AdminParts,
    app: Option<&str>,
    connection: Option<&str>,
) -> Result<(), ApiError> {
    let connections = || parts.connections.iter();
    if let Some(name) = connection {
        let known: Vec<&str> = connections().map(|info| info.name.as_str()).collect();
        let filter = Filter { connection: Some(name.to_owned()), ..Filter::default() };
        is_known(parts, "connection", name, &known, filter).await?;
    }
    if let Some(key) = app {
        let known: Vec<&str> = connections().flat_map(|info| &info.apps).map(String::as_str).collect();
        let filter = Filter { app: Some(key.to_owned()), ..Filter::default() };
        is_known(parts, "app", key, &known, filter).await?;
    }
    Ok(())
}

async fn is_known(
    parts: &AdminParts,
    what: &str,
    name: &str,
    known: &[&str],
    filter: Filter,
) -> Result<(), ApiError> {
    if known.contains(&name) {
        return Ok(());
    }
    // What was configured once stands in the journal.
    let found = parts.engine.list(&Filter { limit: 1, ..filter }).await?;
    if !found.requests.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(format!("there is no {what} {name}: {}", did_you_mean(name, known))))
}
