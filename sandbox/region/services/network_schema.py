"""`network_schema.py DATABASE_URL`: neutron's tables as its models have them, with its default security group rules.

Its migrations do not run on PostgreSQL; what they would leave is the models' tables and these rules.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import neutron
import sqlalchemy
from neutron.db.migration.models import head


def main(url: str) -> None:
    """Make what is missing."""
    metadata = head.get_metadata()
    engine = sqlalchemy.create_engine(url)
    metadata.create_all(engine)
    migration = _migration_of_default_rules()
    table = metadata.tables[migration.table_name]
    with engine.begin() as connection:
        if connection.execute(sqlalchemy.select(sqlalchemy.func.count()).select_from(table)).scalar():
            return
        for rule in migration.default_template_rules:
            description = rule.pop("description")
            attributes = metadata.tables["standardattributes"].insert()
            kept = {"description": description, "resource_type": migration.table_name, "revision_number": 0}
            key = connection.execute(attributes.values(**kept)).inserted_primary_key[0]
            connection.execute(table.insert().values(standard_attr_id=key, **rule))


def _migration_of_default_rules() -> Any:
    versions = Path(neutron.__file__).parent / "db" / "migration" / "alembic_migrations" / "versions"
    (file,) = versions.glob("2023.2/expand/c33da356b165*.py")
    spec = importlib.util.spec_from_file_location("default_rules", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(sys.argv[1])
