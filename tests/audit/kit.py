"""A network of five routers, its healthy State, and changes to it, built by hand.

::

    dc1 ---- pop1 ---- transit-a        sites: dc (data-center: dc1, dc2), west (pop: pop1), east (pop: pop2),
     |  \\    |                          lab (pop: pop3); anycast dns at west, east, lab, floor 2
     |   \\   |
    dc2 ---- pop2 ---- transit-b, customer-c
     |
    pop3
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from backstay.audit.context import Context, Kind, Moment
from backstay.audit.difference import difference
from backstay.audit.moments import Course
from backstay.model.access import AccessPath
from backstay.model.address import Address, Prefix
from backstay.model.change import Change, Intent, Operation, Plan, Scope, Stage, Step, TouchedLine
from backstay.model.demand import Demand
from backstay.model.finding import Engine, Finding, Severity
from backstay.model.flows import protected_flows
from backstay.model.network import (
    NOTHING,
    Attachment,
    Interface,
    InterfaceAddress,
    InterfaceRef,
    Link,
    Neighbor,
    Network,
    Overlay,
    Router,
    Site,
)
from backstay.model.routing import IsisProcess, OverloadBit
from backstay.model.service import Anycast, Limits, Origin, Protection
from backstay.model.source import Place, SourceFile
from backstay.model.state import (
    Advertisement,
    Fate,
    FlowResult,
    Loads,
    NextHop,
    PathResult,
    Route,
    SiteHealth,
    State,
)

NAMES = ("dc1", "dc2", "pop1", "pop2", "pop3")
CABLES = (("dc1", "dc2"), ("dc1", "pop1"), ("dc1", "pop2"), ("dc2", "pop2"), ("dc2", "pop3"), ("pop1", "pop2"))
OWN = Prefix.parse("198.18.0.0/16")
DNS = Prefix.parse("192.0.2.0/24")
FILE = "changes/change.yaml"


def ref(router: str, far: str) -> InterfaceRef:
    return InterfaceRef(router, f"to-{far}")


def router(number: int, name: str) -> Router:
    loopback = Address.parse(f"10.255.0.{number}")
    ends = [b if a == name else a for a, b in CABLES if name in (a, b)]
    interfaces = {f"to-{far}": Interface(name=f"to-{far}") for far in ends}
    interfaces["lo"] = Interface(
        name="lo", kind="loopback", addresses=(InterfaceAddress(address=loopback, prefix=loopback.host_prefix),)
    )
    return Router(
        name=name,
        vendor="frr",
        interfaces=interfaces,
        isis=(IsisProcess(tag="1", place=Place(f"configs/{name}.conf", 10)),),
        sources=(SourceFile(f"configs/{name}.conf", f"hostname {name}\n"),),
    )


def link(a: str, b: str) -> Link:
    return Link(name=f"{a}--{b}", ends=(ref(a, b), ref(b, a)), capacity=1000.0)


def network(**changes: Any) -> Network:
    """The healthy network; keyword arguments replace fields."""
    sites = [
        Site(name="dc", role="data-center", routers=("dc1", "dc2"), domain="center"),
        Site(name="west", role="pop", routers=("pop1",), domain="west"),
        Site(name="east", role="pop", routers=("pop2",), domain="east"),
        Site(name="lab", role="pop", routers=("pop3",), domain="lab"),
    ]
    neighbors = [
        Neighbor(name="customer-c", asn=64700, kind="customer", attachments=(Attachment("pop2", Address.parse("10.2.0.2")),)),
        Neighbor(name="transit-a", asn=64601, kind="transit", attachments=(Attachment("pop1", Address.parse("10.1.0.1")),)),
        Neighbor(name="transit-b", asn=64602, kind="transit", attachments=(Attachment("pop2", Address.parse("10.2.0.1")),)),
    ]  # fmt: skip
    at = {"east": "pop2", "lab": "pop3", "west": "pop1"}
    made = Network(
        name="five",
        routers={name: router(number, name) for number, name in enumerate(NAMES, 1)},
        links={f"{a}--{b}": link(a, b) for a, b in CABLES},
        sites={site.name: site for site in sites},
        neighbors={item.name: item for item in neighbors},
        anycasts={
            "dns": Anycast(
                name="dns",
                prefixes=(DNS,),
                origins=tuple(Origin(site=site, router=name, address=None, asn=None) for site, name in at.items()),
                floor=2,
            )
        },
        access_paths={
            "noc": AccessPath(name="noc", kind="in-band", source="dc"),
            "console": AccessPath(name="console", kind="out-of-band", source="dc"),
            "walk-in": AccessPath(name="walk-in", kind="on-site", minutes=240.0),
        },
        demands=(
            Demand(source="west", destination="dc", mbps=300.0),
            Demand(source="east", destination="dc", mbps=200.0),
        ),
        limits=Limits(utilisation=0.8, failure_utilisation=1.0, blast_radius=1),
        protection=Protection(prefixes=(OWN,)),
    )
    return replace(made, **changes)


def route(metric: int = 10, protocol: str = "isis", interface: str = "to-dc1") -> Route:
    return Route(protocol=protocol, distance=115, metric=metric, next_hops=(NextHop(interface=interface),))


def tables(metric: int = 10) -> dict[str, dict[str, dict[Prefix, Route]]]:
    return {name: {"default": {OWN: route(metric), DNS: route(metric + 1)}} for name in NAMES}


def heard(neighbor: str, at: str, prefix: Prefix, learned_from: str = "", as_path: str = "65000") -> Advertisement:
    peer = {"transit-a": "10.1.0.1", "transit-b": "10.2.0.1", "customer-c": "10.2.0.2"}.get(neighbor, "10.9.9.9")
    return Advertisement(neighbor, at, Address.parse(peer), prefix, as_path, -1, (), learned_from)


HEARD = frozenset(
    heard(neighbor, at, prefix)
    for neighbor, at in (("transit-a", "pop1"), ("transit-b", "pop2"), ("customer-c", "pop2"))
    for prefix in (OWN, DNS)
)


def ways(*working: str) -> tuple[PathResult, ...]:
    """The three operator paths of a router, those named working."""
    kinds = {"noc": "in-band", "console": "out-of-band", "walk-in": "on-site"}
    return tuple(
        PathResult(path=path, kind=kind, works=path in working, broken=() if path in working else (f"{path} fails",))
        for path, kind in kinds.items()
    )


def health(*announcing: str, failed: tuple[str, ...] = ("dc",)) -> tuple[SiteHealth, ...]:
    return tuple(
        SiteHealth(anycast="dns", site=site, announced=site in announcing, failed=() if site in announcing else failed)
        for site in ("east", "lab", "west")
    )


def loads(share: float = 0.3) -> Loads:
    """300 + 200 Mbit/s offered; ``share`` is the utilisation of pop1 towards dc1."""
    busy = {ref("pop1", "dc1"): share, ref("pop2", "dc1"): 0.2}
    return Loads(mbps={item: value * 1000 for item, value in busy.items()}, utilisation=busy, offered=500.0)


def state(of: Network, **changes: Any) -> State:
    """The State in which everything works; keyword arguments replace fields."""
    made = State(
        engine="hand",
        overlay=NOTHING,
        routes=tables(),
        advertisements=HEARD,
        flows={
            flow.name: FlowResult(flow=flow.name, delivered=1.0, fate=Fate.DELIVERED) for flow in protected_flows(of)
        },
        loads=loads(),
        sites=health("east", "lab", "west"),
        access={name: ways("noc", "console", "walk-in") for name in NAMES},
        sweep=(),
    )
    return replace(made, **changes)


def overloaded(before: Network, *names: str) -> Network:
    """The network after ``set-overload-bit`` on the routers named."""
    changed = {
        name: replace(
            found,
            isis=(replace(found.isis[0], overload=OverloadBit()),),
            sources=(SourceFile(f"configs/{name}.conf", f"hostname {name}\nset-overload-bit\n"),),
        )
        if name in names
        else found
        for name, found in before.routers.items()
    }
    return replace(before, routers=changed)


def typed(name: str, text: str = " set-overload-bit", action: str = "added", line: int = 7) -> TouchedLine:
    return TouchedLine(router=name, text=text, context=("router isis 1",), action=action, place=Place(FILE, line))


def stage(
    after: Network,
    *routers: str,
    number: int = 1,
    rollback: bool = False,
    touched: tuple[TouchedLine, ...] | None = None,
    operations: tuple[Operation, ...] = (),
    **changes: Any,
) -> Stage:
    step = Step(on=routers, place=Place(FILE, 6), selector_place=Place(FILE, 5))
    lines = tuple(typed(name) for name in routers) if touched is None else touched
    made = Stage(
        number=number,
        rollback=rollback,
        step=step,
        routers=routers,
        network=after,
        touched=lines,
        operations=operations,
    )
    return replace(made, **changes)


def change(intent: Intent = Intent.CONFIGURE, routers: tuple[str, ...] | None = ("pop1",), **changes: Any) -> Change:
    made = Change(title="a change", intent=intent, scope=Scope(routers=routers), place=Place(FILE))
    return replace(made, **changes)


def plan(declared: Change, before: Network, *stages: Stage, rollback: tuple[Stage, ...] | None = None) -> Plan:
    return Plan(change=declared, before=before, stages=stages, rollback=rollback)


def drain(before: Network, *names: str, intent: Intent = Intent.DRAIN, **changes: Any) -> Plan:
    """Overload bit on the routers named, scope and rollback as they should be."""
    after = overloaded(before, *names)
    back = stage(before, *names, rollback=True)
    return plan(change(intent, names, **changes), before, stage(after, *names), rollback=(back,))


def context(
    made: Plan, before: State, after: State, kind: Kind = Kind.STEP, overlay: Overlay = NOTHING, *, sweep: bool = False
) -> Context:
    """The first stage of a plan as a check sees it (WHOLE and ROLLED_BACK: no stage)."""
    whole = kind in {Kind.WHOLE, Kind.ROLLED_BACK}
    found = None if whole else made.stages[0]
    end = made.rollback[-1].network if kind is Kind.ROLLED_BACK and made.rollback else made.after
    moment = Moment(
        kind=kind,
        label=kind.value,
        network=end if found is None else found.network,
        previous=made.before,
        stage=found,
        overlay=overlay,
        sweep=sweep,
    )
    course = Course(made, sweep=sweep)
    return Context(
        plan=made,
        moment=moment,
        before=before,
        after=after,
        difference=difference(before, after),
        configuration=course.change(made.before, moment.network),
        step=course.change(made.before, moment.network),
    )


def engine(answers: Mapping[int, State], default: State | None = None, calls: list[Any] | None = None) -> Engine:
    """An engine that knows the answer by the identity of the network it is asked about."""

    def answer(asked: Network, overlay: Overlay, sweep: bool) -> State:
        if calls is not None:
            calls.append((asked, overlay, sweep))
        found = answers.get(id(asked), default)
        assert found is not None
        return replace(found, overlay=overlay, sweep=found.sweep if sweep else None)

    return answer


def told(found: tuple[Finding, ...], severity: Severity) -> list[str]:
    return [item.summary for item in found if item.severity is severity]


def denied(found: tuple[Finding, ...]) -> list[str]:
    return told(found, Severity.DENY)
