//! Sees what is logged.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tracing::Dispatch;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Everything that this thread logs, at every level and from every library, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Eye {
    seen: Sheet,
    _installed: tracing::subscriber::DefaultGuard,
}

#[derive(Clone, Debug, Default)]
struct Sheet(Arc<Mutex<Vec<u8>>>);

impl Write for Sheet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Sheet {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Eye {
    pub(crate) fn open() -> Self {
        // With one subscriber in the process, tracing asks only the thread that comes by an event first whether anybody
        // listens, and keeps its no for all threads. With two it asks both: another case cannot close this eye.
        static SECOND: OnceLock<Dispatch> = OnceLock::new();
        SECOND.get_or_init(|| Dispatch::new(tracing_subscriber::registry()));
        let seen = Sheet::default();
        let installed = tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(seen.clone())
            .set_default();
        Self { seen, _installed: installed }
    }

    pub(crate) fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}
