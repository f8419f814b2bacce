/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program: one call into cli. */
int main(void);
int main(void) { return 0; }
