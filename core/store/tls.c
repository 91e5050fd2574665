/* SPDX-License-Identifier: MIT */
/*
 * tls.c - the module snek-tls.so: OpenSSL 3 over a socket that belongs to its
 * caller.  The other side is always verified: chain, dates, and that the
 * certificate is for the name (or address) that was dialled.
 */
#include "store/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "store/tls_ca.h"

struct context {
	SSL_CTX *ssl;
	BIO_METHOD *bio;
};

struct session {
	SSL *ssl;
	int fd;
	bool greeted, write_next;
};

/* ---- errors ---- */

/* What OpenSSL says, without its file names. */
static int refuse(struct snek_error *e, int rc, const char *doing)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return sk_fail(e, rc, "%s: %s", doing, reason ? reason : "TLS failed");
}

static bool at_end(void)
{
	return ERR_GET_REASON(ERR_peek_last_error()) ==
	    SSL_R_UNEXPECTED_EOF_WHILE_READING;
}

/* What the server has against us, such as our certificate. */
static bool was_alerted(void)
{
	return ERR_GET_REASON(ERR_peek_last_error()) >= SSL_AD_REASON_OFFSET;
}

static int refuse_file(struct snek_error *e, const char *what, const char *file)
{
	refuse(e, SNEK_EINVAL, file);
	return sk_fail_in(e, SNEK_EINVAL, "the %s", what);
}

static const char *cure_of(long verdict)
{
	switch (verdict) {
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return "; name the file of the CA that signed it: ca-file "
		    "in snek.conf(5), or SNEK_REDIS_CA_FILE";
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return "; dial a name that it is for, or say which one it "
		    "has: server-name in snek.conf(5)";
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "; renew it, or set the clock";
	default:
		return "";
	}
}

static int refuse_greeting(struct session *s, struct snek_error *e)
{
	long verdict = SSL_get_verify_result(s->ssl);

	if (verdict == X509_V_OK)
		return refuse(e, at_end() ? SNEK_EAGAIN : SNEK_EIO,
		    "TLS handshake");
	ERR_clear_error();
	return sk_fail(e, SNEK_EACCES, "the server's certificate is refused: %s%s",
	    X509_verify_cert_error_string(verdict), cure_of(verdict));
}

/* ---- the socket: as OpenSSL's own, but without SIGPIPE ---- */

static int retry(BIO *b, int flag, ssize_t n)
{
	BIO_clear_retry_flags(b);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_flags(b, flag | BIO_FLAGS_SHOULD_RETRY);
	return (int)n;
}

static int bio_write(BIO *b, const char *p, int n)
{
	struct session *s = BIO_get_data(b);

	return retry(b, BIO_FLAGS_WRITE, send(s->fd, p, (size_t)n, MSG_NOSIGNAL));
}

static int bio_read(BIO *b, char *p, int n)
{
	struct session *s = BIO_get_data(b);
	ssize_t got = recv(s->fd, p, (size_t)n, 0);

	if (!got)
		BIO_set_flags(b, BIO_FLAGS_IN_EOF);
	return retry(b, BIO_FLAGS_READ, got);
}

static long bio_ctrl(BIO *b, int what, long n, void *p)
{
	(void)n;
	(void)p;
	if (what == BIO_CTRL_EOF)
		return BIO_test_flags(b, BIO_FLAGS_IN_EOF) != 0;
	return what == BIO_CTRL_FLUSH;
}

static BIO_METHOD *make_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
	    "snek");

	if (m && BIO_meth_set_write(m, bio_write) &&
	    BIO_meth_set_read(m, bio_read) && BIO_meth_set_ctrl(m, bio_ctrl))
		return m;
	BIO_meth_free(m);
	return NULL;
}

/* ---- contexts ---- */

/* The directory is read when a certificate is looked for; the file would be
 * at once. */
static int load_system(SSL_CTX *c, struct snek_error *e)
{
	const char *file = secure_getenv(X509_get_default_cert_file_env());

	if (!file)
		file = X509_get_default_cert_file();
	if (SSL_CTX_set_default_verify_dir(c) != 1)
		return refuse(e, SNEK_EIO, "the system's CA certificates");
	return sk_tls_ca_add(SSL_CTX_get_cert_store(c), file) ? 0 :
	    sk_enomem(e);
}

static int load_ca(SSL_CTX *c, const char *file, struct snek_error *e)
{
	if (!file)
		return load_system(c, e);
	return SSL_CTX_load_verify_file(c, file) == 1 ? 0 :
	    refuse_file(e, "CA file", file);
}

static int load_own(SSL_CTX *c, const char *cert, const char *key,
    struct snek_error *e)
{
	if (!cert && !key)
		return 0;
	if (!cert)
		return sk_fail(e, SNEK_EINVAL, "there is a key but no certificate");
	key = key ? key : cert;
	if (SSL_CTX_use_certificate_chain_file(c, cert) != 1)
		return refuse_file(e, "client certificate", cert);
	if (SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(c) != 1)
		return refuse_file(e, "client key", key);
	return 0;
}

/* A key with a passphrase must not make OpenSSL ask the terminal. */
static int no_passphrase(char *p, int n, int writing, void *arg)
{
	(void)p;
	(void)n;
	(void)writing;
	(void)arg;
	return -1;
}

