# SPDX-License-Identifier: MIT
# Sourced: the world of the zoo's tests. $tmp/c is a cluster whose category
# "zoo" is $tmp/data; it all goes with the shell.
set -u
top=$(pwd)
tmp=$(mktemp -d) || exit 99
trap 'chmod -R u+rwx "$tmp"; rm -rf "$tmp"' EXIT
export ZOO_PLUGINS=$top/tests/plugins/zoo/.libs
# The programs themselves, not the scripts that libtool wraps round them.
export SNEK=$top/.libs/snek SNEK_ADD=$top/.libs/snek-add-function \
    SNEK_DEPLOY=$top/.libs/snek-deploy SNEK_WORKER=$top/snek-worker
export LD_LIBRARY_PATH=$top/.libs SNEK_PLUGIN_PATH=$top/plugins/.libs
mkdir "$tmp/tmp" && export TMPDIR=$tmp/tmp || exit 99
ulimit -c 0

# Where the sandbox lacks something, the worst of them would get out.
needs_cage () {
	"$SNEK" doctor | grep '	sandbox	' >"$tmp/sandbox"
	if grep -q 'no Landlock' "$tmp/sandbox"; then
		export ZOO_NO_LANDLOCK=1
	fi
	grep -q 'no_new_privs, seccomp' "$tmp/sandbox" && return
	echo "SKIP: the zoo stays closed: $(cut -f 3 "$tmp/sandbox")"
	exit 77
}

"$SNEK_DEPLOY" --local "$tmp/c" -q || exit 99
awk 'BEGIN { for (i = 1; i <= 4000; i++)
    printf "{\"id\":%d,\"text\":\"%0120d\"}\n", i, i * 7919 }' >"$tmp/data"
"$SNEK" write zoo "$tmp/data" --cluster "$tmp/c" --chunk-size 64K -q || exit 99
