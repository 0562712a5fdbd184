//! `serve`: migrates, then serves until SIGTERM or SIGINT, and ends within ten seconds.

use super::open;
use crate::{
    app::App,
    config::Config,
    domain::error::{Error, Result},
    http, jobs,
    mail::Mailer,
    telemetry,
};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

/// How long jobs may take to end once no request is left.
const FAREWELL: Duration = Duration::from_secs(2);

pub(super) async fn run(config: Config) -> Result<()> {
    telemetry::start(config.log_format, &config.log_level)?;
    let app = open(&config).await?;
    serve(&app, &config, async |_| Ok(())).await
}

/// Serves an app; `ready` is called once, when requests are answered.
pub(super) async fn serve(app: &App, config: &Config, ready: impl AsyncFnOnce(&App) -> Result<()>) -> Result<()> {
    let mailer = Mailer::new(config.mail_url.reveal(), &config.mail_from)?;
    let router = http::router(app, config)?;
    let listener = listen("listen", config.listen).await?;
    let for_metrics = match config.metrics_listen {
        Some(address) => Some((address, listen("metrics.listen", address).await?)),
        None => None,
    };
    let (stop, rest) = (CancellationToken::new(), CancellationToken::new());
    jobs::start(app, mailer, config.public_url.clone(), &rest);
    tracing::info!(listen = %config.listen, public_url = %config.public_url, "serving");
    if config.trusted_proxies.is_empty() {
        tracing::info!("no proxy is trusted: X-Forwarded-* headers are ignored (proxy.trusted)");
    }
    if let Some((address, listener)) = for_metrics {
        tracing::info!(listen = %address, "serving metrics");
        app.tasks().spawn(http::serve(listener, http::metrics(app), app.tasks().clone(), stop.clone()));
    }
    let server = app.tasks().spawn(http::serve(listener, router, app.tasks().clone(), stop.clone()));
    ready(app).await?;
    stopped().await?;
    tracing::info!("stopping");
    stop.cancel();
    let _ = server.await;
    rest.cancel();
    app.tasks().close();
    if tokio::time::timeout(FAREWELL, app.tasks().wait()).await.is_err() {
        tracing::warn!("some work did not end in time");
    }
    app.store().clone().close().await;
    Ok(())
}

async fn listen(setting: &str, address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        Error::unavailable(format!("{address} cannot be listened on ({error}); set {setting} to a free address."))
    })
}

async fn stopped() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::unavailable)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::unavailable)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
