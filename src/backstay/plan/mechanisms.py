"""Ways to take a router or a link out of service, what each really does on the routers' own system, and the lines for it.

What a vendor's manual promises is not what its software does: every row says where its words come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from backstay.model.network import InterfaceRef, Network, Router
from backstay.model.routing import DEFAULT_VRF, IsisProcess, OspfProcess
from backstay.model.source import Place
from backstay.plan.targets import Target

ISIS_WIDE = 16_777_214
"""The highest metric of a link that is still a link everywhere: 2^24 - 1 leaves it out of SPF (RFC 5305 3)."""

ISIS_NARROW = 63
OSPF_COST = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Lines for one router and the lines that take them back. ``what`` is for people."""

    router: str
    lines: tuple[str, ...]
    back: tuple[str, ...]
    what: str
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism:
    """A row of `MECHANISMS`. ``does`` and ``does_not`` are sentences; ``sources`` where they come from."""

    name: str
    title: str
    does: str
    does_not: str
    sources: tuple[str, ...]
    moves: Callable[[Network, Target], tuple[Move, ...]]


class NotHere(Exception):  # noqa: N818 - an answer, not a fault
    """The mechanism has no meaning for this target; the text says why."""


# ------------------------------------------------------------------------------------------- lines


def _heading(router: Router, place: Place, otherwise: str) -> str:
    """The section's heading as the configuration writes it (instance, VRF), so that typing it enters the same section."""
    for source in router.sources:
        if source.path == place.file and 0 < place.line <= len(source.text.splitlines()):
            return source.text.splitlines()[place.line - 1].strip()
    return otherwise


def _isis_heading(router: Router, process: IsisProcess) -> str:
    vrf = "" if process.vrf == DEFAULT_VRF else f" vrf {process.vrf}"
    return _heading(router, process.place, f"router isis {process.tag}{vrf}")


def _ospf_heading(router: Router, process: OspfProcess) -> str:
    vrf = "" if process.vrf == DEFAULT_VRF else f" vrf {process.vrf}"
    return _heading(router, process.place, f"router {'ospf' if process.version == 2 else 'ospf6'}{vrf}")


def section(heading: str, *lines: str) -> tuple[str, ...]:
    """A section with lines in it."""
    return (heading, *(f" {line}" for line in lines))


