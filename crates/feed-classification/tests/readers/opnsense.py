"""A URL table of OPNsense.

Source: src/opnsense/scripts/filter/lib/alias/base.py and uri.py of opnsense/core (read on 2026-11-29). A line is cut at
white space and , ; | #, and its first word counts unless that begins with "//". The word is an address, a network, a
range or one of them behind "!"; every other word is looked up in the DNS, and its addresses are blocked.
"""

import ipaddress
import re

from device import Malformed, covers, lines, serve


def networks_of(word):
    if word.startswith("!"):
        raise Malformed(f"{word!r} is an exception")
    try:
        if "-" in word:
            first, last = (ipaddress.ip_address(end) for end in word.split("-", 1))
            return list(ipaddress.summarize_address_range(first, last))
        return [ipaddress.ip_network(word, strict=False)]
    except ValueError as fault:
        raise Malformed(f"{word!r} is asked in the DNS, or dropped without a word") from fault


def load(_kind, body):
    words = [re.split(r"[\s,;|#]+", line)[0] for line in lines(body)]
    words = [word for word in words if word and not word.startswith("//")]
    networks = [known for word in words for known in networks_of(word)]
    return words, lambda value: covers(networks, value)


serve(load)
