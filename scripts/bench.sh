#!/usr/bin/env bash
# usage: [BENCH_ROUNDS=3] [BENCH_FRAMES=300] [BENCH_MIXED=20000] [BENCH_RECEIPTS=12] [BENCH_OCR_DATA=DIR] [BENCH_ROOM_DATA=DIR] [BENCH_HOTEL_DATA=DIR] scripts/bench.sh INNKEEPER; `make bench` sets the folders.
# Every benchmark (benches/README.md): stages, matching, the pipeline beside its Python peer, the service under load.
# The tables are printed and kept in out/bench. Needs both packs; about half an hour on two quiet cores.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/steps.sh

innkeeper=$1
frame=$CARGO_TARGET_DIR/release/examples/frame
read=$CARGO_TARGET_DIR/release/examples/read
# A folder with sroie/img, the receipts that the text pipeline and its peer read.
receipts=${BENCH_OCR_DATA:-${INNKEEPER_MIRROR:+$INNKEEPER_MIRROR/ocr}}
rooms=$CARGO_TARGET_DIR/release/examples/rooms
# A folder with photographs of rooms.
photos=${BENCH_ROOM_DATA:-${INNKEEPER_MIRROR:+$INNKEEPER_MIRROR/vision/messy}}
series=$CARGO_TARGET_DIR/release/examples/series
# A folder with daily_occupancy_*.csv.gz and hotel_bookings_*.csv.gz.
hotels=${BENCH_HOTEL_DATA:-${INNKEEPER_MIRROR:+$INNKEEPER_MIRROR/tabular}}
peer=$HOME/.cache/innkeeper/peer
forecast_peer=$HOME/.cache/innkeeper/peer-forecast

# usage: peer_python FOLDER REQUIREMENTS
# The Python packages of a peer, in a folder of their own, made again when the pinned versions change.
peer_python() {
    if cmp -s "$2" "$1/requirements.txt"; then
        printf 'installed before: %s\n' "$1"
        return
    fi
    rm -rf "$1"
    if ! python3 -m venv "$1"; then
        printf 'python3 cannot make a virtual environment; on Debian: apt-get install python3-venv\n' >&2
        return 1
    fi
    "$1/bin/python" -m pip install --disable-pip-version-check --requirement "$2"
    # Last, so that a broken installation is made again.
    cp "$2" "$1/requirements.txt"
}

stages() {
    cargo bench --workspace --bench face -- --color never --noplot | tee out/bench/stages.txt
}

matching() {
    cargo bench --workspace --bench match_100k -- --color never --noplot | tee out/bench/match.txt
}

searching_images() {
    cargo bench --workspace --bench images_100k -- --color never --noplot | tee out/bench/images.txt
}

image_stages() {
    cargo bench --workspace --bench embed -- --color never --noplot | tee out/bench/embed.txt
}

beside_the_peer() {
    python3 benches/compare.py "$innkeeper" "$frame" "$peer/bin/python" | tee out/bench/compare.txt
}

text_stages() {
    cargo bench --workspace --bench text -- --color never --noplot | tee out/bench/text.txt
}

beside_rapidocr() {
    if [ -z "$receipts" ] || [ ! -d "$receipts/sroie/img" ]; then
        printf 'not run: no receipts; BENCH_OCR_DATA names a folder with sroie/img\n' | tee out/bench/compare_ocr.txt
        return
    fi
    # All receipts in three rounds take the peer half an hour.
    BENCH_RECEIPTS=${BENCH_RECEIPTS:-12} python3 benches/compare_ocr.py "$innkeeper" "$read" "$peer/bin/python" "$receipts" | tee out/bench/compare_ocr.txt
}

room_stages() {
    cargo bench --workspace --bench room -- --color never --noplot | tee out/bench/room.txt
}

beside_the_room_peer() {
    if [ -z "$photos" ] || [ ! -d "$photos" ]; then
        printf 'not run: no photographs of rooms; BENCH_ROOM_DATA names a folder\n' | tee out/bench/compare_room.txt
        return
    fi
    python3 benches/compare_room.py "$innkeeper" "$rooms" "$peer/bin/python" models/heads/room-tags/head.json "$photos" |
        tee out/bench/compare_room.txt
}

beside_the_forecast_peers() {
    local daily bookings
    daily=$(find "${hotels:-/nonexistent}" -name 'daily_occupancy_*.csv.gz' -print -quit 2>/dev/null || true)
    bookings=$(find "${hotels:-/nonexistent}" -name 'hotel_bookings_*.csv.gz' -print -quit 2>/dev/null || true)
    if [ -z "$daily" ] || [ -z "$bookings" ]; then
        printf 'not run: no bookings of hotels; BENCH_HOTEL_DATA names a folder\n' | tee out/bench/compare_forecast.txt
        return
    fi
    python3 benches/compare_forecast.py "$innkeeper" "$series" "$forecast_peer/bin/python" "$daily" "$bookings" |
        tee out/bench/compare_forecast.txt
}

prices() {
    cargo bench --workspace --bench prices -- --color never --noplot | tee out/bench/prices.txt
    "$innkeeper" simulate-pricing hotel --seeds 40 --plot out/bench/prices.svg | tee -a out/bench/prices.txt
}

service() {
    python3 benches/service.py "$innkeeper" "$frame" out/bench/memory.svg | tee out/bench/service.txt
}

mkdir -p out/bench
step 'photographs' "$innkeeper" datasets pull demo
step 'Python packages of the peer' peer_python "$peer" benches/peer/requirements.txt
step 'Python packages of the forecast peers' peer_python "$forecast_peer" benches/peer/requirements-forecast.txt
step 'benchmark programs' cargo build --release --workspace --example frame --example read --example rooms --example series
step 'stages of the face pipeline' stages
step 'matching among 100,000 templates' matching
step 'searching 100,000 images' searching_images
step 'the pipeline beside its peer' beside_the_peer
step 'stages of the text pipeline' text_stages
step 'the text pipeline beside RapidOCR' beside_rapidocr
step 'embedding of pictures' image_stages
step 'photographs of rooms' room_stages
step 'the room pipeline beside its peer' beside_the_room_peer
step 'forecasts beside their peers' beside_the_forecast_peers
step 'schedules of prices, and policies beside each other' prices
step 'the service under load' service
printf '\nsaved in out/bench: stages.txt match.txt images.txt compare.txt text.txt compare_ocr.txt embed.txt room.txt compare_room.txt compare_forecast.txt prices.txt prices.svg service.txt memory.svg\n'
