/* SPDX-License-Identifier: MIT */
#include "task/lines.h"

#include <stdio.h>
#include <stdlib.h>

#include "task/elf_file.h"

struct sk_lines {
	struct sk_elf_file elf;
	sk_dwarf *dwarf;                /* or NULL */
};

sk_lines *sk_lines_open(const char *path)
{
	sk_lines *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	if (sk_elf_file_open(&l->elf, path, NULL)) {
		free(l);
		return NULL;
	}
	l->dwarf = sk_dwarf_open(path);
	return l;
}

void sk_lines_close(sk_lines *l)
{
	if (!l)
		return;
	sk_dwarf_close(l->dwarf);
	sk_elf_file_free(&l->elf);
	free(l);
}

void sk_lines_find(sk_lines *l, uint64_t at, struct sk_line *out)
{
	const char *name;

	memset(out, 0, sizeof(*out));
	if (sk_elf_function(&l->elf, at, &name, &out->offset))
		snprintf(out->function, sizeof(out->function), "%.*s",
		    (int)strcspn(name, "."), name); /* not the ".cold" part */
	if (l->dwarf)
		sk_dwarf_find(l->dwarf, at, out);
}
