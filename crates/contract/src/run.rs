//! Runs a case: on a runtime of its own, with paused time.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::{CASES, VendorUnderTest, Vendors};

/// What a case comes to: `Err` says in a sentence what did not hold.
pub type Outcome = Result<(), String>;

/// One case of the suite.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name, a sentence about the connector.
    pub name: &'static str,
    pub(crate) run: for<'a> fn(Vendors<'a>) -> BoxFuture<'a, Outcome>,
}

impl Case {
    /// Runs it. A panic of the connector or of the vendor fails it.
    ///
    /// # Errors
    /// What did not hold.
    pub fn passes(&self, vendors: Vendors<'_>) -> Outcome {
        let run = || -> Outcome {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .start_paused(true)
                .build()
                .map_err(|error| format!("there is no runtime: {error}"))?;
            runtime.block_on((self.run)(vendors))
        };
        catch_unwind(AssertUnwindSafe(run))
            .unwrap_or_else(|panic| Err(format!("it panicked: {}", words(&panic))))
    }
}

fn words(panic: &Box<dyn Any + Send>) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words")
}

/// Runs the case `name` as a test: [`crate::suite!`] calls it.
///
/// # Panics
/// The case fails, or there is none of that name.
#[expect(clippy::panic, reason = "a test fails by panicking")]
pub fn check<V: VendorUnderTest>(name: &str, vendor: impl Fn() -> V + Sync) {
    let Some(case) = CASES.iter().find(|case| case.name == name) else { panic!("there is no case {name}") };
    let make = || Arc::new(vendor()) as Arc<dyn VendorUnderTest>;
    if let Err(why) = case.passes(&make) {
        panic!("{why}");
    }
}

/// The names of the cases that a connector fails, with the reasons: for tests of the suite itself.
pub fn failing<V: VendorUnderTest>(vendor: impl Fn() -> V + Sync) -> Vec<(&'static str, String)> {
    let make = || Arc::new(vendor()) as Arc<dyn VendorUnderTest>;
    CASES.iter().filter_map(|case| Some((case.name, case.passes(&make).err()?))).collect()
}
