"""Score files: what is read, what is refused, and with which words."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.score import parse_score, read_score
from components.workload import EnvironmentKey, ExecProbe, HttpProbe, Mount, Port, Resources, Volume
from inventories.faults import OnshoreError

_HEAD = "apiVersion: score.dev/v1b1\nmetadata: {name: example}\n"


def score(container: str = "", rest: str = "") -> str:
    indented = textwrap.indent(textwrap.dedent(container), "    ")
    return f"{_HEAD}containers:\n  main:\n    image: registry.example/a:1\n{indented}\n{textwrap.dedent(rest)}"


def vm(params: str, more: str = "") -> str:
    return score("", f"resources: {{db: {{type: vm, params: {params}}}, {more}}}")


def faults(text: str, environment: tuple[str, ...] = (), folder: Path = Path()) -> str:
    with pytest.raises(OnshoreError) as refused:
        parse_score(text, environment, folder=folder)
    return str(refused.value)


def test_a_whole_workload_is_read() -> None:
    container = """
        command: [/bin/app]
        args: [serve, "$HOME", "$${HOME}"]
        variables: {A: "${metadata.name}-${resources.env.KEY}", B: "plain"}
        files:
          /etc/app.conf: {content: "name = ${metadata.annotations.note}", mode: "0640"}
          /etc/raw.conf: {content: "${raw}", noExpand: true}
          /etc/bytes: {binaryContent: AAEC}
        volumes:
          /data: {source: "${resources.data}", path: sub, readOnly: true}
          /scratch: {source: "${resources.scratch.source}"}
        resources: {requests: {cpu: 50m, memory: 1500K}, limits: {cpu: "2"}}
        livenessProbe: {exec: {command: [/bin/alive]}}
        readinessProbe: {httpGet: {path: /ready, port: 8080, httpHeaders: [{name: X-A, value: b}]}}
    """
    rest = """
        service: {ports: {web: {port: 80, targetPort: 8080}, dns: {port: 53, protocol: UDP}}}
        resources:
          env: {type: environment}
          data: {type: volume, params: {size: 2Gi}}
          scratch: {type: volume, class: ephemeral}
          www: {type: route, params: {host: "${resources.env.KEY}", path: /a, port: 80}}
    """
    text = score(container, rest).replace("{name: example}", "{name: example, annotations: {note: n}}")
    workload = parse_score(text, ["KEY"])
    main = workload.containers[0]
    assert main.command == ("/bin/app",)
    assert main.args == ("serve", "$HOME", "$${HOME}")
    assert main.variables == (("A", ("example-", EnvironmentKey("KEY"))), ("B", ("plain",)))
    assert [(f.path, f.content, f.mode) for f in main.files] == [
        ("/etc/app.conf", ("name = n",), 0o640),
        ("/etc/raw.conf", ("${raw}",), None),
        ("/etc/bytes", b"\0\1\2", None),
    ]
    assert main.mounts == (Mount("/data", "data", "sub", read_only=True), Mount("/scratch", "scratch"))
    assert main.resources == Resources("50m", "1500k", "2", "256Mi")
    assert main.liveness == ExecProbe(("/bin/alive",))
    assert main.readiness == HttpProbe("/ready", 8080, "HTTP", (("X-A", "b"),))
    assert workload.ports == (Port("web", 80, 8080), Port("dns", 53, 53, "UDP"))
    assert workload.volumes == (Volume("data", "2Gi"), Volume("scratch", "1Gi", ephemeral=True))
    assert [(r.host, r.path, r.port) for r in workload.routes] == [((EnvironmentKey("KEY"),), "/a", "web")]
    assert (workload.vcpu, workload.storage_gib, workload.persistent) == (0.05, 2.0, True)


def test_several_containers_add_up() -> None:
    text = score("resources: {requests: {cpu: 250m, memory: 1Gi}}") + "\n"
    text = text.replace("containers:\n", "containers:\n  side: {image: 'registry.example/b:1'}\n")
    workload = parse_score(text)
    assert [container.name for container in workload.containers] == ["side", "main"]
    assert workload.vcpu == pytest.approx(0.35)
    assert workload.memory_gib == pytest.approx(1.125)


_ROUTE = "service: {ports: {web: {port: 80}}}\nresources: {www: {type: route, params: {%s}}}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "not YAML"),
        ("", "the file is empty"),
        ("just text", "not a mapping"),
        (_HEAD, "`containers` is missing"),
        (_HEAD + "containers: {}", "add at least one"),
        (score().replace("v1b1", "v2"), "score.dev/v1b1"),
        (score().replace("image:", "imgae:"), "did you mean `image`?"),
        (score().replace("{name: example}", "{name: Example_1}"), "metadata.name"),
        (score().replace("{name: example}", "{name: 1example}"), "a name that starts with a digit"),
        (score().replace("registry.example/a:1", "."), "no image"),
        (score("before: {x: {ready: started}}"), "an order of containers is not supported"),
        (score("variables: {A: 1}"), "put it in quotes"),
        (score("variables: {A B: x}"), "not a name of a variable"),
        (score("variables: {A: '${metadata.nmae}'}"), "did you mean `name`?"),
        (score("variables: {A: '${nothing}'}"), "a placeholder to nothing"),
        (score("variables: {A: '${resources.db.host}'}"), "a resource that is not declared"),
        (
            score("variables: {A: '${resources.env.KEX}'}", "resources: {env: {type: environment}}"),
            "did you mean `KEY`?",
        ),
        (
            score("variables: {A: '${resources.vol.x}'}", "resources: {vol: {type: volume}}"),
            "a `volume` has no such value",
        ),
        (score("args: ['${resources.env.KEY}']"), "placeholders are not resolved here"),
        (score("files: [{target: /a, content: b}]"), "the list form is Score's old one"),
        (score("files: {/a: {}}"), "a file needs one content"),
        (score("files: {/a: {content: b, source: c}}"), "a file needs one content"),
        (score("files: {a: {content: b}}"), "not an absolute path"),
        (score("files: {/a: {binaryContent: '*'}}"), "not base64"),
        (score("files: {/a: {source: ../../etc/passwd}}"), "outside the folder of the Score file"),
        (score("files: {/a: {source: /etc/passwd}}"), "outside the folder of the Score file"),
        (score("files: {/a: {source: none.txt}}"), "the file cannot be read"),
        (score("files: {/a: {content: b, mode: 'rw'}}"), "mode"),
        (score("volumes: {/a: {source: data}}"), "not a reference to a volume"),
        (score("volumes: {/a: {source: '${resources.dta}'}}", "resources: {data: {type: volume}}"), "`data`"),
        (score("resources: {requests: {cpu: '2'}, limits: {cpu: '1'}}"), "a request above its limit of 1"),
        (score("resources: {limits: {memory: lots}}"), "limits.memory"),
        (score("livenessProbe: {}"), "a probe without a question"),
        (score("livenessProbe: {httpGet: {path: /, port: 1, host: 192.0.2.1}}"), "a probe asks its own container only"),
        (score("", "resources: {db: {type: postgres}}"), "a resource type that is not supported"),
        (score("", "resources: {name: {type: dns}}"), "name the host itself in the route"),
        (score("", "resources: {vol: {type: volume, class: fast}}"), "a class of volume that is not supported"),
        (score("", "resources: {db: {type: vm}}"), "a vm without params"),
        (vm("{image: debian-12}"), "resources.db.params.network"),
        (vm("{image: debian-12, network: 10.60.0.1/24}"), "not a network"),
        (vm("{image: debian-12, network: 10.60.0.0/29}"), "too small a network"),
        (vm("{image: debian-12, network: 10.60.0.0/24, disk: 1500Mi}"), "not a whole number of GiB"),
        (vm("{image: debian-12, network: 10.60.0.0/24, floatingIp: true}"), "floatingIp"),
        (vm("{image: debian-12, network: 10.60.0.0/24, count: 0}"), "resources.db.params.count"),
        (vm("{image: d, network: 10.60.0.0/24, playbook: db/site.yml}"), "add sshPublicKey"),
        (vm("{image: d, network: 10.60.0.0/24, teardown: db/down.yml}"), "undoes nothing"),
        (
            vm("{image: d, network: 10.60.0.0/24}", "two: {type: vm, params: {image: d, network: 10.60.0.128/25}}"),
            "overlaps",
        ),
        (score("", "resources: {files: {type: object-store, class: cold}}"), "a class of object-store"),
        (score("", "resources: {files: {type: object-store, params: {expireAfterDays: 0}}}"), "expireAfterDays"),
        (
            score('variables: {A: "${resources.files.url}"}', "resources: {files: {type: object-store}}"),
            "a `object-store` has no such value",
        ),
        (score("", "resources: {vol: {type: volume, params: {size: big}}}"), "size"),
        (score("", "resources: {env: {type: environment, params: {A: b}}}"), "an environment takes no params"),
        (score("", "service: {ports: {web: {port: 0}}}"), "service.ports.web.port"),
        (score("", "service: {ports: {aa: {port: 80}, bb: {port: 80}}}"), "the port of `aa` too"),
        (score("", "resources: {www: {type: route}}"), "a route without params"),
        (score("", _ROUTE % "host: a.example, port: wbe"), "did you mean `web`?"),
        (score("", _ROUTE % "host: a.example, port: 81"), "a route to no service port"),
        (score("", _ROUTE % "host: A_b, port: 80"), "not the name of a host"),
        (score("", _ROUTE % "host: a.example, port: 80, path: '/[^/]+'"), "path"),
        (
            score().replace("{name: example}", "{name: example, annotations: {pulumi.com/skipAwait: 'true'}}"),
            "not the workload's",
        ),
        (
            score().replace("{name: example}", "{name: example, annotations: {onshore.example/x: 'y'}}"),
            "not the workload's",
        ),
    ],
)
def test_what_cannot_be_built_is_told_with_its_way_out(text: str, said: str) -> None:
    assert said in faults(text, ("KEY",))


def test_all_faults_are_told_at_once_each_with_its_line() -> None:
    text = score("before: {x: 1}\nvariables: {A: '${nothing}'}", "resources: {db: {type: redis}}")
    told = faults(text)
    for line in ("score:6:containers.main.before", "score:7:containers.main.variables.A", "resources.db.type"):
        assert line in told


ONCE = {
    "a probe": ("livenessProbe: {httpGt: {}}", "", "a probe without a question"),
    "a file": ("files: {/a: {contnt: b}}", "", "a file needs one content"),
    "a port": ("", "service: {prots: {web: {port: 80}}}\n{ROUTE}", "a route to no service port"),
    "a resource": ('variables: {A: "${resources.env.KEY}"}', "resources: {env: {typ: environment}}", "placeholder"),
}
ROUTE = "resources: {road: {type: route, params: {host: a.example, port: web}}}"


@pytest.mark.parametrize(
    "container", ["resources: {limts: {cpu: 1}}", "livenessProbe: {httpGt: {}}", "args: [a, {b: c}]"]
)
def test_a_fault_of_a_field_hides_none_of_what_is_read_after_it(container: str) -> None:
    text = score(f'variables: {{A: "${{resources.no.KEY}}"}}\n{container}', "resources: {road: {type: rout}}")
    text = text.replace("    image: registry.example/a:1\n", "")
    told = faults(text)
    for said in (container.partition(":")[0], "`image` is missing", "resources.no.KEY", "did you mean `route`?"):
        assert said in told


@pytest.mark.parametrize(("container", "rest", "twice"), ONCE.values(), ids=list(ONCE))
def test_what_is_wrong_in_a_field_is_not_told_again_of_what_needs_it(container: str, rest: str, twice: str) -> None:
    told = faults(score(container, rest.replace("{ROUTE}", ROUTE)) + "\nodd: true")
    assert twice not in told
    assert len(told.split("\n  ")) > 1


def test_a_source_file_is_read_beside_the_score_file(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("name: ${metadata.name}")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "link").symlink_to("/etc/hostname")
    good = score("files: {/a: {source: text}, /b: {source: bytes}}")
    assert [file.content for file in parse_score(good, folder=tmp_path).containers[0].files] == [
        ("name: example",),
        b"\xff\xfe",
    ]
    assert "outside the folder" in faults(score("files: {/a: {source: link}}"), folder=tmp_path)


def test_files_that_no_config_map_could_hold_are_refused(tmp_path: Path) -> None:
    (tmp_path / "large").write_text("x" * (1024 * 1024 + 1))
    assert "more than 1 MiB" in faults(score("files: {/a: {source: large}}"), folder=tmp_path)


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\x85\u2028\u2029\ufeff"))
)
def test_text_with_its_dollars_doubled_means_itself(text: str) -> None:
    quoted = text.replace("$", "$$").replace("'", "''")
    value = dict(parse_score(score(f"variables: {{A: '{quoted}'}}")).containers[0].variables)["A"]
    assert "".join(str(part) for part in value) == text


def test_machines_and_object_stores_are_read_and_what_is_told_of_them_stays_open() -> None:
    container = """
        variables: {HOST: "${resources.db.address}", FILES: "${resources.files.endpoint}/${resources.files.container}"}
    """
    rest = """
        resources:
          db:
            type: vm
            params: {image: debian-12, cpu: 2, memory: 4Gi, disk: 20Gi, data: 50Gi, count: 2, network: 10.60.0.0/24,
                     ports: [5432], clients: [10.20.0.0/16], externalNetwork: wan, userData: "#cloud-config"}
          files: {type: object-store, params: {size: 100Gi, versioned: true}}
    """
    workload = parse_score(score(container, rest))
    (machine,), (store,) = workload.machines, workload.stores
    assert (machine.vcpu, machine.memory_gib, machine.disk_gib, machine.data_gib) == (2, 4.0, 20, 50)
    assert machine.addresses == ["10.60.0.10", "10.60.0.11"]
    assert (machine.ports, machine.clients, machine.external_network) == ((5432,), ("10.20.0.0/16",), "wan")
    assert (store.size_gib, store.versioned, store.expire_after_days) == (100.0, True, None)
    assert workload.outputs == ("resources.db.address", "resources.files.container", "resources.files.endpoint")
    host, files = workload.containers[0].variables
    assert host == ("HOST", (EnvironmentKey("resources.db.address"),))
    assert files[1] == (EnvironmentKey("resources.files.endpoint"), "/", EnvironmentKey("resources.files.container"))
    assert workload.storage_gib == 0


def test_a_file_that_is_no_record_is_refused_without_a_word_of_what_stands_in_it(tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text("VbVIj8eo-not-a-real-one\n")
    with pytest.raises(OnshoreError) as refused:
        read_score(tmp_path / "passphrase")
    assert "got: text" in str(refused.value)
    assert "VbVIj8eo" not in str(refused.value)
