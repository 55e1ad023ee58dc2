#include "applets/registry_login.h"

#include "applets/cli.h"
#include "client/call.h"
#include "client/credentials.h"
#include "model/image_ref.h"

int registry_login_find(const char *image, struct buf *ret_header, struct err *err)
{
	CLEANUP(str_freep) char *helper = NULL;
	struct registry_auth auth;
	struct image_ref ref;

	if (image_ref_parse(image, &ref, err) < 0 || credentials_load(ref.domain, &auth, &helper, err) < 0)
		return -1;
	if (registry_auth_is_empty(&auth) && !str_is_empty(helper))
		cli_warn("config.json leaves the password of %s to the credential helper '%s', which is not supported by swarmbox yet",
			 ref.domain, helper);
	registry_auth_encode(&auth, ret_header);
	registry_auth_fini(&auth);
	return 0;
}

int registry_login_attach(struct call *call, const char *image, struct err *err)
{
	CLEANUP(buf_finip) struct buf header = BUF_INIT;

	if (registry_login_find(image, &header, err) < 0)
		return -1;
	call_set_header(call, "X-Registry-Auth", buf_text(&header));
	return 0;
}
