//! Reads the settings from flags, the environment and the file. It rejects unknown keys and does not validate values.

use crate::domain::error::{Error, Result};
use ::config::{Config as Values, ConfigError, Environment};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{SeqAccess, Visitor},
};
use std::{
    fmt,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};
use url::Url;

/// Every setting, in the order of the documentation.
pub(super) const KEYS: [&str; 23] = [
    "listen",
    "public_url",
    "data_dir",
    "database.url",
    "mail.url",
    "mail.from",
    "token.prefix",
    "token.max_per_user",
    "token.max_changes_per_minute",
    "scopes.file",
    "proxy.trusted",
    "verify.max_staleness",
    "metrics.listen",
    "organizations.self_service",
    "cors.origins",
    "log.format",
    "log.level",
    "auth.jwt.issuer",
    "auth.jwt.audience",
    "auth.jwt.algorithms",
    "auth.jwt.secret",
    "auth.jwt.jwks_url",
    "auth.jwt.jwks_file",
];

/// The settings that may contain a secret. The same key with `_file` names a file to read the value from.
pub(super) const SECRETS: [&str; 3] = ["database.url", "mail.url", "auth.jwt.secret"];

/// The prefix of the environment variables of this service.
pub(super) const VARIABLE_PREFIX: &str = "TOKENWARD_";

