/* SPDX-License-Identifier: MIT */
/*
 * A plugin's bundle, unzipped:
 *
 *   bootstrap              starts the worker (worker/launcher.c)
 *   plugin.so              the plugin, whatever it was called
 *   ...                    what was included, under its own name
 *   snek/ld.so             the loader that the worker asks for
 *   snek/snek-worker       the worker
 *   snek/snek-tls.so       TLS for its shards, if they want it
 *   snek/libc.so.6 ...     all that any of these need, under the names by
 *                          which they need it
 *   snek/plugin.sha256     of plugin.so, hex, and a line end
 *   snek/manifest          versions in comments, then what sha256sum -c reads
 *   snek/copyright/...     by package of the system
 *
 * That of the API has snek/snek-api in place of plugin and worker, and what it
 * may load: snek/snek-aws.so and snek/plugins/, those that ship; and for the
 * stack's bastion the command, snek/snek-whole, with snek/snek-worker.
 *
 * Libraries lie where no search of the host's looks, so that its programs do
 * not get them; the launcher has the loader look there and nowhere else.
 */
#include "aws/bundle.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>

#include "aws/module.h"
#include "base/base64.h"
#include "base/hash.h"
#include "task/elf.h"

#define BY_REQUEST ((size_t)50000000)   /* a larger zip goes by S3 */
#define LAUNCHER_MOST ((uint64_t)1 << 20)

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* ---- which files ---- */

const char *sk_bundle_arch(unsigned machine)
{
	return machine == EM_X86_64 ? "x86_64"
	    : machine == EM_AARCH64 ? "arm64" : NULL;
}

static int find_files(struct sk_bundler *b, struct snek_error *e)
{
	char there[24];
	int rc = b->set->plugin ? sk_elf_check_any(b->set->plugin, &b->machine,
	    e) : 0;

	if (!rc && b->machine && !sk_bundle_arch(b->machine))
		rc = sk_fail(e, SNEK_EABI, "%s: is for %s; Lambda runs x86-64 "
		    "and aarch64", b->set->plugin,
		    sk_elf_machine_name(b->machine, there));
	return rc ? rc : sk_bundle_find_programs(b, e);
}

/* The program's, which is the C library's own and needed by that, too. */
static int find_loader(struct sk_bundler *b, struct snek_error *e)
{
	const char *path = sk_elf_interpreter(&b->closure.object[0]->elf);
	int rc;

	if (!path)
		return sk_fail(e, SNEK_EABI, "%s: asks for no loader, so it "
		    "could load no plugin", b->worker);
	rc = sk_closure_find(&b->closure, base(path)) ? 0
	    : sk_closure_add(&b->closure, base(path), path, e);
	b->loader = rc ? NULL : sk_closure_find(&b->closure, base(path));
	return rc;
}

static int add_plugin(struct sk_bundler *b, struct snek_error *e)
{
	size_t i = b->closure.n;
	int rc = sk_closure_add(&b->closure, base(b->set->plugin),
	    b->set->plugin, e);

	if (rc)
		return rc;
	b->plugin = b->closure.object[i];
	return b->plugin->elf.program ? sk_fail(e, SNEK_EABI, "%s: is a program, "
	    "not a shared object (build it with cc -shared -fPIC)",
	    b->set->plugin) : 0;
}

static int close_over(struct sk_bundler *b, struct snek_error *e)
{
	int rc = sk_closure_add(&b->closure, b->set->plugin ? "snek-worker" :
	    "snek-api", b->worker, e);

	if (!rc)
		rc = find_loader(b, e);
	if (!rc && b->tls)
		rc = sk_closure_add(&b->closure, "snek-tls.so", b->tls, e);
	if (!rc)
		rc = b->set->plugin ? add_plugin(b, e) :
		    sk_bundle_add_loaded(b, e);
	if (!rc)
		rc = sk_closure_add_opened(&b->closure, e);
	return rc ? rc : sk_closure_check(&b->closure, e);
}

/* ---- under which names ---- */

const char *sk_bundle_name(const struct sk_bundler *b,
    const struct sk_object *o, char buf[300])
{
	if (o == b->plugin)
		return "plugin.so";
	if (o == b->loader)
		return SK_BUNDLE_LOADER;
	snprintf(buf, 300, "snek/%.280s", o->name);
	return buf;
}

