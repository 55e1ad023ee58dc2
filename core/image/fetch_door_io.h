/* fetch_door_io.h - the door between the child that fetches and the agent: the child, which cannot connect to nodes itself, asks for one by its
 * number and is handed a connected stream.
 *
 * One question at a time, and the child waits for the answer, however long that takes; it has nothing else to do. A child that asks out of turn waits
 * for its turn.
 */
#pragma once
#include "base/err.h"
#include "os/loop.h"

#define FETCH_DOOR_FD 3                 /* in the child */

/* The child's side: a stream, or -1 and why not. */
int fetch_door_ask(int door_fd, uint8_t number, struct err *err);

struct fetch_door;
/* fetch_door_answer is owed, now or later. */
typedef void fetch_door_fn(void *arg, uint8_t number);
/* *ret_child_fd: for the child, the caller's. */
int fetch_door_new(struct loop *loop, fetch_door_fn *fn, void *arg, struct fetch_door **ret, int *ret_child_fd, struct err *err);
void fetch_door_answer(struct fetch_door *door, int fd, const struct err *err);  /* takes fd; err when it is -1 */
void fetch_door_free(struct fetch_door *door);          /* NULL is welcome; the child is told that nobody is there */
