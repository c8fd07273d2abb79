#!/usr/bin/env bash
# check_refused.sh CMAKE SCRIPT NM OBJECT MESSAGE: the check of isolated objects refuses a copy of OBJECT, for that reason,
# and removes it.
set -u
cmake=$1 script=$2 nm=$3 object=$4 message=$5
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$object" "$folder/unit.o"
output=$("$cmake" "-DNM=$nm" "-DOBJECT=$folder/unit.o" -DARCH=avx512 -P "$script" 2>&1) && { echo "FAILED: accepted"; exit 1; }
tr -s ' \n' ' ' <<<"$output" | grep -q "$message" || { echo "$output"; echo "FAILED: expected '$message'"; exit 1; }
[ ! -e "$folder/unit.o" ] || { echo "FAILED: the object is still there"; exit 1; }
