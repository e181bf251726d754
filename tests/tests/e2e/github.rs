//! GitHub: invitations with their team, acceptance, removal; and `kill -9` in the middle of each.

use serde_json::{Value, json};
use usher_sandbox::{AccountSeed, InvitationStatus};
use usher_sandbox::{Operation, OrgRole, TeamSeed};

use crate::support::{Config, Payload, Sandbox, Usher, about};

const ADA: &str = "ada@example.com";
const LOGIN: &str = "ada-lovelace";

fn grant() -> Payload {
    Payload::grant(ADA, &["engineering"]).app("github")
}

fn removal() -> Payload {
    Payload::removal(ADA, &["engineering"]).app("github")
}

/// An organisation with a team, and Ada outside of it. `saml`: her account is linked with the organisation's single sign-on.
async fn world(identify_by: &str, app: &str) -> (Sandbox, Usher) {
    let sandbox = Sandbox::start().await;
    let name_id = identify_by.contains("saml").then(|| ADA.to_owned());
    let ada = AccountSeed { saml_name_id: name_id, ..AccountSeed::outside(LOGIN, ADA) };
    let teams = [TeamSeed::named("engineering"), TeamSeed { idp_backed: true, ..TeamSeed::named("payroll") }];
    let saml = if identify_by.contains("saml") { "organization" } else { "off" };
    let seed = json!({ "github": { "settings": { "saml": saml }, "teams": teams, "accounts": [ada] } });
    sandbox.seed_all(&seed).await;
    let sections = format!(
        r#"
[connections.github]
connector = "github-org"
org = "acme"
app = {{ id = 12345, installation_id = 678, private_key = {{ file = "github-app.pem" }} }}
identify_by = {identify_by}
base_url = "{}"
allow_private = true
limits = {{ concurrent = 500 }}

[apps.github]
connection = "github"
email_domains = ["example.com"]
after_deadline = "continue"
{app}
permissions.engineering = {{ teams = ["engineering"] }}
permissions.payroll = {{ teams = ["payroll"] }}
"#,
        sandbox.github()
    );
    let config = Config::new(&sandbox).more(&sections).file("github-app.pem", sandbox.github_app_key().await);
    let usher = Usher::start(&config).await;
    (sandbox, usher)
}

const BY_MAIL: &str = r#"["invite-by-email"]"#;
const BY_SAML: &str = r#"["saml", "invite-by-email"]"#;

async fn pending(sandbox: &Sandbox) -> usize {
    let all = sandbox.invitations().await;
    all.iter().filter(|one| one.status == InvitationStatus::Pending).count()
}

async fn operations(sandbox: &Sandbox) -> Vec<Operation> {
    sandbox.effects_on(ADA).await.into_iter().map(|effect| effect.operation).collect()
}

#[tokio::test]
async fn rule_22_an_approved_request_becomes_one_invitation_with_its_team_and_a_removal_cancels_it() {
    let (sandbox, usher) = world(BY_MAIL, "").await;
    let answer = usher.send(&grant()).await;
    assert!(answer.is_positive(), "{answer:?}");
    let invitations = sandbox.invitations().await;
    assert_eq!(invitations.len(), 1, "{invitations:?}");
    assert_eq!(invitations[0].email.as_deref(), Some(ADA));
    assert_eq!(invitations[0].role, OrgRole::Member);
    assert_eq!(invitations[0].teams.keys().collect::<Vec<_>>(), ["engineering"]);
    assert_eq!(usher.row(&answer.id).await.word(), "granted");
    // Whoever asks once more, as a request of its own, gets no second mail.
    let again = usher.send(&grant()).await;
    assert!(again.is_positive() && again.id != answer.id, "{again:?}");
    assert_eq!(operations(&sandbox).await, [Operation::CreateInvitation]);
    let removed = usher.send(&removal()).await;
    assert_eq!(removed.status, 204, "{removed:?}");
    assert_eq!(pending(&sandbox).await, 0);
    assert_eq!(operations(&sandbox).await, [Operation::CreateInvitation, Operation::CancelInvitation]);
}

