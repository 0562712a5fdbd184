//! The guide of `demo`: commands to paste, with new credentials.

use super::{AUDIENCE, password, person};
use crate::{
    actions::{CreateToken, create_token},
    app::App,
    config::{Config, JwtConfig},
    domain::{
        caller::Caller,
        error::{Error, Result},
        organization::User,
    },
    http::{Said, sign},
};
use minijinja::{Environment, context};
use std::time::Duration;

const LIFE: Duration = Duration::from_hours(12);
/// The age of the last use in the search for unused tokens.
const UNUSED: Duration = Duration::from_hours(90 * 24);

/// Returns the guide with credentials that are valid for `LIFE`.
pub(super) async fn write(app: &App, config: &Config) -> Result<String> {
    let jwt = config.jwt.as_ref().ok_or_else(|| Error::Bug("the demonstration has no auth.jwt".into()))?;
    let (admin, owner) = (person(app, "ada").await?, person(app, "bob").await?);
    let acme = app.store().organization_by_slug("acme").await?.ok_or(Error::NotFound("organization"))?;
    let ask = CreateToken {
        description: "GraphQL for the guided tour".into(),
        organizations: vec![acme.id],
        scopes: app.catalogue().grantable("scopes", &["graphql".to_owned()])?,
        expires_at: Some(app.now().plus(LIFE)),
        owner: Some(admin.id),
    };
    let (_, secret) = create_token(app, &Caller::command_line(app.now()), ask).await?;
    let guide = context! {
        url => config.public_url.as_str(),
        folder => config.data_dir.to_string_lossy().replace('\'', r"'\''"),
        long_ago => app.now().minus(UNUSED).to_text_in_seconds(),
        acme => acme.id.to_string(),
        token => secret.reveal_once(),
        admin => signed(jwt, app, &admin)?,
        owner => signed(jwt, app, &owner)?,
        audience => AUDIENCE,
        admin_password => password(app, &config.data_dir, &admin).await?,
        owner_password => password(app, &config.data_dir, &owner).await?,
    };
    let templates = Environment::new();
    templates.render_str(include_str!("guide.txt"), guide).map_err(|error| Error::Bug(error.to_string().into()))
}

fn signed(jwt: &JwtConfig, app: &App, user: &User) -> Result<String> {
    let email = user.email.as_deref().unwrap_or_default();
    let said = Said { subject: &user.username, username: &user.username, name: &user.name, email };
    sign(jwt, &said, app.now(), LIFE)
}
