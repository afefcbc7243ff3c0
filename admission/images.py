"""IMG-001 in CEL: where the category asks for it, an image is named by its digest and comes from the country."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from admission.cel import POD_RESOURCES, Ruling, context, pod_context, text
from inventories.image_name import DOCKER_HUB, HOST_PATTERN, LONGEST, LONGEST_NAME, PATH_PATTERN

if TYPE_CHECKING:
    from collections.abc import Iterator

_PINNED: Final = "i.rest.matches('@sha256:[0-9a-f]{64}$')"


def rulings() -> Iterator[Ruling]:
    """Images of all containers, and those mounted as volumes."""
    found = (
        f"(variables.rule.imageDigest ? variables.images.filter(i, !({_sound()} && {_PINNED}))"
        ".map(i, i.path + ': got ' + i.name + ', allowed name@sha256:<64 hex digits>') : [])"
        f" + (variables.rule.imageRegistryInCountry ? variables.images.filter(i, !({_sound()} && {_registered()}))"
        ".map(i, i.path + ' (registry): got ' + i.name + ', allowed a registry of the register in the country: '"
        " + params.spec.imageRegistries.join(', ')) : [])"
    )
    variables = {**context(), **pod_context(), **_images()}
    yield Ruling("img-001", "IMG-001", POD_RESOURCES, found, variables)


def _images() -> dict[str, str]:
    """Each image with the path of its field, its registry's host as the name bears it, and the rest of the name."""
    of_volumes = "variables.volumes.filter(v, has(v.image))"
    head = "i.name.split('@', 2)[0]"
    is_host = "i.first == 'localhost' || i.first != i.first.lowerAscii() || i.first.matches('[.:]')"
    return {
        "names": "variables.containers"
        ".map(c, {'path': 'containers[' + c.name + '].image', 'name': string(c.?image.orValue(''))})"
        f" + {of_volumes}.map(v, {{'path': 'volumes[' + v.name + '].image.reference', 'name': string(v.image.?reference.orValue(''))}})",  # noqa: E501 - one CEL expression
        "first": f"variables.names.map(i, {{'path': i.path, 'name': i.name, 'first': {head}.split('/', 2)[0]}})",
        "hosts": f"variables.first.map(i, {{'path': i.path, 'name': i.name, 'host': {head}.contains('/') && ({is_host}) ? i.first : ''}})",  # noqa: E501 - as above
        "images": "variables.hosts.map(i, {'path': i.path, 'name': i.name,"
        f" 'host': i.host == '' ? {text(DOCKER_HUB)} : i.host,"
        " 'rest': i.host == '' ? i.name : i.name.substring(size(i.host) + 1)})",
    }


def _sound() -> str:
    """Whether a runtime would take it as a name (`inventories.image_name`)."""
    path = "i.rest.split('@', 2)[0].split(':', 2)[0]"
    return (
        f"size(i.name) <= {LONGEST} && size(i.host) + size({path}) < {LONGEST_NAME}"
        f" && i.host.matches({text(f'^(?:{HOST_PATTERN})$')}) && i.rest.matches({text(f'^{PATH_PATTERN}$')})"
        " && !i.name.split('@', 2)[0].matches('^[0-9a-f]{64}$')"
    )


def _registered() -> str:
    host = "i.host.lowerAscii()"
    hub = f"{host} in [{text(DOCKER_HUB)}, {text(f'index.{DOCKER_HUB}')}]"
    return f"({hub} ? {text(DOCKER_HUB)} : {host}) in params.spec.imageRegistries"
