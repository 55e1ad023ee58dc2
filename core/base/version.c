#include "base/version.h"

const char *version_text(void)
{
	return SWARMBOX_VERSION;
}

const char *version_build(void)
{
	return SWARMBOX_BUILD;
}
