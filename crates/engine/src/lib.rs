//! What happens next with a request (pure), and the driver that makes it happen. Knows no vendor.
//!
//! [`decide`] is one pure function: no clock, no I/O, no randomness. The driver behind [`Engine`] performs the effects that it asks
//! for, and feeds back as events what came of them.

mod api;
mod breaker;
mod decide;
mod driver;
mod goal;
mod lane;
mod lumos;
mod stands;

pub use api::{
    About, Act, AfterDeadline, Alert, AlertKind, Alerts, Answer, AppPolicy, CheckedHolder, Connection,
    Delivery, Engine, HoldingCheck, Limits, LogAlerts, OperateError, Parts, Preview, Repeated, Reply,
    Standing,
};
pub use breaker::{BreakerSettings, BreakerState, BreakerView};
pub use decide::{Approval, Effect, End, Event, Mode, Phase, Run, World, decide};
pub use goal::{Lost, Targets, goal};
pub use lumos::{AccessRequest, LONGEST_CALL, Lumos, LumosFault, Progress, Task};
pub use stands::{Stand, stands};
