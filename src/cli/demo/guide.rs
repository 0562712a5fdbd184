//! The guide of `demo`: commands to paste, with new credentials.

use super::{AUDIENCE, demo_user, password};
use crate::{
    actions::CreateToken,
    app::App,
    config::{Config, JwtConfig},
    domain::{
        caller::Caller,
        error::{Error, Result},
        organization::User,
    },
    http::{UserClaims, sign},
};
use minijinja::{Environment, context};
use std::time::Duration;

const LIFETIME: Duration = Duration::from_hours(12);
/// The age of the last use in the search for unused tokens.
const UNUSED: Duration = Duration::from_hours(90 * 24);

/// Returns the guide with credentials that are valid for `LIFETIME`.
pub(super) async fn write(app: &App, config: &Config) -> Result<String> {
    let jwt = config.jwt.as_ref().ok_or_else(|| Error::Bug("the demonstration has no auth.jwt".into()))?;
    let (admin, owner) = (demo_user(app, "ada").await?, demo_user(app, "bob").await?);
    let acme = app.store().organization_by_slug("acme").await?.ok_or(Error::NotFound("organization"))?;
    let input = CreateToken {
        description: "GraphQL for the guided tour".into(),
        organizations: vec![acme.id],
        scopes: app.catalogue().grantable("scopes", &["graphql".to_owned()])?,
        expires_at: Some(app.now().plus(LIFETIME)),
        owner: Some(admin.id),
    };
    let (_, secret) = app.change(&Caller::command_line(app.now()), input).await?;
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
    let claims = UserClaims { subject: &user.username, username: &user.username, name: &user.name, email };
    sign(jwt, &claims, app.now(), LIFETIME)
}
