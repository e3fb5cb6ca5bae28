//! `GET /healthz`: the process is alive and answers. Whether it can serve feeds is another question.

use crate::reply::Reply;

/// Says that we are alive.
pub(super) fn get() -> Reply {
    Reply::text("ok\n")
}
