/* flags_rig.h - a line of flags, as the specification or body that it makes or as the error that it gives; on the heap. */
#pragma once

/* Words are separated by one blank. */
char *flags_rig_service_create(const char *line);
char *flags_rig_service_update(const char *spec, const char *line);
char *flags_rig_run(const char *line);
