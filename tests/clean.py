"""`python -m tests.clean`: end what test runs left running."""

from __future__ import annotations

from sandbox import cluster_down, hosts_down
from tests.places import TESTS_HOME


def main() -> None:
    for home in sorted(TESTS_HOME.iterdir()):
        if (home / "hosts").is_dir():
            hosts_down(home=home / "hosts")
        if (home / "sandbox").is_dir():
            cluster_down("tests", home=home / "sandbox")


if __name__ == "__main__":
    main()
