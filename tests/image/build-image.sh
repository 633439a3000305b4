#!/usr/bin/env bash
# Builds the Dockerfile and runs the image, on a machine without a container engine and without a registry:
# buildah with chroot isolation, on a Debian that stands in for the official Python image (BASE=tar keeps it for the next run).
# As root, with the packages buildah, mmdebstrap and iproute2. About two minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."

python_version=$(sed -n 's/^ARG PYTHON_VERSION=//p' Dockerfile)
version=$(sed -n 's/^__version__.*"\(.*\)"/\1/p' daemon/connwatch/__init__.py)
work=$(mktemp -d)
network=connwatch-image-$$
base=${BASE:-$work/base.tar}
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
buildah=(buildah --root "$work/storage" --runroot "$work/run")

clean() {
  ip netns pids "$network" 2>/dev/null | xargs -r kill 2>/dev/null || true
  ip netns delete "$network" 2>/dev/null || true
  "${buildah[@]}" rm --all >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean EXIT

say() { printf '\n== %s\n' "$*"; }
die() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

say "a stand-in for python:$python_version-slim-bookworm"
if [[ ! -e $base ]]; then
  mmdebstrap --quiet --variant=minbase \
    --include="python$python_version,python$python_version-venv,python3-pip,ca-certificates,passwd" bookworm "$base"
fi
container=$("${buildah[@]}" from scratch)
root=$("${buildah[@]}" mount "$container")
tar -C "$root" -xf "$base"
ln -sf "python$python_version" "$root/usr/bin/python3"
ln -sf python3 "$root/usr/bin/python"
rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED # as in the official image, pip may install
"${buildah[@]}" umount "$container" >/dev/null
"${buildah[@]}" config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  --env PIP_CERT=/etc/ssl/certs/ca-certificates.crt --env SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt "$container"
"${buildah[@]}" commit --quiet --rm "$container" "docker.io/library/python:$python_version-slim-bookworm" >/dev/null

say "build"
"${buildah[@]}" build --pull=never --network host --format docker --volume /etc/ssl/certs:/etc/ssl/certs:ro --tag connwatch:test .

say "run"
image=$("${buildah[@]}" from --pull=never localhost/connwatch:test)
beside=$("${buildah[@]}" from --pull=never localhost/connwatch:test) # two runs in one container get in each other's way
words() { # A list of the image's configuration, one word a line.
  "${buildah[@]}" inspect "$image" | python3 -c '
import functools, json, sys
told = functools.reduce(lambda value, key: value[key], sys.argv[1:], json.load(sys.stdin)["Docker"]["config"])
print(*([told] if isinstance(told, str) else told), sep="\n")' "$@"
}
mapfile -t entrypoint < <(words Entrypoint)
mapfile -t command < <(words Cmd)
mapfile -t healthcheck < <(words Healthcheck Test)
[[ ${healthcheck[0]} == CMD ]] || die "the image has lost its HEALTHCHECK"
[[ $(words User) == 65532:65532 ]] || die "the image runs as $(words User)"
[[ $(words StopSignal) == SIGTERM ]] || die "the image is stopped by $(words StopSignal)"

mkdir "$work/etc"
cat >"$work/etc/connwatch.yaml" <<'YAML'
web: {listen: 0.0.0.0:10750}
sources:
  nectar: {provider: nectar, base_url: "http://127.0.0.1:9", api_key: nobody-is-there}
YAML
chmod -R a+rX "$work/etc"

# A network of its own: the default port is free in it, and nobody else answers.
ip netns add "$network"
ip -netns "$network" link set lo up
inside() {
  ip netns exec "$network" "${buildah[@]}" run --network host --volume "$work/etc:/etc/connwatch:ro" -- "$@"
}
healthy() { inside "$beside" "${healthcheck[@]:1}" 2>/dev/null; }
daemon() { # The daemon's process: the one in that network whose program is Python.
  for pid in $(ip netns pids "$network"); do
    if [[ $(readlink "/proc/$pid/exe") == */python* ]]; then echo "$pid"; fi
  done
}

told=$(inside "$image" "${entrypoint[@]}" --version)
[[ $told == "connwatch $version" ]] || die "--version says $told"
if healthy; then die "healthy before it runs"; fi

inside "$image" "${entrypoint[@]}" "${command[@]}" 2>"$work/log" &
buildah_pid=$!
for _ in {1..40}; do
  if healthy; then break; fi
  kill -0 "$buildah_pid" 2>/dev/null || { cat "$work/log"; die "it doesn't run"; }
  sleep 0.5
done
healthy || { cat "$work/log"; die "not healthy"; }
pid=$(daemon)
[[ $pid ]] || die "the daemon's process isn't found"
[[ $(sed -n 's/^[UG]id:\t//p' "/proc/$pid/status" | tr -s '\t\n' ' ') == "$(printf '65532 %.0s' {1..8})" ]] || die "it runs as somebody else"
[[ -s /proc/$pid/root/var/lib/connwatch/state.db ]] || die "it keeps no state"

kill -TERM "$pid"
status=0
wait "$buildah_pid" || status=$?
cat "$work/log"
((status == 0)) || die "SIGTERM ends it with $status"
if healthy; then die "healthy after its end"; fi

say "the image is well"
