//! Who is who: a file of token hashes and of names in client certificates, each with its roles.
//!
//! ```toml
//! anyone = ["reader"]
//!
//! [[token]]
//! name = "stock-feed"
//! roles = ["feeder"]
//! sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
//! expires = 2027-01-31T00:00:00Z
//!
//! [[certificate]]
//! dns = "pim.shop.internal"
//! roles = ["merchandiser"]
//! ```
//!
//! A token itself is in no file and in no log. Hashes are compared in constant time, all of them each time,
//! so that how long a refusal takes says nothing about what is in the file.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use rustls::pki_types::{CertificateDer, ServerName};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use toml::value::Datetime;
use webpki::EndEntityCert;

use super::{Role, Roles};
use crate::{
    model::{hex, limits::CREDENTIALS_MAX},
    service::status::Refusal,
};

const SCHEME: &[u8] = b"bearer ";

/// Who may do what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    anyone: Roles,
    tokens: Vec<Token>,
    certificates: Vec<Certificate>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    sha256: [u8; SHA256_OUTPUT_LEN],
    roles: Roles,
    expires: Option<SystemTime>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Certificate {
    dns: ServerName<'static>,
    roles: Roles,
}

/// What is wrong with a file of credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// No TOML, or none of this form.
    #[error("line {line}: {reason}")]
    Syntax {
        /// Where, from 1.
        line: usize,
        /// What was expected, and what was found.
        reason: String,
    },
    /// Nobody may do anything: a file that is being written anew looks so, too.
    #[error("expected a [[token]], a [[certificate]] or anyone = [...], found none of them")]
    Empty,
    /// An entry is wrong.
    #[error("{entry}: {reason}")]
    Entry {
        /// The one: `token "stock-feed"`.
        entry: String,
        /// What was expected, and what was found.
        reason: String,
    },
    /// Too many entries: each is compared at each call.
    #[error("{found} tokens and certificates, at most {CREDENTIALS_MAX} are read")]
    TooMany {
        /// How many there are.
        found: usize,
    },
}

/// The file as it is written.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    anyone: Vec<Role>,
    #[serde(default)]
    token: Vec<TokenEntry>,
    #[serde(default)]
    certificate: Vec<CertificateEntry>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenEntry {
    name: String,
    roles: Vec<Role>,
    sha256: String,
    expires: Option<Datetime>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct CertificateEntry {
    dns: String,
    roles: Vec<Role>,
}

impl Book {
    /// Reads a file's text.
    ///
    /// # Errors
    /// What is wrong, by line or by entry.
    pub fn parse(text: &str) -> Result<Self, BookError> {
        // Without the line's text, which may hold what is secret.
        let document: Document = toml::from_str(text).map_err(|error| BookError::Syntax {
            line: error.span().map_or(1, |span| lines_to(text, span.start)),
            reason: error.message().to_owned(),
        })?;
        let Document { anyone, token, certificate } = document;
        let found = token.len() + certificate.len();
        if found > CREDENTIALS_MAX {
            return Err(BookError::TooMany { found });
        }
        if found == 0 && anyone.is_empty() {
            return Err(BookError::Empty);
        }
        Ok(Self {
            anyone: Roles::of(&anyone),
            tokens: token.iter().map(TokenEntry::read).collect::<Result<_, _>>()?,
            certificates: certificate
                .iter()
                .map(CertificateEntry::read)
                .collect::<Result<_, _>>()?,
        })
    }

    /// What everybody may.
    pub(super) const fn anyone(&self) -> Roles {
        self.anyone
    }

    /// The roles of the token in an `authorization` header.
    pub(super) fn by_token(&self, header: &[u8], now: SystemTime) -> Result<Roles, Refusal> {
        let (scheme, token) = header.split_at_checked(SCHEME.len()).ok_or(Refusal::BadToken)?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(Refusal::BadToken);
        }
        let hash = digest(&SHA256, token);
        // No early end: every entry is compared, and the place is chosen without a branch.
        let (mut place, mut is_found) = (0, Choice::from(0));
        for (at, token) in (0_u64..).zip(&self.tokens) {
            let is_this = token.sha256.ct_eq(hash.as_ref());
            place = u64::conditional_select(&place, &at, is_this);
            is_found |= is_this;
        }
        let token = usize::try_from(place).ok().and_then(|place| self.tokens.get(place));
        let token = token.filter(|_| bool::from(is_found)).ok_or(Refusal::BadToken)?;
        if token.expires.is_some_and(|expires| now >= expires) {
            return Err(Refusal::ExpiredToken);
        }
        Ok(token.roles)
    }

    /// The roles of all names in a certificate that was verified.
    pub(super) fn by_certificate(&self, certificate: &[u8]) -> Roles {
        let der = CertificateDer::from(certificate);
        let Ok(cert) = EndEntityCert::try_from(&der) else { return Roles::NONE };
        let names = self.certificates.iter();
        let named = names.filter(|one| cert.verify_is_valid_for_subject_name(&one.dns).is_ok());
        named.fold(Roles::NONE, |roles, one| roles.and(one.roles))
    }
}

/// The number of the line at a byte.
fn lines_to(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// The hash of a token as the file has it: SHA-256 in lower-case digits.
#[must_use]
pub fn token_hash(token: &str) -> String {
    struct Shown<'a>(&'a [u8]);
    impl std::fmt::Display for Shown<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            hex::write(self.0, f)
        }
    }
    Shown(digest(&SHA256, token.as_bytes()).as_ref()).to_string()
}

impl TokenEntry {
    fn read(&self) -> Result<Token, BookError> {
        let wrong =
            |reason: String| BookError::Entry { entry: format!("token {:?}", self.name), reason };
        let sha256: [u8; SHA256_OUTPUT_LEN] = hex::parse(&self.sha256).ok_or_else(|| {
            let found = self.sha256.len();
            wrong(format!(
                "sha256: expected 64 lower-case hexadecimal digits, found {found} bytes; \
                 `printf %s \"$TOKEN\" | sha256sum` prints them"
            ))
        })?;
        if digest(&SHA256, b"").as_ref() == sha256.as_slice() {
            return Err(wrong("sha256: this is the hash of nothing; was $TOKEN set?".to_owned()));
        }
        let expires = self.expires.map(|at| instant(at).map_err(&wrong)).transpose()?;
        Ok(Token { sha256, roles: some(&self.roles).map_err(wrong)?, expires })
    }
}

impl CertificateEntry {
    fn read(&self) -> Result<Certificate, BookError> {
        let wrong = |reason: String| BookError::Entry {
            entry: format!("certificate {:?}", self.dns),
            reason,
        };
        let dns = ServerName::try_from(self.dns.clone())
            .map_err(|error| wrong(format!("dns: expected a host name: {error}")))?;
        Ok(Certificate { dns, roles: some(&self.roles).map_err(wrong)? })
    }
}

/// Whoever is listed is listed for something.
fn some(roles: &[Role]) -> Result<Roles, String> {
    if roles.is_empty() {
        return Err("roles: expected one of reader, feeder, merchandiser, operator".to_owned());
    }
    Ok(Roles::of(roles))
}

fn instant(at: Datetime) -> Result<SystemTime, String> {
    let expected = || format!("expires: expected an instant like 2027-01-31T00:00:00Z, found {at}");
    let instant = at.to_string().parse::<jiff::Timestamp>().map_err(|_| expected())?;
    let seconds = u64::try_from(instant.as_second()).map_err(|_| expected())?;
    Ok(UNIX_EPOCH + Duration::from_secs(seconds))
}
