#!/usr/bin/env bash
# Hands the three steps to Slurm; each waits for the one before. Arguments go to every sbatch: submit.sh --partition=short --account=…
set -euo pipefail

cd @DIR@
mkdir -p logs
prepare=$(sbatch --parsable "$@" prepare.sbatch)
grade=$(sbatch --parsable --dependency="afterok:$prepare" --kill-on-invalid-dep=yes "$@" grade.sbatch)
merge=$(sbatch --parsable --dependency="afterany:$grade" --kill-on-invalid-dep=yes "$@" merge.sbatch)
echo "prepare $prepare, grade $grade, merge $merge; squeue shows them, and logs/ what they say"
