"""Where the project lies, and what every command needs of it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.materials import Sources
    from inventories import Settings

_OF_A_FILE: Final = re.compile(r"(?:.*/)?Pulumi\.(.+)\.ya?ml")


@dataclass(frozen=True)
class Project:
    """A Pulumi project's folder, and the settings that hold in it."""

    root: Path
    settings: Settings

    @classmethod
    def find(cls, start: Path) -> Project:
        """The nearest project upwards from a folder; raises OnshoreError."""
        from cli.files import check_project_file  # noqa: PLC0415 - `--help` needs no inventories
        from inventories import Fault, OnshoreError, Settings  # noqa: PLC0415

        folder = start.resolve()
        root = next((each for each in (folder, *folder.parents) if (each / "Pulumi.yaml").is_file()), None)
        if root is None:
            fault = Fault(str(folder), "no Pulumi.yaml here or above", fix="cd into a project, or use -C FOLDER")
            raise OnshoreError("this is not a Pulumi project", [fault])
        check_project_file(root / "Pulumi.yaml")
        return cls(root, Settings.load(root))

    def stack_file(self, stack: str) -> Path:
        """A stack's configuration file, which need not exist.

        Raises EngineError for what is not a stack's name, OnshoreError for its file's name.
        """
        from engine.config import check_stack_name, load_project  # noqa: PLC0415 - not every command has a stack
        from inventories import Fault, OnshoreError  # noqa: PLC0415 - `--help` needs no inventories

        if meant := _OF_A_FILE.fullmatch(stack):
            fault = Fault("STACK", "a file, not a stack's name", stack, fix=f"did you mean `{meant[1]}`?")
            raise OnshoreError(f"{stack} is not a stack name", [fault])
        return load_project(self.root).stack_file(check_stack_name(stack))

    @property
    def program(self) -> Path:
        """The file or folder of the program that makes the stacks."""
        from engine.config import load_project  # noqa: PLC0415 - as above

        return load_project(self.root).program

    @property
    def policy_pack(self) -> Path:
        """The pack that every run is judged by; it stands beside the settings it judges with."""
        return self.settings.root / "policies"

    def sources(self, stack: str) -> Sources:
        """The files that a run of a stack reads; raises OnshoreError when the facts among them cannot be used."""
        import components  # noqa: PLC0415 - for the folder that Python imports it from, as below
        import engine  # noqa: PLC0415
        import inventories  # noqa: PLC0415
        import policies  # noqa: PLC0415
        from gate.materials import Sources  # noqa: PLC0415 - only the gate and what it gated need it

        settings = self.settings
        return Sources(
            root=self.root,
            program=self.program,
            stack_file=self.stack_file(stack),
            settings_file=settings.root / "onshore.yaml",
            pack=self.policy_pack,
            register_folder=settings.register,
            waivers_folder=settings.waivers,
            declassifications_folder=settings.declassifications,
            rooms={room.__name__: Path(room.__path__[0]) for room in (components, engine, inventories, policies)},
            register=settings.load_register(),
            profile=settings.load_profile(),
        )

    @property
    def backend_url(self) -> str:
        """Where state is kept, whichever engine runs: PULUMI_BACKEND_URL, else a folder in the project."""
        return os.environ.get("PULUMI_BACKEND_URL") or (self.root / ".onshore" / "state").as_uri()

    @property
    def sandbox(self) -> Path:
        """Where try-out clusters live."""
        return self.settings.root / ".onshore" / "sandbox"

    @property
    def hosts(self) -> Path:
        """Where try-out hosts live."""
        return self.settings.root / ".onshore" / "hosts"

    @property
    def regions(self) -> Path:
        """Where try-out regions live."""
        return self.settings.root / ".onshore" / "regions"

    @property
    def passphrase_file(self) -> Path:
        """The try-out's own passphrase (`onshore cluster up` makes one)."""
        return self.settings.root / ".onshore" / "passphrase"

    def use_tryout_passphrase(self) -> None:
        """Take the try-out's passphrase when the person set none."""
        file = self.passphrase_file
        given = {"PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"} & os.environ.keys()
        if not given and file.is_file():
            os.environ["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(file)


project_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "-C",
    "--cwd",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="Run as if started in this folder.",
)

json_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--json", "as_json", is_flag=True, help="Machine output on stdout, and nothing else there."
)
