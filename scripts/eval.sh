#!/usr/bin/env bash
# usage: [EVAL_DATA=FOLDER] [EVAL_OCR_DATA=FOLDER] [EVAL_VISION_DATA=FOLDER] [EVAL_TABULAR_DATA=FOLDER] \
#        [EVAL_PACKS="default extended"] scripts/eval.sh INNKEEPER
# Verification, open-set identification, what each way of comparing gains, and liveness on FOLDER
# (datasets/README.md has its format); documents on EVAL_OCR_DATA, rooms and search by picture on EVAL_VISION_DATA, forecasts on the
# bookings of EVAL_TABULAR_DATA, or of FOLDER/tabular, where there are such folders; price policies on the scenarios inside the program. The tables are kept in out/eval, all of
# them in out/eval/RESULTS.md.
set -euo pipefail

innkeeper=$1
data=${EVAL_DATA:-${INNKEEPER_MIRROR:+$INNKEEPER_MIRROR/face}}
ocr=${EVAL_OCR_DATA:-${INNKEEPER_MIRROR:+$INNKEEPER_MIRROR/ocr}}
vision=${EVAL_VISION_DATA:-${INNKEEPER_MIRROR:+$INNKEEPER_MIRROR/vision}}
tabular=${EVAL_TABULAR_DATA:-}
if [ -z "$tabular" ]; then
    for folder in "${EVAL_DATA:-}/tabular" "${INNKEEPER_MIRROR:-}/tabular"; do
        [ -z "$tabular" ] && [ -d "$folder" ] && tabular=$folder
    done
fi
packs=${EVAL_PACKS:-default extended}
faces=yes
[ -n "$data" ] && [ -e "$data/FILES.tsv" ] || faces=
if [ -z "$faces$tabular" ]; then
    printf 'Name a folder with a FILES.tsv: make eval EVAL_DATA=FOLDER (datasets/README.md has the format)\n' >&2
    exit 1
fi
mkdir -p out/eval
results=out/eval/RESULTS.md
printf '# Evaluation\n' > "$results"
failed=0

# evaluate NAME PACK [OPTION...]: prints the table and keeps it.
evaluate() {
    local table=out/eval/$1-$2.txt from=$data
    case $1 in
        ocr-*) from=$ocr ;;
        room) from=$vision ;;
        visual-search) from=$vision table=out/eval/$1-$4-$2.txt ;;
    esac
    printf '\n== %s evaluate %s --data %s --pack %s %s\n' "$innkeeper" "$1" "$from" "$2" "${*:3}"
    if "$innkeeper" evaluate "$1" --data "$from" --pack "$2" "${@:3}" | tee "$table"; then
        printf '\n## innkeeper evaluate %s\n\n' "$1 --pack $2 ${*:3}" >> "$results"
        sed 's/^/    /' "$table" >> "$results"
        printf 'saved as %s\n' "$table"
    else
        printf '%s with the %s pack could not be evaluated\n' "$1" "$2" >&2
        failed=1
    fi
}

for pack in ${faces:+$packs}; do
    evaluate face "$pack"
    # The default pack has no liveness model.
    [ "$pack" = default ] || evaluate liveness "$pack"
done
# Every pack reads text with the same models but the light one.
if [ -n "$ocr" ] && [ -d "$ocr" ]; then
    evaluate ocr-text default
    # The shipped ranker learnt from these receipts: it is fitted anew without each fold.
    evaluate ocr-invoice default --cross-validate
    evaluate ocr-id default
fi
if [ -n "$vision" ] && [ -e "$vision/FILES.tsv" ]; then
    # The shipped head learnt from such photos: it is fitted anew without each fold.
    evaluate room default --cross-validate
    for set in rooms6 items_grocery; do
        grep -q "	$set	" "$vision/FILES.tsv" && evaluate visual-search default --set "$set"
    done
fi
# Each file of public bookings at its own origins: the protocol of the figures, or the last third of what is there.
for file in "$tabular"/hotel_bookings*; do
    [ -n "$tabular" ] && [ -e "$file" ] || continue
    name=$(basename "$file")
    table=out/eval/forecast-${name%%.*}.txt plot=out/eval/forecast-${name%%.*}.svg
    printf '\n== %s evaluate forecast --data %s --horizon 28 --plot %s\n' "$innkeeper" "$file" "$plot"
    if "$innkeeper" evaluate forecast --data "$file" --horizon 28 --plot "$plot" | tee "$table"; then
        printf '\n## innkeeper evaluate forecast --data %s --horizon 28\n\n' "$name" >> "$results"
        sed 's/^/    /' "$table" >> "$results"
        printf 'saved as %s\n' "$table"
    else
        printf 'the forecast could not be evaluated on %s\n' "$file" >&2
        failed=1
    fi
done
# Price policies need no data: the scenarios are in the program.
printf '\n== %s evaluate pricing --data shipped\n' "$innkeeper"
if "$innkeeper" evaluate pricing --data shipped --plot out/eval/pricing.svg | tee out/eval/pricing.txt; then
    printf '\n## innkeeper evaluate pricing --data shipped\n\n' >> "$results"
    sed 's/^/    /' out/eval/pricing.txt >> "$results"
else
    failed=1
fi
exit "$failed"
