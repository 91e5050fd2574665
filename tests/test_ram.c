/* SPDX-License-Identifier: MIT */
/* How much memory there is, in machines made of a few files. */
#include "base/ram.h"
#include "check_main.h"
#include "tempdir.h"

#define MACHINE "MemTotal:        8388608 kB\nMemFree: 1 kB\n"
#define GIB ((uint64_t)1 << 30)

static char root[64];

static void begin(void)
{
	tempdir_make(root);
}

static void end(void)
{
	tempdir_remove(root);
}

static void put(const char *path, const char *text)
{
	char name[512], *at;

	snprintf(name, sizeof(name), "%s%s", root, path);
	for (at = name + strlen(root) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		mkdir(name, 0700);
		*at = '/';
	}
	file_write(name, text, strlen(text));
}

#define V2 "30 20 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
#define V1 "31 20 0:27 / /cg/memory rw - cgroup cgroup rw,memory\n" \
	"32 20 0:28 / /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"

START_TEST(without_groups_it_is_the_machines)
{
	put("/proc/meminfo", MACHINE);
	ck_assert_uint_eq(sk_ram(root), 8 * GIB);
}
END_TEST

START_TEST(where_nothing_can_be_read_it_is_little_and_not_nothing)
{
	ck_assert_uint_eq(sk_ram(root), GIB);
}
END_TEST

START_TEST(a_group_is_within_the_limits_of_those_above_it)
{
	put("/proc/meminfo", MACHINE);
	put("/proc/self/cgroup", "0::/a/b\n");
	put("/proc/self/mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda rw\n" V2);
	put("/sys/fs/cgroup/a/b/memory.max", "max\n");
	ck_assert_uint_eq(sk_ram(root), 8 * GIB);
	put("/sys/fs/cgroup/a/memory.max", "2147483648\n");
	ck_assert_uint_eq(sk_ram(root), 2 * GIB);
	put("/sys/fs/cgroup/a/b/memory.high", "1073741824\n");
	ck_assert_uint_eq(sk_ram(root), GIB);
	put("/sys/fs/cgroup/a/b/memory.max", "536870912\n");
	ck_assert_uint_eq(sk_ram(root), GIB / 2);
}
END_TEST

START_TEST(the_older_groups_of_memory_count_alone)
{
	put("/proc/meminfo", MACHINE);
	put("/proc/self/cgroup", "5:cpu,cpuacct:/c\n4:memory:/m/n\n0::/\n");
	put("/proc/self/mountinfo", V1);
	put("/cg/cpu/c/memory.limit_in_bytes", "1048576\n");
	put("/cg/memory/m/n/memory.limit_in_bytes", "9223372036854771712\n");
	ck_assert_uint_eq(sk_ram(root), 8 * GIB);
	put("/cg/memory/m/memory.limit_in_bytes", "3221225472\n");
	ck_assert_uint_eq(sk_ram(root), 3 * GIB);
}
END_TEST

START_TEST(in_a_container_the_mount_is_the_group)
{
	put("/proc/meminfo", MACHINE);
	put("/proc/self/cgroup", "4:memory:/docker/abc\n");
	put("/proc/self/mountinfo",
	    "31 20 0:27 /docker/abc /cg/memory rw - cgroup cgroup rw,memory\n");
	put("/cg/memory/memory.limit_in_bytes", "4294967296\n");
	ck_assert_uint_eq(sk_ram(root), 4 * GIB);
	put("/proc/self/cgroup", "4:memory:/docker/abc/in\n");
	put("/cg/memory/in/memory.limit_in_bytes", "2147483648\n");
	ck_assert_uint_eq(sk_ram(root), 2 * GIB);
}
END_TEST

START_TEST(a_group_elsewhere_has_its_files_at_the_mount)
{
	put("/proc/meminfo", MACHINE);
	put("/proc/self/cgroup", "0::/other\n");
	put("/proc/self/mountinfo",
	    "30 20 0:26 /docker /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
	put("/sys/fs/cgroup/memory.max", "1073741824\n");
	ck_assert_uint_eq(sk_ram(root), GIB);
}
END_TEST

START_TEST(what_reads_oddly_limits_nothing)
{
	put("/proc/meminfo", "MemTotal: many\n" MACHINE);
	put("/proc/self/cgroup", "\n:\nx:y\n0::/a\n");
	put("/proc/self/mountinfo", "\n - \n1 2 3\n - cgroup2 a b\n" V2);
	put("/sys/fs/cgroup/a/memory.max", "\n");
	ck_assert_uint_eq(sk_ram(root), 8 * GIB);
}
END_TEST

START_TEST(this_machine_has_some)
{
	ck_assert_uint_ge(sk_ram(""), (uint64_t)1 << 20);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, without_groups_it_is_the_machines);
	tcase_add_test(t, where_nothing_can_be_read_it_is_little_and_not_nothing);
	tcase_add_test(t, a_group_is_within_the_limits_of_those_above_it);
	tcase_add_test(t, the_older_groups_of_memory_count_alone);
	tcase_add_test(t, in_a_container_the_mount_is_the_group);
	tcase_add_test(t, a_group_elsewhere_has_its_files_at_the_mount);
	tcase_add_test(t, what_reads_oddly_limits_nothing);
	tcase_add_test(t, this_machine_has_some);
}

int main(void)
{
	return check_main("ram", setup);
}
