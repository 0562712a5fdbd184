//! `serve`: migrates, serves until a signal, and ends within ten seconds.

use super::open;
use crate::{
    app::App,
    config::Config,
    domain::{
        error::{Error, Result},
        invitation::Code,
    },
    http, jobs,
    mail::Mailer,
    telemetry::{self, notice},
};
use std::{io::IsTerminal as _, net::SocketAddr, time::Duration};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

/// The time limit for jobs to end after the last request.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) async fn run(config: Config) -> Result<()> {
    telemetry::start(config.log_format, &config.log_level)?;
    if let Some(file) = &config.exposed_file {
        tracing::warn!(
            file = %file.display(),
            "every user of this machine may read the secrets in the configuration file; set its mode to 0640, or move them to separate files"
        );
    }
    let app = open(&config).await?;
    if let Err(error) = app.store().preconnect().await {
        tracing::warn!(error = %error.cause(), "failed to open all connections that are kept open, will retry");
    }
    serve(&app, &config, async |app| {
        // A failure here does not stop a service that already answers requests.
        if let Err(error) = invite_first_administrator(app, &config.public_url).await {
            tracing::warn!(
                error = %error.cause(),
                "no link for a first administrator; if no users exist, start again or use `tokenward user add --invite`"
            );
        }
        Ok(())
    })
    .await
}

/// Creates the link for the first administrator if no users exist. The link is a secret: it is shown only on a terminal and
/// otherwise written to a file, since logs are collected and read by others.
async fn invite_first_administrator(app: &App, public_url: &str) -> Result<()> {
    let file = app.first_link();
    if app.store().has_users().await? {
        return file.remove();
    }
    let code = Code::generate()?;
    app.store().maintenance().invite_first(code.fingerprint(), app.now()).await?;
    let link = format!("{}?first", code.link_once(public_url));
    if std::io::stderr().is_terminal() {
        file.remove()?;
        notice(format_args!(
            "No users exist yet. This link creates the first administrator and organization, once and within 24 hours:\n\n  \
             {link}\n"
        ));
    } else {
        file.write(&link)?;
        tracing::warn!(
            file = %file.path().display(),
            "no users exist yet; the link in this file creates the first administrator and organization, once and within 24 hours"
        );
    }
    Ok(())
}

/// Serves the app until a signal. `ready` is called once, when requests are answered.
pub(super) async fn serve(app: &App, config: &Config, ready: impl AsyncFnOnce(&App) -> Result<()>) -> Result<()> {
    let mailer = Mailer::new(&config.mail, &config.mail_from)?;
    let service = http::service(app, config)?;
    let listener = listen("listen", config.listen).await?;
    let for_metrics = match config.metrics_listen {
        Some(address) => Some((address, listen("metrics.listen", address).await?)),
        None => None,
    };
    // Before the first response, so that a signal that follows it at once is handled.
    let mut signals = signals()?;
    let (stop, stop_jobs) = (CancellationToken::new(), CancellationToken::new());
    jobs::start(app, mailer, config.public_url.clone(), &stop_jobs);
    tracing::info!(listen = %config.listen, public_url = %config.public_url, "serving");
    if config.trusted_proxies.is_empty() {
        tracing::info!("no proxy is trusted: X-Forwarded-* headers are ignored (proxy.trusted)");
    }
    if let Some((address, listener)) = for_metrics {
        tracing::info!(listen = %address, "serving metrics");
        app.tasks().spawn(http::serve(listener, http::metrics(app), app.tasks().clone(), stop.clone()));
    }
    let server = app.tasks().spawn(http::serve(listener, service, app.tasks().clone(), stop.clone()));
    ready(app).await?;
    stopped(&mut signals).await;
    tracing::info!("stopping");
    stop.cancel();
    let _ = server.await;
    stop_jobs.cancel();
    app.tasks().close();
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, app.tasks().wait()).await.is_err() {
        tracing::warn!("some jobs did not complete in time");
    }
    app.store().clone().close().await;
    Ok(())
}

async fn listen(setting: &str, address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| cannot_listen(setting, address, &error))
}

/// Returns an error if `serve` could not listen on the configured addresses.
pub(super) fn can_listen(config: &Config) -> Result<()> {
    let metrics = config.metrics_listen.map(|address| ("metrics.listen", address));
    for (setting, address) in [("listen", config.listen)].into_iter().chain(metrics) {
        std::net::TcpListener::bind(address).map_err(|error| cannot_listen(setting, address, &error))?;
    }
    Ok(())
}

fn cannot_listen(setting: &str, address: SocketAddr, error: &std::io::Error) -> Error {
    Error::unavailable(format!("{address} cannot be used to listen ({error}); set {setting} to a free address."))
}

/// Returns the signals that stop the service gracefully, after usage is written. SIGHUP remains ignored if it was ignored at
/// the start, for example by `nohup`.
fn signals() -> Result<Vec<Signal>> {
    let hangup = SignalKind::hangup();
    let handled = (!is_ignored(hangup)).then_some(hangup);
    let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::quit()].into_iter().chain(handled);
    kinds.map(|kind| signal(kind).map_err(Error::unavailable)).collect()
}

/// Returns whether this process ignores a signal, from the bit mask that Linux provides.
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask & (1 << (kind.as_raw_value() - 1)) != 0
}

async fn stopped(signals: &mut [Signal]) {
    futures_util::future::select_all(signals.iter_mut().map(|signal| Box::pin(signal.recv()))).await;
}
