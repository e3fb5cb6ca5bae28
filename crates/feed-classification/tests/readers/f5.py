"""A feed list for IP Intelligence of F5 BIG-IP.

Source: "AFM IP Intelligence" (techdocs.f5.com, BIG-IP AFM 15.0 to 17.1, read on 2026-11-29). A line has four fields
between commas: address, mask, "wl" or "bl", category. Only the address has to be there. The names of the categories are
those that "Enriching AFM with public domain Threat Intelligence" (community.f5.com, read on 2026-11-29) lists.
"""

from device import Malformed, covers, lines, network, serve

CATEGORIES = {
    "additional", "appiq_badactors", "application_denial_of_service", "attacked_ips", "botnets", "denial_of_service",
    "infected_sources", "mobile_threats", "phishing", "scanners", "spam_sources", "tor_proxy", "web_attacks",
    "windows_exploits",
}


def network_of(line):
    fields = line.split(",")
    if len(fields) != 4 or not all(fields):
        raise Malformed(f"{line!r} has not four fields")
    address, mask, side, category = fields
    if side != "bl" or category not in CATEGORIES:
        raise Malformed(f"{line!r} is not denied in a category of the device")
    if "/" in address or not mask.isdecimal():
        raise Malformed(f"{line!r} has no address or no mask")
    return network(f"{address}/{mask}")


def load(_kind, body):
    entries = lines(body)
    networks = [network_of(entry) for entry in entries]
    return entries, lambda value: covers(networks, value)


serve(load)
