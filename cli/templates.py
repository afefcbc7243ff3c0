"""The texts that `onshore new` begins with, for string.Template."""

from __future__ import annotations

from typing import Final

CHECK: Final = '''\
"""$id: $title."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.subject import Concern, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.subject import Subject

# Say here what it looks at. Nothing is of this type, so nothing is refused before there is something to judge.
CONCERN = Concern(types=frozenset({"example:index:$slug"}))


def check(subject: Subject) -> Iterator[Violation]:
    """Refuses all it looks at until it is written."""
    if subject.type in CONCERN.types:
        yield Violation("", subject.type, "nothing before this check is written", public=True)
'''

CHECK_TEST: Final = '''\
"""$id, two-way."""

from __future__ import annotations

from tests.policies.asking import UNKNOWN, Resource, World, deployment, table

TYPE = "example:index:$slug"


@table(
    {
        "what it does not look at": (deployment(),),
        "a lawful one, not judged yet": (Resource(TYPE, {"field": "lawful"}), "$id"),
        "an unlawful one": (Resource(TYPE, {"field": "unlawful"}), "$id"),
        "a malformed one": (Resource(TYPE, {"field": []}), "$id"),
        "an unknown one": (Resource(TYPE, {"field": UNKNOWN}), "$id"),
    }
)
def test_it_refuses_until_it_is_written(asked: Resource, refusing: set[str]) -> None:
    assert World().refused_by(asked) & {"$id"} == refusing
'''

COMPONENT: Final = '''\
"""$name: what it builds."""

import pulumi

from components._common import governed
from components.args import ${name}Args
from components.governance import Law
from inventories.faults import Fault
from inventories.questions import Questions


class $name(pulumi.ComponentResource):
    """Not written yet: it refuses every place.

    Raises OnshoreError with every fault before anything is registered.
    """

    def __init__(
        self,
        name: str,
        args: ${name}Args,
        opts: pulumi.ResourceOptions | None = None,
        *,
        law: Law | None = None,
    ) -> None:
        questions = Questions(name)
        facts = (args["department"], args["category"], args["cluster"], str(args.get("exposure") or "internal"))
        governance = governed(questions, name, facts, opts, law)
        questions.faults.append(Fault(name, "not written yet", fix="write its module"))
        questions.settle()
        if governance is None:
            raise AssertionError(name)  # settle has raised
        inputs = {**governance.inputs, "namespace": args["namespace"]}
        super().__init__("onshore:index:$name", name, inputs, opts)
        # its children, each named f"{name}-role", with pulumi.ResourceOptions(parent=self)
        self.register_outputs({})
'''

COMPONENT_ARGS: Final = '''\
class ${name}Args(TypedDict):
    """What $name is built from."""

    department: str
    """The department's id in the register."""
    category: str
    """The data category, by id or alias."""
    cluster: str
    """The cluster's id in the register."""
    namespace: str
    """The landing zone's namespace."""
    exposure: NotRequired[str]
    """`internal` (default) or `public`."""
'''

COMPONENT_TEST: Final = '''\
"""What $name registers, and what makes it refuse before it registers anything."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from inventories.faults import OnshoreError

LAWFUL, ABROAD = "example-csp-alpha-khi-1", "example-csp-delta-xa-1"


@pytest.fixture
def build(settings, record):
    """Builds one with access to a cluster; returns what was registered."""

    def start(cluster: str, **changes: Any):
$imports

        args: Any = {"department": "health-example", "category": "restricted", "namespace": "here"}

        def program() -> None:
            found = settings.load_register().cluster(cluster)
            assert found is not None
            content = (settings.kubeconfigs / f"{cluster}.yaml").read_text()
            provider = ClusterAccess("cluster", kubeconfig=content, cluster=found[1])
            given = args | {"cluster": cluster} | changes
            $name("one", given, pulumi.ResourceOptions(provider=provider))

        return record(program)

    return start


def test_it_refuses_even_a_lawful_place_until_it_is_written(build) -> None:
    with pytest.raises(OnshoreError, match="not written yet") as refused:
        build(LAWFUL)
    assert refused.value.refused
    assert len(refused.value.faults) == 1


@pytest.mark.parametrize(
    ("cluster", "changes", "says"),
    [
        (ABROAD, {}, "RES-001"),
        (LAWFUL, {"department": "nobody"}, "nobody"),
        (LAWFUL, {"category": "harmless"}, "harmless"),
        (LAWFUL, {"exposure": "some"}, "some"),
    ],
)
def test_what_stands_against_it_is_told_beside(build, cluster: str, changes: dict[str, str], says: str) -> None:
    with pytest.raises(OnshoreError, match="not written yet") as refused:
        build(cluster, **changes)
    assert says in str(refused.value)
'''
