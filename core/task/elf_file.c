/* SPDX-License-Identifier: MIT */
#include "task/elf_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>


/* ---- the bytes ---- */

static int read_fd(struct sk_elf_file *f, int fd, const char *path,
    struct snek_error *e)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return sk_fail_errno(e, "%s", path);
	if (!S_ISREG(st.st_mode))
		return sk_fail(e, SNEK_EABI, "%s: is not a regular file", path);
	if ((uint64_t)st.st_size > SK_ELF_MOST)
		return sk_fail(e, SNEK_ELIMIT, "%s: is over %zu MiB", path,
		    SK_ELF_MOST >> 20);
	if (!sk_buf_reserve(&f->bytes, (size_t)st.st_size + 1))
		return sk_enomem(e);
	while (f->bytes.n < (size_t)st.st_size) {
		n = read(fd, f->bytes.p + f->bytes.n,
		    (size_t)st.st_size - f->bytes.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sk_fail_errno(e, "%s", path);
		if (n == 0)             /* it shrank meanwhile */
			break;
		f->bytes.n += (size_t)n;
	}
	return 0;
}

static bool get(const struct sk_elf_file *f, uint64_t at, void *to, size_t n)
{
	if (at > f->bytes.n || n > f->bytes.n - at)
		return false;
	memcpy(to, f->bytes.p + at, n);
	return true;
}

/* A string of the string table, its end within it; NULL: none such. */
static const char *string(const struct sk_elf_file *f, uint64_t at)
{
	const char *s;

	if (at >= f->strings_n)
		return NULL;
	s = f->bytes.p + f->strings + at;
	return memchr(s, '\0', f->strings_n - at) ? s : NULL;
}

/* ---- segments ---- */

static bool segment(const struct sk_elf_file *f, uint32_t i, Elf64_Phdr *p)
{
	return i < f->segment_n &&
	    get(f, f->segments + (uint64_t)i * sizeof(*p), p, sizeof(*p));
}

/* Where in the file lies what will be at an address; room: how much of it. */
static bool find(const struct sk_elf_file *f, uint64_t at, uint64_t *offset,
    uint64_t *room)
{
	Elf64_Phdr p;
	uint32_t i;

	for (i = 0; segment(f, i, &p); i++) {
		if (p.p_type != PT_LOAD || at < p.p_vaddr ||
		    at - p.p_vaddr >= p.p_filesz)
			continue;
		if (p.p_offset > f->bytes.n ||
		    p.p_filesz > f->bytes.n - p.p_offset)
			return false;
		*offset = p.p_offset + (at - p.p_vaddr);
		*room = p.p_filesz - (at - p.p_vaddr);
		return true;
	}
	return false;
}

bool sk_elf_memory(const struct sk_elf_file *f, uint64_t at, void *to, size_t n)
{
	uint64_t offset, room;

	return find(f, at, &offset, &room) && n <= room && get(f, offset, to, n);
}

/* ---- the dynamic table ---- */

/* The nth entry with this tag. */
static bool entry(const struct sk_elf_file *f, int64_t tag, uint32_t nth,
    uint64_t *value)
{
	Elf64_Dyn d;
	uint32_t i;

	for (i = 0; i < f->dynamic_n; i++) {
		if (!get(f, f->dynamic + (uint64_t)i * sizeof(d), &d, sizeof(d)) ||
		    d.d_tag == DT_NULL)
			return false;
		if (d.d_tag != tag || nth--)
			continue;
		*value = d.d_un.d_val;
		return true;
	}
	return false;
}

static const char *string_entry(const struct sk_elf_file *f, int64_t tag,
    uint32_t nth)
{
	uint64_t at;

	return entry(f, tag, nth, &at) ? string(f, at) : NULL;
}

const char *sk_elf_needed(const struct sk_elf_file *f, uint32_t i)
{
	return string_entry(f, DT_NEEDED, i);
}

const char *sk_elf_rpath(const struct sk_elf_file *f)
{
	return string_entry(f, DT_RPATH, 0);
}

