use percent_encoding::percent_decode_str;
use usher_core::Direction;

/// A webhook's path, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// Give or take.
    pub direction: Direction,
    /// What it is about.
    pub target: Target,
    /// The path as it came, for the journal.
    pub route: String,
}

/// What a webhook is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `/webhooks/provision`: any app, all permissions that are listed.
    App,
    /// `/webhooks/APP/PERMISSION/provision` and `/webhooks/HOOK/provision`: one permission of one app.
    Permission {
        /// The app's key.
        app: String,
        /// The permission's key.
        permission: String,
        /// The name in `[hooks]`, where it came by one.
        hook: Option<String>,
    },
    /// No app, permission or hook of that name: refused with the reason, once the shared secret was shown.
    Unknown,
}

/// The direction and the names in a path, each decoded once; `None` where it is no webhook's path. No names where they
/// cannot be decoded or are too many: `Some((_, None))`.
pub(super) fn split(path: &str) -> Option<(Direction, Option<Vec<String>>)> {
    let mut segments: Vec<&str> = path.strip_prefix("/webhooks/")?.split('/').collect();
    let direction = match segments.pop()? {
        "provision" => Direction::Provision,
        "deprovision" => Direction::Deprovision,
        _ => return None,
    };
    let names = segments.into_iter().map(|segment| {
        let name = percent_decode_str(segment).decode_utf8().ok()?;
        (!name.is_empty()).then(|| name.into_owned())
    });
    Some((direction, names.collect::<Option<Vec<String>>>().filter(|names| names.len() <= 2)))
}
