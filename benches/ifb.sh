#!/usr/bin/env bash
# Runs the forward bench in a network namespace of its own, into an `ifb` device, which takes GSO runs as a network
# card does and drops them. Needs root. Usage: ifb.sh PATH_TO_FORWARD [arguments of forward]
set -euo pipefail
forward=$1; shift
exec unshare --net bash -c '
  set -e
  ip link set lo up
  ip link add sink type ifb
  ip addr add 10.9.0.1/24 dev sink
  ip link set sink up
  ip neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev sink nud permanent
  "$0" "$@" --to 10.9.0.2' "$forward" "$@"