const char *sk_elf_runpath(const struct sk_elf_file *f)
{
	return string_entry(f, DT_RUNPATH, 0);
}

const char *sk_elf_soname(const struct sk_elf_file *f)
{
	return string_entry(f, DT_SONAME, 0);
}

const char *sk_elf_interpreter(const struct sk_elf_file *f)
{
	const char *s;
	Elf64_Phdr p;
	uint32_t i;

	for (i = 0; segment(f, i, &p); i++) {
		if (p.p_type != PT_INTERP || p.p_offset >= f->bytes.n ||
		    p.p_filesz > f->bytes.n - p.p_offset)
			continue;
		s = f->bytes.p + p.p_offset;
		return memchr(s, '\0', p.p_filesz) ? s : NULL;
	}
	return NULL;
}

static int find_strings(struct sk_elf_file *f)
{
	uint64_t at, n, room;

	if (!entry(f, DT_STRTAB, 0, &at) || !entry(f, DT_STRSZ, 0, &n) ||
	    !find(f, at, &f->strings, &room) || n > room)
		return SNEK_EABI;
	f->strings_n = n;
	return 0;
}

/* ---- symbols ---- */

/* From the table of sections, which strip leaves in place. */
static uint32_t count_by_section(const struct sk_elf_file *f)
{
	Elf64_Ehdr h;
	Elf64_Shdr s;
	uint32_t i;

	if (!get(f, 0, &h, sizeof(h)) || h.e_shentsize != sizeof(s))
		return 0;
	for (i = 0; i < h.e_shnum; i++)
		if (get(f, h.e_shoff + (uint64_t)i * sizeof(s), &s, sizeof(s)) &&
		    s.sh_type == SHT_DYNSYM && s.sh_offset == f->symbols)
			return (uint32_t)(s.sh_size / sizeof(Elf64_Sym));
	return 0;
}

/* The chain of the last bucket ends with the last symbol. */
static uint32_t count_by_hash(const struct sk_elf_file *f)
{
	uint64_t at, room, buckets, chains;
	uint32_t head[4], i, b, last = 0;

	if (!entry(f, DT_GNU_HASH, 0, &at) || !find(f, at, &at, &room) ||
	    !get(f, at, head, sizeof(head)))
		return 0;
	buckets = at + sizeof(head) + (uint64_t)head[2] * 8;
	chains = buckets + (uint64_t)head[0] * 4;
	for (i = 0; i < head[0]; i++) {
		if (!get(f, buckets + (uint64_t)i * 4, &b, 4))
			return 0;
		last = b > last ? b : last;
	}
	if (last < head[1])
		return head[1];
	for (;; last++) {
		if (!get(f, chains + (uint64_t)(last - head[1]) * 4, &b, 4))
			return 0;
		if (b & 1)
			return last + 1;
	}
}

static int find_symbols(struct sk_elf_file *f)
{
	uint64_t at, room;

	if (!entry(f, DT_SYMTAB, 0, &at) || !find(f, at, &f->symbols, &room))
		return SNEK_EABI;
	f->symbol_n = count_by_section(f);
	if (!f->symbol_n)
		f->symbol_n = count_by_hash(f);
	if (f->symbol_n > room / sizeof(Elf64_Sym))
		return SNEK_EABI;
	if (entry(f, DT_VERSYM, 0, &at) && (!find(f, at, &f->versions, &room) ||
	    room / 2 < f->symbol_n))
		return SNEK_EABI;
	return 0;
}

bool sk_elf_symbol_get(const struct sk_elf_file *f, uint32_t i,
    struct sk_elf_symbol *out)
{
	Elf64_Sym s;
	uint16_t v = 0;

