"""Image names, read as container runtimes read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventories.image_name import ImageName, parse_image

HEX = "0" * 64
DIGEST = f"sha256:{HEX}"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("app", ImageName("docker.io", "library/app")),
        ("app:1", ImageName("docker.io", "library/app", "1")),
        ("team/app", ImageName("docker.io", "team/app")),
        ("docker.io/app", ImageName("docker.io", "library/app")),
        ("index.docker.io/team/app", ImageName("docker.io", "team/app")),
        ("localhost/app", ImageName("localhost", "app")),
        ("registry.example/app", ImageName("registry.example", "app")),
        ("Registry.Example/app", ImageName("registry.example", "app")),
        ("HOST/app", ImageName("host", "app")),
        ("host:5000/a/b__c/d-e:v1.2_3", ImageName("host:5000", "a/b__c/d-e", "v1.2_3")),
        ("[::1]:5000/app", ImageName("[::1]:5000", "app")),
        (f"r.example/app:1@{DIGEST}", ImageName("r.example", "app", "1", DIGEST)),
        (f"app@{DIGEST}", ImageName("docker.io", "library/app", "", DIGEST)),
    ],
)
def test_a_name_is_read_in_full(text: str, name: ImageName) -> None:
    assert parse_image(text) == name
    assert name.pinned is bool(name.digest)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "/", "app/", "/app", "a//b", "app:", "app@", "App", "a/App", "app:a b", "app:" + "t" * 129, "app\n",
        "a b",
        "https://r.example/app", "r.example/", "-r.example/app", "r.example:/app", "r..example/app", "r.example./app",
        "app@sha256:abc", "app@sha256:" + "g" * 64, f"app@{DIGEST}@{DIGEST}", f"user@r.example/app@{DIGEST}", HEX,
        "a" * 256, "a" * 5000, "a/../b", "äpp", "r.example/app?x", "r.example\\app",
    ],
)  # fmt: skip
def test_what_no_runtime_takes_is_no_name(text: str) -> None:
    assert parse_image(text) is None


@pytest.mark.parametrize("digest", ["md5:" + HEX, "sha512:" + HEX * 2, f"sha256:{HEX}0", "sha256:" + "A" * 64])
def test_a_digest_that_is_not_a_sha256_pins_nothing(digest: str) -> None:
    name = parse_image(f"r.example/app@{digest}")
    assert name is not None
    assert not name.pinned


@given(st.text(max_size=80))
def test_any_text_is_a_name_or_none_and_a_name_reads_the_same_in_full(text: str) -> None:
    name = parse_image(text)
    if name is not None:
        full = f"{name.registry}/{name.repository}"
        full += (f":{name.tag}" if name.tag else "") + (f"@{name.digest}" if name.digest else "")
        assert parse_image(full) == name
