"""A category in the local database of ProxySG.

Sources: "define category" and "Quoting" in the ProxySG Content Policy Language guide (chapters 1 and 6), read on
2026-11-29. Words stand between blanks; text in single or double quotes is one word without its quotes; a semicolon
outside of quotes begins a comment; "=" and blanks have a meaning outside of quotes. An entry is a domain, which covers
its subdomains, or a domain and the beginning of a path.
"""

import re

from device import Malformed, domain, is_below, lines, request, serve

WORD = re.compile(r""" "([^"]*)" | '([^']*)' | ([^\s"'=;()!&|,\\]+) """, re.VERBOSE)


def words(line):
    line, found = line.strip(), []
    while line and not line.startswith(";"):
        match = WORD.match(line)
        if not match:
            raise Malformed(f"{line!r} has punctuation")
        found.append(match.group(1) or match.group(2) or match.group(3) or "")
        rest = line[match.end() :]
        if rest and not rest[0].isspace() and rest[0] != ";":
            raise Malformed(f"{line!r} is not divided by blanks")
        line = rest.strip()
    return found


def pattern(word):
    """Returns the domain, and the beginning of the path."""
    if "://" in word.split("?")[0] or "*" in word:
        raise Malformed(f"{word!r} has a scheme or a wildcard")
    if "/" not in word and "?" not in word:
        return domain(word), ""
    asked = request(word)
    if asked.path == "/" or asked.port is not None:
        raise Malformed(f"{word!r} is read as the whole domain, or has a port")
    return asked.host, asked.path


def load(kind, body):
    parsed = [words(line) for line in lines(body)]
    if len(parsed) < 2 or parsed[0][:2] != ["define", "category"] or len(parsed[0]) != 3:
        raise Malformed("no category is defined")
    if parsed[-1] not in (["end"], ["end", parsed[0][2]]):
        raise Malformed("the definition has no end")
    entries = [word for line in parsed[1:-1] for word in line]
    if "end" in entries or "define" in entries:
        raise Malformed("an entry ends the definition")
    patterns = [pattern(word) for word in entries]

    def enforces(value):
        host, path = (request(value).host, request(value).path) if kind == "url" else (value, "/")
        return any(is_below(host, name) and path.startswith(start) for name, start in patterns)

    return entries, enforces


serve(load)
