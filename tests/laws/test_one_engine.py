"""Laws that hold for every network, whatever its routing: names mean nothing, order means nothing, undoing undoes."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import event, given, seed, settings
from hypothesis import strategies as st
from tests.laws.conftest import SEED
from tests.laws.folder import Folder
from tests.laws.strategy import folders, overlays

from backstay.audit.agree import disagreements
from backstay.model.change import Change, Intent, Step
from backstay.model.errors import Unproven
from backstay.model.network import NOTHING, InterfaceRef, Network, Overlay
from backstay.model.state import State
from backstay.read.merge import plan_change
from backstay.simulate.engine import simulate

SMALL = (2, 3, 3, 4, 5, 6)


def answer(network: Network, overlay: Overlay = NOTHING) -> State | None:
    """The fast engine's State, None where it says it has none."""
    try:
        found = simulate(network, overlay)
    except Unproven as error:
        event(f"no answer: {type(error).__name__}")
        return None
    return found


def differences(one: State | None, other: State | None) -> list[str]:
    if one is None or other is None:
        return [] if one is other else ["only one of them has an answer"]
    return [str(item) for item in disagreements(one, other)][:5]


@seed(SEED)
@settings(settings.get_profile("laws"))
@given(folders())
def test_every_line_the_laws_write_is_read(folder: Folder) -> None:
    """A law on lines nobody reads would prove nothing."""
    network = folder.load()
    assert [line for router in network.routers.values() for line in router.unread] == []
    assert set(network.routers) == set(folder.configs)


@seed(SEED)
@settings(settings.get_profile("laws"))
@given(folders(sizes=SMALL), st.data())
def test_an_engine_answers_or_says_why_not_and_always_the_same(folder: Folder, data: st.DataObject) -> None:
    network = folder.load()
    overlay = data.draw(overlays(network))
    backwards = replace(network, routers=dict(reversed(list(network.routers.items()))))
    assert differences(answer(network, overlay), answer(backwards, overlay)) == []


def renamed(folder: Folder, names: dict[str, str]) -> Folder:
    """Other hostnames, which sort the other way round."""

    def name(text: str) -> str:
        return re.sub(r"\br\d+\b", lambda found: names.get(found.group(), found.group()), text)

    def deep(value: object) -> object:
        if isinstance(value, dict):
            return {name(str(key)): deep(item) for key, item in value.items()}
        if isinstance(value, list):
            return [deep(item) for item in value]
        return name(value) if isinstance(value, str) else value

    intent = deep(folder.intent)
    assert isinstance(intent, dict)
    configs = {
        names[key]: text.replace(f"hostname {key}\n", f"hostname {names[key]}\n")
        for key, text in folder.configs.items()
    }
    return Folder(configs=configs, intent=intent, demands=folder.demands)


def named_back(state: State, names: dict[str, str]) -> State:
    """The State in the first names."""
    back = {new: old for old, new in names.items()}

    def ref(given: InterfaceRef) -> InterfaceRef:
        return InterfaceRef(back[given.router], given.interface)

    def router(name: str) -> str:
        return back.get(name, name)

    def text(given: str) -> str:
        return re.sub(r"x\d+y", lambda found: back[found.group()], given)

    return replace(
        state,
        routes={back[name]: tables for name, tables in state.routes.items()},
        adjacencies=frozenset(
            replace(item, local=ref(item.local), remote=ref(item.remote)) for item in state.adjacencies
        ),
        sessions=tuple(
            replace(item, router=router(item.router), remote=router(item.remote)) for item in state.sessions
        ),
        advertisements=frozenset(replace(item, router=router(item.router)) for item in state.advertisements),
        flows={
            text(name): replace(flow, flow=text(flow.flow), at=tuple(sorted(map(router, flow.at))))
            for name, flow in state.flows.items()
        },
        loads=replace(
            state.loads,
            mbps={ref(key): value for key, value in state.loads.mbps.items()},
            utilisation={ref(key): value for key, value in state.loads.utilisation.items()},
        ),
        access={router(name): paths for name, paths in state.access.items()},
    )


@seed(SEED)
@settings(settings.get_profile("laws"))
@given(folders(sizes=SMALL))
def test_renaming_the_routers_renames_the_state_and_changes_nothing_else(folder: Folder) -> None:
    names = {old: f"x{99 - number}y" for number, old in enumerate(sorted(folder.configs))}
    one, other = answer(folder.load()), answer(renamed(folder, names).load())
    assert differences(one, other and named_back(other, names)) == []


@seed(SEED)
@settings(settings.get_profile("laws"))
@given(folders(sizes=SMALL), st.data())
def test_a_link_that_is_down_is_its_interfaces_down(folder: Folder, data: st.DataObject) -> None:
    network = folder.load()
    link = data.draw(st.sampled_from(sorted(network.links.values(), key=lambda item: item.name)))
    cut = answer(network, Overlay(links_down=frozenset({link.name})))
    dark = answer(network, Overlay(interfaces_down=frozenset(link.ends)))
    assert differences(cut, dark) == []


@seed(SEED)
@settings(settings.get_profile("laws"))
@given(folders(sizes=SMALL), st.data())
def test_overlays_commute(folder: Folder, data: st.DataObject) -> None:
    """What is down is down, in whichever order it went; and what was down already cannot go down again."""
    network = folder.load()
    one, other = data.draw(overlays(network)), data.draw(overlays(network))
    assert one | other == other | one
    both = answer(network, one | other)
    assert differences(both, answer(network, other | one | one)) == []
    if both is not None:
        assert both.overlay == one | other | both.overlay


CHANGES = (
    ("interface eth0\n shutdown", "interface eth0\n no shutdown"),
    ("interface lo\n ip address 198.51.7.7/32", "interface lo\n no ip address 198.51.7.7/32"),
    ("ip route 203.0.113.128/25 blackhole", "no ip route 203.0.113.128/25 blackhole"),
    ("router isis CORE\n set-overload-bit", "router isis CORE\n no set-overload-bit"),
    ("router ospf\n max-metric router-lsa administrative", "router ospf\n no max-metric router-lsa administrative"),
    (
        "ip prefix-list NEW seq 5 deny 0.0.0.0/0 le 32\nroute-map M1 permit 5\n match ip address prefix-list NEW",
        "no route-map M1 permit 5\nno ip prefix-list NEW",
    ),
)


@seed(SEED)
@settings(settings.get_profile("laws"))
@given(folders(sizes=SMALL), st.data())
def test_a_change_and_its_rollback_give_the_first_state_back(folder: Folder, data: st.DataObject) -> None:
    network = folder.load()
    router = data.draw(st.sampled_from(sorted(network.routers)))
    there, back = data.draw(st.sampled_from([pair for pair in CHANGES if _applies(folder.configs[router], pair[0])]))
    change = Change(
        title="law",
        intent=Intent.CONFIGURE,
        steps=(Step(on=(router,), config=there),),
        rollback=(Step(on=(router,), config=back),),
    )
    plan = plan_change(network, change)
    assert plan.rollback is not None
    assert all(not stage.unread for stage in (*plan.stages, *plan.rollback))
    event(there.splitlines()[-1])
    assert differences(answer(network), answer(plan.rollback[-1].network)) == []


def _applies(config: str, lines: str) -> bool:
    """Whether the section the change goes into is there: undoing it must not leave an empty one."""
    if "M1" in lines:
        return "route-map M1 " in config and "route-map M1 permit 5\n" not in config
    section = lines.splitlines()[0]
    if section == "interface lo":
        return "ip address" in config
    return not section.startswith(("interface", "router")) or f"{section}\n" in config
