#!/usr/bin/env python3
"""The main job on real photographs: enrol two people, post frames as a camera does, print who was seen.

Started by `make demo`, which has built bin/innkeeper and pulled the models and the pictures. Python's
standard library only, so that it is also an example of a client.

Environment:
  DEMO_EXIT=1      stop the server after the report and exit 0, or 1 when an answer was not the expected one
  DEMO_LISTEN      address and port (default 127.0.0.1:8000, or a free port when that one is taken)
  DEMO_DATA_DIR    data directory, kept afterwards (default: a fresh one below the folder for temporary files)
  INNKEEPER_BIN    the binary (default bin/innkeeper)
"""

import base64
import datetime
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
import zlib

import forecast
import pricing
import rooms

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = os.environ.get("INNKEEPER_BIN", str(ROOT / "bin" / "innkeeper"))
CAMERA = "cam_lobby_01"
READY_SECONDS = 180
OBAMA = ("Barack Obama", ["obama.jpg", "obama2.jpg"])
BIDEN = ("Joe Biden", ["biden.jpg"])
# Drawn with these values by `cargo run -p innkeeper-ocr --example render`.
DOCUMENTS = [
    ("receipt.jpg", "/api/v1/cv/ocr/invoice", {
        "vendor.name": "Harbor Linen Supply LLC", "invoice_number": "2025-57893", "date": "2026-06-04",
        "subtotal": 751.25, "tax": 61.98, "total_amount": 813.23, "currency": "USD",
    }),
    ("passport.jpg", "/api/v1/cv/ocr/id?document_type=passport", {
        "document_type": "passport", "name.surname": "ERIKSSON", "document_number": "L898902C3",
        "nationality": "UTO", "date_of_birth": "1984-08-12", "expiry_date": "2032-04-15", "mrz.valid": True,
    }),
]
UNKNOWN, NO_FACE = "unknown", "no face"
# The same bytes may be computed in another batch: equal scores differ by less than this.
SAME_SCORE = 0.001


class DemoError(Exception):
    """Something without which the demo cannot go on."""


# --- showing that something happens ---------------------------------------------------------------------


class Progress:
    """A line that moves on a terminal; elsewhere one line now and one when it is done."""

    WHEEL = "|/-\\"

    def __init__(self, label):
        self.label, self.live = label, sys.stdout.isatty()
        self.started, self.turns = time.monotonic(), 0
        if not self.live:
            print(f"{label} ...", flush=True)

    def tick(self):
        if self.live:
            self.turns += 1
            print(f"\r{self.WHEEL[self.turns % 4]} {self.label} {self.seconds():.0f} s", end="", flush=True)

    def done(self, what):
        start = "\r" if self.live else ""
        print(f"{start}{self.label}: {what} ({self.seconds():.1f} s)", flush=True)

    def seconds(self):
        return time.monotonic() - self.started


# --- a client ---------------------------------------------------------------------------------------------