	memset(out, 0, sizeof(*out));
	if (i >= f->symbol_n ||
	    !get(f, f->symbols + (uint64_t)i * sizeof(s), &s, sizeof(s)))
		return false;
	out->name = string(f, s.st_name);
	out->defined = s.st_shndx != SHN_UNDEF;
	out->weak = ELF64_ST_BIND(s.st_info) == STB_WEAK;
	out->local = ELF64_ST_BIND(s.st_info) == STB_LOCAL;
	out->hidden = ELF64_ST_VISIBILITY(s.st_other) == STV_HIDDEN ||
	    ELF64_ST_VISIBILITY(s.st_other) == STV_INTERNAL;
	out->function = ELF64_ST_TYPE(s.st_info) == STT_FUNC ||
	    ELF64_ST_TYPE(s.st_info) == STT_GNU_IFUNC;
	out->at = s.st_value;
	out->size = s.st_size;
	if (f->versions && f->need &&
	    get(f, f->versions + (uint64_t)i * 2, &v, 2)) {
		out->lib = f->need[v % SK_ELF_VERSIONS].lib;
		out->version = f->need[v % SK_ELF_VERSIONS].version;
	}
	return out->name;
}

/* ---- functions ---- */

struct symtab {
	uint64_t at, n, strings, strings_n;
};

static bool section(const struct sk_elf_file *f, uint32_t i, Elf64_Shdr *s)
{
	Elf64_Ehdr h;

	return get(f, 0, &h, sizeof(h)) && h.e_shentsize == sizeof(*s) &&
	    i < h.e_shnum && h.e_shoff <= f->bytes.n &&
	    get(f, h.e_shoff + (uint64_t)i * sizeof(*s), s, sizeof(*s)) &&
	    s->sh_offset <= f->bytes.n && s->sh_size <= f->bytes.n - s->sh_offset;
}

/* The full table of symbols, or the loader's. */
static void find_symtab(const struct sk_elf_file *f, struct symtab *t)
{
	Elf64_Shdr s, names;
	uint32_t i;

	*t = (struct symtab){ f->symbols, f->symbol_n, f->strings,
	    f->strings_n };
	for (i = 0; i < UINT16_MAX; i++) {
		if (!section(f, i, &s))
			s.sh_type = SHT_NULL;
		if (s.sh_type != SHT_SYMTAB || !section(f, s.sh_link, &names))
			continue;
		*t = (struct symtab){ s.sh_offset, s.sh_size / sizeof(Elf64_Sym),
		    names.sh_offset, names.sh_size };
		return;
	}
}

bool sk_elf_function(const struct sk_elf_file *f, uint64_t at,
    const char **name, uint64_t *offset)
{
	struct symtab t;
	const char *p;
	Elf64_Sym s;
	uint64_t i;

	find_symtab(f, &t);
	for (i = 1; i < t.n; i++) {
		if (!get(f, t.at + i * sizeof(s), &s, sizeof(s)))
			return false;
		if (ELF64_ST_TYPE(s.st_info) != STT_FUNC || !s.st_shndx ||
		    at < s.st_value || at - s.st_value >= s.st_size ||
		    s.st_name >= t.strings_n)
			continue;
		p = f->bytes.p + t.strings + s.st_name;
		if (!memchr(p, '\0', t.strings_n - s.st_name))
			continue;
		*name = p;
		*offset = at - s.st_value;
		return true;
	}
	return false;
}

/* ---- versions needed ---- */

/* The versions of one library; false: damaged. */
static bool add_needs(struct sk_elf_file *f, uint64_t at, const Elf64_Verneed *n)
{
	const char *lib = string(f, n->vn_file), *version;
	Elf64_Vernaux a;
	uint32_t i;

	at += n->vn_aux;
	for (i = 0; lib && i < n->vn_cnt; i++, at += a.vna_next) {
		if (!get(f, at, &a, sizeof(a)) ||
		    !(version = string(f, a.vna_name)))
			return false;
		f->need[a.vna_other % SK_ELF_VERSIONS] = (struct sk_elf_need){
			lib, version, a.vna_flags & VER_FLG_WEAK };
		if (!a.vna_next)
			break;
	}
	return lib;
}

