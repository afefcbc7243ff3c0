"""One law, two judges: the pack and the real API server agree on every object, rule by rule.

What the API server's own schema does not take is no object to judge; it is counted, and must stay the smaller part.
"""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis.errors import NoSuchExample

from admission.parameters import GROUP
from admission.policies import all_rulings
from inventories.labels import CATEGORY_LABEL
from tests.admission.conftest import MARK, facts
from tests.admission.conftest import path as path_of
from tests.admission.drawing import HOMES, RESERVED, objects
from tests.policies.asking import Provider, Resource, World, changed

if TYPE_CHECKING:
    from admission.cel import Ruling
    from tests.admission.conftest import Answer, Server

pytestmark = pytest.mark.cluster
_EXAMPLES: Final = 3600
_AT_LEAST: Final = 2000
_AT_ONCE: Final = 8
_ALL: Final = list(HealthCheck)
# What the register says of a whole cluster the pack asks once, of the provider; here it stands in the place of both.
_OF_THE_REGISTER: Final = frozenset({"ACC-001", "ACC-004"})
_BY_WHO_ASKS: Final = {GROUP, "apiextensions.k8s.io", "apiregistration.k8s.io"}
Asked = tuple[str, dict[str, Any]]


class Judges:
    """The same question to both."""

    def __init__(self, server: Server) -> None:
        self.server = server
        known = facts()
        self.rulings = list(all_rulings(known.rules))
        self.rules = {each.rule for each in self.rulings} - _OF_THE_REGISTER | {"CAT-003"}
        homes = {**{home: home for home in HOMES}, RESERVED: "restricted"}
        self.worlds = {name: World(home, facts=known, register=known.register) for name, home in homes.items()}
        self.categories = {name for each in known.profile.categories for name in (each.id, *each.aliases)}

    def placed(self, asked: Asked) -> dict[str, Any]:
        """The object as it is sent: in a namespace of these tests, or marked as theirs."""
        home, body = asked
        if body["kind"] not in ("Namespace", "PersistentVolume"):
            name = f"kube-{self.server.mark}" if home == RESERVED else f"{self.server.mark}-{home}"
            return dict(changed(body, "metadata", "namespace", to=name))
        marked = changed(body, "metadata", "labels", MARK, to=self.server.mark)
        return dict(changed(marked, "metadata", "name", to=f"{body['metadata']['name']}-{self.server.mark}"))

    def api_server(self, asked: Asked) -> Answer | None:
        """None for what is no object."""
        said = self.server.create(self.placed(asked))
        if said.code >= 300 and not said.is_refused_by_policy:
            assert said.code in (400, 422), said
            return None
        return said

    def pack(self, asked: Asked) -> set[str]:
        """The rules that refuse it, and what is wrong with it beside the namespace that it is in."""
        home, body = asked[0], self.placed(asked)
        kind = body["kind"]
        if kind == "Namespace":  # its own label alone says whose rules it keeps
            named = body["metadata"]["labels"].get(CATEGORY_LABEL)
            world = self.worlds["open" if named in self.categories else "secret"]
            return world.refused_by(_resource(body)) & self.rules
        world = self.worlds[home]
        found = world.refused_by(_resource(body)) & self.rules
        if kind == "PersistentVolume":  # provisioners make them: CRY-001 is the pack's alone
            return found & {"POD-001"}
        own = self.server.namespace("restricted" if home == RESERVED else home)
        space = changed(own, "metadata", "name", to=body["metadata"]["namespace"])
        return found | world.stack_refused_by(_resource(space), _resource(body)) & {"CAT-004"}

    def disagree(self, asked: Asked, said: Answer | None) -> str:
        """What they say, where it is not the same."""
        if said is None:
            return ""
        pack = self.pack(asked)
        ignored = {"CAT-003"} if asked[0] == "secret" else set()  # the provider's, as above
        if said.rules - ignored == pack - ignored and said.is_refused_by_policy == bool(said.rules):
            return ""
        return f"the pack refuses by {sorted(pack)}, the API server by {sorted(said.rules)}: {said.message}"


def _resource(body: dict[str, Any]) -> Resource:
    group = body["apiVersion"] if "/" in body["apiVersion"] else f"core/{body['apiVersion']}"
    return Resource(f"kubernetes:{group}:{body['kind']}", body, Provider(), body["kind"].lower())


def _drawn() -> list[Asked]:
    """All different, the same in every run."""
    found: dict[str, Asked] = {}

    @settings(
        max_examples=_EXAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=_ALL,
    )
    @given(objects())
    def note(asked: Asked) -> None:
        found[json.dumps(asked, sort_keys=True)] = asked

    note()
    return list(found.values())


def _smallest(judges: Judges, wrong: list[tuple[Asked, str]]) -> str:
    """The smallest disagreement: by Hypothesis, else of those that were found."""
    what = settings(max_examples=_EXAMPLES, database=None, deadline=None, suppress_health_check=_ALL)
    try:
        asked = find(
            objects(),
            lambda one: bool(judges.disagree(one, judges.api_server(one))),
            settings=what,
            random=Random(0),  # noqa: S311 - nothing secret
        )
    except NoSuchExample:
        asked = min((one for one, _ in wrong), key=lambda one: len(json.dumps(one)))
    said = judges.disagree(asked, judges.api_server(asked))
    shown = json.dumps(asked[1], indent=1)
    return f"{len(wrong)} disagreements; the smallest, in a namespace of {asked[0]} data:\n{shown}\n{said}"


@pytest.mark.usefixtures("gateway_api")
def test_the_pack_and_the_api_server_agree_on_every_object(server: Server) -> None:
    judges = Judges(server)
    drawn = _drawn()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(zip(drawn, pool.map(judges.api_server, drawn), strict=True))
    wrong = [(asked, told) for asked, said in answers if (told := judges.disagree(asked, said))]
    if wrong:
        pytest.fail(_smallest(judges, wrong))
    judged = [(asked, said) for asked, said in answers if said is not None]
    assert len(judged) >= _AT_LEAST
    refused = Counter(rule for _, said in judged for rule in said.rules)
    assert {rule for rule in judges.rules if refused[rule] >= 20} == judges.rules, refused
    let_in = [asked for asked, said in judged if not said.rules]
    assert min(len(let_in), len(judged) - len(let_in)) > len(judged) // 10
    kinds = {path_of(judges.placed(asked)).rpartition("/")[2] for asked in let_in}
    assert kinds == {each for ruling in judges.rulings for each in _kinds(ruling)}


def _kinds(ruling: Ruling) -> set[str]:
    """The kinds that a policy is asked about, but for those that are judged by who asks."""
    return {
        each
        for group, resources in ruling.resources.items()
        for each in resources
        if "/" not in each and not each.endswith("classes") and group not in _BY_WHO_ASKS
    }
