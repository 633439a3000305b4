"""The dashboards in Grafana's own form, for Grafana 10 and newer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from string import ascii_uppercase
from typing import Any, TypeAlias

from grafana.panels import WIDTH, Column, Dashboard, Panel, Query, Variable

Json: TypeAlias = dict[str, Any]

SCHEMA = 39
"""The version of the form: Grafana 10.4's. Newer ones migrate it when they load it."""
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


def rendered(dashboard: Dashboard, neighbours: Sequence[Dashboard]) -> Json:
    """A dashboard, with links to its neighbours."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": ["connwatch"],
        "editable": False,
        "graphTooltip": 1,
        "refresh": "1m",
        "schemaVersion": SCHEMA,
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_datasource(), *map(_variable, dashboard.variables)]},
        "links": [_link(one) for one in neighbours if one.uid != dashboard.uid],
        "panels": list(_panels(dashboard)),
    }


def _panels(dashboard: Dashboard) -> Iterator[Json]:
    """Rows and panels from left to right, numbered, each below what is above it."""
    number, top = 0, 0
    for row in dashboard.rows:
        number += 1
        yield _row(number, row.title, top)
        top += 1
        left = height = 0
        for panel in row.panels:
            if left + panel.width > WIDTH:
                top, left, height = top + height, 0, 0
            number += 1
            yield _panel(number, panel, {"h": panel.height, "w": panel.width, "x": left, "y": top})
            left, height = left + panel.width, max(height, panel.height)
        top += height


def _row(number: int, title: str, top: int) -> Json:
    return {
        "id": number,
        "type": "row",
        "title": title,
        "collapsed": False,
        "gridPos": {"h": 1, "w": WIDTH, "x": 0, "y": top},
        "panels": [],
    }


def _panel(number: int, panel: Panel, place: Json) -> Json:
    made = {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": place,
        "targets": [_target(panel, *each) for each in zip(ascii_uppercase, panel.queries, strict=False)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": list(_overrides(panel))},
        "options": _options(panel),
    }
    return made | ({"transformations": _transformations(panel)} if panel.kind == "table" else {})


def _target(panel: Panel, ref: str, query: Query) -> Json:
    over_time = panel.kind == "timeseries"
    return {
        "refId": ref,
        "datasource": DATASOURCE,
        "expr": query.expr,
        "legendFormat": query.legend or "__auto",
        "instant": not over_time,
        "range": over_time,
        "format": "table" if panel.kind == "table" else "time_series",
    }


def _defaults(panel: Panel) -> Json:
    bounds = {"min": panel.minimum, "max": panel.maximum, "decimals": panel.decimals}
    defaults: Json = {
        "unit": "none" if panel.kind == "table" else panel.unit,
        "color": {"mode": "palette-classic" if panel.kind == "timeseries" else "thresholds"},
        "thresholds": {
            "mode": "absolute",
            "steps": [{"value": value, "color": colour} for value, colour in panel.steps],
        },
        **{name: value for name, value in bounds.items() if value is not None},
    }
    if panel.words:
        words = {
            f"{value:g}": {"index": index, "text": text} for index, (value, text) in enumerate(panel.words.items())
        }
        defaults["mappings"] = [{"type": "value", "options": words}]
    if panel.kind == "timeseries":
        defaults["custom"] = {
            "lineWidth": 1,
            "fillOpacity": 40 if panel.stacked else 5,
            "showPoints": "never",
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
        }
    return defaults


def _overrides(panel: Panel) -> Iterator[Json]:
    for name, colour in panel.colours.items():
        yield _override("byName", name, {"color": {"mode": "fixed", "fixedColor": colour}})
    for ref, query in zip(ascii_uppercase, panel.queries, strict=False):
        if query.limit:
            yield _override("byFrameRefID", ref, _LIMIT)
    for column in panel.columns:
        if told := dict(_column(column, panel.unit)):
            yield _override("byName", column.heading, told)


def _column(column: Column, unit: str) -> Iterator[tuple[str, Any]]:
    """A unit is for values alone: Grafana would read a word as a number, or as a date."""
    if column.is_value:
        yield "unit", column.unit or unit
    if column.width is not None:
        yield "custom.width", column.width
    if column.link:
        yield "links", [{"title": f"Look closer: {column.heading}", "url": column.link}]


def _override(matcher: str, option: str, properties: Mapping[str, Any]) -> Json:
    return {
        "matcher": {"id": matcher, "options": option},
        "properties": [{"id": name, "value": value} for name, value in properties.items()],
    }


_LIMIT: Mapping[str, Any] = {
    "custom.lineStyle": {"fill": "dash", "dash": [8, 8]},
    "custom.fillOpacity": 0,
    "custom.stacking": {"mode": "none", "group": "A"},
}
_REDUCED = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_WIDE: Json = {"displayMode": "table", "placement": "right", "calcs": ["lastNotNull", "max"], "showLegend": True}
_NARROW: Json = {"displayMode": "list", "placement": "bottom", "calcs": ["lastNotNull"], "showLegend": True}


def _options(panel: Panel) -> Json:
    match panel.kind:
        case "stat":
            return {"reduceOptions": _REDUCED, "colorMode": "value", "graphMode": "none", "textMode": "auto"}
        case "bargauge":
            return {"reduceOptions": _REDUCED, "displayMode": "basic", "orientation": "horizontal"}
        case "timeseries":
            legend = _WIDE if 2 * panel.width >= WIDTH else _NARROW
            return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
        case "table":
            heading = next(one.heading for one in panel.columns if one.is_value)
            return {"showHeader": True, "cellHeight": "sm", "sortBy": [{"displayName": heading, "desc": True}]}


def _transformations(panel: Panel) -> list[Json]:
    """One row for what the queries have in common; only the columns that are wanted, in order, under their headings."""
    return [
        {"id": "merge", "options": {}},
        {"id": "filterFieldsByName", "options": {"include": {"names": [one.field for one in panel.columns]}}},
        {
            "id": "organize",
            "options": {
                "excludeByName": {},
                "indexByName": {one.field: index for index, one in enumerate(panel.columns)},
                "renameByName": {one.field: one.heading for one in panel.columns},
            },
        },
    ]


def _datasource() -> Json:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _variable(variable: Variable) -> Json:
    made = {
        "name": variable.name,
        "label": variable.label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": variable.query, "refId": variable.name},
        "regex": variable.regex,
        "refresh": 2,
        "sort": 5,
        "includeAll": variable.all,
        "multi": True,
    }
    if variable.all:
        made["current"] = {"selected": True, "text": ["All"], "value": ["$__all"]}
    if variable.all and variable.every:
        made["allValue"] = variable.every
    return made


def _link(dashboard: Dashboard) -> Json:
    return {
        "title": dashboard.title,
        "type": "link",
        "url": f"/d/{dashboard.uid}",
        "keepTime": True,
        "includeVars": True,
        "icon": "dashboard",
        "tags": [],
        "targetBlank": False,
        "asDropdown": False,
        "tooltip": dashboard.description,
    }
