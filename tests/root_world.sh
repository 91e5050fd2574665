# SPDX-License-Identifier: MIT
# root_world.sh - bundles in roots of their own, for shell tests; to be sourced.
# $tmp must be the test's directory.  `tests/boot` is who asks.

# A bundle of wordcount in $tmp/task, as Lambda unzips it.
unpack_bundle () {		# [OPTION ...]
	./snek-add-function -q --bundle "$tmp/bundle.zip" "$@" \
	    plugins/.libs/wordcount.so || return 1
	rm -rf "$tmp/task"
	"${PYTHON:-python3}" - "$tmp/bundle.zip" "$tmp/task" <<'EOF'
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    for i in z.infolist():
        os.chmod(z.extract(i, sys.argv[2]), i.external_attr >> 16 & 0o777)
EOF
}

# How a root is entered, if it may be: by root, or in a namespace where we are.
find_chroot () {
	chroot=$(PATH=$PATH:/usr/sbin:/sbin command -v chroot) ||
	    { echo "SKIP: there is no chroot"; return 1; }
	test "$(id -u)" = 0 && return
	chroot="unshare --user --map-root-user $chroot"
	# shellcheck disable=SC2086  # it is several words
	$chroot / true 2>/dev/null ||
	    { echo "SKIP: neither root nor user namespaces"; return 1; }
}

# What Lambda sets, and nothing else; the libraries in the order of its manual.
lambda_libraries=/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib
# shellcheck disable=SC2016  # boot's shell expands it
lambda_env='env -i AWS_LAMBDA_RUNTIME_API=$AWS_LAMBDA_RUNTIME_API \
_HANDLER=plugin LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime \
AWS_REGION=eu-central-1 AWS_LAMBDA_FUNCTION_NAME=snek TZ=:UTC \
AWS_LAMBDA_FUNCTION_MEMORY_SIZE=1769 AWS_LAMBDA_FUNCTION_VERSION=1 \
LD_LIBRARY_PATH='$lambda_libraries

# A bootstrap answers when it is started by a command.
boots () {			# NAME COMMAND
	BOOT=$2 tests/boot >"$tmp/boot.log" 2>&1 && return
	echo "FAIL: $1: $2"
	cat "$tmp/boot.log"
	return 1
}

# The bundle answers in a directory taken for the root.
boots_in () {			# NAME ROOT
	rm -rf "$2/var/task"
	mkdir -p "$2/var/task" "$2/tmp" && cp -a "$tmp/task/." "$2/var/task" ||
	    return 1
	boots "$1" "exec $lambda_env $chroot $2 /var/task/bootstrap"
}
