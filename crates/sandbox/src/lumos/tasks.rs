//! The calls themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::settings::{AccessRequest, LumosSeed, LumosSettings, Task, TaskCategory, TaskStatus};
use crate::exchange::{Reply, VendorRequest};
use crate::history::{Reading, Table, Timeline};
use crate::operation::Operation;
use crate::stand_in::{Doing, StandIn, merge};

/// A comment's length in characters at the most.
const COMMENT_MOST: usize = 4_000;
/// Comments that one task takes.
const COMMENTS_KEPT: usize = 1_000;
/// Rows of one page at the most, and where nothing is said.
const PAGE_MOST: usize = 100;
const PAGE_USUAL: usize = 50;

/// Tasks and access requests.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    pub(crate) settings: LumosSettings,
    tasks: Table<String, Task>,
    timeline: Timeline,
    access_requests: BTreeMap<String, AccessRequest>,
}

impl Desk {
    pub(crate) fn seed(&mut self, seed: &LumosSeed) -> Result<(), String> {
        if !seed.settings.is_empty() {
            self.settings = merge(&self.settings, &seed.settings)?;
        }
        for task in &seed.tasks {
            self.tasks.put(task.id.clone(), 0, task.clone());
        }
        for request in &seed.access_requests {
            self.access_requests.insert(request.id.clone(), request.clone());
        }
        Ok(())
    }

    pub(crate) fn tasks(&self, reading: Reading) -> impl Iterator<Item = Arc<Task>> {
        self.tasks.rows(reading)
    }

    fn answer(&mut self, doing: &mut Doing<'_>) -> Result<Reply, Reply> {
        let request = doing.request;
        let header = request.headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|text| text.strip_prefix("Bearer "));
        if token != Some(self.settings.token.as_str()) {
            return Err(detail(401, "Could not validate credentials"));
        }
        if !self.settings.tasks_enabled && request.operation() != Operation::ShowAccessRequest {
            return Err(detail(404, "The Tasks API is not enabled for this domain"));
        }
        match request.operation() {
            Operation::ListTasks => self.list(doing),
            Operation::CompleteTask => self.complete(doing),
            Operation::CommentTask => self.comment(doing),
            Operation::ShowAccessRequest => self.show_access_request(doing),
            _ => Err(detail(404, "Not Found")),
        }
    }

    /// Only the caller's own tasks, unless `show_all_tasks=true`.
    fn list(&self, doing: &Doing<'_>) -> Result<Reply, Reply> {
        let asked = |name: &str| doing.request.parameter(name);
        let number = |name: &str, otherwise: usize| match asked(name) {
            None => Some(otherwise),
            Some(text) => text.parse().ok().filter(|number| *number > 0),
        };
        let (Some(page), Some(size)) = (number("page", 1), number("size", PAGE_USUAL)) else {
            return Err(detail(422, "page and size must be positive numbers"));
        };
        let size = size.min(PAGE_MOST);
        let all = asked("show_all_tasks") == Some("true");
        let named = |value: Value, wanted: Option<&str>| wanted.is_none_or(|wanted| value == *wanted);
        let found: Vec<Value> = self
            .tasks(doing.reading)
            .filter(|task| all || !task.of_another)
            .filter(|task| asked("access_request_id").is_none_or(|id| task.access_request_id == id))
            .filter(|task| named(json!(task.task_category), asked("task_category")))
            .filter(|task| named(json!(task.status), asked("status")))
            .map(|task| task_json(&task))
            .collect();
        let items: Vec<&Value> = found.iter().skip((page - 1).saturating_mul(size)).take(size).collect();
        let pages = found.len().div_ceil(size);
        Ok(Reply::json(
            200,
            json!({"items": items, "total": found.len(), "page": page, "size": size, "pages": pages}),
        ))
    }

    fn task(&self, doing: &Doing<'_>) -> Result<Task, Reply> {
        let id = doing.request.id(0).unwrap_or_default().to_owned();
        let task = self.tasks.get(&id, Reading::Now);
        task.map(|task| Task::clone(&task)).ok_or_else(|| detail(404, "Task not found"))
    }

    fn complete(&mut self, doing: &mut Doing<'_>) -> Result<Reply, Reply> {
        let mut task = self.task(doing)?;
        if task.of_another && !self.settings.domain_admin {
            return Err(detail(403, "Only the assignee or a domain admin may complete this task"));
        }
        if task.status == TaskStatus::Completed {
            return Err(detail(409, "The task is completed already"));
        }
        task.status = TaskStatus::Completed;
        let approves = matches!(task.task_category, TaskCategory::Approval | TaskCategory::ManagerApproval);
        let what = if approves { "approval task approved" } else { "task completed" };
        self.commit(doing, task, what);
        Ok(Reply::empty(204))
    }

    fn comment(&mut self, doing: &mut Doing<'_>) -> Result<Reply, Reply> {
        let mut task = self.task(doing)?;
        let body = doing.request.json();
        let comment = body.as_ref().and_then(|body| body.get("comment")).and_then(Value::as_str);
        let length = comment.map_or(0, |text| text.chars().count());
        let Some(comment) = comment.filter(|_| (1..=COMMENT_MOST).contains(&length)) else {
            return Err(detail(422, "comment must have from 1 to 4000 characters"));
        };
        if task.comments.len() >= COMMENTS_KEPT {
            return Err(detail(422, "The task has too many comments"));
        }
        task.comments.push(comment.to_owned());
        let answer = json!({"id": format!("{}-{}", task.id, task.comments.len()), "comment": comment});
        self.commit(doing, task, "comment added");
        Ok(Reply::json(201, answer))
    }

    fn commit(&mut self, doing: &mut Doing<'_>, task: Task, what: &str) {
        let write = self.timeline.write(doing.now);
        doing.effect(format!("task {}", task.id), vec![what.to_owned()]);
        self.tasks.put(task.id.clone(), write, task);
    }

    fn show_access_request(&self, doing: &Doing<'_>) -> Result<Reply, Reply> {
        let id = doing.request.id(0).unwrap_or_default().to_owned();
        let found = self.access_requests.get(&id).ok_or_else(|| detail(404, "Access request not found"))?;
        let mut answer = json!(found);
        if doing.request.parameter("expand").is_some_and(|list| list.split(',').any(|name| name == "tasks")) {
            let tasks = self.tasks(doing.reading).filter(|task| task.access_request_id == id);
            let tasks: Vec<Value> = tasks.map(|task| task_json(&task)).collect();
            if let Value::Object(fields) = &mut answer {
                fields.insert("tasks".to_owned(), json!(tasks));
            }
        }
        Ok(Reply::json(200, answer))
    }
}

impl StandIn for Desk {
    fn handle(&mut self, doing: &mut Doing<'_>) -> Reply {
        self.answer(doing).unwrap_or_else(|refusal| refusal)
    }

    fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// By task, as effects name it.
    fn subject(&self, request: &VendorRequest) -> Option<String> {
        match request.operation() {
            Operation::CompleteTask | Operation::CommentTask => {
                request.id(0).map(|id| format!("task {}", id.to_lowercase()))
            }
            _ => None,
        }
    }
}

fn task_json(task: &Task) -> Value {
    json!({
        "id": task.id,
        "access_request_id": task.access_request_id,
        "task_category": task.task_category,
        "status": task.status,
        "manual_steps_needed": task.manual_steps_needed,
        "requestable_permission_id": task.requestable_permission_id,
    })
}

fn detail(status: u16, text: &str) -> Reply {
    Reply::json(status, json!({"detail": text}))
}