/// The settings as texts. Each is `None` or empty if it was not set.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Settings {
    pub(super) listen: Option<String>,
    pub(super) public_url: Option<String>,
    pub(super) data_dir: Option<String>,
    pub(super) database: Database,
    pub(super) mail: Mail,
    pub(super) token: Token,
    pub(super) scopes: Scopes,
    pub(super) proxy: Proxy,
    pub(super) verify: Verify,
    pub(super) metrics: Metrics,
    pub(super) organizations: Organizations,
    pub(super) cors: Cors,
    pub(super) log: Log,
    pub(super) auth: Auth,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Database {
    pub(super) url: Option<String>,
    url_file: Option<String>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Mail {
    pub(super) url: Option<String>,
    url_file: Option<String>,
    pub(super) from: Option<String>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Token {
    pub(super) prefix: Option<String>,
    pub(super) max_per_user: Option<String>,
    pub(super) max_changes_per_minute: Option<String>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Scopes {
    pub(super) file: Option<String>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Proxy {
    pub(super) trusted: List,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Verify {
    pub(super) max_staleness: Option<String>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Metrics {
    pub(super) listen: Option<String>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Organizations {
    pub(super) self_service: Option<String>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Cors {
    pub(super) origins: List,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Log {
    pub(super) format: Option<String>,
    pub(super) level: Option<String>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Auth {
    pub(super) jwt: Jwt,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Jwt {
    pub(super) issuer: Option<String>,
    pub(super) audience: Option<String>,
    pub(super) algorithms: List,
    pub(super) secret: Option<String>,
    secret_file: Option<String>,
    pub(super) jwks_url: Option<String>,
    pub(super) jwks_file: Option<String>,
}

/// A list of texts: an array in the file, separated by commas in the environment and in flags.
#[derive(Default, Serialize)]
#[serde(transparent)]
pub(super) struct List(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Texts)
    }
}

struct Texts;

impl<'de> Visitor<'de> for Texts {
    type Value = List;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of texts")
    }

    fn visit_str<E>(self, text: &str) -> Result<List, E> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        Ok(List(parts.map(str::to_owned).collect()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut texts: A) -> Result<List, A::Error> {
        let mut list = Vec::new();
        while let Some(text) = texts.next_element()? {
            list.push(text);
        }
        Ok(List(list))
    }
}

impl Settings {
    /// Reads the file, the environment and flags. Later ones override earlier ones.
    pub(super) fn read(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &[(&str, String)],
    ) -> Result<Self> {
        let mut builder = Values::builder();
        if let Some(path) = file {
            builder = builder.add_source(Layer::of_file(path)?.checked()?);
        }
        builder = builder.add_source(Layer::of_environment(environment)?.checked()?);
        builder = builder.add_source(Layer::of_flags(flags)?.checked()?);
        let values = builder.build().map_err(|error| Origin::Flags.refuse(error))?;
        Self::deserialize(values).map_err(|error| Origin::Flags.refuse(error))
    }
}

/// The source of a setting.
enum Origin {
    File(PathBuf),
    Environment,
    Flags,
}

impl Origin {
    /// Returns the key as this source spells it.
    fn spell(&self, key: &str) -> String {
        match self {
            Self::File(_) => key.to_owned(),
            Self::Environment => format!("{VARIABLE_PREFIX}{}", key.replace('.', "__").to_uppercase()),
            Self::Flags => format!("--{}", key.replace(['.', '_'], "-")),
        }
    }

    fn unknown(&self, key: &str) -> Error {
        // A text that does not look like a key may be a misplaced value.
        let is_key = key.len() <= 64 && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        let wrong = if is_key { self.spell(key) } else { "of that name".to_owned() };
        let place = match self {
            Self::File(path) => format!(" in {}", path.display()),
            Self::Environment => " in the environment".to_owned(),
            Self::Flags => String::new(),
        };
        let hint = if matches!(self, Self::Environment) && is_kubernetes_variable(key) {
            " Kubernetes puts such a variable into every pod for a Service of that name; set enableServiceLinks: false in \
             the pod's spec."
                .to_owned()
        } else {
            nearest(key).map(|near| format!(" Did you mean {}?", self.spell(&near))).unwrap_or_default()
        };
        let message = format!("There is no setting {wrong}{place}.{hint}");
        Error::invalid(wrong, message)
    }

    /// Returns the error for a value of the wrong type. The value is not repeated, since it may be a secret.
    fn refuse(&self, error: ConfigError) -> Error {
        match error {
            ConfigError::Type { key: Some(key), .. } | ConfigError::At { key: Some(key), .. } => {
                let spelled = self.spell(&key);
                let message = format!("{spelled} has a value of the wrong type; compare it with config.example.toml.");
                Error::invalid(key, message)
            }
            _ => Error::invalid("config", "The settings cannot be read; compare them with config.example.toml."),
        }
    }
}

/// Returns whether a key looks like a variable that Kubernetes sets for a Service named `tokenward`.
fn is_kubernetes_variable(key: &str) -> bool {
    ["service_host", "service_port"].iter().any(|part| key.contains(part))
        || key.split('_').any(|part| part == "port") && !key.contains('.')
}

/// Returns the known key that is most similar to an unknown one.
fn nearest(wrong: &str) -> Option<String> {
    let files = SECRETS.iter().map(|key| format!("{key}_file"));
    let known = KEYS.iter().map(|key| (*key).to_owned()).chain(files);
    let likeness = |key: &str| strsim::normalized_damerau_levenshtein(wrong, key);
    known.max_by(|one, other| likeness(one).total_cmp(&likeness(other)))
}

/// Returns whether every user of the machine can read a secret in this file: a password in a URL, or the secret for JWTs.
pub(super) fn exposes_secret(file: &Path) -> bool {
    let is_readable = std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0);
    let has_password = |text: String| {
        // A file may have any name.
        let url = Url::parse(&text).ok().filter(|url| url.scheme() != "sqlite");
        url.is_some_and(|url| url.password().is_some() || url.query_pairs().any(|(key, _)| key == "password"))
    };
    is_readable
        && Layer::of_file(file).is_ok_and(|layer| {
            SECRETS.iter().any(|key| {
                layer.values.get_string(key).is_ok_and(|text| *key == "auth.jwt.secret" || has_password(text))
            })
        })
}

/// The settings of one source.
struct Layer {
    origin: Origin,
    values: Values,
}

impl Layer {
    fn of_file(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message = format!("The configuration file {} cannot be read: {error}.", path.display());
            Error::invalid("config", message)
        })?;
        let table: toml::Table = toml::from_str(&text).map_err(|error| {
            // Only the line is shown, since the message of the library may quote a secret.
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let message =
                format!("{} is not valid TOML at line {line}; compare it with config.example.toml.", path.display());
            Error::invalid("config", message)
        })?;
        let origin = Origin::File(path.to_owned());
        let values = Values::try_from(&table).map_err(|error| origin.refuse(error))?;
        Ok(Self { origin, values })
    }

    fn of_environment(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let origin = Origin::Environment;
        // Values stay texts: a secret may look like a number, which would lose its leading zeros.
        let variables = Environment::default()
            .prefix(VARIABLE_PREFIX)
            .prefix_separator("")
            .separator("__")
            .ignore_empty(true)
            .source(Some(variables.into_iter().collect()));
        let values = Values::builder().add_source(variables).build().map_err(|error| origin.refuse(error))?;
        Ok(Self { origin, values })
    }

    fn of_flags(flags: &[(&str, String)]) -> Result<Self> {
        let origin = Origin::Flags;
        let mut values = Values::builder();
        for (key, value) in flags {
            values = values.set_override(*key, value.as_str()).map_err(|_| origin.unknown(key))?;
        }
        let values = values.build().map_err(|error| origin.refuse(error))?;
        Ok(Self { origin, values })
    }

    /// Rejects unknown keys and returns the values, with secrets read from their files.
    fn checked(self) -> Result<Values> {
        let mut unknown = None;
        serde_ignored::deserialize(self.values.clone(), |path| {
            unknown.get_or_insert_with(|| path.to_string());
        })
        .map(|_: Settings| ())
        .map_err(|error| self.origin.refuse(error))?;
        match unknown {
            Some(key) => Err(self.origin.unknown(&self.complete_key(key))),
            None => self.with_secrets(),
        }
    }

    /// Returns a complete key that was set, if `key` is an unknown group.
    fn complete_key(&self, mut key: String) -> String {
        while let Ok(group) = self.values.get_table(&key) {
            let Some(first) = group.keys().min() else { break };
            key = format!("{key}.{first}");
        }
        key
    }

    fn with_secrets(self) -> Result<Values> {
        let mut values = Values::builder().add_source(self.values.clone());
        for key in SECRETS {
            let file = format!("{key}_file");
            let Ok(path) = self.values.get_string(&file) else { continue };
            let (file_spelled, key_spelled) = (self.origin.spell(&file), self.origin.spell(key));
            if self.values.get_string(key).is_ok() {
                let message = format!("{key_spelled} and {file_spelled} are both set; remove one of them.");
                return Err(Error::invalid(key, message));
            }
            let secret = std::fs::read_to_string(&path).map_err(|error| {
                // The name is not repeated, since it may be the secret itself, set by mistake.
                Error::invalid(file, format!("The file that {file_spelled} names cannot be read: {error}."))
            })?;
            let secret = secret.trim_end_matches(['\r', '\n']);
            values = values.set_override(key, secret).map_err(|error| self.origin.refuse(error))?;
        }
        values.build().map_err(|error| self.origin.refuse(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn keys(prefix: &str, value: &Value) -> Vec<String> {
        let Value::Object(fields) = value else { return vec![prefix.to_owned()] };
        let path = |key: &str| if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
        fields.iter().flat_map(|(key, value)| keys(&path(key), value)).collect()
    }

    #[test]
    fn keys_match_the_settings() {
        let settings = serde_json::to_value(Settings::default()).expect("JSON");
        let mut fields = keys("", &settings);
        let mut known: Vec<_> = KEYS.iter().map(|key| (*key).to_owned()).collect();
        known.extend(SECRETS.iter().map(|key| format!("{key}_file")));
        fields.sort();
        known.sort();
        assert_eq!(fields, known);
    }
}
