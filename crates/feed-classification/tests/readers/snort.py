"""Reads rules as Snort 3 does and says which of them match which payloads, in JSON.

Written after the manual of Snort 3 and the state machine of its src/parser/parse_stream.cc: action, protocol, both ends and the
direction, or a service alone; then options between brackets, each with arguments behind a colon that commas separate. Knows the
options that our rules have and no others. Arguments: the file of rules, a file of payloads in JSON: {"protocol", "port", "payload"
in hexadecimal, "host", "uri"}. An unknown word, an option with the wrong arguments or a number that is there twice ends it.
"""

import ipaddress
import json
import re
import sys

PROTOCOLS = {"ip", "tcp", "udp", "icmp"}
SERVICES = {"http", "ssl", "dns", "http2"}
FLOW = {"to_server", "to_client", "established", "not_established", "stateless"}
CONTENT = {"nocase", "fast_pattern", "offset", "depth", "distance", "within"}


def options_of(body):
    """Splits at semicolons outside of quotes; a backslash keeps the next character."""
    parts, start, quoted, place = [], 0, False, 0
    while place < len(body):
        char = body[place]
        if char == "\\":
            place += 1
        elif char == '"':
            quoted = not quoted
        elif char == ";" and not quoted:
            parts.append(body[start:place].strip())
            start = place + 1
        place += 1
    assert not quoted and not body[start:].strip(), body
    return [(part.partition(":")[0].strip(), part.partition(":")[2].strip()) for part in parts]


def unquoted(value):
    assert len(value) >= 2 and value[0] == value[-1] == '"', value
    return value[1:-1]


def content_bytes(text):
    """Text, and hexadecimal between bars."""
    out = b""
    for place, part in enumerate(text.split("|")):
        if place % 2:
            out += bytes.fromhex(part)
        else:
            assert re.fullmatch(r"[^;:\\\"|]*", part), text
            out += part.encode("ascii")
    assert text.count("|") % 2 == 0 and out
    return out


def content(value, data):
    text, _, rest = value[1:].partition('"')
    words = [word.strip() for word in rest.strip().lstrip(",").split(",") if word.strip()]
    wanted, offset, depth = content_bytes(text), 0, None
    for word in words:
        name, _, number = word.partition(" ")
        assert name in CONTENT and (number.strip().isdigit() or not number), word
        offset = int(number) if name == "offset" else offset
        depth = int(number) if name == "depth" else depth
    data = data[offset:] if depth is None else data[offset : offset + depth]
    if "nocase" in words:
        wanted, data = wanted.lower(), data.lower()
    return wanted in data


def pcre(value, data):
    pattern, flags = re.fullmatch(r'"/(.*)/([is]*)"', value).groups()
    assert "/" not in pattern and ";" not in pattern and '"' not in pattern, value
    known = {"i": re.I, "s": re.S}
    return re.search(pattern.encode(), data, sum(known[flag] for flag in flags)) is not None


def byte_test(value, data):
    count, operator, number, offset = (part.strip() for part in value.split(","))
    assert (count, operator) == ("1", "!&"), value
    return int(offset) < len(data) and not data[int(offset)] & int(number, 16)


class Rule:
    def __init__(self, line):
        head, _, body = line.partition("(")
        assert body.endswith(")"), line
        words = head.split()
        assert words[0] == "alert" and len(words) in (2, 7), head
        self.protocol = words[1]
        assert self.protocol in (PROTOCOLS if len(words) == 7 else SERVICES), head
        self.network, self.port = None, "any"
        if len(words) == 7:
            source, source_port, direction, self.network, self.port = words[2:]
            assert (source, source_port) == ("any", "any") and direction in ("->", "<>"), head
            assert self.network == "any" or ipaddress.ip_network(self.network), head
            assert self.port == "any" or self.port.isdigit(), head
        self.options = options_of(body[:-1])
        named = dict(self.options)
        self.sid, self.rev, self.msg = int(named["sid"]), int(named.get("rev", 1)), unquoted(named.get("msg", '""'))
        assert 0 < self.sid < 2**32 and self.rev > 0

    def matches(self, packet):
        http = "host" in packet
        if self.protocol not in ("ip", "http" if http else packet["protocol"]) or self.port not in ("any", str(packet["port"])):
            return False
        if self.network not in (None, "any") and ipaddress.ip_address(packet["to"]) not in ipaddress.ip_network(self.network):
            return False
        self.buffer = bytes.fromhex(packet.get("payload", ""))
        return all(self.takes(name, value, packet) for name, value in self.options)

    def takes(self, name, value, packet):
        if name in ("msg", "sid", "rev"):
            return True
        if name == "flow":
            assert set(value.split(",")) <= FLOW, value
            return True
        if name == "http_header":
            assert value == "field host", value
            self.buffer = packet["host"].encode()
            return True
        if name == "http_raw_uri":
            assert not value
            self.buffer = packet["uri"].encode()
            return True
        if name == "bufferlen":
            return len(self.buffer) == int(value)
        return {"content": content, "pcre": pcre, "byte_test": byte_test}[name](value, self.buffer)


rules = [Rule(line) for line in open(sys.argv[1], encoding="ascii").read().splitlines()]
assert len({rule.sid for rule in rules}) == len(rules), "a number is there twice"
packets = json.load(open(sys.argv[2], encoding="utf-8"))
fired = [sorted({rule.msg for rule in rules if rule.matches(packet)}) for packet in packets]
print(json.dumps({"rules": len(rules), "fired": fired}))
