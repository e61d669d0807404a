#!/usr/bin/env python3
"""The whole service under load, beside the bare pipeline: recognition of a camera's frames over HTTP.

usage: service.py INNKEEPER FRAME PLOT

Starts `innkeeper serve` with the extended pack on a fresh data directory and a free port of 127.0.0.1, enrols two
people, then posts one 640-px JPEG with one known face as raw bytes, with a camera's token, over kept connections.
The bare pipeline (the example `frame` of crates/face) runs in turns with it. At last frames of many sizes are
posted while the resident memory of the server is watched, and drawn into PLOT (SVG). Python's standard library only.

Environment: BENCH_ROUNDS (3), BENCH_FRAMES (300) per run of 16 clients, BENCH_MIXED (20000;
2000 for a quick look).
"""

import base64
import http.client
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from report import CORES, json_of, line_chart, machine, output_of, photograph, quantile, say, sha256, spread, table

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
FRAMES = int(os.environ.get("BENCH_FRAMES", "300"))
MIXED = int(os.environ.get("BENCH_MIXED", "20000"))
READINGS = 100
CLIENTS = 16
WARM_UP = 40
READY_SECONDS = 180
PEOPLE = {"EMP001": ["obama.jpg", "obama2.jpg"], "EMP002": ["biden.jpg"]}
PICTURE = ("obama.jpg", 640)
# Everything between a thumbnail and a full camera frame.
MIXED_SIDES = [160, 240, 320, 480, 640, 800, 1024, 1280, 1600, 1920]
MIXED_NAMES = ["obama.jpg", "obama2.jpg", "biden.jpg", "astronaut.png", "coffee.png"]
RECOGNIZE = "/api/v1/cv/face/recognize?camera_id=cam_bench"


