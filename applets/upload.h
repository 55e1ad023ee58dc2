/* upload.h - what a descriptor holds goes up as the body of a request.
 */
#pragma once
#include "client/call.h"

/* what: "the tar", for errors. Success too when the server has answered before its end: what it has to say is in its reply. */
int upload_fd(struct http_client *client, int fd, const char *what, struct err *err);
