//! Secrets are read, or missed, without being shown.

use std::io::Write;

use secrecy::ExposeSecret;
use usher_core::{SecretRef, Secrets};
use usher_vendor_client::EnvAndFileSecrets;

fn file(content: &[u8]) -> (tempfile::NamedTempFile, SecretRef) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    let from = SecretRef::File(file.path().to_owned());
    (file, from)
}

#[test]
fn one_line_end_is_not_part_of_a_files_secret() {
    for (content, secret) in [
        ("s3cret", "s3cret"),
        ("s3cret\n", "s3cret"),
        ("s3cret\r\n", "s3cret"),
        ("s3cret\n\n", "s3cret\n"),
        (" s3cret ", " s3cret "),
        ("a\nb\n", "a\nb"),
    ] {
        let (_file, from) = file(content.as_bytes());
        assert_eq!(EnvAndFileSecrets.read(&from).unwrap().expose_secret(), secret);
    }
}

#[test]
fn a_file_that_holds_no_secret_is_named_and_not_shown() {
    let large = vec![b'x'; 64 * 1024 + 1];
    for content in [b"".as_slice(), b"\n", b"\r\n", b"s3cret \xff", &large] {
        let (file, from) = file(content);
        let error = EnvAndFileSecrets.read(&from).unwrap_err().to_string();
        assert!(error.contains(file.path().to_str().unwrap()), "{error}");
        assert!(!error.contains("s3cret") && !error.contains("xxx"), "{error}");
    }
    let error = EnvAndFileSecrets.read(&SecretRef::File("/nowhere/at/all".into())).unwrap_err().to_string();
    assert!(error.contains("/nowhere/at/all is not there"), "{error}");
}

#[test]
fn a_secret_of_the_greatest_size_is_read_with_its_line_end() {
    let mut content = vec![b'x'; 64 * 1024];
    content.extend_from_slice(b"\r\n");
    let (_file, from) = file(&content);
    assert_eq!(EnvAndFileSecrets.read(&from).unwrap().expose_secret().len(), 64 * 1024);
}

#[test]
fn a_variable_is_read_as_it_is() {
    // Cargo sets this one for every test: `set_var` would be unsafe.
    let secret = EnvAndFileSecrets.read(&SecretRef::Env("CARGO_PKG_NAME".into())).unwrap();
    assert_eq!(secret.expose_secret(), "usher-vendor-client");
}

#[test]
fn a_variable_that_is_not_set_is_named() {
    let error = EnvAndFileSecrets.read(&SecretRef::Env("USHER_NOT_SET".into())).unwrap_err().to_string();
    assert!(error.contains("USHER_NOT_SET is not set"), "{error}");
    for name in ["", "A=B", "A\0B"] {
        EnvAndFileSecrets.read(&SecretRef::Env(name.into())).unwrap_err();
    }
}
