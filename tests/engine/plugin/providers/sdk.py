"""A provider plugin written with Pulumi's own Python provider SDK: passwords, kept secret."""

import sys

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
        text = PropertyValue("x" * int(request.properties["length"].value), is_secret=True)
        identity = "" if request.preview else "password-1"
        return provider.CreateResponse(identity, {**request.properties, "text": text})


server.main(sys.argv[1:], "1.0.0", Passwords())
