/* SPDX-License-Identifier: MIT */
#include "task/elf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__)
#define HERE EM_X86_64
#elif defined(__aarch64__)
#define HERE EM_AARCH64
#elif defined(__riscv)
#define HERE EM_RISCV
#elif defined(__powerpc64__)
#define HERE EM_PPC64
#elif defined(__s390x__)
#define HERE EM_S390
#else
#error "unknown machine: add its ELF number here and its name below"
#endif

static const struct {
	uint16_t number;
	const char *name;
} machines[] = {
	{ EM_X86_64, "x86-64" }, { EM_AARCH64, "aarch64" }, { EM_386, "i386" },
	{ EM_ARM, "arm" }, { EM_RISCV, "riscv" }, { EM_PPC64, "ppc64" },
	{ EM_S390, "s390x" },
};

const char *sk_elf_machine_name(unsigned number, char buf[24])
{
	for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++)
		if (machines[i].number == number)
			return machines[i].name;
	snprintf(buf, 24, "ELF machine %u", number & 0xffff);
	return buf;
}

/* want: the machine that it must be for; 0: any. */
static int check_header(const char *path, const Elf64_Ehdr *h, unsigned want,
    struct snek_error *e)
{
	char there[24], here[24];

	if (h->e_ident[EI_DATA] != ELFDATA2LSB)
		return sk_fail(e, SNEK_EABI, "%s: is no plugin: a big-endian ELF "
		    "file", path);
	if (h->e_ident[EI_CLASS] != ELFCLASS64)     /* e_machine lies as in 64 */
		return sk_fail(e, SNEK_EABI, "%s: is for %s, 32 bits; this "
		    "machine is %s", path, sk_elf_machine_name(h->e_machine, there),
		    sk_elf_machine_name(HERE, here));
	if (want && h->e_machine != want)
		return sk_fail(e, SNEK_EABI, "%s: is for %s; this machine is %s",
		    path, sk_elf_machine_name(h->e_machine, there),
		    sk_elf_machine_name(HERE, here));
	if (h->e_type != ET_DYN)
		return sk_fail(e, SNEK_EABI, "%s: is no plugin: %s (build it "
		    "with cc -shared -fPIC)", path,
		    h->e_type == ET_REL ? "an object file, not a shared object"
		    : h->e_type == ET_EXEC ? "a program, not a shared object"
		    : "an ELF file, but not a shared object");
	return 0;
}

/* A file that was copied in part would end the process when it is mapped. */
static int check_segments(int fd, const char *path, const Elf64_Ehdr *h,
    uint64_t size, struct snek_error *e)
{
	Elf64_Phdr p;

	for (unsigned i = 0; i < h->e_phnum; i++) {
		uint64_t at = h->e_phoff + (uint64_t)i * sizeof(p);

		if (h->e_phentsize != sizeof(p) || at > size ||
		    pread(fd, &p, sizeof(p), (off_t)at) != sizeof(p) ||
		    p.p_offset > size || p.p_filesz > size - p.p_offset)
			return sk_fail(e, SNEK_EABI, "%s: is no plugin: the ELF "
			    "file is cut short", path);
	}
	return 0;
}

static int check_fd(int fd, const char *path, unsigned want, unsigned *machine,
    struct snek_error *e)
{
	struct stat st;
	Elf64_Ehdr h;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return sk_fail_errno(e, "%s", path);
	if (!S_ISREG(st.st_mode))
		return sk_fail(e, SNEK_EABI, "%s: is no plugin: %s", path,
		    S_ISDIR(st.st_mode) ? "a directory" : "not a regular file");
	memset(&h, 0, sizeof(h));
	n = pread(fd, &h, sizeof(h), 0);
	if (n < 0)
		return sk_fail_errno(e, "%s", path);
	if (n < SELFMAG || memcmp(h.e_ident, ELFMAG, SELFMAG))
		return sk_fail(e, SNEK_EABI, "%s: is no plugin: not an ELF file",
		    path);
	if ((size_t)n < sizeof(h))
		return sk_fail(e, SNEK_EABI, "%s: is no plugin: the ELF file is "
		    "cut short", path);
	*machine = h.e_machine;
	n = check_header(path, &h, want, e);
	return n < 0 ? (int)n : check_segments(fd, path, &h,
	    (uint64_t)st.st_size, e);
}

static int check(const char *path, unsigned want, unsigned *machine,
    struct snek_error *e)
{
	/* NONBLOCK: opening a FIFO must not wait for a writer. */
	int rc, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return sk_fail_errno(e, "%s", path);
	rc = check_fd(fd, path, want, machine, e);
	close(fd);
	return rc;
}

int sk_elf_check(const char *path, struct snek_error *e)
{
	unsigned machine;

	return check(path, HERE, &machine, e);
}

int sk_elf_check_any(const char *path, unsigned *machine, struct snek_error *e)
{
	unsigned there;
	int rc = check(path, 0, &there, e);

	if (!rc)
		*machine = there;
	return rc;
}
