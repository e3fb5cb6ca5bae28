"""A feed server for dynamic addresses of Juniper SRX.

Source: "SRX Dynamic IP Objects aka Feed-server" (community.juniper.net, 2025-11-30, read on 2026-11-29). The file has
one IPv4 or IPv6 prefix per line, with its length also for a single address, or a range.
"""

import ipaddress

from device import Malformed, covers, lines, network, serve


def networks_of(line):
    first, dash, last = line.partition("-")
    if dash:
        return list(ipaddress.summarize_address_range(ipaddress.ip_address(first), ipaddress.ip_address(last)))
    if "/" not in line:
        raise Malformed(f"{line!r} is no prefix")
    return [network(line)]


def load(_kind, body):
    entries = lines(body)
    networks = [known for entry in entries for known in networks_of(entry)]
    return entries, lambda value: covers(networks, value)


serve(load)
