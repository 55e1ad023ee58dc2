/* unpack_lab.h - unpacks archives below a folder that has something worth protecting beside it. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "image/unpack_report.h"

struct unpack_lab {
	char dir[64];                            /* holds "root", where archives go, and "outside" with a file "secret" */
	struct unpack_report report;
	struct err err;
};
void unpack_lab_init(struct unpack_lab *lab);
void unpack_lab_fini(struct unpack_lab *lab);
/* Through a pipe, in pieces of its choice. False: lab->err. */
bool unpack_lab_run(struct unpack_lab *lab, const struct buf *archive, int64_t max_bytes);
/* Nothing outside of root was made, changed or removed, and the error is one line. */
bool unpack_lab_is_unharmed(struct unpack_lab *lab);
/* Every name below root, one a line, in order: "etc/ 755", "etc/motd 644 hello", "lib -> usr/lib", "null c 1,3 666"; 'bin = 2' for a file with
 * two links. Owners and times only where asked for, with `what` "ot": "etc/motd 644 10:20 @1700000123.000000005 hello". */
const char *unpack_lab_list(struct unpack_lab *lab, const char *what);
