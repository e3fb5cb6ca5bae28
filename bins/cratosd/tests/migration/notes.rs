//! What `cratosd check` tells about the sample files of the original.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::installation::Installation;

#[tokio::test(flavor = "multi_thread")]
async fn check_tells_what_each_key_means_here_where_that_is_something_else() {
    let Some(installation) = Installation::new().await else {
        return;
    };
    // Else it is noted, depending on the umask, that others may read the secrets.
    let core = installation.path().join("config/config.yaml");
    fs::set_permissions(core, fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(installation.path().join("sites/127.0.0.1.yaml")).unwrap();
    let checked = installation.command(&["check"]).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    assert_eq!((checked.status.code(), text(checked.stderr).as_str()), (Some(0), ""));
    let told = text(checked.stdout).replace(&installation.memcached_port.to_string(), "11211");
    insta::assert_snapshot!(told);
}
