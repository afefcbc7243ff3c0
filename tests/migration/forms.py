"""The forms of a small move, as text: two machines of a department, a database, a service, folders and a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DISCOVERY = """\
discovered_at: 2026-06-01T09:30:00+05:00
discovered_by: A person of the department
hosts:
  - id: onprem-db-1
    address: 192.0.2.10
    vcpu: 2
    memory_gib: 4
    services:
      - {name: postgresql, user: postgres, ports: [5432]}
    databases:
      - engine: postgresql
        version: "15.18"
        name: registry
        size_bytes: 734003200
        tables:
          - {schema: public, name: citizens, rows_estimate: 1000, columns: [cnic, full_name, dob]}
    cron:
      - {user: postgres, schedule: "0 2 * * *", program: /usr/local/bin/nightly}
  - id: onprem-web-1
    address: 192.0.2.11
    vcpu: 2
    memory_gib: 2
    services:
      - {name: portal, user: www, ports: [8080]}
    files:
      - {path: /srv/portal, size_bytes: 1048576000, files: 100000}
connections:
  - {from_host: onprem-web-1, process: portal, to: onprem-db-1, port: 5432}
"""
QUESTIONNAIRE = """\
department: health-example
answered_by: A person of the department
answered_on: 2026-06-01
answers:
  - {asset: onprem-db-1/database/registry, category: restricted, owner: Registrar}
  - {asset: onprem-db-1/job/nightly-56b778bc, category: restricted, owner: Registrar, fit: retire, reason: of no use}
  - {asset: onprem-web-1/service/portal, category: restricted, owner: Web, needs: [onprem-web-1/files/srv/portal]}
  - {asset: onprem-web-1/files/srv/portal, category: public, owner: Web}
"""
COSTS = """\
department: health-example
currency: PKR
effective_on: 2026-06-01
assumptions: [Hardware is written off over five years]
hosts:
  - host: onprem-db-1
    hardware_pkr: 30000
    power_and_cooling_pkr: 12000
    connectivity_pkr: 5000
    licences_pkr: 0
    staff_pkr: 40000
  - host: onprem-web-1
    hardware_pkr: 20000
    power_and_cooling_pkr: 8000
    connectivity_pkr: 5000
    licences_pkr: 0
    staff_pkr: 20000.50
"""


def written(folder: Path, name: str, text: str) -> Path:
    """A form as a file."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
