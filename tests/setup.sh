#!/bin/bash
# SPDX-License-Identifier: MIT
# ./setup among programs that only note what they were asked: what it installs,
# when it asks, and when it configures again.
set -u
top=${srcdir:-.}
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
failed=0
fail () { echo "FAIL: $*: $(cat "$tmp/out")"; failed=1; }

mkdir "$tmp/bin" "$tmp/tree" || exit 99
cp "$top/setup" "$tmp/tree/setup" && chmod +x "$tmp/tree/setup" || exit 99
cd "$tmp/tree" || exit 99
touch configure.ac Makefile.am && touch Makefile.in || exit 99
fake () { printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod +x "$1" || exit 99; }
fake configure 'echo configure >>"$NOTES"; touch Makefile config.status'
fake ../bin/make 'echo "make $*" | grep -o "make.*check" >>"$NOTES"; exit 0'
# The last word names the package.
fake ../bin/dpkg-query 'for p; do :; done
grep -qx "$p" "$THERE" && echo installed'
fake ../bin/apt-get 'for p; do case $p in install) on=y ;; -*) ;;
*) test -z "${on-}" || echo "$p" >>"$THERE" ;; esac; done
echo "apt-get $*" >>"$NOTES"'
fake ../bin/sudo 'echo sudo >>"$NOTES"; "$@"'
fake ../bin/id 'echo "${FAKE_UID:-1000}"'
export PATH=$tmp/bin:$PATH NOTES=$tmp/notes THERE=$tmp/there
: >"$THERE"

# Without a terminal; the notes and what was said are this run's.
setup () { : >"$NOTES"; ./setup "$@" >"$tmp/out" 2>&1 </dev/null; }
noted () { grep -q -- "$1" "$NOTES"; }

setup check --no-deps || fail "with --no-deps"
noted apt-get && fail "--no-deps installs"
noted configure && noted 'make.*check' || fail "no check"
setup check --no-deps || fail "again"
noted configure && fail "configures again for nothing"

setup check || fail "no terminal"
grep -q '^Missing packages: .*libffi-dev.*check' "$tmp/out" || fail "no names"
noted sudo && noted 'apt-get install' || fail "not installed"
noted configure || fail "what was installed is not looked for"
setup check || fail "all there"
noted apt-get && fail "installs what is there"
noted configure && fail "configures again, with all there"
sed -i '/^redis-tools$/d' "$THERE"
setup check || fail "one gone"
test "$(sed -n 's/^Missing packages://p' "$tmp/out")" = " redis-tools" ||
	fail "more than what is missing"

sed -i '/^redis-tools$/d' "$THERE"
FAKE_UID=0 setup check || fail "as root"
noted sudo && fail "root needs no sudo"
touch configure
setup check --yes || fail "newer configure"
noted configure || fail "a newer configure is not run"

if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
	sed -i '/^redis-tools$/d' "$THERE"
	: >"$NOTES"
	echo n | script -qec './setup check' /dev/null >"$tmp/out" 2>&1
	grep -q 'with sudo?' "$tmp/out" || fail "a terminal is not asked"
	noted apt-get && fail "installs after a no"
	: >"$NOTES"
	script -qec './setup check --yes' /dev/null >"$tmp/out" 2>&1 </dev/null
	grep -q 'with sudo?' "$tmp/out" && fail "--yes asks"
	noted 'apt-get install' || fail "--yes does not install"
fi

rm ../bin/sudo
sed -i '/^redis-tools$/d' "$THERE"
for p in dirname id sed grep cat tail mkdir getconf env touch cmp mv rm bash sh; do
	test -e "../bin/$p" || ln -s "$(command -v "$p")" "../bin/$p" || exit 99
done
: >"$NOTES"
PATH=$tmp/bin ./setup check >"$tmp/out" 2>&1 </dev/null && fail "no sudo, no error"
grep -q 'no sudo: install' "$tmp/out" || fail "no word on sudo"
./setup >"$tmp/out" 2>&1; test $? = 2 || fail "no command is usage"
./setup nonsense >"$tmp/out" 2>&1; test $? = 2 || fail "another command is usage"
exit $failed
