#!/usr/bin/env python3
"""Forecasts of a hotel's days as the usual Python tools make them: one thread, the same origins, one JSON object.

usage: forecast_peers.py DAILY BOOKINGS ORIGINS HORIZON [PEERS]

DAILY is a CSV with the columns hotel, date, occupied_rooms, room_revenue, checkouts (`.gz` accepted); BOOKINGS a CSV with the
columns of the public hotel booking demand set, or `-`: then the peer that knows what is on the books is left out. ORIGINS are the
first unknown days with commas between them. PEERS are some of seasonal_naive, auto_ets, mstl, prophet, lightgbm_pickup (all).

Prints versions, and for each peer and target the errors (per hotel, then their mean), `seconds` for all of its series and
`series` (hotels times origins). What a peer compiles or loads once is not timed.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NIXTLA_NUMBA_CACHE"):
    os.environ.setdefault(variable, "1")

import json
import logging
import sys
import time
import warnings

import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

TARGETS = {"occupancy": "occupied_rooms", "revenue": "room_revenue", "checkouts": "checkouts"}
LEVELS = (80, 95)
WEEK = 7


def scores(hotels):
    """Means over the hotels of {hotel: [(history, actual, value, {level: (lower, upper)})]}."""
    per_hotel = []
    for paths in hotels.values():
        errors = np.array([np.abs(actual - value) for _, actual, value, _ in paths])
        scale = [np.mean(np.abs(history[WEEK:] - history[:-WEEK])) for history, *_ in paths]
        row = {
            "mae_7": errors[:, :7].mean(),
            "mae_28": errors[:, :28].mean(),
            "mase_28": np.mean([error[:28].mean() / s for error, s in zip(errors, scale, strict=True)]),
        }
        for level in LEVELS:
            inside, score = [], []
            for _, actual, _, bounds in paths:
                lower, upper = (b[:28] for b in bounds[level])
                actual = actual[:28]
                inside.append((lower <= actual) & (actual <= upper))
                outside = np.maximum(np.maximum(lower - actual, actual - upper), 0)
                score.append(upper - lower + 2 / (1 - level / 100) * outside)
            row[f"coverage_{level}"] = np.mean(inside)
            row[f"interval_score_{level}"] = np.mean(score)
        per_hotel.append(row)
    return {key: float(np.mean([row[key] for row in per_hotel])) for key in per_hotel[0]}


def cut(daily, column, origins, horizon):
    """(hotel, origin, days before, values before, values from the origin on)."""
    for hotel, frame in daily.groupby("hotel", sort=True):
        for origin in origins:
            before = frame[frame.date < origin]
            after = frame[(frame.date >= origin) & (frame.date < origin + pd.Timedelta(days=horizon))]
            if len(after) == horizon:
                yield hotel, origin, before.date, before[column].to_numpy(float), after[column].to_numpy(float)


def statsforecast(kind):
    from statsforecast import StatsForecast
    from statsforecast.models import MSTL, AutoETS, SeasonalNaive

    def model():
        if kind == "seasonal_naive":
            return SeasonalNaive(season_length=WEEK)
        if kind == "mstl":
            return MSTL(season_length=[WEEK], trend_forecaster=AutoETS(model="ZZN"))
        return AutoETS(season_length=WEEK)

    def run(daily, column, origins, horizon):
        pieces, kept = [], []
        for number, (hotel, _, days, before, after) in enumerate(cut(daily, column, origins, horizon)):
            pieces.append(pd.DataFrame({"unique_id": f"{number:04d}", "ds": days.to_numpy(), "y": before}))
            kept.append((hotel, before, after))
        # The first call compiles and loads.
        StatsForecast(models=[model()], freq="D", n_jobs=1).forecast(df=pieces[0], h=horizon, level=list(LEVELS))
        start = time.perf_counter()
        said = StatsForecast(models=[model()], freq="D", n_jobs=1).forecast(
            df=pd.concat(pieces), h=horizon, level=list(LEVELS)
        )
        seconds = time.perf_counter() - start
        name = next(c for c in said.columns if c not in ("unique_id", "ds") and "-lo-" not in c and "-hi-" not in c)
        hotels = {}
        for (_, frame), (hotel, before, after) in zip(said.groupby("unique_id", sort=True), kept, strict=True):
            bounds = {lv: (frame[f"{name}-lo-{lv}"].to_numpy(), frame[f"{name}-hi-{lv}"].to_numpy()) for lv in LEVELS}
            hotels.setdefault(hotel, []).append((before, after, frame[name].to_numpy(), bounds))
        return hotels, seconds, len(kept)

    return run


def prophet(daily, column, origins, horizon):
    from prophet import Prophet

    hotels, seconds, count = {}, 0.0, 0
    series = list(cut(daily, column, origins, horizon))
    for number, (hotel, _, days, before, after) in enumerate(series[:1] + series):
        start = time.perf_counter()
        np.random.seed(number)
        model = Prophet(weekly_seasonality=True, yearly_seasonality=True, daily_seasonality=False)
        model.fit(pd.DataFrame({"ds": days.to_numpy(), "y": before}))
        ahead = model.make_future_dataframe(periods=horizon, include_history=False)
        value = model.predict(ahead).yhat.to_numpy()
        paths = model.predictive_samples(ahead)["yhat"]
        tails = {level: [(50 - level / 2), (50 + level / 2)] for level in LEVELS}
        bounds = {level: tuple(np.percentile(paths, tail, axis=1)) for level, tail in tails.items()}
        if number == 0:
            # Loads the compiled model; not counted.
            continue
        seconds += time.perf_counter() - start
        count += 1
        hotels.setdefault(hotel, []).append((before, after, value, bounds))
    return hotels, seconds, count


class Books:
    """What was on the books for each day, `k` days before it, as it was known then."""

    def __init__(self, file, last, horizon):
        begun = time.perf_counter()
        b = pd.read_csv(file, low_memory=False)
        month = pd.to_datetime(b.arrival_date_month, format="%B").dt.month
        arrival = pd.to_datetime(
            {"year": b.arrival_date_year, "month": month, "day": b.arrival_date_day_of_month}
        )
        self.first = arrival.min()
        self.days = (last - self.first).days + 1
        self.most = horizon + 28
        nights = (b.stays_in_weekend_nights + b.stays_in_week_nights).to_numpy()
        start = (arrival - self.first).dt.days.to_numpy()
        booked = start - b.lead_time.to_numpy()
        gone = b.reservation_status.isin(["Canceled", "No-Show"]).to_numpy()
        left = np.where(gone, (pd.to_datetime(b.reservation_status_date) - self.first).dt.days, 10**6)
        hotel = b.hotel.to_numpy()
        row = np.repeat(np.arange(len(b)), nights)
        night = start[row] + np.arange(len(row)) - np.repeat(np.cumsum(nights) - nights, nights)
        stays = nights > 0
        self.curves = {}
        for name in np.unique(hotel):
            one = hotel[row] == name
            out = (hotel == name) & stays
            rate = b.adr.to_numpy()
            self.curves[name] = {
                "occupancy": self.curve(night[one], booked[row][one], left[row][one], np.ones(one.sum())),
                "revenue": self.curve(night[one], booked[row][one], left[row][one], rate[row][one]),
                "checkouts": self.curve((start + nights)[out], booked[out], left[out], np.ones(out.sum())),
            }
        # Read once, for all targets.
        self.seconds = (time.perf_counter() - begun) / len(TARGETS)

    def curve(self, day, booked, left, weight):
        """[day, k]: the sum of weights booked by `day - k` and not given back by then."""
        change = np.zeros((self.days + self.most + 2, self.most + 2))
        lead, back = day - booked, day - left
        inside = (day >= 0) & (day < len(change)) & (lead >= 0)
        upto = np.minimum(lead, self.most)[inside]
        since = np.clip(back + 1, 0, self.most + 1)[inside]
        day, weight = day[inside], weight[inside]
        counted = since <= upto
        np.add.at(change, (day[counted], since[counted]), weight[counted])
        np.add.at(change, (day[counted], upto[counted] + 1), -weight[counted])
        return np.cumsum(change, axis=1)[:, : self.most + 1]


def pickup_rows(curves, target, actual, origin, horizon):
    """Features of each day ahead of an origin (a number of days), as the end of the day before it knew them."""
    rows = []
    known = actual[:origin]
    own = curves[target]
    for h in range(1, horizon + 1):
        day = origin + h - 1
        recent = known[-28:]
        books = own[day, h]
        # Each day around as the same evening knew it: those before the origin are over.
        near = [known[d] if d < origin else own[d, d - origin + 1] for d in range(max(day - 7, 0), day + 8)]
        around = [known[-1] if h == 1 else own[day - 1, h - 1], own[day + 1, h + 1]]
        # What came in between `h` days before and the day itself, for the days that have just passed.
        past = np.arange(origin - 28, origin)
        past = past[past >= 0]
        came = actual[past] - own[past, h]
        same = came[(past - day) % WEEK == 0]
        year = day - 364
        last_year = [actual[year], own[year, h], actual[year] - own[year, h]] if year >= 0 else [np.nan] * 3
        week_ago = own[day, min(h + 7, own.shape[1] - 1)]
        rows.append([
            h, day % WEEK, books, books - week_ago, *around, np.mean(near),
            came.mean(), same.mean() if len(same) else np.nan, came[-7:].mean(), books + came.mean(),
            recent[-7:].mean(), recent.mean(), known[-1], known[-7 + (h - 1) % WEEK], *last_year,
        ])
    return rows


def lightgbm_pickup(books):
    """Gradient boosting for all horizons at once; what is learnt is the pickup, the target less what is on the books."""
    import lightgbm

    settings = {
        "n_estimators": 300, "learning_rate": 0.04, "num_leaves": 24, "min_child_samples": 30, "subsample": 0.8,
        "subsample_freq": 1, "colsample_bytree": 0.7, "reg_lambda": 5.0, "n_jobs": 1, "random_state": 1, "verbose": -1,
    }

    def run(daily, column, origins, horizon):
        target = next(name for name, c in TARGETS.items() if c == column)
        frames = {hotel: frame for hotel, frame in daily.groupby("hotel", sort=True)}
        hotels, start = {}, time.perf_counter()
        rows, numbers = {}, {}
        for at, (hotel, frame) in enumerate(frames.items()):
            actual = frame[column].to_numpy(float)
            offset = (frame.date.iloc[0] - books.first).days
            curves = {name: curve[offset:] for name, curve in books.curves[hotel].items()}
            for day in range(42, len(actual) + 1):
                block = [[at, *row] for row in pickup_rows(curves, target, actual, day, horizon)]
                rows[hotel, day] = np.array(block)
            numbers[hotel] = actual
        count = 0
        for origin in origins:
            features, wanted, base = [], [], []
            places = {hotel: (origin - frame.date.iloc[0]).days for hotel, frame in frames.items()}
            for hotel, place in places.items():
                for day in range(42, place):
                    reach = min(horizon, place - day)
                    features.append(rows[hotel, day][:reach])
                    wanted.append(numbers[hotel][day : day + reach])
            x, y = np.concatenate(features), np.concatenate(wanted)
            base = x[:, 3]
            size = {hotel: numbers[hotel][:place].mean() for hotel, place in places.items()}
            scale = np.array(list(size.values()))[x[:, 0].astype(int)]
            models = {}
            for q in (0.5, 0.1, 0.9, 0.025, 0.975):
                objective = {"objective": "l1"} if q == 0.5 else {"objective": "quantile", "alpha": q}
                models[q] = lightgbm.LGBMRegressor(**settings, **objective).fit(x, (y - base) / scale)
            for hotel, place in places.items():
                if place + horizon > len(numbers[hotel]):
                    continue
                ahead = rows[hotel, place]
                said = {q: m.predict(ahead) * size[hotel] + ahead[:, 3] for q, m in models.items()}
                bounds = {80: (said[0.1], said[0.9]), 95: (said[0.025], said[0.975])}
                bounds = {lv: (np.minimum(a, b), np.maximum(a, b)) for lv, (a, b) in bounds.items()}
                actual = numbers[hotel][place : place + horizon]
                hotels.setdefault(hotel, []).append((numbers[hotel][:place], actual, said[0.5], bounds))
                count += 1
        return hotels, time.perf_counter() - start + books.seconds, count

    return run


def main():
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    file, bookings, origins, horizon = sys.argv[1:5]
    horizon = int(horizon)
    daily = pd.read_csv(file, parse_dates=["date"]).sort_values(["hotel", "date"])
    origins = [pd.Timestamp(day) for day in origins.split(",")]
    peers = {
        "seasonal_naive": statsforecast("seasonal_naive"),
        "auto_ets": statsforecast("auto_ets"),
        "mstl": statsforecast("mstl"),
        "prophet": prophet,
    }
    if bookings != "-":
        peers["lightgbm_pickup"] = lightgbm_pickup(Books(bookings, daily.date.max(), horizon))
    wanted = sys.argv[5].split(",") if len(sys.argv) == 6 else list(peers)
    answer = {"versions": versions(), "threads": 1, "horizon": horizon, "peers": {}}
    for name in wanted:
        if name not in peers:
            continue
        answer["peers"][name] = {}
        for target, column in TARGETS.items():
            hotels, seconds, count = peers[name](daily, column, origins, horizon)
            said = {**scores(hotels), "seconds": seconds, "series": count}
            answer["peers"][name][target] = said
            print(f"{name} {target}: MAE {said['mae_7']:.2f} / {said['mae_28']:.2f}, {seconds:.2f} s", file=sys.stderr)
    print(json.dumps(answer))


def versions():
    from importlib.metadata import version

    return {name: version(name) for name in ("numpy", "pandas", "statsforecast", "prophet", "lightgbm")}


if __name__ == "__main__":
    main()
