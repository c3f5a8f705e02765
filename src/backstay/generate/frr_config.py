"""A router's configuration as FRR 8.4.4 accepts it."""

from __future__ import annotations

from collections.abc import Iterator

from backstay.generate import addressing
from backstay.generate.bgp_config import bgp_section
from backstay.generate.design import Design, Port

AREA = "0.0.0.0"  # noqa: S104 - the backbone area, no address
INSTANCE = "CORE"
STUB_COST = 10
"""What a loopback or LAN costs in OSPF: said, because else it follows from the speed the kernel reports."""


def router_config(design: Design, place: int) -> str:
    """The whole of one router's ``frr.conf``."""
    lines = [
        *_head(design, place),
        *_statics(design, place),
        # Before the interfaces: isisd refuses `isis metric` above 63 until the instance exists (seen on FRR 8.4.4).
        *(_isis(design, place) if design.igp == "isis" else _ospf(design, place)),
        *(line for port in design.ports[place] for line in _interface(design, port)),
        *_loopback(design, place),
        *bgp_section(design, place),
        "end",
    ]
    return "\n".join(lines) + "\n"


def _head(design: Design, place: int) -> Iterator[str]:
    yield f"! {design.router(place)}: {design.names[place][1]}".rstrip()
    yield "frr version 8.4.4"
    yield "frr defaults traditional"
    yield f"hostname {design.router(place)}"
    yield "log syslog informational"
    yield "service integrated-vtysh-config"
    yield "!"


def _statics(design: Design, place: int) -> Iterator[str]:
    """What stands behind `network` of our own aggregates: discard what nothing more specific takes."""
    if place in design.placing.data_centers:
        yield f"ip route {addressing.OWN[0]} blackhole"
        yield f"ipv6 route {addressing.OWN[1]} blackhole"
        yield "!"


def _interface(design: Design, port: Port) -> Iterator[str]:
    yield f"interface {port.name}"
    yield f" description {port.description}"
    if port.bandwidth is not None:
        yield f" bandwidth {port.bandwidth}"
    yield f" ip address {port.address.v4}"
    yield f" ipv6 address {port.address.v6}"
    if port.igp:
        yield from _isis_interface(port.metric) if design.igp == "isis" else _ospf_interface(port.metric)
    yield "exit"
    yield "!"


def _loopback(design: Design, place: int) -> Iterator[str]:
    own = addressing.loopback(place)
    yield "interface lo"
    yield f" ip address {own.v4}/32"
    yield f" ipv6 address {own.v6}/128"
    yield from _isis_interface(None) if design.igp == "isis" else _ospf_interface(None)
    yield "exit"
    yield "!"


def _isis_interface(metric: int | None) -> Iterator[str]:
    """Metric None: announced, but nobody is spoken to."""
    yield f" ip router isis {INSTANCE}"
    yield f" ipv6 router isis {INSTANCE}"
    if metric is None:
        yield " isis passive"
        return
    yield " isis circuit-type level-2-only"
    yield f" isis metric {metric}"
    yield " isis network point-to-point"


def _ospf_interface(metric: int | None) -> Iterator[str]:
    yield f" ip ospf area {AREA}"
    yield f" ipv6 ospf6 area {AREA}"
    if metric is None:
        yield f" ip ospf cost {STUB_COST}"
        yield f" ipv6 ospf6 cost {STUB_COST}"
        yield " ip ospf passive"
        yield " ipv6 ospf6 passive"
        return
    yield f" ip ospf cost {metric}"
    yield " ip ospf network point-to-point"
    yield f" ipv6 ospf6 cost {metric}"
    yield " ipv6 ospf6 network point-to-point"


def _isis(design: Design, place: int) -> Iterator[str]:
    yield f"router isis {INSTANCE}"
    yield " is-type level-2-only"
    # Before `net`: the first LSP's regeneration is armed with the interval known then, 30 s by default (seen on FRR 8.4.4).
    yield " lsp-gen-interval 1"
    yield f" net {addressing.isis_net(addressing.loopback(place).v4)}"
    yield " metric-style wide"
    if place in design.drained:
        yield " set-overload-bit"
    yield "exit"
    yield "!"


def _ospf(design: Design, place: int) -> Iterator[str]:
    router_id = addressing.loopback(place).v4
    yield "router ospf"
    yield f" ospf router-id {router_id}"
    if place in design.drained:
        yield " max-metric router-lsa administrative"
    yield "exit"
    yield "!"
    yield "router ospf6"
    yield f" ospf6 router-id {router_id}"
    if place in design.drained:
        yield " stub-router administrative"
    yield "exit"
    yield "!"
