//! The daemon of the testkit, on the sockets of cratosd.

use std::ops::{Deref, DerefMut};

use gateway::testkit::{self, Serve, Setup};
use token_crypto::Claims;

use super::{Answer, Ask, description};

const SERVE: Serve = |config, engine, misp, listener, stopped| {
    let gateway = cratosd::server::gateway(config, engine, misp).unwrap();
    let shutdown = async {
        let _ = stopped.await;
    };
    Box::pin(cratosd::server::serve(gateway, listener, shutdown))
};

pub(crate) struct Daemon(testkit::Daemon);

impl Daemon {
    /// Starts with a block event of one address.
    pub(crate) async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        Self(testkit::Daemon::start(setup, SERVE).await)
    }

    /// Starts with this core file, whatever the setup says of it.
    pub(crate) async fn with_core(setup: Setup, core: &str) -> Self {
        Self(testkit::Daemon::start_with_core(setup, core, SERVE).await)
    }

    /// Asks with a token in the header.
    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.send(Ask::get(target).header("token", self.token())).await
    }

    /// Asks with this token in the header.
    pub(crate) async fn get_as(&self, claims: &Claims, target: &str) -> Answer {
        self.send(Ask::get(target).header("token", self.seal(claims))).await
    }

    /// Sends a request. A JSON answer has to be as the OpenAPI document describes it.
    pub(crate) async fn send(&self, ask: Ask) -> Answer {
        self.send_described(ask).await.0
    }

    /// Sends a request, and returns the described operation and status of a JSON answer too, for example `GET
    /// /v1/status 200`.
    pub(crate) async fn send_described(&self, ask: Ask) -> (Answer, Option<String>) {
        let (method, path) = ask.target();
        let answer = ask.send(self.addr).await;
        let described = description::assert_fits(&method, &path, &answer).await;
        (answer, described)
    }
}

impl Deref for Daemon {
    type Target = testkit::Daemon;

    fn deref(&self) -> &testkit::Daemon {
        &self.0
    }
}

impl DerefMut for Daemon {
    fn deref_mut(&mut self) -> &mut testkit::Daemon {
        &mut self.0
    }
}
