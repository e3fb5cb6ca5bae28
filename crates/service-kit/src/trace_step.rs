//! Finished steps of traces, for a program that sends them to a collector.
//!
//! Libraries report what they did in the name of a request, and know of no collector. A program that has one takes all
//! steps with [`collect_steps`]; without it, reporting costs a look at an empty place.

use std::sync::OnceLock;
use std::time::SystemTime;

use crate::TraceContext;

/// A finished step of a trace.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TraceStep {
    /// Its place in the trace.
    pub context: TraceContext,
    /// What was done, with few different texts: for example, a method and the template of a route.
    pub name: String,
    /// Whether it answered a request or sent one.
    pub kind: StepKind,
    /// When it began.
    pub began: SystemTime,
    /// When it ended.
    pub ended: SystemTime,
    /// Facts by the names of OpenTelemetry's semantic conventions. Never a secret.
    pub facts: Vec<(&'static str, String)>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// Whether it failed for a reason on this side or behind it.
    pub is_failed: bool,
}

/// The two kinds of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StepKind {
    /// A request that was answered.
    Server,
    /// A request that was sent.
    Client,
}

type Collector = Box<dyn Fn(TraceStep) + Send + Sync>;

static COLLECTOR: OnceLock<Collector> = OnceLock::new();

/// Gives every step from now on to `collector`, which must not block. Returns false if this process has one already.
pub fn collect_steps(collector: impl Fn(TraceStep) + Send + Sync + 'static) -> bool {
    COLLECTOR.set(Box::new(collector)).is_ok()
}

impl TraceContext {
    /// Reports that this step, which began at that moment, has ended. `describe` fills in the rest, and is called only
    /// if the trace is recorded and this process has a collector.
    pub fn report(&self, kind: StepKind, began: SystemTime, describe: impl FnOnce(&mut TraceStep)) {
        let Some(collector) = COLLECTOR.get().filter(|_| self.is_sampled()) else {
            return;
        };
        let mut step = TraceStep {
            context: *self,
            name: String::new(),
            kind,
            began,
            ended: SystemTime::now(),
            facts: Vec::new(),
            status: None,
            is_failed: false,
        };
        describe(&mut step);
        collector(step);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// The collector is one for the whole process, so this is one test.
    #[test]
    fn steps_of_recorded_traces_reach_the_one_collector() {
        let here = |flags: &str| {
            TraceContext::below(&format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}")).unwrap()
        };
        let began = SystemTime::now();
        here("01").report(StepKind::Server, began, |_| panic!("there is no collector yet"));
        let (steps, collected) = mpsc::channel();
        assert!(collect_steps(move |step| steps.send(step).unwrap()));
        assert!(!collect_steps(|_| {}), "a second one is refused");
        here("00").report(StepKind::Client, began, |_| panic!("the trace is not recorded"));
        let recorded = here("01");
        recorded.report(StepKind::Client, began, |step| step.name = "GET /".to_owned());
        let step = collected.try_recv().unwrap();
        assert_eq!(
            (step.context, step.name.as_str(), step.kind),
            (recorded, "GET /", StepKind::Client)
        );
        assert!(step.began == began && step.ended >= began && !step.is_failed);
        assert!(collected.try_recv().is_err());
    }
}