static SSL_CTX *make_context(void)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());

	if (!c)
		return NULL;
	SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_clear_mode(c, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_default_passwd_cb(c, no_passphrase);
	return c;
}

static void context_free(void *p)
{
	struct context *c = p;

	SSL_CTX_free(c->ssl);
	BIO_meth_free(c->bio);
	free(c);
}

static int context_new(const struct sk_tls_files *files, void **out,
    struct snek_error *e)
{
	struct context *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return sk_enomem(e);
	ERR_clear_error();
	c->ssl = make_context();
	c->bio = make_method();
	rc = c->ssl && c->bio ? load_ca(c->ssl, files->ca, e) : sk_enomem(e);
	if (!rc)
		rc = load_own(c->ssl, files->cert, files->key, e);
	if (rc) {
		context_free(c);
		return rc;
	}
	*out = c;
	return 0;
}

/* ---- sessions ---- */

static bool set_name(SSL *s, const char *name)
{
	struct in6_addr any;
	bool address = inet_pton(AF_INET, name, &any) == 1 ||
	    inet_pton(AF_INET6, name, &any) == 1;

	if (address)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(s), name) == 1;
	SSL_set_hostflags(s, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(s, name) == 1 && SSL_set_tlsext_host_name(s, name) == 1;
}

static void session_free(void *p, bool goodbye)
{
	struct session *s = p;

	ERR_clear_error();
	if (goodbye && s->greeted)
		SSL_shutdown(s->ssl);
	SSL_free(s->ssl);
	ERR_clear_error();
	free(s);
}

static int session_new(void *context, int fd, const char *name, void **out,
    struct snek_error *e)
{
	struct context *c = context;
	struct session *s = calloc(1, sizeof(*s));
	BIO *b;

	if (!s)
		return sk_enomem(e);
	s->fd = fd;
	s->ssl = SSL_new(c->ssl);
	b = s->ssl ? BIO_new(c->bio) : NULL;
	if (!b || !set_name(s->ssl, name)) {
		BIO_free(b);
		session_free(s, false);
		return refuse(e, SNEK_EIO, "TLS");
	}
	BIO_set_data(b, s);
	BIO_set_init(b, 1);
	SSL_set_bio(s->ssl, b, b);
	SSL_set_connect_state(s->ssl);
	*out = s;
	return 0;
}

/* Not ready: 0; the end or an error: negative. */
static ssize_t pause_or_fail(struct session *s, int rc, struct snek_error *e)
{
	int sys = errno;

	switch (SSL_get_error(s->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		s->write_next = false;
		return 0;
	case SSL_ERROR_WANT_WRITE:
		s->write_next = true;
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		return sk_fail(e, SNEK_EIO, "the server closed the connection");
	case SSL_ERROR_SYSCALL:
		s->greeted = false;     /* no goodbye */
		ERR_clear_error();
		errno = sys;
		if (!sys || BIO_eof(SSL_get_rbio(s->ssl)))
			return sk_fail(e, SNEK_EIO, "the server closed the "
			    "connection");
		sk_fail_errno(e, "TLS");
		return SNEK_EIO;
	default:
		s->greeted = false;
		return refuse(e, was_alerted() ? SNEK_EACCES : SNEK_EIO, "TLS");
	}
}

static int greet(void *p, struct snek_error *e)
{
	struct session *s = p;
	int rc;

	ERR_clear_error();
	errno = 0;
	rc = SSL_do_handshake(s->ssl);
	if (rc == 1) {
		s->greeted = true;
		return 1;
	}
	if (SSL_get_error(s->ssl, rc) == SSL_ERROR_SSL)
		return refuse_greeting(s, e);
	rc = (int)pause_or_fail(s, rc, e);
	if (rc < 0)
		return sk_fail_in(e, SNEK_EAGAIN, "TLS handshake (does it speak "
		    "TLS on this port?)");
	return rc;
}

static ssize_t tls_read(void *p, void *to, size_t n, struct snek_error *e)
{
	struct session *s = p;
	size_t got = 0, part;
	int rc = 1;

	while (got < n && rc == 1) {
		ERR_clear_error();
		errno = 0;
		rc = SSL_read_ex(s->ssl, (char *)to + got, n - got, &part);
		if (rc == 1)
			got += part;
	}
	return got ? (ssize_t)got : pause_or_fail(s, rc, e);
}

static ssize_t tls_write(void *p, const void *from, size_t n, struct snek_error *e)
{
	struct session *s = p;
	size_t put;
	int rc;

	ERR_clear_error();
	errno = 0;
	rc = SSL_write_ex(s->ssl, from, n, &put);
	return rc == 1 ? (ssize_t)put : pause_or_fail(s, rc, e);
}

static bool write_next(const void *p)
{
	return ((const struct session *)p)->write_next;
}

extern const struct sk_tls_ops snek_tls_ops;
__attribute__((visibility("default")))
const struct sk_tls_ops snek_tls_ops = {
	.version = SK_TLS_VERSION,
	.context_new = context_new,
	.context_free = context_free,
	.session_new = session_new,
	.session_free = session_free,
	.greet = greet,
	.read = tls_read,
	.write = tls_write,
	.write_next = write_next,
};
