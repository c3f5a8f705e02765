"""BGP sessions and processes, drawn: the options beyond the usual ones, each once in a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.laws.interior import Interior
from tests.laws.policy import Policy, aggregates_over


@dataclass(kw_only=True)
class Side:
    """One side of a session under construction: what follows ``neighbor PEER`` in the process and in its families.
    ``asn`` is what the other side presents; ``shown`` what this one does.
    """

    router: int
    peer: str
    asn: int | str
    process: list[str] = field(default_factory=list)
    families: dict[int, list[str]] = field(default_factory=dict)
    external: bool = True


class Sessions(Policy, Interior):
    """A network whose sessions and processes now and then have the rarer options."""

    # ---------------------------------------------------------------------------------- processes

    def process_options(self, *, reflecting: bool, confederated: bool) -> Iterator[str]:
        if not self.chance(4):
            return
        choices: tuple[str, ...] = (
            "bgp default local-preference 150",
            "no bgp deterministic-med",
            "bgp graceful-shutdown",
            f"bgp max-med administrative{self.pick('', ' 50')}",
            "bgp bestpath med confed",
            "bgp bestpath med confed missing-as-worst",
            "bgp bestpath as-path ignore",
            "bgp bestpath as-path confed",
            "bgp reject-as-sets",
            "no bgp fast-external-failover",
            "bgp disable-ebgp-connected-route-check",
            "bgp shutdown",
        )
        if reflecting and self.chance(2):
            choices = (
                "no bgp client-to-client reflection",
                "bgp route-reflector allow-outbound-policy",
                "bgp cluster-id 7",
            )
        elif confederated and self.chance(2):
            choices = ("bgp bestpath med confed", "bgp bestpath as-path confed")
        yield from self.draw_some(choices, 2)

    def family_options(self, router: int, version: int) -> Iterator[str]:
        if self.chance(8):
            yield from (self.aggregate(router, version) for _ in range(self.number(1, 2)))
        if not self.chance(6):
            return
        own = f"198.18.{router}.0/24" if version == 4 else f"2001:db8:1000:{router:x}::/64"
        foreign = self.pick(*self.known_prefixes(version))
        peers = "172.16.0.0/12" if version == 4 else "2001:db8:e1::/48"
        choices: tuple[Callable[[], str], ...] = (
            lambda: f"network {own} route-map {self.route_map(router, version)}",
            lambda: f"network {foreign}",
            lambda: f"distance bgp {self.pick('20 200 200', '120 130 30', '5 116 90')}",
            lambda: f"distance {self.pick(30, 210)} {peers}{self.pick('', ' ' + self.access_list(router, version))}",
            lambda: f"table-map {self.route_map(router, version)}",
            lambda: "maximum-paths ibgp 4 equal-cluster-length",
            lambda: f"redistribute static metric 3 route-map {self.route_map(router, version)}",
        )
        if version == 4:
            choices = (*choices, lambda: f"network {foreign} backdoor")
        yield self.pick(*choices)()

    def aggregate(self, router: int, version: int) -> str:
        words: list[str] = []
        if self.chance(4):
            words.append("as-set")
        if self.chance(3):
            words.append("summary-only")
        if self.chance(5):
            words.append(f"route-map {self.route_map(router, version)}")
        if self.chance(6):
            words.append(f"origin {self.pick('igp', 'egp', 'incomplete')}")
        if self.chance(6):
            words.append("matching-MED-only")
        if "summary-only" not in words and self.chance(5):
            words.append(f"suppress-map {self.route_map(router, version)}")
        return " ".join((f"aggregate-address {self.pick(*aggregates_over(version))}", *words))

    # ---------------------------------------------------------------------------------- one side of a session

    def rare_process_options(self, side: Side) -> None:
        """What one side alone may say."""
        if not self.chance(8):
            return
        choices: tuple[Callable[[], str], ...] = (
            lambda: "ebgp-multihop",
            lambda: f"ebgp-multihop {self.number(2, 4)}",
            lambda: f"ttl-security hops {self.number(1, 3)}",
            lambda: "disable-connected-check",
            lambda: "passive",
            lambda: "enforce-first-as",
            lambda: "solo",
            lambda: "strict-capability-match",
            lambda: "shutdown",
            lambda: "password secret",
            lambda: "capability extended-nexthop",
            lambda: "port 1790",
        )
        side.process.append(self.pick(*choices)())

    def rare_family_options(self, side: Side, version: int, own: int) -> None:
        if not self.chance(5):
            return
        limit = self.number(1, 6)
        router = side.router
        kept = self.pick("", " as-path", " next-hop", " med", " as-path med", " next-hop med")
        choices: tuple[Callable[[], str], ...] = (
            lambda: "next-hop-self force",
            lambda: f"allowas-in{self.pick('', ' origin', ' 2')}",
            lambda: f"remove-private-AS{self.pick('', ' all', ' replace-AS', ' all replace-AS')}",
            lambda: f"{self.any_list(router, version)} in",
            lambda: f"{self.any_list(router, version)} out",
            lambda: f"maximum-prefix {limit}{self.pick(' warning-only', ' 50', ' restart 5', ' force')}",
            lambda: f"maximum-prefix-out {limit}",
            lambda: f"unsuppress-map {self.route_map(router, version, own=own)}",
            lambda: f"attribute-unchanged{kept}",
            lambda: "route-server-client",
            lambda: "soft-reconfiguration inbound",
            lambda: f"weight {self.pick(0, 7)}",
            lambda: f"weight {self.pick(3, 0)}",
        )
        if not side.external:
            choices = (*choices[:1], *choices[3:8], *choices[10:12], lambda: "default-originate")
        for choice in dict.fromkeys(self.pick(*choices) for _ in range(self.number(1, 2))):
            side.families[version].append(choice())

    def communities_unsent(self, peer: str, version: int, router: int) -> None:
        if self.chance(15):
            kind = self.pick("", " both", " all", " large", " extended", " standard")
            self.lines[router].families[version].append(f"no neighbor {peer} send-community{kind}")

    # ---------------------------------------------------------------------------------- writing it down

    def write(self, side: Side) -> None:
        """The lines of a side; now and then part of them stands in a peer-group."""
        if self.chance(8):
            self.write_grouped(side, f"G{len(self.lines[side.router].bgp)}")
        else:
            self.write_plain(side)

    def write_plain(self, side: Side) -> None:
        lines, peer = self.lines[side.router], side.peer
        lines.bgp.append(f"neighbor {peer} remote-as {side.asn}")
        lines.bgp += [f"neighbor {peer} {line}" for line in side.process]
        self.write_families(side)

    def write_families(self, side: Side) -> None:
        for version, settings in side.families.items():
            family = self.lines[side.router].families[version]
            family.append(f"neighbor {side.peer} activate")
            family += [f"neighbor {side.peer} {line}" for line in settings]

    def write_grouped(self, side: Side, group: str) -> None:
        lines, peer = self.lines[side.router], side.peer
        told = self.pick(True, False)
        lines.bgp.append(f"neighbor {group} peer-group")
        if told:
            lines.bgp.append(f"neighbor {group} remote-as {side.asn}")
        else:
            lines.bgp.append(f"neighbor {peer} remote-as {side.asn}")
        lines.bgp.append(f"neighbor {peer} peer-group {group}")
        lines.bgp += [f"neighbor {self.pick(group, peer)} {line}" for line in side.process]
        for version, settings in side.families.items():
            lines.families[version].append(f"neighbor {self.pick(group, peer)} activate")
            lines.families[version] += [f"neighbor {self.pick(group, peer)} {line}" for line in settings]

    def listen(self, side: Side, prefix: str) -> None:
        """The side as a group that answers whoever calls from the prefix."""
        lines, group = self.lines[side.router], f"G{len(self.lines[side.router].bgp)}"
        lines.bgp += [f"neighbor {group} peer-group", f"neighbor {group} remote-as {side.asn}"]
        lines.bgp += [f"neighbor {group} {line}" for line in side.process if line != "passive"]
        lines.bgp.append(f"bgp listen range {prefix} peer-group {group}")
        for version, settings in side.families.items():
            lines.families[version].append(f"neighbor {group} activate")
            lines.families[version] += [f"neighbor {group} {line}" for line in settings]
