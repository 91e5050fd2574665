#!/bin/bash
# SPDX-License-Identifier: MIT
# The local Lambda host as its clients and its environments see it.
set -u
srcdir=${srcdir:-.}
PYTHON=${PYTHON:-python3}
. "$srcdir/tests/lambda_world.sh"
lambda_have || exit 77
command -v "$PYTHON" >/dev/null || { echo "SKIP: no python3"; exit 77; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/tmp" "$tmp/slow"
"$PYTHON" -B "$srcdir/tests/lambda-host.py" "$PWD/snek" "$PWD/tests/bootstrap" "$tmp/tmp" ||
    { tail -n 40 "$tmp/host.log"; exit 1; }
test "$(id -u)" = 0 || exit 0
as_nobody () { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
as_nobody /usr/bin/python3 -c '' && as_nobody test -x "$PWD/tests/bootstrap" ||
    { echo "not tried as another user than root: it may not look in here"; exit 0; }
chmod 711 "$tmp"
chown -R 65534 "$tmp"
# What depends on who we are.
as_nobody /usr/bin/python3 -B "$srcdir/tests/lambda-host.py" "$PWD/snek" \
    "$PWD/tests/bootstrap" "$tmp/tmp" an_environment_sees_its_own_things_alone \
    the_runtime_is_told_what_lambda_tells environments_are_used_again_and_end_with_their_function \
    what_takes_more_memory_than_it_has_is_killed without_a_root_it_works_too \
    a_bootstrap_in_another_language_runs_on_this_machine_s_programs \
    what_has_no_work_is_frozen a_network_of_its_own_has_the_runtime_alone \
    nothing_is_left_when_it_is_killed || { tail -n 40 "$tmp/host.log"; exit 1; }
