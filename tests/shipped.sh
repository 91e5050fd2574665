#!/bin/bash
# SPDX-License-Identifier: MIT
# The pages of the functions that ship: what their examples show is what comes
# out, on threads and in processes, and each function that ships with a page is
# told of as its page says.
set -u
top=$(pwd)
src=$(cd "${srcdir:-.}" && pwd)
export SNEK_PLUGIN_PATH=$top/plugins/.libs SNEK_WORKER=$top/snek-worker
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
export SNEK_CLUSTER=$tmp/c LC_ALL=C.UTF-8
bad=0
complain () { bad=1; echo "FAIL: $*"; }

# The command of the tree, on $on.
mkdir "$tmp/bin" && cat >"$tmp/bin/snek" <<END || exit 99
#!/bin/sh
case \$1 in query|run) set -- "\$@" --on "\$on" ;; esac
exec "$top/snek" "\$@"
END
chmod +x "$tmp/bin/snek"
PATH=$tmp/bin:$PATH
cd "$tmp" || exit 99
"$top/snek-deploy" --local "$tmp/c" -q &&
    snek write packages "$src/examples/data/packages.jsonl" -q || exit 99

# The literal blocks under EXAMPLES: a line after "$ " is a command, with what
# a backslash or a pipe at its end continues; the rest is what it prints.
session () {
	awk '/^\.Sh /{in_examples = /EXAMPLES/}
	     /^\.Bd/{in_block = in_examples; next}
	     /^\.Ed/{in_block = 0}
	     in_block' "$1" | sed 's/\\e/\\/g; s/\\&//g'
}

play () {               # play FILE: commands and what they print
	local line more=
	while IFS= read -r line; do
		if test -n "$more"; then
			command="$command
$line"
		elif test "${line#\$ }" != "$line"; then
			command=${line#\$ }
		else
			continue
		fi
		case $line in *\\|*\|) more=1; continue ;; esac
		more=
		printf '%s\n' "\$ $command"
		eval "$command" 2>&1
	done <"$1"
}

n=0
for page in "$src"/man/snek-{distinct,histogram,join,quantiles,sample,sort}.7; do
	session "$page" >want
	awk '/^\$ cat / { file = $3; next } /^\$ / { file = "" }
	    file { print >file }' want
	grep -q '^\$ ' want || complain "$page has no example"
	for on in threads processes; do
		export on
		play want >got
		cmp -s want got || { complain "$page ($on)"; diff want got; }
		n=$((n + 1))
	done
	name=$(basename "$page" .7)
	name=${name#snek-}
	snek functions "$name" | grep -q "$name" || complain "snek functions $name"
	# Every argument that the function has is on its page.
	for arg in $(snek functions "$name" --json | grep -o '"args":.*' |
	    grep -o '"name":"[a-z_-]*"' | cut -d '"' -f 4); do
		grep -q "^\.It Li $arg=" "$page" || complain "$page lacks $arg"
	done
done
test $n -ge 12 || complain "only $n sessions"
exit $bad
