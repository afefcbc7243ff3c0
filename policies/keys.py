"""Whose an encryption key is, and where it is kept, as far as its name tells: by the register's key stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from policies.subject import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.subject import Subject

_RULE: Final = "CRY-003"
_IN_COUNTRY: Final = "country"  # the one value of the setting that does not ask for the department's own key


def key_fault(subject: Subject, path: str, value: Any) -> Iterator[Violation]:
    """What is wrong with a key's name; none named means the provider's own key.

    A key of no store of the register is refused: a name alone says neither whose it is nor where it lies.
    """
    facts = subject.facts
    setting = facts.rules[_RULE].params["custody_setting"]
    custody = next((one.value for one in facts.profile.settings if one.id == setting), None)
    if value is None and custody == _IN_COUNTRY:
        return
    department = subject.stack.department
    for store in facts.register.key_stores:
        site = facts.register.site(store.site)
        whose = custody == _IN_COUNTRY or store.department == department
        home = site is not None and site.country == facts.profile.country
        if whose and home and isinstance(value, str) and store.holds(value):
            return
    keeper = "a department" if custody == _IN_COUNTRY else department or "the department"
    yield Violation(path, value, f"a key of {keeper} in a key store of the register in {facts.profile.country}")
