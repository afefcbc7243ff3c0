"""What components register, and what makes them refuse before they register anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
import pytest
import yaml

from engine.values import Secret
from inventories.faults import OnshoreError

if TYPE_CHECKING:
    from pathlib import Path

KHI, LHE, ZETA, ABROAD = (
    "example-csp-alpha-khi-1",
    "example-csp-alpha-lhe-1",
    "example-csp-zeta-mux-1",
    "example-csp-delta-xa-1",
)
DIGEST = "registry.example/a@sha256:" + "a" * 64
ROUTED = {"www": {"type": "route", "params": {"host": "a.example", "port": 80}}}
PORTS = {"ports": {"http": {"port": 80, "targetPort": 8080}}}


@pytest.fixture
def build(settings, record, tmp_path: Path):
    """Builds one component with access to a cluster; returns what was registered, by kind and by name."""

    def start(kind: str, *, access: str | None = None, document: dict[str, Any] | None = None, **args: Any):
        from components.cluster_access import ClusterAccess
        from components.landing_zone import LandingZone
        from components.scheduled_job import ScheduledJob
        from components.web_service import WebService

        component: Any = {"zone": LandingZone, "web": WebService, "job": ScheduledJob}[kind]
        given = {"department": "health-example", "category": "restricted", "cluster": KHI, "namespace": "here", **args}
        if kind != "zone":
            score = {
                "apiVersion": "score.dev/v1b1",
                "metadata": {"name": "app"},
                "containers": {"main": {"image": DIGEST}},
            }
            file = tmp_path / "score.yaml"
            file.write_text(yaml.safe_dump(score | (document or {})))
            given["score"] = str(file)
        target = access or given["cluster"]

        def program() -> None:
            found = settings.load_register().cluster(target)
            assert found is not None
            content = (settings.kubeconfigs / f"{target}.yaml").read_text()
            provider = ClusterAccess("cluster", kubeconfig=content, cluster=found[1])
            # an output belongs to the program that makes it
            made = {key: value() if callable(value) else value for key, value in given.items()}
            component("one", made, pulumi.ResourceOptions(provider=provider))

        seen = record(program)
        return {one.type.rpartition(":")[2]: one.inputs for one in seen} | {one.name: one.inputs for one in seen}

    return start


def refusal(build, *words: Any, **args: Any) -> OnshoreError:
    with pytest.raises(OnshoreError) as refused:
        build(*words, **args)
    return refused.value


def test_what_a_component_refuses_ends_the_program_without_a_traceback(build) -> None:
    """Pulumi's runner and the embedded engine show the text alone of a RunError."""
    for kind, more in (("zone", {"role": "owner"}), ("web", {"cluster": ABROAD}), ("job", {"cluster": ABROAD})):
        error = refusal(build, kind, **more)
        assert isinstance(error, pulumi.RunError)
        assert error.refused
        assert str(error).splitlines()[0] == error.summary.splitlines()[0]


