"""How far apart the two ends of a session are, and whether their TTLs bear it (RFC 4271 A, RFC 5082)."""

from __future__ import annotations

from backstay.referee.bgp_ends import IBGP, End
from backstay.referee.bgp_subnets import Subnets
from backstay.referee.seams import Interior, Place

MAXIMUM_TTL = 255


def refusal(interior: Interior, subnets: Subnets, end: End, twin: End) -> str:
    """Why packets of ``end`` do not get into ``twin``, "" if they do."""
    sent = _sent(end)
    wanted = MAXIMUM_TTL + 1 - twin.neighbor.ttl_security if twin.neighbor.ttl_security is not None else 1
    if sent == MAXIMUM_TTL and wanted == 1:
        return ""
    distance = hops(interior, subnets, end)
    if distance is None:
        return f"{end.peer_address} is not reachable"
    left = sent - (distance - 1)
    return "" if left >= wanted else f"TTL {left} at {twin.instance.router.name}, {wanted} needed"


def _sent(end: End) -> int:
    if end.sort == IBGP or end.neighbor.ttl_security is not None:
        return MAXIMUM_TTL
    return end.neighbor.ebgp_ttl


def hops(interior: Interior, subnets: Subnets, end: End) -> int | None:
    """Links between an end and its peer, along the longest of equal paths; None where one leads nowhere."""
    if end.shared or end.peer_address is None:
        return 1
    here: set[Place] = {end.instance.place}
    seen: set[Place] = set()
    count = 0
    while here:
        if here & seen or count > MAXIMUM_TTL:
            return None
        seen |= here
        count += 1
        onward: set[Place] = set()
        for place in here:
            resolved = interior.resolve(*place, end.peer_address)
            if resolved is None:
                return None
            for hop in resolved.forwarding:
                if hop.neighbor is not None and hop.neighbor.router != end.remote:
                    onward.add((hop.neighbor.router, subnets.vrf(hop.neighbor)))
        here = onward
    return count
