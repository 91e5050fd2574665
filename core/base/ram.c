/* SPDX-License-Identifier: MIT */
/*
 * /proc/self/cgroup says which groups this process is in, and
 * /proc/self/mountinfo where their files lie.  A group is within the limits of
 * all above it.  What is not there, or reads oddly, limits nothing.
 */
#include "base/ram.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST ((uint64_t)1 << 20)
#define UNKNOWN ((uint64_t)1 << 30)     /* where the machine does not say */

static FILE *open_at(const char *root, const char *path)
{
	char name[2 * PATH_MAX];

	snprintf(name, sizeof(name), "%s%s", root, path);
	return fopen(name, "re");
}

static uint64_t of_machine(const char *root)
{
	FILE *f = open_at(root, "/proc/meminfo");
	unsigned long long kib = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemTotal: %llu kB", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib ? kib << 10 : UNKNOWN;
}

/* ---- the files of one group, and of those above it ---- */

static void least_of_file(const char *root, const char *dir, const char *file,
    uint64_t *least)
{
	char path[PATH_MAX + 64];
	unsigned long long n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = open_at(root, path);
	if (!f)
		return;
	if (fscanf(f, "%llu", &n) == 1 && n < *least)   /* else it says max */
		*least = n;
	fclose(f);
}

static void least_of_dirs(const char *root, char *dir, size_t mount,
    uint64_t *least)
{
	char *slash;

	for (;;) {
		least_of_file(root, dir, "memory.max", least);
		least_of_file(root, dir, "memory.high", least);
		least_of_file(root, dir, "memory.limit_in_bytes", least);
		slash = strrchr(dir, '/');
		if (strlen(dir) <= mount || !slash)
			return;
		*slash = '\0';
	}
}

/* ---- which group, where ---- */

static bool in_list(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (; list; list = strchr(list, ',')) {
		list += *list == ',';
		if (!strncmp(list, word, n) && (!list[n] || list[n] == ','))
			return true;
	}
	return false;
}

/* The path of this process's group; v1: in the hierarchy of memory. */
static bool find_group(const char *root, bool v1, char path[PATH_MAX])
{
	FILE *f = open_at(root, "/proc/self/cgroup");
	char line[PATH_MAX + 256], *controllers, *at;
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		controllers = strchr(line, ':');
		at = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!at)
			continue;
		*controllers++ = '\0';
		*at++ = '\0';
		found = v1 ? in_list(controllers, "memory") : !*controllers;
		snprintf(path, PATH_MAX, "%s", at);
	}
	if (f)
		fclose(f);
	return found;
}

/* What of the group's path lies below the mount; a mount of another part of
 * the hierarchy has the group's own files at its top. */
static const char *below(const char *group, const char *top)
{
	size_t n = strcmp(top, "/") ? strlen(top) : 0;

	if (strncmp(group, top, n) || (group[n] && group[n] != '/') ||
	    !strcmp(group + n, "/"))
		return "";
	return group + n;
}

static void least_of_mount(const char *root, const char *line, uint64_t *least)
{
	char top[PATH_MAX], mount[PATH_MAX], type[64], options[1024];
	char group[PATH_MAX], dir[2 * PATH_MAX];
	const char *rest = strstr(line, " - ");
	bool v1;

	if (!rest || sscanf(line, "%*s %*s %*s %4095s %4095s", top, mount) != 2 ||
	    sscanf(rest, " - %63s %*s %1023s", type, options) != 2)
		return;
	v1 = !strcmp(type, "cgroup") && in_list(options, "memory");
	if ((!v1 && strcmp(type, "cgroup2")) || !find_group(root, v1, group))
		return;
	snprintf(dir, sizeof(dir), "%s%s", mount, below(group, top));
	least_of_dirs(root, dir, strlen(mount), least);
}

uint64_t sk_ram(const char *root)
{
	FILE *f = open_at(root, "/proc/self/mountinfo");
	uint64_t least = of_machine(root);
	char line[4 * PATH_MAX];

	while (f && fgets(line, sizeof(line), f))
		least_of_mount(root, line, &least);
	if (f)
		fclose(f);
	return least < LEAST ? LEAST : least;
}
