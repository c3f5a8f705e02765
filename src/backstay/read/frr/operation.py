"""Exec-mode commands: what they do to the network while they last."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping

from backstay.model.address import Address
from backstay.model.change import Operation
from backstay.model.network import NOTHING, Interface, InterfaceRef, Overlay, Router
from backstay.model.routing import DEFAULT_VRF, BgpNeighbor, BgpProcess
from backstay.model.source import Place

_SOFT = frozenset({"soft", "in", "out"})
_SILENT = {
    "show": "show",
    "ping": "show",
    "traceroute": "show",
    "mtrace": "show",
    "find": "show",
    "list": "show",
    "terminal": "show",
    "enable": "show",
    "disable": "show",
    "who": "show",
    "debug": "debug",
    "undebug": "debug",
}
_WRITES = frozenset({"", "memory", "file", "integrated", "terminal"})
"""``write erase`` is none of them: what boots next is nobody's computation. Nor is ``copy FILE running-config``."""
_RELOADS = (
    "reload",
    "reboot",
    "shutdown -r",
    "init 6",
    "systemctl restart frr",
    "systemctl reboot",
    "service frr restart",
    "/etc/init.d/frr restart",
)
_SHUTDOWNS = (
    "shutdown",
    "poweroff",
    "halt",
    "init 0",
    "systemctl stop frr",
    "systemctl poweroff",
    "service frr stop",
    "/etc/init.d/frr stop",
)
_RELOAD_IN_PLACE = ("systemctl reload frr", "service frr reload")


def operation(router: Router, command: str, place: Place) -> Operation | None:
    """What an exec command does, None for one nobody knows.

    ``clear bgp *`` resets every session of the VRF; the soft forms reset none. ``clear`` of an IGP takes the
    interfaces it runs on as down while it lasts: nothing finer than that is said by the command. ``reload`` takes the
    router down.
    """
    words = _words(command)
    if not words:
        return None
    text = " ".join(words)
    kind, overlay = _effect(router, words, text)
    return (
        None
        if kind is None
        else Operation(router=router.name, kind=kind, text=command.strip(), overlay=overlay, place=place)
    )


def _words(command: str) -> list[str]:
    """The command without ``sudo`` and ``vtysh -c``; [] where its quotes do not close."""
    try:
        words = shlex.split(command)
    except ValueError:
        return []
    if words[:1] == ["sudo"]:
        words = words[1:]
    if words[:2] == ["vtysh", "-c"] and len(words) == 3:
        words = words[2].split()
    return words


def _effect(router: Router, words: list[str], text: str) -> tuple[str | None, Overlay]:
    if words[0] == "clear":
        return _clear(router, words[1:])
    if _is_one_of(text, _RELOADS):
        return "reload", Overlay(routers_down=frozenset({router.name}))
    if _is_one_of(text, _SHUTDOWNS):
        return "shutdown", Overlay(routers_down=frozenset({router.name}))
    if words[0] in _SILENT:
        return _SILENT[words[0]], NOTHING
    if words[0] == "write" and " ".join(words[1:]) in _WRITES:
        return "write", NOTHING
    if words == ["copy", "running-config", "startup-config"]:
        return "write", NOTHING
    if words[:2] == ["no", "debug"]:
        return "debug", NOTHING
    return _interface_command(router, words)


def _is_one_of(text: str, commands: Iterable[str]) -> bool:
    return any(text == command or text.startswith(f"{command} ") for command in commands)


def _interface_command(router: Router, words: list[str]) -> tuple[str | None, Overlay]:
    match words:
        case ["ip", "link", "set", "dev", name, "down"] | ["ip", "link", "set", name, "down"] | ["ifdown", name]:
            if name in router.interfaces:
                return "shutdown", Overlay(interfaces_down=frozenset({InterfaceRef(router.name, name)}))
    return None, NOTHING


# ---------------------------------------------------------------------------------------- clear


def _clear(router: Router, words: list[str]) -> tuple[str | None, Overlay]:
    match words:
        case ["ip", "bgp", *rest] | ["bgp", *rest]:
            return _clear_bgp(router, rest)
        case ["isis", "neighbor", *_]:
            return "clear", _down(router, lambda interface: interface.isis is not None)
        case ["isis", *_]:
            return None, NOTHING
        case ["ip", "ospf", "interface", name]:
            return _clear_interface(router, name)
        case ["ip", "ospf", *_]:
            return "clear", _down(router, lambda interface: interface.ospf is not None)
        case ["ipv6", "ospf6", "interface", name]:
            return _clear_interface(router, name)
        case ["ipv6", "ospf6", *_]:
            return "clear", _down(router, lambda interface: interface.ospf6 is not None)
        case ["counters", *_] | ["log", *_] | ["route-map", *_] | ["ip" | "ipv6", "prefix-list", *_]:
            return "clear", NOTHING
    return None, NOTHING


def _clear_interface(router: Router, name: str) -> tuple[str | None, Overlay]:
    if name not in router.interfaces:
        return None, NOTHING
    return "clear", Overlay(interfaces_down=frozenset({InterfaceRef(router.name, name)}))


def _down(router: Router, runs: Callable[[Interface], bool]) -> Overlay:
    named = {InterfaceRef(router.name, interface.name) for interface in router.interfaces.values() if runs(interface)}
    return Overlay(interfaces_down=frozenset(named))


def _clear_bgp(router: Router, words: list[str]) -> tuple[str | None, Overlay]:
    vrf, words = _take_vrf(words)
    while words and words[0] in {"ipv4", "ipv6", "unicast", "l2vpn", "evpn"}:
        words = words[1:]
    if words[:1] in (["prefix"], ["dampening"]):
        return "clear", NOTHING
    target, rest = words[:1], words[1:]
    if target == ["peer-group"]:
        target, rest = words[:2], words[2:]
    if not target or set(rest) - _SOFT - {"prefix-filter", "message-stats"}:
        return None, NOTHING
    chosen = _chosen(router, vrf, target)
    if chosen is None:
        return None, NOTHING
    if rest:
        return "clear", NOTHING
    return "clear", Overlay(sessions_reset=frozenset((router.name, str(neighbor.peer)) for neighbor in chosen))


def _take_vrf(words: list[str]) -> tuple[str, list[str]]:
    if words[:1] in (["vrf"], ["view"]) and len(words) > 1:
        return words[1], words[2:]
    return DEFAULT_VRF, words


def _chosen(router: Router, vrf: str, target: list[str]) -> list[BgpNeighbor] | None:
    """The neighbours meant; None where the words mean none that could be told."""
    processes = [process for process in router.bgp if vrf in (process.vrf, "all")]
    chosen = [
        neighbor
        for process in processes
        for neighbor in process.neighbors.values()
        if _means(process, neighbor, target)
    ]
    return chosen if chosen or target[0] in {"*", "external"} or target[0].isdigit() else None


def _means(process: BgpProcess, neighbor: BgpNeighbor, target: list[str]) -> bool:
    match target:
        case ["*"]:
            return True
        case ["external"]:
            return neighbor.remote_as not in {process.asn, "internal"}
        case ["peer-group", group]:
            return neighbor.peer_group == group
        case [number] if number.isdigit():
            return neighbor.remote_as == int(number)
        case [peer]:
            return str(neighbor.peer) == _canonical(peer)
    return False


def _canonical(text: str) -> str:
    try:
        return str(Address.parse(text))
    except ValueError:
        return text


KINDS: Mapping[str, str] = _SILENT
"""First words of commands without effect on routing, and the kind of `Operation` each is."""
