"""The Helm chart: rendered by the real helm, and checked against Kubernetes' own schemas."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import kubernetes_validate
import pytest
import yaml

from acrux import __version__
from tests import object_servers, postgresql
from tests.clients import go_tools
from tests.deploy.settings_named import settings_in
from tests.running import ROOT, running
from tests.tools import require_tool

CHART: Final = ROOT / "deploy" / "helm" / "acrux"
VALUES: Final = sorted((CHART / "ci").glob("*.yaml"))
CLUSTER: Final = CHART / "ci" / "cluster-values.yaml"
# The oldest that the chart allows, and some up to the newest whose schemas we have.
KUBERNETES: Final = ("1.27", "1.30", "1.33", "1.35", "1.37")

# Schemas of custom resources come with their operators.
CUSTOM: Final = {"ServiceMonitor"}

NOTES: Final = 'notes: |\n{{ tpl (.Files.Get "notes.txt") . | indent 2 }}\n'

pytestmark = pytest.mark.timeout(go_tools.BUILD_SECONDS)

each_single = pytest.mark.parametrize(
    "values", [file for file in VALUES if file != CLUSTER], ids=lambda file: file.stem
)
each_values = pytest.mark.parametrize("values", VALUES, ids=lambda file: file.stem)

Object = dict[str, Any]


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The helm of this machine, or the one that go/go.mod names."""
    found = shutil.which("helm")
    if found:
        return found
    sources = Path(__file__).parent / "go"
    return go_tools.built_once(tmp_path_factory, "helm.sh/helm/v3/cmd/helm", sources)


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    """Run a command and wait for it."""
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def template(helm: str, *arguments: str, version: str = KUBERNETES[-1]) -> list[Object]:
    """The objects that the chart becomes."""
    done = run(helm, "template", "release", str(CHART), "--kube-version", version, *arguments)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def rendered(helm: str, values: Path) -> dict[str, Object]:
    """The objects by their kind, of which there is one each."""
    return {one["kind"]: one for one in template(helm, "--values", str(values))}


@each_values
def test_helm_finds_nothing_to_complain_about(helm: str, values: Path) -> None:
    """Warnings of today are errors of the next helm."""
    done = run(helm, "lint", "--strict", "--values", str(values), str(CHART))

    assert done.returncode == 0, done.stdout
    assert "WARNING" not in done.stdout


@pytest.mark.parametrize("version", KUBERNETES)
@each_values
def test_kubernetes_knows_every_field(helm: str, values: Path, version: str) -> None:
    """The API server drops a field with a typing error, and with it the protection."""
    for one in template(helm, "--values", str(values), version=version):
        if one["kind"] not in CUSTOM:
            kubernetes_validate.validate(one, version, strict=True)


def test_a_wrong_field_would_be_noticed(helm: str) -> None:
    """A check that cannot fail would guard nothing."""
    objects = rendered(helm, CHART / "ci" / "default-values.yaml")
    objects["StatefulSet"]["spec"]["template"]["spec"]["enableServiceLink"] = False

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(objects["StatefulSet"], KUBERNETES[-1], strict=True)


