/* SPDX-License-Identifier: MIT */
/*
 * tls_ca.h - CA certificates of a file, read when one is asked for.  The
 * system's file has some 140, and OpenSSL takes 30 ms to read them all; for a
 * server one of them is needed.
 */
#ifndef SK_TLS_CA_H
#define SK_TLS_CA_H
#include <stdbool.h>

struct x509_store_st;                   /* X509_STORE */

/* PEM; a file that is not there has none.  false: memory is out. */
bool sk_tls_ca_add(struct x509_store_st *, const char *file);
#endif
