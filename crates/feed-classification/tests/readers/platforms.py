"""Reads bodies as the platforms do, from their documentation and not from the exporters.

Usage: platforms.py FOLDER. The folder has a file for each body, named OUTPUT.TYPE.CASE, and "wanted.json": for each of these
names the list of values that have to be in it. Prints each difference as a line.
"""

import csv
import io
import ipaddress
import json
import re
import sys
import uuid
import xml.etree.ElementTree as xml
from pathlib import Path

TITLE = "block-any-1w"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:cratos:feed-classification")
HASHES = {"file-md5": 32, "file-sha1": 40, "file-sha256": 64}
RULES = ("snort", "yara", "sigma")


def require(holds, what):
    if not holds:
        raise ValueError(what)


def text(body):
    require(not body.startswith(b"\xef\xbb\xbf"), "a byte order mark")
    return body.decode("utf-8")


def records(body):
    return list(csv.DictReader(io.StringIO(text(body), newline=""), strict=True))


def lines(body):
    """Every line has its LF, and only LF ends a line."""
    require(body == b"" or body.endswith(b"\n"), "the last line has no end")
    return text(body).split("\n")[:-1]


def only(record, wanted):
    """The record has these fields, and all others are empty."""
    for name, value in record.items():
        require(value == wanted.get(name, ""), f"{name} is {value!r}")
    require(set(wanted) <= set(record), f"columns {list(record)}")


def read_csv(body, kind):
    require(text(body).startswith("type,value\r\n"), "the header")
    rows = records(body)
    require(all(row["type"] == kind for row in rows), "the type")
    return [row["value"] for row in rows]


def read_jsonl(body, kind):
    rows = [json.loads(line) for line in lines(body)]
    require(all(list(row) == ["type", "value"] and row["type"] == kind for row in rows), "members")
    return [row["value"] for row in rows]


def read_splunk(body, kind):
    """Supported types of threat intelligence: the columns of the local lookups."""
    lookups = {
        "ip": ("description,ip,weight", "ip"),
        "domain": ("description,domain,weight", "domain"),
        "url": ("description,http_referrer,http_user_agent,url,weight", "url"),
        "user-agent": ("description,http_referrer,http_user_agent,url,weight", "http_user_agent"),
        "hash": ("description,file_hash,file_name,weight", "file_hash"),
        "name": ("description,file_hash,file_name,weight", "file_name"),
        "sender": ("description,src_user,subject,weight", "src_user"),
        "subject": ("description,src_user,subject,weight", "subject"),
    }
    fields = {
        "domain": "domain",
        "hostname": "domain",
        "url": "url",
        "user-agent": "user-agent",
        "filename": "name",
        "email-attachment": "name",
        "email-address": "sender",
        "email-subject": "subject",
    }
    header, column = lookups["hash" if kind in HASHES else fields.get(kind, "ip")]
    require(text(body).split("\n")[0] == header, "the header")
    values = []
    for row in records(body):
        only(row, {"description": TITLE, "weight": "60", column: row[column]})
        require("*" not in row[column], "a wildcard")
        values.append(row[column])
    return values


def read_elastic(body, kind):
    """ECS: where the value of each type of threat.indicator is."""
    places = {
        "domain": ("url", "domain"),
        "hostname": ("url", "domain"),
        "url": ("url", "full"),
        "file-md5": ("file", "hash", "md5"),
        "file-sha1": ("file", "hash", "sha1"),
        "file-sha256": ("file", "hash", "sha256"),
        "imphash": ("file", "pe", "imphash"),
        "filename": ("file", "name"),
        "email-attachment": ("file", "name"),
        "email-address": ("email", "address"),
    }
    kinds = {"domain": "domain-name", "hostname": "domain-name", "url": "url", "email-address": "email-addr"}
    values = []
    for line in lines(body):
        document = json.loads(line)
        require(document["event"] == {"kind": "enrichment", "category": ["threat"], "type": ["indicator"]}, "event")
        threat = document["threat"]
        require(threat["feed"]["name"] == TITLE, "the title")
        indicator = threat["indicator"]
        value = indicator
        for part in places.get(kind, ("ip",)):
            value = value[part]
        require(indicator["name"] == value, "the name")
        if kind in places:
            require(indicator["type"] == kinds.get(kind, "file"), "the type")
        else:
            address = ipaddress.ip_address(value)
            require(indicator["type"] == f"ipv{address.version}-addr", "the family")
        values.append(value)
    return values


