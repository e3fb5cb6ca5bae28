//! `cratosd serve`: the daemon.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use feed_engine::{IndicatorSource, MispSource};
use gateway::preflight;
use http_front::AccessLog;
use site_config::{ConfigStore, Loaded, Problem, ReloadOutcome};

use super::files::ConfigFiles;
use super::load_bars::LoadBars;
use super::signals::{Order, Signals};
use super::{listener, runtime, systemd};
use crate::Program;
use crate::access_log;
use crate::exit::{Failure, chain};
use crate::server::{self, Server};

#[derive(Debug, Args)]
#[command(after_help = "\
cratosd reads its files again when they change, and on SIGHUP.
A socket of a systemd .socket unit takes the place of `listen` and --listen.
SIGTERM and SIGINT stop cratosd after its running requests; a second signal stops it at once.")]
pub(super) struct Options {
    #[command(flatten)]
    files: ConfigFiles,

    /// Address and port to listen on [default: `listen` of the core file, else 127.0.0.1:8080]
    #[arg(long, env = "CRATOS_LISTEN", hide_env_values = true, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

pub(super) fn run(program: &Program, options: &Options) -> Result<(), Failure> {
    options.files.refuse_nothing()?;
    let store = Arc::new(ConfigStore::open(options.files.paths()).map_err(Failure::configuration)?);
    let loaded = store.current();
    let mut misp = MispSource::new().questions_at_once(loaded.core.max_site_questions);
    if let Some(directory) = preflight::state_directory() {
        misp = misp.state_directory(directory.join("withdrawn"));
    }
    let misp = Arc::new(misp);
    let mirrors = program.mirrors(&misp, preflight::state_directory());
    let source = match &mirrors {
        Some(mirrors) => Arc::clone(mirrors) as Arc<dyn IndicatorSource>,
        None => program.source_or(&misp),
    };
    let engine = program
        .engine(source)
        .memory_bytes(loaded.core.memory_bytes)
        .lookup_memory_bytes(loaded.core.lookup_memory_bytes)
        .guard_notices(preflight::state_directory())
        .build();
    let mut gateway = server::gateway_builder(ConfigStore::clone(&store), engine, misp);
    if let Some(mirrors) = &mirrors {
        gateway = gateway.mirrors(Arc::clone(mirrors));
    }
    let gateway = gateway.build().map_err(|error| Failure::usage(chain(&error)))?;
    let server = Server::new(gateway).map_err(Failure::configuration)?;
    prepare_access_log(&loaded, options)?;
    log_files(&loaded);
    let server = server
        .with_access_log()
        .map_err(|error| Failure::failed(format!("the access log cannot be started: {error}")))?;
    let address = options.listen.unwrap_or_else(|| loaded.core.listen_address());
    runtime::block_on(async {
        #[cfg(feature = "otlp")]
        let _traces = crate::otlp::Traces::begin()?;
        let listener = match systemd::listener()? {
            Some(passed) => passed,
            None => listener::bind(address).await?,
        };
        let server = Arc::new(server);
        let _watch = watch(&server, &store);
        let _bars = mirrors.as_ref().and_then(LoadBars::begin);
        let ended = serve(Arc::clone(&server), store, listener, std::future::pending()).await;
        server.flush_access_log();
        ended
    })
}

/// Makes the directory of the access log if it is missing. An access log that `check` refuses is refused here, too.
fn prepare_access_log(loaded: &Loaded, options: &Options) -> Result<(), Failure> {
    let settings = &loaded.core.access_log;
    let Some(path) = &settings.path else { return Ok(()) };
    AccessLog::prepare(path).map_err(|error| {
        let problem = access_log::problem(settings, options.files.paths().config, &error);
        Failure::configuration([problem])
    })
}

/// Serves until a signal stops the daemon, or until `beside` fails.
///
/// `beside` runs while the daemon serves. Once a signal stops the daemon, `beside` is left alone: it may ask the
/// daemon, and a daemon that stops need not answer.
pub(super) async fn serve(
    server: Arc<Server>,
    store: Arc<ConfigStore>,
    listener: tokio::net::TcpListener,
    beside: impl Future<Output = Failure>,
) -> Result<(), Failure> {
    let address = listener
        .local_addr()
        .map_err(|error| Failure::failed(error.to_string()))?;
    let mut signals = Signals::listen()?;
    let scheme = server.scheme();
    tracing::info!(%address, "listening on {scheme}://{address}");
    let mut watchdog = std::pin::pin!(systemd::watchdog(server.gateway()));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async move {
        // A dropped sender stops the daemon, too.
        let _ = stopped.await;
    };
    let mut serving = std::pin::pin!(server.serve(listener, shutdown));
    let mut stop = Some(stop);
    let mut beside = std::pin::pin!(beside);
    systemd::ready(&store.current());
    loop {
        tokio::select! {
            () = &mut watchdog => {}
            failed = &mut beside, if stop.is_some() => return Err(failed),
            ended = &mut serving => return ended.map_err(|error| Failure::failed(format!("serving ended: {error}"))),
            order = signals.next() => match (order, stop.take()) {
                (Order::Reload, untouched) => {
                    stop = untouched;
                    tokio::spawn(reload(Arc::clone(&server), Arc::clone(&store)));
                }
                (Order::Stop(signal), Some(stop)) => {
                    tracing::info!(signal, "stopping; running requests may end");
                    systemd::stopping();
                    let _ = stop.send(());
                }
                (Order::Stop(signal), None) => {
                    tracing::warn!(signal, "stopping at once");
                    return Ok(());
                }
            },
        }
    }
}

/// Reads the files again, on a thread that serves no sockets.
async fn reload(server: Arc<Server>, store: Arc<ConfigStore>) {
    systemd::reloading();
    let theirs = Arc::clone(&store);
    match tokio::task::spawn_blocking(move || theirs.reload()).await {
        Ok(outcome) => log_reload(&outcome),
        Err(error) => tracing::error!(%error, "reading the configuration again failed"),
    }
    // Also without a change: logrotate sends SIGHUP after it has moved the file.
    server.reopen_access_log();
    systemd::ready(&store.current());
}

/// Reloads when a file changes. If the files cannot be watched, SIGHUP still reloads.
fn watch(server: &Arc<Server>, store: &ConfigStore) -> Option<site_config::Watch> {
    let server = Arc::downgrade(server);
    store
        .watch(move |outcome| {
            log_reload(&outcome);
            if let Some(server) = server.upgrade() {
                server.reopen_access_log();
            }
        })
        .inspect_err(|error| {
            tracing::warn!(
                error = chain(error),
                "the files are not watched: send SIGHUP after changing one"
            )
        })
        .ok()
}

fn log_reload(outcome: &ReloadOutcome) {
    match outcome {
        ReloadOutcome::Applied(loaded) => {
            tracing::info!("configuration read again and in force");
            log_files(loaded);
        }
        ReloadOutcome::Refused(problems) => {
            tracing::error!(
                problems = joined(problems),
                "configuration not read again: the one before stays in force"
            );
        }
        _ => {}
    }
}

/// Logs the notes about the files, and the state of each site.
fn log_files(loaded: &Loaded) {
    for note in &loaded.notes {
        tracing::warn!("{note}");
    }
    log_sites(loaded);
}

/// Logs one line per site: served, switched off, or the reason why it cannot be served.
fn log_sites(loaded: &Loaded) {
    for site in loaded.sites.values() {
        let name = site.name.as_str();
        if let Some(kept) = loaded.kept.iter().find(|kept| kept.name == site.name) {
            tracing::error!(
                site = name,
                problems = joined(&kept.problems),
                "site is served as it was before: its file cannot be used"
            );
        } else if site.enabled {
            tracing::info!(site = name, tag = site.tag, "site is served");
        } else {
            tracing::info!(site = name, "site is not served: its file says `enabled: False`");
        }
    }
    for site in &loaded.disabled {
        tracing::error!(
            site = site.name,
            problems = joined(&site.problems),
            "site is not served: its file cannot be used"
        );
    }
    if loaded.sites.is_empty() {
        tracing::warn!("no site is served: every token will be refused");
    }
}

fn joined(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