#[tokio::test]
async fn somebody_who_accepted_is_known_by_single_sign_on_and_is_removed_with_the_teams() {
    let (sandbox, usher) = world(BY_SAML, "").await;
    assert!(usher.send(&grant()).await.is_positive());
    sandbox.accept_invitation(LOGIN).await;
    let again = usher.send(&grant()).await;
    assert!(again.is_positive(), "{again:?}");
    let ada = sandbox.account(LOGIN).await;
    assert_eq!(ada.member, Some(OrgRole::Member));
    assert!(ada.teams.contains_key("engineering"), "{ada:?}");
    assert_eq!(operations(&sandbox).await, [Operation::CreateInvitation, Operation::AcceptInvitation]);
    let removed = usher.send(&removal()).await;
    assert_eq!(removed.status, 204, "{removed:?}");
    let ada = sandbox.account(LOGIN).await;
    assert_eq!((ada.member, ada.teams.len()), (None, 0), "{ada:?}");
}

#[tokio::test]
async fn where_only_a_member_counts_the_request_waits_for_the_invitee_and_ends_once_they_accept() {
    let (sandbox, usher) = world(BY_SAML, "counts_as_provisioned = \"active\"").await;
    let answer = usher.send(&grant()).await;
    assert!(answer.is_no(), "{answer:?}");
    usher.wait_until(&answer.id, |row| row.word() == "waiting" && row.reason().contains("accepted")).await;
    sandbox.accept_invitation(LOGIN).await;
    // An operator does not wait for the next look.
    let replayed = usher.command(&["requests", "replay", &answer.id, "--reason", "she has accepted"]).await;
    assert_eq!(replayed.code, 0, "{replayed:?}");
    usher.wait_until(&answer.id, |row| row.word() == "granted").await;
    assert_eq!(operations(&sandbox).await, [Operation::CreateInvitation, Operation::AcceptInvitation]);
}

#[tokio::test]
async fn a_team_that_the_identity_provider_manages_is_refused_and_says_so() {
    let (sandbox, usher) = world(BY_SAML, "").await;
    let seed = json!({ "github": { "accounts": [AccountSeed { saml_name_id: Some(ADA.to_owned()), ..AccountSeed::member(LOGIN, ADA) }] } });
    sandbox.seed_all(&seed).await;
    let answer = usher.send(&Payload::grant(ADA, &["payroll"]).app("github")).await;
    assert!(answer.is_no(), "{answer:?}");
    let row = usher.ended(&answer.id).await;
    assert_eq!(row.word(), "refused", "{row:?}");
    assert!(row.reason().contains("identity provider"), "{row:?}");
    assert_eq!(operations(&sandbox).await, []);
}

/// Kills the service while GitHub holds this change back, and says which request it was.
async fn killed(
    sandbox: &Sandbox,
    usher: &mut Usher,
    change: Operation,
    applied: bool,
    payload: &Payload,
) -> String {
    let before = sandbox.calls().await.len();
    sandbox.hold(about(change, ADA), applied).await;
    let sent = tokio::spawn(usher.try_send(payload));
    sandbox.wait_for_call(change, ADA).await;
    let id = usher.row_of(payload).await.id().to_owned();
    usher.kill_9();
    assert!(sent.await.unwrap().is_none(), "nobody was answered");
    sandbox.wait_for(&format!("end=caller_left&subject={ADA}&after={before}")).await;
    id
}

async fn one_invitation_after_a_kill(applied: bool) {
    let (sandbox, mut usher) = world(BY_MAIL, "").await;
    let payload = grant();
    let id = killed(&sandbox, &mut usher, Operation::CreateInvitation, applied, &payload).await;
    usher.restart().await;
    let row = usher.ended(&id).await;
    let history = usher.history(&id).await;
    if applied {
        assert_eq!(row.word(), "granted", "{history:#?}");
        assert_eq!(pending(&sandbox).await, 1);
    } else {
        // Rule 24: it may have been sent, and one mail a day is all that anybody gets.
        assert_eq!(row.word(), "needs-you", "{history:#?}");
    }
    assert!(operations(&sandbox).await.len() <= 1, "{history:#?}");
}

#[tokio::test]
async fn rule_23_an_invitation_whose_answer_died_with_the_process_is_found_and_not_sent_again() {
    one_invitation_after_a_kill(true).await;
}

#[tokio::test]
async fn rule_24_an_invitation_that_may_have_been_sent_is_not_sent_again_within_a_day() {
    one_invitation_after_a_kill(false).await;
}