@each_values
def test_the_pod_may_do_as_little_as_the_strictest_standard_allows(helm: str, values: Path) -> None:
    """A namespace that enforces Pod Security's `restricted` refuses any other pod."""
    objects = rendered(helm, values)
    pod = objects["StatefulSet"]["spec"]["template"]["spec"]
    [container] = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["securityContext"]["fsGroup"] == 65532
    assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False)
    assert objects["ServiceAccount"]["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_everything_that_is_on_by_a_value_is_rendered(helm: str) -> None:
    """A condition that never holds would hide an object from every other test."""
    least = rendered(helm, CHART / "ci" / "default-values.yaml").keys()
    most = rendered(helm, CHART / "ci" / "everything-values.yaml").keys()

    assert least == {
        "ServiceAccount", "ConfigMap", "PersistentVolumeClaim", "Service", "StatefulSet",
    }  # fmt: skip
    assert most - least == {"Ingress", "NetworkPolicy", "PodDisruptionBudget", "ServiceMonitor"}


def configured(objects: dict[str, Object], folder: Path) -> tuple[Path, Object, dict[str, str]]:
    """The file of the settings, the container, and its variables."""
    [container] = objects["StatefulSet"]["spec"]["template"]["spec"]["containers"]
    config = folder / "acrux.toml"
    config.write_text(objects["ConfigMap"]["data"]["acrux.toml"])
    return config, container, {one["name"]: one["value"] for one in container["env"]}


@each_single
def test_a_registry_runs_with_what_the_chart_configures(
    helm: str, values: Path, tmp_path: Path
) -> None:
    """A setting that acrux refuses, or a probe that it refuses, lets the pod start for ever."""
    config, container, variables = configured(rendered(helm, values), tmp_path)
    acrux = {name: text for name, text in variables.items() if name.startswith("ACRUX_")}
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    password = tmp_path / "password"
    password.write_text("long enough words\n")

    files = {name: acrux.pop(name) for name in list(acrux) if acrux[name].startswith("/")}
    # Not used here: it is one port, which all these tests would share.
    of_metrics = {name: acrux.pop(name) for name in list(acrux) if name == "ACRUX_METRICS_LISTEN"}
    assert settings_in(of_metrics).keys() <= {"metrics_listen"}
    assert settings_in(acrux) == {}
    assert {str(Path(file).parent) for file in files.values()} <= mounted
    arguments = ("--config", str(config), "--admin-password-file", str(password))
    tls = ("--tls-self-signed",) if "ACRUX_TLS_CERT" in files else ()
    with running(tmp_path / "data", *arguments, *tls, "--workers", "1") as registry:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container[probe]["httpGet"]
            assert asked["scheme"].lower() == registry.url.partition(":")[0]
            answer = httpx2.get(f"{registry.url}{asked['path']}", verify=False)
            assert answer.status_code == 200


def test_pods_of_the_chart_share_a_database_and_a_bucket(
    helm: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What one pod took, all serve; and Kubernetes mounts secrets so that acrux takes them."""
    objects = rendered(helm, CLUSTER)
    config, container, variables = configured(objects, tmp_path)
    with (
        postgresql.running() as database,
        object_servers.running("versitygw", tmp_path_factory) as store,
    ):
        database.execute("CREATE DATABASE registry")
        store.make("images")
        for file, content in (
            ("ACRUX_DATABASE_FILE", database.url("registry")),
            ("ACRUX_MASTER_KEY_FILE", "5" * 64),
        ):
            here = tmp_path / file
            here.write_text(content)
            here.chmod(0o440)
            variables[file] = str(here)
        given: dict[str, Any] = {**variables, **store.variables, "ACRUX_METRICS_LISTEN": ""}
        arguments = ("--config", str(config), "--workers", "1")
        with (
            running(tmp_path / "one", *arguments, **given) as one,
            running(tmp_path / "other", *arguments, **given) as other,
        ):
            probes = [
                httpx2.get(f"{pod.url}{container[probe]['httpGet']['path']}").status_code
                for pod in (one, other)
                for probe in ("startupProbe", "livenessProbe", "readinessProbe")
            ]

    assert probes == [200] * 6


def test_pods_that_keep_nothing_are_replaced_one_at_a_time(helm: str) -> None:
    """A claim would hold pods on one node, and a drain of several nodes would stop the registry."""
    objects = rendered(helm, CLUSTER)
    single = rendered(helm, CHART / "ci" / "default-values.yaml")
    spec = objects["StatefulSet"]["spec"]
    volumes = {one["name"]: one for one in spec["template"]["spec"]["volumes"]}

    assert "PersistentVolumeClaim" not in objects
    assert volumes["data"] == {"name": "data", "emptyDir": {}}
    assert (spec["replicas"], spec["podManagementPolicy"]) == (3, "Parallel")
    assert spec["updateStrategy"] == {"type": "RollingUpdate"}
    assert objects["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1
    assert {volumes[name]["secret"]["defaultMode"] for name in ("database", "master-key")} == {
        0o440
    }
    assert "publishNotReadyAddresses" not in objects["Service"]["spec"]
    assert single["StatefulSet"]["spec"]["replicas"] == 1
    assert single["Service"]["spec"]["publishNotReadyAddresses"] is True


def test_a_pod_that_keeps_its_keys_has_a_claim(helm: str) -> None:
    """Without them no password works after the pod was replaced."""
    own = "replicaCount=1,masterKey.existingSecret=,config.shared_storage=true"

    kinds = {one["kind"] for one in template(helm, "--values", str(CLUSTER), "--set", own)}

    assert "PersistentVolumeClaim" in kinds


def test_each_pod_of_several_is_an_instance_of_its_own(helm: str) -> None:
    """Their counters would be mixed up as those of one registry that restarts all the time."""
    [endpoint] = rendered(helm, CLUSTER)["ServiceMonitor"]["spec"]["endpoints"]

    assert "__meta_kubernetes_pod_name" in endpoint["relabelings"][1]["sourceLabels"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("image.repository=", "image.repository: set it to where you pushed"),
        ("loginServers=null", "loginServers: name at least one"),
        ("loginServers={https://registry.example.com}", "'/loginServers/0'"),
        ("config.port=1", "'/config': additional properties 'port'"),
        ("config.tls_cert=/tls.crt", "'/config': additional properties 'tls_cert'"),
        ("config.audit_dasy=4", "'/config': additional properties 'audit_dasy'"),
        ("config.audit_days=abc", "'/config/audit_days': got string, want integer"),
        ("config.audit_days.value=1", "'/config/audit_days': got object"),
        ("config.workers=99999", "'/config/workers': maximum"),
        ("config.log_level=loud", "'/config/log_level': value must be one of 'debug', 'info'"),
        ("config.gc_untagged=0", "'/config/gc_untagged': got number, want boolean"),
        ("config.account_limits={read=5,write=x}", "'/config/account_limits/1'"),
        ("config.htpasswd=", "'/config/htpasswd'"),
        ("replicas=2", "'replicas'"),
        ("replicaCount=2", "'/database/existingSecret': minLength"),
        ("replicaCount=0", "'/replicaCount'"),
        ("database.existingSecret=url", "set config.storage and masterKey.existingSecret"),
        ("config.database=postgresql://x", "'/config': additional properties 'database'"),
        ("ingress.enabled=true", "'/ingress/host'"),
        ("metrics.serviceMonitor.enabled=true", "'/metrics/enabled'"),
        ("persistence.accessMode=ReadWriteMany", "'/persistence/accessMode'"),
        ("persistence.size=50", "'/persistence/size'"),
        ("service.port=0", "'/service/port'"),
        ("image.digest=sha256:abc", "'/image/digest'"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(helm: str, wrong: str, said: str) -> None:
    """A value with a typing error would be ignored, and noticed in production."""
    least = str(CHART / "ci" / "default-values.yaml")

    done = run(helm, "template", "release", str(CHART), "--kube-version", KUBERNETES[-1],
               "--values", least, "--set", wrong)  # fmt: skip

    assert done.returncode == 1
    assert said in done.stderr


def paths(values: Object, above: str = "") -> Iterator[str]:
    """The path of each value of the chart, but of those within what is Kubernetes' own."""
    for name, value in values.items():
        yield f"{above}{name}"
        if isinstance(value, dict) and name not in {"podSecurityContext", "resources"}:
            yield from paths(value, f"{above}{name}.")


def test_a_value_that_is_taken_away_is_refused_or_is_not_needed(helm: str) -> None:
    """helm drops a default that is set to null; what then lacks is found by the API server."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    told: dict[str, str] = {}
    for path in paths(values):
        done = run(helm, "template", "release", str(CHART), "--kube-version", KUBERNETES[-1],
                   "--values", str(CHART / "ci" / "everything-values.yaml"),
                   "--set", f"{path}=null")  # fmt: skip
        if done.returncode:
            told[path] = done.stderr
        for one in yaml.safe_load_all(done.stdout):
            if one and one["kind"] not in CUSTOM:
                kubernetes_validate.validate(one, KUBERNETES[-1], strict=True)

    assert told.keys() > {"ingress.trustedProxies", "metrics.port", "persistence.enabled"}
    unclear = {
        path: text
        for path, text in told.items()
        if f"missing property '{path.rpartition('.')[2]}'" not in text
    }
    assert unclear.keys() == {"image.repository"}
    assert "image.repository: set it to" in unclear["image.repository"]


@each_values
def test_the_notes_say_how_to_log_in(helm: str, values: Path, tmp_path: Path) -> None:
    """They are all that is read after the installation."""
    copy = shutil.copytree(CHART, tmp_path / "acrux")
    # helm prints the notes only with a cluster; as a ConfigMap it renders them without.
    (copy / "templates" / "NOTES.txt").rename(copy / "notes.txt")
    (copy / "templates" / "notes.yaml").write_text(NOTES)

    done = run(helm, "template", "release", str(copy), "--kube-version", KUBERNETES[-1],
               "--values", str(values), "--show-only", "templates/notes.yaml")  # fmt: skip

    assert done.returncode == 0, done.stderr
    notes = yaml.safe_load(done.stdout)["notes"]
    assert "docker login registry.example.com -u " in notes
    is_secure = values.stem != "default-values"
    assert ("WARNING" in notes) is not is_secure
    has_password = values.stem == "everything-values"
    assert ("acrux credential renew" in notes) is not has_password


def test_prometheus_knows_the_registry_by_the_names_that_the_alerts_use(
    helm: str, tmp_path: Path
) -> None:
    """An alert for a job of another name never fires, and nobody notices until it should."""
    objects = {
        one["kind"]: one
        for one in template(helm, "--values", str(CHART / "ci" / "everything-values.yaml"),
                            "--set", "nameOverride=images,fullnameOverride=images")
    }  # fmt: skip
    [endpoint] = objects["ServiceMonitor"]["spec"]["endpoints"]
    found = {  # as the operator finds a pod
        "__address__": "10.244.0.7:9090",
        "__meta_kubernetes_namespace": "prod",
        "__meta_kubernetes_service_name": objects["Service"]["metadata"]["name"],
        "job": objects["Service"]["metadata"]["name"],
    }
    relabelings = [
        {re.sub("[A-Z]", lambda upper: f"_{upper[0].lower()}", name): value
         for name, value in relabeling.items()}
        for relabeling in endpoint["relabelings"]
    ]  # fmt: skip
    config = tmp_path / "prometheus.yml"
    scraped = {
        "job_name": "operator", "relabel_configs": relabelings,
        "static_configs": [{"targets": [found.pop("__address__")], "labels": found}],
    }  # fmt: skip
    config.write_text(json.dumps({"scrape_configs": [scraped]}))

    promtool = require_tool("promtool", "prometheus")
    done = run(promtool, "check", "service-discovery", str(config), "operator")

    [target] = json.loads(done.stdout)
    assert (target["labels"]["job"], target["labels"]["instance"]) == ("acrux", "prod/images")
    alerts = (ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text()
    assert set(re.findall(r'job="([^"]+)"', alerts)) == {target["labels"]["job"]}


def test_the_chart_installs_this_release() -> None:
    """The default tag of the image is the chart's appVersion."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert chart["appVersion"] == __version__


def test_every_value_is_described() -> None:
    """What the page of the chart leaves out, nobody finds."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())
    page = (CHART / "README.md").read_text()

    assert values.keys() | {"global"} == schema["properties"].keys()
    assert [name for name in values if not re.search(rf"`{name}\b", page)] == []


def test_a_claim_is_not_deleted_with_the_release(helm: str) -> None:
    """helm uninstall would otherwise delete every image."""
    claim = rendered(helm, CHART / "ci" / "default-values.yaml")["PersistentVolumeClaim"]

    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
