//! The parts of the cratosd program that another program can replace: its outputs and its source. The command line adds
//! [`Program::main`].

use std::path::PathBuf;
use std::sync::Arc;

use feed_classification::{Exporter, Registry};
use feed_engine::{FeedEngine, FeedEngineBuilder, IndicatorSource, MirrorSource, MispSource};

/// The whole program `cratosd`, with further outputs, or with a source that is not MISP.
///
/// The command line, signals, reloads, systemd, logs, the OpenAPI document and the page that makes tokens work as in
/// `cratosd` itself, and know the further outputs. For example, this program serves the output `wazuh-cdb`, and `token
/// mint --output wazuh-cdb` makes a token for it:
///
/// ```no_run
/// use std::io::{self, Write};
///
/// use feed_classification::{About, Exporter, Indicator};
///
/// #[derive(Debug)]
/// struct WazuhCdb;
///
/// impl Exporter for WazuhCdb {
///     fn about(&self) -> &About {
///         static ABOUT: About = About::new("wazuh-cdb", "A CDB list of Wazuh: one key a line.");
///         &ABOUT
///     }
///     fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
///         writeln!(out, "\"{}\":", item.value)
///     }
/// }
///
/// fn main() -> std::process::ExitCode {
///     cratosd::Program::new().exporter(WazuhCdb).main(std::env::args_os())
/// }
/// ```
///
/// The example `own_program` has a source of its own, too.
#[derive(Debug)]
pub struct Program {
    registry: Registry,
    source: Option<Arc<dyn IndicatorSource>>,
}

impl Program {
    /// Returns `cratosd` as it is.
    #[must_use]
    pub fn new() -> Self {
        Self {
            registry: Registry::builtin(),
            source: None,
        }
    }

    /// Adds an output; it takes the place of one with the same name.
    #[must_use]
    pub fn exporter(mut self, exporter: impl Exporter + 'static) -> Self {
        self.registry = self.registry.with(exporter);
        self
    }

    /// Takes indicators from this source instead of MISP. Tokens still name a site, whose file has the limits and
    /// allowed networks.
    #[must_use]
    pub fn source(mut self, source: impl IndicatorSource) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Returns the source of this program: its own, or `misp`.
    pub(crate) fn source_or(&self, misp: &Arc<MispSource>) -> Arc<dyn IndicatorSource> {
        let own = self.source.as_ref().map(Arc::clone);
        own.unwrap_or_else(|| Arc::clone(misp) as Arc<dyn IndicatorSource>)
    }

    /// Returns the mirrors of MISP, on disk where there is a state directory; nothing for a source of its own.
    pub(crate) fn mirrors(&self, misp: &Arc<MispSource>, state: Option<PathBuf>) -> Option<Arc<MirrorSource>> {
        if self.source.is_some() {
            return None;
        }
        let mirrors = MirrorSource::new(Arc::clone(misp));
        Some(Arc::new(match state {
            Some(directory) => mirrors.state_directory(directory.join("mirrors")),
            None => mirrors,
        }))
    }

    /// Returns an engine with this program's outputs and this source.
    pub(crate) fn engine(&self, source: Arc<dyn IndicatorSource>) -> FeedEngineBuilder {
        FeedEngine::builder().registry(self.registry.clone()).source(source)
    }

    /// Returns the outputs of this program.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Returns the names of all outputs.
    pub(crate) fn outputs(&self) -> Vec<&'static str> {
        self.registry.names().collect()
    }
}

impl Default for Program {
    fn default() -> Self {
        Self::new()
    }
}
