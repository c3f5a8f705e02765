"""Routers built by hand for tests of reading: no configuration text needed."""

from typing import Any

from backstay.model.address import Address, Prefix
from backstay.model.network import Interface, InterfaceAddress, Router
from backstay.model.source import Place


def interface(name: str, *addresses: str, **settings: Any) -> Interface:
    """``interface("eth0", "10.0.0.0/31", vrf="red")``."""
    return Interface(
        name=name,
        addresses=tuple(
            InterfaceAddress(
                address=Address.parse(text.split("/")[0]), prefix=Prefix.parse(text), place=Place("configs/x.conf", 1)
            )
            for text in addresses
        ),
        **settings,
    )


def router(name: str, *interfaces: Interface) -> Router:
    return Router(name=name, vendor="frr", interfaces={one.name: one for one in interfaces})


def routers(*several: Router) -> dict[str, Router]:
    return {one.name: one for one in several}
