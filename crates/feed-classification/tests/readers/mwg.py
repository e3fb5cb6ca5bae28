r"""A subscribed list of Skyhigh (McAfee) Web Gateway, in the simple text format.

Sources: "Subscribed Lists and External Lists Format Examples" (community.mcafee.com, DOC-5208) and "Customer Maintained
Subscribed Lists and External Lists" (success.skyhighsecurity.com), both read on 2026-11-29. The first line is
`type=` and the type of the list. Each further line is an entry and a comment, both between double quotes; a double
quote inside has a backslash before it.
"""

import re

from device import Malformed, covers, lines, network, serve, text_of

TYPES = {"ip", "iprange", "string"}
ENTRY = re.compile(r'"((?:[^"\\]|\\")*)" "((?:[^"\\]|\\")*)"')


def entry(line):
    found = ENTRY.fullmatch(line)
    if not found or not found.group(1):
        raise Malformed(f"{line!r} is not an entry and its comment")
    return found.group(1).replace('\\"', '"')


def load(kind, body):
    first, *rest = lines(body) or [""]
    key, _, list_type = first.partition("=")
    if key != "type" or list_type not in TYPES:
        raise Malformed(f"{first!r} names no type")
    entries = [entry(line) for line in rest]
    if list_type == "string":
        if kind == "url":
            return entries, lambda value: text_of(value) in entries
        return entries, set(entries).__contains__
    if any(("/" in known) != (list_type == "iprange") for known in entries):
        raise Malformed(f"an entry is no {list_type}")
    networks = [network(known) for known in entries]
    return entries, lambda value: covers(networks, value)


serve(load)
