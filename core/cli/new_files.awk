# SPDX-License-Identifier: MIT
# The files given, as a table in C.  sdk/template/plugin.c.in is "@name@.c".
# Their licence is ours; that of a plugin is its author's to choose.
function path_of(file) {
	sub(/.*sdk\/template\//, "", file)
	sub(/\.in$/, "", file)
	if (file == "plugin.c")
		return "@name@.c"
	if (file == "gitignore")
		return ".gitignore"
	return file
}
BEGIN {
	print "/* SPDX-License-Identifier: MIT */"
	print "/* Made by new_files.awk from sdk/template. */"
	print "#include \"cli/new.h\"\n\n#include <stddef.h>\n"
	print "const struct new_file cli_new_files[] = {"
}
FNR == 1 {
	if (NR > 1)
		print "\t},"
	printf "\t{ \"%s\",\n", path_of(FILENAME)
}
FNR == 1 && /SPDX-License-Identifier/ {
	next
}
{
	gsub(/\\/, "\\\\&")
	gsub(/"/, "\\\"")
	gsub(/\t/, "\\t")
	printf "\t  \"%s\\n\"\n", $0
}
END { print "\t},\n\t{ NULL, NULL }\n};" }
