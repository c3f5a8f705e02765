"""Short unique names for routers: ``lon1`` for the router in London."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import count

from backstay.generate.topology import Place, Topology

GEANT: Mapping[str, tuple[str, str]] = {
    "at1.at": ("vie", "Vienna"),
    "be1.be": ("bru", "Brussels"),
    "ch1.ch": ("gen", "Geneva"),
    "cz1.cz": ("prg", "Prague"),
    "de1.de": ("fra", "Frankfurt"),
    "es1.es": ("mad", "Madrid"),
    "fr1.fr": ("par", "Paris"),
    "gr1.gr": ("ath", "Athens"),
    "hr1.hr": ("zag", "Zagreb"),
    "hu1.hu": ("bud", "Budapest"),
    "ie1.ie": ("dub", "Dublin"),
    "il1.il": ("tlv", "Tel Aviv"),
    "it1.it": ("mil", "Milan"),
    "lu1.lu": ("lux", "Luxembourg"),
    "nl1.nl": ("ams", "Amsterdam"),
    "ny1.ny": ("nyc", "New York"),
    "pl1.pl": ("poz", "Poznan"),
    "pt1.pt": ("lis", "Lisbon"),
    "se1.se": ("sto", "Stockholm"),
    "si1.si": ("lju", "Ljubljana"),
    "sk1.sk": ("bts", "Bratislava"),
    "uk1.uk": ("lon", "London"),
}
"""GEANT's nodes have country codes for names; their positions are those cities (SNDlib, `geant` node list)."""
RESERVED = frozenset({"yes", "off", "all", "any", "dns", "sso", "noc", "con", "nul", "prn", "aux"})
"""Codes that mean something elsewhere: YAML's booleans, our services, file names Windows refuses."""
_SPECIAL = str.maketrans({"ø": "o", "Ø": "O", "ß": "ss", "æ": "ae", "ł": "l", "Ł": "L", "đ": "d", "ı": "i"})
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def site_names(topology: Topology) -> tuple[tuple[str, str], ...]:
    """For each place its site code and its name for people: ("fra", "Frankfurt").

    Codes are unique: lower-case ASCII letters, with a dash where the data set has no usable name. A place with more
    fibres gets the shorter one.
    """
    degree = [len(around) for around in topology.neighbours()]
    order = sorted(topology.places, key=lambda place: (-degree[place.number], place.number))
    codes: dict[int, str] = {}
    taken = set(RESERVED)
    for place in order:
        code = next(code for code in _codes(place) if code not in taken)
        taken.add(code)
        codes[place.number] = code
    return tuple((codes[place.number], _for_people(place)) for place in topology.places)


def _for_people(place: Place) -> str:
    name = GEANT.get(place.name, ("", place.name))[1]
    return " ".join(name.split()) or f"{place.kind.lower() or 'node'} {place.number}"


def _codes(place: Place) -> Iterator[str]:
    """Codes to try, best first; endless, so that one is always free."""
    if place.name in GEANT:
        yield GEANT[place.name][0]
    words = re.findall(r"[a-z]+", _ascii(place.name).casefold())
    letters = "".join(words)
    if len(letters) < 3:
        prefix = "sea" if place.kind == "Seacable Waypoint" else "node"
        yield from (f"{prefix}-{_in_letters(number)}" for number in count(place.number))
    yield from (letters[:length] for length in range(3, min(len(letters), 8) + 1))
    yield from (f"{letters[:3]}-{_in_letters(number)}" for number in count(0))


def _ascii(text: str) -> str:
    spread = unicodedata.normalize("NFKD", text.translate(_SPECIAL))
    return spread.encode("ascii", "ignore").decode()


def _in_letters(number: int) -> str:
    """A number in base 26, at least two letters: codes never end in a digit, routers do."""
    text = ""
    while number or len(text) < 2:
        number, rest = divmod(number, 26)
        text = _ALPHABET[rest] + text
    return text
