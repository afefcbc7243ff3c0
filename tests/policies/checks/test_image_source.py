"""IMG-001, two-way; and the components, which refuse the same before anything is registered."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from components.pod import image_faults
from components.workload import Container, Workload
from inventories.models import ImageRegistry, Site
from tests.policies.asking import (
    DIGEST,
    DROP,
    UNKNOWN,
    Resource,
    World,
    deployment,
    made,
    pod_spec,
    secret,
    table,
    with_rule,
)
from tests.worlds import load_cases

AT = "@sha256:" + "0" * 64
ALPHA = "images.alpha.example:5000"
ABROAD = "images.abroad.example"


def _register() -> Any:
    """The lawful register with two more registries, one of them abroad."""
    lawful = load_cases()[0].register
    (home,) = lawful.providers
    sites = (*home.sites, Site(id="xa-site", name="Abroad", country="XA"))
    more = (
        ImageRegistry(id="alpha", host=ALPHA, provider=home.id, site=home.sites[0].id),
        ImageRegistry(id="abroad", host=ABROAD, provider=home.id, site="xa-site"),
    )
    providers = (home.model_copy(update={"sites": sites}),)
    registries = (*lawful.image_registries, *more)
    return lawful.model_copy(update={"providers": providers, "image_registries": registries})


REGISTER = _register()

IMAGE = ("containers", 0, "image")
SIDE = {**pod_spec()["containers"][0], "name": "side"}


def cron_job(image: str) -> Resource:
    spec = deployment(*IMAGE, to=image).props["spec"]["template"]
    return made("CronJob", "batch/v1", spec={"jobTemplate": {"spec": {"template": spec}}})


@table(
    {
        "a digest": (deployment(*IMAGE, to=DIGEST),),
        "a tag and a digest": (deployment(*IMAGE, to="registry.example/a/b:1@sha256:" + "0" * 64),),
        "a job by the clock": (cron_job(DIGEST),),
        "a digest that is a secret": (deployment(*IMAGE, to=secret(DIGEST)),),
        "a tag": (deployment(*IMAGE, to="registry.example/app:1"), "IMG-001"),
        "a registry of a provider, with its port": (deployment(*IMAGE, to=f"{ALPHA}/app{AT}"),),
        "a host in capital letters": (deployment(*IMAGE, to=f"Registry.Example/app{AT}"),),
        "a registry abroad": (deployment(*IMAGE, to=f"{ABROAD}/app{AT}"), "IMG-001"),
        "a registry nobody knows": (deployment(*IMAGE, to=f"quay.example/app{AT}"), "IMG-001"),
        "Docker Hub by silence": (deployment(*IMAGE, to=f"app{AT}"), "IMG-001"),
        "Docker Hub by a path": (deployment(*IMAGE, to=f"registry/app{AT}"), "IMG-001"),
        "another port": (deployment(*IMAGE, to=f"registry.example:5000/app{AT}"), "IMG-001"),
        "another host that ends alike": (deployment(*IMAGE, to=f"evil-registry.example/app{AT}"), "IMG-001"),
        "a host that begins alike": (deployment(*IMAGE, to=f"registry.example.evil/app{AT}"), "IMG-001"),
        "the host as a user": (deployment(*IMAGE, to=f"registry.example@evil.example/app{AT}"), "IMG-001"),
        "a scheme": (deployment(*IMAGE, to=f"https://registry.example/app{AT}"), "IMG-001"),
        "no path": (deployment(*IMAGE, to=f"registry.example/{AT}"), "IMG-001"),
        "a line break": (deployment(*IMAGE, to=f"registry.example/app{AT}\n"), "IMG-001"),
        "a registry abroad behind a secret": (deployment(*IMAGE, to=secret(f"{ABROAD}/app{AT}")), "IMG-001"),
        "a job by the clock from abroad": (cron_job(f"{ABROAD}/app{AT}"), "IMG-001"),
        "a short digest": (deployment(*IMAGE, to="app@sha256:abc"), "IMG-001"),
        "a digest with more behind": (deployment(*IMAGE, to=DIGEST + "0"), "IMG-001"),
        "another hash": (deployment(*IMAGE, to="app@md5:" + "0" * 64), "IMG-001"),
        "a job by the clock with a tag": (cron_job("app:1"), "IMG-001"),
        "no image": (deployment(*IMAGE, to=DROP), "IMG-001"),
        "a list for an image": (deployment(*IMAGE, to=[DIGEST]), "IMG-001"),
        "a tag in an init container": (deployment("initContainers", to=[{**SIDE, "image": "app:1"}]), "IMG-001"),
        "a tag in an ephemeral container": (
            deployment("ephemeralContainers", to=[{**SIDE, "image": "app:1"}]),
            "IMG-001",
        ),
        "an unknown image": (deployment(*IMAGE, to=UNKNOWN), "UNK-001"),
        "an unknown container": (deployment("containers", 0, to=UNKNOWN), "UNK-001", "IMG-001", "POD-001"),
        "unknown containers": (deployment("containers", to=UNKNOWN), "UNK-001"),
    }
)
def test_images_are_pinned_and_come_from_the_country(asked: Resource, refusing: set[str]) -> None:
    assert World("restricted", register=REGISTER).refused_by(asked) == refusing


def test_both_faults_of_an_image_are_told_and_a_secret_one_is_not_shown() -> None:
    told = [one.message for one in World().analyze(deployment(*IMAGE, to="quay.example/app:1"))]
    assert [("sha256:<64" in message, "in PK: registry.example" in message) for message in told] == [
        (True, False),
        (False, True),
    ]
    hidden = World().analyze(deployment(*IMAGE, to=secret("quay.example/app:1")))
    assert not any("quay" in one.message for one in hidden)


def test_where_no_registry_is_registered_no_image_is_lawful() -> None:
    world = World(register=REGISTER.model_copy(update={"image_registries": ()}))
    (found,) = world.analyze(deployment())
    assert "there is none" in found.message


def test_a_category_may_ask_for_either_alone() -> None:
    profile = load_cases()[0].profile
    loose = with_rule(profile, "restricted", image_digest=False)
    assert World(profile=loose).refused_by(deployment(*IMAGE, to="registry.example/app:1")) == set()
    assert World(profile=loose).refused_by(deployment(*IMAGE, to="app:1")) == {"IMG-001"}
    assert World(profile=loose).refused_by(deployment(*IMAGE, to="registry.example/app:")) == {"IMG-001"}
    abroad = with_rule(profile, "restricted", image_registry_in_country=False)
    assert World(profile=abroad).refused_by(deployment(*IMAGE, to=f"app{AT}")) == set()


HOSTS = st.sampled_from(("", "registry.example/", f"{ALPHA}/", f"{ABROAD}/", "a/", "localhost/", "Registry.example/"))
NAMES = st.builds(
    "{}{}{}{}".format,
    HOSTS,
    st.sampled_from(("app", "a/b", "App", "", "a//b", "a:1/b")),
    st.sampled_from(("", ":1", ":", ":a b")),
    st.sampled_from(("", AT, "@sha256:abc", "@md5:" + "0" * 64)),
)


@given(NAMES, st.sampled_from(("open", "restricted", "secret")))
def test_components_and_the_pack_refuse_the_same_images(image: str, name: str) -> None:
    profile = load_cases()[0].profile
    category = profile.category(name)
    assert category is not None
    workload = Workload("app", (Container("main", image),))
    faults = image_faults(workload, category, REGISTER, profile.country)
    asked = deployment(*IMAGE, to=image, category=name)
    assert bool(faults) == ("IMG-001" in World(name, register=REGISTER).refused_by(asked))


def test_open_data_may_go_by_tag() -> None:
    assert World("open").refused_by(deployment(*IMAGE, to="app:1", category="open")) == set()


def test_an_image_mounted_as_a_volume_is_pinned_too() -> None:
    volume = {"name": "v", "image": {"reference": "app:1"}}
    assert "IMG-001" in World().refused_by(deployment("volumes", to=[volume]))
    volume["image"] = {"reference": DIGEST}
    assert "IMG-001" not in World().refused_by(deployment("volumes", to=[volume]))
