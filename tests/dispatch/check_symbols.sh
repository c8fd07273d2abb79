#!/usr/bin/env bash
# check_symbols.sh NM OBJDUMP PROGRAM: only local functions of a dispatched program have AVX instructions. A global one is
# what the linker chose for all of the program, and the baseline would run it too.
set -eu
nm=$1 objdump=$2 program=$3
functions=$("$objdump" -d --no-show-raw-insn "$program" | awk '
    /^[0-9a-f]+ <.*>:$/ { address = $1 }
    /\tv[a-z]/ && !/\tver[rw]/ { if (!(address in seen)) print address; seen[address] }')
[ -n "$functions" ] || { echo "FAILED: no AVX instruction in $program"; exit 1; }
leaks=$("$nm" -C --defined-only "$program" | awk 'NR == FNR { avx[$1]; next } $2 ~ /[A-Zuvw]/ && $1 in avx' \
    <(echo "$functions") -)
[ -z "$leaks" ] || { echo "FAILED: global functions with AVX instructions:"; echo "$leaks"; exit 1; }
echo "$(wc -l <<<"$functions") functions with AVX instructions, all local"
