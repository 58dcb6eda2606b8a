#!/bin/sh
# Restart a running Souk part by part, on a new image or new secrets: paid calls go on meanwhile.
#
#   docker compose build      (or pull)
#   deploy/roll.sh
#
# Each part is asked to stop, finishes what it has in hand, and is well again before the next one
# is touched. A part that does not become well stops this; the others still run as before.
#
# The parts are those that compose knows, yours too: worker-…, beat, door-… and site….
set -eu
cd "$(dirname "$0")/.."

services=$(docker compose config --services | sort)

parts() {
    printf '%s\n' "$services" | grep -x "$1" || true
}

docker compose run --rm migrate
for part in $(parts 'worker-.*') $(parts 'beat') $(parts 'door-.*') $(parts 'site.*'); do
    # A secret is a file: compose does not see that it changed.
    docker compose up --detach --no-deps --force-recreate --wait "$part"
done
