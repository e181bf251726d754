use http::{HeaderMap, HeaderName};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::routes::Credentials;

/// Whether the headers bear one of the secrets.
///
/// Every secret is compared, each in constant time, and digests instead of texts, so that lengths tell nothing. The
/// header must be there exactly once: which of two is meant cannot be known. No secrets open nothing.
pub(crate) fn opens(credentials: &Credentials, headers: &HeaderMap) -> bool {
    let Some(shown) = presented(headers, &credentials.header, credentials.bearer) else { return false };
    let shown = digest(shown);
    let secrets = credentials.secrets.iter().map(|secret| digest(secret.expose_secret().as_bytes()));
    secrets.fold(Choice::from(0), |found, known| found | known.as_slice().ct_eq(&shown)).into()
}

/// The secret that a caller shows in a header; with `bearer`, what stands after `Bearer ` in it.
pub(crate) fn presented<'a>(headers: &'a HeaderMap, header: &HeaderName, bearer: bool) -> Option<&'a [u8]> {
    let mut values = headers.get_all(header).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let secret = if bearer { after_bearer(value.as_bytes())? } else { value.as_bytes() };
    Some(secret.trim_ascii()).filter(|secret| !secret.is_empty())
}

fn after_bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(b"bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(rest)
}

pub(crate) fn digest(secret: &[u8]) -> [u8; 32] {
    Sha256::digest(secret).into()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use secrecy::SecretString;

    use super::*;

    fn credentials(header: &'static str, bearer: bool, secrets: &[&str]) -> Credentials {
        let secrets = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
        Credentials { header: HeaderName::from_static(header), bearer, secrets }
    }

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn each_of_several_secrets_opens_while_one_is_being_rotated() {
        let credentials = credentials("x-usher-key", false, &["old", "new"]);
        assert!(opens(&credentials, &headers(&[("x-usher-key", "old")])));
        assert!(opens(&credentials, &headers(&[("X-USHER-KEY", "new")])));
        assert!(!opens(&credentials, &headers(&[("X-Usher-Key", "newer")])));
        assert!(!opens(&credentials, &headers(&[("X-Usher-Key", "ne")])));
    }

    #[test]
    fn a_header_that_is_missing_empty_or_given_twice_opens_nothing() {
        let credentials = credentials("x-usher-key", false, &["key"]);
        assert!(!opens(&credentials, &headers(&[])));
        assert!(!opens(&credentials, &headers(&[("X-Usher-Key", "")])));
        assert!(!opens(&credentials, &headers(&[("X-Usher-Key", "key"), ("x-usher-key", "key")])));
        assert!(!opens(&credentials, &headers(&[("Authorization", "Bearer key")])));
    }

    #[test]
    fn in_authorization_the_secret_stands_after_bearer_however_that_is_written() {
        let credentials = credentials("authorization", true, &["key"]);
        assert!(opens(&credentials, &headers(&[("Authorization", "Bearer key")])));
        assert!(opens(&credentials, &headers(&[("AUTHORIZATION", "bEARER  key")])));
        assert!(!opens(&credentials, &headers(&[("Authorization", "key")])));
        assert!(!opens(&credentials, &headers(&[("Authorization", "Basic key")])));
        assert!(!opens(&credentials, &headers(&[("Authorization", "Bearer ")])));
    }

    #[test]
    fn no_secrets_open_nothing() {
        assert!(!opens(&credentials("x-usher-key", false, &[]), &headers(&[("X-Usher-Key", "")])));
        assert!(!opens(&credentials("x-usher-key", false, &[""]), &headers(&[("X-Usher-Key", "")])));
    }
}
