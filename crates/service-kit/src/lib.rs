#![doc = include_str!("../README.md")]

mod backoff;
mod digits;
mod error_chain;
mod exit;
mod line_parts;
mod log_limit;
#[cfg(feature = "trace")]
mod trace_context;
#[cfg(feature = "trace")]
mod trace_step;

pub use backoff::{Backoff, Jitter, chance};
pub use digits::digits;
pub use error_chain::{causes, chain};
pub use exit::Exit;
pub use line_parts::{write_address, write_number};
pub use log_limit::LogLimit;
#[cfg(feature = "trace")]
pub use trace_context::{SpanId, TraceContext, TraceId, in_trace};
#[cfg(feature = "trace")]
pub use trace_step::{StepKind, TraceStep, collect_steps};
