#include "rpc/rpc_methods.h"

#include "test/unit/runner.h"

TEST(only_managers_may_speak_for_the_cluster)
{
	struct err err = { 0 };

	EXPECT_INT(rpc_method_check(RPC_RAFT, RPC_NOTED, RPC_MANAGER, &err), 0);
	EXPECT_INT(rpc_method_check(RPC_RAFT, RPC_NOTED, RPC_NODE, &err), -1);
	EXPECT_INT(err.code, ERR_DENIED);
	EXPECT_STR(err.text, "rpc: RAFT: only managers may");
	EXPECT_INT(rpc_method_check(RPC_VERB, RPC_CALLED, RPC_ANYONE, &err), -1);
	EXPECT_INT(rpc_method_check(RPC_OPEN, RPC_CALLED, RPC_NODE, &err), -1);
}

TEST(a_stranger_may_ask_for_a_certificate_and_nothing_else)
{
	struct err err = { 0 };

	for (unsigned method = 0; method <= UINT8_MAX; method++)
		if (rpc_method_check(method, RPC_CALLED, RPC_ANYONE, &err) == 0 || rpc_method_check(method, RPC_NOTED, RPC_ANYONE, &err) == 0)
			EXPECT_INT(method, RPC_ISSUE);
	EXPECT_INT(rpc_method_check(RPC_SESSION, RPC_CALLED, RPC_ANYONE, &err), -1);
	EXPECT_STR(err.text, "rpc: SESSION: a certificate of this cluster is needed");
	EXPECT_INT(rpc_method_check(RPC_SESSION, RPC_CALLED, RPC_NODE, &err), 0);
}

TEST(what_is_called_is_not_noted)
{
	struct err err = { 0 };

	EXPECT_INT(rpc_method_check(RPC_VERB, RPC_NOTED, RPC_MANAGER, &err), -1);
	EXPECT_INT(err.code, ERR_INVALID);
	EXPECT_STR(err.text, "rpc: VERB is called, not noted");
	EXPECT_INT(rpc_method_check(RPC_RAFT, RPC_CALLED, RPC_MANAGER, &err), -1);
	EXPECT_STR(err.text, "rpc: RAFT is noted, not called");
}

TEST(a_method_of_a_later_version_is_unsupported)
{
	struct err err = { 0 };

	EXPECT_INT(rpc_method_check(RPC_METHOD_MAX, RPC_CALLED, RPC_MANAGER, &err), -1);
	EXPECT_INT(err.code, ERR_UNSUPPORTED);
	EXPECT_INT(rpc_method_check(255, RPC_CALLED, RPC_MANAGER, &err), -1);
	EXPECT(rpc_method_name(0) == NULL && rpc_method_name(100000) == NULL);
	EXPECT_STR(rpc_method_name(RPC_ISSUE), "ISSUE");
}

TEST(frames_may_be_as_long_as_the_sender_is_trusted)
{
	EXPECT_INT(rpc_class_frame_bytes(RPC_ANYONE), 16 << 10);
	EXPECT_INT(rpc_class_frame_bytes(RPC_NODE), 64 << 10);
	EXPECT_INT(rpc_class_frame_bytes(RPC_MANAGER), 3 << 20);
}
