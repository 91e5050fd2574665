#!/bin/sh
# SPDX-License-Identifier: MIT
# The rules of the house that a script can check: who includes whom, which
# foreign header belongs to which file, length of functions and files, and a
# licence line in every file, or in REUSE.toml for it.
srcdir=${srcdir:-.}
cd "$srcdir" || exit 99
bad=0
complain () { echo "$*"; bad=1; }

allowed () {
	case $1 in
	base)     echo "base" ;;
	value)    echo "base value" ;;
	store)    echo "base value store" ;;
	category) echo "base value store category" ;;
	task)     echo "base value task" ;;
	exec)     echo "base value task aws exec" ;;
	worker)   echo "base value store task exec worker" ;;
	job)      echo "base value store category task aws exec job" ;;
	aws)      echo "base value task aws" ;;
	host)     echo "base value host" ;;
	api)      echo "base value store category task aws job worker api" ;;
	cli)      echo "cli" ;;
	esac
}

for dir in base value store category task aws exec worker host job api cli; do
	for f in core/$dir/*.[ch] core/$dir/*.cc; do
		test -f "$f" || continue
		for inc in $(sed -n 's/^#include "\([a-z_]*\)\/.*/\1/p' "$f"); do
			case " $(allowed $dir) " in
			*" $inc "*) ;;
			*) complain "$f may not include from $inc/" ;;
			esac
		done
	done
done

only () {
	for f in $(grep -l "^#include <$1>" -r core sdk plugins --include='*.[ch]' --include='*.cc'); do
		case " $2 " in
		*" $f "*) ;;
		*) complain "$f may not include <$1>" ;;
		esac
	done
}
only lmdb.h "$(echo core/store/meta_lmdb*.[ch])"
only msgpack.h core/value/pack.c
only zlib.h "$(echo core/value/inflate*.c core/value/input*.c core/value/gzip*.c)"
only seccomp.h "core/task/sandbox_seccomp.c core/task/sandbox_calls.c"
only linux/landlock.h core/task/sandbox_landlock.c
only dlfcn.h "core/task/plugin.c core/store/tls_load.c core/aws/load.c"
only hiredis/read.h core/store/resp.c
only openssl/ssl.h core/store/tls.c
only openssl/x509_vfy.h core/store/tls_ca.c
only curl/curl.h "$(echo core/aws/http*.[ch])"
only expat.h core/aws/xml.c
only zip.h "core/aws/zip.c core/host/unzip.c"
only microhttpd.h "core/host/server.c core/api/server.c"
only ffi.h core/task/ffi.c
only elfutils/libdwfl.h core/task/lines_dwarf.c
only unwind.h core/worker/crash.c
for f in $(grep -l '^#include <simdjson' -r core); do
	test "$f" = core/value/json_fast.cc || complain "$f may not include simdjson"
done

for f in core/*.[ch] core/*/*.[ch] core/*/*.cc sdk/snek/*.h plugins/*.c; do
	test -f "$f" || continue
	awk -v f="$f" '
	/^[{]/ { start = NR }
	/^[}]/ { if (start && NR - start > 80) { print f ":" start ": a function of " NR - start " lines"; bad = 1 } start = 0 }
	END { if (NR > 600) { print f ": " NR " lines"; bad = 1 } exit bad }' "$f" || bad=1
done

# What git knows; a tree that was unpacked has files that were built in it, too.
files () {
	test -e .git && git ls-files 2>/dev/null && return
	find core sdk plugins examples tests bench man README.md -type f \
	    \( -name '*.[ch]' -o -name '*.cc' -o -name '*.sh' -o -name '*.py' -o \
	    -name '*.md' -o -name '*.map' -o -name '*.[1357]' \)
	ls setup autogen.sh configure.ac Makefile.am
}

listed=$(sed -n 's/^	"\(.*\)",$/\1/p' REUSE.toml)
is_listed () {
	set -f
	for pattern in $listed; do
		# shellcheck disable=SC2254
		case $1 in
		$pattern) set +f; return ;;
		esac
	done
	set +f
	return 1
}

# Named once: a file that has no such line, or not at its top.
for f in $({
	files
	files | xargs grep -an -m 1 'SPDX-License-Identifier: MIT' /dev/null |
	    awk -F: '$2 <= 3 { print $1 }'
} | sort | uniq -u); do
	test ! -f "$f" || is_listed "$f" ||
	    complain "$f: no SPDX line, nor is it in REUSE.toml"
done
exit $bad
