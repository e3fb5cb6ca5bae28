"""The upload of a file to a block list of Cisco Umbrella.

Sources: "Add a DNS Destination List" and "Control Access to Custom URLs" (docs.umbrella.com, Umbrella user guide);
"Destination Lists" (developer.cisco.com, Umbrella API), all read on 2026-11-29. One destination per line, at most 5 000
per file. A destination is a domain, which covers its subdomains, or a URL, for which the scheme does not count. A block
list takes no addresses.
"""

import ipaddress

from device import Malformed, domain, is_below, lines, request, serve

MOST_LINES = 5_000


def destination(line):
    """Returns the domain, and the path of a URL."""
    name, slash, _ = line.partition("/")
    if "://" in line.split("?")[0] or "*" in line or " " in line:
        raise Malformed(f"{line!r} has a scheme, a wildcard or a space")
    if not slash and "?" not in line:
        return domain(line), None
    asked = request(line)
    if asked.path == "/":
        raise Malformed(f"{line!r} is read as the whole domain")
    if asked.port is not None:
        raise Malformed(f"{line!r} has a port")
    try:
        ipaddress.ip_address(asked.host)
    except ValueError:
        return asked.host, asked.path
    raise Malformed(f"{name!r} is an address")


def load(kind, body):
    entries = lines(body)
    if len(entries) > MOST_LINES:
        raise Malformed("the file has too many destinations")
    destinations = {destination(entry) for entry in entries}
    if kind == "url":
        return entries, lambda value: (request(value).host, request(value).path) in destinations
    names = [name for name, path in destinations if path is None]
    return entries, lambda value: any(is_below(value, name) for name in names)


serve(load)
