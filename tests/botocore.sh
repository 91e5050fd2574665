# SPDX-License-Identifier: MIT
# botocore.sh - a Python that has botocore, of its own or as Debian's awscli
# brings it; to be sourced.

# Sets $python; false: there is none.
botocore_have () {
	for python in "${PYTHON:-python3}" /usr/bin/python3; do
		"$python" -c 'import botocore.auth' 2>/dev/null && return
		"$python" -c 'import awscli.clidriver' 2>/dev/null && return
	done
	python=
	echo "SKIP: no botocore (apt-get install awscli)"
	return 1
}
export PYTHONDONTWRITEBYTECODE=1
