"""Everything that may stand against a run, asked before anything is touched, and told all at once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from components.host_law import host_faults
from inventories.faults import Fault, OnshoreError
from playbooks.comparing import inventory_digest, names_of
from playbooks.content import PARTS
from playbooks.facts import Facts
from playbooks.inputs import marked, read_inputs, secret_names
from playbooks.inspection import content_faults
from playbooks.running import syntax_fault
from playbooks.values import plain, wrapped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi.provider.experimental.property_value import PropertyValue

    from playbooks.content import Content
    from playbooks.inputs import RunInputs
    from playbooks.values import Properties


class Checker:
    """Checks inputs; what Ansible said of a playbook is remembered, for many resources run the same one."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, ...], str] = {}
        self._asking = threading.Lock()

    def check(self, olds: Properties, news: Properties) -> tuple[dict[str, PropertyValue], list[Fault]]:
        """The inputs with their digests and every secret marked; or all faults."""
        given = {key: value for key, value in news.items() if key != "digests"}
        inputs, faults = read_inputs(given)
        digests: dict[str, str] = {}
        if inputs is not None:
            try:
                facts = Facts.load()
                faults += host_faults(inputs.hosts, inputs.department, inputs.category, facts.law, inputs.machines)
                faults += facts.login_faults()
                faults += _abandoned(olds, inputs)
                content = inputs.content(facts.root)
                digests |= {part: content.digest(part) for part in PARTS}
                faults += self._content_faults(content, inputs, secret_names(given), digests)
                here = [found[1] for name in inputs.hosts if (found := facts.law.register.host(name))]
                digests["inventory"] = inventory_digest(here, inputs.machines, inputs.groups)
            except OnshoreError as error:
                faults += error.faults or [Fault("", error.summary)]
        return {**marked(given), "digests": wrapped(digests)}, faults

    def _content_faults(
        self, content: Content, inputs: RunInputs, secret: set[str], digests: Mapping[str, str]
    ) -> list[Fault]:
        playbooks = [content.playbook, *([inputs.teardown_beside] if inputs.teardown else [])]
        if faults := content_faults(content, playbooks, inputs.names, inputs.groups, secret):
            return faults
        said = {playbook: self._ask_ansible(content, playbook, digests) for playbook in playbooks}
        return [Fault("", f"Ansible cannot read {name}", text, fix="correct it") for name, text in said.items() if text]

    def _ask_ansible(self, content: Content, playbook: str, digests: Mapping[str, str]) -> str:
        key = (playbook, *digests.values())
        with self._asking:
            if key not in self._said:
                self._said[key] = syntax_fault(content, playbook)
            return self._said[key]


def _abandoned(olds: Properties, inputs: RunInputs) -> list[Fault]:
    """Hosts that would drop out of the run with what it set up still on them."""
    gone = sorted(set(names_of(olds)) - set(inputs.names))
    if not gone or inputs.forget or plain(olds.get("teardown")):
        return []
    fix = "declare `teardown` (a playbook that undoes it) and run an up first, or set `forget`"
    return [Fault("hosts", f"{', '.join(gone)} would drop out with what was set up still there", fix=fix)]