/* Every step goes forward, so that it ends with the file. */
static int find_needs(struct sk_elf_file *f)
{
	uint64_t at, room;
	Elf64_Verneed n;

	if (!entry(f, DT_VERNEED, 0, &at))
		return 0;
	if (!find(f, at, &at, &room))
		return SNEK_EABI;
	f->need = calloc(SK_ELF_VERSIONS, sizeof(*f->need));
	if (!f->need)
		return SNEK_ENOMEM;
	do {
		if (!get(f, at, &n, sizeof(n)) || !add_needs(f, at, &n))
			return SNEK_EABI;
		at += n.vn_next;
	} while (n.vn_next);
	return 0;
}

/* ---- versions defined ---- */

static bool first_version(const struct sk_elf_file *f, uint64_t *at)
{
	uint64_t room;

	return entry(f, DT_VERDEF, 0, at) && find(f, *at, at, &room);
}

/* The first names the file itself. */
const char *sk_elf_version(const struct sk_elf_file *f, uint64_t *cursor)
{
	uint64_t at = *cursor;
	Elf64_Verdaux a;
	Elf64_Verdef d;

	if (!at && !first_version(f, &at))
		return NULL;
	do {
		if (!get(f, at, &d, sizeof(d)) ||
		    !get(f, at + d.vd_aux, &a, sizeof(a)))
			return NULL;
		at = d.vd_next ? at + d.vd_next : UINT64_MAX;
	} while (d.vd_flags & VER_FLG_BASE);
	*cursor = at;
	return string(f, a.vda_name);
}

/* ---- all of it ---- */

static bool read_header(struct sk_elf_file *f)
{
	Elf64_Ehdr h;

	if (!get(f, 0, &h, sizeof(h)) || memcmp(h.e_ident, ELFMAG, SELFMAG) ||
	    h.e_ident[EI_CLASS] != ELFCLASS64 ||
	    h.e_ident[EI_DATA] != ELFDATA2LSB ||
	    h.e_phentsize != sizeof(Elf64_Phdr))
		return false;
	f->machine = h.e_machine;
	f->segments = h.e_phoff;
	f->segment_n = h.e_phnum;
	return true;
}

static void read_segments(struct sk_elf_file *f)
{
	Elf64_Phdr p;
	uint32_t i;

	for (i = 0; segment(f, i, &p); i++) {
		if (p.p_type == PT_GNU_STACK) {
			f->stack_is_said = true;
			f->stack_runs = p.p_flags & PF_X;
		}
		if (p.p_type == PT_DYNAMIC && p.p_offset <= f->bytes.n &&
		    p.p_filesz <= f->bytes.n - p.p_offset) {
			f->dynamic = p.p_offset;
			f->dynamic_n = (uint32_t)(p.p_filesz / sizeof(Elf64_Dyn));
		}
	}
}

static int read_tables(struct sk_elf_file *f)
{
	uint64_t flags = 0;
	int rc;

	if (!read_header(f))
		return SNEK_EABI;
	read_segments(f);
	f->text_relocations = entry(f, DT_TEXTREL, 0, &flags);
	if (entry(f, DT_FLAGS, 0, &flags) && flags & DF_TEXTREL)
		f->text_relocations = true;
	f->program = entry(f, DT_FLAGS_1, 0, &flags) && flags & DF_1_PIE;
	rc = find_strings(f);
	if (!rc)
		rc = find_symbols(f);
	return rc ? rc : find_needs(f);
}

int sk_elf_file_open(struct sk_elf_file *f, const char *path,
    struct snek_error *e)
{
	int rc, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	memset(f, 0, sizeof(*f));
	if (fd < 0)
		return sk_fail_errno(e, "%s", path);
	rc = read_fd(f, fd, path, e);
	close(fd);
	if (!rc) {
		rc = read_tables(f);
		if (rc == SNEK_ENOMEM)
			sk_enomem(e);
		else if (rc)
			sk_fail(e, rc, "%s: is no shared object, or a damaged "
			    "one: its tables cannot be read", path);
	}
	if (rc)
		sk_elf_file_free(f);
	return rc;
}

void sk_elf_file_free(struct sk_elf_file *f)
{
	free(f->need);
	sk_buf_free(&f->bytes);
	memset(f, 0, sizeof(*f));
}