static int put_objects(struct sk_bundler *b, struct snek_error *e)
{
	const struct sk_object *o;
	char buf[300];
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < b->closure.n; i++) {
		o = b->closure.object[i];
		rc = sk_layout_put(&b->layout, sk_bundle_name(b, o, buf),
		    (struct sk_span){ o->elf.bytes.p, o->elf.bytes.n },
		    !o->by || o == b->loader, e);
	}
	return rc;
}

static int put_launcher(struct sk_bundler *b, struct snek_error *e)
{
	struct sk_buf text = { 0 };
	int rc = sk_layout_read(b->launcher, LAUNCHER_MOST, &text, NULL, e);

	if (!rc)
		return sk_layout_take(&b->layout, "bootstrap", &text, true, e);
	sk_buf_free(&text);
	return rc;
}

static int put_sha256(struct sk_bundler *b, char hex[65], struct snek_error *e)
{
	struct sk_buf text = { 0 };

	sk_sha256_hex(b->plugin->elf.bytes.p, b->plugin->elf.bytes.n, hex);
	if (sk_buf_printf(&text, "%s\n", hex))
		return sk_layout_take(&b->layout, "snek/plugin.sha256", &text,
		    false, e);
	sk_buf_free(&text);
	return sk_enomem(e);
}

static int lay_out(struct sk_bundler *b, struct sk_bundle *out,
    struct snek_error *e)
{
	int rc = put_objects(b, e);

	if (!rc)
		rc = put_launcher(b, e);
	if (!rc && b->plugin)
		rc = put_sha256(b, out->plugin_sha256, e);
	if (!rc)
		rc = sk_layout_include(&b->layout, b->set->include,
		    b->set->includes, e);
	if (!rc)
		rc = sk_bundle_add_about(b, e);
	return rc ? rc : sk_layout_sort(&b->layout, e);
}

/* ---- all of it ---- */

static int hash_zip(struct sk_bundle *out, struct snek_error *e)
{
	struct sk_buf text = { 0 };
	char hex[65], sum[32];
	unsigned byte;
	size_t i;

	sk_sha256_hex(out->zip.p, out->zip.n, hex);
	for (i = 0; i < sizeof(sum) && sscanf(hex + 2 * i, "%2x", &byte); i++)
		sum[i] = (char)byte;
	if (!sk_base64_put(&text, sum, sizeof(sum)))
		return sk_enomem(e);
	snprintf(out->code_sha256, sizeof(out->code_sha256), "%.*s",
	    (int)text.n, text.p);
	sk_buf_free(&text);
	return 0;
}

static int make(struct sk_bundler *b, struct sk_bundle *out,
    struct snek_error *e)
{
	const char *arch = sk_bundle_arch(b->machine);
	int rc = arch ? close_over(b, e) : sk_fail(e, SNEK_EABI, "%s: Lambda "
	    "runs x86-64 and aarch64", b->worker);

	if (!rc)
		rc = lay_out(b, out, e);
	if (!rc)
		rc = sk_zip_make(b->layout.file, b->layout.n, &out->zip, e);
	if (rc)
		return rc;
	snprintf(out->arch, sizeof(out->arch), "%s", arch);
	out->unzipped = b->layout.bytes;
	out->by_s3 = out->zip.n > BY_REQUEST;
	return hash_zip(out, e);
}

int sk_bundle_make(const struct sk_bundle_options *o, struct sk_bundle *out,
    struct snek_error *e)
{
	struct sk_bundler b = { .set = o };
	struct sk_bundle made = { 0 };
	int rc = find_files(&b, e);

	if (!rc)
		rc = sk_closure_open(&b.closure, b.machine, e);
	if (!rc)
		rc = make(&b, &made, e);
	sk_layout_free(&b.layout);
	sk_closure_close(&b.closure);
	free(b.worker);
	free(b.launcher);
	free(b.tls);
	free(b.aws);
	free(b.snek);
	free(b.runner);
	if (rc)
		sk_bundle_free(&made);
	else
		*out = made;
	return rc;
}
