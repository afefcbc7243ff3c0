"""A provider plugin executable, started, as an `engine.provider.Provider`."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import grpc

from engine.engine_service import GRPC_OPTIONS, serve_engine
from engine.providers.plugin_calls import Limits, PluginCalls
from engine.providers.plugin_process import PluginProcess
from engine.providers.plugin_protocol import Plugin

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from engine.provider import Log, Provider


def launch(
    executable: Path,
    *,
    log: Log,
    project_dir: Path,
    engine_address: str | None = None,
    limits: Limits | None = None,
    given_up: threading.Event | None = None,
) -> Provider:
    """Start a plugin and shake hands; once `given_up` is set, its start is waited for no longer.

    `engine_address` is where an Engine service answers (`engine.engine_service`); None: one is served for this plugin.
    Raises ProviderError when the plugin does not start, says no port or does not answer.
    """
    limits = limits or Limits()
    with ExitStack() as resources:
        address = engine_address or resources.enter_context(serve_engine(log))
        process = PluginProcess(
            executable,
            address,
            log=log,
            project_dir=project_dir,
            start_timeout_s=limits.start_s,
            given_up=given_up,
        )
        resources.callback(process.stop)
        # Without this a proxy from the environment would be asked for 127.0.0.1.
        options = (*GRPC_OPTIONS, ("grpc.enable_http_proxy", 0))
        channel = grpc.insecure_channel(f"127.0.0.1:{process.port}", options=options)
        resources.callback(channel.close)
        plugin = Plugin(PluginCalls(channel, process, limits), process.name, log, limits)
        plugin.handshake(address, executable.parent)
        plugin.own(resources.pop_all())
        return plugin
