#include "applets/confirm.h"

#include <stdio.h>
#include <string.h>

#include "applets/cli.h"
#include "base/str.h"

bool confirm(const char *warning)
{
	char line[16] = "";

	cli_printf("%s\nAre you sure you want to continue? [y/N] ", warning);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return false;
	line[strcspn(line, "\r\n")] = '\0';
	return str_eq_nocase(line, "y") || str_eq_nocase(line, "yes");
}
