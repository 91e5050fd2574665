/* SPDX-License-Identifier: MIT */
/*
 * lines_dwarf.c - DWARF, read by elfutils' libdw.
 *
 * It and what it needs are five libraries, which every worker would load to
 * no end: it is loaded when a plugin has crashed, and where it is not
 * installed lines are simply not known.
 */
#include "task/lines.h"

#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "task/plugin.h"

#define LIBRARY "libdw.so.1"

struct libdw {
	__typeof__(dwfl_begin) *begin;
	__typeof__(dwfl_end) *end;
	__typeof__(dwfl_report_elf) *report;
	__typeof__(dwfl_report_end) *report_end;
	__typeof__(dwfl_module_getsrc) *source;
	__typeof__(dwfl_lineinfo) *line;
};

struct sk_dwarf {
	struct libdw lib;
	Dwfl_Callbacks calls;
	Dwfl *dwfl;
	Dwfl_Module *module;
};

static bool load(struct libdw *l)
{
	const struct { const char *name; void *to; } f[] = {
		{ "dwfl_begin", &l->begin }, { "dwfl_end", &l->end },
		{ "dwfl_report_elf", &l->report },
		{ "dwfl_report_end", &l->report_end },
		{ "dwfl_module_getsrc", &l->source },
		{ "dwfl_lineinfo", &l->line },
	};
	void (*found)(void);
	size_t i;

	for (i = 0; i < sizeof(f) / sizeof(*f); i++) {
		if (sk_plugin_symbol(LIBRARY, f[i].name, &found, NULL))
			return false;
		memcpy(f[i].to, &found, sizeof(found));
	}
	return true;
}

/* Only what is in the file itself. */
static int no_elf(Dwfl_Module *m, void **user, const char *name,
    Dwarf_Addr base, char **file, Elf **elf)
{
	(void)m;
	(void)user;
	(void)name;
	(void)base;
	(void)file;
	(void)elf;
	return -1;
}

static int no_debuginfo(Dwfl_Module *m, void **user, const char *name,
    Dwarf_Addr base, const char *file, const char *link, GElf_Word crc,
    char **out)
{
	(void)m;
	(void)user;
	(void)name;
	(void)base;
	(void)file;
	(void)link;
	(void)crc;
	(void)out;
	return -1;
}

sk_dwarf *sk_dwarf_open(const char *path)
{
	sk_dwarf *d = calloc(1, sizeof(*d));
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (!d || fd < 0 || !load(&d->lib))
		goto fail;
	d->calls.find_elf = no_elf;
	d->calls.find_debuginfo = no_debuginfo;
	d->dwfl = d->lib.begin(&d->calls);
	if (!d->dwfl)
		goto fail;
	/* Where it lies is where its headers say; the descriptor is its own. */
	d->module = d->lib.report(d->dwfl, "plugin", path, fd, 0, true);
	if (d->module)
		fd = -1;
	if (d->module && !d->lib.report_end(d->dwfl, NULL, NULL))
		return d;
fail:
	if (fd >= 0)
		close(fd);
	sk_dwarf_close(d);
	return NULL;
}

void sk_dwarf_close(sk_dwarf *d)
{
	if (d && d->dwfl)
		d->lib.end(d->dwfl);
	free(d);
}

bool sk_dwarf_find(sk_dwarf *d, uint64_t at, struct sk_line *out)
{
	Dwfl_Line *l = d->lib.source(d->module, at);
	const char *file, *slash;
	int line = 0;

	file = l ? d->lib.line(l, NULL, &line, NULL, NULL, NULL) : NULL;
	if (!file || line <= 0)
		return false;
	slash = strrchr(file, '/');
	snprintf(out->file, sizeof(out->file), "%s", slash ? slash + 1 : file);
	out->line = (uint32_t)line;
	return true;
}
