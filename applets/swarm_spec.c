#include "applets/spec_edit.h"
#include "applets/swarm_cmds.h"
#include "base/units.h"
#include "client/call.h"
#include "client/dig.h"

int swarm_post_spec(struct call *call, yyjson_val *swarm, yyjson_mut_doc *spec, const char *query, struct err *err)
{
	if (!yyjson_mut_doc_get_root(spec))
		yyjson_mut_doc_set_root(spec, yyjson_val_mut_copy(spec, dig(swarm, "Spec")));
	return call_post(call, spec, NULL, err, "/swarm/update?version=%lld%s",
			 (long long)dig_int(swarm, "Version.Index"), query);
}

int swarm_take_expiry(void *args, const struct option *option, const char *value, struct err *err)
{
	struct option_int *expiry = (void *)((char *)args + option->offset);

	expiry->given = true;
	return units_parse_duration(value, &expiry->value, err);
}

void swarm_spec_int(const struct option_int *value, const char *path, yyjson_mut_doc *spec)
{
	if (value->given)
		spec_set(spec, path, yyjson_mut_sint(spec, value->value));
}
