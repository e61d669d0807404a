"""What will be: bookings in, thirty nights out, and how good such forecasts were. Part of demo/run.py.

Bookings come from the public file of two Portuguese hotels where INNKEEPER_MIRROR names a folder that has it, or
`innkeeper datasets pull hotel-bookings-dev` can fetch it; without it a hotel is simulated, and the report says so. Hotel
`default` is simulated in any case when it is empty.
"""

import json
import os
import pathlib
import subprocess
import urllib.error
import urllib.request

FILE = "hotel_bookings_to_2017-04-30.csv.gz"
SET = "hotel-bookings-dev"
# The hotel of the public file that is shown.
HOTEL = "city-hotel"
NIGHTS = 30
BACKTEST = {"target": "occupancy", "count": 4, "horizon": 28}
PATIENCE = 600


class ForecastError(Exception):
    """Something without which the demonstration of forecasts cannot go on."""


# --- bookings -----------------------------------------------------------------------------------------------


def public_file(binary):
    """The public bookings, when they can be had."""
    mirror = os.environ.get("INNKEEPER_MIRROR")
    found = sorted(pathlib.Path(mirror).rglob(FILE)) if mirror else []
    if found:
        return found[0]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "check": False}
    if subprocess.run([binary, "datasets", "pull", SET], **quiet).returncode != 0:
        return None
    folder = subprocess.run([binary, "datasets", "path", SET], **quiet).stdout.decode().strip()
    found = sorted(path for path in pathlib.Path(folder).glob("*") if ".csv" in path.name) if folder else []
    return found[0] if found else None


def fill(binary, innkeeper, clients, data):
    """Brings bookings into the tables; returns the hotel to show and a word on where its bookings come from."""
    known = ask(clients("default"), "GET", "/api/v1/ml/forecast/data")
    if known["bookings"] == 0:
        innkeeper("simulate", "--seed", "7", "--rooms", "80", "--days", "730", "--data-dir", str(data))
        known = ask(clients("default"), "GET", "/api/v1/ml/forecast/data")
        print(f"  hotel default was empty: simulated {known['bookings']} bookings of {known['rooms']} rooms", flush=True)
    path = public_file(binary)
    if path is None:
        return "default", "a SIMULATED hotel: set INNKEEPER_MIRROR for the public bookings"
    innkeeper("import", "bookings", str(path), "--data-dir", str(data))
    known = ask(clients(HOTEL), "GET", "/api/v1/ml/forecast/data")
    return HOTEL, f"{known['bookings']} public bookings, known until {known['known_until']}"


# --- a client -----------------------------------------------------------------------------------------------


def send(client, method, path, body=None):
    """Status, kind and bytes of one call; a back-test takes longer than most."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(client.url + path, data=data, method=method)
    request.add_header("Authorization", f"Bearer {client.token}")
    if data is not None:
        request.add_header("Content-Type", "application/json")
    try:
        with client.open(request, timeout=PATIENCE) as answer:
            return answer.status, answer.headers.get_content_type(), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get_content_type(), error.read()


def ask(client, method, path, body=None):
    status, _, content = send(client, method, path, body)
    if status != 200:
        raise ForecastError(f"{path}: {status} {content[:300].decode('utf-8', 'replace')}")
    return json.loads(content)


def check(good, what):
    """One line, and 1 when it is not as it should be."""
    print(f"  {'ok   ' if good else 'WRONG'} {what}", flush=True)
    return not good


# --- the story ----------------------------------------------------------------------------------------------


def table(answer):
    """The nights, each with what moves it most."""
    print(f"  {'night':<12}{'full':>6}{'':3}{'interval':<16}{'booked':>7}  what moves it")
    for night in answer["forecasts"]:
        words = "; ".join(driver["words"] for driver in night["drivers"][:3])
        interval = f"{night['lower_bound']:.2f} to {night['upper_bound']:.2f}"
        booked = f"{night['on_the_books']:.0f}"
        print(f"  {night['date']:<12}{night['predicted_occupancy']:>6.2f}{'':3}{interval:<16}{booked:>7}  {words[:90]}")


def ordered(night, name):
    return 0 <= night["lower_bound"] <= night[name] <= night["upper_bound"]


def show(binary, innkeeper, clients, data):
    """The whole part; `clients` makes a client of a manager of a hotel. Returns how much was not as it should be."""
    hotel, where = fill(binary, innkeeper, clients, data)
    print(f"  bookings: {where}")
    manager = clients(hotel)
    answer = ask(manager, "POST", "/api/v1/ml/forecast/occupancy", {"forecast_days": NIGHTS, "room_type": "all"})
    members = ", ".join(
        member["name"] + f" {member['weight']:.2f}"
        for member in answer["method"]["members"]
    )
    print(f"  {hotel}, as of {answer['as_of']}, {answer['model']} ({answer['method']['name']}: {members}), {answer['time_ms']:.0f} ms")
    table(answer)
    for note in answer["notes"]:
        print(f"  note: {note}")
    nights = answer["forecasts"]
    good = len(nights) == NIGHTS and all(ordered(n, "predicted_occupancy") and n["upper_bound"] <= 1 for n in nights)
    wrong = check(good, f"{len(nights)} nights, each between its bounds")
    for path, name in (("revenue", "predicted_revenue"), ("housekeeping_demand", "predicted_minutes")):
        other = ask(manager, "POST", f"/api/v1/ml/forecast/{path}", {"forecast_days": 7})
        days = other["forecasts"]
        first = days[0]
        unit = f" {other['currency']}" if path == "revenue" and other["currency"] else ""
        staff = f", {first['predicted_staff']} people" if "predicted_staff" in first else ""
        told = f"{path} of {first['date']}: {first[name]:.0f}{unit}{staff}"
        wrong += check(all(ordered(day, name) for day in days), told)
    report = ask(manager, "POST", "/api/v1/ml/forecast/backtest", BACKTEST)
    for band in report["horizons"]:
        ahead = "-".join(str(n) for n in band["days_ahead"])
        print(f"  back-test, {ahead:>6} days ahead: off by {band['mae']:.1f} rooms, {band['coverage']:.0%} within the interval")
    overall = report["overall"]
    told = f"back-test of {len(report['origins'])} forecasts: off by {overall['mae']:.1f} rooms in the mean"
    wrong += check(overall["mae"] is not None and overall["mae"] >= 0, told)
    picture = data.parent / "forecast.svg"
    status, kind, content = send(manager, "POST", "/api/v1/ml/forecast/backtest?plot=svg", BACKTEST)
    picture.write_bytes(content)
    return wrong + check(status == 200 and kind == "image/svg+xml", f"the picture is in {picture}")
