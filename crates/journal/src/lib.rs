//! Every request on disk first: requests, their history, and the ledger of who holds what.
