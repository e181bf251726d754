//! The suite that every connector must pass.
//!
//! A connector's test says how its vendor behaves ([`VendorUnderTest`]) and asserts nothing; [`suite!`] makes a test of each case.
//! The connector runs unaltered: through the real engine where a case is about a whole request, directly where it is about the
//! connector alone. How time passes is said in `time.rs`.
//!
//! ```text
//! usher_contract::suite!(AcmeUnderTest::new);
//! ```

mod cases;
mod eye;
mod run;
mod server;
mod stage;
mod time;
mod vendor;
mod wire;

use std::sync::Arc;

pub use cases::CASES;
pub use run::{Case, Outcome, check, failing};
pub use vendor::{
    Deferring, Inviting, Kind, Many, One, Permissions, Secret, Trouble, VendorUnderTest, plainly,
};

/// Makes the vendor, anew for each stage.
pub type Vendors<'a> = &'a (dyn Fn() -> Arc<dyn VendorUnderTest> + Sync);

/// Fails a case with a sentence unless something holds.
macro_rules! ensure {
    ($holds:expr, $($why:tt)+) => {
        if !$holds {
            return Err(format!($($why)+));
        }
    };
}
pub(crate) use ensure;
