/* random_name.h - a name for a service whose creator gave none: adjective_noun, as Docker's users know them. */
#pragma once
#include "base/rng.h"

#define RANDOM_NAME_SIZE 64
/* attempt > 0 puts a number behind, for when the plain name is taken. */
void random_name(struct rng *rng, unsigned attempt, char ret_name[RANDOM_NAME_SIZE]);
