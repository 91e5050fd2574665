/* SPDX-License-Identifier: MIT */
/* The symbol is there, but it is code. */
extern __attribute__((visibility("default"))) int snek_plugin(void);
int snek_plugin(void)
{
	return 1;
}
