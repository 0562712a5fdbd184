//! `demo`: serves sample data and prints a guide.

mod data;
mod guide;

use super::{open, print, serve, settings::Flags};
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
    telemetry::{self, notice},
};
use std::{
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

/// The issuer of the JWTs of the demo.
const ISSUER: &str = "https://app.example.test";
const AUDIENCE: &str = "tokenward";
const FOLDER: &str = "./demo-data";
const DATABASE: &str = "tokenward.db";
const SECRET: &str = "jwt-secret";

/// The only environment variables that are read, so that the demo never uses a configured database or mail server.
const VARIABLES: [&str; 4] =
    ["TOKENWARD_LISTEN", "TOKENWARD_PUBLIC_URL", "TOKENWARD_LOG__FORMAT", "TOKENWARD_LOG__LEVEL"];

/// Loads the settings of the demo: a separate folder, and JWTs that are signed with a secret in that folder. Nothing is created
/// before the addresses and the folder are checked.
pub(super) fn config(flags: &Flags) -> Result<Config> {
    let other =
        if flags.reads_a_file() { Some("--config") } else { flags.flag("database.url").map(|_| "--database-url") };
    if let Some(flag) = other {
        let message =
            "The demonstration keeps its data in its own file; remove this setting. `--data-dir` specifies the folder.";
        return Err(Error::invalid(flag, message));
    }
    let environment: Vec<_> = crate::config::environment()?
        .into_iter()
        .filter(|(variable, _)| VARIABLES.contains(&variable.as_str()))
        .collect();
    let mut settings = vec![("data_dir", FOLDER.to_owned())];
    if !environment.iter().any(|(variable, level)| variable == "TOKENWARD_LOG__LEVEL" && !level.is_empty()) {
        // Fewer log lines keep the guide readable.
        settings.push(("log.level", "warn".into()));
    }
    let plain = flags.load(environment.clone(), &settings)?;
    serve::can_listen(&plain)?;
    let secret = plain.data_dir.join(SECRET);
    if plain.data_dir.join(DATABASE).exists() && !secret.exists() {
        let message = format!(
            "{} contains data of another service; specify another folder with --data-dir.",
            plain.data_dir.display()
        );
        return Err(Error::Conflict(message.into()));
    }
    settings.extend([
        ("auth.jwt.issuer", ISSUER.to_owned()),
        ("auth.jwt.audience", AUDIENCE.to_owned()),
        ("auth.jwt.algorithms", "HS256".to_owned()),
        ("auth.jwt.secret", stored_secret(&secret, 43)?),
    ]);
    flags.load(environment, &settings)
}

/// Returns the secret in this file, which the first start creates and only the owner of the file can read.
fn stored_secret(path: &Path, length: usize) -> Result<String> {
    if let Ok(secret) = std::fs::read_to_string(path) {
        return Ok(secret.trim().to_owned());
    }
    let secret = random_text(length)?;
    let write = || {
        if let Some(folder) = path.parent() {
            if folder.is_file() {
                return Err(std::io::ErrorKind::NotADirectory.into());
            }
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        writeln!(file, "{secret}")
    };
    write().map_err(|error| write_error(path, &error))?;
    Ok(secret)
}

fn write_error(path: &Path, error: &std::io::Error) -> Error {
    let path = path.display();
    Error::unavailable(format!("{path} cannot be written ({error}); specify another folder with --data-dir."))
}

pub(super) async fn run(config: Config) -> Result<()> {
    telemetry::start(config.log_format, &config.log_level)?;
    let unfinished = config.data_dir.join("unfinished");
    if config.data_dir.join(DATABASE).exists() && !unfinished.exists() {
        notice("Serving the existing data.");
    } else {
        create_data(&config, &unfinished).await?;
    }
    let app = open(&config).await?;
    serve::serve(&app, &config, async |app| {
        let guide = guide::write(app, &config).await?;
        print(format_args!("{guide}\n"))
    })
    .await
}

/// Creates the data. The file `unfinished` exists until the data is complete, so that a later start does not serve partial data.
async fn create_data(config: &Config, unfinished: &Path) -> Result<()> {
    let is_retry = unfinished.exists();
    let write_failed = |error| write_error(unfinished, &error);
    let mark =
        std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(unfinished).map_err(write_failed)?;
    mark.try_lock().map_err(|_| {
        let message = "Another process is creating the data in this folder; wait for it, or specify another folder with --data-dir.";
        Error::Conflict(message.into())
    })?;
    if is_retry {
        notice("The previous start ended before all data was created. It is created again.");
        for suffix in ["", "-wal", "-shm"] {
            let file = config.data_dir.join(format!("{DATABASE}{suffix}"));
            match std::fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(write_error(&file, &error)),
                _ => {}
            }
        }
    }
    let app = open(config).await?;
    data::create_data(&app).await?;
    app.store().clone().close().await;
    std::fs::remove_file(unfinished).map_err(write_failed)
}

/// Returns the password of a user of the guide, which is stored in this folder. If the user has another password, it is
/// replaced.
async fn password(app: &App, folder: &Path, user: &User) -> Result<String> {
    let password = stored_secret(&folder.join(format!("password-{}", user.username)), 20)?;
    let stored = app.store().sign_in(user.id).await?.and_then(|known| known.hash);
    if !app.is_correct_password(Password::new(&password), stored, true).await? {
        let password_hash = app.hash_new_password("password", password.clone(), Vec::new(), true).await?;
        app.change(&Caller::command_line(app.now()), SetPassword { user: user.id, password_hash }).await?;
    }
    Ok(password)
}

/// Returns a user of the guide.
async fn demo_user(app: &App, username: &str) -> Result<User> {
    let operator = policy::operator(&Caller::command_line(app.now()))?;
    app.store().user_by_username(&operator, username).await?.ok_or_else(|| {
        let message = "This database contains data of another service; specify an empty one.";
        Error::Conflict(message.into())
    })
}
