//! What came of a definition's tests.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use serde::Serialize;

/// What came of all tests of a definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The definition's file.
    pub file: PathBuf,
    /// In the order of the file; empty where it has none, which is worth a warning.
    pub tests: Vec<TestResult>,
}

/// What came of one test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestResult {
    /// Its name.
    pub name: String,
    /// Where it stands: bytes in the file.
    pub span: Range<usize>,
    /// What was not as the test says; empty: it passed.
    pub failures: Vec<Failure>,
}

/// Something that was not as a test says. Shows no secret: requests are shown without credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Where in the file it is said otherwise: an exchange, or the test.
    pub span: Range<usize>,
    /// One sentence.
    pub message: String,
    /// What the test says, several lines perhaps; `None` where it says nothing.
    pub expected: Option<String>,
    /// What was so instead.
    pub found: Option<String>,
}

impl Report {
    /// Whether all tests passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.tests.iter().all(TestResult::passed)
    }

    /// How many passed, and how many did not.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let passed = self.tests.iter().filter(|test| test.passed()).count();
        (passed, self.tests.len() - passed)
    }
}

impl TestResult {
    /// Whether everything was as the test says.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }
}

impl fmt::Display for TestResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", if self.passed() { "ok    " } else { "FAILED" }, self.name)?;
        self.failures.iter().try_for_each(|failure| write!(f, "{failure}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "       {}", self.message)?;
        for (what, text) in [("expected", &self.expected), ("found", &self.found)] {
            let mut lines = text.iter().flat_map(|text| text.lines());
            if let Some(first) = lines.next() {
                writeln!(f, "         {what:<9} {first}")?;
            }
            for line in lines {
                writeln!(f, "         {:<9} {line}", "")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    /// One line for each test, what failed below it, and how many there were.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.file.display())?;
        self.tests.iter().try_for_each(|test| write!(f, "{test}"))?;
        let (passed, failed) = self.counts();
        match (passed, failed) {
            (0, 0) => writeln!(f, "no tests"),
            (passed, 0) => writeln!(f, "{passed} passed"),
            (passed, failed) => writeln!(f, "{passed} passed, {failed} failed"),
        }
    }
}
