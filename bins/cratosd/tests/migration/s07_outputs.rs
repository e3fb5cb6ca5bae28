//! Sections 6 and 7: values and outputs, byte for byte where the original's bytes are kept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::installation::Installation;
use crate::rows::{Row, Shape};

const TEXT: &str = "text/plain; charset=utf-8";
const XML: &str = "text/xml; charset=utf-8";
const JSON: &str = "application/json";

pub(crate) fn rows(installation: &Installation) -> Vec<Row> {
    let token = installation.token();
    let feed = |kind: &str, output: &str, content_type, bytes: &str| {
        Row::get(format!("/v1/feed/block/type/{kind}/age/1w/output/{output}"))
            .token(&token)
            .answers(200, content_type)
            .with(Shape::Bytes(bytes.to_owned()))
            .with(Shape::HasHeader("x-cache"))
    };
    let empty = |output: &str, content_type, bytes: &str| {
        Row::get(format!("/v1/feed/cust2/type/domain/age/1w/output/{output}"))
            .token(&token)
            .answers(200, content_type)
            .with(Shape::Bytes(bytes.to_owned()))
    };
    let vendor = |name: &str, kind: &str, bytes: &str| {
        Row::get(format!("/v1/vendor/{name}/feed/block/type/{kind}/age/1w"))
            .token(&token)
            .answers(200, TEXT)
            .with(Shape::Bytes(bytes.to_owned()))
            .with(Shape::HasHeader("x-cache"))
    };
    let urls = [
        "http://a.example.com/x&y",
        "https://a.example.com/?u=http://b.example.com/",
    ];
    let encoded = urls.map(|url| STANDARD.encode(url)).join("\r\n");
    vec![
        feed("ipv4", "txt", TEXT, "93.184.215.14\r\n93.184.216.34"),
        feed("url", "txt", TEXT, &urls.join("\r\n")),
        feed("url", "json", JSON, &format!("[\"{}\", \"{}\"]", urls[0], urls[1])),
        feed("url", "b64", TEXT, &encoded),
        // YAML and XML are the same when parsed.
        feed("url", "yaml", TEXT, &format!("---\n- '{}'\n- '{}'\n", urls[0], urls[1])),
        Row::get("/v1/feed/block/type/url/age/1w/output/xml")
            .token(&token)
            .answers(200, XML)
            .with(Shape::Holds("<entry>http://a.example.com/x&amp;y</entry>".to_owned())),
        vendor("cisco", "ipv4", "93.184.215.14\r\n93.184.216.34"),
        // Sorted again after the scheme is taken off, and an address inside a query stays what it is.
        vendor(
            "paloalto",
            "url",
            "a.example.com/?u=http://b.example.com/\r\na.example.com/x&y",
        ),
        empty("txt", TEXT, ""),
        empty("json", JSON, "[]"),
        empty("b64", TEXT, ""),
        empty("yaml", TEXT, "--- []\n"),
        // `utf8`, as the original wrote it, is no name of an encoding.
        empty("xml", XML, "<?xml version='1.0' encoding='UTF-8'?>\n<domain />"),
        // Fixed: a file name that looks like a hash was taken for one, upper case stood beside lower case, and rules of
        // several lines never came out.
        feed(
            "file-md5",
            "txt",
            TEXT,
            "abababababababababababababababab\r\nd41d8cd98f00b204e9800998ecf8427e",
        ),
        feed("yara", "json", JSON, "[\"rule a {\\n  condition: true\\n}\"]"),
        feed("ja3", "txt", TEXT, "e7d705a3286e19ea42f587b344ee6865"),
    ]
}
