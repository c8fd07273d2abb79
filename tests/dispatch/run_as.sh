#!/usr/bin/env bash
# run_as.sh EXPECTED PROCESSOR COMMAND...: the command runs, and its output names the instruction set EXPECTED.
# PROCESSOR: a model of qemu's, or "native", where FOVEA_ARCH asks for the set. Exits with 4 for "skipped".
set -u
expected=$1 processor=$2
shift 2
run=("$@")
if [ "$processor" = native ]; then
    export FOVEA_ARCH=$expected
else
    qemu=$(command -v qemu-x86_64 || command -v qemu-x86_64-static)
    [ -n "$qemu" ] || { echo "SKIPPED: qemu-x86_64 is not installed (Debian: qemu-user)"; exit 4; }
    run=("$qemu" -cpu "$processor" "$@")
fi
output=$("${run[@]}" 2>&1)
status=$?
echo "$output"
case $output in
*"FOVEA_ARCH=$expected: this processor or its operating system lacks it"*)
    echo "SKIPPED: this processor has no $expected"
    exit 4
    ;;
esac
[ $status -eq 0 ] && grep -qw "$expected" <<<"$output" || { echo "FAILED: exit code $status, expected $expected"; exit 1; }
