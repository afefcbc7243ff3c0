"""IMG-001, two-way."""

from __future__ import annotations

from tests.policies.asking import DIGEST, DROP, UNKNOWN, Resource, World, deployment, made, pod_spec, secret, table

IMAGE = ("containers", 0, "image")
SIDE = {**pod_spec()["containers"][0], "name": "side"}


def cron_job(image: str) -> Resource:
    spec = deployment(*IMAGE, to=image).props["spec"]["template"]
    return made("CronJob", "batch/v1", spec={"jobTemplate": {"spec": {"template": spec}}})


@table(
    {
        "a digest": (deployment(*IMAGE, to=DIGEST),),
        "a tag and a digest": (deployment(*IMAGE, to="a/b:1@sha256:" + "0" * 64),),
        "a job by the clock": (cron_job(DIGEST),),
        "a digest that is a secret": (deployment(*IMAGE, to=secret(DIGEST)),),
        "a tag": (deployment(*IMAGE, to="registry.example/app:1"), "IMG-001"),
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
def test_images_are_pinned(asked: Resource, refusing: set[str]) -> None:
    assert World("restricted").refused_by(asked) == refusing


def test_open_data_may_go_by_tag() -> None:
    assert World("open").refused_by(deployment(*IMAGE, to="app:1", category="open")) == set()


def test_an_image_mounted_as_a_volume_is_pinned_too() -> None:
    volume = {"name": "v", "image": {"reference": "app:1"}}
    assert "IMG-001" in World().refused_by(deployment("volumes", to=[volume]))
    volume["image"] = {"reference": DIGEST}
    assert "IMG-001" not in World().refused_by(deployment("volumes", to=[volume]))
