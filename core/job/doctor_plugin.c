/* SPDX-License-Identifier: MIT */
/* Do the plugins that ship with snek load?  They are asked in confined
 * processes, as they will be when they are queried. */
#include "job/doctor.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "job/function.h"

struct plugins {
	struct sk_doctor *doctor;
	sk_worker *worker;
	struct sk_buf names;            /* of those that load */
	unsigned good, bad;
	bool deaf;                      /* the worker answers no more */
};

static void no_worker(struct plugins *p, const struct snek_error *e)
{
	p->deaf = true;
	sk_doctor_say(p->doctor, e->code == SNEK_ENOENT ? SNEK_CHECK_WARN
	    : SNEK_CHECK_FAIL, "plugins", "set SNEK_WORKER to the snek-worker "
	    "of this snek, or unset it", "not looked at: %s", e->text);
}

/* Only what functions are looked for in: NAME.so of the plugin NAME. */
static void check_file(struct plugins *p, const char *dir, const char *file)
{
	struct snek_error e = { 0 };
	struct sk_plugin *plugin;
	size_t n = strlen(file);
	char path[8192];
	int rc;

	if (p->deaf || n < 4 || strcmp(file + n - 3, ".so"))
		return;
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	rc = sk_function_describe(p->worker, path, &plugin, &e);
	if (rc == SNEK_EAGAIN) {
		no_worker(p, &e);
		return;
	}
	if (rc) {
		p->bad++;
		sk_doctor_say(p->doctor, SNEK_CHECK_FAIL, "plugins",
		    "install it again, or remove it", "%s", e.text);
		return;
	}
	if (strlen(plugin->name) == n - 3 &&
	    !strncmp(plugin->name, file, n - 3)) {
		sk_buf_printf(&p->names, "%s%s", p->good ? ", " : "",
		    plugin->name);
		p->good++;
	} else {
		sk_doctor_say(p->doctor, SNEK_CHECK_WARN, "plugins",
		    "name the file after its plugin",
		    "%s holds the plugin %s: it is not found by either name",
		    path, plugin->name);
	}
	sk_plugin_close(plugin);
}

static int check_dir(void *arg, const char *dir)
{
	struct plugins *p = arg;
	struct dirent **file;
	int n = scandir(dir, &file, NULL, alphasort), i;

	if (n < 0) {
		/* The last directory is the installed one: see below. */
		if (strcmp(dir, SNEK_PLUGINDIR) != 0)
			sk_doctor_say(p->doctor, SNEK_CHECK_WARN, "plugins",
			    "correct SNEK_PLUGIN_PATH", "%s: %s", dir,
			    strerror(errno));
		return 0;
	}
	for (i = 0; i < n; i++) {
		check_file(p, dir, file[i]->d_name);
		free(file[i]);
	}
	free(file);
	return 0;
}

void sk_doctor_plugins(struct sk_doctor *d)
{
	const struct sk_worker_options o = { .workers = 1 };
	struct plugins p = { .doctor = d };
	struct snek_error e = { 0 };

	if (sk_worker_open(&o, &p.worker, &e)) {
		no_worker(&p, &e);
		return;
	}
	sk_function_dirs(check_dir, &p);
	sk_worker_close(p.worker);
	if (p.good)
		sk_doctor_say(d, SNEK_CHECK_PASS, "plugins", NULL,
		    "%u shipped: %s", p.good, p.names.p ? p.names.p : "");
	else if (!p.bad && !p.deaf)
		sk_doctor_say(d, SNEK_CHECK_WARN, "plugins",
		    "run make install, or set SNEK_PLUGIN_PATH",
		    "there are none in %s", SNEK_PLUGINDIR);
	sk_buf_free(&p.names);
}
