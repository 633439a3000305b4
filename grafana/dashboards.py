"""The four dashboards. `python -m grafana.dashboards` writes their JSON beside this file; a test compares the two."""

from __future__ import annotations

import json
from pathlib import Path

from grafana.company import COMPANY_PAGE
from grafana.fleet import FLEET
from grafana.institutions import INSTITUTIONS
from grafana.operations import OPERATIONS
from grafana.rendering import rendered

DASHBOARDS = (FLEET, COMPANY_PAGE, INSTITUTIONS, OPERATIONS)


def files() -> dict[str, str]:
    """File name -> what is in it."""
    return {
        f"{one.uid.removeprefix('connwatch-')}.json": json.dumps(rendered(one, DASHBOARDS), indent=2) + "\n"
        for one in DASHBOARDS
    }


if __name__ == "__main__":
    for name, text in files().items():
        (Path(__file__).parent / name).write_text(text, encoding="utf-8")
