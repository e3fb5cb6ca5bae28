"""Reads a file for Zeek's intelligence framework as Zeek's ASCII reader does, and prints each item in JSON.

Written after the description of the input framework and src/input/readers/ascii and src/threading/formatters of Zeek (2026-08): a
line of field names behind "#fields", then lines; lines that begin with "#" and empty lines are skipped; fields between tabs, "-" for
an unset one; in texts "\\xHH" stands for a byte. Anything that Zeek would warn of ends this reader.
"""

import ipaddress
import json
import re
import sys

TYPES = {"ADDR", "SUBNET", "URL", "SOFTWARE", "EMAIL", "DOMAIN", "USER_NAME", "CERT_HASH", "PUBKEY_HASH", "FILE_HASH", "FILE_NAME"}


def text(field):
    assert field != b"-", "a field without a value"
    return re.sub(rb"\\x([0-9a-fA-F]{2})", lambda found: bytes([int(found[1], 16)]), field)


def lines(raw):
    for line in raw.split(b"\n"):
        line = line[:-1] if line.endswith(b"\r") else line
        if line.startswith(b"#fields\t"):
            yield line[len(b"#fields\t") :]
        elif line and not line.startswith(b"#"):
            yield line


rows = lines(open(sys.argv[1], "rb").read())
names = next(rows).split(b"\t")
places = [names.index(name) for name in (b"indicator", b"indicator_type", b"meta.source")]
for row in rows:
    fields = row.split(b"\t")
    assert len(fields) == len(names), row
    indicator, kind, source = (text(fields[place]) for place in places)
    module, name = kind.decode().split("::")
    assert module == "Intel" and name in TYPES, kind
    if name == "ADDR":
        ipaddress.ip_address(indicator.decode())
    elif name == "SUBNET":
        ipaddress.ip_network(indicator.decode())
    print(json.dumps([name, indicator.hex(), source.decode()]))
