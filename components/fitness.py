"""Whether a workload fits what it is to become, and how many pods that takes; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from components._schedule import schedule_faults
from inventories.faults import Fault

if TYPE_CHECKING:
    from components.workload import Workload

MOST_AT_REST: Final = 50

# validation.go of Kubernetes: a CronJob's name leaves room for the suffix of its jobs.
_MAX_JOB_NAME: Final = 52


def usual_replicas(workload: Workload, asked: int | None = None) -> int:
    """Pods of a web service at rest: as asked, else 2, else 1 where a volume can be written by one pod only."""
    return asked or (1 if workload.persistent else 2)


def most_replicas(workload: Workload, asked: int | None = None) -> int:
    """Pods of a web service under full load: three for one at rest."""
    return 1 if workload.persistent else usual_replicas(workload, asked) * 3


def service_faults(workload: Workload, replicas: int | None, exposure: str) -> list[Fault]:
    """What keeps a workload from being that web service."""
    faults = []
    if replicas is not None and not 1 <= replicas <= MOST_AT_REST:
        fix = "choose a number between them"
        faults.append(Fault("replicas", f"not from 1 to {MOST_AT_REST}", str(replicas), fix=fix))
    elif replicas is not None and replicas > 1 and workload.persistent:
        why = "a persistent volume can be written by one pod only"
        fix = "leave replicas out, or make the volume `class: ephemeral`"
        faults.append(Fault("replicas", "more than one pod on one volume", str(replicas), why, fix))
    if exposure == "public" and not workload.routes:
        fix = "declare a resource of type `route`, or leave `exposure` out"
        faults.append(Fault("exposure", "public, but no route leads to the workload", "public", fix=fix))
    return faults


def job_faults(workload: Workload, schedule: str) -> list[Fault]:
    """What keeps a workload from being a job, or a text from being a schedule."""
    faults = schedule_faults(schedule)
    if workload.ports or workload.routes:
        got = ", ".join([port.name for port in workload.ports] or [route.name for route in workload.routes])
        fix = "remove `service` and routes, or leave the schedule out to make it a web service"
        faults.append(Fault("service.ports", "a scheduled job answers no requests", got, fix=fix))
    if len(workload.name) > _MAX_JOB_NAME:
        fix = "shorten `metadata.name`"
        faults.append(Fault("metadata.name", f"longer than {_MAX_JOB_NAME} characters", workload.name, fix=fix))
    return faults
