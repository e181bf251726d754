use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use usher_core::{App, Direction, Subject};

use crate::address;
use crate::error::{PayloadError, Problem};
use crate::fields::{Fields, custom_fields, wrong_type};
use crate::json::{Keep, LEAF, Node};
use crate::task_url::request_id;

/// How much of everything a payload may have. Lengths are in bytes of UTF-8.
pub mod limits {
    /// Permissions in one payload, duplicates counted.
    pub const PERMISSIONS: usize = 200;
    /// Ids, values, labels and names: of apps, permissions, persons and custom fields.
    pub const NAME: usize = 1024;
    /// The requester's comment, and each text in the custom fields.
    pub const COMMENT: usize = 16 * 1024;
    /// `request_task_url`.
    pub const URL: usize = 4 * 1024;
    /// An e-mail address: 64 for the local part, 1 for the @, 255 for the domain (RFC 5321).
    pub const EMAIL: usize = 320;
    /// Custom fields.
    pub const CUSTOM_FIELDS: usize = 200;
    /// Objects and arrays within each other in `custom_fields`, itself counted.
    pub const CUSTOM_FIELDS_DEPTH: usize = 16;
    /// Years that access may last. More is a slip of the unit, and a date beyond the year 9999 cannot be reckoned with.
    pub const ACCESS_YEARS: u64 = 1000;
}

const SECONDS_A_YEAR: u64 = 31_557_600;

/// In what `access_length` is counted.
///
/// Lumos does not publish it. Seconds are very probable: the twin of the field in its REST API is called
/// `expiration_in_seconds`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessLengthUnit {
    /// `seconds`
    #[default]
    Seconds,
    /// `minutes`
    Minutes,
    /// `hours`
    Hours,
}

impl AccessLengthUnit {
    /// How many seconds one of it has.
    #[must_use]
    pub fn seconds(self) -> u64 {
        match self {
            Self::Seconds => 1,
            Self::Minutes => 60,
            Self::Hours => 3600,
        }
    }
}

/// What Lumos has not published and the operator may have to set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The unit of `access_length`.
    pub access_length_unit: AccessLengthUnit,
}

/// What a body is.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "there is one for each request, and it is taken apart at once")]
pub enum Parsed {
    /// Nothing, or nothing but whitespace: Lumos's "Test Webhook" button. Never provision on it.
    Empty,
    /// An approved request, or an order to remove.
    Webhook(Payload),
}

/// One webhook's body, with a usable subject.
///
/// `Debug` shows counts and lengths, and no text that was sent.
#[derive(Clone, PartialEq)]
pub struct Payload {
    /// The application; its id is not blank.
    pub app: App,
    /// In the order in which they were sent, each `value` once. Empty for a request for the app alone; what an empty
    /// list means to a removal, the engine knows.
    pub permissions: Vec<Permission>,
    /// The person, with the custom fields.
    pub subject: Subject,
    /// Seconds of access that were *left* when Lumos sent this: it differs between two sendings of one request, so it
    /// belongs to no key. `None` for permanent access, and always in a deprovisioning. Zero: over already.
    pub access_length: Option<u64>,
    /// What the requester wrote.
    pub comment: Option<String>,
    /// `request_task_url` as it was sent. Show it as a link through [`crate::task_link`] only.
    pub task_url: Option<String>,
    /// Lumos's id of the request, out of `task_url`: see [`crate::request_id`].
    pub request_id: Option<String>,
}

impl Payload {
    /// The app's intake fields: they are the subject's. Empty where Lumos sent `null` or nothing.
    #[must_use]
    pub fn custom_fields(&self) -> &BTreeMap<String, Value> {
        &self.subject.custom_fields
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload")
            .field("permissions", &self.permissions.len())
            .field("access_length", &self.access_length)
            .field("has_comment", &self.comment.is_some())
            .field("has_request_id", &self.request_id.is_some())
            .field("custom_fields", &self.subject.custom_fields.len())
            .finish_non_exhaustive()
    }
}

