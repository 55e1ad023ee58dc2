/* port_flag.h - what stands behind --publish: "8080:80/udp", "8000-8002:80-82",
 * "published=8080,target=80,mode=host".
 *
 * Pure. Adds objects as Docker's API wants them to an array: Protocol, TargetPort, PublishedPort,
 * PublishMode.
 */
#pragma once
#include <yyjson.h>

#include "base/err.h"

int port_flag_parse(const char *text, yyjson_mut_doc *doc, yyjson_mut_val *array, struct err *err);
/* "80", "80/udp": the target that --publish-rm names. Also "8080:80". */
int port_flag_parse_target(const char *text, unsigned *ret_port, const char **ret_protocol,
			   struct err *err);
