/* SPDX-License-Identifier: MIT */
#include "worker/root.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void sk_root_find(const char *program, const char *end, char *root, size_t room)
{
	const char *task = getenv("LAMBDA_TASK_ROOT");
	size_t n = strlen(program), k = strlen(end);

	if (n > k && !strcmp(program + n - k, end))
		snprintf(root, room, "%.*s", (int)(n - k), program);
	else
		snprintf(root, room, "%s", task && *task ? task : "/var/task");
}

static void name(const char *variable, const char *root, const char *file)
{
	char path[2200];

	snprintf(path, sizeof(path), "%.2048s/snek/%s", root, file);
	if (!access(path, R_OK))
		setenv(variable, path, 0);
}

void sk_root_environment(const char *root)
{
	static const char *const trusted[] = {
		"/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/certs/ca-certificates.crt" };
	size_t i;

	name("SNEK_TLS", root, "snek-tls.so");
	name("SNEK_AWS", root, "snek-aws.so");
	name("SNEK_PLUGIN_PATH", root, "plugins");
	for (i = 0; i < sizeof(trusted) / sizeof(*trusted); i++)
		if (!access(trusted[i], R_OK)) {
			setenv("SSL_CERT_FILE", trusted[i], 0);
			return;
		}
}
