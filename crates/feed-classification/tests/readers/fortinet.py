"""An external feed of FortiGate and FortiMail.

Sources: "Types and file formats of threat feeds", FortiMail administration guide (docs.fortinet.com, document 239145,
read on 2026-11-29); "External feeds", FortiGate 7.6.2 administration guide (document 9463, read on 2026-11-29).
One entry per line; "#" begins a comment; addresses, ranges and subnets; domains with simple wildcards; URLs with
wildcards at the start and the end, IPv6 in brackets; "<hash> [description]".
"""

import ipaddress
import re

from device import Malformed, covers, domain, lines, network, serve, text_of

MOST_LINES, MOST_BYTES = 131_072, 10 * 1024 * 1024
DIGITS = {"file-md5": 32, "file-sha1": 40, "file-sha256": 64}


def networks_of(line):
    first, dash, last = line.partition("-")
    if dash:
        return list(ipaddress.summarize_address_range(ipaddress.ip_address(first), ipaddress.ip_address(last)))
    return [network(line)]


def url(line):
    if re.search(r"\s", line) or not line.isascii():
        raise Malformed(f"{line!r} is not one word of ASCII")
    if "*" in line:
        raise Malformed(f"{line!r} is a pattern, and nobody wrote one")
    return line


def load(kind, body):
    entries = [line for line in lines(body) if line and not line.startswith("#")]
    if len(entries) > MOST_LINES or len(body) > MOST_BYTES:
        raise Malformed("the device cuts the file off")
    if kind in DIGITS:
        hashes = {entry.split(" ", 1)[0] for entry in entries}
        if not all(re.fullmatch(r"[0-9a-f]+", known) and len(known) == DIGITS[kind] for known in hashes):
            raise Malformed("a line is no hash of this kind")
        return entries, lambda value: value in hashes
    if kind == "url":
        urls = {url(entry) for entry in entries}
        return entries, lambda value: text_of(value) in urls
    if kind in ("domain", "hostname"):
        names = {domain(entry) for entry in entries}
        return entries, lambda value: value in names
    networks = [known for entry in entries for known in networks_of(entry)]
    return entries, lambda value: covers(networks, value)


serve(load)