/// One entry of `permissions`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Permission {
    /// What permissions are matched by. Blank only where there is a `label`, which can be matched where the operator
    /// said so.
    pub value: String,
    /// For people.
    pub label: Option<String>,
    /// `type`. Only `PERMISSION` was ever seen; any other parses.
    pub kind: Option<String>,
    /// Who else may provision it: `OKTA`, `MANUAL`, …; any other parses.
    pub source: Option<String>,
}

const PERSON: Keep = Keep::Only(&[("email", LEAF), ("given_name", LEAF), ("family_name", LEAF)]);

const PAYLOAD: Keep = Keep::Only(&[
    ("application", Keep::Only(&[("app_id", LEAF), ("instance_id", LEAF), ("user_friendly_label", LEAF)])),
    ("permissions", Keep::Only(&[("value", LEAF), ("label", LEAF), ("type", LEAF), ("source", LEAF)])),
    ("target_user", PERSON),
    ("user", PERSON),
    ("access_length", LEAF),
    ("request_comment", LEAF),
    ("request_task_url", LEAF),
    ("custom_fields", Keep::All),
]);

/// Reads a webhook's body.
///
/// - What may be missing may be `null` and blank as well, and all three mean the same. `application.app_id`, each
///   permission's `value` and an e-mail address must be there. Fields that are not read are ignored, whatever they hold.
/// - A field that is read and given twice is refused: others might read the other one.
/// - The person stands under `target_user` or `user`, in both directions. Both must name the same one (see
///   [`Subject::key`]); then `target_user` counts in a provisioning and `user` in a deprovisioning. One of two
///   that has neither address nor name counts as absent.
/// - `access_length` may be written `60.0` or `6e1`. A deprovisioning's is not read: time that is left says nothing
///   there, and below zero it must not stop a removal.
/// - Of permissions with the same value, label and source the first one counts.
///
/// # Errors
/// The first field that is in the way, by its path. Nothing that was sent is quoted.
pub fn parse(body: &[u8], direction: Direction, options: &Options) -> Result<Parsed, PayloadError> {
    if body.trim_ascii().is_empty() {
        return Ok(Parsed::Empty);
    }
    let mut body = Fields::of_body(Node::read(body, PAYLOAD)?)?;
    let app = app(&mut body)?;
    let mut subject = subject(&mut body, direction)?;
    let permissions = permissions(&mut body)?;
    let access_length = match direction {
        Direction::Provision => access_length(&mut body, options.access_length_unit)?,
        Direction::Deprovision => None,
    };
    let comment = body.text("request_comment", limits::COMMENT)?;
    let task_url = body.text("request_task_url", limits::URL)?;
    if let Some(node) = body.take("custom_fields")? {
        subject.custom_fields =
            custom_fields(node).map_err(|problem| body.error("custom_fields", problem))?;
    }
    let request_id = task_url.as_deref().and_then(request_id);
    Ok(Parsed::Webhook(Payload { app, permissions, subject, access_length, comment, task_url, request_id }))
}

fn app(body: &mut Fields) -> Result<App, PayloadError> {
    let mut application =
        body.object("application")?.ok_or_else(|| body.error("application", Problem::Missing))?;
    let id = application.required("app_id", limits::NAME)?;
    if id.trim().is_empty() {
        return Err(application.error("app_id", Problem::Blank));
    }
    Ok(App {
        id,
        instance: application.text("instance_id", limits::NAME)?,
        label: application.text("user_friendly_label", limits::NAME)?,
    })
}

fn subject(body: &mut Fields, direction: Direction) -> Result<Subject, PayloadError> {
    let (own, other) = match direction {
        Direction::Provision => ("target_user", "user"),
        Direction::Deprovision => ("user", "target_user"),
    };
    let first = body.object(own)?.map(Person::read).transpose()?;
    let second = body.object(other)?.map(Person::read).transpose()?;
    match (first, second) {
        (None, None) => Err(body.error(own, Problem::Missing)),
        (Some(one), None) | (None, Some(one)) => one.subject(),
        (Some(one), Some(nobody)) if nobody.is_nobody => one.subject(),
        (Some(nobody), Some(one)) if nobody.is_nobody => one.subject(),
        (Some(one), Some(another)) => {
            let (one, another) = (one.subject()?, another.subject()?);
            if one.key() == another.key() {
                Ok(one)
            } else {
                Err(PayloadError::at(format!("{other}.email"), Problem::TwoPeople { other: own }))
            }
        }
    }
}

