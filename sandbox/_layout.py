"""Where a sandbox cluster keeps its files and how its components are started (pure: no I/O here)."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from sandbox._pki import SERVICE_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Mapping

STAGES: Final = Path(__file__).with_name("stages.yaml")
START_ORDER: Final = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
PORTS: Final = {"kube-apiserver": ("server",), "etcd": ("etcd", "etcd_peer")}
"""Component -> the ports of cluster.json that it listens on; the others listen nowhere."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of one cluster, all below its directory."""

    directory: Path

    @property
    def pki(self) -> Path:
        return self.directory / "pki"

    @property
    def state(self) -> Path:
        return self.directory / "cluster.json"

    @property
    def kubeconfig(self) -> Path:
        return self.directory / "kubeconfig"

    @property
    def overlay(self) -> Path:
        return self.directory / "overlay.yaml"

    def client_kubeconfig(self, component: str) -> Path:
        return self.directory / f"{component}.kubeconfig"

    def log(self, component: str) -> Path:
        return self.directory / "logs" / f"{component}.log"


def server_url(ports: Mapping[str, int]) -> str:
    """The API server's address as kubeconfig and register overlay name it."""
    return f"https://127.0.0.1:{ports['server']}"


def arguments(component: str, layout: Layout, ports: Mapping[str, int]) -> list[str]:
    """The command line of a component, without the program itself."""
    builders = {
        "etcd": _etcd,
        "kube-apiserver": _apiserver,
        "kube-controller-manager": _controller_manager,
        "kube-scheduler": _scheduler,
        "kwok": _kwok,
    }
    return builders[component](layout, ports)


def _etcd(layout: Layout, ports: Mapping[str, int]) -> list[str]:
    client, peer = f"https://127.0.0.1:{ports['etcd']}", f"https://127.0.0.1:{ports['etcd_peer']}"
    certificate, key, authority = layout.pki / "etcd.crt", layout.pki / "etcd.key", layout.pki / "etcd-ca.crt"
    return [
        "--name=sandbox",
        f"--data-dir={layout.directory / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=sandbox={peer}",
        # Another user of this machine must not read Secrets past the API server.
        "--client-cert-auth",
        f"--cert-file={certificate}",
        f"--key-file={key}",
        f"--trusted-ca-file={authority}",
        "--peer-client-cert-auth",
        f"--peer-cert-file={certificate}",
        f"--peer-key-file={key}",
        f"--peer-trusted-ca-file={authority}",
        # Data of a sandbox may be lost with the machine's power: do not wait for the disk.
        "--unsafe-no-fsync",
        "--auto-compaction-retention=1h",
        "--log-level=warn",
    ]


def _apiserver(layout: Layout, ports: Mapping[str, int]) -> list[str]:
    pki = layout.pki
    return [
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={ports['server']}",
        f"--etcd-servers=https://127.0.0.1:{ports['etcd']}",
        f"--etcd-cafile={pki / 'etcd-ca.crt'}",
        f"--etcd-certfile={pki / 'etcd.crt'}",
        f"--etcd-keyfile={pki / 'etcd.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--tls-cert-file={pki / 'server.crt'}",
        f"--tls-private-key-file={pki / 'server.key'}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki / 'service-accounts.pub'}",
        f"--service-account-signing-key-file={pki / 'service-accounts.key'}",
        f"--service-cluster-ip-range={SERVICE_ADDRESS.rsplit('.', 1)[0]}.0/24",
        "--authorization-mode=Node,RBAC",
        "--anonymous-auth=false",
        # On by default and relied upon: PodSecurity, ResourceQuota, LimitRanger, ValidatingAdmissionPolicy.
        "--enable-admission-plugins=NodeRestriction",
        # As kubeadm's clusters: who refuses a privileged pod is admission, not this switch.
        "--allow-privileged",
        # A loopback address cannot be an endpoint, and no pod will ever call one.
        "--endpoint-reconciler-type=none",
        "--profiling=false",
    ]


def _controller_manager(layout: Layout, ports: Mapping[str, int]) -> list[str]:  # noqa: ARG001 - one signature for all
    return [
        f"--kubeconfig={layout.client_kubeconfig('kube-controller-manager')}",
        f"--root-ca-file={layout.pki / 'ca.crt'}",
        f"--service-account-private-key-file={layout.pki / 'service-accounts.key'}",
        "--use-service-account-credentials=true",
        # Its own start asks for some fifty tokens: the default rate (20/s) would make every start seconds slower.
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
        "--leader-elect=false",
        "--secure-port=0",
        "--profiling=false",
    ]


def _scheduler(layout: Layout, ports: Mapping[str, int]) -> list[str]:  # noqa: ARG001 - one signature for all
    return [
        f"--kubeconfig={layout.client_kubeconfig('kube-scheduler')}",
        "--leader-elect=false",
        "--secure-port=0",
        "--profiling=false",
    ]


def _kwok(layout: Layout, ports: Mapping[str, int]) -> list[str]:  # noqa: ARG001 - one signature for all
    return [
        f"--kubeconfig={layout.client_kubeconfig('kwok')}",
        f"--config={STAGES}",
        "--manage-all-nodes=true",
        "--node-ip=192.0.2.1",
        "--cidr=10.244.0.0/16",
        "--node-port=0",
        "--node-lease-duration-seconds=40",
        "--v=WARN",  # at INFO it writes a line for every lease it renews, for as long as the cluster lives
    ]


def kubeconfig(cluster: str, server: str, pki: Path, client: str) -> str:
    """A kubeconfig with one cluster, one user, one context, and every certificate embedded."""

    def embedded(name: str) -> str:
        return base64.b64encode((pki / name).read_bytes()).decode("ascii")

    name = f"onshore-{cluster}"
    authority = {"server": server, "certificate-authority-data": embedded("ca.crt")}
    user = {"client-certificate-data": embedded(f"{client}.crt"), "client-key-data": embedded(f"{client}.key")}
    content: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": authority}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    return yaml.safe_dump(content, sort_keys=False)


def overlay(register_cluster_id: str, server: str, ca_sha256: str) -> str:
    """The register overlay: which cluster of the register this sandbox stands in for, fictional by its own word."""
    cluster = {"id": register_cluster_id, "server": server, "ca_sha256": ca_sha256}
    return yaml.safe_dump({"overlay": "sandbox", "fictional": True, "clusters": [cluster]}, sort_keys=False)
