#!/bin/sh
# SPDX-License-Identifier: MIT
# copyrights.sh LICENSE [ARCHIVE...]: the copyright of a program of ours and of
# the archives linked into it, as far as the system knows.
set -eu
cat "$1"
shift
for archive; do
	printf '\n---- linked in: %s ----\n\n' "$archive"
	file=$(readlink -f "$(${CC:-cc} -print-file-name="$archive")")
	package=$(dpkg -S "$file" 2>/dev/null | cut -d: -f1) || package=
	copyright=/usr/share/doc/$package/copyright
	if test -n "$package" && test -f "$copyright"; then
		cat "$copyright"
	else
		echo "as its package says"
	fi
done
