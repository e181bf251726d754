//! `POST /api/v1/plan`: what would become of a payload. Reads the vendor, changes nothing, keeps nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, State};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use usher_core::{Awaits, Direction, Facet, Hold};
use usher_engine::{Preview, Repeated, Stand};
use usher_journal::{Arrived, AskedPermission, Request};

use super::mapping::{Mapped, NotMapped};
use super::service::{Answer, Parted, query};
use super::view::PauseView;
use super::{AdminParts, ApiError, Operator};

/// Bytes of a payload, at the most: what `[server] max_body` can be set to.
pub(crate) const MAX_PAYLOAD: usize = 16 << 20;
/// How long the vendor may take: less than the listener gives an answer.
const READ_WITHIN: Duration = Duration::from_secs(25);
const UNREADABLE: &str =
    "the vendor does not show whether it is so: nothing would be sent blindly, and it would need you";
const APP_LEVEL: &str = "/webhooks/provision";

/// What would become of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Changes would be sent.
    Sends,
    /// Everything is as it should be: it would be answered positively without a change.
    Nothing,
    /// Nothing would be sent, and somebody else has to go on first: the invitee, or the vendor.
    Waits,
    /// It repeats a request that is known already: nothing new would be sent, and it would be answered from that one.
    Repeats,
    /// It would be refused, as a whole or in part.
    Refused,
    /// It is Lumos's test button: nothing is provisioned.
    Test,
    /// The vendor or the journal could not be read, so that it cannot be told.
    Unknown,
}

/// What would become of a payload, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanView {
    /// In a word.
    pub verdict: Verdict,
    /// Why it would be refused, or why it cannot be told.
    pub reason: Option<String>,
    /// What else the journal tells beforehand: that it repeats a request, that somebody has had mail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What to paste into usher.toml where something is not mapped.
    pub paste: Option<String>,
    /// The path that it is taken to have come by.
    pub route: String,
    /// Who is to get or lose what; `None` for a test.
    pub request: Option<PlannedRequest>,
    /// What the vendor has now.
    pub has: Vec<HeldView>,
    /// What would be sent, in order.
    pub would: Vec<String>,
    /// What is refused.
    pub refused: Vec<RefusedView>,
    /// Who paused the connection: then nothing is sent until it goes on.
    pub paused: Option<PauseView>,
}

/// The request that a payload would become.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRequest {
    /// Give or take.
    pub direction: Direction,
    /// The app's key in the configuration; empty where none claims the payload.
    pub app: String,
    /// `application.app_id`.
    pub app_id: String,
    /// `application.instance_id`.
    pub instance_id: Option<String>,
    /// The connection; empty where no app claims the payload.
    pub connection: String,
    /// What it would run.
    pub permissions: Vec<PlannedPermission>,
    /// An order that names no permission: everything of the app goes.
    pub all: bool,
    /// The person's address.
    pub subject: String,
    /// When the access would end.
    pub until: Option<Timestamp>,
    /// The app is in `mode = "dry-run"`: nothing is sent.
    pub dry_run: bool,
}

/// A permission and what it stands for at the vendor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPermission {
    /// Its key in the configuration, or its value where it is not mapped.
    pub name: String,
    /// Its facets; `None` where it is not mapped or the request is refused.
    pub facets: Option<BTreeSet<Facet>>,
}

/// How something stands at the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Held {
    /// It is there.
    There,
    /// It waits for the invited person.
    WaitsForInvitee,
    /// The vendor has not finished it.
    OnItsWay,
    /// It is not there.
    Missing,
    /// This vendor, or this credential, cannot tell.
    CannotBeRead,
}

impl Held {
    /// For people.
    #[must_use]
    pub fn spoken(self) -> &'static str {
        match self {
            Self::There => "there",
            Self::WaitsForInvitee => "waits for the invitee",
            Self::OnItsWay => "on its way",
            Self::Missing => "missing",
            Self::CannotBeRead => "cannot be read",
        }
    }
}

impl From<&Hold> for Held {
    fn from(hold: &Hold) -> Self {
        match hold {
            Hold::Present => Self::There,
            Hold::Pending { awaits: Awaits::Invitee, .. } => Self::WaitsForInvitee,
            Hold::Pending { awaits: Awaits::Vendor, .. } => Self::OnItsWay,
            Hold::Absent => Self::Missing,
            Hold::Unreadable => Self::CannotBeRead,
        }
    }
}

/// One thing that can be held at the vendor, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldView {
    /// Where it stands, such as `role`.
    pub slot: String,
    /// What it is, such as `agent`.
    pub value: String,
    /// How it stands.
    pub held: Held,
}

/// Something that the connector refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedView {
    /// What is refused.
    pub facets: BTreeSet<Facet>,
    /// Why, and what to do.
    pub sentence: String,
}

/// By which webhook the payload is taken to have come.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanQuery {
    path: Option<String>,
}