#[tokio::test]
async fn a_removal_that_is_killed_in_the_middle_ends_with_one_effect() {
    let (sandbox, mut usher) = world(BY_SAML, "").await;
    assert!(usher.send(&grant()).await.is_positive());
    sandbox.accept_invitation(LOGIN).await;
    let payload = removal();
    let before = operations(&sandbox).await.len();
    let id = killed(&sandbox, &mut usher, Operation::RemoveOrgMembership, true, &payload).await;
    usher.restart().await;
    let row = usher.ended(&id).await;
    assert_eq!(row.word(), "removed", "{:#?}", usher.history(&id).await);
    assert_eq!(sandbox.account(LOGIN).await.member, None);
    let removals = operations(&sandbox).await[before..]
        .iter()
        .filter(|one| **one == Operation::RemoveOrgMembership)
        .count();
    assert_eq!(removals, 1);
}

#[tokio::test]
async fn a_member_whom_no_login_can_be_linked_with_is_not_called_removed() {
    let (sandbox, usher) = world(BY_MAIL, "").await;
    // Somebody else has let her in.
    let ada = AccountSeed::member(LOGIN, ADA);
    sandbox.seed_all(&json!({ "github": { "accounts": [ada] } })).await;
    let payload = removal();
    let answer = usher.send(&payload).await;
    assert!(!answer.is_positive(), "{answer:?}");
    let row = usher.ended(&answer.id).await;
    assert_eq!(row.word(), "needs-you", "{row:?}");
    assert!(row.reason().contains("remove them there, then close the request"), "{row:?}");
    assert_eq!(sandbox.account(LOGIN).await.member, Some(OrgRole::Member));
    // The same delivery again is no better off.
    assert!(!usher.send(&payload).await.is_positive());
    assert_eq!(operations(&sandbox).await, []);
}

#[tokio::test]
async fn rule_23_an_accepted_invitation_that_nobody_can_link_is_not_called_removed() {
    let (sandbox, usher) = world(BY_MAIL, "").await;
    assert!(usher.send(&grant()).await.is_positive());
    sandbox.accept_invitation(LOGIN).await;
    let answer = usher.send(&removal()).await;
    assert!(!answer.is_positive(), "{answer:?}");
    let row = usher.ended(&answer.id).await;
    assert_eq!(row.word(), "needs-you", "{row:?}");
    assert!(row.reason().contains("does not tell who has accepted it"), "{row:?}");
    assert_eq!(sandbox.account(LOGIN).await.member, Some(OrgRole::Member));
    // Who looks at what she holds sees that it is theirs to finish, and then that somebody has.
    let word = async || {
        let held = usher.command(&["--json", "holdings"]).await.json();
        held["holdings"][0]["approvals"][0]["word"].as_str().unwrap().to_owned()
    };
    assert_eq!(word().await, "needs-you");
    usher.command(&["requests", "close", &answer.id, "--reason", "removed by hand"]).await;
    assert_eq!(word().await, "removed");
}

#[tokio::test]
async fn a_plan_about_an_accepted_invitation_that_nobody_can_link_does_not_say_that_all_is_well() {
    let (sandbox, usher) = world(BY_MAIL, "").await;
    assert!(usher.send(&grant()).await.is_positive());
    sandbox.accept_invitation(LOGIN).await;
    std::fs::write(usher.folder().join("payload.json"), grant().bytes()).unwrap();
    let planned = usher.command(&["--json", "plan", "payload.json"]).await;
    assert_eq!((planned.code, &planned.json()["verdict"]), (1, &json!("unknown")), "{planned:?}");
}

#[tokio::test]
async fn rule_22_a_removal_that_is_delivered_again_after_the_cancelling_is_positive_again() {
    let (_sandbox, usher) = world(BY_MAIL, "").await;
    assert!(usher.send(&grant()).await.is_positive());
    let payload = removal();
    for delivery in [&payload, &payload, &removal()] {
        let answer = usher.send(delivery).await;
        assert_eq!(answer.status, 204, "{answer:?}");
    }
}

#[tokio::test]
async fn a_live_check_of_github_finds_the_team_that_is_not_there() {
    let (sandbox, usher) = world(BY_SAML, "permissions.research = { teams = [\"research\"] }").await;
    let checked = usher.command(&["--json", "check", "--live"]).await;
    assert_ne!(checked.code, 0, "{checked:?}");
    let said: Value = checked.json();
    assert!(said.to_string().contains("research"), "{said:#}");
    assert_eq!(sandbox.effects_on(ADA).await.len(), 0);
}
