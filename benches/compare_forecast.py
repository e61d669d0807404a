#!/usr/bin/env python3
"""Our forecasts beside statsforecast, Prophet and LightGBM on pickup: same days, same origins, one thread each, one run.

usage: compare_forecast.py INNKEEPER SERIES PEER_PYTHON DAILY BOOKINGS

INNKEEPER is the program, SERIES the example of crates/forecast that forecasts plain series, PEER_PYTHON an interpreter with
benches/peer/requirements-forecast.txt installed, DAILY a CSV with the columns hotel, date, occupied_rooms, room_revenue and
checkouts (`.gz` accepted), BOOKINGS a CSV with the columns of the public hotel booking demand set. `-` for INNKEEPER or for
BOOKINGS leaves out what knows the bookings. The table has errors (per hotel, then their mean) and forecasts a second; the last
part forecasts a batch of BENCH_HOTELS hotels on one thread and on as many as there are cores.

Environment: BENCH_ORIGINS (nine from 2016-10-31, every 19 days), BENCH_HORIZON (28), BENCH_HOTELS (500), BENCH_PEERS (all).
"""

import gzip
import json
import os
import statistics
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

from report import CORES, ROOT, json_of, machine, say, sha256, table

NINE = ",".join(str(date(2016, 10, 31) + timedelta(days=19 * i)) for i in range(9))
ORIGINS = os.environ.get("BENCH_ORIGINS", NINE)
HORIZON = int(os.environ.get("BENCH_HORIZON", "28"))
HOTELS = int(os.environ.get("BENCH_HOTELS", "500"))
PEERS = os.environ.get("BENCH_PEERS", "seasonal_naive,auto_ets,mstl,prophet,lightgbm_pickup")
PEER = ROOT / "benches/peer/forecast_peers.py"
TARGETS = {"occupancy": "occupied_rooms", "revenue": "room_revenue", "checkouts": "checkouts"}
FIGURES = ("mae_7", "mae_28", "mase_28", "coverage_80", "coverage_95", "interval_score_80")


def unpacked(file, folder):
    """The table as plain CSV."""
    if not file.endswith(".gz"):
        return Path(file)
    plain = Path(folder) / "daily.csv"
    plain.write_bytes(gzip.decompress(Path(file).read_bytes()))
    return plain


def history(file, key, column):
    """Values before each origin by hotel, to scale by."""
    lines = Path(file).read_text(encoding="utf-8").splitlines()
    head = lines[0].split(",")
    places = [head.index(name) for name in (key, "date", column)]
    rows = sorted(tuple(line.split(",")[place] for place in places) for line in lines[1:])
    return {hotel: [(day, float(value)) for h, day, value in rows if h == hotel] for hotel, _, _ in rows}


def scores(forecasts, days):
    """What the peers print, of our series; `forecasts` of one target."""
    hotels = {}
    for one in forecasts:
        if None in one["actual"]:
            continue
        error = [abs(a - v) for a, v in zip(one["actual"], one["values"], strict=True)]
        before = [value for day, value in days[one["key"]] if day < one["origin"]]
        scale = statistics.fmean(abs(b - a) for a, b in zip(before, before[7:]))
        row = {"mae_7": statistics.fmean(error[:7]), "mae_28": statistics.fmean(error[:28])}
        row["mase_28"] = row["mae_28"] / scale
        for level in (80, 95):
            inside, score = [], []
            for actual, (lower, upper) in list(zip(one["actual"], one[f"bounds_{level}"], strict=True))[:28]:
                inside.append(lower <= actual <= upper)
                outside = max(lower - actual, actual - upper, 0)
                score.append(upper - lower + 2 / (1 - level / 100) * outside)
            row[f"coverage_{level}"] = statistics.fmean(inside)
            row[f"interval_score_{level}"] = statistics.fmean(score)
        hotels.setdefault(one["key"], []).append(row)
    means = [{key: statistics.fmean(row[key] for row in rows) for key in rows[0]} for rows in hotels.values()]
    return {key: statistics.fmean(hotel[key] for hotel in means) for key in means[0]}


