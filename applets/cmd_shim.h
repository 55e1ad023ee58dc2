/* cmd_shim.h - the agent's child that is the parent of one container; nothing for people. See
 * runtime/shim.h. */
#pragma once

/* `swarmbox shim DIR`: main calls it before anything else is set up. Returns the exit status. */
int cmd_shim(int argc, char **argv);
