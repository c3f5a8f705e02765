"""The named lists of one router, with what its vendor makes of a name that is not defined."""

from __future__ import annotations

from dataclasses import dataclass

from backstay.model.address import Prefix
from backstay.model.errors import Unproven
from backstay.model.network import Router
from backstay.model.policy import Policies
from backstay.model.vendor import SEMANTICS, Semantics
from backstay.simulate import bgp_path
from backstay.simulate.bgp_path import AsPath
from backstay.simulate.policy_lists import (
    access_list_permits,
    as_path_list_permits,
    community_list_permits,
    prefix_list_permits,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """Answers by list name; ``router`` names it in errors. ``deny``: an undefined list permits nothing."""

    router: str
    objects: Policies
    semantics: Semantics

    @classmethod
    def of(cls, router: Router) -> Library:
        """The library of a router. Raises `Unproven` for a vendor whose semantics nobody has written down."""
        semantics = SEMANTICS.get(router.vendor)
        if semantics is None:
            raise Unproven(f"{router.name}: no policy semantics known for vendor {router.vendor!r}")
        return cls(router=router.name, objects=router.policies, semantics=semantics)

    def prefix_list(self, version: int, name: str, prefix: Prefix, *, undefined: bool | None = None) -> bool:
        """A prefix list of one IP version holds no prefix of the other. ``undefined``: what a list that does not exist
        says (None: the vendor's say for route-maps and neighbours).
        """
        if version != prefix.version:
            return False
        found = self.objects.prefix_lists.get((version, name))
        if found is None:
            return self.semantics.undefined_prefix_list != "deny" if undefined is None else undefined
        return prefix_list_permits(found, prefix)

    def access_list(self, version: int, name: str, prefix: Prefix, *, undefined: bool | None = None) -> bool:
        """An access list applied to a route; ``undefined`` as for `prefix_list`."""
        if version != prefix.version:
            return False
        found = self.objects.access_lists.get((version, name))
        if found is None:
            return self.semantics.undefined_access_list != "deny" if undefined is None else undefined
        return access_list_permits(found, prefix)

    def as_path_list(self, name: str, path: AsPath) -> bool:
        """An AS-path access list."""
        found = self.objects.as_path_lists.get(name)
        if found is None:
            return self.semantics.undefined_as_path_list != "deny"
        return as_path_list_permits(found, bgp_path.text(path))

    def community_list(self, kind: str, name: str, carried: tuple[str, ...], *, exact: bool = False) -> bool:
        """``kind``: standard, large or extended."""
        found = self.objects.community_lists.get((kind, name))
        if found is None:
            return self.semantics.undefined_community_list != "deny"
        return community_list_permits(found, carried, exact=exact)
