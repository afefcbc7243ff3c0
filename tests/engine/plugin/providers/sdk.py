"""A provider plugin written with Pulumi's own Python provider SDK: passwords, kept secret.

Every change it really makes is a line in `changes.txt` of the folder it was started in.
"""

import sys
from pathlib import Path

from pulumi.provider.experimental import provider, server
from pulumi.provider.experimental.property_value import PropertyValue


class Passwords(provider.Provider):
    async def configure(self, request):  # noqa: ARG002 - the protocol's method
        return provider.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request):
        return provider.CheckResponse(inputs=request.new_inputs, failures=[])

    async def diff(self, request):
        return provider.DiffResponse(changes=request.old_state["length"] != request.new_inputs["length"])

    async def create(self, request):
        identity = "" if request.preview else "password-1"
        if not request.preview:
            note("create", request.properties)
        return provider.CreateResponse(identity, password(request.properties))

    async def update(self, request):
        if not request.preview:
            note("update", request.news)
        return provider.UpdateResponse(password(request.news))

    async def delete(self, request):
        note("delete", request.properties)


def password(properties):
    text = "x" * int(properties["length"].value)
    return {**properties, "text": PropertyValue(text, is_secret=True)}


def note(change, properties):
    with Path("changes.txt").open("a", encoding="utf-8") as changes:
        changes.write(f"{change} {int(properties['length'].value)}\n")


server.main(sys.argv[1:], "1.0.0", Passwords())
