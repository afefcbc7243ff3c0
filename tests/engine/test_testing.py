"""`engine.testing`: what it shows of a run, and that its fakes keep the provider protocol's contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pytest

from engine.provider import CheckFailure
from engine.testing import Cloud, Fake, Kind, Stack, run
from engine.values import Secret

if TYPE_CHECKING:
    from pathlib import Path

BUCKET = "any:storage:Bucket"


class Bucket(pulumi.CustomResource):
    arn: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None, **properties: object) -> None:
        super().__init__(BUCKET, name, {**properties, "arn": None}, opts)


def small(inputs):
    return [CheckFailure("size", "is too large")] if inputs.get("size", 0) > 9 else []


def a_cloud() -> Cloud:
    return Cloud({BUCKET: Kind(("region",), "called", lambda inputs, _: {"arn": f"arn:{inputs['called']}"}, small)})


def test_a_function_runs_as_a_program_and_everything_of_the_run_can_be_read() -> None:
    def program() -> None:
        size = pulumi.Config().require_int("size")
        bucket = Bucket("b", called="logs", size=size, key=pulumi.Config().require_secret("key"))
        pulumi.export("arn", bucket.arn)

    cloud = a_cloud()
    ran = run(program, cloud=cloud, config={"size": 3, "key": Secret("s3cret")})
    assert ran.errors == []
    assert ran.steps == [("create", "shop-test"), ("create", "b")]
    assert ran.outputs == {"arn": "arn:logs"}
    assert ran.resource("b").inputs == {"called": "logs", "size": 3, "key": Secret("s3cret")}
    assert cloud.calls == [("create", "b")]
    (planned,) = (step for step in ran.planned if step.name == "b")
    assert planned.inputs == {"called": "logs", "size": 3, "key": Secret("[secret]")}


def test_a_preview_knows_no_computed_value_and_changes_nothing() -> None:
    seen: list[str] = []
    cloud = a_cloud()
    ran = run(lambda: Bucket("b", called="logs").arn.apply(seen.append), cloud=cloud, preview=True)
    assert ran.ok
    assert (seen, cloud.calls, ran.resources) == ([], [], ())


def test_a_stack_goes_on_from_run_to_run(tmp_path: Path) -> None:
    stack = Stack(tmp_path, a_cloud())
    first = stack.up(lambda: Bucket("b", size=1, region="a"))
    name = first.resource("b").inputs["called"]
    assert stack.up().changes == {"same": 2}
    grown = stack.up(lambda: Bucket("b", size=2, region="a"))
    assert next(step.detailed_diff for step in grown.planned if step.name == "b") == {"size": "update"}
    assert grown.resource("b").inputs["called"] == name
    moved = stack.up(lambda: Bucket("b", size=2, region="b"))
    assert [op for op, _ in moved.steps if _ == "b"] == ["create-replacement", "replace", "delete-replaced"]
    (thing,) = stack.cloud.things
    stack.cloud.things[thing] = {**stack.cloud.things[thing], "size": 7}
    assert stack.refresh().changes == {"update": 1, "same": 1}
    assert stack.destroy().ok
    assert stack.cloud.things == {}
    assert stack.resources == ()


def test_what_a_kind_finds_wrong_or_the_cloud_refuses_fails_the_run() -> None:
    cloud = a_cloud()
    cloud.refuse["b"] = "no capacity"
    too_large = run(lambda: Bucket("b", size=10), cloud=cloud)
    assert "is too large" in too_large.errors[0]
    assert cloud.calls == []
    refused = run(lambda: Bucket("b", size=1), cloud=cloud)
    assert refused.exit_code == 1
    assert refused.errors == ["no capacity", "update failed"]


def test_a_program_that_raises_is_an_error_of_the_run() -> None:
    ran = run(lambda: 1 / 0)
    assert not ran.ok
    assert "ZeroDivisionError" in ran.errors[0]
    assert "engine/program.py" not in ran.errors[0]


def test_a_syntax_error_shows_its_line_and_no_frame_of_ours() -> None:
    (error, *_) = run("import pulumi\nx = = 1\n").errors
    assert "x = = 1" in error
    assert "__main__.py" in error
    assert "runpy" not in error
    assert "engine/" not in error


def test_an_asynchronous_program_is_awaited() -> None:
    async def program() -> None:
        Bucket("b", called="late")

    assert ("create", "b") in run(program).steps


def test_a_package_can_be_played_by_a_provider_of_ones_own() -> None:
    own = a_cloud()
    assert run(lambda: Bucket("b"), providers={"any": lambda _log: Fake(own)}).ok
    assert own.calls == [("create", "b")]


def test_a_name_that_is_not_there_is_answered_with_those_that_are() -> None:
    ran = run(lambda: Bucket("b", called="x"))
    with pytest.raises(LookupError, match=r"0 resources are called 'c'; there is: b, default, shop-test"):
        ran.resource("c")
