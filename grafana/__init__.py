"""The dashboards: what they ask, as typed values, and Grafana's JSON, which `python -m grafana.dashboards` writes beside them.

Nothing here runs in production, and nothing knows connwatch but by the names of its metrics.
"""
