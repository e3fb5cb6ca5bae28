"""The common part of the readers in this folder.

Each reader is a device that cannot run here, written from the documentation of its vendor and not from the exporter.
A test gives it cases on standard input, and gets what the device does with them on standard output.
"""

import collections
import ipaddress
import json
import re
import sys
from urllib.parse import urlsplit


class Malformed(Exception):
    """The device refuses the file, or takes a part of it for something that nobody wrote."""


def serve(load):
    """Answers all cases. `load(kind, body)` returns the entries of a file and a function that says whether the device
    enforces a value of that type."""
    answers = []
    for case in json.load(sys.stdin):
        try:
            entries, enforces = load(case["kind"], case["body"].encode())
            enforced = [bool(enforces(value)) for value in case["values"]]
            answers.append({"entries": len(entries), "enforced": enforced})
        except Malformed as fault:
            answers.append({"malformed": f"{case['kind']}: {fault}"})
    json.dump(answers, sys.stdout)


def lines(body):
    """Returns the lines of a text in UTF-8 whose every line, the last one too, ends with LF alone."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise Malformed(f"the text is not UTF-8: {fault}") from fault
    if text.startswith("\ufeff"):
        raise Malformed("the text begins with a byte order mark")
    if "\r" in text or "\0" in text:
        raise Malformed("the text has a carriage return or a NUL")
    if text and not text.endswith("\n"):
        raise Malformed("the last line has no end")
    return text.split("\n")[:-1]


def network(text):
    """Returns the network that a prefix or an address names, if it has no host bits."""
    try:
        return ipaddress.ip_network(text)
    except ValueError as fault:
        raise Malformed(f"{text!r} is no network: {fault}") from fault


def covers(networks, value):
    """Returns whether every address of the value, an address or network, is in one of the networks."""
    wanted = ipaddress.ip_network(value)
    same = [known for known in networks if known.version == wanted.version]
    if any(wanted.subnet_of(known) for known in same):
        return True
    # Networks that touch may cover it together.
    inside = sum(part.num_addresses for part in ipaddress.collapse_addresses(same) if part.subnet_of(wanted))
    return inside == wanted.num_addresses


def domain(text):
    """Returns a name of the DNS in lower case, as a query has it."""
    labels = text.split(".")
    if len(text) > 253 or len(labels) < 2:
        raise Malformed(f"{text!r} is no domain")
    if not all(re.fullmatch(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", label) for label in labels):
        raise Malformed(f"{text!r} is no domain")
    return text


def is_below(name, parent):
    """Returns whether a name is another one or a subdomain of it."""
    return name == parent or name.endswith("." + parent)


Request = collections.namedtuple("Request", "scheme host port path")


def request(url):
    """Returns what a device sees of the request that a browser makes for a URL. The scheme is None if the URL has none,
    the port if it is that of the scheme, and the path has the query."""
    has_scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", url)
    parts = urlsplit(url if has_scheme else "//" + url)
    scheme = parts.scheme.lower() if has_scheme else None
    host = (parts.hostname or "").rstrip(".")
    host = host if host.isascii() else host.encode("idna").decode()
    host = str(ipaddress.ip_address(host)) if ":" in host else host
    port = None if parts.port == {"http": 80, "https": 443}.get(scheme) else parts.port
    query = "?" + parts.query if "?" in url.split("#", 1)[0] else ""
    if not host:
        raise Malformed(f"{url!r} has no host")
    return Request(scheme, host, port, (parts.path or "/") + query)


def text_of(url):
    """Returns the text of the URL that a browser asks for, for devices that compare texts as a whole."""
    scheme, host, port, path = request(url)
    host = f"[{host}]" if ":" in host else host
    return (scheme + "://" if scheme else "") + host + (f":{port}" if port else "") + path
