#!/usr/bin/env bash
# What it costs to compile this crate, as its users do: a debug build from cold, without incremental compilation.
#
#     benches/compile.sh [COMMIT]
#
# It measures, in one run,
#
#   default    a program that depends on entra-apps with its default features
#   graph-rs   one that depends on graph-rs-sdk, for comparison
#   ring       one that depends on entra-apps with the features of a program that brings ring as its TLS provider
#   own        this crate alone, its dependencies built; also that of COMMIT, the two taking turns
#
# and prints how many crates are compiled, the wall time, the CPU time (user and system) and the ratios. On a machine that
# does other work, the CPU time is the figure to look at. The aims: default at most 0.92 and ring at most 0.65 of graph-rs.
#
# Each build has a target directory of its own in a directory for temporary files (about 2 GB at a time), which is removed.
# Nothing of this repository is written to. It takes some minutes, and needs crates.io.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
commit=${1:-}
rounds=${ROUNDS:-5}
work=$(mktemp -d)

clean_up() {
    if [[ -n $commit ]]; then git -C "$root" worktree remove --force "$work/commit" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap clean_up EXIT

export CARGO_INCREMENTAL=0 CARGO_TERM_COLOR=never
unset CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR RUSTFLAGS
TIMEFORMAT='%R %U %S'

# A program of the dependencies given as lines of TOML; `use` names what it uses of them.
program() {
    local name=$1 use=$2 dependencies=$3
    mkdir -p "$work/$name/src"
    printf '[package]\nname = "program"\nedition = "2024"\n[workspace]\n[dependencies]\n%s\n' "$dependencies" \
        >"$work/$name/Cargo.toml"
    printf 'fn main() {\n    let _ = std::any::type_name::<%s>();\n}\n' "$use" >"$work/$name/src/main.rs"
    (cd "$work/$name" && cargo fetch --quiet)
}

# Runs a command, and prints its wall and CPU time in seconds. What it says goes to the log.
timed() {
    local times
    times=$({ time "$@" >>"$work/log" 2>&1; } 2>&1) || { cat "$work/log" >&2 && return 1; }
    awk '{ printf "%.1f %.1f\n", $1, $2 + $3 }' <<<"${times##*$'\n'}"
}

declare -A wall cpu

# Builds a program from cold, and keeps its times under its name.
cold() {
    local name=$1 times
    : >"$work/log"
    times=$(cd "$work/$name" && CARGO_TARGET_DIR="$work/$name/target" timed cargo build --offline)
    read -r "wall[$name]" "cpu[$name]" <<<"$times"
    printf '%-10s %6d crates %8s s wall %8s s CPU' "$name" "$(grep -c '^ *Compiling' "$work/log")" \
        "${wall[$name]}" "${cpu[$name]}"
    [[ $name == graph-rs ]] || printf '   %s of graph-rs' "$(ratio "${cpu[$name]}" "${cpu[graph-rs]}")"
    printf '\n'
}

ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'
}

median() {
    sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'
}

program graph-rs graph_rs_sdk::GraphClient 'graph-rs-sdk = "=3.0.1"'
program default entra_apps::Client "entra-apps = { path = \"$root\" }"
program ring entra_apps::Client "entra-apps = { path = \"$root\", default-features = false, features = [\"reqwest\", \"rustls-no-provider\", \"certificate\"] }
rustls = { version = \"0.23\", default-features = false, features = [\"ring\", \"std\", \"tls12\"] }"

cold graph-rs
rm -rf "$work/graph-rs"
cold ring
rm -rf "$work/ring"
cold default

# This crate alone, in the directory where its dependencies are built.
export CARGO_TARGET_DIR="$work/default/target"
sides=(default)
if [[ -n $commit ]]; then
    git -C "$root" worktree add --quiet --detach "$work/commit" "$commit"
    program of-commit entra_apps::Client "entra-apps = { path = \"$work/commit\" }"
    cp "$work/default/Cargo.lock" "$work/of-commit/Cargo.lock"
    (cd "$work/of-commit" && cargo fetch --quiet && timed cargo build --offline >/dev/null)
    sides+=(of-commit)
fi
for ((round = 0; round < rounds; round++)); do
    for side in "${sides[@]}"; do
        # Dependencies that only the other side has stay built.
        (cd "$work/$side" && cargo clean --quiet --offline -p entra-apps && timed cargo build --offline -p entra-apps) \
            >>"$work/$side.times"
    done
done
for side in "${sides[@]}"; do
    wall[$side]=$(cut -d' ' -f1 "$work/$side.times" | median)
    cpu[$side]=$(cut -d' ' -f2 "$work/$side.times" | median)
done
printf '%-10s %6d crate  %8s s wall %8s s CPU   median of %d' own 1 "${wall[default]}" "${cpu[default]}" "$rounds"
if [[ -n $commit ]]; then
    printf ', %s of %s s at %s' "$(ratio "${cpu[default]}" "${cpu[of-commit]}")" "${cpu[of-commit]}" "$commit"
fi
printf '\n'
