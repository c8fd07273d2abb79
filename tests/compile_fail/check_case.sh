#!/usr/bin/env bash
# check_case.sh CASE COMPILER FLAGS...: CASE must compile, and with -DWRONG fail with the error that its first line names,
# once.
set -u
source=$1
shift
expected=$(sed -n '1s,^// error: ,,p' "$source")
[ -n "$expected" ] || { echo "$source does not name its error"; exit 1; }
"$@" "$source" || { echo "FAILED: the good version does not compile"; exit 1; }
text=$("$@" -DWRONG "$source" 2>&1) && { echo "FAILED: the wrong version compiles"; exit 1; }
errors=$(grep -c ' error: ' <<<"$text")
if [ "$errors" -ne 1 ] || ! grep -qF "$expected" <<<"$text" ||
   ! grep -qE "the model's table is wrong|no network fits the budget" <<<"$text"; then
    printf 'FAILED: expected one error with %s, got %s errors:\n%s\n' "$expected" "$errors" "$text"
    exit 1
fi
