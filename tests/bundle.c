/* SPDX-License-Identifier: MIT */
/* bundle OUT.zip PLUGIN [--tls] [--worker FILE] [FILE...]: a bundle without a
 * cluster; says its parts, the sum and the size. */
#include <stdio.h>
#include <string.h>

#include "aws/module.h"

#define FILES 64

int main(int argc, char **argv)
{
	const char *include[FILES];
	struct sk_bundle_options o = { .plugin = argc > 2 ? argv[2] : "",
		.include = include };
	struct snek_error e = { 0 };
	struct sk_bundle b;
	FILE *f;
	int i;

	for (i = 3; i < argc && o.includes < FILES; i++)
		if (!strcmp(argv[i], "--tls"))
			o.with_tls = true;
		else if (!strcmp(argv[i], "--worker") && i + 1 < argc)
			o.worker = argv[++i];
		else
			include[o.includes++] = argv[i];
	if (sk_bundle_make(&o, &b, &e)) {
		fprintf(stderr, "bundle: %s\n", e.text);
		return 1;
	}
	f = fopen(argv[1], "wb");
	if (!f || fwrite(b.zip.p, 1, b.zip.n, f) != b.zip.n || fclose(f)) {
		perror(argv[1]);
		return 1;
	}
	printf("%s %s %zu %llu\n", b.arch, b.code_sha256, b.zip.n,
	    (unsigned long long)b.unzipped);
	sk_bundle_free(&b);
	return 0;
}
