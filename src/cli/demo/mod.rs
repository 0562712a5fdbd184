//! `demo`: made-up data, served for real, with a guide through the whole story.

mod data;
mod guide;

use super::{open, serve, settings::Flags};
use crate::{
    actions::SetPassword,
    app::App,
    config::Config,
    domain::{
        caller::Caller,
        error::{Error, Result},
        organization::User,
        password::Password,
        policy,
        secret::random_text,
    },
    telemetry,
};
use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

/// Who signs the JWTs of the demonstration.
const ISSUER: &str = "https://app.example.test";
const AUDIENCE: &str = "tokenward";
const FOLDER: &str = "./demo-data";

/// The settings of the demonstration: a folder of its own, and JWTs signed with a secret that is kept there.
pub(super) fn config(flags: &Flags) -> Result<Config> {
    let environment: Vec<_> = crate::config::environment().collect();
    let set = |variable: &str| environment.iter().find(|(key, value)| key == variable && !value.is_empty());
    let folder = flags.flag("data_dir").or_else(|| set("TOKENWARD_DATA_DIR").map(|(_, folder)| folder.clone()));
    let folder = PathBuf::from(folder.unwrap_or_else(|| FOLDER.into()));
    let secret = kept_secret(&folder.join("jwt-secret"), 43)?;
    let settings = [
        ("data_dir", folder.to_string_lossy().into_owned()),
        ("auth.jwt.issuer", ISSUER.to_owned()),
        ("auth.jwt.audience", AUDIENCE.to_owned()),
        ("auth.jwt.algorithms", "HS256".to_owned()),
        ("auth.jwt.secret", secret),
    ];
    let mut settings = settings.to_vec();
    if flags.flag("log.level").is_none() && set("TOKENWARD_LOG__LEVEL").is_none() {
        // The guide is what people should read.
        settings.push(("log.level", "warn".into()));
    }
    flags.load(environment, &settings)
}

/// The secret in this file, made at the first start and readable by its owner alone.
fn kept_secret(path: &Path, length: usize) -> Result<String> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    if let Ok(secret) = std::fs::read_to_string(path) {
        return Ok(secret.trim().to_owned());
    }
    let secret = random_text(length)?;
    let keep = || {
        if let Some(folder) = path.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        writeln!(file, "{secret}")
    };
    keep().map_err(Error::unavailable)?;
    Ok(secret)
}

pub(super) async fn run(config: Config) -> Result<()> {
    telemetry::start(config.log_format, &config.log_level)?;
    let app = open(&config).await?;
    if app.store().has_users().await? {
        eprintln!("Serving the data that is there.");
    } else {
        data::make(&app).await?;
    }
    serve::serve(&app, &config, async |app| {
        let guide = guide::write(app, &config).await?;
        println!("{guide}");
        Ok(())
    })
    .await
}

/// The password of somebody whom the guide speaks of. It is kept in this folder, and becomes theirs where it is not.
async fn password(app: &App, folder: &Path, user: &User) -> Result<String> {
    let password = kept_secret(&folder.join(format!("password-{}", user.username)), 20)?;
    let kept = app.store().sign_in(user.id).await?.and_then(|known| known.hashed);
    if !app.is_password(Password::given(&password), kept).await? {
        let hashed = app.password_chosen("password", password.clone(), Vec::new()).await?;
        app.change(&Caller::command_line(app.now()), SetPassword { user: user.id, hashed }).await?;
    }
    Ok(password)
}

/// Somebody whom the guide speaks of.
async fn person(app: &App, username: &str) -> Result<User> {
    let operator = policy::operator(&Caller::command_line(app.now()))?;
    app.store().user_named(&operator, username).await?.ok_or_else(|| {
        let why = "This database holds other data than the demonstration's; give demo an empty one.";
        Error::Conflict(why.into())
    })
}
