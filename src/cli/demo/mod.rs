//! `demo`: made-up data, served for real, with a guide through the whole story.

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

/// Who signs the JWTs of the demonstration.
const ISSUER: &str = "https://app.example.test";
const AUDIENCE: &str = "tokenward";
const FOLDER: &str = "./demo-data";
/// In that folder.
const DATABASE: &str = "tokenward.db";
const SECRET: &str = "jwt-secret";

/// The only variables that count: the demonstration is a world of its own, and never somebody's database or mail server.
const VARIABLES: [&str; 4] =
    ["TOKENWARD_LISTEN", "TOKENWARD_PUBLIC_URL", "TOKENWARD_LOG__FORMAT", "TOKENWARD_LOG__LEVEL"];

/// The settings of the demonstration: a folder of its own, and JWTs signed with a secret that is kept there. Nothing is
/// made before it is known that the demonstration can be served from that folder.
pub(super) fn config(flags: &Flags) -> Result<Config> {
    let other =
        if flags.reads_a_file() { Some("--config") } else { flags.flag("database.url").map(|_| "--database-url") };
    if let Some(flag) = other {
        let why = "The demonstration keeps its data in a file of its own; leave this out. `--data-dir` says where.";
        return Err(Error::invalid(flag, why));
    }
    let environment: Vec<_> = crate::config::environment()?
        .into_iter()
        .filter(|(variable, _)| VARIABLES.contains(&variable.as_str()))
        .collect();
    let mut settings = vec![("data_dir", FOLDER.to_owned())];
    if !environment.iter().any(|(variable, level)| variable == "TOKENWARD_LOG__LEVEL" && !level.is_empty()) {
        // The guide is what people should read.
        settings.push(("log.level", "warn".into()));
    }
    let plain = flags.load(environment.clone(), &settings)?;
    serve::can_listen(&plain)?;
    let secret = plain.data_dir.join(SECRET);
    if plain.data_dir.join(DATABASE).exists() && !secret.exists() {
        let why = format!(
            "{} holds other data than the demonstration's; give it another folder by --data-dir.",
            plain.data_dir.display()
        );
        return Err(Error::Conflict(why.into()));
    }
    settings.extend([
        ("auth.jwt.issuer", ISSUER.to_owned()),
        ("auth.jwt.audience", AUDIENCE.to_owned()),
        ("auth.jwt.algorithms", "HS256".to_owned()),
        ("auth.jwt.secret", kept_secret(&secret, 43)?),
    ]);
    flags.load(environment, &settings)
}

/// The secret in this file, made at the first start and readable by its owner alone.
fn kept_secret(path: &Path, length: usize) -> Result<String> {
    if let Ok(secret) = std::fs::read_to_string(path) {
        return Ok(secret.trim().to_owned());
    }
    let secret = random_text(length)?;
    let keep = || {
        if let Some(folder) = path.parent() {
            if folder.is_file() {
                return Err(std::io::ErrorKind::NotADirectory.into());
            }
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        writeln!(file, "{secret}")
    };
    keep().map_err(|error| cannot_keep(path, &error))?;
    Ok(secret)
}

fn cannot_keep(path: &Path, error: &std::io::Error) -> Error {
    let path = path.display();
    Error::unavailable(format!("{path} cannot be kept ({error}); give the demonstration another folder by --data-dir."))
}

pub(super) async fn run(config: Config) -> Result<()> {
    telemetry::start(config.log_format, &config.log_level)?;
    let unfinished = config.data_dir.join("unfinished");
    if config.data_dir.join(DATABASE).exists() && !unfinished.exists() {
        notice("Serving the existing data.");
    } else {
        make(&config, &unfinished).await?;
    }
    let app = open(&config).await?;
    serve::serve(&app, &config, async |app| {
        let guide = guide::write(app, &config).await?;
        print(format_args!("{guide}\n"))
    })
    .await
}

/// Makes the data. A file stands beside it until it is whole, so that nobody takes half of it for all.
async fn make(config: &Config, unfinished: &Path) -> Result<()> {
    let again = unfinished.exists();
    let unkept = |error| cannot_keep(unfinished, &error);
    let mark = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(unfinished).map_err(unkept)?;
    mark.try_lock().map_err(|_| {
        let why = "Another start is making the data of this folder; wait for it, or give another folder by --data-dir.";
        Error::Conflict(why.into())
    })?;
    if again {
        notice("The previous start ended before all data was created. It is created again.");
        for end in ["", "-wal", "-shm"] {
            let file = config.data_dir.join(format!("{DATABASE}{end}"));
            match std::fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(cannot_keep(&file, &error)),
                _ => {}
            }
        }
    }
    let app = open(config).await?;
    data::make(&app).await?;
    app.store().clone().close().await;
    std::fs::remove_file(unfinished).map_err(unkept)
}

/// The password of somebody whom the guide speaks of. It is kept in this folder, and becomes theirs where it is not.
async fn password(app: &App, folder: &Path, user: &User) -> Result<String> {
    let password = kept_secret(&folder.join(format!("password-{}", user.username)), 20)?;
    let kept = app.store().sign_in(user.id).await?.and_then(|known| known.hashed);
    if !app.is_password(Password::given(&password), kept, true).await? {
        let hashed = app.password_chosen("password", password.clone(), Vec::new(), true).await?;
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
