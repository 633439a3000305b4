"""The last row of our own health: the store, and what the process needs."""

from __future__ import annotations

from grafana.panels import Column, Panel, Query, Row
from grafana.wording import COUNT, RATE, J

PROCESS = Row(
    "Store and process",
    (
        Panel(
            "Commits and failures",
            "A minute, at each replica. While commits fail, connwatch goes on from memory.",
            "opm",
            (
                Query(
                    f"60 * sum by (instance) (rate(connwatch_store_commit_duration_seconds_count{{{J}}}{RATE}))",
                    "{{instance}}, committed",
                ),
                Query(
                    f"60 * sum by (instance) (rate(connwatch_store_errors_total{{{J}}}{RATE}))",
                    "{{instance}}, failed",
                ),
            ),
            minimum=0.0,
        ),
        Panel(
            "Time of commits, 95 %",
            "19 of 20 batches are saved within this.",
            "s",
            (
                Query(
                    "histogram_quantile(0.95, sum by (instance, le) "
                    f"(rate(connwatch_store_commit_duration_seconds_bucket{{{J}}}{RATE})))",
                    "{{instance}}",
                ),
            ),
            minimum=0.0,
        ),
        Panel(
            "Memory",
            "What the process holds of the machine's memory.",
            "bytes",
            (Query(f"process_resident_memory_bytes{{{J}}}", "{{instance}}"),),
            width=8,
            minimum=0.0,
        ),
        Panel(
            "CPU",
            "Cores in use. connwatch can use one.",
            "short",
            (Query(f"rate(process_cpu_seconds_total{{{J}}}{RATE})", "{{instance}}"),),
            width=8,
            minimum=0.0,
        ),
        Panel(
            "Series exported",
            "What a scrape brings; grows with companies and institutions, and with connections if each has its own.",
            COUNT,
            (Query(f"scrape_samples_scraped{{{J}}}", "{{instance}}"),),
            width=8,
            minimum=0.0,
        ),
        Panel(
            "Replicas",
            "What runs where: another configuration at one of them is a reload that did not arrive.",
            "dateTimeFromNow",
            (
                Query(
                    f"1000 * process_start_time_seconds{{{J}}} "
                    f"* on (job, instance) group_left (version, python) connwatch_build_info{{{J}}} "
                    f"* on (job, instance) group_left (hash) connwatch_config_info{{{J}}}"
                ),
            ),
            "table",
            24,
            5,
            columns=(
                Column("job", "Job"),
                Column("instance", "Instance"),
                Column("version", "Version"),
                Column("python", "Python"),
                Column("hash", "Configuration"),
                Column("Value", "Started"),
            ),
        ),
    ),
)
