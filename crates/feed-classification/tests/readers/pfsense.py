"""A URL table of pfSense.

Source: "URL Table Aliases" and "Alias Sizing Concerns" (docs.netgate.com/pfsense, read on 2026-11-29). The file has one
address or network per line. Every table has to fit twice into the most entries of all tables, 400 000 by default.
"""

from device import Malformed, covers, lines, network, serve

MOST_ENTRIES = 400_000 // 2


def load(_kind, body):
    entries = lines(body)
    if len(entries) > MOST_ENTRIES:
        raise Malformed("the rules do not load")
    networks = [network(entry) for entry in entries]
    return entries, lambda value: covers(networks, value)


serve(load)