def read_defender(body, kind):
    """Manage indicators: the parameters of the file, in the order of the portal's sample."""
    columns = (
        "indicatorType,indicatorValue,expirationTime,action,severity,title,description,"
        "recommendedActions,rbacGroups,category,mitretechniques,GenerateAlert"
    )
    require(text(body).split("\n")[0] == columns, "the header")
    kinds = {"domain": "DomainName", "hostname": "DomainName", "url": "Url"}
    hashes = {"file-sha1": "FileSha1", "file-sha256": "FileSha256"}
    values = []
    for row in records(body):
        value = row["indicatorValue"]
        only(
            row,
            {
                "indicatorType": kinds.get(kind) or hashes.get(kind) or "IpAddress",
                "indicatorValue": value,
                "action": "Audit",
                "severity": "Medium",
                "title": TITLE,
                "description": "Indicator from MISP",
            },
        )
        if row["indicatorType"] == "IpAddress":
            ipaddress.ip_address(value)
        if kind in hashes:
            require(re.fullmatch("[0-9a-f]{%d}" % HASHES[kind], value), "no hash")
        values.append(value)
    return values


def cdb(body):
    """The keys and values of a CDB list, as Wazuh's analysis engine reads each line."""
    table = {}
    for line in text(body).split("\n")[:-1]:
        require(len(line.encode()) < 65534, "a line is too long")
        quote, colon = line.find('"'), line.find(":")
        if 0 <= quote < colon:
            end = line.find('"', quote + 1)
            require(end >= 0, "an open quote")
            key, rest = line[quote + 1 : end], line[end + 1 :]
            require(quote == 0, "text before the key")
            require(rest.startswith(":"), "text behind the key")
            value = rest[1:]
        else:
            require(colon >= 0, "no colon")
            key, value = line[:colon], line[colon + 1 :]
        require(value and '"' not in value and ":" not in value, f"the value {value!r}")
        require(key not in table, f"the key {key!r} is there twice")
        table[key] = value
    return table


def cdb_has_address(table, address):
    """The lookup address_match_key: the whole text, then what is before each dot, with the dot."""
    key = str(address)
    while key:
        if key in table:
            return True
        key = key[: key[:-1].rfind(".") + 1]
    return False


def read_wazuh(body, kind, wanted):
    require(body == b"" or body.endswith(b"\n"), "the last line has no end")
    table = cdb(body)
    require(set(table.values()) <= {kind}, "the values")
    if kind not in ("ip", "ipv4", "ipv4ext", "ipv6", "ipv6ext", "cidr4"):
        return list(table)
    networks = [ipaddress.ip_network(value) for value in wanted]
    beside = set()
    for network in networks:
        first, last = network[0], network[-1]
        require(cdb_has_address(table, first) and cdb_has_address(table, last), f"{network} does not match")
        beside |= {int(first) - 1, int(last) + 1}
    family = ipaddress.IPv6Address if kind.startswith("ipv6") else ipaddress.IPv4Address
    for number in beside:
        try:
            address = family(number)
        except ValueError:
            continue
        listed = any(address in network for network in networks)
        require(cdb_has_address(table, address) == listed, f"{address} is taken for listed: {not listed}")
    return wanted


def read_crowdsec(body, _):
    """Any of duration, reason, scope, type and value, with a header line."""
    values = []
    for row in records(body):
        value = row["value"]
        network = ipaddress.ip_network(value)
        scope = "Range" if "/" in value else "Ip"
        require(("/" in value) == (network.num_addresses > 1), "a network of one address")
        require(re.fullmatch("([0-9]+[hms])+", row["duration"]), "the duration")
        only(row, {"duration": "24h", "reason": TITLE, "scope": scope, "type": "ban", "value": value})
        values.append(value)
    return values


def read_graylog(body, kind):
    """DSV file from HTTP with its defaults: split at commas outside of quotes, one quote cut off at each end."""
    split = re.compile(r',(?=(?:[^"]*"[^"]*")*[^"]*$)')
    table = {}
    for line in text(body).split("\n")[:-1]:
        if line.startswith("#"):
            continue
        fields = split.split(line)
        require(len(fields) == 2, f"{len(fields)} fields")
        key, value = (re.sub('^"|"$', "", field.strip()) for field in fields)
        require(key not in table, "a key is there twice")
        require(value == kind, "the value")
        table[key] = value
    return list(table)


def read_qradar(body, kind):
    """The API takes an array of texts; a reference set has elements of one type."""
    values = json.loads(body)
    require(all(isinstance(value, str) and value for value in values), "an element")
    if kind == "ip":
        require(not any("/" in value for value in values), "a network among addresses")
    return values


def read_misp(body, _):
    """The module csvimport: names of columns are those of MISP, fields are stripped, "#" begins a comment."""
    types = Path(__file__).parent.parent.joinpath("data/describe-types-2.5.1.txt").read_text().splitlines()
    values = []
    rows = list(csv.reader(io.StringIO(text(body), newline="")))
    require(rows[0] == ["category", "type", "value", "comment", "to_ids"], "the header")
    for row in rows[1:]:
        require(not row[0].startswith("#") and len(row) == 5, "a record")
        require(row[1] in types or row[1] == "edge-extension-id", f"the type {row[1]}")
        require(row[3:] == ["", "1"], "comment and to_ids")
        values.append(row[2])
    return values


