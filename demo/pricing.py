"""What to ask: a schedule with its reasons, under the hotel's own rules, and what such prices bring. Part of demo/run.py.

The schedule is of hotel `default`, whose bookings part 6 simulated; the policies are played by `innkeeper simulate-pricing`.
"""

import datetime
import json

from forecast import ask, check, send

NIGHTS = 28
RULES = [
    {"id": "order", "kind": "order", "lower": "standard", "higher": "deluxe", "at_least_percent": 10},
    {"id": "suite-last", "kind": "order", "lower": "deluxe", "higher": "suite", "at_least_percent": 10},
    {"id": "round", "kind": "price_ending", "step": 10000, "offset": 0},
]
# A floor above this ceiling leaves no price.
CLASH = [
    {"id": "low", "kind": "ceiling", "price": 500000},
    {"id": "high", "kind": "floor", "price": 600000},
]


def money(amount):
    return "–" if amount is None else f"{amount:,.0f}"


def table(cells):
    print(f"  {'night':<12}{'type':<10}{'now':>11}{'suggested':>11}  {'full':>5}  why")
    for cell in cells:
        words = "; ".join(reason["words"] for reason in cell["reasons"]) or cell["no_price_reason"] or "nothing speaks for another"
        full = "–" if cell["expected_occupancy"] is None else f"{cell['expected_occupancy']:.2f}"
        now, price = money(cell["current_price"]), money(cell["suggested_price"])
        print(f"  {cell['date']:<12}{cell['room_type']:<10}{now:>11}{price:>11}  {full:>5}  {words[:150]}")


def kept(cells):
    """Whether the rules hold on every night."""
    nights = {}
    for cell in cells:
        nights.setdefault(cell["date"], {})[cell["room_type"]] = cell["suggested_price"] or cell["current_price"]
    for prices in nights.values():
        standard, deluxe, suite = (prices[kind] for kind in ("standard", "deluxe", "suite"))
        if deluxe < 1.1 * standard - 0.5 or suite < 1.1 * deluxe - 0.5:
            return False
    return all(cell["suggested_price"] is None or cell["suggested_price"] % 10000 == 0 for cell in cells)


def show(innkeeper, clients, data):
    """The whole part; returns how much was not as it should be."""
    manager = clients("default")
    status, _, content = send(manager, "PUT", "/api/v1/ml/pricing/rules", {"rules": CLASH})
    told = json.loads(content)
    wrong = check(status == 409 and told["code"] == "rules_clash", f"rules that contradict each other: {told.get('detail', '')[:120]}")
    ask(manager, "PUT", "/api/v1/ml/pricing/rules", {"rules": RULES})
    known = ask(manager, "GET", "/api/v1/ml/forecast/data")
    today = datetime.datetime.now(datetime.timezone.utc).date()
    first = max(datetime.date.fromisoformat(known["known_until"]), today) + datetime.timedelta(days=1)
    last = first + datetime.timedelta(days=NIGHTS - 1)
    body = {"date_range": {"start": str(first), "end": str(last)}, "room_types": ["standard", "deluxe", "suite"]}
    answer = ask(manager, "POST", "/api/v1/ml/pricing/optimize", body)
    cells = answer["pricing_schedule"]
    print(f"  as of {answer['as_of']}, {answer['model']}, {answer['time_ms']:.0f} ms; {answer['demand']['words']}")
    table(cells[:21])
    for note in answer["notes"]:
        print(f"  note: {note['words']}")
    wrong += check(len(cells) == NIGHTS * 3, f"{len(cells)} prices for {NIGHTS} nights and 3 room types")
    wrong += check(kept(cells), "every rule is kept on every night")
    schedule = answer["schedule_id"]
    path = f"/api/v1/ml/pricing/schedules/{schedule}"
    ask(manager, "POST", f"{path}/approve", {"note": "looks right"})
    ask(manager, "POST", f"{path}/publish", {"target": "rates"})
    night = next(cell for cell in cells if cell["suggested_price"] is not None)
    now = ask(manager, "GET", f"/api/v1/ml/pricing/current/{night['room_type']}?date={night['date']}")
    wrong += check(now["current_price"] == night["suggested_price"], f"published: {night['room_type']} on {night['date']} is sold at {money(now['current_price'])}")
    picture = data.parent / "policies.svg"
    print(innkeeper("simulate-pricing", "night", "--seeds", "100", "--plot", str(picture)))
    wrong += check(picture.exists() and picture.stat().st_size > 2000, f"policies on the same requests, drawn: {picture}")
    return wrong
