"""Outputs of another stack, read only where its data may go."""

from pathlib import Path
from typing import Any, Final

import pulumi

from components._questions import Questions
from components.args import StackReadingArgs
from components.governance import Law
from inventories.faults import Fault
from inventories.models import Category, Declassification
from inventories.settings import Settings
from inventories.yaml_source import nearest

_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
_UNPUBLISHED: Final = "put that stack up once with a program that exports its category and department in plain text"


class StackReading(pulumi.ComponentResource):
    """Named outputs of a stack that is no more sensitive than this one, or that are declassified by name.

    Raises OnshoreError, `refused`, before anything is registered: a stack that does not exist or does not say whose
    data of which category it holds, an output that it does not have, and what FLO-001 forbids.
    """

    values: dict[str, pulumi.Output[Any]]

    def __init__(
        self,
        name: str,
        args: StackReadingArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        settings: Settings | None = None,
    ) -> None:
        questions = Questions(name)
        project, stack = _named(questions, name, args["stack"])
        wanted = _wanted(questions, name, args["outputs"])
        questions.settle()
        full = f"{pulumi.get_organization()}/{project}/{stack}"
        published = _published(questions, full)
        settings = settings or Settings.load(Path.cwd())
        law = Law.load(settings)
        own = _own_category(questions, law)
        facts = _facts(questions, full, published, law)
        questions.faults += [
            Fault(full, "has no such output", output, fix=nearest(output, sorted(published["outputs"])))
            for output in wanted
            if output not in published["outputs"]
        ]
        questions.settle()
        opened = settings.load_declassifications()
        questions.faults += _flow_faults(f"{project}/{stack}", facts[0], own, wanted, opened, law)
        questions.settle()
        inputs = {
            "category": own.id,
            "department": pulumi.Config("onshore").get("department"),
            "fromStack": f"{project}/{stack}",
            "fromCategory": facts[0].id,
            "fromDepartment": facts[1],
            "outputs": wanted,
        }
        super().__init__("onshore:index:StackReading", name, inputs, opts)
        # The name is how the policy pack knows that this reference is a reading's.
        reference = pulumi.StackReference(f"{name}-outputs", full, pulumi.ResourceOptions(parent=self))
        self.values = {output: reference.require_output(output) for output in wanted}
        self.register_outputs({})


def _named(questions: Questions, name: str, stack: object) -> tuple[str, str]:
    """Project and stack of a name, `stack` being one of this project."""
    parts = stack.split("/") if isinstance(stack, str) else []
    if len(parts) == 1:
        parts = [pulumi.get_project(), *parts]
    if len(parts) != 2 or not all(part.strip(".") and set(part) <= _NAME for part in parts):
        got = stack if isinstance(stack, str) else type(stack).__name__
        questions.faults.append(Fault(f"{name}: stack", "not one stack", got, fix="write it like project/stack"))
        return "", ""
    return parts[0], parts[1]


def _wanted(questions: Questions, name: str, outputs: object) -> list[str]:
    if isinstance(outputs, list) and outputs and all(isinstance(one, str) and one for one in outputs):
        return sorted(set(outputs))
    fix = "write the names of the outputs as a list of text, known before anything is made"
    questions.faults.append(Fault(f"{name}: outputs", "does not name outputs", fix=fix))
    return []


def _published(questions: Questions, full: str) -> dict[str, Any]:
    """A stack's outputs and the names of its secret ones, read without registering anything."""
    try:
        answer = pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", {"name": full}).value
    except Exception as error:  # noqa: BLE001 - the SDK raises nothing narrower
        reason = str(error).strip().rpartition("\n")[2] or type(error).__name__
        fix = "correct its name, or put it up first"
        questions.faults.append(Fault(full, "cannot be read", reason, fix=fix))
        questions.settle()
    found: dict[str, Any] = answer if isinstance(answer, dict) else {}
    return {"outputs": found.get("outputs") or {}, "secret": found.get("secretOutputNames") or []}


def _own_category(questions: Questions, law: Law) -> Category:
    """This stack's category: what the program says of itself would be its own judge."""
    name = pulumi.Config("onshore").get("category") or ""
    category = law.profile.category(name)
    if category is None:
        fix = "write `onshore:category: CATEGORY` into the stack's file"
        questions.faults.append(Fault("onshore:category", "not a category", name, fix=fix))
        questions.settle()
        raise AssertionError(name)  # settle has raised
    return category


def _facts(questions: Questions, full: str, published: dict[str, Any], law: Law) -> tuple[Category, str]:
    """Whose data of which category a stack says it holds."""
    outputs, secret = published["outputs"], published["secret"]
    plain = {key: outputs.get(key) for key in ("category", "department") if key not in secret}
    said = {key: value for key, value in plain.items() if isinstance(value, str)}
    category, department = law.profile.category(said.get("category", "")), said.get("department", "")
    if category is None:
        got = said.get("category", "")
        questions.faults.append(Fault(full, "does not say which category of data it holds", got, fix=_UNPUBLISHED))
    if law.register.department(department) is None:
        questions.faults.append(Fault(full, "does not say whose data it holds", department, fix=_UNPUBLISHED))
    if category is None:
        questions.settle()
        raise AssertionError(full)  # settle has raised
    return category, department


def _flow_faults(
    stack: str,
    read: Category,
    own: Category,
    outputs: list[str],
    opened: tuple[Declassification, ...],
    law: Law,
) -> list[Fault]:
    """What stands against data of one category going into this stack."""
    if read.rank <= own.rank:
        return []
    here = f"{pulumi.get_project()}/{pulumi.get_stack()}"
    covering = [record for record in opened if record.covers(stack, here, outputs)]
    if any(record.state(on=law.on) == "in force" for record in covering):
        return []
    told = [f"{record.id}: {record.state(on=law.on)}, {record.starts_on} to {record.ends_on}" for record in covering]
    what = f"FLO-001: holds {read.id} data, and this stack is for {own.id} data"
    why = "; ".join(told) or f"no declassification names {here} and all of these outputs"
    fix = "read less, raise this stack's category, or have these outputs declassified"
    return [Fault(stack, what, ", ".join(outputs), why, fix)]
