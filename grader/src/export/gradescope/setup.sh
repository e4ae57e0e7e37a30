#!/usr/bin/env bash
# Gradescope runs this once, as root and with a network, when it makes the image. It leaves a compiled grader, compiled tests, and
# reference solutions that got full points; else it fails, and the assignment has no autograder.
set -euo pipefail

export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends build-essential ca-certificates curl netcat-openbsd socat python3

# Not in /root: programs of students are compiled by users who may not look in there.
export RUSTUP_HOME=/opt/rust/rustup CARGO_HOME=/opt/rust/cargo PATH="/opt/rust/cargo/bin:$PATH"
if ! command -v rustc >/dev/null; then
  curl --proto '=https' --tlsv1.2 --silent --show-error --fail https://static.rust-lang.org/rustup/rustup-init.sh |
    sh -s -- -y --no-modify-path --profile minimal --default-toolchain @TOOLCHAIN@
fi

cd "${AUTOGRADER:-/autograder}/source/course"
cargo build --package grader
target/debug/grader --all --solutions --fail-under 100
target/debug/grader doctor
