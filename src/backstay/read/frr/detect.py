"""Whether a text is an FRR configuration."""

from __future__ import annotations

import re

from backstay.read.frr import cumulus
from backstay.read.frr.tree import Tree
from backstay.read.section import Line

_OURS = re.compile(r"^(#\s*)?frr (version|defaults) |^service integrated-vtysh-config", re.MULTILINE)
#: What other systems write and FRR never does: IOS, IOS-XR, NX-OS, EOS, Junos, SR OS.
_FOREIGN = re.compile(
    r"^(version \d+\.|!! IOS XR|! device:|! Command: show running|!Command: show running|boot-start-marker"
    r"|interface (\w*Ethernet|TenGig|HundredGig|FortyGig|TwentyFiveGig|Bundle-Ether|Port-channel|mgmt0|Loopback ?\d)"
    r"|feature \w+|router-bgp|route-policy |prefix-set |set (version|system|interfaces|protocols) |configure$)"
    r"|[\w\])>\"] ?\{\s*$",
    re.MULTILINE,
)
_SAMPLE = 400
_SHARE = 0.8


def looks_like(text: str) -> bool:
    """True for FRR: by its own marks; else where no other system's mark is found and four lines in five are known."""
    if cumulus.INTERFACES_MARK in text[:4000]:
        return True
    if _FOREIGN.search(text):
        return False
    if _OURS.search(text) or cumulus.is_interfaces(text):
        return True
    lines = [line for line in text.splitlines()[:_SAMPLE] if line.strip() and line.strip()[0] not in "!#"]
    tree = Tree()
    for number, line in enumerate(lines, 1):
        tree.read(Line("", number, line))
    return bool(lines) and len(tree.problems) <= len(lines) * (1 - _SHARE)
