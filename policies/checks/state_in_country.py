"""STA-001: state, and the key to the secrets in it, lie in the country where the data must.

State holds every property of every resource. A backend is lawful where `onshore.yaml` lists it at a site of the
register in the country; a folder of this machine also where the profile says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from policies.placed import in_country
from policies.subject import STACK_TYPE, Concern, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.subject import Facts, Subject

CONCERN = Concern(types=frozenset({STACK_TYPE}))
PARAMS = {"this_machine_setting": str, "vault_setting": str, "secrets_providers": tuple}

_BACKEND: Final = "state backend"
_PROVIDER: Final = "secrets provider"


def check(subject: Subject) -> Iterator[Violation]:
    """The stack's backend and secrets provider, both as the pack was told or could read them."""
    facts, state = subject.facts, subject.stack.state
    if state is None or not in_country(subject):
        return
    params = facts.rules["STA-001"].params
    home = facts.profile.country
    if state.backend is None or not _lawful_backend(facts, state.backend, str(params["this_machine_setting"])):
        got = None if state.backend is None else _shown(state.backend)
        yield Violation(_BACKEND, got, f"one that onshore.yaml lists at a site in {home}", public=got is not None)
    provider = state.secrets_provider
    lawful: Any = params["secrets_providers"]
    vault = isinstance(provider, str) and provider.startswith("hashivault://")
    if not (vault and _allows(facts, str(params["vault_setting"]))) and provider not in lawful:
        got = _shown(provider) if isinstance(provider, str) else provider
        yield Violation(_PROVIDER, got, " or ".join(lawful), public=isinstance(provider, str))


def _lawful_backend(facts: Facts, url: str, this_machine: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    in_folder = parts.scheme == "file"
    url = unquote(url) if in_folder else url
    if not _is_plain(url, encoded=not in_folder):
        return False
    for listed in facts.backends:
        site = facts.register.site(listed.site)
        if _covers(listed.url, url) and site is not None and site.country == facts.profile.country:
            return True
    return in_folder and _allows(facts, this_machine)


def _covers(listed: str, url: str) -> bool:
    """Whether a URL is the listed one or lies below it; what a query says (an endpoint, a region) has to be listed."""
    head, _, query = listed.partition("?")
    told, _, asked = url.partition("?")
    head = head.rstrip("/")
    return query == asked and (told.rstrip("/") == head or told.startswith(f"{head}/"))


def _is_plain(url: str, *, encoded: bool) -> bool:
    """Whether it reads one way only: no way up, no password, and outside folders nothing encoded and no fragment."""
    unclear = set("%#@\\") if encoded else set("\\")
    return url.isprintable() and not unclear & set(url) and ".." not in url.split("?", maxsplit=1)[0].split("/")


def _allows(facts: Facts, setting: str) -> bool:
    return any(one.id == setting and one.value is True for one in facts.profile.settings)


def _shown(url: str) -> str:
    """Scheme and host: what stands around them may be a password."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.scheme}://{host}" if parts.scheme else "an address without a scheme"