/// `target_user` or `user`, before it is known to name anybody.
struct Person {
    email: Result<String, PayloadError>,
    given_name: Option<String>,
    family_name: Option<String>,
    is_nobody: bool,
}

impl Person {
    fn read(mut fields: Fields) -> Result<Self, PayloadError> {
        // The address has a limit of its own, after trimming; this one bounds what is trimmed.
        let sent = fields.text("email", limits::NAME)?;
        let given_name = fields.text("given_name", limits::NAME)?;
        let family_name = fields.text("family_name", limits::NAME)?;
        let is_nobody = sent.is_none() && given_name.is_none() && family_name.is_none();
        let email = address::usable(sent.as_deref().unwrap_or_default())
            .map_err(|problem| fields.error("email", Problem::Address(problem)));
        Ok(Self { email, given_name, family_name, is_nobody })
    }

    fn subject(self) -> Result<Subject, PayloadError> {
        Ok(Subject {
            email: self.email?,
            given_name: self.given_name,
            family_name: self.family_name,
            custom_fields: BTreeMap::new(),
        })
    }
}

fn permissions(body: &mut Fields) -> Result<Vec<Permission>, PayloadError> {
    let items = match body.take("permissions")? {
        None => return Ok(Vec::new()),
        Some(Node::List(items)) => items,
        Some(other) => return Err(body.error("permissions", wrong_type("an array", &other))),
    };
    if items.len() > limits::PERMISSIONS {
        return Err(body.error("permissions", Problem::TooMany { limit: limits::PERMISSIONS }));
    }
    let mut seen = HashSet::new();
    let mut permissions = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let permission = permission(Fields::of(item, format!("permissions[{index}]"))?)?;
        // Same value from another source is another thing: one may be ignored and the other not.
        let (value, label, source) = (&permission.value, &permission.label, &permission.source);
        if seen.insert((value.clone(), label.clone(), source.clone())) {
            permissions.push(permission);
        }
    }
    Ok(permissions)
}

fn permission(mut fields: Fields) -> Result<Permission, PayloadError> {
    let value = fields.required("value", limits::NAME)?;
    let label = fields.text("label", limits::NAME)?;
    if value.trim().is_empty() && label.is_none() {
        return Err(fields.error("value", Problem::NeitherValueNorLabel));
    }
    Ok(Permission {
        value,
        label,
        kind: fields.text("type", limits::NAME)?,
        source: fields.text("source", limits::NAME)?,
    })
}

fn access_length(body: &mut Fields, unit: AccessLengthUnit) -> Result<Option<u64>, PayloadError> {
    let Some(node) = body.take("access_length")? else { return Ok(None) };
    let Node::Number(number) = node else {
        return Err(body.error("access_length", wrong_type("a whole number", &node)));
    };
    let too_far = Problem::TooFarAway { years: limits::ACCESS_YEARS };
    let most = limits::ACCESS_YEARS * SECONDS_A_YEAR;
    let count = match (number.as_u64(), number.as_f64()) {
        (Some(count), _) => Ok(count),
        (None, Some(float)) if float < 0.0 => Err(Problem::Negative),
        (None, Some(float)) if float.fract() != 0.0 => Err(Problem::Fraction),
        // JSON knows one kind of number: 60.0 is 60. A text is the way between the two without a cast.
        (None, Some(float)) => format!("{:.0}", float.abs()).parse().map_err(|_| too_far.clone()),
        (None, None) => Err(too_far.clone()),
    };
    count
        .and_then(|count| count.checked_mul(unit.seconds()).filter(|seconds| *seconds <= most).ok_or(too_far))
        .map(Some)
        .map_err(|problem| body.error("access_length", problem))
}
