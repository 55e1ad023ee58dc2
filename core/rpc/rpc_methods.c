#include "rpc/rpc_methods.h"

#include "base/version.h"

struct method { const char *name; uint8_t class, manner; };
static const struct method methods[RPC_METHOD_MAX + 1] = {
#define ROW(name, number, class, manner) [number] = { #name, (class), (manner) },
	RPC_METHODS(ROW)
#undef ROW
};

uint32_t rpc_class_frame_bytes(enum rpc_class class)
{
	static const uint32_t bytes[] = { RPC_ANYONE_FRAME_BYTES, RPC_NODE_FRAME_BYTES, RPC_MANAGER_FRAME_BYTES };

	return bytes[class];
}

const char *rpc_method_name(unsigned method)
{
	return method <= RPC_METHOD_MAX ? methods[method].name : NULL;
}

int rpc_method_check(unsigned method, enum rpc_manner manner, enum rpc_class peer, struct err *err)
{
	static const char *const needed[] = { "", "a certificate of this cluster is needed", "only managers may" };

	if (!rpc_method_name(method))
		return err_set(err, ERR_UNSUPPORTED, "rpc: method %u is not known to swarmbox %s", method, version_text());
	const struct method *m = &methods[method];
	if (peer < m->class)
		return err_set(err, ERR_DENIED, "rpc: %s: %s", m->name, needed[m->class]);
	if (manner != m->manner)
		return err_set(err, ERR_INVALID, "rpc: %s is %s", m->name, m->manner == RPC_CALLED ? "called, not noted" : "noted, not called");
	return 0;
}
