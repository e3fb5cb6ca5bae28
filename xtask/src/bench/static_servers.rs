//! Servers that do nothing but send ready answers, to measure beside cratosd: bare hyper and nginx.

mod bare_hyper;
mod certificate;
mod files;
mod nginx;

pub(super) use bare_hyper::BareHyper;
pub(super) use certificate::Certificate;
pub(super) use files::Files;
pub(super) use nginx::{FEW_CONNECTIONS, Nginx, Port, PreparedNginx};
