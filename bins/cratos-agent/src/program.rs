//! The agent as a program that others extend with targets and formats of their own.

use std::fmt;
use std::path::Path;

use enforcement::config::Assignment;
use enforcement::target::Target;
use enforcement::{Config, Limits};
use feed_classification::{Exporter, Registry};

/// The program `cratos-agent`, with targets and formats of your own.
///
/// Such a program has everything of `cratos-agent`: the command line with `run`, `apply`, `restore`, `status` and
/// `check`, the configuration file, signals, the log, the limits, and the state that outlives a restart.
/// `examples/own-target.rs` is a whole one.
///
/// ```no_run
/// use cratos_agent::Program;
/// # use cratos_agent::enforcement::{TargetError, Values, target::{Rendered, Target}};
/// # #[derive(Debug)]
/// # struct MyTarget;
/// # impl Target for MyTarget {
/// #     fn kind(&self) -> &'static str { "mine" }
/// #     fn resources(&self) -> Vec<String> { Vec::new() }
/// #     fn render(&self, _: &Values) -> Result<Rendered, TargetError> { Ok(Rendered::default()) }
/// #     fn apply(&self, _: &Rendered) -> Result<(), TargetError> { Ok(()) }
/// #     fn is_in_force(&self, _: &Rendered) -> Result<bool, TargetError> { Ok(true) }
/// # }
///
/// fn main() -> std::process::ExitCode {
///     Program::new().target("proxy", ["domains"], MyTarget).main(std::env::args_os())
/// }
/// ```
#[derive(Default)]
#[must_use]
pub struct Program {
    registry: Registry,
    targets: Vec<OwnTarget>,
}

/// A target that the program brings, with the names of its feeds.
#[derive(Debug)]
struct OwnTarget {
    name: String,
    feeds: Vec<String>,
    limits: Limits,
    target: Box<dyn Target>,
}

impl Program {
    /// Returns the program with the built-in targets and formats.
    pub fn new() -> Self {
        Self {
            registry: Registry::builtin(),
            targets: Vec::new(),
        }
    }

    /// Adds a target that enforces these feeds of `agent.yaml`, with the default limits.
    ///
    /// `name` is the target's name in `status`, logs, metrics and state files: 1 to 64 lower-case letters, digits and
    /// hyphens. `check` reports a name that is wrong or taken, and feeds that `agent.yaml` does not have.
    pub fn target<F: Into<String>>(
        self,
        name: &str,
        feeds: impl IntoIterator<Item = F>,
        target: impl Target + 'static,
    ) -> Self {
        self.limited_target(name, feeds, Limits::default(), target)
    }

    /// Adds a target as [`target`](Self::target) does, with other limits.
    pub fn limited_target<F: Into<String>>(
        mut self,
        name: &str,
        feeds: impl IntoIterator<Item = F>,
        limits: Limits,
        target: impl Target + 'static,
    ) -> Self {
        self.targets.push(OwnTarget {
            name: name.to_owned(),
            feeds: feeds.into_iter().map(Into::into).collect(),
            limits,
            target: Box::new(target),
        });
        self
    }

    /// Adds a format that targets of the kind `file` can write: `format: NAME` in `agent.yaml`.
    pub fn exporter(mut self, exporter: impl Exporter + 'static) -> Self {
        self.registry = self.registry.with(exporter);
        self
    }

    /// Reads the configuration and adds the targets of this program.
    ///
    /// # Errors
    /// The problems of the file, or those of this program's targets.
    pub(crate) fn configuration(self, path: &Path) -> Result<Config, Vec<String>> {
        let read = Config::read(path, &self.registry);
        let mut config = read.map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let mut problems = Vec::new();
        for own in self.targets {
            match own.assignment(&config) {
                Ok(assignment) => config.targets.push(assignment),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }
}

impl OwnTarget {
    fn assignment(self, config: &Config) -> Result<Assignment, String> {
        let name = self.name;
        let problem = |what: String| Err(format!("the target `{}` of this program: {what}", name.escape_debug()));
        if self.feeds.is_empty() {
            return problem("it has no feed: name at least one feed of the configuration".to_owned());
        }
        let mut feeds = Vec::new();
        for wanted in &self.feeds {
            let Some(index) = config.feeds.iter().position(|feed| feed.name == *wanted) else {
                let known: Vec<&str> = config.feeds.iter().map(|feed| feed.name.as_str()).collect();
                let known = known.join(", ");
                return problem(format!(
                    "the configuration has no feed `{}`: add it, or name one of {known}",
                    wanted.escape_debug()
                ));
            };
            feeds.push(index);
        }
        let others = || config.targets.iter();
        if others().any(|other| other.name == name) {
            return problem("the name is taken: give each target a name of its own".to_owned());
        }
        let resources = self.target.resources();
        let shared = others().find(|other| other.target.resources().iter().any(|theirs| resources.contains(theirs)));
        if let Some(other) = shared {
            return problem(format!("the target `{}` already has the same resource", other.name));
        }
        match Assignment::new(&name, feeds, self.target) {
            Some(mut assignment) => {
                assignment.limits = self.limits;
                Ok(assignment)
            }
            None => problem("the name has to be 1 to 64 lower-case letters, digits and hyphens".to_owned()),
        }
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program")
            .field("targets", &self.targets)
            .finish_non_exhaustive()
    }
}
