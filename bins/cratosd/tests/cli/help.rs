//! The help texts, since people read them first.

use crate::support::run;

fn help(args: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let ran = run(directory.path(), args);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    ran.stdout
}

#[test]
fn the_first_page_names_every_command() {
    insta::assert_snapshot!(help(&["--help"]), @r#"
    Serves MISP indicators as feeds, behind tokens

    Usage: cratosd [OPTIONS] <COMMAND>

    Commands:
      serve    Serve feeds to devices
      demo     Try cratosd with a sample MISP, a site and a token in one process
      check    Read all configuration files and report every problem
      token    Make tokens, show their contents, and convert old ones
      feed     Write one feed to standard output, without a server
      explain  Say why a value is in a feed or not, without a server
      mirror   Show the mirror of a MISP in a running daemon, or have it read MISP again
      init     Write a new configuration with new secrets into a directory
      keygen   Print a new encryption_key and salt
      help     Print this message or the help of the given subcommand(s)

    Options:
          --log-format <FORMAT>  Format of a log line: text or json [env: CRATOS_LOG_FORMAT] [default:
                                 text]
      -h, --help                 Print help
      -V, --version              Print version

    Every option can also be set by the environment variable beside it.
    The log goes to standard error. RUST_LOG sets its level: `debug`, or `cratosd=debug,warn`.

    Exit codes: 0 success, 64 wrong usage or configuration, 69 MISP unavailable, 1 any other failure.
    "#);
}

#[test]
fn serve_names_its_files_and_signals() {
    insta::assert_snapshot!(help(&["serve", "--help"]), @r#"
    Serve feeds to devices

    Usage: cratosd serve [OPTIONS]

    Options:
          --config <FILE>          The core file [env: CRATOS_CONFIG] [default: config/config.yaml]
          --sites <DIR>            The directory with one file per MISP [env: CRATOS_SITES] [default:
                                   sites]
          --mappings <FILE>        The file that maps indicator types to MISP attribute types [env:
                                   CRATOS_MAPPINGS] [default: config/mappings.yaml]
          --listen <ADDRESS:PORT>  Address and port to listen on [default: `listen` of the core file,
                                   else 127.0.0.1:8080] [env: CRATOS_LISTEN]
          --log-format <FORMAT>    Format of a log line: text or json [env: CRATOS_LOG_FORMAT] [default:
                                   text]
      -h, --help                   Print help

    cratosd reads its files again when they change, and on SIGHUP.
    A socket of a systemd .socket unit takes the place of `listen` and --listen.
    SIGTERM and SIGINT stop cratosd after its running requests; a second signal stops it at once.
    "#);
}

#[test]
fn demo_says_that_it_leaves_no_files() {
    insta::assert_snapshot!(help(&["demo", "--help"]), @r#"
    Try cratosd with a sample MISP, a site and a token in one process

    Usage: cratosd demo [OPTIONS]

    Options:
          --listen <ADDRESS:PORT>  Address and port to listen on; port 0 takes any free one [env:
                                   CRATOS_LISTEN] [default: 127.0.0.1:8080]
          --log-format <FORMAT>    Format of a log line: text or json [env: CRATOS_LOG_FORMAT] [default:
                                   text]
      -h, --help                   Print help

    The demo sends nothing to other machines and leaves no files: the sample MISP and the secrets end
    with this process.
    "#);
}

#[test]
fn init_names_its_options() {
    insta::assert_snapshot!(help(&["init", "--help"]), @r#"
    Write a new configuration with new secrets into a directory

    Usage: cratosd init [OPTIONS] --site <FQDN> --tag <TAG> <DIR>

    Arguments:
      <DIR>  Directory for config/ and sites/; created if it is missing

    Options:
          --site <FQDN>          Name or address of the first MISP [env: CRATOS_SITE]
          --tag <TAG>            Prefix of the tags in that MISP: `example` for
                                 `example:incident-classification=block` [env: CRATOS_TAG]
          --allow-ip <CIDR>      Address or network of devices that may connect; can be repeated
                                 (default: this machine only) [env: CRATOS_ALLOW_IP]
          --log-format <FORMAT>  Format of a log line: text or json [env: CRATOS_LOG_FORMAT] [default:
                                 text]
      -h, --help                 Print help
    "#);
}

#[test]
fn check_explains_online() {
    insta::assert_snapshot!(help(&["check", "--help"]), @r#"
    Read all configuration files and report every problem

    Usage: cratosd check [OPTIONS]

    Options:
          --config <FILE>         The core file [env: CRATOS_CONFIG] [default: config/config.yaml]
          --sites <DIR>           The directory with one file per MISP [env: CRATOS_SITES] [default:
                                  sites]
          --mappings <FILE>       The file that maps indicator types to MISP attribute types [env:
                                  CRATOS_MAPPINGS] [default: config/mappings.yaml]
          --online                Also ask each MISP and the cache for an answer [env: CRATOS_ONLINE]
          --proto <PROTO>         `https`, or `http` for a MISP behind a TLS proxy on this host [env:
                                  CRATOS_PROTO] [default: https]
          --port <PORT>           Port that MISP listens on [default: 443, or 80 with http] [env:
                                  CRATOS_PORT]
          --auth-key-file <FILE>  File with the MISP key; without it, the environment variable
                                  CRATOS_AUTH_KEY counts [env: CRATOS_AUTH_KEY_FILE]
          --log-format <FORMAT>   Format of a log line: text or json [env: CRATOS_LOG_FORMAT] [default:
                                  text]
      -h, --help                  Print help

    Problems go to standard error, one line each:
      file:line:column: key: problem: remedy
    Notes go to standard output. While tokens of Cratos FastAPI are accepted (accept_legacy_tokens),
    keys with another meaning there are listed too.

    The configuration contains no MISP key. Without one, --online asks each MISP with a key that cannot
    exist (MISP logs that), and its refusal shows that MISP is up; with one, it tries the key itself.
    "#);
}

#[test]
fn names_that_may_be_typed_are_listed() {
    let mint = help(&["token", "mint", "--help"]);
    let feed = help(&["feed", "--help"]);
    for name in [
        "incident",
        "cust5",
        "42",
        "ipv4ext",
        "crypto-currency",
        "user-agent",
        "txt",
        "b64",
    ] {
        for text in [&mint, &feed] {
            assert!(text.contains(name), "{name}: {text}");
        }
    }
    assert!(mint.contains("clear_cache") && feed.contains("10y"));
}
