#!/bin/bash
# SPDX-License-Identifier: MIT
# A bundle made here runs where the C library is older than ours, and where
# libraries lie as they do on Amazon Linux.  Takes root, debootstrap, and a
# minute to fetch a system; that stays in $ROOTS (build/roots).
set -u
die () { echo "check-roots: $*"; exit 1; }
test "$(id -u)" = 0 || die "only root may make a system and change to it"
debootstrap=$(PATH=$PATH:/usr/sbin command -v debootstrap) ||
    die "no debootstrap: apt-get install debootstrap"
test -x tests/boot || die "built without AWS or Check"
roots=${ROOTS:-$(pwd)/roots}
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
# shellcheck source=tests/root_world.sh
. "${srcdir:-.}/tests/root_world.sh"
find_chroot || exit 1

# Where this machine gets its packages.
mirror () {
	test -z "${MIRROR:-}" || { echo "$MIRROR"; return; }
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources \
	    /etc/apt/sources.list.d/*.list 2>/dev/null |
	    sed -n -e 's/^URIs: *\([^ ]*\).*/\1/p' \
	    -e 's/^deb  *\(\[[^]]*\] *\)\{0,1\}\([a-z]*:[^ ]*\) .*/\2/p' | head -n 1
}

make_root () {			# SUITE
	test -e "$roots/$1/etc/debian_version" && return
	echo "fetching $1 ..."
	rm -rf "$roots/$1.new"
	mkdir -p "$roots" && "$debootstrap" --variant=minbase "$1" \
	    "$roots/$1.new" "$(mirror)" >"$roots/$1.log" 2>&1 ||
	    { tail -n 5 "$roots/$1.log"; die "no $1 (MIRROR says where from)"; }
	mv "$roots/$1.new" "$roots/$1"
}

# All libraries in /lib64 too, where Lambda's LD_LIBRARY_PATH begins.
make_al () {
	test -e "$roots/al/lib64/libc.so.6" && return
	rm -rf "$roots/al"
	cp -a "$roots/bullseye" "$roots/al" && mkdir -p "$roots/al/usr/lib64" ||
	    die "no copy of bullseye"
	for lib in "$roots"/al/usr/lib/*-linux-gnu/*.so*; do
		name=${lib##*/} lib=${lib#"$roots/al"}
		test -L "$roots/al/lib64/$name" ||
		    ln -s "$lib" "$roots/al/lib64/$name" || exit 1
	done
}

# The loader takes every library from the bundle, whatever else there is.
stays_in () {			# ROOT FILE
	LD_LIBRARY_PATH=$lambda_libraries chroot "$1" /var/task/snek/ld.so \
	    --inhibit-cache --library-path /var/task/snek --list \
	    "/var/task/$2" >"$tmp/list" 2>&1 &&
	    ! grep '=>' "$tmp/list" | grep -v '=> /var/task/snek/' && return
	cat "$tmp/list"
	die "$2 takes libraries of $1"
}

# Without the bundle's loader it does not, or this shows nothing.
fails_alone () {		# ROOT
	chroot "$1" /var/task/snek/snek-worker >"$tmp/alone" 2>&1
	grep -q 'GLIBC_[0-9.]*. not found' "$tmp/alone" && return
	cat "$tmp/alone"
	die "$1 has a C library that is as new as ours"
}

tls=--tls
test -e "${SNEK_TLS:-/nowhere}" || tls=
for kind in bullseye al; do
	if test $kind = bullseye; then make_root bullseye; else make_al; fi
	for with in '' $tls; do
		# shellcheck disable=SC2086  # it may be none
		unpack_bundle $with || exit 1
		boots_in "$kind $with" "$roots/$kind" || exit 1
		for file in plugin.so snek/snek-worker ${with:+snek/snek-tls.so}; do
			stays_in "$roots/$kind" "$file"
		done
	done
	fails_alone "$roots/$kind"
	echo "ok: $kind, $(chroot "$roots/$kind" ldd --version | head -n 1)"
	rm -rf "$roots/$kind/var/task"
done
