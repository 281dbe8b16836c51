//! The environment, read here and nowhere else, so that one list knows every name.

use std::collections::BTreeMap;

use secrecy::SecretString;

/// The variables that Orderdock itself looks at, with what each means. Secret references may name any other.
pub const NAMES: &[(&str, &str)] = &[
    ("ORDERDOCK_CONFIG", "path of the host's configuration file; `--config` wins"),
    ("ORDERDOCK_KEY", "the master key as 32 bytes in base64, instead of a key file"),
    ("ORDERDOCK_LOG", "log filter, such as `info,orderdock=debug`; wins over `log.filter`"),
    ("ORDERDOCK_LISTEN", "address of the web page and the API; wins over `listen`"),
    ("NO_COLOR", "set to anything: the command line prints no colours"),
];

/// Where variables are looked up.
#[derive(Clone)]
pub enum Environment {
    /// The process's own.
    Process,
    /// A fixed set, for tests.
    Fixed(BTreeMap<String, String>),
}

impl Environment {
    /// A fixed set.
    pub fn fixed<const N: usize>(pairs: [(&str, &str); N]) -> Self {
        Self::Fixed(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// The variable's value; empty counts as not set, which is how service managers clear one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        match self {
            Self::Process => process(name),
            Self::Fixed(pairs) => pairs.get(name).cloned(),
        }
        .filter(|value| !value.is_empty())
    }

    /// The same, kept from logs.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<SecretString> {
        self.get(name).map(SecretString::from)
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Environment")
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn process(name: &str) -> Option<String> {
    // Empty names, `=` and NUL make the standard library's look-up meaningless rather than unsafe; they name nothing.
    if name.is_empty() || name.contains(['=', '\0']) {
        return None;
    }
    std::env::var(name).ok()
}