pub(crate) async fn plan(
    State(parts): Parted,
    operator: Operator,
    asked: Result<Query<PlanQuery>, QueryRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Answer<PlanView> {
    let route = query(asked)?.path.unwrap_or_else(|| APP_LEVEL.to_owned());
    let body = body.map_err(|rejection| {
        ApiError::new(rejection.status(), format!("send a payload of at most {MAX_PAYLOAD} bytes"))
    })?;
    let mapped = parts.mapping.map(&route, &body, parts.clock.now());
    let mapped = mapped.map_err(|error| match error {
        NotMapped::Path(_) => ApiError::invalid(format!("path: {error}")),
        NotMapped::Payload(_) => ApiError::invalid(error.to_string()),
    })?;
    let view = match mapped {
        Mapped::Test => PlanView::empty(Verdict::Test, route),
        Mapped::Refused(request, paste) => PlanView {
            reason: request.reason.clone(),
            paste,
            request: Some((&*request).into()),
            ..PlanView::empty(Verdict::Refused, route)
        },
        Mapped::Runs(request) => {
            tracing::info!(
                connection = %request.connection,
                operator = %operator.name,
                "an operator planned a request"
            );
            preview(&parts, *request, route).await?
        }
    };
    Ok(Json(view))
}

async fn preview(parts: &AdminParts, request: Request, route: String) -> Result<PlanView, ApiError> {
    let connection = request.connection.clone();
    let previewed = timeout(READ_WITHIN, parts.engine.preview(request)).await.map_err(|_| {
        let seconds = READ_WITHIN.as_secs();
        ApiError::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!("{connection} did not answer within {seconds} s: try again"),
        )
    })?;
    let preview = previewed.ok_or_else(|| {
        ApiError::new(StatusCode::CONFLICT, format!("the connection {connection} is not there"))
    })?;
    let paused = parts.engine.pauses().await.get(&connection).map(PauseView::from);
    Ok(PlanView { paused, ..seen(preview, route) })
}

fn seen(preview: Preview, route: String) -> PlanView {
    let repeats = preview.repeats.as_ref().filter(|repeated| repeated.arrived != Arrived::Again);
    let (verdict, reason) = match &preview {
        _ if repeats.is_some() => (Verdict::Repeats, None),
        Preview { fault: Some(fault), .. } => (Verdict::Unknown, Some(fault.to_string())),
        Preview { refused, .. } if !refused.is_empty() => (Verdict::Refused, None),
        Preview { stand: Some(Stand::Unreadable), .. } => (Verdict::Unknown, Some(UNREADABLE.to_owned())),
        Preview { would, .. } if !would.is_empty() => (Verdict::Sends, None),
        Preview { mailed: Some(_), .. } => (Verdict::Waits, None),
        Preview { stand: Some(Stand::Waiting(awaits)), .. } => {
            (Verdict::Waits, Some(waits(*awaits).to_owned()))
        }
        _ => (Verdict::Nothing, None),
    };
    let would = if repeats.is_some() { Vec::new() } else { preview.would.clone() };
    PlanView {
        reason,
        notes: notes(&preview),
        request: Some((&preview.request).into()),
        has: preview.holds.iter().map(HeldView::from).collect(),
        would,
        refused: preview
            .refused
            .into_iter()
            .map(|(facets, refusal)| RefusedView { facets, sentence: refusal.sentence })
            .collect(),
        ..PlanView::empty(verdict, route)
    }
}

/// What the journal tells beforehand.
fn notes(preview: &Preview) -> Vec<String> {
    let repeats = preview.repeats.as_ref().map(|Repeated { of, word, arrived }| {
        let then = match arrived {
            Arrived::Again | Arrived::Fresh => "it would be run again, under that id",
            Arrived::Running => "it would be given that one's answer",
            Arrived::Recheck => "it would only be looked whether all of it is there",
            Arrived::Settled => "it would be answered from that one, and nothing would be sent",
            Arrived::Followed => "a later request has followed it, so that it would be answered no",
        };
        format!("it repeats the request {of}, which is: {word}; {then}")
    });
    let mailed = preview.mailed.as_ref().map(|(step, at)| {
        format!(
            "“{step}” sends the person mail, which went out, or may have, at {at:.0}: it is not sent a second time within a day"
        )
    });
    repeats.into_iter().chain(mailed).collect()
}

fn waits(awaits: Awaits) -> &'static str {
    match awaits {
        Awaits::Invitee => {
            "the invitation has to be accepted first: it would be answered no, and looked at again"
        }
        Awaits::Vendor => "the vendor is still at it",
    }
}

impl PlanView {
    fn empty(verdict: Verdict, route: String) -> Self {
        Self {
            verdict,
            reason: None,
            notes: Vec::new(),
            paste: None,
            route,
            request: None,
            has: Vec::new(),
            would: Vec::new(),
            refused: Vec::new(),
            paused: None,
        }
    }
}

impl From<(&Facet, &Hold)> for HeldView {
    fn from((facet, hold): (&Facet, &Hold)) -> Self {
        Self { slot: facet.slot.clone(), value: facet.value.clone(), held: hold.into() }
    }
}

impl From<&Request> for PlannedRequest {
    fn from(request: &Request) -> Self {
        Self {
            direction: request.direction,
            app: request.app_key.clone(),
            app_id: request.app.id.clone(),
            instance_id: request.app.instance.clone(),
            connection: request.connection.clone(),
            permissions: request.permissions.iter().map(PlannedPermission::from).collect(),
            all: request.all,
            subject: request.subject.email.clone(),
            until: request.until,
            dry_run: request.dry_run,
        }
    }
}

impl From<&AskedPermission> for PlannedPermission {
    fn from(asked: &AskedPermission) -> Self {
        Self { name: asked.name.clone(), facets: asked.facets.clone() }
    }
}
