//! What a person at a terminal sees.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// What `usher` writes where its standard output is a terminal.
fn seen(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs: OwnedFd = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let mut child = {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
        command.args(arguments).env_clear().envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::from(theirs)).stderr(Stdio::null());
        command.spawn().unwrap()
        // Ours of their end is closed with the command, so that reading ends with the process.
    };
    let mut seen = Vec::new();
    let mut ours = File::from(ours);
    let mut buffer = [0_u8; 4096];
    // A terminal whose other end is closed is an error to read from, not its end.
    while let Ok(read @ 1..) = ours.read(&mut buffer) {
        seen.extend_from_slice(&buffer[..read]);
    }
    assert!(child.wait().unwrap().success());
    String::from_utf8(seen).unwrap()
}

#[test]
fn there_is_colour_on_a_terminal_and_never_with_no_color_nor_for_machines() {
    let xterm = ("TERM", "xterm-256color");
    assert!(seen(&["connectors"], &[xterm]).contains("\u{1b}["));
    for (arguments, environment) in [
        (&["connectors"][..], &[xterm, ("NO_COLOR", "1")][..]),
        (&["connectors"], &[("TERM", "dumb")]),
        (&["connectors", "--json"], &[xterm]),
    ] {
        let seen = seen(arguments, environment);
        assert!(!seen.is_empty() && !seen.contains('\u{1b}'), "{arguments:?} {environment:?}: {seen}");
    }
}
