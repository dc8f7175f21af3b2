"""The proxy that the environment names for a URL, as for curl and Go."""

import ipaddress
import re
from typing import Final
from urllib.request import getproxies

import httpx2

# entry ::= host [ ":" port ]; an IPv6 address with a port is in brackets
_ENTRY: Final = re.compile(r"\[?(?P<host>[^\[\]]+?)\]?(?::(?P<port>[0-9]{1,5}))?")


def find(url: httpx2.URL) -> httpx2.URL | None:
    """The proxy of HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, None if NO_PROXY exempts the URL.

    This is how httpx2 chooses, which does not say what it chose.
    """
    proxies = getproxies()
    named = proxies.get(url.scheme) or proxies.get("all")
    exempt = [entry.strip() for entry in proxies.get("no", "").split(",")]
    if not named or any(_exempts(entry, url) for entry in exempt if entry):
        return None
    return httpx2.URL(named if "://" in named else f"http://{named}")


def _exempts(entry: str, url: httpx2.URL) -> bool:
    if entry == "*":
        return True
    try:
        network = ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return _exempts_name(entry, url)
    try:
        return ipaddress.ip_address(url.host) in network
    except ValueError:
        return False


def _exempts_name(entry: str, url: httpx2.URL) -> bool:
    read = _ENTRY.fullmatch(entry.lower())
    if read is None or (read["port"] and int(read["port"]) != url.port):
        return False
    name = read["host"].removeprefix("*")
    if name == "localhost" or is_address(name):
        return url.host == name
    return url.host.endswith(f".{name.lstrip('.')}") or url.host == name


def is_address(text: str) -> bool:
    """Whether the text is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
