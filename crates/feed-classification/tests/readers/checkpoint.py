"""A custom intelligence feed of a Check Point gateway.

Sources: sk132193 (supportcenter.checkpoint.com) and "Supported Indicator Files" (Threat Prevention guide, R81.10), both
read on 2026-11-29. CSV with commas and LF, quotes allowed; lines that begin with "#" are comments, and those with "#!"
metadata. Every record has the same number of fields. A mandatory field that is empty, or a value that is not of its
type, and the file does not load.
"""

import csv
import io
import ipaddress
import re

from device import Malformed, covers, domain, lines, request, serve, text_of

HEADER = "# UNIQ-NAME,VALUE,TYPE,CONFIDENCE,SEVERITY,PRODUCT,COMMENT"
LEVELS = {"low", "medium", "high", "critical"}
DIGITS = {"MD5": 32, "SHA1": 40, "SHA256": 64}
TYPES = {
    "domain": {"Domain"}, "hostname": {"Domain"}, "url": {"URL"}, "file-md5": {"MD5"}, "file-sha1": {"SHA1"},
    "file-sha256": {"SHA256"}, "email-subject": {"Mail-subject"},
    "email-address": {"Mail-from", "Mail-to", "Mail-cc", "Mail-reply-to"},
}


def check(observable, value):
    if observable == "IP":
        ipaddress.IPv4Address(value)
    elif observable == "IP Range":
        first, last = (ipaddress.IPv4Address(end) for end in value.split("-"))
        if first > last:
            raise ValueError("it ends before it begins")
    elif observable == "Domain":
        domain(value)
    elif observable == "URL":
        if not value.isascii() or re.search(r"\s", value):
            raise ValueError("it is no URL")
        request(value)
    elif observable in DIGITS:
        if not re.fullmatch(r"[0-9a-f]+", value) or len(value) != DIGITS[observable]:
            raise ValueError("it is no hash of this kind")
    elif observable != "Mail-subject" and "@" not in value:
        raise ValueError("it is no address")


def observable_of(row, kind):
    if len(row) != 7:
        raise Malformed(f"{row} has {len(row)} fields")
    name, value, observable, confidence, severity, product, _comment = row
    if not all((name, value, observable)):
        raise Malformed(f"{row} has an empty field")
    if observable not in TYPES.get(kind, {"IP", "IP Range"}):
        raise Malformed(f"{observable} is no type of {kind}")
    if confidence not in LEVELS or severity not in LEVELS or product not in ("AV", "AB"):
        raise Malformed(f"{row} has a word that the gateway does not know")
    try:
        check(observable, value)
    except ValueError as fault:
        raise Malformed(f"{value!r} is no {observable}: {fault}") from fault
    return observable, value


def networks_of(value):
    first, _, last = value.partition("-")
    ends = ipaddress.IPv4Address(first), ipaddress.IPv4Address(last or first)
    return ipaddress.summarize_address_range(*ends)


def load(kind, body):
    if lines(body)[:1] != [HEADER]:
        raise Malformed("the first line does not name the columns")
    rows = list(csv.reader(io.StringIO(body.decode(), newline=""), strict=True))
    rows = [row for row in rows if not row[0].startswith("#")]
    if len({row[0] for row in rows}) != len(rows):
        raise Malformed("two rows have one name")
    observables = [observable_of(row, kind) for row in rows]
    if kind in TYPES:
        values = {value for _, value in observables}
        if kind == "url":
            return rows, lambda value: text_of(value) in values
        return rows, lambda value: value in values
    networks = [known for _, value in observables for known in networks_of(value)]
    return rows, lambda value: covers(networks, value)


serve(load)
