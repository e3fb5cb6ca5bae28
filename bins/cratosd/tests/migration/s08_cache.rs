//! Section 8: the cache, and edits of site files that act at once.

use std::net::SocketAddr;

use reqwest::Method;
use test_peers::until;

use crate::installation::{Installation, site};
use crate::rows::Row;

/// A feed that no other row asks for.
const PATH: &str = "/v1/feed/block/type/hostname/age/3d/output/txt";

pub(crate) async fn look(installation: &Installation, daemon: SocketAddr) {
    let token = installation.token();
    let x_cache = async |token: &str| {
        let answer = Row::get(PATH).token(token).ask(daemon).await;
        answer.header("x-cache").unwrap_or_default().to_owned()
    };
    assert_eq!(x_cache(&token).await, "MISS");
    assert_eq!(x_cache(&token).await, "HIT");
    // Two spellings of one token were two entries; so were two tokens for the same MISP and key.
    assert_eq!(x_cache(&token.replace('-', "+").replace('_', "/")).await, "HIT");
    let other = installation.seal(&installation.plaintext("127.0.0.1", misp_sim::Sim::READER_KEY, "2098-12-31"));
    assert_eq!(x_cache(&other).await, "HIT");
    let clear = PATH.replace("/v1/feed", "/v1/clear_cache/feed");
    let cleared = Row::new(Method::DELETE, clear).token(&token).ask(daemon).await;
    assert_eq!((cleared.status, cleared.body.as_str()), (200, "{\"ok\":true}"));
    assert_eq!(x_cache(&token).await, "MISS");
    revoke(installation, daemon, &token).await;
}

/// The original read the site file for every request.
async fn revoke(installation: &Installation, daemon: SocketAddr, token: &str) {
    let digest = token_crypto::token_sha256(token);
    let revoked = site().replace("- \"empty\"", &format!("- \"{digest}\""));
    installation.write("sites/127.0.0.1.yaml", &revoked);
    let ask = async |token: &str| Row::get(PATH).token(token).ask(daemon).await;
    let handle = tokio::runtime::Handle::current();
    let last = tokio::task::block_in_place(|| {
        let mut last = None;
        until("the revoked token is refused", || {
            let answer = handle.block_on(ask(token));
            let refused = answer.status == 403;
            last = Some(answer);
            refused
        });
        last.unwrap()
    });
    let detail = "The provided API token is blacklisted and cannot be used.";
    assert_eq!(last.json()["detail"], detail);
    // The other spelling does not bring it back, as it did in the original.
    let spelled = ask(&token.replace('-', "+").replace('_', "/")).await;
    assert_eq!((spelled.status, spelled.json()["detail"].as_str()), (403, Some(detail)));
}
