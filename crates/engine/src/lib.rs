//! What happens next with a request (pure), and the driver that makes it happen.
