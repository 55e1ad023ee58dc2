#include "model/service.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/json.h"
#include "test/unit/runner.h"

/* Every member that a spec may have, as Docker prints them. */
static const char whole[] =
	"{\"Name\":\"web\",\"Labels\":{\"a\":\"b\"},\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"nginx:latest\",\"Labels\":{\"c\":\"d\"},"
	"\"Command\":[\"/entry\"],\"Args\":[\"-v\"],\"Hostname\":\"h\",\"Env\":[\"A=1\"],\"Dir\":\"/srv\",\"User\":\"1:2\",\"Groups\":[\"audio\"],"
	"\"Privileges\":{\"Seccomp\":{\"Mode\":\"unconfined\"},\"AppArmor\":{\"Mode\":\"disabled\"},\"NoNewPrivileges\":true},\"Init\":true,"
	"\"StopSignal\":\"INT\",\"TTY\":true,\"OpenStdin\":true,\"ReadOnly\":true,"
	"\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/a\",\"Target\":\"/b\",\"ReadOnly\":true,\"Consistency\":\"cached\",\"BindOptions\":{"
	"\"Propagation\":\"rslave\",\"NonRecursive\":true,\"CreateMountpoint\":true,\"ReadOnlyNonRecursive\":true,"
	"\"ReadOnlyForceRecursive\":true}},{\"Type\":\"volume\",\"Source\":\"v\",\"Target\":\"/v\",\"VolumeOptions\":{\"NoCopy\":true,"
	"\"Labels\":{\"e\":\"f\"},\"Subpath\":\"x/y\",\"DriverConfig\":{\"Name\":\"local\",\"Options\":{\"type\":\"tmpfs\"}}}},"
	"{\"Type\":\"tmpfs\",\"Target\":\"/t\",\"TmpfsOptions\":{\"SizeBytes\":4096,\"Mode\":511}}],\"StopGracePeriod\":5000000000,"
	"\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"true\"],\"Interval\":1000000000,\"Timeout\":2000000000,\"StartPeriod\":3000000000,"
	"\"StartInterval\":4000000000,\"Retries\":5},\"Hosts\":[\"10.0.0.1 db\"],\"DNSConfig\":{\"Nameservers\":[\"1.1.1.1\"],"
	"\"Search\":[\"lan\"],\"Options\":[\"ndots:2\"]},\"Isolation\":\"process\",\"Sysctls\":{\"net.core.somaxconn\":\"7\"},"
	"\"CapabilityAdd\":[\"CAP_KILL\"],\"CapabilityDrop\":[\"ALL\"],\"Ulimits\":[{\"Name\":\"nofile\",\"Hard\":20,\"Soft\":10}],"
	"\"OomScoreAdj\":-5},\"Resources\":{\"Limits\":{\"NanoCPUs\":1,\"MemoryBytes\":2,\"Pids\":3},\"Reservations\":{\"NanoCPUs\":4,"
	"\"MemoryBytes\":5}},\"RestartPolicy\":{\"Condition\":\"any\",\"Delay\":1,\"MaxAttempts\":2,\"Window\":3},\"Placement\":{"
	"\"Constraints\":[\"node.role==manager\"],\"MaxReplicas\":2,\"Platforms\":[{\"Architecture\":\"amd64\",\"OS\":\"linux\"}]},"
	"\"Networks\":[{\"Target\":\"host\",\"Aliases\":[\"al\"],\"DriverOpts\":{\"o\":\"p\"}}],\"LogDriver\":{\"Name\":\"json-file\","
	"\"Options\":{\"max-size\":\"1m\"}},\"ForceUpdate\":2,\"Runtime\":\"container\"},\"Mode\":{\"Replicated\":{\"Replicas\":3}},"
	"\"UpdateConfig\":{\"Parallelism\":1,\"Delay\":2,\"FailureAction\":\"pause\",\"Monitor\":3,\"MaxFailureRatio\":0,"
	"\"Order\":\"stop-first\"},\"RollbackConfig\":{\"Parallelism\":1,\"MaxFailureRatio\":0,\"Order\":\"start-first\"},"
	"\"EndpointSpec\":{\"Mode\":\"vip\",\"Ports\":[{\"Name\":\"n\",\"Protocol\":\"udp\",\"TargetPort\":80,\"PublishedPort\":81,"
	"\"PublishMode\":\"host\"}]}}";

