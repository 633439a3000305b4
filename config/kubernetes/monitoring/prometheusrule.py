"""Makes `prometheusrule.yaml`, beside this file, from the rules: `python config/kubernetes/monitoring/prometheusrule.py`.

kustomize can't embed one document in another, so the result is kept in the repository; a test compares the two.
"""

# ruff: noqa: INP001 - a program beside its product, in no package
from __future__ import annotations

from pathlib import Path
from textwrap import indent

HERE = Path(__file__).parent
RULES = HERE.parents[1] / "prometheus" / "rules.yaml"
HEAD = """\
# Made from config/prometheus/rules.yaml by prometheusrule.py, beside this file: change the rules there.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: connwatch
  labels: {app.kubernetes.io/name: connwatch}
spec:
"""


def wrapped(rules: str) -> str:
    """The rules, word for word, within the object that the operator looks for."""
    return HEAD + indent(rules, "  ")


if __name__ == "__main__":
    (HERE / "prometheusrule.yaml").write_text(wrapped(RULES.read_text(encoding="utf-8")), encoding="utf-8")
