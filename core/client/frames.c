#include "client/frames.h"

#include <string.h>

static int read_head(struct frames *frames, struct err *err)
{
	const unsigned char *head = frames->head;

	if (head[0] > FRAMES_ERROR || head[1] || head[2] || head[3])
		return err_set(err, ERR_IO, "Unrecognized input header: %d", head[0]);
	frames->left = (size_t)head[4] << 24 | (size_t)head[5] << 16 | (size_t)head[6] << 8 | head[7];
	if (frames->left == 0)
		frames->head_length = 0;
	return 0;
}

int frames_take(struct frames *frames, const char *bytes, size_t count, frames_fn *fn, void *arg, struct err *err)
{
	while (count > 0) {
		size_t some;

		if (frames->head_length < sizeof frames->head) {
			some = MIN(sizeof frames->head - frames->head_length, count);
			memcpy(frames->head + frames->head_length, bytes, some);
			frames->head_length += some;
			if (frames->head_length == sizeof frames->head && read_head(frames, err) < 0)
				return -1;
		} else {
			some = MIN(frames->left, count);
			if (fn(arg, frames->head[0], bytes, some, err) < 0)
				return -1;
			frames->left -= some;
			if (frames->left == 0)
				frames->head_length = 0;
		}
		bytes += some;
		count -= some;
	}
	return 0;
}

bool frames_is_between(const struct frames *frames)
{
	return frames->head_length == 0;
}
