/* SPDX-License-Identifier: MIT */
#include "worker/launcher.h"

__asm__(".globl _start\n"
	".type _start, @function\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call sk_launcher_main\n"
	"	hlt\n"
	".size _start, . - _start\n");

long sk_launcher_call(long number, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long out;

	__asm__ volatile("syscall" : "=a"(out) : "0"(number), "D"(a), "S"(b),
	    "d"(c), "r"(r10) : "rcx", "r11", "memory");
	return out;
}
