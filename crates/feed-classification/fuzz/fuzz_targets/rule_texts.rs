//! Rules of YARA, Sigma and Snort from outside: no panic, and a file of one text is a text that goes in again.
#![no_main]

use feed_classification::{FeedInfo, Indicator, IndicatorType, Registry};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let registry = Registry::builtin();
    for (output, kind) in [
        ("yara", IndicatorType::Yara),
        ("sigma", IndicatorType::Sigma),
        ("suricata", IndicatorType::Snort),
        ("snort", IndicatorType::Snort),
    ] {
        let Some(exporter) = registry.by_name(output) else {
            continue;
        };
        let file = |text: &str| {
            let mut file = Vec::new();
            let items = &mut [Indicator::new(kind, text)].into_iter();
            let counts = exporter.export(&FeedInfo::new(kind, ""), items, &mut file);
            (
                String::from_utf8(file).expect("text"),
                counts.expect("memory takes everything"),
            )
        };
        let (first, counts) = file(text);
        let is_refused = exporter.leaves_out(&Indicator::new(kind, text)).is_some();
        assert_eq!(counts.quarantined, u64::from(is_refused));
        if !is_refused {
            let (second, counts) = file(&first);
            assert_eq!(counts.written, 1, "{first}");
            // Moved imports leave their line ends behind.
            assert!(
                first.split_whitespace().eq(second.split_whitespace()),
                "{first} {second}"
            );
        }
    }
});
