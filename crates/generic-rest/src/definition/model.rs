//! What a definition says, once it has been read and checked. The runtime knows nothing of TOML.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderName, Method};
use serde_json::Value;
use usher_core::{Arity, Direction, RefusalKind};

use crate::expression::{Expression, Template, Tree};

/// An application that is described in a file.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The file, for whoever reads of it.
    pub file: PathBuf,
    /// Scheme, host and perhaps a path; the connection may set another one.
    pub base_url: String,
    /// How a call shows who it is.
    pub auth: Auth,
    /// Constants. The connection may set others.
    pub vars: BTreeMap<String, Value>,
    /// Constants by key; a miss is an error.
    pub tables: BTreeMap<String, BTreeMap<String, Value>>,
    /// What a permission's entry may say.
    pub entitlement: BTreeMap<String, EntitlementKey>,
    /// In the order in which they run.
    pub lookups: Vec<Lookup>,
    /// What the look-ups say of the account.
    pub state: State,
    /// What one can hold. Without any, the account itself is what is held.
    pub slots: BTreeMap<String, Slot>,
    /// Asked before any step.
    pub refusals: Vec<Refuse>,
    /// Of all blocks, in the order of the file.
    pub steps: Vec<Step>,
    /// Its tests.
    pub tests: Vec<Test>,
}

/// A text of `auth`, in which `{{ secret.NAME }}` and `{{ vars.NAME }}` may stand. No other expression meets a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthText(pub Vec<AuthPart>);

/// A part of such a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthPart {
    /// As it stands.
    Text(String),
    /// The secret of that name.
    Secret(String),
    /// The variable of that name: a text, a whole number or a boolean.
    Var(String),
}

/// How a call shows who it is.
#[derive(Clone, Debug)]
pub enum Auth {
    /// Not at all.
    None,
    /// `Authorization: Bearer …`.
    Bearer {
        /// The token.
        token: AuthText,
    },
    /// `Authorization: Basic …`.
    Basic {
        /// The user's name.
        username: AuthText,
        /// The password.
        password: AuthText,
    },
    /// A key in a header.
    ApiKeyHeader {
        /// The header's name.
        header: HeaderName,
        /// The key, with whatever stands before it.
        value: AuthText,
    },
    /// A key in the query.
    ApiKeyQuery {
        /// The parameter's name.
        query: String,
        /// The key.
        value: AuthText,
    },
    /// OAuth 2.0 client credentials.
    ClientCredentials {
        /// A path below the base URL, or a whole URL.
        token_url: String,
        /// The client.
        client_id: AuthText,
        /// Its secret.
        client_secret: AuthText,
        /// Whether the secret goes by HTTP basic rather than in the body.
        secret_by_basic: bool,
        /// Scopes.
        scopes: Vec<String>,
        /// `audience`, if any, and other parameters of the token request.
        extra: Vec<(String, AuthText)>,
    },
    /// A JSON Web Token, made for each call and sent as a bearer token.
    Jwt {
        /// Such as `RS256`.
        algorithm: String,
        /// A PEM, or the shared secret of the HS algorithms.
        key: AuthText,
        /// Beside `alg` and `typ`, such as `kid`.
        header: BTreeMap<String, AuthText>,
        /// Beside `iat` and `exp`.
        claims: BTreeMap<String, AuthText>,
        /// How long a token is good for.
        ttl: Duration,
    },
}

/// The type of a key of a permission's entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntitlementType {
    /// A text.
    String,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// A list of texts and whole numbers.
    List,
}

/// What a permission's entry may say under one key.
#[derive(Clone, Debug, PartialEq)]
pub struct EntitlementKey {
    /// The type.
    pub kind: EntitlementType,
    /// The only values that are allowed (of a list: the only entries); empty: any.
    pub values: Vec<Value>,
    /// Where it is not said; `None`: it must be said.
    pub default: Option<Value>,
}

/// A path below the base URL, or a link that an answer named.
#[derive(Clone, Debug)]
pub enum Target {
    /// Begins with `/`. A value in a hole is (part of) one segment.
    Path(Template),
    /// A URL that is one hole: within the base URL's origin, or refused. Only a GET may follow one.
    Link(Expression),
}

