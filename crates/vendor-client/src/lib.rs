//! The one HTTP client to vendors.
