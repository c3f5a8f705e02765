"""The commands of FRR by context, as grammar rows (`backstay.read.section`).

Source: ``list`` of FRR 8.4.4 in each node, and the FRR 8.4 user manual; older spellings that 8.4 still takes or that
Cumulus Linux 3 and 4 write are beside them. What a row ignores has no bearing on routes once all timers have run out.
"""

from __future__ import annotations

from collections.abc import Mapping

from backstay.read.frr.commands_bgp import BGP, BGP_FAMILY, ROUTE_MAP
from backstay.read.section import Grammar

_CONFIG = """
interface {name} * >> interface
vrf {name} >> vrf
router bgp * >> bgp
router isis * >> isis
router ospf * >> ospf
router ospf6 * >> ospf6
route-map {name} permit|deny {sequence} >> route-map
- route-map {name}
route-map {name} optimization # how FRR searches a map, not what it answers
ip prefix-list|access-list {name} *
ipv6 prefix-list|access-list {name} *
access-list {name} *
bgp community-list|large-community-list|extcommunity-list *
bgp as-path access-list {name} *
ip community-list|large-community-list|extcommunity-list *
ip as-path access-list {name} *
ip route *
ipv6 route *
hostname <name>
frr version *
frr defaults <profile>
router-id <address>
ip router-id <address>
router-id {address} vrf {name} # a router identifier breaks ties; each protocol of that VRF has its own
ip router-id {address} vrf {name} # a router identifier breaks ties; each protocol of that VRF has its own
ipv6 router-id * # used for SRv6 alone
~ ip forwarding
~ ipv6 forwarding
~ ip nht resolve-via-default
~ ipv6 nht resolve-via-default
ip nht {protocol} route-map {name} ? a filter on next-hop tracking is not modelled
ipv6 nht {protocol} route-map {name} ? a filter on next-hop tracking is not modelled
ip protocol {protocol} route-map {name} ? a filter between protocol and routing table is not modelled
ipv6 protocol {protocol} route-map {name} ? a filter between protocol and routing table is not modelled
ip import-table * ? routes of another kernel table are not modelled
ip table range * # where VRF tables are numbered from
ip mroute * # multicast RPF alone
ip multicast * # multicast
ip pim|igmp|msdp|ssmpingd * # multicast
ipv6 pim|mld|ssmpingd * # multicast
bgp graceful-shutdown ? a graceful shutdown of the whole router is not modelled
bgp suppress-fib-pending # a delay until the FIB is written
bgp no-rib ? BGP without a routing table is not modelled
bgp route-map delay-timer <seconds> # a delay
bgp session-dscp <dscp> # marking of packets
bgp update-delay * # a delay at start
bgp send-extra-data zebra # shown, not used
bgp community alias * # a name for display
bgp input-queue-limit|output-queue-limit * # memory
allow-external-route-update # foreign changes of the kernel table
agentx # SNMP
domainname * # display
service * # how FRR runs
~ log * # logging
debug * # debugging
terminal * # display
password * # who may log in
enable password * # who may log in
username * # who may log in
banner * # display
allow-reserved-ranges # validation of typed addresses
fpm * # a copy of the routes sent elsewhere
dump bgp * # a copy of the updates on disk
zebra * # how zebra runs
nhrp * ? NHRP is not modelled
mac access-list * # Ethernet filters, used for EVPN alone
vni * ? EVPN is not modelled
evpn * ? EVPN is not modelled
vrrp autoconfigure|default * ? VRRP is not modelled
pbr nexthop-resolve # policy routing
nexthop-group {name} >> nexthop-group
pbr-map * >> pbr
line vty >> line
key chain {name} >> key-chain
bfd >> bfd
mpls ldp >> mpls
mpls label * # labels
segment-routing >> segment-routing
l2vpn * >> l2vpn
pseudowire * >> l2vpn
rpki >> rpki
router rip * >> foreign
router ripng * >> foreign
router eigrp * >> foreign
router babel >> foreign
router openfabric * >> foreign
ipv6 nd * # neighbour discovery
watchfrr * # watchdog
config * # display
"""

