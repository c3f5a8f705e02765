"""The commands of FRR by context, as grammar rows (`backstay.read.section`).

Source: ``list`` of FRR 8.4.4 in each node, and the FRR 8.4 user manual; older spellings that 8.4 still takes or that
Cumulus Linux 3 and 4 write are beside them. What a row ignores has no bearing on routes once all timers have run out.
"""

from __future__ import annotations

from collections.abc import Mapping

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
lsp-gen-interval|lsp-refresh-interval|lsp-timers|lsp-mtu|max-lsp-lifetime * # a timer
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

_BGP = """
bgp router-id <address>
bgp cluster-id <id>
bgp confederation identifier <as>
% bgp confederation peers *
bgp always-compare-med
~ bgp deterministic-med
bgp bestpath as-path confed
bgp bestpath as-path ignore
bgp bestpath as-path multipath-relax *
bgp bestpath compare-routerid
% bgp bestpath med *
bgp bestpath bandwidth * ? link bandwidth in the choice of paths is not modelled
bgp bestpath peer-type multipath-relax ? multipath across eBGP and iBGP is not modelled
~ bgp client-to-client reflection
~ bgp default ipv4-unicast
~ bgp default ipv6-unicast
bgp default local-preference <preference>
bgp default shutdown
~ bgp default ipv4-multicast|ipv6-multicast # multicast
bgp default ipv4-vpn|ipv6-vpn|ipv4-labeled-unicast|ipv6-labeled-unicast|ipv4-flowspec|ipv6-flowspec|l2vpn-evpn ? its address family is not modelled
~ bgp default show-hostname|show-nexthop-hostname # display
bgp default subgroup-pkt-queue-max * # memory
bgp disable-ebgp-connected-route-check
~ bgp ebgp-requires-policy
~ bgp fast-external-failover
bgp graceful-shutdown
~ bgp network import-check
~ bgp reject-as-sets
bgp route-reflector allow-outbound-policy
bgp shutdown *
bgp max-med administrative *
bgp max-med on-startup * # for a time after start alone
bgp listen range {prefix} peer-group <group>
bgp listen limit <number> # how many may connect
bgp dampening * ? route flap dampening is not modelled
bgp suppress-fib-pending # a delay until the FIB is written
bgp allow-martian-nexthop ? martian next hops are not modelled
~ bgp log-neighbor-changes # logging
~ bgp suppress-duplicates # updates that say nothing new
~ bgp graceful-restart * # keeps routes over a restart
bgp graceful-restart-disable # keeps no routes over a restart
~ bgp hard-administrative-reset # how a reset is told
bgp long-lived-graceful-restart * # keeps routes over a restart
bgp minimum-holdtime <seconds> # a timer
bgp conditional-advertisement timer <seconds> # a timer
bgp fast-convergence # a timer
bgp route-map delay-timer <seconds> # a delay
bgp labeled-unicast * # labels
bmp * >> bmp
timers bgp * # a timer
update-delay * # a delay at start
coalesce-time|read-quanta|write-quanta * # how FRR runs
auto-summary # no longer in FRR, never on
synchronization # no longer in FRR, never on
segment-routing srv6 >> segment-routing
vnc|vrf-policy|rfp * >> foreign
rd * ? VPN routes are not modelled
neighbor {peer} peer-group <group>
neighbor {peer} peer-group
neighbor {peer} remote-as <as>
neighbor {peer} interface *
neighbor {peer} description *
~ neighbor {peer} shutdown *
neighbor {peer} passive
neighbor {peer} update-source <source>
neighbor {peer} ebgp-multihop *
neighbor {peer} ttl-security hops <hops>
neighbor {peer} disable-connected-check|enforce-multihop
neighbor {peer} enforce-first-as
neighbor {peer} local-as *
neighbor {peer} local-role *
neighbor {peer} password *
neighbor {peer} port <port>
neighbor {peer} strict-capability-match
neighbor {peer} solo
~ neighbor {peer} capability extended-nexthop
neighbor {peer} capability dynamic # changes without a reset
neighbor {peer} advertisement-interval <seconds> # a delay
neighbor {peer} timers * # a timer
neighbor {peer} bfd * # finds failures sooner, changes no route
neighbor {peer} dont-capability-negotiate ? sessions without capabilities are not modelled
neighbor {peer} override-capability ? sessions without capabilities are not modelled
neighbor {peer} disable-link-bw-encoding-ieee # link bandwidth alone
neighbor {peer} extended-optional-parameters # the form of the open message
neighbor {peer} graceful-restart|graceful-restart-disable|graceful-restart-helper # keeps routes over a restart
neighbor {peer} graceful-shutdown
neighbor {peer} tcp-mss <bytes> # how TCP runs
neighbor {peer} sender-as-path-loop-detection # updates the neighbour would drop itself
- neighbor {peer}
address-family ipv4|ipv6 unicast >> bgp-family
address-family ipv4|ipv6 multicast >> bgp-multicast
address-family ipv4|ipv6 vpn|labeled-unicast|flowspec >> bgp-foreign
address-family l2vpn evpn >> bgp-foreign
address-family vpnv4|vpnv6 * >> bgp-foreign
address-family encap|encapv4|encapv6 * >> bgp-foreign
"""

