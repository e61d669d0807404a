"""Rooms by their photographs: judged, compared, found again, put right, learnt. Part of demo/run.py.

Photographs come from the folder that INNKEEPER_MIRROR names (vision/FILES.tsv); without it two views are drawn here,
and the report says so: a drawing shows that the parts work, and nothing about how good they are.
"""

import base64
import json
import os
import pathlib
import struct
import zlib

ANALYZE = "/api/v1/cv/room/analyze"
# Taught in the demonstration: no shipped head knows it.
TAUGHT = "needs_two_people"
# Photographs corrected of each answer; more than the gate asks for.
LESSONS = 20


class RoomsError(Exception):
    """Something without which the demonstration of rooms cannot go on."""


# --- photographs --------------------------------------------------------------------------------------------


def photographs():
    """Photographs by set and label, in the order of the list; empty without a mirror."""
    mirror = os.environ.get("INNKEEPER_MIRROR")
    listing = pathlib.Path(mirror, "vision", "FILES.tsv") if mirror else None
    found = {}
    if listing is None or not listing.is_file():
        return found
    lines = listing.read_text(encoding="utf-8").splitlines()
    columns = lines[0].split("\t")
    for line in lines[1:]:
        row = dict(zip(columns, line.split("\t")))
        if row["set"] in ("pairs", "messy"):
            found.setdefault((row["set"], row["label"]), []).append(listing.parent / row["path"])
    return found


