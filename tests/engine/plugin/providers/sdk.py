"""A provider plugin written with Pulumi's own Python provider SDK: passwords, kept secret.

Every change it really makes is a line in `changes.txt` of the folder it was started in. `PROBE_MODE` slow: its answers
take their time, from the first. The property `do` chooses how a call goes wrong.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

from pulumi.provider.experimental import provider, server
from pulumi.provider.experimental.property_value import PropertyValue

SLOW_S = 0.7 if os.environ.get("PROBE_MODE") == "slow" else 0.0


class Passwords(provider.Provider):
    async def configure(self, request):  # noqa: ARG002 - the protocol's method
        return provider.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request):
        await asyncio.sleep(SLOW_S)
        short = request.new_inputs["length"].value == 0
        failures = [provider.CheckFailure(property="length", reason="is nothing")] if short else []
        return provider.CheckResponse(inputs=request.new_inputs, failures=failures)

    async def diff(self, request):
        await asyncio.sleep(SLOW_S)
        return provider.DiffResponse(changes=request.old_state["length"] != request.new_inputs["length"])

    async def create(self, request):
        await misbehave(request.properties, preview=request.preview)
        if doing(request.properties) == "id-that-is-none":
            return provider.CreateResponse(None, password(request.properties))
        if doing(request.properties) == "unknown":
            return provider.CreateResponse("password-1", {"text": PropertyValue.computed()})
        if doing(request.properties) == "no-mapping":
            return provider.CreateResponse("password-1", ["text"])
        if doing(request.properties) == "nothing":
            return None
        identity = "" if request.preview else "password-1"
        if not request.preview:
            note("create", request.properties)
        return provider.CreateResponse(identity, password(request.properties))

    async def update(self, request):
        await misbehave(request.news, preview=request.preview)
        if not request.preview:
            note("update", request.news)
        return provider.UpdateResponse(password(request.news))

    async def delete(self, request):
        await misbehave(request.properties, preview=False)
        note("delete", request.properties)


def doing(properties):
    return properties["do"].value if "do" in properties else ""


async def misbehave(properties, *, preview):
    await asyncio.sleep(SLOW_S)
    do = "" if preview else doing(properties)
    if do == "raise":
        raise ValueError("the door is stuck")
    if do == "exit":
        sys.stderr.write("no more doors\n")
        sys.stderr.flush()
        os._exit(3)
    if do == "hang":
        sys.stderr.write("hanging\n")
        sys.stderr.flush()
        await asyncio.sleep(600)
    if do == "chatter":
        print("a word in between", flush=True)


def password(properties):
    text = "x" * int(properties["length"].value)
    return {**properties, "text": PropertyValue(text, is_secret=True)}


def note(change, properties):
    with Path("changes.txt").open("a", encoding="utf-8") as changes:
        changes.write(f"{change} {int(properties['length'].value)}\n")


time.sleep(SLOW_S)  # before it says its port
server.main(sys.argv[1:], "1.0.0", Passwords())