/// One HTTP request.
#[derive(Clone, Debug)]
pub struct Request {
    /// GET, POST, PUT, PATCH or DELETE.
    pub method: Method,
    /// Where to.
    pub target: Target,
    /// In the file's order. A value that is `omit` leaves the pair out; a list gives a pair for each entry.
    pub query: Vec<(String, Tree)>,
    /// A value that is `omit` leaves the header out.
    pub headers: Vec<(HeaderName, Tree)>,
    /// A JSON body.
    pub json: Option<Tree>,
    /// The header in which an idempotency key goes.
    pub idempotency_key: Option<HeaderName>,
}

/// What an answer is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A definite no.
    Refused(RefusalKind),
    /// The rate limit.
    Throttled,
    /// Nothing was done; it may be tried again.
    Retry,
    /// What was done is unknown.
    ReadBack,
    /// What it is about is not there (any more): as good as done for a removal; the reading says.
    Gone,
}

/// What to make of an answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// `expect.status`; empty: 200 to 299.
    pub statuses: Vec<u16>,
    /// `expect.that`.
    pub that: Option<Expression>,
    /// `classify`, asked in order before `expect`.
    pub classify: Vec<(Expression, Class)>,
    /// `capture.NAME`, of look-ups only: no step hands anything to another.
    pub capture: Vec<(String, Expression)>,
    /// `keep.NAME`.
    pub keep: Vec<(String, Expression)>,
}

/// How a list goes on.
#[derive(Clone, Debug)]
pub enum Pages {
    /// By a link in the answer; none: the end.
    Next(Expression),
    /// By a number in the query.
    Number {
        /// The parameter.
        parameter: String,
        /// The first page's number.
        first: i64,
        /// How many pages there are, whatever the first one's number is; `None`: an empty page is the end.
        pages: Option<Expression>,
    },
}

/// A list in pages.
#[derive(Clone, Debug)]
pub struct Paginate {
    /// How it goes on.
    pub pages: Pages,
    /// The entries of one page.
    pub items: Expression,
    /// Pages at the most: more is an error, never "not there".
    pub max_pages: u32,
}

/// A reading.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// Its name in expressions.
    pub id: String,
    /// Whether it runs; where not, all that it would capture is `none`.
    pub when: Option<Expression>,
    /// The request: a GET, or a POST that only asks.
    pub request: Request,
    /// Its pages.
    pub paginate: Option<Paginate>,
    /// What to make of the answer. Of a list in pages: `capture` and `keep` read all `items`.
    pub answer: Answer,
}

/// What the look-ups say of the account.
#[derive(Clone, Debug)]
pub struct State {
    /// Whether there is one.
    pub account: Expression,
    /// Whether it waits for the invitee, and nobody else.
    pub pending: Option<Expression>,
    /// Whether the vendor shows that an invitation is over which nobody has accepted. Where it says nothing, one that is not
    /// seen any more may have been accepted under another address (rule 23).
    pub lapsed: Option<Expression>,
    /// The vendor's id of it.
    pub id: Option<Expression>,
    /// How long an answered write may stay unseen.
    pub lag: Duration,
    /// How long an unanswered one may still arrive.
    pub settle: Duration,
}

/// Something that one can hold.
#[derive(Clone, Debug)]
pub struct Slot {
    /// What an entry asks for: a value, a list of them, or none.
    pub wants: Expression,
    /// What the vendor shows: a value, a list of them, or none.
    pub has: Expression,
    /// What is on its way and waits for the invitee.
    pub pending: Option<Expression>,
    /// Whether `add`, `remove`, `has` and `after` are whole numbers rather than texts.
    pub integers: bool,
    /// How many values it holds.
    pub arity: Arity,
}

/// A no of our own.
#[derive(Clone, Debug)]
pub struct Refuse {
    /// Whether it applies.
    pub when: Expression,
    /// What kind of no.
    pub kind: RefusalKind,
    /// After the person's name, as it were: `is an administrator of the directory`.
    pub message: Template,
}

