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

int swarm_spec_expiry(const char *text, const char *path, yyjson_mut_doc *spec, struct err *err)
{
	nsec expiry;

	if (!text)
		return 0;
	if (units_parse_duration(text, &expiry, err) < 0)
		return err_wrap(err, "invalid argument \"%s\" for \"--cert-expiry\" flag", text);
	spec_set_uint(spec, path, (uint64_t)MAX(expiry, 0));
	return 0;
}