def _own_lines(router: Router, interface: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """Lines of the interface's section that begin with any of these words, as they are written."""
    found: list[str] = []
    inside = False
    for source in router.sources:
        for line in source.text.splitlines():
            if line[:1] not in {" ", "\t", "!", ""}:
                inside = line.split() == ["interface", interface]
            elif inside and line.strip().startswith(words):
                found.append(line.strip())
    return tuple(found)


# ------------------------------------------------------------------------------------------- routers


def _overload(network: Network, target: Target) -> tuple[Move, ...]:
    _routers_only(target, "an overload bit")
    return tuple(overload_move(network.routers[name]) for name in target.routers)


def overload_move(router: Router) -> Move:
    """The overload bit on every IS-IS process. Raises `NotHere` without any."""
    processes = [process for process in router.isis if process.system_id]
    if not processes:
        raise NotHere(f"{router.name} does not run IS-IS")
    lines = [line for one in processes for line in section(_isis_heading(router, one), "set-overload-bit")]
    back = [line for one in processes for line in section(_isis_heading(router, one), "no set-overload-bit")]
    return Move(router=router.name, lines=tuple(lines), back=tuple(back), what="no transit: IS-IS overload bit")


def _max_metric(network: Network, target: Target) -> tuple[Move, ...]:
    _routers_only(target, "a maximum metric of the router LSA")
    return tuple(max_metric_move(network.routers[name]) for name in target.routers)


def max_metric_move(router: Router) -> Move:
    """The highest metric on every OSPF process. Raises `NotHere` without any."""
    if not router.ospf and not router.ospf6:
        raise NotHere(f"{router.name} does not run OSPF")
    lines: list[str] = []
    back: list[str] = []
    for process in router.ospf:
        lines += section(_ospf_heading(router, process), "max-metric router-lsa administrative")
        back += section(_ospf_heading(router, process), "no max-metric router-lsa administrative")
    for process in router.ospf6:
        lines += section(_ospf_heading(router, process), "stub-router administrative")
        back += section(_ospf_heading(router, process), "no stub-router administrative")
    return Move(router=router.name, lines=tuple(lines), back=tuple(back), what="last resort only: OSPF maximum metric")


def _graceful(network: Network, target: Target) -> tuple[Move, ...]:
    _routers_only(target, "BGP graceful shutdown")
    return tuple(graceful_move(network.routers[name]) for name in target.routers)


def graceful_move(router: Router) -> Move:
    """Graceful shutdown of the BGP process of the default VRF. Raises `NotHere` without one."""
    processes = [process for process in router.bgp if process.vrf == DEFAULT_VRF]
    if not processes:
        raise NotHere(f"{router.name} does not run BGP")
    heading = _heading(router, processes[0].place, f"router bgp {processes[0].asn}")
    return Move(
        router=router.name,
        lines=section(heading, "bgp graceful-shutdown"),
        back=section(heading, "no bgp graceful-shutdown"),
        what="BGP's last choice: graceful shutdown community",
    )


def _routers_only(target: Target, what: str) -> None:
    if target.links:
        named = ", ".join(target.links) + (" is a link" if len(target.links) == 1 else " are links")
        raise NotHere(f"{what} takes a whole router; {named}")


# ------------------------------------------------------------------------------------------- links


def _ends(network: Network, target: Target) -> Iterator[tuple[str, InterfaceRef]]:
    """Every end of every link that the target takes out, by link."""
    for link in network.links.values():
        if link.name in target.links or {end.router for end in link.ends} & set(target.routers):
            yield from ((link.name, end) for end in link.ends)


def _metric(network: Network, target: Target) -> tuple[Move, ...]:
    moves = [_metric_move(network, name, end) for name, end in _ends(network, target)]
    found = tuple(move for move in moves if move is not None)
    if not found:
        raise NotHere("no interior protocol runs there, so there is no metric to raise")
    return found


def _metric_move(network: Network, link: str, end: InterfaceRef) -> Move | None:
    router = network.routers[end.router]
    interface = router.interfaces[end.interface]
    lines: list[str] = []
    back: list[str] = []
    if interface.isis and not interface.isis.passive:
        process = next((one for one in router.isis if one.tag == interface.isis.tag), None)
        highest = ISIS_WIDE if process is None or process.metric_style == "wide" else ISIS_NARROW
        lines.append(f"isis metric {highest}")
        back += _own_lines(router, end.interface, ("isis metric",)) or ("no isis metric",)
    if interface.ospf and not interface.ospf.passive:
        lines.append(f"ip ospf cost {OSPF_COST}")
        back += _own_lines(router, end.interface, ("ip ospf cost",)) or ("no ip ospf cost",)
    if interface.ospf6 and not interface.ospf6.passive:
        lines.append(f"ipv6 ospf6 cost {OSPF_COST}")
        back += _own_lines(router, end.interface, ("ipv6 ospf6 cost",)) or ("no ipv6 ospf6 cost",)
    if not lines:
        return None
    heading = f"interface {end.interface}"
    return Move(
        router=end.router,
        lines=section(heading, *lines),
        back=section(heading, *back),
        what=f"last resort only: {link} as seen from {end.router}",
        links=(link,),
    )


def _shutdown(network: Network, target: Target) -> tuple[Move, ...]:
    """One end is enough: the other loses its carrier. For a router its own ends, together."""
    found = []
    for name in target.routers:
        ends = [end for _, end in _ends(network, target) if end.router == name]
        lines = [line for end in ends for line in section(f"interface {end.interface}", "shutdown")]
        back = [line for end in ends for line in section(f"interface {end.interface}", "no shutdown")]
        found.append(Move(router=name, lines=tuple(lines), back=tuple(back), what=f"every link of {name} shut down"))
    for name in target.links:
        end = min(network.links[name].ends)
        heading = f"interface {end.interface}"
        found.append(
            Move(
                router=end.router,
                lines=section(heading, "shutdown"),
                back=section(heading, "no shutdown"),
                what=f"{name} shut down at {end.router}",
                links=(name,),
            )
        )
    return tuple(found)


# ------------------------------------------------------------------------------------------- the table

MECHANISMS: tuple[Mechanism, ...] = (
    Mechanism(
        name="overload",
        title="IS-IS overload bit",
        does="no router sends transit through it once the new LSP is everywhere: 24.6 s with FRR's default timers, 1.6 s "
        "with lsp-gen-interval 1 and spf-interval 1",
        does_not="what is destined to the router itself still comes, and so does what leaves by its BGP sessions: external "
        "exits stay. Where it is the only way between two parts, they are cut apart at once",
        sources=(
            "ISO/IEC 10589 7.2.8.1; RFC 3277",
            "FRR 8.4.4 isisd/isis_spf.c isis_spf_process_lsp: the links of a node with the OL bit are not followed",
            "seen on FRR 8.4.4: transit gone, adjacent loopbacks reachable, one router of a chain is a partition",
        ),
        moves=_overload,
    ),
    Mechanism(
        name="max-metric",
        title="OSPF maximum metric of the router LSA (OSPFv3: stub router)",
        does="its links cost 65535 each, so shortest paths avoid it while there is any other way; OSPFv3's stub router is "
        "no transit at all",
        does_not="it is a last resort, not a wall: with no other way traffic still passes. Its own stub networks keep their "
        "cost, what is destined to it still comes, external exits stay. OSPFv3's stub router on FRR loses every OSPFv3 route "
        "of its own, and what only it tells of is gone: the trial shows who that cuts off, `metric` does not do it",
        sources=(
            "RFC 6987; RFC 5340 4.8.1 for the R bit",
            "FRR 8.4.4 ospf6d/ospf6_spf.c ospf6_spf_calculation: a node whose R bit is clear is passed over, the root too (seen)",
            "FRR 8.4.4 ospfd/ospf_lsa.c: OSPF_OUTPUT_COST_INFINITE on links other than stub ones",
            "seen on FRR 8.4.4: on every router of a 4-router chain all stays reachable, at metric 196605",
        ),
        moves=_max_metric,
    ),
    Mechanism(
        name="metric",
        title="interior metric raised on both ends of every link",
        does="IS-IS 16777214, OSPF 65535: shortest paths avoid the links while there is any other way",
        does_not="it is a last resort, not a wall. One end raised moves one direction only. IS-IS 16777215 does not leave a "
        "link out on FRR, which adds it up (RFC 5305 says to leave it out, other systems do): 16777214 means the same "
        "everywhere. With narrow metrics the highest is 63",
        sources=(
            "RFC 5305 3; RFC 2328 C.3; ISO/IEC 10589 7.2.2 for narrow metrics",
            "seen on FRR 8.4.4: IS-IS metric 16777215 is added up and the link still carries",
        ),
        moves=_metric,
    ),
    Mechanism(
        name="graceful-shutdown",
        title="BGP graceful shutdown community",
        does="every route it sends carries 65535:0 and those it takes in get local preference 0: our own routers turn to "
        "other exits, neighbours that honour the community do too",
        does_not="interior transit stays as it is. Neighbours hear another community, which is a change of what the world "
        "hears. A prefix with no other exit keeps this one",
        sources=(
            "RFC 8326 4",
            "FRR bgpd/bgp_route.c: bgp_attr_add_gshut_community",
            "FRR bgpd/bgp_vty.c: bgp graceful-shutdown",
        ),
        moves=_graceful,
    ),
    Mechanism(
        name="shutdown",
        title="interfaces shut down",
        does="nothing passes from that moment; the other end loses its carrier",
        does_not="it is no drain but a cut: what is on the way is lost until routing has converged. A router with every link "
        "shut is reached by nobody: its own traffic, its exits and the in-band way to it are gone",
        sources=(
            "FRR zebra/interface.c: if_down",
            "docs/reference/network-folder.md: a link with one end dark has no carrier",
        ),
        moves=_shutdown,
    ),
)

BY_NAME: Mapping[str, Mechanism] = {row.name: row for row in MECHANISMS}

PREFERRED = ("overload", "max-metric", "metric")
"""The order in which a mechanism is chosen when none is asked for: only those that drain without cutting."""
