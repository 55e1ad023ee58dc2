#include "base/random_name.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const adjectives[] = {
	"amber", "ample", "apt", "bold", "brave", "brisk", "calm", "civil", "clear", "clever", "crisp", "deft", "eager", "early",
	"even", "fair", "firm", "fleet", "fond", "frank", "free", "fresh", "glad", "grand", "hale", "handy", "hardy", "honest",
	"humble", "jolly", "keen", "kind", "lively", "loyal", "lucid", "mellow", "merry", "mild", "neat", "nimble", "noble", "open",
	"patient", "placid", "plain", "proud", "quick", "quiet", "rapid", "ready", "robust", "serene", "sharp", "silent", "sincere",
	"sober", "solid", "steady", "stout", "sunny", "swift", "tidy", "true", "upright", "vivid", "warm", "wise", "witty",
};
static const char *const nouns[] = {
	"alder", "anchor", "arch", "badger", "barge", "bay", "beacon", "beech", "birch", "bison", "brook", "cairn", "canal", "cedar",
	"cliff", "comet", "coral", "crane", "creek", "delta", "dune", "eagle", "ember", "falcon", "fern", "finch", "fjord", "forge",
	"glade", "grove", "harbor", "hawk", "hazel", "heron", "hill", "island", "jetty", "kestrel", "lake", "lantern", "larch", "ledge",
	"linden", "lynx", "maple", "marsh", "meadow", "mesa", "mill", "moor", "oak", "orbit", "otter", "pebble", "pine", "prairie",
	"quarry", "raven", "reef", "ridge", "river", "robin", "rowan", "sail", "spruce", "summit", "thicket", "tide", "valley", "willow",
};

void random_name(struct rng *rng, unsigned attempt, char ret_name[RANDOM_NAME_SIZE])
{
	const char *adjective = adjectives[rng_below(rng, ARRAY_COUNT(adjectives))];
	const char *noun = nouns[rng_below(rng, ARRAY_COUNT(nouns))];

	if (attempt == 0)
		snprintf(ret_name, RANDOM_NAME_SIZE, "%s_%s", adjective, noun);
	else
		snprintf(ret_name, RANDOM_NAME_SIZE, "%s_%s%" PRIu64, adjective, noun, rng_below(rng, 100000));
}
