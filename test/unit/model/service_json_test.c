/* Wrong words in a service's JSON, answered in Docker's. */
#include <string.h>
#include <yyjson.h>

#include "model/node_info.h"
#include "model/service.h"
#include "test/unit/runner.h"

static const char *refusal_of(const struct shape *shape, const char *json)
{
	static struct err err;
	static char spec[8192];
	struct arena arena;
	yyjson_doc *doc = yyjson_read(json, strlen(json), 0);

	EXPECT(shape->size <= sizeof spec);
	arena_init(&arena, "test", 1 << 20);
	int rc = shape_from_json(shape, yyjson_doc_get_root(doc), &arena, spec, &err);
	arena_fini(&arena);
	yyjson_doc_free(doc);
	return rc < 0 ? err.text : NULL;
}

TEST(a_wrong_word_is_refused_in_dockers_words)
{
	const struct shape *service = &service_spec_shape, *node = &node_spec_shape;

	EXPECT_STR(refusal_of(service, "{\"TaskTemplate\":{\"ContainerSpec\":{\"Mounts\":[{\"Type\":\"x\"}]}}}"), "invalid MountType: \"x\"");
	EXPECT_STR(refusal_of(service, "{\"TaskTemplate\":{\"ContainerSpec\":{\"Mounts\":[{\"BindOptions\":{\"Propagation\":\"x\"}}]}}}"),
		   "invalid MountPropagation: \"x\"");
	EXPECT_STR(refusal_of(service, "{\"TaskTemplate\":{\"RestartPolicy\":{\"Condition\":\"x\"}}}"), "invalid RestartCondition: \"x\"");
	EXPECT_STR(refusal_of(service, "{\"UpdateConfig\":{\"Order\":\"x\"}}"), "unrecognized update order x");
	EXPECT_STR(refusal_of(service, "{\"RollbackConfig\":{\"FailureAction\":\"x\"}}"), "unrecognized update failure action x");
	EXPECT_STR(refusal_of(node, "{\"Role\":\"x\"}"), "invalid Role: \"x\"");
	EXPECT_STR(refusal_of(node, "{\"Availability\":\"x\"}"), "invalid Availability: \"x\"");
	EXPECT_STR(refusal_of(node, "{\"Availability\":\"pause\"}"), NULL);
}

TEST(a_negative_time_is_refused_in_dockers_words)
{
	EXPECT_STR(refusal_of(&service_spec_shape, "{\"TaskTemplate\":{\"RestartPolicy\":{\"Delay\":-1}}}"),
		   "rpc error: code = InvalidArgument desc = TaskSpec: restart-delay cannot be negative");
	EXPECT_STR(refusal_of(&service_spec_shape, "{\"TaskTemplate\":{\"RestartPolicy\":{\"Window\":-1}}}"),
		   "rpc error: code = InvalidArgument desc = TaskSpec: restart-window cannot be negative");
	EXPECT_STR(refusal_of(&service_spec_shape, "{\"TaskTemplate\":{\"RestartPolicy\":{\"Delay\":\"soon\"}}}"),
		   "invalid JSON: TaskTemplate.RestartPolicy.Delay must be a whole number of at least 0");
}
