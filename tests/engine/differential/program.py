"""The program both engines run: it makes what `world.json` beside it describes."""

import json
from pathlib import Path

import pulumi


class Thing(pulumi.CustomResource):
    address: pulumi.Output[str]

    def __init__(self, package, name, props, opts):
        super().__init__(f"{package}:index:Thing", name, {**props, "address": None}, opts)


class Group(pulumi.ComponentResource):
    def __init__(self, name, props, opts):
        super().__init__("app:index:Group", name, props, opts)
        if "silent" not in props:
            self.register_outputs({"of": name})


class Provider(pulumi.ProviderResource):
    def __init__(self, package, name, props, opts):
        super().__init__(package, name, props, opts)


made = {}


MEANINGS = {
    "$of": lambda described: getattr(made[described["$of"]], described["get"]),
    "$secret": lambda described: pulumi.Output.secret(value(described["$secret"])),
    "$text": lambda described: pulumi.Output.concat("<", value(described["$text"]), ">"),
    "$twice": lambda described: twice(described["$twice"], described.get("version")),
}


def value(described):
    """Plain JSON, but for what its first key says it is."""
    if isinstance(described, dict):
        meaning = MEANINGS.get(next(iter(described), ""))
        return meaning(described) if meaning else {key: value(item) for key, item in described.items()}
    if isinstance(described, list):
        return [value(item) for item in described]
    return described


def twice(text, version):
    options = pulumi.InvokeOptions(version=version)
    return pulumi.runtime.invoke("fake:index:twice", {"value": text}, options).value["value"]


def labelled(args):
    """A transform that adds a property, and protects nothing."""
    if not args.type_.endswith(":Thing"):
        return None
    return pulumi.ResourceTransformResult({**args.props, "label": "transformed"}, args.opts)


def alias(described):
    if isinstance(described, str):
        return described
    parent = {} if "parent" not in described else {"parent": made.get(described["parent"])}
    return pulumi.Alias(**{**described, **parent})


def options(described):
    found = dict(described)
    for key in ("parent", "provider", "deleted_with"):
        if key in found:
            found[key] = made[found[key]]
    for key in ("depends_on", "providers"):
        if key in found:
            found[key] = [made[name] for name in found[key]]
    if "aliases" in found:
        found["aliases"] = [alias(each) for each in found["aliases"]]
    if "custom_timeouts" in found:
        found["custom_timeouts"] = pulumi.CustomTimeouts(**found["custom_timeouts"])
    if found.pop("labelled", False):
        found["transforms"] = [labelled]
    return pulumi.ResourceOptions(**found)


world = json.loads(Path(__file__).with_name("world.json").read_text())
for one in world["resources"]:
    opts, props = options(one.get("options", {})), value(one.get("props", {}))
    if one["kind"] == "group":
        made[one["name"]] = Group(one["name"], props, opts)
    elif one["kind"] == "provider":
        made[one["name"]] = Provider(one["package"], one["name"], props, opts)
    else:
        made[one["name"]] = Thing(one["package"], one["name"], props, opts)
for name, described in world.get("exports", {}).items():
    pulumi.export(name, value(described))
if "raises" in world:
    raise ValueError(world["raises"])
