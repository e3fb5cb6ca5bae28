//! Tokens that end soon.

use jiff::Timestamp;
use prometheus_client::registry::Registry;

use super::{Labels, gauges};
use crate::token_uses::TokenUses;

pub(crate) fn register(tokens: &TokenUses, registry: &mut Registry) {
    let soon = tokens.soon(Timestamp::now().as_second()).into_iter();
    let values = soon.map(|token| {
        let labels: Labels = vec![
            ("site", token.site),
            ("token_id", token.id.to_string()),
            ("label", token.label),
        ];
        (labels, token.ends.ends_at() as f64)
    });
    gauges(
        registry,
        "token_end_timestamp_seconds",
        "When a token stops working that was used within a week and ends within sixty days, in seconds since 1970",
        values,
    );
}
