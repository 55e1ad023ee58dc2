#include "client/columns.h"

#include "test/unit/runner.h"

static const struct column columns[] = {
	{ "ID", "ID" }, { "Image", "IMAGE" }, { "Name", "NAME" }, { NULL, NULL },
};

static struct columns *two_rows(void)
{
	struct columns *made = columns_new(columns, "{{.ID}}\t{{.Name}}\t{{.Image}}");

	columns_add_row(made);
	columns_put(made, "ID", "x1");
	columns_put(made, "Name", "a long name with ä");
	columns_put(made, "Image", "img");
	columns_add_row(made);
	columns_putf(made, "ID", "%s%d", "x", 2);
	columns_put(made, "Name", "b");
	return made;
}

static void expect(const char *format, const char *want)
{
	CLEANUP(columns_freep) struct columns *made = two_rows();
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct err err = {0};

	EXPECT_INT(columns_print(made, format, &out, &err), 0);
	EXPECT_STR(err.text, "");
	EXPECT_STR(buf_text(&out), want);
}

TEST(columns_are_laid_out_as_dockers)
{
	static const char want[] = "ID        NAME                 IMAGE\n"
				   "x1        a long name with ä   img\n"
				   "x2        b                    \n";

	expect(NULL, want);
	expect("", want);
	expect("table", want);
	expect("table {{.ID}}\\t{{.Name}}", "ID        NAME\nx1        a long name with ä\nx2        b\n");
}

TEST(columns_print_json_and_templates_a_line_each)
{
	expect("json", "{\"ID\":\"x1\",\"Image\":\"img\",\"Name\":\"a long name with ä\"}\n"
		       "{\"ID\":\"x2\",\"Image\":\"\",\"Name\":\"b\"}\n");
	expect("{{.Name}}: {{.ID}}", "a long name with ä: x1\nb: x2\n");
	expect("{{.ID}}\\n", "x1\n\nx2\n\n");
}

TEST(columns_refuse_a_column_that_is_none)
{
	CLEANUP(columns_freep) struct columns *made = two_rows();
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct err err = {0};

	EXPECT_INT(columns_print(made, "{{.Age}}", &out, &err), -1);
	EXPECT_STR(err.text, "template parsing error: template: :1:2: executing \"\" at <.Age>: can't evaluate field Age");
}

TEST(columns_print_one_of_them)
{
	CLEANUP(columns_freep) struct columns *made = two_rows();
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	columns_print_one(made, "ID", &out);
	EXPECT_STR(buf_text(&out), "x1\nx2\n");
	EXPECT_INT((long long)columns_count(made), 2);
}
