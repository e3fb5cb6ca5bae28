//! A program that enforces by itself, such as a proxy: `cargo run -p cratos-enforcement --example embedded`.
//!
//! It brings a target of its own, a list in memory that requests are held against, and a source of its own in place of
//! `cratosd`. All promises of the agent hold here, too: too large changes wait, the host's own addresses are never
//! blocked, and the state outlives a restart.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use enforcement::config::Assignment;
use enforcement::source::{FeedSource, News, Next};
use enforcement::target::{Rendered, Target};
use enforcement::{Agent, Config, Order, Refusals, TargetError, Values};
use feed_classification::{IndicatorSetBuilder, IndicatorType, Registry};

/// The blocked domains, one per line. The program looks here before it passes a request on.
type Blocked = Arc<RwLock<Vec<u8>>>;

/// Enforces by showing the list to the program around it.
#[derive(Debug)]
struct InMemory(Blocked);

impl Target for InMemory {
    fn kind(&self) -> &'static str {
        "in-memory"
    }

    fn resources(&self) -> Vec<String> {
        vec!["the list of this program".to_owned()]
    }

    fn render(&self, values: &Values) -> Result<Rendered, TargetError> {
        let mut rendered = Rendered::default();
        let mut text = String::new();
        for domain in values.of(IndicatorType::Domain).iter().flat_map(|set| set.iter()) {
            text.push_str(domain);
            text.push('\n');
            rendered.entries += 1;
        }
        rendered.push("domains", text.into_bytes());
        Ok(rendered)
    }

    fn apply(&self, rendered: &Rendered) -> Result<(), TargetError> {
        // One assignment: a reader sees the old list or the new one.
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = rendered.part("domains").to_vec();
        Ok(())
    }

    fn is_in_force(&self, rendered: &Rendered) -> Result<bool, TargetError> {
        Ok(*self.0.read().unwrap_or_else(PoisonError::into_inner) == rendered.part("domains"))
    }
}

/// Two domains; `enforcement::source::Follow` would bring those of `cratosd`.
#[derive(Debug)]
struct TwoDomains;

impl FeedSource for TwoDomains {
    fn next<'a>(&'a mut self, _known: Option<&'a str>) -> Next<'a> {
        Box::pin(async {
            let mut set = IndicatorSetBuilder::new(IndicatorType::Domain);
            ["evil.example", "worse.example"]
                .into_iter()
                .for_each(|domain| set.push(domain));
            Ok(News::Whole {
                set: set.finish(),
                etag: None,
                refused: Refusals::default(),
            })
        })
    }
}

#[expect(clippy::print_stdout, reason = "an example shows what it did")]
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let blocked = Blocked::default();

    let mut config = configuration(folder.path())?;
    let target = Box::new(InMemory(Arc::clone(&blocked)));
    config
        .targets
        .push(Assignment::new("proxy", vec![0], target).ok_or("no name for a target")?);

    let agent = Agent::with_sources(config, vec![Box::new(TwoDomains)]);
    let (failed, reports) = agent.apply(Order::default()).await?;
    for (feed, error) in failed {
        eprintln!("{feed}: {}", enforcement::chain(&error));
    }
    for report in reports {
        eprintln!("{}: {:?}", report.name, report.outcome);
    }
    print!(
        "{}",
        String::from_utf8_lossy(&blocked.read().unwrap_or_else(PoisonError::into_inner))
    );
    Ok(())
}

/// Reads a file without targets; the one of this program is not known to it.
fn configuration(folder: &Path) -> Result<Config, Box<dyn std::error::Error>> {
    let path = folder.join("agent.yaml");
    let text = format!(
        "server: https://cratos.example.net\n\
         token_file: /etc/cratos-agent/token\n\
         state_dir: {}\n\
         feeds:\n  - {{name: block, feed: block, type: domain, age: 1w}}\n\
         targets: []\n",
        folder.display()
    );
    std::fs::write(&path, text)?;
    Config::read(&path, &Registry::builtin()).map_err(|problems| {
        problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
            .into()
    })
}
