"""What is known of the types against Pulumi's own SDK for them: names, and what is an input."""

from __future__ import annotations

import ast
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import pytest

from engine.providers.openstack.types import all_facts


@cache
def classes(module: str) -> dict[str, ast.ClassDef]:
    """The classes of one module of the SDK, which is read and not imported: that would take a second."""
    file = Path(str(distribution("pulumi-openstack").locate_file("pulumi_openstack"))) / f"{module}.py"
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def properties(node: ast.ClassDef) -> set[str]:
    """The property names, as they are on the wire."""
    found = set()
    for function in node.body:
        if not isinstance(function, ast.FunctionDef):
            continue
        for decorator in function.decorator_list:
            text = ast.unparse(decorator)
            if text.startswith("pulumi.getter"):
                found.add(text.split("'")[1] if "'" in text else function.name)
    return found


def module_of(token: str) -> tuple[str, str]:
    _, place, name = token.split(":")
    package = place.split("/")[0]
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in place.split("/")[1])
    return f"{package}/{words}", name


@pytest.mark.parametrize("token", sorted(all_facts()))
def test_a_type_has_the_inputs_and_outputs_of_the_sdk(token: str) -> None:
    module, name = module_of(token)
    found = classes(module)
    facts = all_facts()[token]
    assert set(facts.inputs) == properties(found[f"{name}Args"])
    assert set(facts.inputs) | set(facts.outputs) == properties(found[name])


def test_what_replaces_is_said_of_the_types_that_never_change_in_place() -> None:
    for token in ("compute/keypair:Keypair", "networking/secGroupRule:SecGroupRule", "compute/serverGroup:ServerGroup"):
        facts = all_facts()[f"openstack:{token}"]
        assert {name for name, prop in facts.inputs.items() if not prop.replace} == set(), token


def test_each_default_and_choice_has_the_type_of_its_property() -> None:
    kinds = {"string": str, "integer": int, "boolean": bool}
    for facts in all_facts().values():
        for prop in facts.inputs.values():
            for said in (*([prop.default] if prop.default is not None else []), *prop.choices):
                assert isinstance(said, kinds[prop.type])
