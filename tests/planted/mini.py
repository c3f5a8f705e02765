"""A backbone of five routers with everything an audit looks at, and five ways to harm it.

dc1 and dc2 are data centres, pop1 to pop3 sell transit and carry the DNS sites; every router has three links, so any
one may fail. All of the harmful changes declare their scope truthfully, except the fatal one.
"""

from __future__ import annotations

from pathlib import Path

CABLES = (
    ("dc1", "dc2"),
    ("dc1", "pop1"),
    ("dc1", "pop2"),
    ("dc2", "pop2"),
    ("dc2", "pop3"),
    ("pop1", "pop2"),
    ("pop1", "pop3"),
    ("pop2", "pop3"),
)
NUMBERS = {"dc1": 1, "dc2": 2, "pop1": 3, "pop2": 4, "pop3": 5}
OUTSIDE = {
    # name: router, number, AS, kind, route-map out, prefixes announced
    "transit-a": ("pop1", 1, 64601, "transit", "TO-TRANSIT", ["0.0.0.0/0", "203.0.113.0/24"]),
    "transit-b": ("pop2", 2, 64602, "transit", "TO-TRANSIT", ["0.0.0.0/0", "198.51.100.0/24"]),
    "peer-c": ("pop3", 3, 64603, "peer", "TO-PEER", ["100.66.0.0/16"]),
    "customer-d": ("pop2", 4, 64604, "customer", "TO-CUSTOMER", ["100.64.0.0/24"]),
}
DNS = {"pop1": 1, "pop2": 2, "pop3": 3}


def _port(router: str, cable: tuple[str, str]) -> str:
    return f"eth{[item for item in CABLES if router in item].index(cable)}"


def _interfaces(router: str) -> list[str]:
    lines = []
    for number, cable in enumerate(CABLES):
        if router in cable:
            lines += [
                f"interface {_port(router, cable)}",
                f" ip address 10.0.0.{2 * number + cable.index(router)}/31",
                " ip router isis CORE",
                " isis network point-to-point",
                f" isis metric {100 if 'pop1' in cable and 'pop3' in cable else 10}",
                "exit",
            ]
    lines += ["interface lo", f" ip address 10.255.0.{NUMBERS[router]}/32", " ip router isis CORE", " isis passive"]
    lines += ["exit", "interface servers", f" ip address 198.18.{NUMBERS[router]}.1/24", " ip router isis CORE"]
    lines += [" isis passive", "exit"]
    for at, number, *_ in OUTSIDE.values():
        if at == router:
            lines += [f"interface out{number}", f" ip address 172.16.{number}.1/31", "exit"]
    if router in DNS:
        lines += ["interface dns", f" ip address 10.9.{DNS[router]}.0/31", "exit"]
    return lines


POLICY = """\
bgp community-list standard OURS permit 65000:1
bgp community-list standard CUSTOMERS permit 65000:2
route-map OWN permit 10
 set community 65000:1
exit
route-map FROM-TRANSIT permit 10
 set community 65000:3
 set local-preference 100
exit
route-map FROM-PEER permit 10
 set community 65000:3
 set local-preference 150
exit
route-map FROM-CUSTOMER permit 10
 match ip address prefix-list CUSTOMER
 set community 65000:2
 set local-preference 200
exit
route-map FROM-DNS permit 10
 match ip address prefix-list ANYCAST
 set community 65000:1
exit
ip prefix-list CUSTOMER seq 5 permit 100.64.0.0/24
ip prefix-list ANYCAST seq 5 permit 192.0.2.0/24
route-map TO-PEER permit 10
 match community OURS
exit
route-map TO-PEER permit 20
 match community CUSTOMERS
exit
route-map TO-TRANSIT permit 10
 match community OURS
exit
route-map TO-TRANSIT permit 20
 match community CUSTOMERS
exit
route-map TO-CUSTOMER permit 10
exit
route-map NOTHING deny 10
exit
"""


def _bgp(router: str) -> list[str]:
    lines = ["ip route 198.18.0.0/16 blackhole", "router bgp 65000", f" bgp router-id 10.255.0.{NUMBERS[router]}"]
    family = ["  network 198.18.0.0/16 route-map OWN"]
    for other, number in NUMBERS.items():
        if other != router:
            peer = f"10.255.0.{number}"
            lines += [f" neighbor {peer} remote-as 65000", f" neighbor {peer} update-source lo"]
            family.append(f"  neighbor {peer} next-hop-self")
    for at, number, asn, kind, out, _ in OUTSIDE.values():
        if at == router:
            peer = f"172.16.{number}.0"
            lines.append(f" neighbor {peer} remote-as {asn}")
            family.append(f"  neighbor {peer} route-map FROM-{kind.upper()} in")
            family.append(f"  neighbor {peer} route-map {out} out")
    if router in DNS:
        peer = f"10.9.{DNS[router]}.1"
        lines.append(f" neighbor {peer} remote-as 65100")
        family += [f"  neighbor {peer} route-map FROM-DNS in", f"  neighbor {peer} route-map NOTHING out"]
        family.append(f"  neighbor {peer} maximum-prefix 10")
    return [*lines, " address-family ipv4 unicast", *family, " exit-address-family", "exit"]