def read_openioc(body, kind):
    """The schema of OpenIOC 1.1: elements in order, attributes that are required, and ids that are unique."""
    space = "{http://openioc.org/schemas/OpenIOC_1.1}"
    root = xml.fromstring(body)
    require(root.tag == space + "OpenIOC", "the root")
    date = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
    require(date.fullmatch(root.get("last-modified")) and date.fullmatch(root.get("published-date")), "the dates")
    require([child.tag for child in root] == [space + "metadata", space + "criteria"], "the parts")
    metadata, criteria = root
    names = ["short_description", "authored_by", "authored_date"]
    require([child.tag for child in metadata] == [space + name for name in names], "the metadata")
    require(metadata[0].text == TITLE, "the title")
    (either,) = criteria
    require(either.tag == space + "Indicator" and either.get("operator") == "OR", "the operator")
    ids, values = [root.get("id"), either.get("id")], []
    for item in either:
        require(item.tag == space + "IndicatorItem", "an item")
        require(item.get("condition") == "is" and item.get("negate") == "false", "the condition")
        require(item.get("preserve-case") in ("true", "false"), "the case")
        context, content = item
        require((context.tag, content.tag) == (space + "Context", space + "Content"), "the parts of an item")
        require(context.get("search").startswith(context.get("document") + "/"), "the term")
        if content.get("type") == "IP":
            ipaddress.ip_address(content.text)
        if kind in HASHES:
            require(content.get("type") == kind.removeprefix("file-"), "the type")
        values.append(content.text or "")
        require(item.get("id") == str(uuid.uuid5(NAMESPACE, f"{context.get('search')}:{content.text}")), "the id")
        ids.append(item.get("id"))
    require(len(ids) == len(set(ids)), "an id is there twice")
    return values


def read_stix(body, kind):
    """The library stix2 reads it, the validator of OASIS has no complaint, and its grammar takes each pattern."""
    import stix2
    import stix2validator
    from stix2patterns.v21.pattern import Pattern

    result = stix2validator.validate_string(text(body), stix2validator.ValidationOptions(version="2.1", strict=False))
    require(result.is_valid, f"the validator: {[str(error) for error in result.errors]}")
    bundle = stix2.parse(json.loads(body), version="2.1")
    identity, *indicators = bundle.objects
    require(identity.type == "identity" and identity.id == f"identity--{uuid.uuid5(NAMESPACE, 'identity:Cratos')}", "id")
    ids, values = set(), []
    for indicator in indicators:
        require(indicator.type == "indicator" and indicator.created_by_ref == identity.id, "the creator")
        require(indicator.created <= indicator.modified == indicator.valid_from, "the times")
        name = f"{indicator.pattern_type}:{indicator.pattern}"
        require(indicator.id == f"indicator--{uuid.uuid5(NAMESPACE, name)}", "the id")
        require(indicator.id not in ids, "an id is there twice")
        ids.add(indicator.id)
        if kind in RULES:
            require(indicator.pattern_type == kind, "the language")
            values.append(indicator.pattern)
            continue
        require(indicator.pattern_type == "stix", "the language")
        comparisons = Pattern(indicator.pattern).inspect().comparisons
        ((_, ((_, operator, literal),)),) = comparisons.items()
        value = re.sub(r"\\(.)", r"\1", literal[1:-1], flags=re.DOTALL)
        require(operator == ("ISSUBSET" if "/" in value and kind in ("ip", "cidr4", "cidr6") else "="), "the operator")
        require(indicator.name == value, f"the name {indicator.name!r} of {value!r}")
        values.append(value)
    return values


READERS = {
    "csv": read_csv,
    "jsonl": read_jsonl,
    "splunk": read_splunk,
    "elastic": read_elastic,
    "defender": read_defender,
    "crowdsec": read_crowdsec,
    "graylog-dsv": read_graylog,
    "qradar": read_qradar,
    "misp-csv": read_misp,
    "openioc": read_openioc,
    "stix2": read_stix,
}


def check(folder):
    csv.field_size_limit(1 << 24)
    for name, wanted in json.loads(Path(folder, "wanted.json").read_text()).items():
        output, kind, _ = name.split(".")
        body = Path(folder, name).read_bytes()
        try:
            found = read_wazuh(body, kind, wanted) if output == "wazuh" else READERS[output](body, kind)
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {error}")
            continue
        if sorted(found) != sorted(wanted):
            lost = [value for value in wanted if value not in found]
            more = [value for value in found if value not in wanted]
            print(f"{name}: lost {lost[:3]!r}, and has {more[:3]!r}")


check(sys.argv[1])
