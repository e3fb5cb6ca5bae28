//! The user of the daemon, who may change its configuration.

use std::fs;

/// The user that the packages make for the daemon.
const NAME: &str = "cratos";

/// Returns the number of the user who runs this, or for root that of the daemon's user. Without such a user it is root.
pub(super) fn number() -> u32 {
    match rustix::process::geteuid().as_raw() {
        0 => {
            let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
            number_of(NAME, &passwd).unwrap_or(0)
        }
        user => user,
    }
}

fn number_of(name: &str, passwd: &str) -> Option<u32> {
    let user = passwd
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    user.split(':').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_of_the_daemon_is_found_by_its_whole_name() {
        let passwd =
            "root:x:0:0:root:/root:/bin/bash\ncratos-agent:x:997:997::/:/bin/false\ncratos:x:998:998::/:/bin/false\n";
        assert_eq!(number_of("cratos", passwd), Some(998));
        assert_eq!(number_of("cratosd", passwd), None);
        assert_eq!(number_of("cratos", "cratos:x\n"), None);
    }
}