class Server:
    """`innkeeper serve` on a data directory of its own."""

    def __init__(self, innkeeper, data):
        self.innkeeper, self.data, self.port = innkeeper, data, None
        settings = {
            "INNKEEPER__MODELS__PACK": "extended",
            # A camera may ask ten times a second; here it asks as fast as it gets answers.
            "INNKEEPER__RATE_LIMITS__ENABLED": "false",
            "INNKEEPER__LOG__JSON": "false",
        }
        self.log = data.parent / "server.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [innkeeper, "serve", "--listen", "127.0.0.1:0", "--data-dir", str(data)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **settings},
            )  # fmt: skip

    def wait_until_ready(self):
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            if self.port is None:
                self.port = self.announced_port()
            elif Client(self).call("GET", "/health/ready")[0] == 200:
                return
            time.sleep(0.1)
        sys.exit(f"the server did not become ready:\n{self.log.read_text(errors='replace')[-2000:]}")

    def announced_port(self):
        """The port in the line that says where it listens."""
        for line in self.log.read_text(errors="replace").splitlines():
            if "listening" in line and "127.0.0.1:" in line:
                digits = itertools.takewhile(str.isdigit, line.split("127.0.0.1:", 1)[1])
                return int("".join(digits))
        return None

    def token(self, role):
        command = [self.innkeeper, "token", "--subject", f"bench-{role}", "--role", role, "--data-dir", self.data]
        return output_of(*command).strip()

    def memory(self, key="VmRSS"):
        """Resident memory in MiB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) / 1024
        sys.exit(f"no {key} in /proc")

    def cpu_seconds(self):
        """Time its threads spent on a core."""
        after_name = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1]
        return sum(int(ticks) for ticks in after_name.split()[11:13]) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)


class Client:
    """One kept connection."""

    def __init__(self, server, token=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(self, method, path, body=None, kind="application/json"):
        headers = {**self.headers, "Content-Type": kind} if body is not None else self.headers
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()


def enrol(server, frame, folder):
    client = Client(server, server.token("admin"))
    for employee, names in PEOPLE.items():
        photos = [photograph(frame, name, 1024, folder).read_bytes() for name in names]
        body = {
            "employee_id": employee,
            "images": [base64.b64encode(photo).decode() for photo in photos],
            "consent": {"given_at": "2026-01-01T00:00:00Z", "policy_version": "bench"},
        }
        status, answer = client.call("POST", "/api/v1/cv/face/enroll", json.dumps(body).encode())
        if status != 201:
            sys.exit(f"{employee} was not enrolled: {status} {answer.decode()}")


def load(server, token, clients, pictures):
    """Posts the pictures by so many clients. Seconds, and (status, milliseconds, answer) of each request."""
    todo, lock, done = iter(pictures), threading.Lock(), []
    ready = threading.Barrier(clients + 1)

    def work():
        client, mine = Client(server, token), []
        client.connection.connect()
        ready.wait()
        while True:
            with lock:
                picture = next(todo, None)
            if picture is None:
                break
            started = time.monotonic()
            status, answer = client.call("POST", RECOGNIZE, picture, "image/jpeg")
            mine.append((status, (time.monotonic() - started) * 1e3, answer))
        with lock:
            done.extend(mine)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    ready.wait()
    started = time.monotonic()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - started
    if len(done) != len(pictures):
        sys.exit(f"{len(pictures) - len(done)} of {len(pictures)} requests got no answer")
    return seconds, done


def recognised(answers):
    """The decoded answers; every one must name the person on the picture."""
    decoded = []
    for status, _, body in answers:
        answer = json.loads(body)
        if status != 200 or answer["employee_id"] != "EMP001" or answer["is_alive"] is not True:
            sys.exit(f"a frame was not recognised: {status} {body.decode()[:500]}")
        decoded.append(answer)
    return decoded


class Series:
    """Figures of one kind of run over the rounds."""

    def __init__(self):
        self.speed, self.cost, self.quantiles = [], [], {0.5: [], 0.95: [], 0.99: []}

    def add(self, seconds, busy, milliseconds):
        self.speed.append(len(milliseconds) / seconds)
        self.cost.append(busy * 1e3 / len(milliseconds))
        for share, values in self.quantiles.items():
            values.append(quantile(milliseconds, share))


def speed(server, token, frame, picture):
    """Bare pipeline and service in turns."""
    bytes_of = picture.read_bytes()
    load(server, token, 2, [bytes_of] * WARM_UP)
    names = {
        "bare, 1 caller": lambda: bare(1, FRAMES // 3),
        "service, 1 client": lambda: served(1, FRAMES // 3),
        f"bare, {CORES} callers": lambda: bare(CORES, FRAMES),
        f"service, {CLIENTS} clients": lambda: served(CLIENTS, FRAMES),
    }

    def bare(callers, frames):
        run = json_of(frame, "run", picture, "extended", callers, frames)
        return run["seconds"], run["cpu_seconds"], run["milliseconds"], []

    def served(clients, frames):
        busy = server.cpu_seconds()
        seconds, answers = load(server, token, clients, [bytes_of] * frames)
        busy = server.cpu_seconds() - busy
        milliseconds = [ms for _, ms, _ in answers]
        return seconds, busy, milliseconds, list(zip(milliseconds, recognised(answers), strict=True))

    series = {name: Series() for name in names}
    alone = []
    client_cpu = []
    for turn in range(ROUNDS):
        for name, run in names.items():
            cpu = time.process_time()
            seconds, busy, milliseconds, answers = run()
            if answers:
                client_cpu.append((time.process_time() - cpu) / seconds / CORES)
            if name == "service, 1 client":
                alone.extend(answers)
            series[name].add(seconds, busy, milliseconds)
            say(f"round {turn + 1}: {name}: {series[name].speed[-1]:.1f} frames/s")
    bare_of = {"service, 1 client": "bare, 1 caller", f"service, {CLIENTS} clients": f"bare, {CORES} callers"}
    rows = []
    for name, figures in series.items():
        share = ""
        if name in bare_of:
            share = spread([a / b for a, b in zip(figures.speed, series[bare_of[name]].speed, strict=True)], 2)
        columns = [spread(v) for v in (figures.cost, *figures.quantiles.values())]
        rows.append([name, spread(figures.speed), share, *columns])
    say()
    head = ["least / median / largest of the rounds", "frames/s", "share of bare", "CPU ms/frame"]
    table([*head, "p50 ms", "p95 ms", "p99 ms"], rows)
    say(f"\nthe client program itself took {100 * max(client_cpu):.1f} % of the cores at most")
    where_the_time_goes(alone)


def where_the_time_goes(answers):
    """Medians of what the server says of its stages, and what is left for HTTP and JSON."""
    stages = {name: [a["timings_ms"].get(name) or 0.0 for _, a in answers] for name in answers[0][1]["timings_ms"]}
    inside = [a["recognition_time_ms"] for _, a in answers]
    outside = [ms - own for (ms, _), own in zip(answers, inside, strict=True)]
    say("\none client, medians in ms; the last is what the client waits for beyond recognition: HTTP and JSON")
    head = [*stages, "recognition", "beyond"]
    table(head, [[f"{statistics.median(v):.2f}" for v in [*stages.values(), inside, outside]]])
    say(f"\nHTTP and JSON: {100 * statistics.median(outside) / statistics.median(inside):.1f} % of recognition")


def memory(server, token, frame, folder, plot):
    """Resident memory while frames of many sizes come in; the readings as a table and as a plot."""
    pictures = [photograph(frame, n, s, folder).read_bytes() for n in MIXED_NAMES for s in MIXED_SIDES]
    random.Random(1).shuffle(pictures)
    # Each picture once, so that every shape has been seen before the first reading.
    load(server, token, 4, pictures)
    step = max(1, MIXED // READINGS)
    frames = itertools.cycle(pictures)
    readings = [(0, server.memory())]
    statuses = {}
    started = time.monotonic()
    while readings[-1][0] < MIXED:
        count = min(step, MIXED - readings[-1][0])
        _, answers = load(server, token, 4, list(itertools.islice(frames, count)))
        for status, _, _ in answers:
            statuses[status] = statuses.get(status, 0) + 1
        readings.append((readings[-1][0] + count, server.memory()))
    seconds = time.monotonic() - started
    say(
        f"\n{MIXED} frames of {len(pictures)} pictures, {MIXED_SIDES[0]} to {MIXED_SIDES[-1]} px, 4 clients, "
        f"{seconds:.0f} s; answers by status: {statuses}"
    )
    # A tenth of the readings, the last one among them.
    few = [reading for at, reading in enumerate(reversed(readings)) if at % max(1, len(readings) // 10) == 0]
    table(["requests", "resident MiB"], [[count, f"{mib:.1f}"] for count, mib in reversed(few)])
    half = [reading for reading in readings if reading[0] >= MIXED / 2]
    grown, requests = half[-1][1] - half[0][1], half[-1][0] - half[0][0]
    say(f"\nthe last {requests} requests added {grown:.1f} MiB; highest ever: {server.memory('VmHWM'):.1f} MiB")
    title = f"Resident memory, {MIXED:,} frames of {MIXED_SIDES[0]} to {MIXED_SIDES[-1]} px by 4 clients"
    line_chart(plot, title, "requests answered", "MiB", readings)
    say(f"plot: {plot}")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    innkeeper, frame, plot = sys.argv[1:]
    machine()
    with tempfile.TemporaryDirectory(prefix="innkeeper-bench-") as name:
        folder = Path(name)
        picture = photograph(frame, *PICTURE, folder)
        say(f"picture   {PICTURE[0]} at {PICTURE[1]} px, {picture.stat().st_size} bytes, sha256 {sha256(picture)}")
        say(f"server    {output_of(innkeeper, '--version').strip()}, extended pack, rate limits off")
        server = Server(innkeeper, folder / "data")
        try:
            server.wait_until_ready()
            say(f"ready     {server.memory():.1f} MiB resident\n")
            enrol(server, frame, folder)
            token = server.token("camera")
            speed(server, token, frame, picture)
            memory(server, token, frame, folder, plot)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