static void read_whole(struct arena *arena, struct service_spec *ret)
{
	yyjson_doc *doc = yyjson_read(whole, sizeof whole - 1, 0);
	struct err err = { 0 };

	EXPECT(doc);
	EXPECT_INT(shape_from_json(&service_spec_shape, yyjson_doc_get_root(doc), arena, ret, &err), 0);
	EXPECT_STR(err.text, "");
	yyjson_doc_free(doc);
}

TEST(a_spec_with_every_member_is_printed_as_it_was_read)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct service_spec spec;
	struct arena arena;

	arena_init(&arena, "test", 1 << 20);
	read_whole(&arena, &spec);
	json_write(doc, shape_to_json(&service_spec_shape, &spec, doc), 0, &text);
	EXPECT_STR(buf_text(&text), whole);
	arena_fini(&arena);
}

TEST(a_spec_with_every_member_survives_its_stored_form)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct service_spec spec, again;
	struct arena arena;
	struct err err = { 0 };

	arena_init(&arena, "test", 1 << 20);
	read_whole(&arena, &spec);
	shape_encode(&service_spec_shape, &spec, &bytes);
	EXPECT_INT(shape_decode(&service_spec_shape, reader_of(bytes.data, bytes.len), &arena, &again, &err), 0);
	EXPECT_STR(err.text, "");
	EXPECT(shape_equal(&service_spec_shape, &spec, &again));
	arena_fini(&arena);
}

TEST(a_specs_credentials_are_kept_and_never_told)
{
	static const char json[] = "{\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"x\",\"RegistryAuth\":\"forged\"}}}";
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT, text = BUF_INIT;
	yyjson_mut_doc *out = yyjson_mut_doc_new(NULL);
	yyjson_doc *doc = yyjson_read(json, sizeof json - 1, 0);
	struct service_spec spec, again;
	struct arena arena;
	struct err err = { 0 };

	arena_init(&arena, "test", 1 << 20);
	EXPECT_INT(shape_from_json(&service_spec_shape, yyjson_doc_get_root(doc), &arena, &spec, &err), 0);
	EXPECT(!spec.task.container.registry_auth);
	again = spec;
	spec.task.container.registry_auth = arena_strdup(&arena, "c2VjcmV0");
	EXPECT(service_template_changed(&again, &spec));        /* what waits for its image tries again */
	shape_encode(&service_spec_shape, &spec, &bytes);
	EXPECT_INT(shape_decode(&service_spec_shape, reader_of(bytes.data, bytes.len), &arena, &again, &err), 0);
	EXPECT_STR(again.task.container.registry_auth, "c2VjcmV0");
	json_write(out, shape_to_json(&service_spec_shape, &spec, out), 0, &text);
	EXPECT(!strstr(buf_text(&text), "c2VjcmV0"));
	EXPECT(!strstr(buf_text(&text), "RegistryAuth"));
	yyjson_doc_free(doc);
	arena_fini(&arena);
}

static void expect_own_numbers(const struct shape *shape)
{
	for (size_t i = 0; i < shape->count; i++) {
		const struct field *field = &shape->fields[i];

		EXPECT(field->type == FIELD_REFUSED || (field->number >= 1 && field->number <= 63));
		for (size_t other = 0; other < i && field->type != FIELD_REFUSED; other++)
			EXPECT(shape->fields[other].number != field->number);
		if (field->shape)
			expect_own_numbers(field->shape);
	}
}

TEST(every_field_of_a_spec_has_a_number_of_its_own)
{
	expect_own_numbers(&service_spec_shape);
	expect_own_numbers(&service_shape);
}