_INTERFACE = """
description *
bandwidth <mbps>
shutdown
ip address {address} *
ipv6 address {address}
ip router isis <tag>
ipv6 router isis <tag>
isis circuit-type <type>
^ isis metric <metric>
^ isis metric level-1|level-2 <metric>
^ isis priority <priority>
^ isis priority <priority> level-1|level-2
isis network point-to-point
isis passive
isis password <kind> <word>
~ isis three-way-handshake
~ isis topology {name}
~ isis hello padding # size of hellos
isis hello-interval|hello-multiplier|csnp-interval|psnp-interval * # a timer
isis bfd * # finds failures sooner, changes no route
isis mpls ldp-sync * # LDP is taken as synchronised
isis fast-reroute * # protection until routing has converged
ip ospf area <area>
ip ospf area <area> {address} ? per-address areas are not modelled
ip ospf {instance} area <area>
ip ospf cost <cost>
ip ospf cost <cost> {address} ? per-address costs are not modelled
ip ospf network <type> *
ip ospf priority <priority>
ip ospf priority <priority> {address} ? per-address settings are not modelled
~ ip ospf passive
~ ip ospf passive {address} ? per-address settings are not modelled
ip ospf hello-interval <seconds>
ip ospf hello-interval <seconds> {address} ? per-address settings are not modelled
ip ospf dead-interval <seconds>
ip ospf dead-interval minimal hello-multiplier <number>
ip ospf dead-interval <seconds> {address} ? per-address settings are not modelled
ip ospf authentication *
ip ospf authentication-key *
ip ospf message-digest-key {key} *
ip ospf mtu-ignore
ip ospf mtu-ignore {address} ? per-address settings are not modelled
ip ospf prefix-suppression
ip ospf retransmit-interval|transmit-delay|graceful-restart * # a timer
ip ospf bfd * # finds failures sooner, changes no route
ip ospf mpls ldp-sync * # LDP is taken as synchronised
ipv6 ospf6 area <area>
ipv6 ospf6 cost <cost>
ipv6 ospf6 network <type> *
ipv6 ospf6 priority <priority>
~ ipv6 ospf6 passive
ipv6 ospf6 hello-interval <seconds>
ipv6 ospf6 dead-interval <seconds>
ipv6 ospf6 mtu-ignore
ipv6 ospf6 authentication *
ipv6 ospf6 instance-id <number> ? OSPFv3 instances on one link are not modelled
ipv6 ospf6 ifmtu <bytes> ? an MTU told to OSPFv3 alone is not modelled
ipv6 ospf6 advertise * ? filters on what an OSPFv3 interface announces are not modelled
ipv6 ospf6 retransmit-interval|transmit-delay|bfd|gr * # a timer
ipv6 nd * # neighbour discovery
ip pim|igmp|mroute|multicast|irdp * # multicast
ipv6 pim|mld|mroute|multicast * # multicast
ip rip|nhrp|router|hello-interval|hold-time|authentication|summary-address * ? its protocol is not modelled
ipv6 ripng|nhrp * ? its protocol is not modelled
eigrp|openfabric|babel|tunnel * ? its protocol is not modelled
pbr-policy * ? policy routing is not modelled
vrrp * ? VRRP is not modelled
evpn * ? EVPN is not modelled
mpls enable # labels
mpls bgp forwarding # labels
link-params >> link-params
~ link-detect # whether a cable is seen is told apart
~ multicast # multicast
delay <us> # for traffic engineering
no-arp * # display
"""

_VRF = """
ip route *
ipv6 route *
router-id <address> # a router identifier breaks ties; each protocol of that VRF has its own
ip router-id <address> # a router identifier breaks ties; each protocol of that VRF has its own
ipv6 router-id * # used for SRv6 alone
~ ip nht resolve-via-default ? next hops through the default route of a VRF are not modelled
~ ipv6 nht resolve-via-default ? next hops through the default route of a VRF are not modelled
ip nht {protocol} route-map {name} ? a filter on next-hop tracking is not modelled
ipv6 nht {protocol} route-map {name} ? a filter on next-hop tracking is not modelled
ip protocol {protocol} route-map {name} ? a filter between protocol and routing table is not modelled
ipv6 protocol {protocol} route-map {name} ? a filter between protocol and routing table is not modelled
ip table range * # where VRF tables are numbered from
ip pim|igmp|msdp|ssmpingd * # multicast
ipv6 pim|mld|ssmpingd * # multicast
netns <name> # how the kernel makes the VRF
vni * ? EVPN is not modelled
"""

_ISIS = """
net {net}
is-type <type>
metric-style <style>
set-overload-bit
set-overload-bit on-startup <seconds>
topology {name} *
~ attached-bit send
attached-bit receive ignore
default-information originate {family} {level} *
redistribute {family} {protocol} {level} *
redistribute {family} table {number} {level} *
area-password *
domain-password *
advertise-high-metrics ? maximum metrics on every interface are not modelled
~ hostname dynamic # a name for display
log-adjacency-changes # logging
log-pdu-drops # logging
lsp-gen-interval|lsp-refresh-interval|lsp-timers|max-lsp-lifetime * # a timer
lsp-mtu <size>
spf-interval|spf-delay-ietf * # a timer
spf prefix-priority * # the order of installing
fast-reroute * # protection until routing has converged
purge-originator # display
mpls-te * # labels
mpls ldp-sync * # labels
segment-routing {what} * # labels along the same paths
flex-algo * # labels along other paths
admin-group-send-zebra # for traffic engineering
advertise-passive-only ? announcing passive interfaces alone is not modelled
"""

