# SPDX-License-Identifier: MIT
# growth.tsv as a picture: two fields of lines, both axes logarithmic, so that
# what is linear is straight and rises by one for one.
#
#   awk -f plot.awk growth.tsv >growth.svg

BEGIN {
	FS = "\t"
	split("wordcount group grep count write", rows, " ")
	split("#1b6ca8 #c8553d #4a8f3c #7b4ea3 #8a6d1f", colours, " ")
	width = 360; height = 300
	print "<!-- SPDX-License-Identifier: MIT -->"
	print "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\"" \
	    " height=\"400\" font-family=\"sans-serif\" font-size=\"12\">"
	print "<rect width=\"900\" height=\"400\" fill=\"white\"/>"
}
{ n[$1]++; size[$1, n[$1]] = $2; cpu[$1, n[$1]] = $3 }

function log10(v) { return log(v) / log(10) }
function x_of(v) { return left + (log10(v) - x_least) / x_span * width }
function y_of(v) { return 340 - (log10(v) + 3) / 5 * height }

function line(x1, y1, x2, y2, colour) {
	printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"" \
	    " stroke=\"%s\"/>\n", x1, y1, x2, y2, colour
}
function text(x, y, anchor, what) {
	printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n",
	    x, y, anchor, what
}

# Seconds of CPU from a millisecond to a hundred, and the powers of ten below.
function field(title, least, most, names,   i, name) {
	x_least = least; x_span = most - least
	split(names, name, ",")
	text(left + width / 2, 24, "middle", title)
	for (i = -3; i <= 2; i++) {
		line(left, y_of(10 ^ i), left + width, y_of(10 ^ i), "#ddd")
		text(left - 6, y_of(10 ^ i) + 4, "end", 10 ^ i " s")
	}
	for (i = least; i <= most; i++) {
		line(x_of(10 ^ i), 40, x_of(10 ^ i), 340, "#ddd")
		text(x_of(10 ^ i), 358, "middle", name[i - least + 1])
	}
}

function curve(what, colour, label,   i) {
	if (!n[what])
		return
	printf "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\"" \
	    " points=\"", colour
	for (i = 1; i <= n[what]; i++)
		printf "%.1f,%.1f ", x_of(size[what, i]), y_of(cpu[what, i])
	print "\"/>"
	for (i = 1; i <= n[what]; i++)
		printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n",
		    x_of(size[what, i]), y_of(cpu[what, i]), colour
	printf "<rect x=\"%.1f\" y=\"%.1f\" width=\"12\" height=\"3\" fill=\"%s\"/>\n",
	    left + 10, 50 + 16 * labels, colour
	text(left + 28, 55 + 16 * labels++, "start", label)
}

END {
	left = 60
	field("CPU seconds by bytes of JSON lines", 7, 10, "10 MB,100 MB,1 GB,10 GB")
	for (r = 1; r <= 5; r++)
		curve(rows[r], colours[r], rows[r])
	left = 510; labels = 0
	field("CPU seconds by keys, of ten million records", 1, 7,
	    "10,100,1000,10^4,10^5,10^6,10^7")
	curve("keys", colours[4], "count by a key")
	print "</svg>"
}
