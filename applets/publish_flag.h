/* publish_flag.h - what stands behind --publish and --expose of `run` and `create`. Docker's grammar and words.
 *
 * Pure. A service's --publish is port_flag.h: the API has another form for it, and Docker other rules.
 */
#pragma once
#include <yyjson.h>

#include "base/err.h"

/* "[ip:][host:]container[/protocol]" with ranges, or published=,target=,protocol=: into ExposedPorts and HostConfig.PortBindings of doc. */
int publish_flag_parse(const char *text, yyjson_mut_doc *doc, struct err *err);
/* "80", "80-90/udp": into ExposedPorts. */
int publish_flag_parse_exposed(const char *text, yyjson_mut_doc *doc, struct err *err);