_OSPF = """
ospf router-id <address>
router-id <address>
network {prefix} area <area>
~ passive-interface default
~ passive-interface {name} *
area {area} stub *
area {area} nssa
area {area} nssa translate-candidate|translate-never|translate-always
area {area} nssa no-summary
area {area} nssa suppress-fa # the forwarding address of translated routes
area {area} range {prefix} *
area {area} default-cost <cost>
area {area} filter-list prefix <name> in|out
area {area} export-list <name>
area {area} import-list <name>
area {area} authentication *
area {area} virtual-link {address} *
area {area} shortcut <mode> # for the shortcut ABR type alone
auto-cost reference-bandwidth <mbps>
redistribute ospf|table {instance} *
redistribute {protocol} *
default-information originate *
default-metric <metric>
distance <distance>
distance ospf *
distribute-list {name} out {protocol}
max-metric router-lsa administrative
max-metric router-lsa on-startup <seconds>
max-metric router-lsa on-shutdown <seconds>
compatible rfc1583
ospf rfc1583compatibility
ospf abr-type <type>
summary-address {prefix} *
maximum-paths <number>
neighbor {address} * # the neighbours on a link are told by the network
timers|refresh|aggregation * # a timer
log-adjacency-changes * # logging
capability opaque # optional LSAs
ospf opaque-lsa # optional LSAs
ospf write-multiplier <number> # how FRR runs
write-multiplier <number> # how FRR runs
ospf send-extra-data zebra # shown, not used
graceful-restart * # keeps routes over a restart
fast-reroute * # protection until routing has converged
mpls-te * # labels
mpls ldp-sync * # labels
segment-routing {what} * # labels along the same paths
router-info * # optional LSAs
pce * # optional LSAs
~ proactive-arp # address resolution
"""

_OSPF6 = """
ospf6 router-id <address>
interface {name} area <area>
area {area} stub *
area {area} nssa range {prefix} *
area {area} nssa *
area {area} range {prefix} *
area {area} default-cost <cost>
area {area} filter-list prefix <name> in|out
area {area} export-list <name>
area {area} import-list <name>
auto-cost reference-bandwidth <mbps>
redistribute ospf|table {instance} *
redistribute {protocol} *
default-information originate *
default-metric <metric>
distance <distance>
distance ospf6 *
stub-router administrative
summary-address {prefix} *
maximum-paths <number>
timers|aggregation * # a timer
log-adjacency-changes * # logging
write-multiplier <number> # how FRR runs
ospf6 send-extra-data zebra # shown, not used
graceful-restart * # keeps routes over a restart
"""

_IGNORED = "* # %s\n"
_UNREAD = "* ? %s\n"

GRAMMARS: Mapping[str, Grammar] = {
    name: Grammar(rows)
    for name, rows in {
        "config": _CONFIG,
        "interface": _INTERFACE,
        "vrf": _VRF,
        "isis": _ISIS,
        "ospf": _OSPF,
        "ospf6": _OSPF6,
        "bgp": BGP,
        "bgp-family": BGP_FAMILY,
        "route-map": ROUTE_MAP,
        "line": _IGNORED % "who may log in",
        "key-chain": _IGNORED % "keys are taken as matching where both ends use one",
        "bfd": _IGNORED % "finds failures sooner, changes no route",
        "mpls": _IGNORED % "labels",
        "link-params": _IGNORED % "for traffic engineering",
        "bmp": _IGNORED % "a copy of the routes sent elsewhere",
        "bgp-multicast": _IGNORED % "multicast",
        "nexthop-group": _IGNORED % "used by policy routing alone, which is reported where it is used",
        "rpki": _IGNORED % "used by `match rpki` alone, which is reported where it is used",
        "bgp-foreign": _UNREAD % "the address family is not modelled",
        "foreign": _UNREAD % "the protocol is not modelled",
        "pbr": _UNREAD % "policy routing is not modelled",
        "segment-routing": _UNREAD % "segment routing policies are not modelled",
        "l2vpn": _UNREAD % "pseudowires are not modelled",
        "unknown": _UNREAD % "its section is not understood",
    }.items()
}

PARENTS: Mapping[str, str] = {
    **dict.fromkeys(GRAMMARS, "config"),
    "bgp-family": "bgp",
    "bgp-multicast": "bgp",
    "bgp-foreign": "bgp",
    "bmp": "bgp",
    "link-params": "interface",
}
"""Where `exit` leads from each context."""

CATCH_ALL = frozenset(GRAMMARS) - {
    "config",
    "interface",
    "vrf",
    "isis",
    "ospf",
    "ospf6",
    "bgp",
    "bgp-family",
    "route-map",
}
"""Contexts that take every line that is indented deeper than their heading."""
FLAT: Mapping[str, Grammar] = {
    "line": Grammar("exec-timeout|access-class|login * # who may log in"),
    "bfd": Grammar(
        "peer|profile|detect-multiplier|receive-interval|transmit-interval|echo|echo-mode|echo-interval|minimum-ttl"
        "|passive-mode|shutdown|label|log-session-changes * # finds failures sooner, changes no route"
    ),
}
"""What such contexts take without indentation."""
CLOSERS: Mapping[str, str] = {"vrf": "exit-vrf", "bgp-family": "exit-address-family"}
"""What closes a section, where it is not ``exit``."""
