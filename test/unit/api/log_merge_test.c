#include <stdlib.h>

#include "api/log_merge.h"
#include "base/str.h"
#include "test/unit/runner.h"

static void forget(struct log_merge *stream)
{
	for (size_t i = 0; i < stream->source_count; i++) {
		free(stream->sources[i]->details);
		free(stream->sources[i]);
	}
	free(stream->sources);
}

TEST(log_merge_follows_more_containers_than_it_has_places_for_when_others_have_ended)
{
	struct log_merge stream = { 0 };
	struct log_source *source, *ended;
	struct err err = { 0 };

	for (size_t i = 0; i < LOG_SOURCES_MAX; i++) {
		source = log_source_new(&stream, &err);
		EXPECT(source != NULL);
		str_copy(source->node_id, sizeof source->node_id, "of another node");
	}
	EXPECT(log_source_new(&stream, &err) == NULL);
	EXPECT_STR(err.text, "logs: more than 4096 containers and nodes: ask for single tasks");

	ended = stream.sources[7];      /* a container here, whose reader is gone */
	ended->node_id[0] = 0;
	ended->details = str_dup("k=v");
	buf_add_str(&ended->held, "its last line");
	EXPECT(log_source_new(&stream, &err) == NULL);
	buf_fini(&ended->held);
	EXPECT(log_source_new(&stream, &err) == ended);
	EXPECT(ended->stream == &stream && !ended->details);
	EXPECT_INT(stream.source_count, LOG_SOURCES_MAX);
	forget(&stream);
}
