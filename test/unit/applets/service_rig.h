/* service_rig.h - a line of flags, as the specification that it makes or as the error that it gives; on the heap. */
#pragma once

/* Words are separated by one blank. */
char *service_rig_create(const char *line);
char *service_rig_update(const char *spec, const char *line);