def our_series(series, daily):
    answers = {}
    for target, column in TARGETS.items():
        said = json_of(series, daily, "hotel", "date", column, ORIGINS, HORIZON, 1, 3)
        figures = scores(said["forecasts"], history(daily, "hotel", column))
        answers[target] = {**figures, "seconds": said["seconds"], "series": said["series"]}
    return answers


def many_hotels(daily, folder):
    """The first hotel again and again, each day of each moved a little, so that no two are the same work."""
    lines = Path(daily).read_text(encoding="utf-8").splitlines()
    head = lines[0].split(",")
    key, day, value = (head.index(name) for name in ("hotel", "date", "occupied_rooms"))
    first = lines[1].split(",")[key]
    rows = [line.split(",") for line in lines[1:] if line.split(",")[key] == first]
    many = ["hotel,date,occupied_rooms"]
    for hotel in range(HOTELS):
        many += [
            f"{hotel},{row[day]},{float(row[value]) + (hotel * 7 + at * at) % 11}" for at, row in enumerate(rows)
        ]
    file = Path(folder) / "many.csv"
    file.write_text("\n".join(many) + "\n", encoding="utf-8")
    return file


def main():
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    innkeeper, series, python, daily, bookings = sys.argv[1:]
    machine()
    for file in (daily, bookings):
        if file != "-":
            say(f"data      {Path(file).name}, sha256 {sha256(file)}")
    say(f"origins   {ORIGINS}, horizon {HORIZON}")
    peers = json_of(python, PEER, daily, bookings, ORIGINS, HORIZON, PEERS)
    say("peers     " + ", ".join(f"{name} {number}" for name, number in peers["versions"].items()) + ", 1 thread")
    with tempfile.TemporaryDirectory() as folder:
        plain = unpacked(daily, folder)
        runs = {"ours, series alone": our_series(series, plain)}
        if "-" not in (innkeeper, bookings):
            said = json_of(
                innkeeper, "evaluate", "forecast", "--data", bookings, "--origins", ORIGINS, "--horizon", HORIZON, "--json"
            )
            origins = 2 * len(ORIGINS.split(","))
            runs["ours, with bookings"] = {
                target: {"series": origins, **figures} for target, figures in said["targets"].items()
            }
        runs.update({f"peer, {name}": answer for name, answer in peers["peers"].items()})
        for target in TARGETS:
            say(f"\n{target}, {'money' if target == 'revenue' else 'rooms'}\n")
            rows = []
            for name, answer in runs.items():
                figures = answer.get(target) or {}
                cells = [f"{figures[key]:.2f}" if figures.get(key) is not None else "-" for key in FIGURES]
                timed = figures.get("seconds")
                rows.append([name, *cells, f"{figures['series'] / timed:.1f}" if timed else "-"])
            table(["who", *FIGURES, "forecasts/s"], rows)
        say(f"\nbatch of {HOTELS} hotels, {HORIZON} days each\n")
        many = many_hotels(plain, folder)
        last = ORIGINS.split(",")[-1]
        rows = []
        for threads in sorted({1, CORES}):
            said = json_of(series, many, "hotel", "date", "occupied_rooms", last, HORIZON, threads)
            rows.append([threads, f"{said['seconds']:.2f}", f"{said['series'] / said['seconds']:.1f}"])
        table(["threads", "seconds", "forecasts/s"], rows)
    ours = runs["ours, series alone"]["occupancy"]
    for name, answer in peers["peers"].items():
        theirs = answer["occupancy"]
        times = (ours["series"] / ours["seconds"]) / (theirs["series"] / theirs["seconds"])
        say(f"{times:.1f} times the forecasts a second of {name}, one thread each")


if __name__ == "__main__":
    main()
