/* SPDX-License-Identifier: MIT */
/*
 * elf_file.h - what a shared object says to the loader, read without loading
 * it.  The file is anybody's: every offset in it is checked against its bytes,
 * and what lies beyond them is not there.
 */
#ifndef SK_ELF_FILE_H
#define SK_ELF_FILE_H
#include "base/buf.h"
#include "base/err.h"

#define SK_ELF_MOST ((size_t)256 << 20)         /* bytes of a file */
#define SK_ELF_VERSIONS 0x8000u         /* indices that there can be */

struct sk_elf_symbol {
	const char *name;               /* never NULL */
	bool defined, weak, local, hidden, function;
	uint64_t at, size;              /* where it will lie */
	const char *lib, *version;  /* that it needs; NULL: none */
};

/* A version of a library that the file needs: "libc.so.6", "GLIBC_2.34". */
struct sk_elf_need {
	const char *lib, *version;
	bool weak;                      /* it does without */
};

struct sk_elf_file {
	struct sk_buf bytes;
	unsigned machine;               /* EM_X86_64 ... */
	uint64_t segments;              /* their headers */
	uint32_t segment_n;
	uint64_t dynamic;               /* the table that the loader reads */
	uint32_t dynamic_n;             /* 0: there is none */
	uint64_t strings, strings_n;
	uint64_t symbols;
	uint32_t symbol_n;
	uint64_t versions;              /* uint16_t by symbol; 0: none */
	struct sk_elf_need *need;       /* by version index; SK_ELF_VERSIONS */
	bool text_relocations;
	bool program;                   /* position-independent, to be run */
	bool stack_is_said, stack_runs; /* it says what the stack needs: to run */
};
/* SNEK_ENOENT, SNEK_EACCES, SNEK_EIO, SNEK_ELIMIT (too large); SNEK_EABI when
 * it is no 64-bit little-endian ELF file, or its tables are not within it. */
int sk_elf_file_open(struct sk_elf_file *, const char *path, struct snek_error *);
void sk_elf_file_free(struct sk_elf_file *);

/* The ith library needed (0, 1 ...), or NULL after the last. */
const char *sk_elf_needed(const struct sk_elf_file *, uint32_t i);
/* DT_RPATH and DT_RUNPATH, or NULL. */
const char *sk_elf_rpath(const struct sk_elf_file *);
const char *sk_elf_runpath(const struct sk_elf_file *);
/* What others call it, and the loader that a program asks for; or NULL. */
const char *sk_elf_soname(const struct sk_elf_file *);
const char *sk_elf_interpreter(const struct sk_elf_file *);
/* The next version that its own symbols have, or NULL; *cursor is 0 at first. */
const char *sk_elf_version(const struct sk_elf_file *, uint64_t *cursor);
/* False: the symbol is damaged. */
bool sk_elf_symbol_get(const struct sk_elf_file *, uint32_t i,
    struct sk_elf_symbol *);
/* The function that holds an address, and how far into it; static ones too,
 * unless they were stripped. */
bool sk_elf_function(const struct sk_elf_file *, uint64_t at,
    const char **name, uint64_t *offset);
/* Bytes as they lie in memory before relocation; false: not in the file. */
bool sk_elf_memory(const struct sk_elf_file *, uint64_t at, void *to, size_t n);
#endif
