/* fetch_child_io.h - the whole work of the child that speaks to registries: one job in, events out (fetch_job.h).
 *
 * Started by the agent as `swarmbox fetch [DIR]` with a socket as descriptors 0 and 1, and, when nodes of the swarm are asked instead, a door as descriptor
 * FETCH_DOOR_FD (fetch_door_io.h). It reads the job and the certificates it will need, gives up
 * everything else (fetch_confine_io.h), and only then sends its first packet to a registry. Blobs, manifest and config come to lie in DIR under
 * their digests in hex; what is unfinished is in DIR/part. When the socket closes, it ends.
 */
#pragma once

int fetch_child_main(const char *dir);           /* NULL: for work that writes no files. Returns the exit code */
