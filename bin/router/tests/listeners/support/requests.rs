use jiff::Timestamp;
use usher_core::{App, Direction, Subject};
use usher_journal::{AnswerState, AskedPermission, Execution, Request, RequestId, Telling};

/// A request that was received at 08:00:NN.
pub(crate) fn request(id: &str, second: i64, execution: Execution) -> Request {
    let received = Timestamp::from_second(1_795_075_200 + second).unwrap();
    let subject = Subject {
        email: format!("{id}@example.com"),
        given_name: None,
        family_name: None,
        custom_fields: std::collections::BTreeMap::new(),
    };
    Request {
        id: RequestId(id.to_owned()),
        seq: 0,
        attempt: 1,
        received,
        updated: received,
        direction: Direction::Provision,
        route: "/webhooks/provision".to_owned(),
        connection: "zendesk".to_owned(),
        app_key: "zendesk".to_owned(),
        app: App { id: "zendesk".to_owned(), instance: None, label: Some("Zendesk".to_owned()) },
        permissions: vec![AskedPermission { name: "support_agent".to_owned(), facets: None }],
        all: false,
        subject_key: subject.key(),
        subject,
        lumos_request: None,
        task_url: None,
        comment: None,
        until: None,
        config: "hash".to_owned(),
        dry_run: false,
        execution,
        reason: None,
        answer: AnswerState::None,
        telling: Telling::None,
        next_at: None,
    }
}
