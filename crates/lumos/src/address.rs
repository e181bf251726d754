use crate::payload::limits;

/// Why an address cannot be used to tell a person from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressProblem {
    #[error("is missing, null or blank: nobody is named")]
    Blank,
    #[error("is longer than an e-mail address can be ({} bytes)", limits::EMAIL)]
    TooLong,
    #[error("has whitespace inside an e-mail address")]
    Whitespace,
    #[error("has a control or an invisible character in an e-mail address")]
    Invisible,
    #[error("expected an e-mail address (a name, @ and a domain)")]
    NotAnAddress,
}

/// The address trimmed, or what is wrong with it.
///
/// Not a check that mail arrives there: only what would let one address be taken for another's, or for none, is
/// refused.
pub(crate) fn usable(text: &str) -> Result<String, AddressProblem> {
    let address = text.trim();
    if address.is_empty() {
        return Err(AddressProblem::Blank);
    }
    if address.len() > limits::EMAIL {
        return Err(AddressProblem::TooLong);
    }
    // Before whitespace: a line break is both, and the graver of the two.
    if address.chars().any(|c| c.is_control() || is_invisible(c)) {
        return Err(AddressProblem::Invisible);
    }
    if address.chars().any(char::is_whitespace) {
        return Err(AddressProblem::Whitespace);
    }
    let (local, domain) = address.rsplit_once('@').ok_or(AddressProblem::NotAnAddress)?;
    // `boss@acme.com@evil.example` is one person to whoever splits at the first @ and another at the last.
    // RFC 5321 has a further @ in a quoted local part alone.
    let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    if local.is_empty() || domain.is_empty() || (local.contains('@') && !quoted) {
        return Err(AddressProblem::NotAnAddress);
    }
    Ok(address.to_owned())
}

/// Characters without a shape of their own, with which two addresses look the same.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E0FFF}')
}
