"""Alarms, dashboard and docs/operations.md name metrics that a running Hubbub has."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

import sql
from server.__main__ import EX_CONFIG, parser
from server.live.caretaker import PING_EVERY_S
from server.web.body import BATCH
from tests.servers import Hubbub, StartHubbub

PROJECT = Path(__file__).parents[2]
DEPLOY = PROJECT / "deploy"
#: Prometheus's own.
FOREIGN = {"up"}
FUNCTIONS = {
    *("sum", "min", "max", "count", "rate", "increase", "deriv", "histogram_quantile", "vector"),
    *("by", "on", "and", "or"),
}
_STRING = re.compile(r'"[^"]*"')
_TOKEN = re.compile(
    r'\s+|[A-Za-z_][A-Za-z0-9_]*|\d+(?:\.\d+)?(?:e\d+)?[smhd]?|\$\w+|"[^"]*"|=~|!=|==|>=|[(){}\[\],=<>*/]'
)
#: As a page names one, a histogram without the parts that it is stored in.
_METRIC = re.compile(r"`((?:hubbub|process)_[a-z0-9_]+)`")
_LABELLED = re.compile(r"(hubbub_\w+)\{([^}]*)\}")


def alarms() -> list[dict[str, Any]]:
    """The rules; the file is JSON, which every reader of YAML reads too."""
    groups = json.loads((DEPLOY / "alarms.yml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((DEPLOY / "grafana-dashboard.json").read_text("utf-8"))
    return document


def panels() -> Iterator[dict[str, Any]]:
    return (panel for panel in dashboard()["panels"] if panel["type"] != "row")


def expressions() -> list[str]:
    shown = [target["expr"] for panel in panels() for target in panel["targets"]]
    return [*shown, *(rule["expr"] for rule in alarms())]


def names_in(expression: str) -> set[str]:
    """What an expression takes for a metric: neither a function nor a label."""
    bare = re.sub(r"\{[^}]*\}|\b(?:by|on) \([^)]*\)|\[[^\]]*\]", "", _STRING.sub("", expression))
    return {word for word in re.findall(r"[A-Za-z_]\w*", bare) if word not in FUNCTIONS and word != "e6"}


@pytest.fixture(scope="module")
def exported() -> dict[str, set[str]]:
    """Every metric of a real /metrics by name as Prometheus stores it, with its labels. Filled below."""
    return {}


@pytest.fixture
def metrics(exported: dict[str, set[str]], start_hubbub: StartHubbub) -> dict[str, set[str]]:
    if not exported:
        # With an application, since some count only what it is told; nobody is linked, so nothing is called.
        program: Hubbub = start_hubbub(HUBBUB_PROBE="1", TWITCH_CLIENT_ID="an-application")
        httpx2.get(f"{program.base_url}/readyz")
        text = httpx2.get(f"{program.base_url}/metrics").text
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
        for family in text_string_to_metric_families(text):
            for suffix in suffixes.get(family.type, ("",)):
                exported[family.name + suffix] = {name for one in family.samples for name in one.labels}
    return exported


@pytest.mark.parametrize("expression", expressions())
def test_an_expression_reads(expression: str) -> None:
    """Nothing in it that PromQL does not know, every bracket closed in its turn."""
    rest, stack = expression, []
    while rest:
        found = _TOKEN.match(rest)
        assert found, f"what is {rest!r}"
        rest = rest[found.end() :]
        token = found[0]
        if token in "([{":
            stack.append({"(": ")", "[": "]", "{": "}"}[token])
        elif token in ")]}":
            assert stack, f"{token} too many"
            assert stack.pop() == token
    assert stack == []


def test_every_name_is_a_metric_of_the_running_program(metrics: dict[str, set[str]]) -> None:
    used = {name for expression in expressions() for name in names_in(expression)}
    assert used - metrics.keys() - FOREIGN == set()
    page = (PROJECT / "docs" / "operations.md").read_text("utf-8")
    families = {name.removesuffix("_bucket") for name in metrics}
    assert len(_METRIC.findall(page)) > 20
    assert set(_METRIC.findall(page)) - families == set()


def test_every_metric_of_ours_is_on_the_dashboard_or_in_an_alarm(metrics: dict[str, set[str]]) -> None:
    """A figure that nobody looks at would be one that nobody misses."""
    used = {name.removesuffix(end) for e in expressions() for name in names_in(e) for end in ("_bucket", "")}
    ours = {name for name in metrics if name.startswith("hubbub_")}
    parts = ("_sum", "_count", "_bucket")
    unseen = {name for name in ours if not name.endswith(parts) and name not in used}
    unseen |= {name for name in ours if name.endswith("_bucket") and name.removesuffix("_bucket") not in used}
    assert unseen == set()


def test_labels_are_those_of_the_metric(metrics: dict[str, set[str]]) -> None:
    for expression in expressions():
        for name, labels in _LABELLED.findall(expression):
            asked = set(re.findall(r"(\w+)(?:=~|!=|=)", _STRING.sub('""', labels))) - {"instance", "job"}
            if metrics[name]:  # without a sample nothing is known: no channel has been added yet
                assert asked <= metrics[name], expression


def test_alarms_say_what_happens_and_what_to_do() -> None:
    rules = alarms()
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in ("page", "warn"), rule["alert"]
        assert rule["annotations"]["summary"], rule["alert"]
        assert rule["annotations"]["description"].endswith((".", "!")), rule["alert"]
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s")), rule["alert"]


def units() -> list[Path]:
    return sorted((DEPLOY / "systemd").glob("*.service"))


def test_units_start_what_there_is() -> None:
    """Commands and variables are the program's; what a unit gives is what its role needs."""
    found = {}
    for unit in units():
        text = unit.read_text("utf-8")
        (command,) = re.findall(r"^ExecStart=\S+/python -m server (.+)$", text, re.MULTILINE)
        parser().parse_args(command.split())
        found[command] = set(re.findall(r"^Environment=(HUBBUB_[A-Z_]+)=", text, re.MULTILINE))
        assert int(re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)[0]) > 10, "it may take 10 s"
        assert f"RestartPreventExitStatus={EX_CONFIG}" in text
    assert found == {
        "web": {"HUBBUB_PORT", "HUBBUB_DATA_DIR"},
        "connectors": {"HUBBUB_METRICS_PORT", "HUBBUB_DATA_DIR"},
        "worker": {"HUBBUB_METRICS_PORT", "HUBBUB_DATA_DIR"},
    }