/// When a step's block applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Block {
    /// Something to hold is neither there nor pending.
    Provision,
    /// Something to release is there or pending.
    Deprovision,
    /// Either.
    Update,
    /// The account itself is to go, after everything else.
    Remove,
}

/// How a change that the vendor only accepted (202) is followed.
#[derive(Clone, Debug)]
pub struct Poll {
    /// A GET.
    pub request: Request,
    /// Whether it is over.
    pub until: Expression,
    /// Whether the vendor gave it up.
    pub failed: Option<Expression>,
    /// How often to ask.
    pub every: Duration,
    /// How long at the most.
    pub within: Duration,
}

/// Whether a change may be sent again once it is seen to be wanting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepeatRule {
    /// By its method: PUT, PATCH and DELETE of a state are natural, POST is read back, with an idempotency key it is keyed.
    ByMethod,
    /// `repeat = "never"`.
    Never,
}

/// One changing call.
#[derive(Clone, Debug)]
pub struct Step {
    /// Where it stands.
    pub block: Block,
    /// Its name: as written, else `provision 1` and so on, by block, from 1.
    pub id: String,
    /// Whether it runs.
    pub when: Option<Expression>,
    /// A list: the step runs once for each, as `item`.
    pub for_each: Option<Expression>,
    /// The request.
    pub request: Request,
    /// What to make of the answer. With a poll, `keep` reads the poll's last answer.
    pub answer: Answer,
    /// Where the vendor finishes later.
    pub poll: Option<Poll>,
    /// It sends the person mail.
    pub notifies: bool,
    /// Whether it may be repeated.
    pub repeat: RepeatRule,
}

/// How a test wants its request to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestOutcome {
    /// Confirmed, and told so.
    Granted,
    /// Confirmed, and told so.
    Removed,
    /// Waits for the invitee.
    Waiting,
    /// A definite no.
    Refused,
    /// A person has to look.
    NeedsYou,
    /// Answered negatively by the deadline.
    Late,
}

/// A test inside a definition.
#[derive(Clone, Debug)]
pub struct Test {
    /// Its name.
    pub name: String,
    /// Where it stands: bytes in the file.
    pub span: std::ops::Range<usize>,
    /// `user`: email, given_name, family_name, custom_fields.
    pub user: usher_core::Subject,
    /// As in usher.toml, by permission.
    pub permissions: BTreeMap<String, Value>,
    /// What the ledger holds before, by permission, each confirmed.
    pub holds: BTreeMap<String, Value>,
    /// `remove_account` of usher.toml.
    pub remove_account: bool,
    /// `counts_as_provisioned = "invited"`.
    pub counts_invited: bool,
    /// Give or take.
    pub direction: Direction,
    /// How it is to end.
    pub outcome: TestOutcome,
    /// A part of the reason.
    pub because: Option<String>,
    /// Every exchange, in order.
    pub exchanges: Vec<TestExchange>,
}

/// One exchange of a test: what is asserted of the request, and the answer.
#[derive(Clone, Debug)]
pub struct TestExchange {
    /// Where it stands: bytes in the file.
    pub span: std::ops::Range<usize>,
    /// The method.
    pub method: Method,
    /// The path as it goes out, percent-encoding included; a query in it is asserted too.
    pub path: String,
    /// Pairs of the query that must be there, exactly as said.
    pub query: BTreeMap<String, String>,
    /// Headers that must be there.
    pub headers: BTreeMap<String, String>,
    /// The whole JSON body.
    pub json: Option<Value>,
    /// How many times it happens.
    pub times: u32,
    /// The answer's status.
    pub status: u16,
    /// Its headers.
    pub answer_headers: BTreeMap<String, String>,
    /// Its JSON body.
    pub answer_json: Option<Value>,
    /// Its text body.
    pub answer_text: Option<String>,
    /// Instead of the answer, or beside it: what goes wrong.
    pub fault: Option<TestFault>,
}

/// A fault that a test plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestFault {
    /// No answer within the call's time.
    Timeout,
    /// The connection breaks before anything was done.
    ResetBefore,
    /// The connection breaks after it was done.
    ResetAfter,
    /// No connection is made.
    Refused,
}
