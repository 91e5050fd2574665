# SPDX-License-Identifier: MIT
# The stanzas of apt-cache dumpavail as JSON lines, one object a package.
# Run it with LC_ALL=C: bytes of UTF-8 pass through as they are.
BEGIN {
	FS = "\n"
	n = split("Package Version Installed-Size Maintainer Architecture Depends " \
	    "Description Section Priority Size Homepage Tag", field, " ")
	split("package version installed_size maintainer architecture depends " \
	    "description section priority size homepage tag", name, " ")
	number["Installed-Size"] = number["Size"] = 1
	for (i = 1; i <= n; i++)
		wanted[field[i]] = 1
}

function quote(s) {
	gsub(/\\/, "\\\\", s)
	gsub(/"/, "\\\"", s)
	gsub(/\t/, "\\t", s)
	gsub(/[\001-\037]/, " ", s)
	return "\"" s "\""
}

function text(f) {
	if (f in number && value[f] ~ /^(0|[1-9][0-9]*)$/)
		return value[f]
	return quote(value[f])
}

function flush(  i, line, sep) {
	if ("Package" in value) {
		line = sep = ""
		for (i = 1; i <= n; i++)
			if (field[i] in value) {
				line = line sep "\"" name[i] "\":" text(field[i])
				sep = ","
			}
		print "{" line "}"
	}
	split("", value)
	key = ""
}

/^$/ { flush(); next }
/^[ \t]/ {
	if (key in wanted) {
		sub(/^[ \t]+/, "")
		value[key] = value[key] " " $0
	}
	next
}
{
	at = index($0, ":")
	key = substr($0, 1, at - 1)
	if (key ~ /^Description-/ && key != "Description-md5")
		key = "Description"
	if (key in wanted) {
		value[key] = substr($0, at + 1)
		sub(/^[ \t]+/, "", value[key])
		sub(/[ \t]+$/, "", value[key])
	}
}
END { flush() }
