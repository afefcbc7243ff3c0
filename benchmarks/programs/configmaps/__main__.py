"""`count` ConfigMaps in one namespace of the sandbox cluster, lawful for open data; nothing of ours is imported."""

import os
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s

labels = {"onshore.example/data-category": "open", "onshore.example/department": "statistics-example"}
security = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
kubeconfig = Path(os.environ["ONSHORE_BENCH_KUBECONFIG"]).read_text(encoding="utf-8")
cluster = k8s.Provider("cluster", kubeconfig=kubeconfig)
on = pulumi.ResourceOptions(provider=cluster)
space = k8s.core.v1.Namespace("space", metadata={"name": "bench", "labels": labels | security}, opts=on)
for number in range(pulumi.Config().require_int("count")):
    k8s.core.v1.ConfigMap(
        f"settings-{number}",
        metadata={"name": f"settings-{number}", "namespace": "bench", "labels": labels},
        data={"number": str(number)},
        opts=pulumi.ResourceOptions(provider=cluster, depends_on=[space]),
    )
