"""The commands of ``router bgp``, its address families, and route-maps; rows as in `backstay.read.section`."""

from __future__ import annotations

BGP = """
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

BGP_FAMILY = """
network {prefix} *
aggregate-address {prefix} *
redistribute ospf
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

ROUTE_MAP = """
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
