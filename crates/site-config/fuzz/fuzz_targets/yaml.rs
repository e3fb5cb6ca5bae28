//! Any text, read as each of the three files, ends with a value or with problems of one line each.
#![no_main]

use libfuzzer_sys::fuzz_target;
use site_config::{Core, Mappings, Site};

fuzz_target!(|text: &str| {
    let name = "misp.example.net".parse().expect("a host name");
    let problems = [
        Core::from_yaml(text).err(),
        Mappings::from_yaml(text).err(),
        Site::from_yaml(name, text).err(),
    ];
    for problem in problems.into_iter().flatten().flatten() {
        assert_eq!(problem.to_string().lines().count(), 1);
    }
});
