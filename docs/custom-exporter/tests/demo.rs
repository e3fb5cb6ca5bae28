//! The program serves its output from the sample MISP of `demo`, to a client with the token that it prints.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// Ends the program, also when the test fails.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_demo_serves_the_output() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_custom-exporter"));
    command.args(["demo", "--listen", "127.0.0.1:0"]);
    let mut demo = Demo(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut guide = BufReader::new(demo.0.stdout.take().unwrap()).lines();
    let mut printed = |name: &str| {
        let line = guide.find_map(|line| line.unwrap().strip_prefix(name).map(str::to_owned));
        line.unwrap().trim().to_owned()
    };
    let address = printed("feeds ").replace("http://", "");
    let token = printed("token ");

    let mut connection = TcpStream::connect(address).unwrap();
    let path = "/v1/feed/block/type/domain/age/1w/output/privoxy";
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\ntoken: {token}\r\n\r\n");
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();

    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let body = "\r\n\r\n{+block{Listed in MISP}}\n.";
    assert!(answer.contains(body), "{answer}");
    assert!(answer.contains("\n.clear.marked.example.com\n"), "{answer}");
}
