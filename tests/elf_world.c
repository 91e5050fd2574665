/* SPDX-License-Identifier: MIT */
#include "elf_world.h"

char elf_dir[64];

const char *elf_path(const char *name)
{
	static char path[16][300];
	static unsigned turn;
	char *p = path[turn++ % 16];

	snprintf(p, sizeof(*path), "%s/%s", elf_dir, name);
	return p;
}

static void expand(char *to, size_t room, const char *flags)
{
	const char *at;
	size_t n = 0;

	for (; (at = strstr(flags, "DIR")); flags = at + 3)
		n += (size_t)snprintf(to + n, room - n, "%.*s%s",
		    (int)(at - flags), flags, elf_dir);
	snprintf(to + n, room - n, "%s", flags);
}

const char *elf_link(const char *name, const char *source, const char *flags)
{
	const char *cc = getenv("CC"), *out = elf_path(name);
	char command[3000], all[1000];

	file_write(elf_path("source.c"), source, strlen(source));
	expand(all, sizeof(all), flags);
	snprintf(command, sizeof(command), "%s -O1 -w -fPIC -nostdlib "
	    "-fno-stack-protector -Wl,--no-as-needed %s%s -o %s %s %s",
	    cc && *cc ? cc : "cc", strstr(flags, "-pie") ? ""
	    : "-shared -Wl,-soname,", strstr(flags, "-pie") ? "" : name, out,
	    elf_path("source.c"), all);
	ck_assert_msg(system(command) == 0, "%s", command);
	return out;
}

void elf_patch(const char *path, long at, const void *bytes, size_t n)
{
	FILE *f = fopen(path, "r+b");

	ck_assert_msg(f && !fseek(f, at, SEEK_SET) &&
	    fwrite(bytes, 1, n, f) == n && !fclose(f), "%s", path);
}

void elf_worker(void)
{
	elf_link("ld-x.so.1", "int loader;", "");
	elf_link("worker", "void _start(void) { for (;;) ; }",
	    "-pie DIR/ld-x.so.1 -Wl,--dynamic-linker=DIR/ld-x.so.1 "
	    "-Wl,-rpath,DIR");
	elf_link("launcher", "void _start(void) { for (;;) ; }",
	    "-pie DIR/ld-x.so.1");
	file_write(elf_path("worker.copyright"), "ours\n", 5);
}
