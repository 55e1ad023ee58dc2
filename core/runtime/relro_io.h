/* relro_io.h - gives the pages back that start-up had to write only because our binary is position independent.
 *
 * Relocating the constant tables of the whole program (.data.rel.ro: commands, fields, SQL functions …) leaves 60 KiB of private pages in every
 * process. A shim uses none of them, and there is one for each container: half of its memory.
 */
#pragma once

/* From now on a constant table with pointers in it reads as the file has it, with null pointers: nothing that uses one may be called any
 * more, stdio's streams and panic's message included (a panic then is a segmentation fault). Does nothing in a dynamically linked program. */
void relro_give_back(void);