class Client:
    """Calls the API with a token. Never through a proxy: the server is on this machine."""

    def __init__(self, url, token=None):
        self.url, self.token = url, token
        self.open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def call(self, method, path, body=None, kind="application/json"):
        """Status and decoded JSON of one call."""
        request = urllib.request.Request(self.url + path, data=body, method=method)
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        if body is not None:
            request.add_header("Content-Type", kind)
        try:
            with self.open(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            text = error.read()
            try:
                return error.code, json.loads(text)
            except ValueError:
                return error.code, {"code": "not_json", "detail": text[:200].decode("utf-8", "replace")}

    def recognize(self, picture, way):
        """Posts a frame in one of the three ways the endpoint reads."""
        path = "/api/v1/cv/face/recognize"
        if way == "json":
            body = {"image": base64.b64encode(picture).decode(), "camera_id": CAMERA}
            return self.call("POST", path, json.dumps(body).encode())
        if way == "multipart":
            boundary = uuid.uuid4().hex
            parts = (
                f'--{boundary}\r\nContent-Disposition: form-data; name="camera_id"\r\n\r\n{CAMERA}\r\n'
                f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="frame.jpg"\r\n'
                "Content-Type: image/jpeg\r\n\r\n"
            )
            body = parts.encode() + picture + f"\r\n--{boundary}--\r\n".encode()
            return self.call("POST", path, body, f"multipart/form-data; boundary={boundary}")
        query = urllib.parse.urlencode({"camera_id": CAMERA})
        kind = "image/png" if picture.startswith(b"\x89PNG") else "image/jpeg"
        return self.call("POST", f"{path}?{query}", picture, kind)


# --- the server ---------------------------------------------------------------------------------------------


def free_address():
    """DEMO_LISTEN, else port 8000, else whatever port is free."""
    if os.environ.get("DEMO_LISTEN"):
        return os.environ["DEMO_LISTEN"]
    for port in (8000, 0):
        with socket.socket() as probe:
            # As the server does: a port whose last connections are still fading is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return "127.0.0.1:%d" % probe.getsockname()[1]
    raise DemoError("no free port on 127.0.0.1; name one with DEMO_LISTEN=127.0.0.1:PORT")


class Server:
    """`innkeeper serve` on a data directory, with its log in a file beside it."""

    def __init__(self, data):
        self.data, self.address = data, free_address()
        self.url = f"http://{self.address}"
        self.log = data.parent / f"{data.name}-server.log"
        with open(self.log, "wb") as log:
            # A session of its own: Ctrl-C reaches this program, which stops the server in good order.
            self.process = subprocess.Popen(
                [BINARY, "serve", "--listen", self.address, "--data-dir", str(data)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def wait_until_ready(self):
        """Returns when the models are loaded and warm."""
        progress = Progress(f"starting the server on {self.url} and warming its models")
        client = Client(self.url)
        while progress.seconds() < READY_SECONDS:
            if self.process.poll() is not None:
                raise DemoError(f"the server ended with status {self.process.returncode}\n{self.last_words()}")
            try:
                if client.call("GET", "/health/ready")[0] == 200:
                    return progress.done("ready")
            except OSError:
                pass  # not listening yet
            progress.tick()
            time.sleep(0.1)
        raise DemoError(f"the server was not ready after {READY_SECONDS} s\n{self.last_words()}")

    def last_words(self):
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
        return "\n".join([f"last lines of {self.log}:", *lines])

    def token(self, subject, role, hotel=None):
        where = ["--hotel", hotel] if hotel else []
        arguments = ["--subject", subject, "--role", role, "--ttl", "8h", "--data-dir", str(self.data), *where]
        return innkeeper("token", *arguments).strip()

    def stop(self):
        """Asks with SIGTERM, then waits for running requests to finish."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise DemoError("the server did not stop within 40 s of SIGTERM") from None
        return self.process.returncode


def innkeeper(*arguments):
    """Standard output of a run of the binary."""
    try:
        run = subprocess.run([BINARY, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    except FileNotFoundError:
        raise DemoError(f"{BINARY} is missing: run make demo, or make build") from None
    if run.returncode != 0:
        raise DemoError(f"innkeeper {arguments[0]} ended with status {run.returncode}")
    return run.stdout.decode()


# --- frames ---------------------------------------------------------------------------------------------------


def huge_png():
    """A well-formed PNG of under 200 bytes that claims 60,000 x 60,000 pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


class Frame:
    """A picture as a camera posts it, and what must come back."""

    def __init__(self, label, picture, way, expected):
        self.label, self.picture, self.way, self.expected = label, picture, way, expected


def frames(pictures, people):
    """The frames of both rounds; `people` says who is enrolled under which id."""

    def read(name):
        return (pictures / name).read_bytes()

    ids = {name: employee for employee, (name, _) in people.items()}
    obama, biden = ids[OBAMA[0]], ids[BIDEN[0]]
    return [
        Frame("obama3.jpg", read("obama3.jpg"), "raw", obama),
        Frame("obama3.jpg", read("obama3.jpg"), "json", obama),
        Frame("obama3.jpg", read("obama3.jpg"), "multipart", obama),
        Frame("obama_partial_face.jpg", read("obama_partial_face.jpg"), "raw", obama),
        Frame("obama_partial_face2.jpg", read("obama_partial_face2.jpg"), "raw", obama),
        Frame("biden.jpg (as enrolled)", read("biden.jpg"), "json", biden),
        Frame("astronaut.png (a stranger)", read("astronaut.png"), "multipart", UNKNOWN),
        Frame("coffee.png", read("coffee.png"), "json", NO_FACE),
        Frame("a JPEG cut in half", read("obama3.jpg")[: len(read("obama3.jpg")) // 2], "raw", "broken_image"),
        Frame("a PNG cut in half", read("coffee.png")[:200_000], "multipart", "broken_image"),
        Frame("a text named .jpg", b"this is not a picture\n" * 40, "raw", "unsupported_image"),
        Frame("a PNG of 60,000 x 60,000", huge_png(), "json", "image_too_large"),
        Frame("a file of 34 MiB", b"\xff\xd8\xff".ljust(34 << 20, b"\0"), "raw", "payload_too_large"),
    ]


# --- answers --------------------------------------------------------------------------------------------------


def answer_of(status, body):
    """One word for what came back."""
    if status != 200:
        return body.get("code", f"status {status}")
    if body.get("employee_id"):
        return body["employee_id"]
    return NO_FACE if body.get("reason") == "no_face" else UNKNOWN


def liveness_of(status, body):
    """true, false, or unknown and why: never a guess."""
    if status != 200 or not body.get("faces"):
        return ""
    verdict = body.get("liveness") or {}
    alive, score = body.get("is_alive"), verdict.get("score")
    if alive is None:
        return f"unknown: {verdict.get('reason') or 'no reason given'}"
    return str(alive).lower() + ("" if score is None else f" ({score:.2f})")


def names_of(models):
    """One model, several, or none."""
    listed = [models] if isinstance(models, str) else models or []
    # Two networks of one item are one model to the reader.
    return ", ".join(dict.fromkeys(listed)) or "not installed"


def number(value, digits):
    return "" if value is None else f"{value:.{digits}f}"


class Report:
    """What came back for each frame, as a table; counts what was not expected."""

    HEADINGS = ("picture", "sent as", "expected", "answer", "", "score", "confidence", "ms", "alive")

    def __init__(self, people):
        self.people, self.rows, self.problems, self.wrong = people, [], [], 0
        self.scores, self.sightings, self.repeats, self.models = {}, 0, 0, None

    def take(self, frame, status, body):
        answer = answer_of(status, body)
        good = answer == frame.expected
        self.wrong += not good
        if status == 200:
            self.models = self.models or body.get("models")
            attendance = body.get("attendance") or {}
            self.sightings += bool(attendance.get("recorded") and attendance.get("is_new"))
            self.repeats += bool(attendance.get("recorded") and not attendance.get("is_new"))
            if body.get("score") is not None:
                self.scores.setdefault(frame.label, []).append(body["score"])
        else:
            self.problems.append(f"  {frame.label}: {body.get('detail', '').strip()}")
        self.rows.append((
            frame.label, frame.way, frame.expected, self.words(status, body, answer),
            "ok" if good else "WRONG", number(body.get("score"), 3), number(body.get("confidence"), 4),
            number(body.get("recognition_time_ms"), 0), liveness_of(status, body),
        ))  # fmt: skip

    def words(self, status, body, answer):
        if status != 200:
            return f"{status} {answer}"
        if answer in self.people:
            return f"{answer} {self.people[answer][0]}"
        if answer == UNKNOWN and body.get("reason"):
            return f"{answer}: {body['reason']}"
        return answer

    def show(self):
        columns = list(zip(self.HEADINGS, *self.rows))
        widths = [max(len(cell) for cell in column) for column in columns]
        print()
        for row in (self.HEADINGS, tuple("-" * width for width in widths), *self.rows):
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        if self.problems:
            print("\nwhat the errors said:")
            print("\n".join(self.problems))
        for label, seen in self.scores.items():
            if max(seen) - min(seen) > SAME_SCORE:
                self.wrong += 1
                print(f"WRONG: the score of {label} depends on how it is sent: {seen}")
        print(f"\nattendance: {self.sightings} sightings, {self.repeats} more frames of the same ones\n", flush=True)


# --- documents ------------------------------------------------------------------------------------------------


def read_documents(admin):
    """Reads the drawn receipt and passport; returns how many fields are not what was drawn."""
    wrong = 0
    for name, path, wanted in DOCUMENTS:
        status, body = admin.call("POST", path, (ROOT / "demo" / name).read_bytes(), "image/jpeg")
        if status != 200:
            print(f"{name}: {status} {body.get('code')}: {body.get('detail')}")
            wrong += 1
            continue
        print(f"{name}: read in {number(body.get('time_ms'), 0)} ms by {', '.join(body.get('models', []))}")
        for field, evidence in sorted(body.get("fields", {}).items()):
            # Of names the evidence stands under the part's own name.
            value = value_of(body, field) or value_of(body, f"name.{field}")
            print(f"  {field:<18} {str(value):<44} confidence {number(evidence.get('confidence'), 3)}")
        for field, value in wanted.items():
            if value_of(body, field) != value:
                wrong += 1
                print(f"  WRONG: {field} is {value_of(body, field)!r}, drawn was {value!r}")
        for check in body.get("checks", []):
            print(f"  check {check['name']}: {check['outcome']}{' (' + check['reason'] + ')' if check.get('reason') else ''}")
        for check in (body.get("mrz") or {}).get("checks", []):
            print("  check digit " + ", ".join(f"{name} {value}" for name, value in check.items()))
    print(flush=True)
    return wrong


def value_of(body, field):
    """A field by its dotted name."""
    for name in field.split("."):
        body = body.get(name) if isinstance(body, dict) else None
    return body


# --- the story ------------------------------------------------------------------------------------------------


def enrol(admin, employee, name, photos, pictures):
    """Enrols a person with the record of consent that enrolment asks for."""
    body = {
        "employee_id": employee,
        "images": [base64.b64encode((pictures / photo).read_bytes()).decode() for photo in photos],
        "metadata": {"name": name, "department": "reception"},
        "consent": {
            "given_at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "policy_version": "demo-1",
        },
    }
    status, answer = admin.call("POST", "/api/v1/cv/face/enroll", json.dumps(body).encode())
    if status != 201:
        raise DemoError(f"{employee} could not be enrolled: {status} {json.dumps(answer, indent=2)}")
    for photo, verdict in zip(photos, answer.get("photos", [])):
        if not verdict.get("accepted"):
            print(f"  {photo}: {verdict.get('code')}: {verdict.get('detail')}")
    print(f"  {employee} = {name}: {answer.get('templates')} templates from {', '.join(photos)}", flush=True)


def forget(admin, camera, employees, picture):
    """Deletes people, then looks whether one of them is still recognised."""
    for employee in employees:
        status, receipt = admin.call("DELETE", f"/api/v1/cv/face/{employee}")
        if status != 200:
            raise DemoError(f"{employee} could not be deleted: {status} {receipt}")
        print(f"  {employee} deleted: {json.dumps(receipt)}")
    status, body = camera.recognize(picture, "raw")
    answer = answer_of(status, body)
    print(f"  the same face afterwards: {answer} ({body.get('reason')})", flush=True)
    return answer == UNKNOWN


def play(camera, admin, pictures, people):
    """One round: enrol, post every frame, show the table. Returns how many answers were wrong."""
    print("enrolling, with a consent record each", flush=True)
    for employee, (name, photos) in people.items():
        enrol(admin, employee, name, photos, pictures)
    wanted = frames(pictures, people)
    report = Report(people)
    progress = Progress(f"posting {len(wanted)} frames as camera {CAMERA}")
    for frame in wanted:
        progress.tick()
        report.take(frame, *camera.recognize(frame.picture, frame.way))
    progress.done("all answered")
    if report.models:
        print("models: " + "; ".join(f"{task} {names_of(model)}" for task, model in report.models.items()))
    report.show()
    return report.wrong


def keep_serving(server, picture):
    """Says where to go, then waits for Ctrl-C."""
    token = f"$({BINARY} token --subject me --role camera --data-dir {server.data})"
    print(f"""The server runs on {server.url} until Ctrl-C.
  API documentation   {server.url}/docs
  metrics             {server.url}/metrics
  a frame of yours    curl -H "Authorization: Bearer {token}" \\
                        -H 'Content-Type: image/jpeg' --data-binary @{picture} \\
                        '{server.url}/api/v1/cv/face/recognize?camera_id={CAMERA}'
  data directory      {server.data}
  server log          {server.log}
""", flush=True)  # fmt: skip
    try:
        status = server.process.wait()
    except KeyboardInterrupt:
        return
    raise DemoError(f"the server ended with status {status}\n{server.last_words()}")


def run():
    """The whole demo; returns how many things were not as they should be."""
    pictures = pathlib.Path(innkeeper("datasets", "path", "demo").strip())
    if not (pictures / "obama.jpg").exists():
        raise DemoError(f"no demo pictures in {pictures}: {BINARY} datasets pull demo")
    data = pathlib.Path(os.environ.get("DEMO_DATA_DIR") or tempfile.mkdtemp(prefix="innkeeper-demo-") + "/data-demo")
    data = data.absolute()
    data.parent.mkdir(parents=True, exist_ok=True)
    server = Server(data)
    try:
        server.wait_until_ready()
        camera = Client(server.url, server.token(CAMERA, "camera"))
        admin = Client(server.url, server.token("demo-admin", "admin"))

        print("\n== 1. two people, real photographs")
        wrong = play(camera, admin, pictures, {"EMP001": OBAMA, "EMP002": BIDEN})
        print("== 2. both are deleted")
        wrong += not forget(admin, camera, ["EMP001", "EMP002"], (pictures / "obama3.jpg").read_bytes())
        print("\n== 3. the photographs are swapped: the answers must swap too")
        wrong += play(camera, admin, pictures, {"EMP001": BIDEN, "EMP002": OBAMA})
        print("== 4. a receipt and a passport, drawn for this demonstration")
        wrong += read_documents(admin)
        print("== 5. rooms: judged, compared, found again, put right, learnt")
        staff = [Client(server.url, server.token(f"housekeeper-{n}", "staff")) for n in range(1, 5)]
        wrong += rooms.show(admin, staff, innkeeper, data)
        print("\n== 6. what will be: forecasts from bookings, and how good they were")
        managers = lambda hotel: Client(server.url, server.token("demo-manager", "manager", hotel))  # noqa: E731
        wrong += forecast.show(BINARY, innkeeper, managers, data)
        print("\n== 7. what to ask: prices with reasons, under the hotel's rules, and what such prices bring")
        wrong += pricing.show(innkeeper, managers, data)
        print(f"demo: {wrong} answers were NOT as expected\n" if wrong else "demo: every answer was as expected\n")

        if os.environ.get("DEMO_EXIT", "") in ("", "0"):
            keep_serving(server, pictures / "obama3.jpg")
    finally:
        status = server.stop()
        print(f"server stopped with status {status}; data kept in {server.data}")
    return wrong + (status != 0)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return 1 if run() else 0
    except (DemoError, forecast.ForecastError, rooms.RoomsError) as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
