"""Which web addresses are acceptable; nothing here opens one."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from kirin.errors import InvalidRequest, Rule

LONGEST_LINK = 2048
"""Characters in a link that people give."""

_LONGEST_HOST = 253
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_PRIVATE_ENDINGS = (".local", ".localhost", ".internal", ".lan", ".home", ".test", ".invalid")


def check_image_url(text: str) -> str:
    """Accept the link of a reference image as text, or raise `InvalidRequest` with what is wrong.

    The provider fetches it, not this bot: https, a public host name, no credentials, no IP
    address.
    """
    link = text.strip()
    problem = _problem(link)
    if problem:
        raise InvalidRequest(Rule.IMAGE_URL, problem=problem)
    return "https" + link[len("https") :]  # phones write "Https"


def _problem(link: str) -> str | None:
    if len(link) > LONGEST_LINK:
        return "too_long"
    parts = _split(link)
    if parts is None or not link.isprintable() or " " in link or "\\" in link:
        return "malformed"
    if parts.scheme != "https":
        return "not_https"
    if parts.username is not None or parts.password is not None:
        return "credentials"
    host = _plain(parts.hostname or "")
    if is_ip_address(host):
        return "ip_address"
    return None if is_public_name(host) else "not_public"


def _split(link: str) -> SplitResult | None:
    try:
        parts = urlsplit(link)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.hostname else None


def is_ip_address(host: str) -> bool:
    """Say whether a host is an address in any spelling that some resolver accepts."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # 127.1, 0x7f000001, 2130706433: the old spellings end in a number
        last = host.rstrip(".").rsplit(".", 1)[-1].lower()
        return last.isdigit() or last.startswith("0x")
    return True


def is_public_name(host: str) -> bool:
    """Say whether a host is a name (in ASCII) that anybody might resolve, and no address."""
    name = host.lower().rstrip(".")
    labels = name.split(".")
    return (
        len(name) <= _LONGEST_HOST
        and len(labels) > 1
        and all(_LABEL.fullmatch(label) for label in labels)
        and not f".{name}".endswith(_PRIVATE_ENDINGS)
        and not is_ip_address(name)
    )


def _plain(host: str) -> str:
    """Spell a host as resolvers do: international letters, digits and full stops in ASCII."""
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
