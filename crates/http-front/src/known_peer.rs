//! How a service vouches for a peer.

use crate::account::Account;

/// The connection of a request, as an extension of the request.
///
/// Strangers share a small budget of memory and give up their connections first when room runs short. A service that
/// has seen a good credential calls [`vouch`](Self::vouch), and from then on the connection counts among those of known
/// peers.
///
/// ```
/// # fn f(request: &http::Request<()>) {
/// if let Some(connection) = request.extensions().get::<http_front::Connection>() {
///     connection.vouch();
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Connection(Account);

impl Connection {
    pub(crate) fn of(account: &Account) -> Self {
        Self(account.clone())
    }

    /// Counts the connection among those of known peers, for as long as it is open. Further calls change nothing.
    pub fn vouch(&self) {
        self.0.vouch();
    }
}