def test_the_pooler_keeps_as_many_prepared_queries_as_there_are() -> None:
    pooler = configparser.ConfigParser(inline_comment_prefixes=None, comment_prefixes=(";",))
    pooler.read(DEPLOY / "pgbouncer.ini", "utf-8")
    assert pooler["pgbouncer"]["pool_mode"] == "transaction"
    assert int(pooler["pgbouncer"]["max_prepared_statements"]) > len(sql.all_queries())


def test_the_proxy_lets_pass_what_hubbub_takes() -> None:
    """Bodies as large as the API's limits, and WebSockets whose pings are further apart than they are."""
    text = (DEPLOY / "nginx.conf").read_text("utf-8")
    largest = int(re.findall(r"client_max_body_size (\d+)k;", text)[0]) * 1024
    assert largest >= BATCH
    (live,) = re.findall(r"location = /live \{(.*?)\n        \}", text, re.DOTALL)
    assert int(re.findall(r"proxy_read_timeout (\d+)s;", live)[0]) >= 3 * PING_EVERY_S
    assert "proxy_set_header X-Forwarded-For   $remote_addr;" in text  # never what a browser claims
    assert text.count("{") == text.count("}")


@pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx on this machine")
def test_nginx_takes_its_configuration(short_dir: Path) -> None:
    """By nginx itself, with a certificate made here, and paths and sockets that may be made."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"),
            *("-keyout", str(short_dir / "privkey.pem"), "-out", str(short_dir / "fullchain.pem")),
        ],
        check=True,
        capture_output=True,
    )
    temporary = "".join(
        f"{name}_temp_path {short_dir}/{name}; "
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = (DEPLOY / "nginx.conf").read_text("utf-8")
    for ours, there in (
        ("user www-data;", f"pid {short_dir}/pid; error_log {short_dir}/error.log;"),
        ("http {", f"http {{ {temporary}"),
        ("/etc/letsencrypt/live/show.example.org", str(short_dir)),
        ("/var/log/nginx", str(short_dir)),
        ("include /etc/nginx/mime.types;", ""),
        ("listen [::]:80;", ""),
        ("listen [::]:443 ssl http2 backlog=4096;", ""),
        ("listen 80;", f"listen unix:{short_dir}/plain;"),
        ("listen 443 ", f"listen unix:{short_dir}/secure "),
    ):
        assert ours in text
        text = text.replace(ours, there)
    (short_dir / "nginx.conf").write_text(text)
    said = subprocess.run(
        ["nginx", "-t", "-p", str(short_dir), "-c", str(short_dir / "nginx.conf")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    ids = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + dx, at["y"] + dy) for dx in range(at["w"]) for dy in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
        ids.add(panel["id"])
    assert len(ids) == len(dashboard()["panels"])
