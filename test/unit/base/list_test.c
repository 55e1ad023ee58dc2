#include "base/list.h"
#include "test/unit/runner.h"

struct thing { int number; struct list node; };

TEST(list_keeps_order_and_forgives_a_second_removal)
{
	struct thing things[4] = { { 0 } };
	struct list head;
	int sum = 0;

	list_init(&head);
	EXPECT(list_is_empty(&head));
	for (int i = 0; i < 4; i++) {
		things[i].number = i;
		list_add_last(&head, &things[i].node);
	}
	list_remove(&things[1].node);
	list_remove(&things[1].node);
	LIST_EACH(item, &head)
		sum = sum * 10 + CONTAINER_OF(item, struct thing, node)->number;
	EXPECT_INT(sum, 23);
	LIST_EACH(item, &head)
		list_remove(item);
	EXPECT(list_is_empty(&head));
}
