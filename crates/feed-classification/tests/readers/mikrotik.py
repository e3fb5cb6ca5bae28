r"""A router with RouterOS that imports the script, again and again.

Sources: "Scripting language manual" (help.mikrotik.com) and "address-list" (manual.mikrotik.com), both read on
2026-11-29. A line is a command in the present menu, or begins with "/" and a menu. Text in double quotes is one value,
in which `\` and `$` have a meaning. `add` of an entry that the list has is an error; an error ends the import.

Beside the list itself the reader checks each command of the script for a gap: rules drop what is in "cratos" or
"cratos-new". It stops the script behind every command and imports it again, as a router that lost its power.
"""

import ipaddress
import re

from device import Malformed, covers, network, serve, lines

MENUS = {"/ip firewall address-list": 4, "/ipv6 firewall address-list": 6}
ADD = re.compile(r'add list="([A-Za-z0-9_-]+)" address=([0-9a-f.:/]+)')
REMOVE = re.compile(r'remove \[find where list="([A-Za-z0-9_-]+)"\]')
SET = re.compile(r'set \[find where list="([A-Za-z0-9_-]+)"\] list="([A-Za-z0-9_-]+)"')
MOVE = re.compile(
    r':foreach (\w+) in=\[find where list="([A-Za-z0-9_-]+)"\] do=\{ '
    r':do \{ (/\S+ firewall address-list) set \$\1 list="([A-Za-z0-9_-]+)" \} '
    r"on-error=\{ \3 remove \$\1 \} \}"
)


class Router:
    """The entries of both menus, each a pair of list and network."""

    def __init__(self):
        self.entries = {menu: set() for menu in MENUS}
        self.menu = None

    def run(self, line):
        if line in MENUS:
            self.menu = line
            return
        if self.menu is None:
            raise Malformed(f"{line!r} has no menu")
        here = self.entries[self.menu]
        if found := ADD.fullmatch(line):
            entry = found.group(1), network(found.group(2))
            if entry[1].version != MENUS[self.menu]:
                raise Malformed(f"{line!r} is of the other family")
            if entry in here:
                raise Malformed(f"{line!r}: already have such entry")
            here.add(entry)
        elif found := REMOVE.fullmatch(line):
            here -= {entry for entry in here if entry[0] == found.group(1)}
        elif found := SET.fullmatch(line):
            self.move(found.group(1), found.group(2), is_strict=True)
        elif (found := MOVE.fullmatch(line)) and found.group(3) == self.menu:
            self.move(found.group(2), found.group(4), is_strict=False)
        else:
            raise Malformed(f"{line!r} is no command that a list needs")

    def move(self, old, new, is_strict):
        here = self.entries[self.menu]
        for entry in [entry for entry in here if entry[0] == old]:
            here.discard(entry)
            if is_strict and (new, entry[1]) in here:
                raise Malformed(f"{entry}: already have such entry")
            here.add((new, entry[1]))

    def dropped(self):
        return [known for here in self.entries.values() for name, known in here if name in ("cratos", "cratos-new")]

    def listed(self):
        return {known for here in self.entries.values() for name, known in here if name == "cratos"}


def import_script(router, script, always=()):
    for line in script:
        router.run(line)
        dropped = set(router.dropped())
        if not set(always) <= dropped:
            raise Malformed(f"behind {line!r} there is a gap: {set(always) - dropped}")


def check_power_loss(script):
    for stop in range(len(script)):
        router = Router()
        import_script(router, script)
        entries = router.listed()
        import_script(router, script[:stop], entries)
        router.menu = None
        import_script(router, script, entries)
        if router.listed() != entries:
            raise Malformed(f"the script stopped behind line {stop}, and the next run gave another list")


def load(_kind, body):
    script = lines(body)
    # Entries of another feed, which the script replaces.
    router = Router()
    for menu, old in zip(MENUS, ("192.0.2.200/32", "2001:db8:ffff::/48")):
        if menu in script:
            router.entries[menu].add(("cratos", ipaddress.ip_network(old)))
        router.entries[menu].add(("own", ipaddress.ip_network(old)))
    import_script(router, script)
    if sum(len(here) for here in router.entries.values()) != len(router.listed()) + len(MENUS):
        raise Malformed("another list has changed, or entries are left behind")
    check_power_loss(script)
    listed = router.listed()
    return listed, lambda value: covers(listed, value)


serve(load)
