/* version.h - what this binary is. The Makefile tells one file, so that a new version recompiles one file. */
#pragma once

const char *version_text(void);         /* "0.1.0" */
const char *version_build(void);        /* the commit, 12 hex digits; "unknown" outside of git */
