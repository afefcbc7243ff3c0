"""A workload that runs at set times: a CronJob, hardened like every other pod."""

from typing import Any, Final

import pulumi
import pulumi_kubernetes as k8s

from components._common import prepare
from components.args import ScheduledJobArgs
from components.fitness import job_faults
from components.governance import Governance, Law
from components.pod import pod_labels, pod_spec
from components.workload import Workload
from inventories.clock import TIME_ZONE
from inventories.faults import Fault

_LONGEST_RUN_S: Final = 6 * 3600
_LATEST_START_S: Final = 3600


class ScheduledJob(pulumi.ComponentResource):
    """CronJob, account and configuration; no port leads to it.

    Raises OnshoreError with every fault before anything is registered: an unlawful place, a Score file that cannot be
    built or that declares ports, an image without digest where the category needs one, a schedule that is none.
    """

    job_name: pulumi.Output[str]

    def __init__(
        self, name: str, args: ScheduledJobArgs, opts: pulumi.ResourceOptions | None = None, *, law: Law | None = None
    ) -> None:
        def check(workload: Workload, _: Governance) -> list[Fault]:
            return job_faults(workload, args["schedule"])

        prepared = prepare(name, args, opts, law, check)
        workload, governance = prepared.workload, prepared.governance
        inputs = {**governance.inputs, "namespace": prepared.namespace, "workload": workload.name}
        super().__init__("onshore:index:ScheduledJob", name, inputs, opts)
        configuration, first = prepared.base(name, pulumi.ResourceOptions(parent=self))
        annotations = dict(workload.annotations)
        pod = {
            "metadata": {
                "labels": pod_labels(workload, governance),
                **({"annotations": annotations} if annotations else {}),
            },
            "spec": pod_spec(workload, governance, configuration, service_account=workload.name, restart="Never"),
        }
        spec: Any = {
            "schedule": args["schedule"],
            "timeZone": TIME_ZONE,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": _LATEST_START_S,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {
                "metadata": {"labels": pod_labels(workload, governance)},
                "spec": {"backoffLimit": 2, "activeDeadlineSeconds": _LONGEST_RUN_S, "template": pod},
            },
        }
        own = {**prepared.metadata, "name": workload.name}
        child = pulumi.ResourceOptions(parent=self, depends_on=first)
        k8s.batch.v1.CronJob(f"{name}-job", metadata=own, spec=spec, opts=child)
        self.job_name = pulumi.Output.from_input(workload.name)
        self.register_outputs({"jobName": workload.name})
