"""Before an audit is trusted, it is made to judge a change that every check must refuse.

A check that has come to find nothing, by a bug of ours, looks exactly like a change without faults; so does a gate that
loses what checks find. So each audit starts with the smallest disaster there is: two routers, an "assessment" of one of
them that is typed on both and kills them, and two engines that tell it a little differently. It goes the very way the
real change goes. Who does not object to it is not believed when it does not object to anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache

from backstay.audit.attempt import Failure, attempt
from backstay.audit.checks import CHECKS
from backstay.audit.ruling import AGREE
from backstay.model.access import AccessPath
from backstay.model.address import Address, Prefix
from backstay.model.change import Change, Intent, Plan, Scope, Stage, Step, TouchedLine
from backstay.model.finding import Decision, Engine, Severity, Verdict
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
from backstay.model.service import Anycast, Limits, Origin
from backstay.model.source import Place, SourceFile, UnreadLine
from backstay.model.state import (
    Advertisement,
    Fate,
    FlowResult,
    Loads,
    LostDemand,
    NextHop,
    PathResult,
    Route,
    Session,
    SiteHealth,
    State,
)

REFUSING = frozenset({Severity.DENY, Severity.UNKNOWN})
DNS = Prefix.parse("192.0.2.0/24")
PEER = Address.parse("198.51.100.1")
CABLE = InterfaceRef("a", "eth0")
LINE = Place("canary.yaml", 1)
NAMES = ("one", "another")

Judge = Callable[[Plan, Mapping[str, Engine], tuple[str, ...]], Verdict]


def untrusted(judge: Judge) -> tuple[str, ...]:
    """Why an audit that judges this way cannot be trusted; () when it refuses the disaster for every reason it must."""
    verdict = attempt(judge, disaster(), {name: _engine(name) for name in NAMES}, NAMES)
    if not isinstance(verdict, Verdict):
        cause = verdict.cause if isinstance(verdict, Failure) else "it gave no verdict"
        return (f"the change that must be refused could not be judged: {cause}",)
    return tuple(_missing(verdict))


def _missing(verdict: Verdict) -> Iterator[str]:
    refusing = [finding for finding in verdict.findings if finding.severity in REFUSING]
    for check in CHECKS:
        heard = {name for finding in refusing if finding.check == check.id for name in finding.engines}
        if not heard.issuperset(NAMES):
            yield f"the check {check.id} does not object to a change that every check must refuse"
    if not any(finding.check == AGREE for finding in refusing):
        yield "the comparison of the engines does not tell two different answers apart"
    if verdict.decision is not Decision.DENY or any(own is not Decision.DENY for own in verdict.engines.values()):
        yield "the ruling does not deny a change that every check refuses"


def _engine(name: str) -> Engine:
    """Alive before the change, dead after it; ``another`` is off by one in the metrics of both."""

    def answer(network: Network, _overlay: Overlay, _sweep: bool) -> State:
        down = any(process.overload for router in network.routers.values() for process in router.isis)
        metric = 10 if name == NAMES[0] else 11
        return replace((_dead if down else _alive)(network, metric), sweep=())

    return answer


# --------------------------------------------------------------------------------------- the smallest disaster


@cache
def disaster() -> Plan:
    """Two routers; an assessment of ``a`` that is typed on both, and after which nothing is left."""
    before = _network()
    after = replace(before, routers={name: _router(number, overload=True) for number, name in enumerate("ab", 1)})
    typed = tuple(
        TouchedLine(router=name, text="set-overload-bit", context=("router isis 1",), action="added", place=LINE)
        for name in "ab"
    )
    stage = Stage(
        number=1,
        rollback=False,
        step=Step(on=("*",), config="router isis 1\n set-overload-bit", place=LINE),
        routers=("a", "b"),
        network=after,
        touched=typed,
        unread=(UnreadLine(LINE, "a", "a line nobody can read"),),
    )
    change = Change(title="canary", intent=Intent.ASSESS, scope=Scope(routers=("a",)), steps=(stage.step,))
    return Plan(change=change, before=before, stages=(stage,), rollback=None)


def _router(number: int, *, overload: bool = False) -> Router:
    name = "ab"[number - 1]
    loopback = Address.parse(f"10.0.0.{number}")
    address = InterfaceAddress(address=loopback, prefix=loopback.host_prefix)
    return Router(
        name=name,
        vendor="frr",
        interfaces={
            "eth0": Interface(name="eth0"),
            "lo": Interface(name="lo", kind="loopback", addresses=(address,)),
        },
        isis=(IsisProcess(tag="1", overload=OverloadBit() if overload else None),),
        sources=(SourceFile(f"configs/{name}.conf", f"hostname {name}\n{'set-overload-bit' if overload else ''}"),),
    )


def _network() -> Network:
    ends = (CABLE, InterfaceRef("b", "eth0"))
    return Network(
        name="canary",
        routers={name: _router(number) for number, name in enumerate("ab", 1)},
        links={"a--b": Link(name="a--b", ends=ends, capacity=100.0)},
        sites={
            "dc": Site(name="dc", role="data-center", routers=("a",)),
            "pop": Site(name="pop", role="pop", routers=("b",)),
        },
        neighbors={
            "transit": Neighbor(name="transit", asn=64601, kind="transit", attachments=(Attachment("b", PEER),))
        },
        anycasts={
            "dns": Anycast(
                name="dns",
                prefixes=(DNS,),
                origins=(Origin(site="pop", router="b", address=None, asn=None),),
                floor=1,
            )
        },
        access_paths={"noc": AccessPath(name="noc", kind="in-band", source="dc")},
        limits=Limits(utilisation=0.8, blast_radius=1),
    )


def _alive(network: Network, metric: int) -> State:
    route = Route(protocol="isis", distance=115, metric=metric, next_hops=(NextHop(interface="eth0"),))
    return State(
        engine="canary",
        overlay=NOTHING,
        routes={name: {"default": {DNS: route}} for name in network.routers},
        sessions=(Session("b", "default", str(PEER), "transit", established=True, accepted=((4, 1),)),),
        advertisements=frozenset({Advertisement("transit", "b", PEER, DNS, "65000")}),
        flows={
            flow.name: FlowResult(flow=flow.name, delivered=1.0, fate=Fate.DELIVERED)
            for flow in protected_flows(network)
        },
        loads=Loads(mbps={CABLE: 10.0}, utilisation={CABLE: 0.1}, offered=10.0),
        sites=(SiteHealth(anycast="dns", site="pop", announced=True),),
        access={name: (PathResult(path="noc", kind="in-band", works=True),) for name in network.routers},
    )


def _dead(network: Network, metric: int) -> State:
    alive = _alive(network, metric)
    lost = LostDemand(source="pop", destination="dc", mbps=10.0, reason=Fate.NO_ROUTE, at=("b",))
    return replace(
        alive,
        routes={name: {"default": {}} for name in network.routers},
        sessions=(replace(alive.sessions[0], established=False, tripped=True, reason="maximum prefixes", accepted=()),),
        advertisements=frozenset(),
        flows={
            name: replace(flow, delivered=0.0, fate=Fate.NO_ROUTE, at=(flow.flow.split()[0],))
            for name, flow in alive.flows.items()
        },
        loads=Loads(mbps={CABLE: 200.0}, utilisation={CABLE: 2.0}, offered=10.0, lost=(lost,)),
        sites=(SiteHealth(anycast="dns", site="pop", announced=False, failed=("dc",)),),
        access={
            name: (PathResult(path="noc", kind="in-band", works=False, broken=("no route",)),)
            for name in network.routers
        },
    )