def config(router: str) -> str:
    isis = ["router isis CORE", f" net 49.0001.0000.0000.000{NUMBERS[router]}.00", " is-type level-2-only"]
    isis += [" metric-style wide", "exit"]
    head = ["frr version 8.4.4", "frr defaults traditional", f"hostname {router}"]
    return "\n".join([*head, *_interfaces(router), *isis, POLICY, *_bgp(router), "end", ""])


def intent() -> str:
    lines = ["name: mini", "engines: [fast]", "sites:"]
    for router, number in NUMBERS.items():
        role = "data-center" if router.startswith("dc") else "pop"
        lines.append(f"  s-{router}: {{role: {role}, routers: [{router}], prefixes: [198.18.{number}.0/24]}}")
    lines.append("links:")
    lines += [f'  "{a}:{_port(a, (a, b))}--{b}:{_port(b, (a, b))}": {{capacity: 10G}}' for a, b in CABLES]
    lines.append("neighbors:")
    for name, (router, number, asn, kind, _, prefixes) in OUTSIDE.items():
        attachment = f"{{router: {router}, address: 172.16.{number}.0}}"
        lines.append(f"  {name}: {{asn: {asn}, kind: {kind}, attachments: [{attachment}], announces: {prefixes}}}")
    lines += ["anycast:", "  dns:", "    prefixes: [192.0.2.0/24]", "    floor: 2", "    origins:"]
    lines += [
        f"      - {{site: s-{router}, router: {router}, address: 10.9.{number}.1, asn: 65100}}"
        for router, number in DNS.items()
    ]
    lines += ["    health: {targets: [s-dc1, s-dc2], need: 1}"]
    lines += ["services:", "  sso: {kind: sign-on, sites: [s-dc1, s-dc2], needs: [dns]}"]
    lines += ["access:", "  noc: {kind: in-band, source: s-dc1, targets: ['*'], needs: [dns, sso]}"]
    lines += ["  walk-in: {kind: on-site, targets: ['*'], minutes: 240}"]
    lines += ["limits: {utilisation: 0.8, failure_utilisation: 1.0, blast_radius: 1}"]
    lines += ["protect: {prefixes: [198.18.0.0/16]}", ""]
    return "\n".join(lines)


DEMANDS = """\
from,to,mbps
s-pop1,s-dc1,1000
s-pop2,s-dc1,1000
s-pop3,s-dc2,1000
s-pop1,s-dc2,1000
s-dc1,transit-a,1000
s-pop3,customer-d,500
"""


def _change(intent: str, on: str, there: str, back: str, scope: str) -> str:
    def block(text: str) -> str:
        return "\n".join(f"      {line}" for line in text.splitlines())

    return (
        f'change: planted\nintent: {intent}\nscope: {scope}\nsteps:\n  - on: "{on}"\n    config: |\n{block(there)}\n'
        f'rollback:\n  - on: "{on}"\n    config: |\n{block(back)}\n'
    )


HARMLESS = _change(
    "configure",
    "pop1",
    "interface eth2\n isis metric 90",
    "interface eth2\n isis metric 100",
    "{routers: [pop1], prefixes: []}",
)

HARMFUL = {
    "fatal": _change(
        "assess",
        "*",
        "router isis CORE\n set-overload-bit",
        "router isis CORE\n no set-overload-bit",
        "{routers: [pop1]}",
    ),
    "leak": _change(
        "configure",
        "pop3",
        "route-map TO-PEER permit 10\n no match community OURS",
        "route-map TO-PEER permit 10\n match community OURS",
        "{routers: [pop3], prefixes: []}",
    ),
    "typo": _change(
        "configure",
        "pop1",
        "router bgp 65000\n address-family ipv4 unicast\n  neighbor 172.16.1.0 route-map TO-TRANSITS out",
        "router bgp 65000\n address-family ipv4 unicast\n  neighbor 172.16.1.0 route-map TO-TRANSIT out",
        "{routers: [pop1], prefixes: []}",
    ),
    "island": _change(
        "configure",
        "pop3",
        "interface lo\n no ip router isis CORE",
        "interface lo\n ip router isis CORE\n isis passive",
        "{routers: [pop3], prefixes: []}",
    ),
    "dark": _change(
        "configure",
        "dc1",
        "interface eth0\n shutdown\ninterface eth1\n shutdown\ninterface eth2\n shutdown",
        "interface eth0\n no shutdown\ninterface eth1\n no shutdown\ninterface eth2\n no shutdown",
        "{routers: [dc1], prefixes: []}",
    ),
}

NOBODY = _change(
    "drain",
    "pop9",
    "router isis CORE\n set-overload-bit",
    "router isis CORE\n no set-overload-bit",
    "{routers: [pop1]}",
)
"""There is no pop9: this is refused before anything is computed."""


def write(path: Path) -> None:
    """The folder, and the changes beside it."""
    (path / "configs").mkdir(parents=True)
    for router in NUMBERS:
        (path / "configs" / f"{router}.conf").write_text(config(router), encoding="utf-8")
    (path / "backstay.yaml").write_text(intent(), encoding="utf-8")
    (path / "demands.csv").write_text(DEMANDS, encoding="utf-8")
    (path / "changes").mkdir()
    for name, text in {"harmless": HARMLESS, "nobody": NOBODY, **HARMFUL}.items():
        (path / "changes" / f"{name}.yaml").write_text(text, encoding="utf-8")
