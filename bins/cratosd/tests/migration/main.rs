//! An installation of Cratos FastAPI moves over by stopping one service and starting the other.
//!
//! Its directory (the sample files, legacy tokens) is laid out as it was, the real `cratosd serve` is started in it,
//! and what the original was seen to answer on the wire is asked again: one file for each section of that description.
//! Where the original had a defect that no client wants, the row says what is answered instead.
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod conversion;
mod installation;
mod legacy;
mod misp_in_trouble;
mod notes;
mod rows;
mod s01_without_a_token;
mod s02_making_tokens;
mod s03_presenting_a_token;
mod s04_wrong_requests;
mod s05_what_misp_is_asked;
mod s07_outputs;
mod s08_cache;
mod s10_other_shapes;

use installation::Installation;
use rows::walk;

/// Path of the feed that rows ask for when it does not matter which.
const FEED: &str = "/v1/feed/block/type/ipv4/age/1w/output/txt";

#[tokio::test(flavor = "multi_thread")]
async fn what_worked_goes_on_working() {
    let Some(installation) = Installation::new().await else {
        return;
    };
    let memcached = installation.memcached();
    let daemon = installation.serve();
    let address = daemon.address;
    if memcached.is_some() {
        s01_without_a_token::look_for_memcached(address).await;
    }
    walk(address, "1", s01_without_a_token::rows()).await;
    walk(address, "2", s02_making_tokens::rows(&installation)).await;
    walk(address, "3", s03_presenting_a_token::rows(&installation)).await;
    walk(address, "4", s04_wrong_requests::rows(&installation)).await;
    walk(address, "6 and 7", s07_outputs::rows(&installation)).await;
    walk(address, "10", s10_other_shapes::rows(&installation)).await;
    s05_what_misp_is_asked::look(&installation, address).await;
    s08_cache::look(&installation, address).await;
}