def test_a_landing_zone_is_closed_bounded_and_labelled(build) -> None:
    seen = build("zone", placed_because="the cheapest")
    labels = seen["Namespace"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == labels["pod-security.kubernetes.io/warn"] == "restricted"
    assert labels["onshore.example/data-category"] == "restricted"
    assert labels["onshore.example/department"] == "health-example"
    assert labels["onshore.example/cluster"] == KHI
    assert seen["Namespace"]["metadata"]["annotations"]["onshore.example/placed-because"] == "the cheapest"
    assert seen["one-deny"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert seen["one-dns"]["spec"]["egress"][0]["ports"] == [{"protocol": p, "port": 53} for p in ("UDP", "TCP")]
    assert seen["ResourceQuota"]["spec"]["hard"]["services.loadbalancers"] == "0"
    assert seen["LimitRange"]["spec"]["limits"][0]["default"] == {"cpu": "500m", "memory": "256Mi"}
    assert seen["RoleBinding"]["roleRef"]["name"] == "view"
    assert seen["RoleBinding"]["subjects"][0]["name"] == "onshore:health-example"
    assert seen["LandingZone"]["providerId"] == "example-csp-alpha"


def test_a_landing_zone_gives_the_role_that_was_asked_for_and_no_more_than_edit(build) -> None:
    assert build("zone", role="edit")["RoleBinding"]["roleRef"]["name"] == "edit"
    assert "did you mean `edit`?" in str(refusal(build, "zone", role="edti"))
    assert "not a role here" in str(refusal(build, "zone", role="cluster-admin"))


@pytest.mark.parametrize("kind", ["web", "job"])
def test_every_pod_is_hardened(build, kind: str) -> None:
    seen = build(kind, **({"schedule": "0 1 * * *"} if kind == "job" else {}))
    spec = (
        seen["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        if kind == "job"
        else seen["Deployment"]["spec"]["template"]["spec"]
    )
    assert spec["automountServiceAccountToken"] is False
    assert seen["ServiceAccount"]["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    (container,) = spec["containers"]
    security = container["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert container["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - a path in the container
    assert {"requests", "limits"} == container["resources"].keys()
    assert "nodeSelector" not in spec


def test_secret_data_runs_on_nodes_set_apart_for_its_department(build) -> None:
    spec = build("web", category="secret", cluster=LHE)["Deployment"]["spec"]["template"]["spec"]
    assert spec["nodeSelector"] == {"onshore.example/dedicated-to": "health-example"}
    assert spec["tolerations"][0]["value"] == "health-example"


def test_a_web_service_without_ports_is_led_to_by_nothing(build) -> None:
    assert not {"Service", "Ingress", "NetworkPolicy"} & build("web").keys()


def test_a_service_without_routes_has_no_ingress_and_admits_its_own_department_and_category(build) -> None:
    seen = build("web", document={"service": PORTS})
    assert "Ingress" not in seen
    assert seen["Service"]["spec"]["type"] == "ClusterIP"
    (rule,) = seen["NetworkPolicy"]["spec"]["ingress"]
    labels = {"onshore.example/data-category": "restricted", "onshore.example/department": "health-example"}
    assert rule["from"] == [{"namespaceSelector": {"matchLabels": labels}}]
    assert rule["ports"] == [{"port": 8080, "protocol": "TCP"}]
    (container,) = seen["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["readinessProbe"] == {"tcpSocket": {"port": 8080}}


def test_a_route_is_on_the_internal_class_unless_public_is_asked_for_and_allowed(build) -> None:
    routed = {"service": PORTS, "resources": ROUTED}
    assert build("web", document=routed)["Ingress"]["spec"]["ingressClassName"] == "internal"
    home = {"category": "open", "department": "statistics-example", "cluster": ZETA, "document": routed}
    assert build("web", **home)["Ingress"]["spec"]["ingressClassName"] == "internal"
    public = build("web", exposure="public", **home)
    assert public["Ingress"]["spec"]["ingressClassName"] == "public"
    assert public["Ingress"]["spec"]["tls"] == [{"hosts": ["a.example"]}]
    assert public["NetworkPolicy"]["spec"]["ingress"][1]["from"] == [
        {"namespaceSelector": {"matchLabels": {"onshore.example/ingress-class": "public"}}}
    ]
    assert "skipAwait" not in str(public["Service"])
    error = refusal(build, "web", exposure="public", document=routed)
    assert error.refused
    assert "EXP-001" in str(error)


def test_public_without_a_route_is_refused(build) -> None:
    home = {"category": "open", "department": "statistics-example", "cluster": ZETA}
    assert "no route leads to the workload" in str(refusal(build, "web", exposure="public", **home))


def test_a_service_starts_with_as_many_pods_as_its_autoscaler_keeps(build) -> None:
    for given, pods in (({}, 2), ({"replicas": 3}, 3)):
        seen = build("web", **given)
        assert seen["Deployment"]["spec"]["replicas"] == seen["HorizontalPodAutoscaler"]["spec"]["minReplicas"] == pods


def test_a_persistent_volume_is_claimed_and_keeps_to_one_pod(build) -> None:
    volume = {"resources": {"data": {"type": "volume", "params": {"size": "2Gi"}}}}
    volume["containers"] = {"main": {"image": DIGEST, "volumes": {"/data": {"source": "${resources.data}"}}}}
    seen = build("web", document=volume)
    assert seen["PersistentVolumeClaim"]["spec"]["resources"] == {"requests": {"storage": "2Gi"}}
    assert seen["PersistentVolumeClaim"]["spec"]["storageClassName"] == "encrypted"
    assert seen["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}
    assert seen["HorizontalPodAutoscaler"]["spec"]["maxReplicas"] == 1
    assert "more than one pod on one volume" in str(refusal(build, "web", document=volume, replicas=2))
    volume["resources"]["data"]["class"] = "ephemeral"
    seen = build("web", document=volume, replicas=2)
    assert "PersistentVolumeClaim" not in seen
    assert {"name": "volume-data", "emptyDir": {"sizeLimit": "2Gi"}} in seen["Deployment"]["spec"]["template"]["spec"][
        "volumes"
    ]


def test_values_that_are_outputs_go_to_the_secret_and_all_else_to_the_config_map(build) -> None:
    document = {
        "containers": {
            "main": {
                "image": DIGEST,
                "variables": {"OPEN": "a", "HIDDEN": "x-${resources.env.KEY}", "KNOWN": "${resources.env.OTHER}"},
                "files": {"/etc/a": {"content": "${resources.env.KEY}", "mode": "0400"}, "/etc/b": {"content": "b"}},
            }
        },
        "resources": {"env": {"type": "environment"}},
    }
    seen = build("web", document=document, environment=lambda: {"KEY": pulumi.Output.secret("s"), "OTHER": "o"})
    assert seen["ConfigMap"]["data"]["main.OPEN"] == "a"
    assert seen["ConfigMap"]["data"]["main.KNOWN"] == "o"
    assert "main.HIDDEN" not in seen["ConfigMap"]["data"]
    assert isinstance(seen["Secret"]["data"], Secret)
    read = {
        one["name"]: one["valueFrom"] for one in seen["Deployment"]["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    assert {name: next(iter(source)) for name, source in read.items()} == {
        "OPEN": "configMapKeyRef", "HIDDEN": "secretKeyRef", "KNOWN": "configMapKeyRef",
    }  # fmt: skip
    assert read["HIDDEN"]["secretKeyRef"]["key"] == "main.HIDDEN"
    volumes = {one["name"]: one for one in seen["Deployment"]["spec"]["template"]["spec"]["volumes"]}
    assert volumes["secrets"]["secret"]["items"][0]["mode"] == 0o400
    assert volumes["config"]["configMap"]["items"][0]["key"].startswith("main-etc-b")


def test_a_job_is_scheduled_in_pakistans_time_and_never_twice_at_once(build) -> None:
    spec = build("job", schedule="30 1 * * *")["CronJob"]["spec"]
    assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == ("30 1 * * *", "Asia/Karachi", "Forbid")


HOME = "example-csp-alpha-khi"
FILES = {"resources": {"files": {"type": "object-store"}}}
TOLD = {"resources.files.container": "files", "resources.files.endpoint": "https://objects.example"}


@pytest.mark.parametrize("kind", ["web", "job"])
def test_pods_reach_the_addresses_of_their_object_store_and_no_others(build, kind: str) -> None:
    when = {"schedule": "0 1 * * *"} if kind == "job" else {}
    seen = build(kind, document=FILES, environment=TOLD, stores={"files": HOME}, **when)
    ways = [{"to": [{"ipBlock": {"cidr": "192.0.2.16/28"}}], "ports": [{"port": 443, "protocol": "TCP"}]}]
    pods = {"matchLabels": {"app.kubernetes.io/name": "app"}}
    assert seen["one-regions"]["spec"] == {"podSelector": pods, "policyTypes": ["Egress"], "egress": ways}


@pytest.mark.parametrize(
    ("stores", "said"),
    [
        ({}, "stores.files: nobody says where the object store is"),
        ({"files": HOME, "fils": HOME}, "did you mean `files`?"),
        ({"files": "example-csp-alpha-kih"}, "did you mean `example-csp-alpha-khi`?"),
        ({"files": "example-csp-delta-xa"}, "RES-001"),
    ],
)
def test_an_object_store_is_said_to_be_in_a_region_where_the_data_may_be(build, stores: dict, said: str) -> None:
    assert said in str(refusal(build, "web", document=FILES, environment=TOLD, stores=stores))


@pytest.mark.parametrize("schedule", ["", "@daily", "1 2 3 4", "TZ=UTC 0 1 * * *"])
def test_a_schedule_that_is_none_is_refused(build, schedule: str) -> None:
    assert "not five cron fields" in str(refusal(build, "job", schedule=schedule))


@pytest.mark.parametrize(
    "schedule", ["30 1 * * *", "*/5 0-23 1,15 jan-mar MON-FRI", "0/15 * ? * 0", "05 08 31 12 6", "0-59/2 1 * Dec sun"]
)
def test_a_schedule_of_kubernetes_is_one(build, schedule: str) -> None:
    assert build("job", schedule=schedule)["CronJob"]["spec"]["schedule"] == schedule


@pytest.mark.parametrize(
    ("schedule", "field"),
    [
        ("61 1 * * *", "minute"),
        ("*/0 1 * * *", "minute"),
        ("5-1 1 * * *", "minute"),
        ("0 24 * * *", "hour"),
        ("0 mon * * *", "hour"),
        ("0 1 0 * *", "day of month"),
        ("0 1 1,32 * *", "day of month"),
        ("0 1 * 13 *", "month"),
        ("0 1 * * 7", "day of week"),
        ("0 1 * * mon-", "day of week"),
        ("0 1 * * ;", "day of week"),
    ],
)
def test_a_schedule_out_of_its_range_is_refused_by_the_name_of_its_field(build, schedule: str, field: str) -> None:
    assert f"no {field} of a cron schedule" in str(refusal(build, "job", schedule=schedule))


def test_a_job_with_ports_is_refused(build) -> None:
    assert "answers no requests" in str(refusal(build, "job", schedule="0 1 * * *", document={"service": PORTS}))


def test_an_image_without_digest_is_refused_where_the_category_needs_one(build) -> None:
    document = {"containers": {"main": {"image": "registry.example/a:1"}}}
    error = refusal(build, "web", document=document)
    assert error.refused
    assert "an image without digest" in str(error)
    home = {"category": "open", "department": "statistics-example", "cluster": ZETA}
    assert build("web", document=document, **home)["Deployment"]


@pytest.mark.parametrize("kind", ["zone", "web", "job"])
def test_a_cluster_abroad_is_refused_for_restricted_data_by_every_component(build, kind: str) -> None:
    error = refusal(build, kind, cluster=ABROAD, **({"schedule": "0 1 * * *"} if kind == "job" else {}))
    assert error.refused
    assert "RES-001" in str(error)


def test_all_that_stands_against_a_component_is_told_at_once(build) -> None:
    document = {"containers": {"main": {"image": "."}}}
    text = str(refusal(build, "web", cluster=ABROAD, access=KHI, document=document))
    for said in ("RES-001", "its provider is not the access to its cluster", "no image"):
        assert said in text


def test_access_to_another_cluster_is_refused(build) -> None:
    error = refusal(build, "zone", access=LHE)
    assert error.refused
    assert f"access to {LHE}" in str(error)


def test_a_provider_made_by_hand_or_none_at_all_is_refused(settings, record) -> None:
    import pulumi_kubernetes as k8s

    from components.landing_zone import LandingZone

    args: Any = {"department": "health-example", "category": "restricted", "cluster": KHI, "namespace": "here"}
    content = (settings.kubeconfigs / f"{KHI}.yaml").read_text()
    for options in (lambda: None, lambda: pulumi.ResourceOptions(provider=k8s.Provider("own", kubeconfig=content))):
        with pytest.raises(OnshoreError, match="its provider is not the access to its cluster"):
            record(lambda options=options: LandingZone("one", args, options()))


def test_nothing_is_registered_when_a_component_refuses(build, monkeypatch: pytest.MonkeyPatch) -> None:
    registered: list[str] = []
    made = pulumi.Resource.__init__

    def note(self: pulumi.Resource, t: str, *words: Any, **options: Any) -> None:
        registered.append(t)
        made(self, t, *words, **options)

    monkeypatch.setattr(pulumi.Resource, "__init__", note)
    refusal(build, "web", category="secret")
    assert set(registered) <= {"pulumi:providers:kubernetes", "pulumi:pulumi:Stack"}


def test_a_component_asks_about_the_day_that_a_try_out_names(build, monkeypatch: pytest.MonkeyPatch) -> None:
    assert build("zone")
    monkeypatch.setenv("ONSHORE_ON", "2040-01-01")
    assert "ACC-00" in str(refusal(build, "zone"))
    monkeypatch.setenv("ONSHORE_ON", "tomorrow")
    assert "not a date" in str(refusal(build, "zone"))