_BGP_FAMILY = """
network {prefix} *
aggregate-address {prefix} *
redistribute ospf|table {instance} *
redistribute {protocol} *
maximum-paths <number>
maximum-paths ibgp *
distance bgp *
distance <distance> {prefix} *
table-map <name>
import vrf route-map <name>
import vrf {name}
import|export vpn ? VPN routes are not modelled
rt|route-target|route-target6|rt6 vpn|redirect * ? VPN routes are not modelled
rd|label|nexthop|sid|route-map vpn import|export * ? VPN routes are not modelled
bgp dampening * ? route flap dampening is not modelled
~ neighbor {peer} activate
neighbor {peer} route-map <name> in|out
neighbor {peer} prefix-list <name> in|out
neighbor {peer} filter-list <name> in|out
neighbor {peer} distribute-list <name> in|out
neighbor {peer} unsuppress-map <name>
neighbor {peer} next-hop-self
neighbor {peer} next-hop-self force|all
neighbor {peer} route-reflector-client
neighbor {peer} route-server-client
^ ~ neighbor {peer} send-community
^ ~ neighbor {peer} send-community standard|extended|large|both|all
neighbor {peer} default-originate *
neighbor {peer} maximum-prefix *
neighbor {peer} maximum-prefix-out <number>
neighbor {peer} allowas-in *
neighbor {peer} as-override
neighbor {peer} remove-private-AS *
neighbor {peer} weight <weight>
neighbor {peer} attribute-unchanged *
neighbor {peer} soft-reconfiguration inbound
neighbor {peer} addpath-tx-all-paths
neighbor {peer} addpath-tx-bestpath-per-AS
neighbor {peer} advertise-map *
neighbor {peer} soo <community> ? a site of origin set per neighbour is not modelled
neighbor {peer} capability orf prefix-list <mode> ? prefix lists sent to the neighbour are not modelled
neighbor {peer} disable-addpath-rx ? additional paths that are refused are not modelled
neighbor {peer} nexthop-local unchanged ? an unchanged link-local next hop is not modelled
neighbor {peer} encapsulation * # labels
"""

_ROUTE_MAP = """
description *
call <name>
continue
continue <sequence>
on-match next
on-match goto <sequence>
match as-path <name>
match community|large-community|extcommunity <name> *
match interface <name>
match ip|ipv6 address prefix-list <name>
match ip|ipv6 address prefix-len <length>
match ip|ipv6 address <name>
match ip|ipv6 next-hop prefix-list <name>
match ip|ipv6 next-hop prefix-len <length>
match ip|ipv6 next-hop address <address>
match ip|ipv6 next-hop type <type>
match ip|ipv6 next-hop <name>
match ip|ipv6 route-source prefix-list <name>
match ip|ipv6 route-source <name>
match local-preference|metric|origin|tag <value>
match source-protocol|source-instance <value>
match peer <peer>
match {kind} * ? the match is not modelled
set as-path prepend *
set as-path exclude *
set as-path replace * ? replacing in AS paths is not modelled
set atomic-aggregate
set aggregator as <as> <address>
set comm-list|large-comm-list <name> delete
set community|large-community *
set extcommunity none
set extcommunity rt|soo *
set extcommunity bandwidth * ? link bandwidth is not modelled
set distance|label-index|local-preference|metric|metric-type|origin|originator-id|src|tag|weight <value>
set ip next-hop <address>
set ipv6 next-hop global|local <address>
set ipv6 next-hop peer-address
set ipv6 next-hop prefer-global
set {kind} * ? the action is not modelled
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
        "bgp": _BGP,
        "bgp-family": _BGP_FAMILY,
        "route-map": _ROUTE_MAP,
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
"""Contexts that take every line: a line is theirs only when no outer context has it and it is indented."""
CLOSERS: Mapping[str, str] = {"vrf": "exit-vrf", "bgp-family": "exit-address-family"}
"""What closes a section, where it is not ``exit``."""
