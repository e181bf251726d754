use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Output;

const SPINNER: &str = "{spinner} {msg} ({elapsed})";
const COUNTER: &str = "{spinner} {msg}: {pos} ({elapsed})";
const BYTES: &str = "{spinner} {msg}: {binary_bytes} of {binary_total_bytes} {bar:20} ({eta})";
const SOME_BYTES: &str = "{spinner} {msg}: {binary_bytes} ({elapsed})";
const TICK: Duration = Duration::from_millis(120);

/// Something that goes on: shown on standard error where a person looks at it, and gone when this is dropped.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Something whose end cannot be told.
    #[must_use]
    pub fn spinner(output: &Output, what: &str) -> Self {
        Self::shown(output, ProgressBar::new_spinner(), SPINNER, what)
    }

    /// Something that is counted, without knowing how many there will be.
    #[must_use]
    pub fn counter(output: &Output, what: &str) -> Self {
        Self::shown(output, ProgressBar::new_spinner(), COUNTER, what)
    }

    /// Bytes, where it may be known how many there will be.
    #[must_use]
    pub fn bytes(output: &Output, what: &str, of: Option<u64>) -> Self {
        let (bar, template) = match of {
            Some(length) => (ProgressBar::new(length), BYTES),
            None => (ProgressBar::new_spinner(), SOME_BYTES),
        };
        Self::shown(output, bar, template, what)
    }

    fn shown(output: &Output, bar: ProgressBar, template: &str, what: &str) -> Self {
        let is_looked_at = !output.is_json() && io::stderr().is_terminal();
        bar.set_draw_target(if is_looked_at {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        });
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.tick_chars("-\\|/ "));
        }
        bar.set_message(what.to_owned());
        if is_looked_at {
            bar.enable_steady_tick(TICK);
        }
        Self { bar }
    }

    /// Some more are done.
    pub fn add(&self, more: usize) {
        self.bar.inc(u64::try_from(more).unwrap_or(u64::MAX));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_well_formed_and_a_machine_sees_no_bar() {
        for template in [SPINNER, COUNTER, BYTES, SOME_BYTES] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
        let progress = Progress::counter(&Output::to(Vec::new(), true, false), "people looked up");
        progress.add(3);
        assert!(progress.bar.is_hidden());
        assert_eq!(progress.bar.position(), 3);
    }
}
