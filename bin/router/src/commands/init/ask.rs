use std::io::{BufRead, Write};

use crate::commands::Failure;

/// Times that a question is put.
const TIMES: usize = 5;
/// Bytes of an answer.
const LONGEST: u64 = 1000;

/// Who answers what the flags leave open.
pub(super) trait Ask {
    /// An answer that `fits`; an empty one is `usual`, where there is one. `flag`: what would have said it.
    fn ask(
        &mut self,
        question: &str,
        usual: Option<&str>,
        flag: &str,
        fits: &dyn Fn(&str) -> Result<(), String>,
    ) -> Result<String, Failure>;
}

/// Nobody is there: what is usual is taken, and the rest has to be said.
#[derive(Debug)]
pub(super) enum Asked {
    Nobody,
}

impl Ask for Asked {
    fn ask(
        &mut self,
        question: &str,
        usual: Option<&str>,
        flag: &str,
        _fits: &dyn Fn(&str) -> Result<(), String>,
    ) -> Result<String, Failure> {
        usual.map(str::to_owned).ok_or_else(|| Failure::usage(format!("say {question} with {flag}")))
    }
}

/// Somebody at a terminal.
#[derive(Debug)]
pub(super) struct Asker<R, W> {
    from: R,
    to: W,
}

impl<R: BufRead, W: Write> Asker<R, W> {
    pub(super) fn new(from: R, to: W) -> Self {
        Self { from, to }
    }
}

impl<R: BufRead, W: Write> Ask for Asker<R, W> {
    fn ask(
        &mut self,
        question: &str,
        usual: Option<&str>,
        flag: &str,
        fits: &dyn Fn(&str) -> Result<(), String>,
    ) -> Result<String, Failure> {
        for _ in 0..TIMES {
            let shown = usual.map(|usual| format!(" [{usual}]")).unwrap_or_default();
            write!(self.to, "{question}{shown}: ")?;
            self.to.flush()?;
            let mut line = String::new();
            if std::io::Read::take(&mut self.from, LONGEST).read_line(&mut line)? == 0 {
                break;
            }
            let answer = match (line.trim(), usual) {
                ("", Some(usual)) => usual,
                (answer, _) => answer,
            };
            match fits(answer) {
                Ok(()) => return Ok(answer.to_owned()),
                Err(why) => writeln!(self.to, "  {why}")?,
            }
        }
        Err(Failure::usage(format!("say {question} with {flag}")))
    }
}
