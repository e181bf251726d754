//! End-to-end tests over real sockets, real processes and real files.
