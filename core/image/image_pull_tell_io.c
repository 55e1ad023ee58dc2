/* What those who wait for a pull are told, in the words of Docker's daemon: of the image, of each layer, and how it ended. */
#include <stdio.h>

#include "image/image_pull_own.h"

void pull_tell_line(struct pull *pull, const struct pull_line *line)
{
	LIST_EACH(item, &pull->tickets) {
		struct image_pull *ticket = CONTAINER_OF(item, struct image_pull, link);

		if (ticket->has_heard && ticket->events.on_line)
			ticket->events.on_line(ticket->arg, line);
	}
}

struct pull_line pull_first_line(const struct pull *pull)
{
	return (struct pull_line){ .status = pull->from, .id = pull->asked };
}

/* What somebody hears who comes when it is already under way. */
void pull_hello(void *arg)
{
	struct image_pull *ticket = arg;
	struct pull *pull = ticket->pull;
	struct pull_line first = pull_first_line(pull);

	ticket->has_heard = true;
	if (ticket->events.on_source && pull->source)
		ticket->events.on_source(ticket->arg, pull->source);
	if (!ticket->events.on_line || !pull->top[0])
		return;
	ticket->events.on_line(ticket->arg, &first);
	for (size_t i = 0; i < pull->layer_count; i++)
		if (pull->layers[i].line.status)
			ticket->events.on_line(ticket->arg, &pull->layers[i].line);
}

void pull_tell_layer(struct pull *pull, size_t number, struct pull_line line)
{
	struct pull_layer *layer = &pull->layers[number];

	line.id = layer->id;
	line.has_detail = true;
	layer->line = line;
	pull_tell_line(pull, &line);
}

void pull_tell_status(struct pull *pull, size_t number, const char *status)
{
	pull_tell_layer(pull, number, (struct pull_line){ .status = status });
}

void pull_tell_result(struct pull *pull, bool is_fresh)
{
	char text[IMAGE_REF_TEXT_SIZE + 64], name[IMAGE_REF_TEXT_SIZE];

	snprintf(text, sizeof(text), "Digest: sha256:%s", pull->top);
	pull_tell_line(pull, &(struct pull_line){ .status = text });
	snprintf(text, sizeof(text), "Status: %s for %s", is_fresh ? "Image is up to date" : "Downloaded newer image",
		 pull->tag[0] ? pull->tag : image_ref_format_familiar(&pull->request.ref, name));
	pull_tell_line(pull, &(struct pull_line){ .status = text });
}

void pull_tell_source(const struct pull *pull)
{
	LIST_EACH(item, &pull->tickets) {
		struct image_pull *ticket = CONTAINER_OF(item, struct image_pull, link);

		if (ticket->has_heard && ticket->events.on_source)
			ticket->events.on_source(ticket->arg, pull->source);
	}
}
