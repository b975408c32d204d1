"""Programs that read the scores of ntppool.org, written anew after what three public ones ask for and how they read it.

Each takes the site's URL and an address, and asks as it would ask ntppool.org, query string included.
"""

import csv
import json
import urllib.request
from collections import defaultdict


def _get(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read().decode()


def check_score(url, address, monitor=None, warning=12, critical=10):
    """A Nagios plugin (paulchen/icinga-plugins, check_score.pl, in both of its versions): status, line with performance data.

    Without a monitor it takes the newest entry of the history for the score, else that of the monitor of this name."""
    if monitor is None:
        score = json.loads(_get(f"{url}/scores/{address}/json?limit=1"))["history"][0]["score"]
    else:
        monitors = json.loads(_get(f"{url}/scores/{address}/json?limit=200&monitor=*"))["monitors"]
        score = next(each["score"] for each in monitors if each["name"] == monitor)
    status = 2 if score < critical else 1 if score < warning else 0
    return status, f"{('OK', 'WARNING', 'CRITICAL')[status]} - current score: {score} | score={score};{warning}:;{critical}:"


def exporter(url, address):
    """A Prometheus exporter (metril/ntp-server): the score, and score, offset and round trip by monitor in seconds.

    The newest entry of all is the pool's score, whatever its monitor; the newest of each monitor is that monitor's."""
    history = json.loads(_get(f"{url}/scores/{address}/json?limit=1"))["history"]
    samples = {("ntppool_score", ""): max(history, key=lambda entry: entry["ts"])["score"]}
    whole = json.loads(_get(f"{url}/scores/{address}/json?limit=10&monitor=*"))
    names = {each["id"]: each["name"] for each in whole["monitors"]}
    newest = {}
    for entry in whole["history"]:
        if entry["monitor_id"] not in newest or entry["ts"] > newest[entry["monitor_id"]]["ts"]:
            newest[entry["monitor_id"]] = entry
    for number, entry in newest.items():
        name = names[number]
        samples["ntppool_monitor_score", name] = entry["score"]
        if entry.get("offset") is not None:
            samples["ntppool_monitor_offset_seconds", name] = entry["offset"]
        if entry.get("rtt") is not None:
            samples["ntppool_monitor_rtt_seconds", name] = entry["rtt"] / 1000
    return samples


def log_series(url, address):
    """A reader of the score log (as of ntpstats, and of telegraf's inputs.http with data_format csv): series by monitor.

    It knows the log by its first column, splits lines at commas without regard for quotes, and skips entries without an offset."""
    lines = _get(f"{url}/scores/{address}/log?limit=200&monitor=*").split("\n")
    assert lines[0].startswith("ts_epoch,"), lines[0]
    place = {name: number for number, name in enumerate(lines[0].rstrip("\r").split(","))}
    series = defaultdict(list)
    for line in lines[1:]:
        cells = line.rstrip("\r").split(",")
        if len(cells) < len(place) or not cells[place["offset"]]:
            continue
        at, offset, score, step = (float(cells[place[name]]) for name in ("ts_epoch", "offset", "score", "step"))
        rtt = cells[place["rtt"]] if "rtt" in place else ""
        series[cells[place["monitor_name"]]].append((at, offset, score, step, float(rtt) / 1000 if rtt else None))
    return dict(series)


def log_rows(url, address):
    """All rows of the log, by a reader that knows CSV."""
    return list(csv.DictReader(_get(f"{url}/scores/{address}/log").splitlines(), strict=True))
