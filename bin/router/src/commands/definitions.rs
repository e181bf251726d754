//! The tests inside definitions: run, told, and summed up. No network is needed for them.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use usher_definition_test::{Failure as Difference, TestResult, run_file};
use usher_toml_reader::Notes;

use super::Failure;
use crate::config::Report;
use crate::output::{Output, Style, Table, safe};

/// A definition whose tests were run.
#[derive(Debug)]
pub(crate) struct Tested {
    file: PathBuf,
    text: String,
    /// What came of each test; or what is wrong with the definition.
    tests: Result<Vec<TestResult>, Report>,
}

impl Tested {
    /// Reads a definition and runs its tests.
    pub(crate) fn run(file: &Path) -> Self {
        let ran = run_file(file);
        let has_places =
            ran.as_ref().map_or_else(|wrong| wrong.iter().any(|one| one.span.is_some()), |_| true);
        // Where there is no place in it, it may be no file at all, or one without an end.
        let text = if has_places { std::fs::read_to_string(file).unwrap_or_default() } else { String::new() };
        let tests = ran.map(|report| report.tests).map_err(|mistakes| {
            let mut notes = Notes::default();
            for mistake in mistakes {
                match mistake.span.clone() {
                    Some(span) => notes.complaint(span, &mistake.path, &mistake),
                    None => notes.wrong(None, &mistake.path, mistake.message, mistake.hint),
                }
            }
            Report::of_definition(notes, file, &text)
        });
        Self { file: file.to_owned(), text, tests }
    }

    /// Whether it can be read and no test failed.
    pub(crate) fn is_well(&self) -> bool {
        self.tests.as_ref().is_ok_and(|tests| tests.iter().all(TestResult::passed))
    }

    /// What is worth a look though nothing failed.
    pub(crate) fn note(&self) -> Option<String> {
        let is_untested = self.tests.as_ref().is_ok_and(Vec::is_empty);
        is_untested.then(|| format!("{} has no tests: add a [[test]]", self.file.display()))
    }

    /// For machines.
    pub(crate) fn to_json(&self) -> Value {
        match &self.tests {
            Ok(tests) => json!({
                "file": self.file,
                "ok": self.is_well(),
                "tests": tests.iter().map(|test| self.test_json(test)).collect::<Vec<_>>(),
            }),
            Err(report) => json!({ "file": self.file, "ok": false, "errors": report.mistakes() }),
        }
    }

    fn test_json(&self, test: &TestResult) -> Value {
        let failures: Vec<Value> = test
            .failures
            .iter()
            .map(|failure| {
                json!({
                    "line": self.line(&failure.span),
                    "message": failure.message,
                    "expected": failure.expected,
                    "found": failure.found,
                })
            })
            .collect();
        json!({
            "name": test.name,
            "line": self.line(&test.span),
            "passed": test.passed(),
            "failures": failures,
        })
    }

    /// From 1.
    fn line(&self, span: &Range<usize>) -> usize {
        self.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1
    }

    fn print_difference(&self, difference: &Difference, output: &mut Output) -> Result<(), Failure> {
        let place = format!("{}:{}", self.file.display(), self.line(&difference.span));
        output.line(format!("{}: {}", output.paint(Style::Bold, &place), safe(&difference.message)))?;
        for (what, text) in [("expected", &difference.expected), ("found", &difference.found)] {
            for (index, line) in text.iter().flat_map(|text| text.lines()).enumerate() {
                let what = output.paint(Style::Faint, &format!("{:<8}", if index == 0 { what } else { "" }));
                output.line(format!("  {what}  {}", safe(line)).trim_end())?;
            }
        }
        Ok(())
    }
}

/// A table of results, what failed below it, and how many there were.
pub(crate) fn print(tested: &[Tested], output: &mut Output) -> Result<(), Failure> {
    let mut table = Table::new(&["definition", "test", "result"]);
    for one in tested {
        let name = one.file.display().to_string();
        let mut row = |index: usize, test: &str, result: &str, style: Style| {
            let name = if index == 0 { name.clone() } else { String::new() };
            table.row([(name, Style::Plain), (test.to_owned(), Style::Plain), (result.to_owned(), style)]);
        };
        match &one.tests {
            Err(_) => row(0, "", "cannot be read", Style::Bad),
            Ok(tests) if tests.is_empty() => row(0, "", "no tests", Style::Pending),
            Ok(tests) => {
                for (index, test) in tests.iter().enumerate() {
                    let (result, style) =
                        if test.passed() { ("passed", Style::Good) } else { ("failed", Style::Bad) };
                    row(index, &test.name, result, style);
                }
            }
        }
    }
    output.table(&table)?;
    let differences = tested.iter().flat_map(|one| {
        let tests = one.tests.as_ref().ok().into_iter().flatten();
        tests.flat_map(move |test| test.failures.iter().map(move |difference| (one, difference)))
    });
    for (one, difference) in differences {
        output.line("")?;
        one.print_difference(difference, output)?;
    }
    for report in tested.iter().filter_map(|one| one.tests.as_ref().err()) {
        output.line("")?;
        output.line(report.render_of(output.is_coloured(), "definition").trim_end())?;
    }
    let all: Vec<&TestResult> = tested.iter().filter_map(|one| one.tests.as_ref().ok()).flatten().collect();
    let passed = all.iter().filter(|test| test.passed()).count();
    let failed = all.len() - passed;
    let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    output.line("")?;
    Ok(output.line(format!("{passed} passed{failed}"))?)
}