def drawn(boxes, width=640, height=480):
    """A PNG of coloured boxes (left, top, right, bottom, colour) over a wall and a floor."""
    wall, floor = (226, 219, 205), (140, 108, 82)
    rows = [[wall if y < height * 6 // 10 else floor] * width for y in range(height)]
    for left, top, right, bottom, colour in boxes:
        for y in range(top, bottom):
            # A little texture: what is quite flat has nothing to be recognised by.
            shade = 12 * ((y // 8) % 2)
            rows[y][left:right] = [tuple(max(0, c - shade) for c in colour)] * (right - left)
    raw = b"".join(b"\0" + bytes(v for pixel in row for v in pixel) for row in rows)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


BED = [(60, 230, 420, 400, (244, 244, 246)), (60, 190, 420, 235, (92, 66, 48)), (460, 60, 600, 200, (170, 205, 232))]
CLUTTER = [(450, 380, 560, 450, (180, 40, 40)), (120, 410, 220, 460, (40, 90, 160))]


def views():
    """(room number, tidy, cluttered) of each room, and where the pictures come from."""
    found = photographs()
    tidy, cluttered = found.get(("pairs", "tidy"), []), found.get(("pairs", "cluttered"), [])
    by_name = {path.stem: path for path in cluttered}
    pairs = [
        (f"10{i}", path.read_bytes(), by_name[path.stem].read_bytes())
        for i, path in enumerate(tidy, 1)
        if path.stem in by_name
    ]
    if pairs:
        return pairs, f"photographs of {len(pairs)} rooms, tidy and cluttered"
    return [("101", drawn(BED), drawn(BED + CLUTTER))], "two views DRAWN here: set INNKEEPER_MIRROR for photographs"


class Team:
    """Several housekeepers, taking turns: each client has an allowance of its own, as each phone has."""

    def __init__(self, clients):
        self.clients, self.turn = clients, 0

    def call(self, *arguments):
        self.turn += 1
        return self.clients[self.turn % len(self.clients)].call(*arguments)


# --- what is asked -------------------------------------------------------------------------------------------


def post(client, path, body, wanted=200):
    status, answer = client.call("POST", path, json.dumps(body).encode())
    if status != wanted:
        raise RoomsError(f"{path}: {status} {answer.get('code')}: {answer.get('detail')}")
    return answer


def encoded(picture):
    return base64.b64encode(picture).decode()


def analyze(client, room, picture):
    return post(client, ANALYZE, {"room_number": room, "image": encoded(picture)})


def tags_of(answer):
    told = []
    for tag in answer["tags"]:
        sure = "" if tag["confidence"] is None else f" {tag['confidence']:.2f}"
        told.append(f"{tag['label']}{sure} ({tag['source']})")
    return ", ".join(told) or "nothing seen"


def check(good, what):
    """One line, and 1 when it is not as it should be."""
    print(f"  {'ok   ' if good else 'WRONG'} {what}", flush=True)
    return not good


# --- the story -----------------------------------------------------------------------------------------------


def compare(staff, pairs):
    """Keeps each tidy view as a reference; the cluttered view must differ from it and the tidy one not."""
    wrong = kept_views = 0
    for room, tidy, cluttered in pairs:
        kind = {"image": encoded(tidy), "description": "the demonstration's tidy view"}
        status, kept = staff.call("POST", f"/api/v1/cv/room/{room}/reference", json.dumps(kind).encode())
        if status == 422:
            print(f"  room {room}: the photo is refused as a reference: {', '.join(kept.get('hints', []))}")
            continue
        if status != 201:
            raise RoomsError(f"room {room}: {status} {kept.get('code')}: {kept.get('detail')}")
        kept_views += 1
        for view, picture, changed in (("tidy", tidy, False), ("cluttered", cluttered, True)):
            answer = analyze(staff, room, picture)
            comparison = answer["photos"][0]["comparison"] or {}
            places = len(comparison.get("differences", []))
            told = f"room {room} {view}: {answer['status']}, {places} places differ; {tags_of(answer)}"
            wrong += check(comparison.get("changed") is changed, told[:200])
    # A photograph may be too poor to be a reference; of most it must not be said.
    enough = kept_views >= max(1, len(pairs) - 1)
    return wrong + check(enough, f"{kept_views} of {len(pairs)} tidy views are kept as references")


def find(staff, pairs):
    """Indexes the tidy views; the cluttered view of a room must find that room."""
    shelf = [(room, tidy) for room, tidy, _ in pairs]
    if len(shelf) == 1:
        # Among nothing else every room is found.
        shelf += [(f"19{i}", drawn([box])) for i, box in enumerate(BED)]
    for room, tidy in shelf:
        metadata = {"category": "room", "room_number": room, "tags": ["tidy"]}
        post(staff, "/api/v1/cv/image/index", {"image": encoded(tidy), "metadata": metadata}, 201)
    right = 0
    for room, _, cluttered in pairs:
        question = {"query_image": encoded(cluttered), "category": "room", "top_k": 3, "threshold": 0.0}
        results = post(staff, "/api/v1/cv/image/search", question)["results"]
        right += bool(results) and results[0]["metadata"]["room_number"] == room
    # One of several rooms may look more like another.
    return check(right >= max(1, len(pairs) - 1), f"{right} of {len(pairs)} cluttered views find their own room first")


def put_right(staff, picture):
    """A correction holds at once."""
    answer = analyze(staff, "201", picture)
    before = staff.call("GET", "/api/v1/cv/room/201")[1]
    correction = {"status": "maintenance", "tags": {"minibar_open": True}}
    learnt = post(staff, "/api/v1/feedback", {"answer_id": answer["answer_id"], "correction": correction})
    after = staff.call("GET", "/api/v1/cv/room/201")[1]
    print(f"  room 201 before: {before['status']}; {tags_of(answer)}")
    print(f"  a person says: {json.dumps(correction)}")
    labels = [tag["label"] for tag in after["verdict"]["tags"]]
    good = after["status"] == "maintenance" and after["verdict"]["source"] == "correction" and "minibar_open" in labels
    return check(good, f"room 201 after: {after['status']} by {after['verdict']['source']}; label {learnt['label_id']}")


def learn(staff, admin, innkeeper, data):
    """Corrections of some photographs change the answer to one that nobody corrected; a roll back takes it back."""
    found = photographs()
    messy, clean = found.get(("messy", "messy"), []), found.get(("messy", "clean"), [])
    if len(messy) <= LESSONS or len(clean) <= LESSONS:
        print("  not shown: learning needs photographs, and drawings have nothing to teach; set INNKEEPER_MIRROR")
        return 0
    unseen = messy[-1].read_bytes()

    def says(note):
        answer = analyze(staff, "299", unseen)
        held = [tag for tag in answer["tags"] if tag["label"] == TAUGHT]
        sure = held[0]["confidence"] if held else None
        head = next(m for m in answer["models"] if m.startswith("room-tags@"))
        print(f"  {note}: {head} says {TAUGHT}: {'no' if sure is None else f'yes, {sure:.2f}'}", flush=True)
        return sure is not None

    wrong = check(not says("before"), f"no head knows {TAUGHT}")
    for holds, first, photos in ((True, 300, messy[:LESSONS]), (False, 400, clean[:LESSONS])):
        for i, path in enumerate(photos):
            answer = analyze(staff, str(first + i), path.read_bytes())
            correction = {"tags": {TAUGHT: holds, "messy": holds}}
            post(staff, "/api/v1/feedback", {"answer_id": answer["answer_id"], "correction": correction})
    print(f"  {2 * LESSONS} photographs are put right; innkeeper train room-tags --labels", flush=True)
    curve = data.parent / "room-tags-curve.svg"
    trained = json.loads(
        innkeeper("train", "room-tags", "--labels", "--json", "--curve", str(curve), "--data-dir", str(data))
    )
    verdict = trained.get("verdict", {}).get("reason")
    print(f"  version {trained.get('version')}: {'promoted' if trained.get('promoted') else 'not promoted'}: {verdict}")
    shuffled = (trained.get("control") or {}).get("reason")
    print(f"  the same with shuffled corrections: {shuffled}")
    wrong += check(trained.get("promoted") is True, "the gate finds it better on rooms it has not seen")
    for curve_of in trained.get("curves", []):
        points = ", ".join(f"{p['corrected']}: {p['error']['mean']:.2f}" for p in curve_of.get("points", []))
        print(f"  error after so many corrections, {curve_of.get('label')}: {points}")
    print("  (the shipped head learnt from such photographs what messy is; of the new tag it knew nothing)")
    if curve.exists():
        print(f"  the curve is drawn in {curve}")
    # The running server asks its registry; a version that is promoted over HTTP answers at once.
    path = "/api/v1/models/room-tags"
    post(admin, f"{path}/promote", {"version": trained["version"]})
    wrong += check(says("after"), "a photograph that nobody corrected gets the new tag, without a restart")
    post(admin, f"{path}/rollback", {})
    return wrong + check(not says("rolled back"), "one step takes it back")


def show(admin, housekeepers, innkeeper, data):
    """The whole part; returns how many things were not as they should be."""
    staff = Team(housekeepers)
    pairs, where = views()
    print(f"  pictures: {where}")
    wrong = compare(staff, pairs) + find(staff, pairs)
    wrong += put_right(staff, pairs[0][2])
    return wrong + learn(staff, admin, innkeeper, data)
