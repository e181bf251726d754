//! Requests as the admin API shows them, and waiting for what is to become of them.

use std::time::Duration;

use serde_json::Value;

use super::http::{lasts, now};
use super::usher::Usher;
use super::{DANA, PATIENCE, Payload};

/// How often a page is looked at for what a test waits for.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// What was accepted, or refused, is on disk by then.
const ON_DISK_WITHIN: Duration = Duration::from_secs(15);

/// A request as the admin API shows it.
#[derive(Clone, Debug)]
pub struct Row(pub Value);

impl Row {
    fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_default()
    }

    pub fn id(&self) -> &str {
        self.text("id")
    }

    /// granted, removed, refused, waiting, needs-you.
    pub fn word(&self) -> &str {
        self.text("word")
    }

    pub fn reason(&self) -> &str {
        self.text("reason")
    }

    pub fn subject(&self) -> &str {
        self.text("subject")
    }

    /// provision or deprovision.
    pub fn direction(&self) -> &str {
        self.text("direction")
    }

    /// Whether nothing more happens with it by itself.
    pub fn has_ended(&self) -> bool {
        self.word() != "waiting"
    }
}

impl Usher {
    /// Every request in the journal, newest first.
    pub async fn rows(&self) -> Vec<Row> {
        self.rows_where("").await.unwrap_or_else(|why| panic!("{why}"))
    }

    /// Every request of this person, newest first; an error where the journal is too busy to be read.
    pub async fn rows_about(&self, email: &str) -> Result<Vec<Row>, String> {
        self.rows_where(&format!("&subject={email}")).await
    }

    async fn rows_where(&self, filter: &str) -> Result<Vec<Row>, String> {
        let (mut rows, mut before) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/requests?limit=1000{filter}{before}");
            let (status, mut page) = self.api_as(DANA, reqwest::Method::GET, &path, None).await;
            if status != 200 {
                return Err(format!("{status} {page}"));
            }
            match page["requests"].take() {
                Value::Array(more) => rows.extend(more.into_iter().map(Row)),
                other => panic!("no list: {other}"),
            }
            let Some(next) = page["next"].as_u64() else { return Ok(rows) };
            before = format!("&before={next}");
        }
    }

    /// A request's page, once it is on disk: a refusal is answered before.
    pub async fn page(&self, id: &str) -> Value {
        let mut looks = tokio::time::interval(LOOK);
        let seen = async {
            loop {
                looks.tick().await;
                let path = format!("/api/v1/requests/{id}");
                if let (200, page) = self.api_as(DANA, reqwest::Method::GET, &path, None).await {
                    return page;
                }
            }
        };
        let seen = tokio::time::timeout(ON_DISK_WITHIN, seen).await;
        seen.unwrap_or_else(|_| panic!("there is no request {id}"))
    }

    pub async fn row(&self, id: &str) -> Row {
        Row(self.page(id).await["request"].take())
    }

    /// The newest request about what this payload is about, once it is on disk.
    pub async fn row_of(&self, payload: &Payload) -> Row {
        let is_it = |row: &Row| row.subject() == payload.email() && row.direction() == payload.direction();
        let mut looks = tokio::time::interval(LOOK);
        let seen = async {
            loop {
                looks.tick().await;
                if let Some(row) = self.rows().await.into_iter().find(is_it) {
                    return row;
                }
            }
        };
        let seen = tokio::time::timeout(ON_DISK_WITHIN, seen).await;
        seen.unwrap_or_else(|_| panic!("it is not in the journal: {payload:?}"))
    }

    /// The request once it is as it should be; the test fails where that takes too long.
    pub async fn wait_until(&self, id: &str, what: impl Fn(&Row) -> bool) -> Row {
        let mut looks = tokio::time::interval(LOOK);
        let mut last = None;
        let seen = async {
            loop {
                looks.tick().await;
                let row = self.row(id).await;
                if what(&row) {
                    return row;
                }
                last = Some(row);
            }
        };
        match tokio::time::timeout(PATIENCE, seen).await {
            Ok(row) => row,
            Err(_) => panic!("it did not come so far: {last:#?}\n{:#}", self.page(id).await["history"]),
        }
    }

    /// The request once it has ended, or waits for a person.
    pub async fn ended(&self, id: &str) -> Row {
        self.wait_until(id, Row::has_ended).await
    }

    /// All requests once each has ended, or waits for a person.
    pub async fn all_ended(&self) -> Vec<Row> {
        self.all_ended_within(PATIENCE).await
    }

    pub async fn all_ended_within(&self, patience: Duration) -> Vec<Row> {
        let mut last = Vec::new();
        let seen = async {
            loop {
                let began = now();
                if let Ok(rows) = self.rows_where("").await {
                    last = rows;
                    if last.iter().all(Row::has_ended) {
                        break;
                    }
                }
                // A long list is not looked at all the time.
                lasts(LOOK.max(4 * (now() - began))).await;
            }
        };
        if tokio::time::timeout(patience, seen).await.is_err() {
            last.retain(|row| !row.has_ended());
            let pages = last.iter().map(|row| self.history(row.id()));
            let pages = futures_util::future::join_all(pages).await;
            panic!("these do not end: {last:#?}\n{pages:#?}");
        }
        last
    }

    /// What happened with a request, one sentence each.
    pub async fn history(&self, id: &str) -> Vec<String> {
        let page = self.page(id).await;
        let entries = page["history"].as_array().unwrap().iter();
        entries.map(|entry| entry["sentence"].as_str().unwrap().to_owned()).collect()
    }

    /// What happened with a request, once it is as it should be; the test fails where that takes too long.
    pub async fn wait_for_history(&self, id: &str, what: impl Fn(&[String]) -> bool) {
        let mut looks = tokio::time::interval(LOOK);
        let seen = async {
            loop {
                looks.tick().await;
                if what(&self.history(id).await) {
                    return;
                }
            }
        };
        let seen = tokio::time::timeout(PATIENCE, seen).await;
        assert!(seen.is_ok(), "{:#?}", self.history(id).await);
    }
}
